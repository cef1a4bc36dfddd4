//! The default method at a hole cut into a whole head, as if the head were none of the atlas': what networks learn to
//! go on from.

use super::complete::complete_patch;
use super::prior::Prior;
use super::rim::sheet_of;
use super::{Completion, Error, Params, opposite};
use crate::defect::{CutHead, Table};
use crate::geometry::Progress;
use crate::skull::Skull;
use nalgebra::Vector3;

/// Completes a hole that was cut by `left` (see [`crate::defect::cut`]). `heads` are the atlas' heads not to be asked
/// ([`super::own_heads`]).
pub(crate) fn complete_cut(
    skull: &Skull,
    cut: &CutHead,
    left: &dyn Fn(&Vector3<f64>, Table) -> Table,
    heads: &[usize],
    progress: &Progress,
) -> Result<Completion, Error> {
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
    complete_patch(patch, other, &prior, &skull.frame, &Params::default(), progress)
}
