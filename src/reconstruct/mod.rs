//! What was there: the missing bone from the mirrored side and from the rim.
//!
//! Everything works on the defect's map of directions: two radii a pixel, outer and inner table, each believed up to
//! its own cut. What is completed is the difference to the mean vault in the head's own size. `tps` continues it by
//! thin plates, `kriging` by the covariance of the atlas' heads; with the other side as a witness besides, that is the
//! field to which `map` and `volume` add what a network learned, and `auto` as much of the first as holds on new heads;
//! `shape` fits the atlas' modes, `mean` takes the mean vault as it is.
//! `smooth` continues the radii themselves and needs no atlas; `mirror` lays the other side over the hole and moves it
//! onto the rim.

mod allowed;
mod beyond;
mod compare;
mod complete;
mod cut;
mod finish;
mod kriging;
mod learned;
mod mirror;
mod opposite;
mod predict;
mod prior;
mod rim;
pub(crate) mod sheet;
mod spline;
mod stairs;
mod tables;
mod trust;
mod volume;
mod voxels;

#[cfg(test)]
pub(crate) mod test_head;
#[cfg(test)]
mod tests;

use crate::defect::Defect;
use crate::geometry::{Cancelled, Disc, Grid, HeadFrame, Progress, Volume};
use crate::network::WeightsError;
use crate::network::volume::VolumeNetwork;
use crate::parameter::{ParameterKind, ParameterSpec, Parameters};
use crate::scan::Finding;
use crate::skull::Skull;

pub(crate) use cut::{CutAnswer, complete_cut};

pub use compare::{Alternative, Comparison, DISAGREE_MM, Relief, RimFit, Skipped, compare};
pub use prior::own_heads;

/// How the missing bone is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The other side across the midsagittal plane, registered to the rim.
    Mirror,
    /// Thin-plate completion of outer and inner surface from the rim.
    Smooth,
    /// The mean vault in this head's size, laid against the rim without correction.
    Mean,
    /// The mean vault with the rim's difference to it continued by thin plates.
    Tps,
    /// The atlas' modes of variation fitted to the intact bone around the hole.
    Shape,
    /// Conditional mean of the atlas' heads and a smooth field, given the rim.
    Kriging,
    /// Kriging with the other side as a witness, and all that a network learned to add to it.
    Map,
    /// Kriging with the other side as a witness, moved by a network that sees bone in cells about the hole.
    Volume,
    /// Kriging with the other side as a witness, and the share of the network's correction that holds on new heads: the
    /// default.
    Auto,
}

impl Method {
    /// Whether it states a deviation that was held against truth; that of the others only grows with the distance from
    /// bone.
    pub fn states_deviation(self) -> bool {
        self.has_field() || matches!(self, Method::Map | Method::Volume)
    }

    /// Whether it knows how far the bone may have been elsewhere, so that shapes can be drawn.
    pub fn has_field(self) -> bool {
        matches!(self, Method::Shape | Method::Kriging | Method::Auto)
    }

    /// Its name in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Mirror => "mirror",
            Method::Smooth => "smooth",
            Method::Mean => "mean",
            Method::Tps => "tps",
            Method::Shape => "shape",
            Method::Kriging => "kriging",
            Method::Map => "map",
            Method::Volume => "volume",
            Method::Auto => "auto",
        }
    }
}

/// How many plausible shapes are drawn beside the most likely one.
pub const PLAUSIBLE: u32 = 3;

/// Parameters of the reconstruction step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How the missing bone is found.
    pub method: Method,
    /// Which of the shapes the field allows: 0 the most likely one, else the number of a drawn one. Only of methods
    /// with a field (see [`Method::has_field`]).
    pub shape_draw: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { method: Method::Auto, shape_draw: 0 }
    }
}

impl Parameters for Params {
    const SPECS: &'static [ParameterSpec] = &[
        ParameterSpec {
            name: "method",
            label: "Method",
            unit: "",
            kind: ParameterKind::Choice(&[
                "auto", "mirror", "smooth", "mean", "tps", "shape", "kriging", "map", "volume",
            ]),
            help: "auto: rim, atlas, other side and what a network learned, weighed by how well each foretells the bone; kriging: rim and atlas alone; map: all that the network adds; volume: another network, that sees the bone around the hole; tps: the mean vault bent to the rim; shape: the atlas' modes; mean: the mean vault as it is; mirror: the other side; smooth: the rim alone.",
        },
        ParameterSpec {
            name: "shape_draw",
            label: "Plausible shape",
            unit: "",
            kind: ParameterKind::Whole { min: 0, max: PLAUSIBLE as i64 },
            help: "0: the most likely shape. 1 to 3: shapes drawn from what rim, atlas and other side leave open, to see how far the bone may have been elsewhere; auto, kriging and shape have them, the other methods leave it aside.",
        },
    ];
}

/// The completed bone inside the hole: two radii per direction from the head's centre.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The method asked for.
    pub method: Method,
    /// Where the head is (the rays' centre and axes).
    pub frame: HeadFrame,
    /// The map, as the defect's patch.
    pub disc: Disc,
    /// Completed outer radius, mm: the prediction inside the hole, the observed bone outside, smooth across the rim;
    /// finite on every pixel within `reach`.
    pub outer_mm: Vec<f32>,
    /// Completed inner radius, mm, as `outer_mm`.
    pub inner_mm: Vec<f32>,
    /// 1 where bone is missing.
    pub hole: Vec<bool>,
    /// The hole and the cut walls around it: where bone may have to be added.
    pub allowed: Vec<bool>,
    /// Standard deviation of the outer radius inside the hole, mm (0 outside): 1.645 of it hold 90 % of the points.
    pub uncertainty_mm: Vec<f32>,
    /// What the user should know (the two methods disagree by …, the other side is open too).
    pub findings: Vec<Finding>,
}

/// Why the bone could not be completed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too little intact rim to continue from.
    #[error("only {share_percent:.0} % of the rim is intact bone; correct the rim of the defect")]
    NoRim { share_percent: f64 },
    /// The method's network does not fit the site's own mean vault.
    #[error("{0}; or choose the method auto")]
    Network(#[from] WeightsError),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Completes the bone inside one defect.
pub fn complete(skull: &Skull, defect: &Defect, params: &Params, progress: &Progress) -> Result<Completion, Error> {
    complete_without(skull, defect, params, &[], progress)
}

/// The same, some heads of the atlas not asked ([`own_heads`]), and by [`Method::Auto`] no network either, which learned
/// from them; the mean vault keeps its share of them, and the methods `map` and `volume` what they learned.
pub fn complete_without(
    skull: &Skull,
    defect: &Defect,
    params: &Params,
    heads: &[usize],
    progress: &Progress,
) -> Result<Completion, Error> {
    progress.report(0.0, "looking at the other side")?;
    let other = opposite::cast(skull, &defect.patch);
    let prior = prior::Prior::of(skull, &rim::sheet_of(&defect.patch)).without(heads);
    let mut completion = if params.method == Method::Volume {
        let network = VolumeNetwork::in_use()?;
        let part = progress.part(0.2, 0.6);
        let ground = complete::Ground::of(&defect.patch, other, &prior, &skull.frame, params.method, &part)?;
        let started = ground.field(&progress.part(0.6, 0.7))?.completion;
        progress.report(0.7, "looking at the bone around the hole")?;
        volume::refined(skull, started, network)
    } else {
        complete::complete_patch(&defect.patch, other, &prior, &skull.frame, params, &progress.part(0.2, 1.0))?
    };
    stairs::widen(&mut completion, skull);
    completion.findings.extend(beyond::findings(&defect.patch));
    progress.report(1.0, "bone completed")?;
    Ok(completion)
}

impl Completion {
    /// The removed bone on the scan's grid: voxels between the completed tables in the hole that are not bone now
    /// (no clearance, no thinning; one-voxel crumbs removed, largest piece).
    pub fn implant_mask(&self, skull: &Skull, grid: &Grid) -> Volume<u8> {
        voxels::implant_mask(self, skull, grid)
    }
}
