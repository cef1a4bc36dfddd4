use super::sheet::Sheet;
use crate::defect::Patch;

/// Which rays may be believed. Outer and inner table are trusted apart: a sinus spoils only the inner one.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Outer radius is intact bone's.
    pub outer: Vec<bool>,
    /// Both radii are intact bone's.
    pub both: Vec<bool>,
    /// Hole, cut walls and what lies too near to them: to be predicted.
    pub missing: Vec<bool>,
}

/// Rays nearer than this to the hole may graze a cut wall, mm.
const GUARD_MM: f64 = 5.0;
/// Scale on which a wall's slope is measured, and margin around a wall, mm.
const WALL_MM: f64 = 1.3;
/// A residual to the prediction steeper than this is a cut wall (mm a mm), and one larger than this too (mm).
const WALL_SLOPE: f32 = 0.35;
const WALL_STEP_MM: f32 = 3.0;
/// Thickness of a calvaria between its tables, mm; a sinus or the base is thicker.
const THICKNESS_MM: std::ops::RangeInclusive<f32> = 0.8..=22.0;

impl Trust {
    /// Everything seen farther than the guard from the hole.
    pub fn guarded(sheet: &Sheet, patch: &Patch) -> Self {
        let missing: Vec<bool> = sheet.distance_mm(&patch.hole).iter().map(|&d| d as f64 <= GUARD_MM).collect();
        Self::outside(patch, missing)
    }

    /// Gives back the bone within the guard whose residual to a first prediction is flat: a cut wall is steep.
    pub fn give_back(&self, sheet: &Sheet, patch: &Patch, outer: &[f32], inner: &[f32]) -> Self {
        let residual =
            |seen: &[f32], predicted: &[f32]| -> Vec<f32> { seen.iter().zip(predicted).map(|(s, p)| s - p).collect() };
        let (outer, inner) = (residual(&patch.outer_mm, outer), residual(&patch.inner_mm, inner));
        let (outer_slope, inner_slope) = (slopes(sheet, &outer), slopes(sheet, &inner));
        let flat = |i: usize| {
            outer_slope[i] < WALL_SLOPE
                && inner_slope[i] < WALL_SLOPE
                && outer[i].abs() < WALL_STEP_MM
                && inner[i].abs() < WALL_STEP_MM
        };
        let count = self.missing.len();
        let good: Vec<bool> =
            (0..count).map(|i| self.missing[i] && !patch.hole[i] && patch.vault[i] && flat(i)).collect();
        let bad: Vec<bool> = (0..count).map(|i| self.missing[i] && !good[i]).collect();
        let near_bad = sheet.distance_mm(&bad);
        let wanted: Vec<bool> =
            (0..count).map(|i| !self.missing[i] || (good[i] && near_bad[i] as f64 > WALL_MM)).collect();
        let seeds: Vec<bool> = self.missing.iter().map(|&m| !m).collect();
        let kept = sheet.connected_to(&wanted, &seeds);
        Self::outside(patch, kept.iter().map(|&k| !k).collect())
    }

    fn outside(patch: &Patch, missing: Vec<bool>) -> Self {
        let outer: Vec<bool> =
            (0..missing.len()).map(|i| !missing[i] && patch.vault[i] && patch.outer_mm[i].is_finite()).collect();
        let both = (0..missing.len())
            .map(|i| outer[i] && THICKNESS_MM.contains(&(patch.outer_mm[i] - patch.inner_mm[i])))
            .collect();
        Self { outer, both, missing }
    }
}

/// Steepness of a map a pixel: the steeper of the differences to both sides, both axes together; NaN where unknown.
fn slopes(sheet: &Sheet, values: &[f32]) -> Vec<f32> {
    let n = sheet.size as isize;
    let step = (WALL_MM / sheet.pixel_mm).round().max(1.0) as isize;
    let length = (step as f64 * sheet.pixel_mm) as f32;
    let at = |r: isize, c: isize| {
        if r < 0 || c < 0 || r >= n || c >= n { f32::NAN } else { values[(r * n + c) as usize] }
    };
    (0..n * n)
        .map(|i| {
            let (r, c, here) = (i / n, i % n, values[i as usize]);
            // f32::max passes over a NaN on one side.
            let steeper = |a: f32, b: f32| (a - here).abs().max((b - here).abs()) / length;
            let across = steeper(at(r, c - step), at(r, c + step));
            let down = steeper(at(r - step, c), at(r + step, c));
            across.hypot(down)
        })
        .collect()
}
