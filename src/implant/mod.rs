//! The part: reconstruction minus skull with a clearance, shaped to a thickness, checked.

mod bone;
mod check;
mod handles;
mod local;
mod prepare;
mod shape;
mod star;
#[cfg(test)]
mod tests;

pub use check::PEEK_G_PER_CM3;

use crate::geometry::{Cancelled, Field, Grid, Mesh, Progress};
use crate::parameter::{ParameterKind, ParameterSpec, Parameters};
use crate::reconstruct::Completion;
use crate::scan::Finding;
use crate::skull::Skull;
use nalgebra::{Matrix3, Point3, Vector3};

/// How thick the part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThicknessMode {
    /// The same thickness everywhere, measured from the outer surface.
    Constant,
    /// The published λ-scaling of the inner surface.
    Scaled,
}

/// Parameters of the implant step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Gap between part and bone, mm.
    pub clearance_mm: f64,
    /// Constant thickness or λ-scaling.
    pub thickness_mode: ThicknessMode,
    /// Wall thickness in constant mode, mm.
    pub thickness_mm: f64,
    /// λ along the rim's long axis.
    pub lambda1: f64,
    /// λ across it.
    pub lambda2: f64,
    /// λ along the outward normal: above 1 thickens, below 1 thins.
    pub lambda3: f64,
    /// The wall is never thinner than this, mm.
    pub min_wall_mm: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            clearance_mm: 0.5,
            thickness_mode: ThicknessMode::Constant,
            thickness_mm: 4.0,
            lambda1: 1.0,
            lambda2: 1.0,
            lambda3: 1.0,
            min_wall_mm: 2.0,
        }
    }
}

const LAMBDA: ParameterKind = ParameterKind::Number { min: 0.6, max: 1.2, step: 0.01 };

impl Parameters for Params {
    const SPECS: &'static [ParameterSpec] = &[
        ParameterSpec {
            name: "clearance_mm",
            label: "Clearance to bone",
            unit: "mm",
            kind: ParameterKind::Number { min: 0.0, max: 3.0, step: 0.1 },
            help: "Gap between the part and the bone on every side. 0.5 for printed, 0.3 for milled parts is common practice.",
        },
        ParameterSpec {
            name: "thickness_mode",
            label: "Thickness mode",
            unit: "",
            kind: ParameterKind::Choice(&["constant", "scaled"]),
            help: "constant keeps one wall thickness under the outer surface; scaled moves the reconstructed inner surface by the published λ-scaling.",
        },
        ParameterSpec {
            name: "thickness_mm",
            label: "Thickness",
            unit: "mm",
            kind: ParameterKind::Number { min: 1.0, max: 12.0, step: 0.1 },
            help: "Wall thickness in constant mode, measured along the normal of the outer surface. Polymer plates are commonly 3 to 5 mm.",
        },
        ParameterSpec {
            name: "lambda1",
            label: "λ1 (along)",
            unit: "",
            kind: LAMBDA,
            help: "Scales the inner surface along the rim's long axis: draws the border in or out. 1 leaves it.",
        },
        ParameterSpec {
            name: "lambda2",
            label: "λ2 (across)",
            unit: "",
            kind: LAMBDA,
            help: "Scales the inner surface across the rim's long axis: draws the border in or out. 1 leaves it.",
        },
        ParameterSpec {
            name: "lambda3",
            label: "λ3 (normal)",
            unit: "",
            kind: LAMBDA,
            help: "Scales the inner surface along the outward normal: above 1 thickens, below 1 thins. Range of the publication 0.6 to 1.2.",
        },
        ParameterSpec {
            name: "min_wall_mm",
            label: "Minimum wall",
            unit: "mm",
            kind: ParameterKind::Number { min: 0.5, max: 6.0, step: 0.1 },
            help: "Where the scaling would make the wall thinner than this, it is held here and a finding says so. 2.0 to 2.5 for polymers is common practice.",
        },
    ];
}

/// Everything about the part that does not depend on thickness or clearance: prepared once, so that a slider is fast.
#[derive(Clone, Debug)]
pub struct DesignBox {
    /// Oriented grid around the defect (z = mean outward normal, x = long axis of the rim), 0.4 to 0.6 mm.
    pub grid: Grid,
    /// Origin of the λ-scaling, LPS mm: 80 mm below the patch's area centroid along −z.
    pub lambda_origin_mm: Point3<f64>,
    /// Columns are the local x, y, z axes in LPS.
    pub axes: Matrix3<f64>,
    /// Signed distance to bone, mm.
    pub bone: Field,
    /// Signed distance to the completed outer surface, mm, negative below it.
    pub outer: Field,
    /// Signed distance to the completed inner surface, mm, negative below it (towards the brain); on a grid of its own
    /// with the same axes that reaches as far as the λ-scaling may look.
    pub inner: Field,
    /// Signed distance (on the surface) to the region the part may fill, mm, negative inside; it ends where the scan does.
    pub region: Field,
    /// The smallest bone distance at or above each voxel, mm: what must stay clear for the part to lift out along +z.
    pub bone_above: Field,
    /// Points of the completed outer surface over the hole, about one a mm².
    pub rays: Vec<Ray>,
}

/// A point of the completed outer surface over the hole.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// The point, LPS mm.
    pub outer_mm: Point3<f64>,
    /// Outward unit normal, LPS.
    pub normal: Vector3<f64>,
}

/// Depth of the λ-scaling's origin below the patch's area centroid, mm.
const LAMBDA_DEPTH_MM: f64 = 80.0;

/// The part.
#[derive(Clone, Debug)]
pub struct Implant {
    /// Signed field of the part, mm, negative inside, on the design box.
    pub field: Field,
    /// Its surface, LPS mm, closed and manifold, outward normals.
    pub mesh: Mesh,
    /// What clipped, what was cut away for insertion.
    pub findings: Vec<Finding>,
}

/// One line of the checks: figure and verdict.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Check {
    /// Stable name: covers_defect, bone_overlap, clearance, bone_at_edge, min_wall, closed_manifold, insertion, volume, weight, size.
    pub name: String,
    /// What the user reads, with figure and unit.
    pub text: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// `Some(true)` passed, `Some(false)` failed, `None` a figure without a limit.
    pub passed: Option<bool>,
}

/// Why no part was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Clearance and thickness leave nothing.
    #[error("with {clearance_mm} mm clearance nothing is left of the part; lower implant.clearance_mm")]
    Empty { clearance_mm: f64 },
    /// The completion's hole is empty.
    #[error("the defect has no opening; correct its rim")]
    NoHole,
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Prepares the design box of one completed defect: everything that does not depend on thickness or clearance.
pub fn prepare(skull: &Skull, completion: &Completion, progress: &Progress) -> Result<DesignBox, Error> {
    prepare::prepare(skull, completion, progress)
}

/// Shapes the part; under 60 ms on the sample, so that a slider can be dragged.
///
/// Below the completed outer surface, above the inner one (or the constant thickness), inside the region, and
/// nowhere nearer to bone than the clearance, neither where it sits nor on its way out along +z. One closed body.
pub fn shape(design: &DesignBox, params: &Params, progress: &Progress) -> Result<Implant, Error> {
    shape::shape(design, params, progress)
}

/// The basic checks of a part, each with figure and verdict.
pub fn check(design: &DesignBox, implant: &Implant, params: &Params) -> Vec<Check> {
    check::check(design, implant, params)
}
