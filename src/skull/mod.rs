//! HU → bone, and the head's own frame.

pub mod atlas;
mod find;
mod head_maps;
pub(crate) mod map;
mod mean_vault;
mod occupancy;
mod pose;
mod rays;
mod sample;
mod segment;
mod shipped;
mod starts;

pub(crate) use find::found_without;
pub(crate) use head_maps::THICKNESS_MM;
pub use head_maps::{HeadMap, HeadMaps, SAME_HEAD_MM};
pub(crate) use mean_vault::SIZE as VAULT_SIZE;
pub use mean_vault::{MeanVault, VaultError};
pub(crate) use rays::even_directions;
pub use shipped::{InUse, Shipped};

use crate::geometry::{Cancelled, HeadFrame, Progress, Volume};
use crate::parameter::{ParameterKind, ParameterSpec, Parameters};
use crate::scan::{Finding, Scan};
use nalgebra::{Point3, Vector3};
use std::sync::Arc;

/// Parameters of the skull step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Bone is at or above this CT number, HU.
    pub threshold_hu: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { threshold_hu: 300.0 }
    }
}

impl Parameters for Params {
    const SPECS: &'static [ParameterSpec] = &[ParameterSpec {
        name: "threshold_hu",
        label: "Bone threshold",
        unit: "HU",
        kind: ParameterKind::Number { min: 50.0, max: 2000.0, step: 10.0 },
        help: "Voxels at or above this CT number are bone. 300 is the value of published cranioplasty networks, 226 InVesalius' preset for adult bone.",
    }];
}

/// The skull: an intensity volume whose isosurface is the bone's surface, and where the head is.
#[derive(Clone, Debug)]
pub struct Skull {
    /// Scan voxels with everything that is not this skull (head rest, islands, air-side noise) pressed below `iso`.
    /// A mask is held as 0 and 1000 with `iso` 500.
    pub intensity: Arc<Volume<i16>>,
    /// For a mask: share of bone (0 to 200, the surface at 100) in cells of near 0.9 mm, which rays see instead of
    /// the mask's stairs. `None` for HU.
    pub smooth: Option<Arc<Volume<u8>>>,
    /// The bone's surface is where `intensity` equals this value.
    pub iso: f32,
    /// Head frame: midsagittal plane x = 0, x left, y back, z up, origin in the middle of the vault.
    pub frame: HeadFrame,
    /// Head size against the mean head along the head axes (left, back, up): mean-frame = diag(scales)·head.
    pub scales: Vector3<f64>,
    /// Share of outer-surface points that fit the mean vault, 0..1; below 0.75 the frame is unsure.
    pub inlier_share: f64,
    /// Median distance of those points to the mean vault, mm.
    pub residual_mm: f64,
    /// Loose pieces dropped, and kept.
    pub pieces: Vec<Finding>,
    /// An unsure pose, a head unlike the atlas', a vault beyond the scan.
    pub findings: Vec<Finding>,
}

/// Where a ray from the head's centre meets bone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// First entry into bone, mm from the centre (inner table); NaN when there is no bone.
    pub inner_mm: f32,
    /// Last exit of the chain of bone with gaps of at most 8 mm (outer table), mm from the centre; NaN when none.
    pub outer_mm: f32,
    /// Largest intensity along the ray between 25 and 150 mm (thin bone shows here below the threshold).
    pub peak: f32,
}

/// Why no skull was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing above the threshold, or far too little for a head.
    #[error(
        "no bone: only {found_cm3:.1} cm³ lie above {threshold_hu} HU; lower skull.threshold_hu or choose a head CT"
    )]
    NoBone { found_cm3: f64, threshold_hu: f64 },
    /// A mask of nothing, or of far too little for a head.
    #[error("no head: the mask holds only {found_cm3:.1} cm³ of bone; choose the mask of a whole skull")]
    SmallMask { found_cm3: f64 },
    /// Bone, but not a head.
    #[error("this does not look like a head: {0}")]
    NotAHead(String),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Finds bone, drops head rest and other islands, and finds the head's frame.
pub fn segment(scan: &Scan, params: &Params, progress: &Progress) -> Result<Skull, Error> {
    segment::segment(scan, params, progress)
}

impl Skull {
    /// 1 where the voxel centre is bone, on the scan's grid.
    pub fn mask(&self) -> Volume<u8> {
        self.intensity.map(|v| u8::from(f32::from(v) >= self.iso))
    }

    /// LPS point at `radius_mm` from the centre along a direction of the head frame.
    pub fn point_at(&self, direction: &Vector3<f64>, radius_mm: f64) -> Point3<f64> {
        self.frame.point_from_head(&(direction * radius_mm))
    }
}
