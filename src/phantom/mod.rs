//! Head and chest phantoms with known truth, and holes cut into real heads.
//!
//! Everything here is our own: shapes by signed distance, a generator of our own, no data file. A seed names a
//! head for good; sizes stay within those of adults, and no two seeds have the same skull.

mod anatomy;
mod chest;
mod cut;
mod cutter;
mod disturb;
mod fragments;
mod head;
mod inject;
mod inject_clean;
mod inject_list;
mod inject_shape;
mod inject_vault;
mod model;
mod partial;
mod random;
mod region;
mod resample;
mod shape;
mod sites;
mod vault;

#[cfg(test)]
mod tests;

pub use chest::chest;
pub use cut::{CutError, Hole, Removed, cut_mask, cut_scan};
pub use cutter::{Cutter, CutterAt};
pub use disturb::{DisturbError, Disturbance, Disturbed, disturb};
pub use head::head;
pub use inject::{InjectError, InjectKind, InjectParams, Injected, InjectedCut, inject, protocol_b};
pub use inject_list::{ListError, ListRow, Place, columns, parse_list, sha256};
pub use region::{Outline, region_direction, region_names};

use crate::geometry::{Cancelled, HeadFrame, Volume};
use std::str::FromStr;

/// What head to make.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadParams {
    /// Names the head: shape, pose, thickness, noise and the outlines of its holes.
    pub seed: u64,
    /// Holes to cut.
    pub defects: Vec<DefectCut>,
    /// Voxel size along all axes, mm (0.25 to 4).
    pub spacing_mm: f64,
    /// Voxels along x, y, z; `None` for the whole head (200×240×224 at 1 mm). The vault's middle stays at the
    /// same share of the field of view.
    pub size: Option<[usize; 3]>,
    /// Standard deviation of the noise, HU.
    pub noise_hu: f64,
}

impl Default for HeadParams {
    fn default() -> Self {
        Self { seed: 1, defects: Vec::new(), spacing_mm: 1.0, size: None, noise_hu: 18.0 }
    }
}

impl HeadParams {
    /// The whole head in 128³ voxels of 1.9 mm: small enough for tests of the surface and the GPU.
    pub fn small(seed: u64) -> Self {
        Self { seed, spacing_mm: 1.9, size: Some([128; 3]), ..Self::default() }
    }

    /// The same head with one more hole.
    pub fn with_defect(mut self, region: &str, area_cm2: f64) -> Self {
        self.defects.push(DefectCut::new(region, area_cm2));
        self
    }
}

/// A hole to cut into the vault.
#[derive(Clone, Debug, PartialEq)]
pub struct DefectCut {
    /// One of [`region_names`], for example `right-frontal`.
    pub region: String,
    /// Area of the outer surface to remove, cm² (0.5 to 150).
    pub area_cm2: f64,
    /// What it looks like from outside.
    pub outline: Outline,
}

impl DefectCut {
    /// An irregular hole.
    pub fn new(region: &str, area_cm2: f64) -> Self {
        Self { region: region.to_owned(), area_cm2, outline: Outline::Irregular }
    }
}

/// Reads `REGION,CM2` or `REGION,CM2,OUTLINE`, as `right-frontal,40` or `left-parietal,60,oval`.
impl FromStr for DefectCut {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Text(text.to_owned());
        let mut parts = text.split(',').map(str::trim);
        let region = parts.next().filter(|r| !r.is_empty()).ok_or_else(wrong)?;
        region_direction(region)?;
        let area_cm2: f64 = parts.next().and_then(|a| a.parse().ok()).ok_or_else(wrong)?;
        let outline = match parts.next() {
            None => Outline::Irregular,
            Some(word) => serde_json::from_value(serde_json::Value::from(word.to_lowercase())).map_err(|_| wrong())?,
        };
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { region: region.to_owned(), area_cm2, outline })
    }
}

/// A phantom with its truth.
#[derive(Clone, Debug)]
pub struct Phantom {
    /// CT numbers with noise and head rest, holes cut, on an axis-aligned LPS grid.
    pub scan: Volume<i16>,
    /// 1 where the whole head, before the holes, without noise and head rest, is at or above 300 HU.
    pub complete: Volume<u8>,
    /// 1 where a hole took bone of `complete`; one mask a defect, in the order asked for.
    pub implants: Vec<Volume<u8>>,
    /// What was cut, in the order asked for.
    pub defects: Vec<Truth>,
    /// Where the head is: the midsagittal plane is x = 0, the origin about 75 mm below the vertex. z is up as of an
    /// average skull laid level on its base; another convention may pitch differently about x.
    pub frame: HeadFrame,
}

impl Phantom {
    /// The bone that is left: `complete` without the implants.
    pub fn defective(&self) -> Volume<u8> {
        let mut left = self.complete.clone();
        for implant in &self.implants {
            left.data.iter_mut().zip(&implant.data).for_each(|(l, &i)| *l &= 1 - i);
        }
        left
    }
}

/// What is exactly known about a hole.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The region asked for.
    pub region: String,
    /// Area of the removed outer surface (its true surface, not voxels), cm².
    pub area_cm2: f64,
    /// The hole's edge on the outer surface: a closed curve of 180 LPS points, mm, the first not repeated.
    pub rim_mm: Vec<[f64; 3]>,
    /// The hole's middle on the outer surface, LPS mm.
    pub centre_mm: [f64; 3],
    /// Outward normal of the outer surface there, LPS.
    pub axis: [f64; 3],
    /// Thickness of the removed bone there, mm.
    pub thickness_mm: f64,
}

/// Why no phantom was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a place of the vault.
    #[error("no hole can be cut at \"{name}\"; choose one of {known}")]
    Region { name: String, known: String },
    /// Too small or too large to cut.
    #[error("a hole of {area_cm2} cm² at {region} cannot be cut; choose 0.5 to 150 cm²")]
    Area { region: String, area_cm2: f64 },
    /// Not `REGION,CM2`.
    #[error(
        "\"{0}\" is not a hole; write REGION,CM2 or REGION,CM2,OUTLINE, as right-frontal,40 or left-parietal,60,oval"
    )]
    Text(String),
    /// More holes than a head has room for.
    #[error("{0} holes are too many; at most 100")]
    TooMany(usize),
    /// Spacing or size out of range.
    #[error("no such grid: {0}")]
    Grid(String),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
