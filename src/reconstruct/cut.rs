//! The field's answer at a hole cut into a whole head, as if the head were none of the atlas': what networks learn to go
//! on from.

use super::complete::Ground;
use super::learned::{self, Laid};
use super::prior::Prior;
use super::rim::sheet_of;
use super::tables::Tables;
use super::{Completion, Error, Method, opposite};
use crate::defect::{CutHead, Table};
use crate::geometry::Progress;
use crate::network::map::{MapStart, Residual};
use crate::skull::{Skull, THICKNESS_MM};
use nalgebra::Vector3;

/// The field's answer at a cut, and the truth.
pub(crate) struct CutAnswer {
    pub completion: Completion,
    /// What the map network is shown of it; `None` where too little bone is left for the field.
    pub start: Option<MapStart>,
    /// The whole head on the network's sheet, NaN where it has no bone of the vault.
    pub truth: Residual,
}

/// What is farther from the mean vault is no vault, mm.
const STRANGE_MM: f32 = 12.0;

/// Completes a hole that was cut by `left` (see [`crate::defect::cut`]). `heads` are the atlas' heads not to be asked
/// ([`super::own_heads`]).
pub(crate) fn complete_cut(
    skull: &Skull,
    cut: &CutHead,
    left: &dyn Fn(&Vector3<f64>, Table) -> Table,
    heads: &[usize],
    progress: &Progress,
) -> Result<CutAnswer, Error> {
    let patch = &cut.patch;
    let mut other = opposite::cast(skull, patch);
    let sheet = sheet_of(patch);
    for (i, d) in sheet.directions.iter().enumerate() {
        // The saw went through the other side too, where the hole crosses the midline.
        let seen = Table { inner_mm: other.inner[i], outer_mm: other.outer[i] };
        let left = left(&Vector3::new(-d.x, d.y, d.z), seen);
        (other.inner[i], other.outer[i]) = (left.inner_mm, left.outer_mm);
    }
    let prior = Prior::of(skull, &sheet).without(heads);
    let ground = Ground::of(patch, other, &prior, &skull.frame, Method::Auto, &progress.part(0.0, 0.5))?;
    let worked = ground.field(&progress.part(0.5, 1.0))?;
    let tables = |outer: &[f32], inner: &[f32]| Tables {
        outer: outer.to_vec(),
        thickness: outer.iter().zip(inner).map(|(o, i)| o - i).collect(),
    };
    let completion = worked.completion;
    let laid = Laid::over(&ground);
    let completed = tables(&completion.outer_mm, &completion.inner_mm);
    let start = worked.with_field.then(|| learned::start(&laid, &completed, &completion.uncertainty_mm));
    let truth = tables(&cut.outer_mm, &cut.inner_mm);
    let vault = |i: usize| {
        THICKNESS_MM.contains(&truth.thickness[i]) && (truth.outer[i] - prior.mean.outer[i]).abs() < STRANGE_MM
    };
    let known: Vec<bool> = (0..truth.outer.len()).map(vault).collect();
    let truth = laid.residual(&truth, &known);
    Ok(CutAnswer { completion, start, truth })
}
