//! Where the vault is open that should be closed: the hole, its rim, its name.

mod cut;
mod describe;
mod edit;
mod find;
mod local;
mod outline;
mod scan_end;
mod shape;
mod survey;

pub(crate) use cut::{CutHead, Table, cut};

use crate::geometry::{Cancelled, Disc, Progress};
use crate::parameter::{ParameterKind, ParameterSpec, Parameters};
use crate::scan::Finding;
use crate::skull::Skull;
use nalgebra::Vector3;

/// Parameters of the defect step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Which defect to design for: 0 is the largest.
    pub index: usize,
    /// Smaller openings are left alone, cm².
    pub min_area_cm2: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { index: 0, min_area_cm2: 2.0 }
    }
}

impl Parameters for Params {
    const SPECS: &'static [ParameterSpec] = &[
        ParameterSpec {
            name: "index",
            label: "Which defect",
            unit: "",
            kind: ParameterKind::Whole { min: 0, max: 20 },
            help: "Which of the found defects the implant is for: 0 is the largest, 1 the next.",
        },
        ParameterSpec {
            name: "min_area_cm2",
            label: "Smallest defect",
            unit: "cm²",
            kind: ParameterKind::Number { min: 0.2, max: 50.0, step: 0.1 },
            help: "Openings of the vault below this area (burr holes, thin spots) are not reported as defects.",
        },
    ];
}

/// One opening of the vault.
#[derive(Clone, Debug)]
pub struct Defect {
    /// `left-`, `right-` or `bilateral-` with `frontal`, `parietal`, `temporal` or `occipital`.
    pub region: String,
    /// Area of the completed outer surface inside the rim, cm².
    pub area_cm2: f64,
    /// `circle`, `oval`, `square`, `rectangle`, `triangle`, `trapezoid` or `irregular`.
    pub shape: String,
    /// The rim as a closed curve on the outer bone, LPS mm, without the first point again at the end.
    pub rim_mm: Vec<[f64; 3]>,
    /// LPS bounding box of the rim, min and max corner, mm.
    pub bounds_mm: [[f64; 3]; 2],
    /// Length and width of the smallest rectangle around the rim on the surface, mm.
    pub size_mm: [f64; 2],
    /// The hole on a local map about its centre (directions of the head frame from the head's centre).
    pub patch: Patch,
}

/// A hole as a mask over directions, with what the rays saw around it.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Directions about the hole's centre; pixel near 0.5 mm at the vault; reaches at least 25 mm beyond the rim.
    pub disc: Disc,
    /// 1 where the outer surface is missing.
    pub hole: Vec<bool>,
    /// First bone along the ray, mm; NaN where none.
    pub inner_mm: Vec<f32>,
    /// Outer table along the ray, mm; NaN where none.
    pub outer_mm: Vec<f32>,
    /// Where the vault should be closed (atlas): bone outside of it is never trusted as vault.
    pub vault: Vec<bool>,
}

impl Patch {
    /// Whether a direction of the head frame lies in the hole.
    pub fn holds(&self, direction: &Vector3<f64>) -> bool {
        self.disc.nearest(direction).is_some_and(|pixel| self.hole[pixel])
    }
}

/// The user's correction of a found defect; applied in order.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Edit {
    /// What is changed.
    #[serde(flatten)]
    pub kind: EditKind,
    /// The defect it was made for, by its place in the list; `None` in cases kept before this was kept: the chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<usize>,
}

/// How an [`Edit`] changes the hole.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditKind {
    /// Adds (or removes) a ball's shadow, seen from the head's centre, to the hole.
    Paint { centre_mm: [f64; 3], radius_mm: f64, add: bool },
    /// Replaces the hole by what lies inside a closed curve drawn on the bone, LPS mm.
    Rim { points_mm: Vec<[f64; 3]> },
}

impl Edit {
    /// A ball painted into the hole, or out of it.
    pub fn paint(centre_mm: [f64; 3], radius_mm: f64, add: bool) -> Self {
        Self { kind: EditKind::Paint { centre_mm, radius_mm, add }, defect: None }
    }

    /// A rim drawn on the bone.
    pub fn rim(points_mm: Vec<[f64; 3]>) -> Self {
        Self { kind: EditKind::Rim { points_mm }, defect: None }
    }

    /// Whether it is for a defect of the list.
    pub fn is_for(&self, index: usize) -> bool {
        self.defect.is_none_or(|of| of == index)
    }
}

/// Why the search failed (finding nothing is an empty list, not an error).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `index` asks for a defect that is not there.
    #[error(
        "there is no defect {index}: {count} found, counted from 0, the largest first; choose another defect.index"
    )]
    NoSuchDefect { index: usize, count: usize },
    /// The edits leave nothing.
    #[error("the corrections leave no opening; undo the last stroke or draw the rim")]
    EmptyEdit,
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Finds every opening of the vault, largest first; a healthy head gives an empty list.
/// Edits change the hole chosen by `params.index`, which keeps its place in the list (a rim makes one where none was
/// found); those made for another hole wait until that is chosen.
pub fn detect(skull: &Skull, edits: &[Edit], params: &Params, progress: &Progress) -> Result<Vec<Defect>, Error> {
    find::detect(skull, edits, params, progress)
}

/// What the user should know of the found holes: those that the scan's end cuts through.
pub fn findings(skull: &Skull, defects: &[Defect]) -> Vec<Finding> {
    scan_end::findings(skull, defects)
}
