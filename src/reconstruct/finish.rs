//! From the predicted tables to the completed map: how the rim is met without a step.

use super::sheet::{Sheet, smooth_step};
use super::tables::Tables;
use super::trust::Trust;
use crate::defect::Patch;

/// Detail of the rim's bone that the spline smoothed away is carried on over this length, mm.
const TEXTURE_MM: f64 = 2.5;
/// Weight (squared) of nearby bone at which half of that detail is carried on.
const FADE: f32 = 0.03;
/// Width over which the prediction gives way to the bone itself, mm.
const HAND_OVER_MM: f32 = 6.0;
/// Bone's texture outside of the hole is averaged over this length, mm.
const DENOISE_MM: f64 = 0.7;
/// Bone this far from the prediction is not the surface that continues, and neither is what lies this near to it, mm.
const STRANGE_MM: f32 = 2.5;
const STRANGE_MARGIN_MM: f32 = 2.0;
/// Beyond the predicted domain, bone that leaves its edge by more than this is another surface: mm, and mm a mm farther.
const JUMP_MM: f32 = 4.0;
const JUMP_SLOPE: f32 = 0.6;
/// A completed calvaria is at least this thick, mm.
pub(super) const LEAST_THICKNESS_MM: f32 = 0.8;

/// Joins the prediction with the observed bone: `predicted` on the domain, the bone where it is trusted, and in
/// between a smooth transition; finite everywhere.
pub(super) fn join(
    sheet: &Sheet,
    observed: &[f32],
    trusted: &[bool],
    predicted: &[f32],
    domain: &[bool],
    missing_mm: &[f32],
) -> Vec<f32> {
    let residual: Vec<f32> = observed.iter().zip(predicted).map(|(o, p)| o - p).collect();
    let trusted = &believed(sheet, &residual, trusted, domain);
    let in_both: Vec<bool> = trusted.iter().zip(domain).map(|(&t, &d)| t && d).collect();
    let weights: Vec<f32> = in_both.iter().map(|&m| f32::from(u8::from(m))).collect();
    let clamped: Vec<f32> =
        residual.iter().zip(&in_both).map(|(r, &m)| if m { r.clamp(-2.0, 2.0) } else { 0.0 }).collect();
    let (sum, weight) = sheet.blur(&clamped, &weights, TEXTURE_MM);
    let denoised = sheet.smooth_where(observed, trusted, DENOISE_MM);
    let mut joined: Vec<f32> = (0..observed.len())
        .map(|i| {
            if !domain[i] {
                return if trusted[i] { denoised[i] } else { f32::NAN };
            }
            // The average, damped where little of it is near: the carried detail fades out away from the rim.
            let carried = predicted[i] + sum[i] * weight[i] / (weight[i] * weight[i] + FADE);
            if !trusted[i] || !denoised[i].is_finite() {
                return carried;
            }
            carried + (denoised[i] - carried) * smooth_step(missing_mm[i] / HAND_OVER_MM)
        })
        .collect();
    // Beyond the domain the bone counts where it goes on from the domain's edge; an orbit or the base does not.
    let edge = sheet.fill_from(&joined, domain);
    let beyond = sheet.distance_mm(domain);
    let goes_on = |i: usize| joined[i].is_finite() && (joined[i] - edge[i]).abs() <= JUMP_MM + JUMP_SLOPE * beyond[i];
    let known: Vec<bool> = (0..joined.len()).map(|i| domain[i] || goes_on(i)).collect();
    if known.iter().any(|k| !k) {
        joined = sheet.fill_from(&joined, &known);
    }
    joined
}

/// Trusted bone that also agrees with the prediction where there is one: an orbit's edge or a sinus within the domain
/// does not, and would make a cliff beside the part.
fn believed(sheet: &Sheet, residual: &[f32], trusted: &[bool], domain: &[bool]) -> Vec<bool> {
    let strange: Vec<bool> =
        (0..trusted.len()).map(|i| domain[i] && trusted[i] && residual[i].abs() > STRANGE_MM).collect();
    let near = sheet.distance_mm(&strange);
    (0..trusted.len()).map(|i| trusted[i] && !(domain[i] && near[i] <= STRANGE_MARGIN_MM)).collect()
}

/// Completed outer and inner radius, mm.
pub(super) fn maps(
    sheet: &Sheet,
    patch: &Patch,
    trust: &Trust,
    predicted: &Tables,
    domain: &[bool],
    missing_mm: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let outer = join(sheet, &patch.outer_mm, &trust.outer, &predicted.outer, domain, missing_mm);
    let inner = join(sheet, &patch.inner_mm, &trust.inner, &predicted.inner(), domain, missing_mm);
    let inner = outer.iter().zip(&inner).map(|(o, i)| i.min(o - LEAST_THICKNESS_MM)).collect();
    (outer, inner)
}
