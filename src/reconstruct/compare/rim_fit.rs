//! How well a method's own surface goes on from the intact bone, before it is joined with it.

use crate::defect::Patch;
use crate::reconstruct::rim::Rim;
use crate::reconstruct::sheet::Sheet;

/// Bone this far from what is missing is looked at, mm.
const RING_MM: f32 = 8.0;
/// The rim is looked at in stretches about this long, mm, at least this many.
const STRETCH_MM: f64 = 10.0;
const LEAST_STRETCHES: usize = 8;
/// A stretch needs so many pixels of bone, spread so far from the rim, mm.
const LEAST_PIXELS: f64 = 20.0;
const LEAST_SPREAD_MM: f64 = 1.0;

/// Step and kink between the bone around the hole and a method's own outer surface.
///
/// Stretch by stretch along the rim, the difference of bone and surface in a ring of 8 mm around what is missing is laid
/// on a straight line over the distance from it: its height at the rim is the step, its slope the kink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RimFit {
    /// Mean height of the step at the rim, mm.
    pub step_mm: f64,
    /// Mean angle of the kink at the rim, degrees.
    pub kink_deg: f64,
    /// Share of the stretches that have bone to look at, 0..1.
    pub seen: f64,
}

/// Sums of a straight line through points (distance, difference).
#[derive(Clone, Copy, Default)]
struct Line {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Line {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Height at 0 and slope, where there is enough to tell.
    fn fitted(&self) -> Option<(f64, f64)> {
        if self.count < LEAST_PIXELS {
            return None;
        }
        let spread = self.xx / self.count - (self.x / self.count).powi(2);
        if spread.max(0.0).sqrt() < LEAST_SPREAD_MM {
            return None;
        }
        let slope = (self.xy / self.count - self.x * self.y / self.count.powi(2)) / spread;
        Some(((self.y - slope * self.x) / self.count, slope))
    }
}

/// The rim fit of a predicted outer radius (mm, on the rim's domain); `None` where no bone is near.
pub(super) fn rim_fit(sheet: &Sheet, patch: &Patch, rim: &Rim, outer_mm: &[f32]) -> Option<RimFit> {
    let hole: Vec<usize> = (0..patch.hole.len()).filter(|&i| patch.hole[i]).collect();
    let mean = |k: usize| hole.iter().map(|&i| sheet.position_mm(i)[k]).sum::<f64>() / hole.len().max(1) as f64;
    let middle = [mean(0), mean(1)];
    // Around a disc of the hole's area.
    let around_mm = 2.0 * (std::f64::consts::PI * hole.len() as f64).sqrt() * sheet.pixel_mm;
    let count = ((around_mm / STRETCH_MM).round() as usize).max(LEAST_STRETCHES);
    let mut lines = vec![Line::default(); count];
    for (i, &predicted_mm) in outer_mm.iter().enumerate() {
        let away_mm = rim.missing_mm[i];
        let difference = f64::from(patch.outer_mm[i] - predicted_mm);
        if rim.trust.outer[i] && rim.domain[i] && away_mm > 0.0 && away_mm <= RING_MM && difference.is_finite() {
            let [x, y] = sheet.position_mm(i);
            let turn = (y - middle[1]).atan2(x - middle[0]) / std::f64::consts::TAU + 0.5;
            lines[((turn * count as f64) as usize).min(count - 1)].add(f64::from(away_mm), difference);
        }
    }
    let fitted: Vec<(f64, f64)> = lines.iter().filter_map(Line::fitted).collect();
    if fitted.is_empty() {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| fitted.iter().map(of).sum::<f64>() / fitted.len() as f64;
    Some(RimFit {
        step_mm: mean(|(height, _)| height.abs()),
        kink_deg: mean(|(_, slope)| slope.abs().atan().to_degrees()),
        seen: fitted.len() as f64 / count as f64,
    })
}
