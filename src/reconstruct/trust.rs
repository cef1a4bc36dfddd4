use super::sheet::Sheet;
use super::tables::Tables;
use crate::defect::Patch;
use crate::skull::THICKNESS_MM;

/// Which rays may be believed. The two tables are trusted apart: a saw that leans leaves the one whole where the other
/// is cut, on one side of a hole the inner and on the other the outer.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Outer radius is intact bone's.
    pub outer: Vec<bool>,
    /// Inner radius is intact bone's; also over the hole, where only the outer table is cut away.
    pub inner: Vec<bool>,
    /// Hole, cut walls and what lies too near to them: one of the two has to be predicted.
    pub missing: Vec<bool>,
}

/// Rays nearer than this to the hole may graze a cut wall, mm.
const GUARD_MM: f64 = 5.0;
/// Walls reach at most this far from the hole's edge, mm.
const WALL_REACH_MM: f32 = 9.0;
/// Bone's own roughness is measured beyond the walls up to this far from the hole, mm.
const ROUGH_REACH_MM: f32 = WALL_REACH_MM + 3.0;
/// The hole's own edge is known to this, mm: outer bone nearer to it is not asked.
const EDGE_MM: f32 = 1.2;
/// Scale on which a wall's slope is measured, and margin around a wall, mm.
const SLOPE_SCALE_MM: f64 = 1.3;
const MARGIN_MM: f32 = 0.5;
/// A residual to the prediction steeper than this is a cut wall (mm a mm), and one larger than this too (mm).
const WALL_SLOPE: f32 = 0.5;
const WALL_STEP_MM: f32 = 3.0;
/// Where the intact bone itself is steeper (the stairs of thick slices), a wall is what is steeper than so much of it;
/// real walls are steeper than the last.
const ROUGH_SHARE: f64 = 0.9;
const SURE_WALL_SLOPE: f32 = 1.0;
/// Beyond the vault bone goes on where its difference to the mean is flatter (mm a mm) and smaller (mm) than this, so
/// far from where it is not, mm.
const BEYOND_SLOPE: f32 = 0.8;
const BEYOND_MM: f32 = 10.0;
const BEYOND_MARGIN_MM: f32 = 1.0;

impl Trust {
    /// Everything seen farther than the guard from the hole.
    pub fn guarded(sheet: &Sheet, patch: &Patch) -> Self {
        let missing: Vec<bool> = sheet.distance_mm(&patch.hole).iter().map(|&d| d as f64 <= GUARD_MM).collect();
        let outer: Vec<bool> =
            (0..missing.len()).map(|i| !missing[i] && patch.vault[i] && patch.outer_mm[i].is_finite()).collect();
        let inner = (0..missing.len())
            .map(|i| outer[i] && THICKNESS_MM.contains(&(patch.outer_mm[i] - patch.inner_mm[i])))
            .collect();
        Self { outer, inner, missing }
    }

    /// Gives back the bone within the guard whose residual to a first prediction is flat: a cut wall is steep.
    /// `predicted` must cover the hole and [`Trust::asked_mm`] around it.
    pub fn give_back(&self, sheet: &Sheet, patch: &Patch, predicted: &Tables) -> Self {
        let to_hole = sheet.distance_mm(&patch.hole);
        let outer = self.table(sheet, patch, &patch.outer_mm, &predicted.outer, &to_hole, &self.outer);
        let outer: Vec<bool> = (0..outer.len()).map(|i| outer[i] && to_hole[i] > EDGE_MM).collect();
        let inner = self.table(sheet, patch, &patch.inner_mm, &predicted.inner(), &to_hole, &self.inner);
        let missing = missing(patch, &to_hole, &outer, &inner);
        Self { outer, inner, missing }
    }

    /// Takes bone beyond the vault too (brow, temple, mastoid) where it goes on flatly and near to the mean.
    pub fn beyond_vault(mut self, sheet: &Sheet, patch: &Patch, mean: &Tables) -> Self {
        let to_hole = sheet.distance_mm(&patch.hole);
        let seen = Tables::observed(patch);
        let table = |trusted: &mut Vec<bool>, seen_mm: &[f32], mean_mm: &[f32]| {
            let residual: Vec<f32> = seen_mm.iter().zip(mean_mm).map(|(s, m)| s - m).collect();
            let slope = slopes(sheet, &residual);
            let rough: Vec<bool> = (0..residual.len())
                .map(|i| {
                    !(slope[i] < BEYOND_SLOPE
                        && residual[i].abs() < BEYOND_MM
                        && THICKNESS_MM.contains(&seen.thickness[i])
                        && to_hole[i] > EDGE_MM)
                })
                .collect();
            let to_rough = sheet.distance_mm(&rough);
            (0..residual.len()).for_each(|i| trusted[i] |= !patch.vault[i] && to_rough[i] > BEYOND_MARGIN_MM);
        };
        table(&mut self.outer, &patch.outer_mm, &mean.outer);
        table(&mut self.inner, &patch.inner_mm, &mean.inner());
        self.missing = missing(patch, &to_hole, &self.outer, &self.inner);
        self
    }

    /// How far around the hole a first prediction is asked for, mm.
    pub fn asked_mm() -> f32 {
        WALL_REACH_MM + 3.0
    }

    /// One table: flat against its prediction near the hole, as before farther out, in one piece with that.
    fn table(
        &self,
        sheet: &Sheet,
        patch: &Patch,
        seen: &[f32],
        predicted: &[f32],
        to_hole: &[f32],
        guarded: &[bool],
    ) -> Vec<bool> {
        let count = seen.len();
        let residual: Vec<f32> = seen.iter().zip(predicted).map(|(s, p)| s - p).collect();
        let slope = slopes(sheet, &residual);
        let near = |i: usize| to_hole[i] <= WALL_REACH_MM;
        let intact = |i: &usize| guarded[*i] && to_hole[*i] > WALL_REACH_MM && to_hole[*i] < ROUGH_REACH_MM;
        let roughness = quantile((0..count).filter(intact).map(|i| slope[i]).collect(), ROUGH_SHARE);
        let wall = roughness.map_or(WALL_SLOPE, |r| r.clamp(WALL_SLOPE, SURE_WALL_SLOPE));
        let flat = |i: usize| slope[i] < wall && residual[i].abs() < WALL_STEP_MM;
        let bad: Vec<bool> = (0..count).map(|i| near(i) && !flat(i)).collect();
        let to_bad = sheet.distance_mm(&bad);
        let good: Vec<bool> =
            (0..count).map(|i| if near(i) { patch.vault[i] && to_bad[i] > MARGIN_MM } else { guarded[i] }).collect();
        let seeds: Vec<bool> = (0..count).map(|i| guarded[i] && to_hole[i] > WALL_REACH_MM - 2.0).collect();
        sheet.connected_to(&good, &seeds)
    }
}

/// The hole and the walls around it: where one of the two tables is not trusted.
fn missing(patch: &Patch, to_hole: &[f32], outer: &[bool], inner: &[bool]) -> Vec<bool> {
    (0..outer.len()).map(|i| patch.hole[i] || (to_hole[i] <= WALL_REACH_MM && !(outer[i] && inner[i]))).collect()
}

/// Value that a share of the finite ones do not exceed; `None` when there are none.
fn quantile(mut values: Vec<f32>, share: f64) -> Option<f32> {
    values.retain(|v| v.is_finite());
    let at = (share * values.len().checked_sub(1)? as f64).round() as usize;
    Some(*values.select_nth_unstable_by(at, f32::total_cmp).1)
}

/// Steepness of a map a pixel: the steeper of the differences to both sides, both axes together; NaN where unknown.
fn slopes(sheet: &Sheet, values: &[f32]) -> Vec<f32> {
    let n = sheet.size as isize;
    let step = (SLOPE_SCALE_MM / sheet.pixel_mm).round().max(1.0) as isize;
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
