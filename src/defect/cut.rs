//! A hole cut into the rays of a whole head, as the search would find it: what networks are trained on.

use super::Patch;
use super::describe::inscribed_mm;
use super::find::LEAST_RADIUS_MM;
use super::local::Local;
use super::survey::Core;
use crate::skull::map::flat;
use crate::skull::{MeanVault, Skull};
use nalgebra::Vector3;

/// Inner and outer radius along a ray, mm; NaN where no bone is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Table {
    pub inner_mm: f32,
    pub outer_mm: f32,
}

/// A hole in a head whose missing bone is known.
pub(crate) struct CutHead {
    /// The hole as the search finds it in the rays that are left.
    pub patch: Patch,
    /// The whole head's rays on the patch's map, mm; NaN where no bone.
    pub inner_mm: Vec<f32>,
    /// As `inner_mm`.
    pub outer_mm: Vec<f32>,
}

/// A plausible thickness where only the outer radius is known, mm.
const THICKNESS_MM: f32 = 6.0;

/// Cuts a hole into a whole head. `left` says what a saw leaves of a ray (unit direction of the head frame); a map with
/// rays `pixel_mm` apart is made about the hole. `None` where the search finds nothing worth a defect.
pub(crate) fn cut(skull: &Skull, left: &dyn Fn(&Vector3<f64>, Table) -> Table, pixel_mm: f64) -> Option<CutHead> {
    let gone = |d: &Vector3<f64>, outer_mm: f32| {
        left(d, Table { inner_mm: outer_mm - THICKNESS_MM, outer_mm }).outer_mm.is_nan() && outer_mm.is_finite()
    };
    let core = core(skull, &gone)?;
    let mut local = Local::around(skull, &core.directions, pixel_mm);
    let (inner_mm, outer_mm) = (local.inner_mm.clone(), local.outer_mm.clone());
    for o in 0..outer_mm.len() {
        let Some(d) = local.directions[o] else { continue };
        if outer_mm[o].is_finite() {
            let left = left(&d, Table { inner_mm: inner_mm[o], outer_mm: outer_mm[o] });
            (local.inner_mm[o], local.outer_mm[o]) = (left.inner_mm, left.outer_mm);
            // Beyond the vault a hole may reach where the other side has bone and this one has none any more.
            local.closed[o] |= left.outer_mm.is_nan() && local.other_mm[o].is_finite();
        }
        if gone(&Vector3::new(-d.x, d.y, d.z), local.other_mm[o]) {
            local.other_mm[o] = f32::NAN;
        }
    }
    let (hole, _) = local.hole(skull, &core)?;
    (inscribed_mm(&hole) >= LEAST_RADIUS_MM).then(|| CutHead { patch: local.into_patch(&hole), inner_mm, outer_mm })
}

/// The pixels of the vault whose bone is gone.
fn core(skull: &Skull, gone: &dyn Fn(&Vector3<f64>, f32) -> bool) -> Option<Core> {
    let mean = MeanVault::in_use();
    let n = mean.disc.size;
    let mut mask = flat(n, vec![0; n * n]);
    let mut directions = Vec::new();
    for o in (0..n * n).filter(|&o| mean.vault[o]) {
        let Some(d) = mean.disc.direction((o / n) as f64, (o % n) as f64) else { continue };
        let d = d.component_div(&skull.scales).normalize();
        if gone(&d, skull.expected_outer_mm(&d) as f32) {
            mask.data[o] = 1;
            directions.push(d);
        }
    }
    (!directions.is_empty()).then_some(Core { mask, directions })
}
