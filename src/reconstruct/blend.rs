use super::kriging;
use super::mirror::{self, Moved, OtherSide};
use super::predict;
use super::prior::Prior;
use super::sheet::{Sheet, median};
use super::tables::Tables;
use super::trust::Trust;
use super::{Completion, Error, Method, Params, finish};
use crate::defect::Patch;
use crate::geometry::{HeadFrame, Progress};
use crate::scan::Finding;
use crate::skull::Skull;
use nalgebra::Vector3;

/// Samples of the first, guarded fit and of the last one.
const FIRST_BUDGET: usize = 320;
const LAST_BUDGET: usize = 620;
/// How far beyond the missing part the prediction is made, mm.
const DOMAIN_MM: f32 = 18.0;
/// Share of the other side's deviation that `auto` takes in the middle of the hole.
const OTHER_SHARE: f32 = 0.8;
/// Distance from the rim at which half of that share is taken, mm.
const HALF_SHARE_MM: f32 = 3.0;
/// A mirrored side that misses the rim by this much before correction is worth half, mm.
const HALF_WORTH_MM: f64 = 2.5;
/// Width over which the other side is faded out towards where it is not seen, mm.
const FADE_MM: f32 = 8.0;
/// Methods that differ by more than this deserve a word, mm.
const DISAGREE_MM: f32 = 2.0;
/// Least share of the hole's rim that must have intact bone nearby.
const LEAST_RIM: f64 = 0.3;

/// Raw rays of the other side, a value a pixel of the patch (NaN where no bone).
pub(crate) struct Rays {
    pub outer: Vec<f32>,
    pub inner: Vec<f32>,
}

/// Casts the patch's directions mirrored across the midsagittal plane, where the reconstruction may need them.
pub(super) fn cast_other_side(skull: &Skull, patch: &Patch) -> Rays {
    let sheet = sheet_of(patch);
    let near = sheet.distance_mm(&patch.hole);
    let wanted: Vec<usize> = (0..near.len()).filter(|&i| near[i] <= predict::REACH_MM + 20.0).collect();
    let mirrored: Vec<Vector3<f64>> = wanted
        .iter()
        .map(|&i| {
            let d = sheet.directions[i];
            Vector3::new(-d.x, d.y, d.z)
        })
        .collect();
    let mut rays = Rays { outer: vec![f32::NAN; near.len()], inner: vec![f32::NAN; near.len()] };
    for (&i, hit) in wanted.iter().zip(skull.cast(&mirrored)) {
        rays.outer[i] = hit.outer_mm;
        rays.inner[i] = hit.inner_mm;
    }
    rays
}

/// The patch as a flat sheet at its own typical outer radius.
pub(super) fn sheet_of(patch: &Patch) -> Sheet {
    let radius = median(patch.outer_mm.iter().map(|&r| r as f64)).unwrap_or(85.0);
    Sheet::new(&patch.disc, radius)
}

/// Completes a patch from its own rim, the mean vault and the other side's rays.
pub(super) fn complete_patch(
    patch: &Patch,
    other: Rays,
    prior: &Prior,
    frame: &HeadFrame,
    params: &Params,
    progress: &Progress,
) -> Result<Completion, Error> {
    let sheet = sheet_of(patch);
    let no_rim = Error::NoRim { share_percent: 0.0 };
    progress.report(0.0, "continuing the rim")?;
    let guarded = Trust::guarded(&sheet, patch);
    check_rim(&sheet, patch, &guarded)?;
    let nothing = Tables::zeros(patch.hole.len());
    let mean = if params.method == Method::Smooth { &nothing } else { &prior.mean };
    let rim = continue_rim(&sheet, patch, &guarded, mean).ok_or(no_rim)?;
    let Rim { trust, missing_mm, domain, .. } = &rim;
    let kriged = if matches!(params.method, Method::Kriging | Method::Auto) {
        let residual = Tables::observed(patch).minus(mean);
        kriging::condition(&sheet, prior, &residual, trust).map(|field| field.tables(&sheet, domain).plus(mean))
    } else {
        None
    };
    let base = match params.method {
        Method::Mean => mean.clone(),
        _ => kriged.unwrap_or_else(|| rim.tables.clone()),
    };
    progress.report(0.5, "fitting the other side to the rim")?;
    let hole_mm = sheet.distance_mm(&trust.missing.iter().map(|m| !m).collect::<Vec<_>>());
    let mirrored = from_other_side(&sheet, patch, trust, missing_mm, domain, other);
    let mut findings = Vec::new();
    let share = shares(params.method, &sheet, patch, mirrored.as_ref(), &hole_mm, &mut findings);
    let difference = mirrored.as_ref().map(|m| m.corrected.minus(&base));
    let mixed = mix(&base, difference.as_ref(), &share);
    progress.report(0.9, "meeting the rim")?;
    let (outer_mm, inner_mm) = finish::maps(&sheet, patch, trust, &mixed, domain, missing_mm);
    let uncertainty_mm = uncertainty(&sheet, patch, difference.as_ref(), mirrored.as_ref(), &hole_mm);
    if let Some(difference) = &difference {
        disagreement(patch, difference, mirrored.as_ref(), &mut findings);
    }
    let allowed = allowed(&sheet, patch, trust, &outer_mm, &inner_mm);
    progress.report(1.0, "bone completed")?;
    Ok(Completion {
        method: params.method,
        frame: frame.clone(),
        disc: patch.disc.clone(),
        outer_mm,
        inner_mm,
        hole: patch.hole.clone(),
        allowed,
        uncertainty_mm,
        findings,
    })
}

/// Fails when most of the rim has no trusted bone within reach (the hole's border against the map's or the vault's edge).
fn check_rim(sheet: &Sheet, patch: &Patch, trust: &Trust) -> Result<(), Error> {
    let to_bone = sheet.distance_mm(&trust.outer);
    let to_outside = sheet.distance_mm(&patch.hole.iter().map(|h| !h).collect::<Vec<_>>());
    let rim: Vec<usize> =
        (0..patch.hole.len()).filter(|&i| patch.hole[i] && to_outside[i] as f64 <= 1.01 * sheet.pixel_mm).collect();
    let good = rim.iter().filter(|&&i| to_bone[i] <= 12.0).count();
    let share = good as f64 / rim.len().max(1) as f64;
    if share < LEAST_RIM { Err(Error::NoRim { share_percent: 100.0 * share }) } else { Ok(()) }
}

/// The rim continued over the hole.
struct Rim {
    trust: Trust,
    /// Distance to what is missing, mm.
    missing_mm: Vec<f32>,
    /// Pixels with a prediction.
    domain: Vec<bool>,
    tables: Tables,
}

/// Twice: from behind the guard, and again with the bone given back up to the cut. What is continued is the
/// difference to a prior shape.
fn continue_rim(sheet: &Sheet, patch: &Patch, guarded: &Trust, prior: &Tables) -> Option<Rim> {
    let residual = Tables::observed(patch).minus(prior);
    let missing_mm = sheet.distance_mm(&guarded.missing);
    let asked: Vec<bool> = sheet.distance_mm(&patch.hole).iter().map(|&d| d <= Trust::asked_mm()).collect();
    let first = predict::continued(sheet, &residual, guarded, &missing_mm, &asked, FIRST_BUDGET)?.plus(prior);
    let trust = guarded.give_back(sheet, patch, &first);
    let missing_mm = sheet.distance_mm(&trust.missing);
    let domain: Vec<bool> = missing_mm.iter().map(|&d| d <= DOMAIN_MM).collect();
    let last = predict::continued(sheet, &residual, &trust, &missing_mm, &domain, LAST_BUDGET)?;
    Some(Rim { trust, missing_mm, domain, tables: last.plus(prior) })
}

/// The other side laid over the hole.
struct Mirrored {
    moved: Moved,
    /// Moved and corrected to meet the rim.
    corrected: Tables,
    /// Median miss of the rim before the correction, mm.
    rim_error_mm: f64,
}

fn from_other_side(
    sheet: &Sheet,
    patch: &Patch,
    trust: &Trust,
    missing_mm: &[f32],
    domain: &[bool],
    rays: Rays,
) -> Option<Mirrored> {
    // A hole across the midline is open on the other side too.
    let open: Vec<bool> = sheet
        .directions
        .iter()
        .map(|d| mirror::nearest_pixel(&patch.disc, &Vector3::new(-d.x, d.y, d.z)).is_some_and(|p| patch.hole[p]))
        .collect();
    let other = OtherSide::new(sheet, &rays.outer, &rays.inner, &open);
    let motion = mirror::register(sheet, &patch.disc, &patch.outer_mm, trust, missing_mm, &other);
    let wide: Vec<bool> = (0..domain.len()).map(|i| domain[i] || missing_mm[i] <= predict::REACH_MM + 2.0).collect();
    let moved = mirror::resample(sheet, &patch.disc, &other, &motion, &wide);
    let rim_error_mm = mirror::rim_error_mm(&patch.outer_mm, &moved, trust, missing_mm, 12.0)?;
    let seen = |mask: &[bool]| -> Vec<bool> { mask.iter().zip(&moved.seen).map(|(&a, &b)| a && b).collect() };
    let residual = Tables::observed(patch).minus(&moved.tables);
    let both = Trust { outer: seen(&trust.outer), inner: seen(&trust.inner), missing: trust.missing.clone() };
    let correction = predict::continued(sheet, &residual, &both, missing_mm, domain, LAST_BUDGET)?;
    let corrected = moved.tables.plus(&correction);
    Some(Mirrored { moved, corrected, rim_error_mm })
}

/// How much of the other side's deviation is taken, a value a pixel; `inside_mm` is the distance to trusted ground.
fn shares(
    method: Method,
    sheet: &Sheet,
    patch: &Patch,
    mirrored: Option<&Mirrored>,
    inside_mm: &[f32],
    findings: &mut Vec<Finding>,
) -> Vec<f32> {
    let count = patch.hole.len();
    let nothing = || vec![0.0; count];
    if matches!(method, Method::Smooth | Method::Mean | Method::Tps | Method::Kriging) {
        return nothing();
    }
    let Some(mirrored) = mirrored else {
        findings.push(Finding {
            message: "The other side is open or not in the scan here; the missing bone continues the rim instead."
                .to_owned(),
        });
        return nothing();
    };
    let hole = patch.hole.iter().filter(|h| **h).count().max(1);
    let unseen: Vec<bool> = mirrored.moved.seen.iter().map(|s| !s).collect();
    let hidden = (0..count).filter(|&i| patch.hole[i] && unseen[i]).count() as f64 / hole as f64;
    if hidden > 0.05 {
        findings.push(Finding {
            message: format!(
                "The other side is open or not in the scan over {:.0} % of the hole; there the missing bone continues the rim.",
                100.0 * hidden
            ),
        });
    }
    // The other side speaks less the worse it foretold the rim.
    let worth = (1.0 / (1.0 + (mirrored.rim_error_mm / HALF_WORTH_MM).powi(2))) as f32;
    let to_unseen = sheet.distance_mm(&unseen);
    (0..count)
        .map(|i| {
            let seen = smooth_step(to_unseen[i] / FADE_MM);
            match method {
                Method::Mirror => seen,
                _ => {
                    let deep = inside_mm[i] * inside_mm[i];
                    seen * OTHER_SHARE * worth * deep / (deep + HALF_SHARE_MM * HALF_SHARE_MM)
                }
            }
        })
        .collect()
}

fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn mix(smooth: &Tables, difference: Option<&Tables>, share: &[f32]) -> Tables {
    let add = |base: &[f32], change: Option<&[f32]>| -> Vec<f32> {
        (0..base.len())
            .map(|i| base[i] + change.map_or(0.0, |c| if share[i] > 0.0 { share[i] * c[i] } else { 0.0 }))
            .collect()
    };
    Tables {
        outer: add(&smooth.outer, difference.map(|d| d.outer.as_slice())),
        thickness: add(&smooth.thickness, difference.map(|d| d.thickness.as_slice())),
    }
}

/// Half of the methods' disagreement, smoothed, and a floor that grows with the distance from trusted bone.
fn uncertainty(
    sheet: &Sheet,
    patch: &Patch,
    difference: Option<&Tables>,
    mirrored: Option<&Mirrored>,
    inside_mm: &[f32],
) -> Vec<f32> {
    let count = patch.hole.len();
    let half: Vec<f32> = match (difference, mirrored) {
        (Some(d), Some(m)) => {
            let known: Vec<bool> = (0..count).map(|i| m.moved.seen[i]).collect();
            let size: Vec<f32> = d.outer.iter().map(|v| 0.5 * v.abs()).collect();
            sheet.smooth_where(&size, &known, 3.0)
        }
        _ => vec![f32::NAN; count],
    };
    (0..count)
        .map(|i| {
            if !patch.hole[i] {
                return 0.0;
            }
            let floor = 0.15 + 0.015 * inside_mm[i];
            if half[i].is_finite() { floor.hypot(half[i]) } else { floor * 1.5 }
        })
        .collect()
}

fn disagreement(patch: &Patch, difference: &Tables, mirrored: Option<&Mirrored>, findings: &mut Vec<Finding>) {
    let Some(mirrored) = mirrored else { return };
    let seen: Vec<usize> = (0..patch.hole.len()).filter(|&i| patch.hole[i] && mirrored.moved.seen[i]).collect();
    let apart = seen.iter().filter(|&&i| difference.outer[i].abs() > DISAGREE_MM).count();
    let most = seen.iter().map(|&i| difference.outer[i].abs()).fold(0.0, f32::max);
    if apart > 0 {
        findings.push(Finding {
            message: format!(
                "The mirrored side and the continued rim differ by more than {DISAGREE_MM} mm over {:.0} % of the hole (at most {most:.1} mm): look at the outer surface there.",
                100.0 * apart as f64 / seen.len().max(1) as f64
            ),
        });
    }
}

/// An outer table this near to the completed one stands where it should, mm.
const WHOLE_WALL_MM: f32 = 1.0;
/// An inner wall this much deeper than the completed inner table is a sinus' back wall, mm.
const SINUS_DEPTH_MM: f32 = 3.0;

/// The hole, its cut walls, and a pixel's breadth more; not a sinus beside it whose front wall stands: the rays through
/// its two walls look like a cut.
fn allowed(sheet: &Sheet, patch: &Patch, trust: &Trust, outer_mm: &[f32], inner_mm: &[f32]) -> Vec<bool> {
    let reach = 1.0_f64.max(1.5 * sheet.pixel_mm);
    let sinus = |i: usize| {
        !patch.hole[i]
            && patch.outer_mm[i] > outer_mm[i] - WHOLE_WALL_MM
            && patch.inner_mm[i] < inner_mm[i] - SINUS_DEPTH_MM
    };
    let near = sheet.distance_mm(&trust.missing);
    near.iter().enumerate().map(|(i, &d)| d as f64 <= reach && !sinus(i)).collect()
}
