//! Slices that lie shifted or unevenly → a straight, even volume.

use super::collect::reserve;
use super::error::Error;
use rayon::prelude::*;
use std::path::Path;

/// Slices nearer than this share of a step to where one is wanted are taken as they are.
const SAME_HEIGHT: f64 = 0.01;
/// Shifts nearer than this to whole pixels move pixels as they are.
const SAME_PLACE: f64 = 1e-3;

/// How stored slices come onto a straight grid.
pub(super) struct Repair {
    /// Pixels of a stored slice.
    stored: [usize; 2],
    /// Voxels of the straight grid.
    size: [usize; 3],
    /// Of each stored slice: where its first pixel lies on the straight grid, in voxels.
    places: Vec<[f64; 3]>,
}

impl Repair {
    /// For slices of `stored` pixels whose first pixels lie at `places`, in pixels and steps of height against the
    /// first slice's (rising heights, the last a whole number). Gives the repair, where the straight grid begins along
    /// the first two axes (whole pixels, so that slices in place need no interpolation) and its size.
    pub(super) fn new(stored: [usize; 2], mut places: Vec<[f64; 3]>) -> (Self, [f64; 2], [usize; 3]) {
        let mut start = [0.0; 2];
        let mut size = [stored[0], stored[1], 1];
        for axis in 0..2 {
            let shifts = || places.iter().map(|p| p[axis]);
            start[axis] = shifts().fold(0.0, f64::min).floor();
            size[axis] += (shifts().fold(0.0, f64::max) - start[axis]).ceil() as usize;
        }
        for place in &mut places {
            place[0] -= start[0];
            place[1] -= start[1];
        }
        size[2] += places.last().map_or(0.0, |p| p[2].round()) as usize;
        (Self { stored, size, places }, start, size)
    }

    /// Stored voxels (x fastest) on the straight grid: within a slice by a cubic (Catmull-Rom) that does not leave the
    /// range of the four pixels it asks, between slices by a line. Where no slice reaches stands `outside`.
    pub(super) fn apply<T>(
        &self,
        stored: &[T],
        outside: T,
        whole: impl Fn(f32) -> T + Sync,
        path: &Path,
    ) -> Result<Vec<T>, Error>
    where
        T: Copy + Into<f32> + Send + Sync,
    {
        let (area, new_area) = (self.stored[0] * self.stored[1], self.size[0] * self.size[1]);
        let mut straight: Vec<T> = reserve(new_area.saturating_mul(self.size[2]), path)?;
        straight.resize(new_area * self.size[2], outside);
        straight.par_chunks_mut(new_area).enumerate().for_each_init(
            || (vec![(0f32, 0f32); new_area], vec![0f32; self.stored[0]]),
            |(sums, row), (z, out)| {
                sums.fill((0.0, 0.0));
                for (slice, share) in self.sources(z as f64) {
                    let [x, y, _] = self.places[slice];
                    self.add_shifted(&stored[slice * area..(slice + 1) * area], [x, y], share, row, sums);
                }
                // Where one of two slices does not reach, the other tells alone.
                let told = out.iter_mut().zip(sums.iter()).filter(|(_, (_, shares))| *shares > 0.0);
                told.for_each(|(out, (sum, shares))| *out = whole(sum / shares));
            },
        );
        Ok(straight)
    }

    /// The stored slices that tell of a height, with their shares.
    fn sources(&self, z: f64) -> Vec<(usize, f32)> {
        let above = self.places.partition_point(|p| p[2] <= z).min(self.places.len() - 1);
        let below = above.saturating_sub(1);
        let (low, high) = (self.places[below][2], self.places[above][2]);
        let share = if high > low { ((z - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        if z - low <= SAME_HEIGHT {
            vec![(below, 1.0)]
        } else if high - z <= SAME_HEIGHT {
            vec![(above, 1.0)]
        } else {
            vec![(below, 1.0 - share as f32), (above, share as f32)]
        }
    }

    /// Adds `share` of a slice that is shifted by a number of pixels, and the share itself where it reaches; `row` is
    /// room for one of its rows.
    fn add_shifted<T: Copy + Into<f32>>(
        &self,
        pixels: &[T],
        shift: [f64; 2],
        share: f32,
        row: &mut [f32],
        sums: &mut [(f32, f32)],
    ) {
        let [columns, rows] = self.stored;
        let across = Tap::new(shift[0], columns);
        let down = Tap::new(shift[1], rows);
        for (y, out) in sums.chunks_exact_mut(self.size[0]).enumerate() {
            let Some((at, weights)) = down.at(y) else { continue };
            let lines = at.map(|r| &pixels[r * columns..(r + 1) * columns]);
            for (x, value) in row.iter_mut().enumerate() {
                *value = blend(lines.map(|line| line[x].into()), weights);
            }
            for (x, (sum, shares)) in out.iter_mut().enumerate() {
                if let Some((at, weights)) = across.at(x) {
                    *sum += share * blend(at.map(|c| row[c]), weights);
                    *shares += share;
                }
            }
        }
    }
}

/// Four weighted values, within their range.
fn blend(values: [f32; 4], weights: [f32; 4]) -> f32 {
    if weights == [0.0, 1.0, 0.0, 0.0] {
        return values[1];
    }
    let sum: f32 = values.iter().zip(weights).map(|(v, w)| v * w).sum();
    let (low, high) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    sum.clamp(low, high)
}

/// Which stored pixels tell of a pixel of a line that is shifted.
struct Tap {
    /// Whole pixels of the shift, and what is left of it as the four weights.
    whole: isize,
    weights: [f32; 4],
    length: isize,
}

impl Tap {
    fn new(shift: f64, length: usize) -> Self {
        // The pixel at x is asked at x − shift = x − whole + t.
        let nearest = shift.round();
        let whole = if (shift - nearest).abs() < SAME_PLACE { nearest } else { shift.ceil() };
        let t = (whole - shift) as f32;
        let weights = if t < SAME_PLACE as f32 {
            [0.0, 1.0, 0.0, 0.0]
        } else {
            let (t2, t3) = (t * t, t * t * t);
            [
                0.5 * (-t3 + 2.0 * t2 - t),
                0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
                0.5 * (-3.0 * t3 + 4.0 * t2 + t),
                0.5 * (t3 - t2),
            ]
        };
        Self { whole: whole as isize, weights, length: length as isize }
    }

    /// `None` outside of the stored line.
    fn at(&self, x: usize) -> Option<([usize; 4], [f32; 4])> {
        let base = x as isize - self.whole;
        let reaches = (0..self.length).contains(&base) && (self.weights[1] == 1.0 || base + 1 < self.length);
        let near = |step: isize| (base + step).clamp(0, self.length - 1) as usize;
        reaches.then(|| ([near(-1), near(0), near(1), near(2)], self.weights))
    }
}
