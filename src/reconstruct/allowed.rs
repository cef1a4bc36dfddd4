//! Where bone may have to be added: the hole, and around it only what a saw took.

use super::sheet::Sheet;
use super::trust::Trust;
use crate::defect::Patch;

/// Walls are seen to a pixel's breadth, mm (at least one and a half pixels).
const EDGE_MM: f64 = 1.0;
/// The hole's outline is known to this, mm.
const OUTLINE_MM: f32 = 1.2;
/// An outer table this near to the completed one stands where it should; one farther outside is another surface, mm.
const WHOLE_WALL_MM: f32 = 1.0;
/// An outer table lower than this, or an inner one farther out, was cut: mm beside bone's texture.
const CUT_MM: f32 = 0.5;
/// Deeper than this is no bevel beside the hole but another surface (the hole holds what is deeper), mm.
const DEEPEST_BEVEL_MM: f32 = 4.0;
/// An inner wall this much deeper than the completed inner table is a sinus' back wall, mm.
const SINUS_DEPTH_MM: f32 = 3.0;
/// Gaps and spurs of a cut's outline narrower than twice this are bone's texture, mm.
const SMOOTH_MM: f32 = 0.8;

/// The hole with what its outline may be wrong by, and the bevels beside it: where the outer table is lowered between the
/// completed tables, or where it stands and the inner one is cut away below it. Where both tables stand nothing is
/// missing, whatever lies between them (a frontal sinus opened at its end); where bone stands out of the completed
/// surface or far below it, that surface does not go on there (brow, orbit).
pub(super) fn allowed(sheet: &Sheet, patch: &Patch, trust: &Trust, outer_mm: &[f32], inner_mm: &[f32]) -> Vec<bool> {
    let edge = EDGE_MM.max(1.5 * sheet.pixel_mm) as f32;
    let (to_hole, to_missing) = (sheet.distance_mm(&patch.hole), sheet.distance_mm(&trust.missing));
    let cut = |i: usize| {
        let lowered = outer_mm[i] - patch.outer_mm[i];
        let undercut = patch.inner_mm[i] - inner_mm[i];
        let thickness = outer_mm[i] - inner_mm[i];
        if !(-WHOLE_WALL_MM..=DEEPEST_BEVEL_MM.min(thickness)).contains(&lowered) {
            return false;
        }
        lowered > CUT_MM || (CUT_MM..thickness).contains(&undercut)
    };
    let sinus =
        |i: usize| patch.outer_mm[i] > outer_mm[i] - WHOLE_WALL_MM && patch.inner_mm[i] < inner_mm[i] - SINUS_DEPTH_MM;
    let bevels = smoothed(sheet, &(0..patch.hole.len()).map(|i| to_missing[i] <= edge && cut(i)).collect::<Vec<_>>());
    let beside = |i: usize| to_missing[i] <= edge && (bevels[i] || to_hole[i] <= OUTLINE_MM + edge);
    let all: Vec<bool> = (0..patch.hole.len()).map(|i| patch.hole[i] || (beside(i) && !sinus(i))).collect();
    sheet.connected_to(&all, &patch.hole)
}

/// Closed, then opened.
fn smoothed(sheet: &Sheet, mask: &[bool]) -> Vec<bool> {
    let wider = |mask: &[bool]| -> Vec<bool> { sheet.distance_mm(mask).iter().map(|&d| d <= SMOOTH_MM).collect() };
    let narrower = |mask: &[bool]| -> Vec<bool> {
        let outside: Vec<bool> = mask.iter().map(|m| !m).collect();
        sheet.distance_mm(&outside).iter().map(|&d| d > SMOOTH_MM).collect()
    };
    wider(&narrower(&narrower(&wider(mask))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Disc;
    use nalgebra::Vector3;

    /// A sphere of 85 mm, 6 mm thick, with a round hole of 20 mm; around it nothing is trusted up to 8 mm, and each
    /// quarter has another rim.
    #[test]
    fn what_a_saw_took_is_filled_and_no_sinus_brow_or_orbit() {
        let disc = Disc::about(&Vector3::new(0.0, 0.6, 0.8), 141, 0.8);
        let n = disc.size;
        let sheet = Sheet::new(&disc, 85.0);
        let middle = (n / 2) as f64;
        let place = |i: usize| ((i / n) as f64 - middle, (i % n) as f64 - middle);
        let away = |i: usize| place(i).0.hypot(place(i).1) * sheet.pixel_mm - 20.0;
        let hole: Vec<bool> = (0..n * n).map(|i| away(i) < 0.0).collect();
        let mut patch = Patch {
            hole: hole.clone(),
            inner_mm: hole.iter().map(|&h| if h { f32::NAN } else { 79.0 }).collect(),
            outer_mm: hole.iter().map(|&h| if h { f32::NAN } else { 85.0 }).collect(),
            vault: vec![true; n * n],
            disc,
        };
        let quarter = |i: usize| usize::from(place(i).0 > 0.0) * 2 + usize::from(place(i).1 > 0.0);
        let beside = |i: usize| (0.0..6.0).contains(&away(i));
        for i in (0..n * n).filter(|&i| beside(i)) {
            match quarter(i) {
                // A sinus: both tables stand.
                0 => {}
                // Undercut: the inner table is gone.
                1 => patch.inner_mm[i] = 82.0,
                // A brow stands out.
                2 => patch.outer_mm[i] = 90.0,
                // An orbit: bone only far below.
                _ => (patch.outer_mm[i], patch.inner_mm[i]) = (76.0, 72.0),
            }
        }
        let missing: Vec<bool> = (0..n * n).map(|i| away(i) < 8.0).collect();
        let trusted: Vec<bool> = missing.iter().map(|m| !m).collect();
        let trust = Trust { outer: trusted.clone(), inner: trusted, missing };
        let whole = (vec![85.0; n * n], vec![79.0; n * n]);
        let allowed = allowed(&sheet, &patch, &trust, &whole.0, &whole.1);
        let edge = f64::from(OUTLINE_MM) + EDGE_MM.max(1.5 * sheet.pixel_mm) + sheet.pixel_mm;
        for i in 0..n * n {
            // The quarters' own borders are smoothed.
            let border = place(i).0.abs().min(place(i).1.abs()) * sheet.pixel_mm < 2.5;
            if hole[i] {
                assert!(allowed[i]);
            } else if !border && quarter(i) == 1 && (0.0..5.0).contains(&away(i)) {
                assert!(allowed[i], "an undercut {} mm beside the hole", away(i));
            } else if away(i) > edge && (quarter(i) != 1 && !border || away(i) > 7.5) {
                assert!(!allowed[i], "quarter {} {} mm beside the hole", quarter(i), away(i));
            }
        }
    }
}
