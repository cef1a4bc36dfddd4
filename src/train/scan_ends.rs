//! Scans that end before the head does, with and without saying so.

use super::detector::clear;
use crate::geometry::Random;
use crate::network::{Seen, expected};
use nalgebra::Vector3;

/// The scan ends before the head does: above, below, or at a side.
pub(super) fn cut_field(seen: &mut Seen, random: &mut Random) {
    let normal = match random.below(5) {
        0 | 1 => Vector3::new(0.1 * random.normal(), 0.2 * random.normal(), 1.0),
        2 => Vector3::new(0.1 * random.normal(), 0.2 * random.normal(), -1.0),
        3 => Vector3::new(0.2 * random.normal(), if random.chance(0.5) { 1.0 } else { -1.0 }, 0.1 * random.normal()),
        _ => Vector3::new(if random.chance(0.5) { 1.0 } else { -1.0 }, 0.1 * random.normal(), 0.1 * random.normal()),
    };
    let normal = normal.normalize();
    let end_mm = if normal.z < -0.5 { random.between(-10.0, 60.0) } else { random.between(50.0, 90.0) };
    for o in 0..seen.outer_mm.len() {
        let Some(d) = expected().directions[o] else { continue };
        if d.dot(&normal) * f64::from(expected().outer_mm[o]) > end_mm - 1.5 {
            seen.scanned[o] = 0.0;
        }
        if seen.outer_mm[o].is_finite() && d.dot(&normal) * f64::from(seen.outer_mm[o]) > end_mm {
            clear(seen, o, 0.0);
        }
    }
}

/// Where a scan ends without its grid saying so: what was imaged on a tilted gantry, or with a tilted head, lies in a
/// straight grid whose corners are empty.
pub(super) struct End {
    /// Unit normal, away from what was imaged.
    normal: Vector3<f64>,
    /// Distance from the head's centre, mm of the mean frame.
    at_mm: f64,
}

impl End {
    /// Low on the head, rising by up to 35 degrees towards the occiput most often, else the brow or a side; sometimes
    /// above, below the vertex.
    pub(super) fn anywhere(random: &mut Random) -> Self {
        if random.chance(0.08) {
            let normal = Vector3::new(0.2 * random.normal(), 0.2 * random.normal(), 1.0).normalize();
            return Self { normal, at_mm: random.between(60.0, 88.0) };
        }
        let towards: f64 = match random.below(10) {
            0..=4 => 90.0 + 25.0 * random.normal(),
            5..=6 => -90.0 + 25.0 * random.normal(),
            _ => random.between(0.0, 360.0),
        };
        let (y, x) = towards.to_radians().sin_cos();
        let (sin, cos) = random.between(0.0, 35.0).to_radians().sin_cos();
        let normal = Vector3::new(sin * x, sin * y, -cos);
        // It meets the vault here on the side where it is highest.
        let (up, out) = random.between(-48.0, 5.0).to_radians().sin_cos();
        let met = Vector3::new(out * x, out * y, up);
        let at_mm = normal.dot(&met) * f64::from(expected().disc.sample(&expected().outer_mm, &met));
        Self { normal, at_mm }
    }

    /// Takes the bone beyond the end out of the rays, and what is missing there out of the target: nobody knows.
    pub(super) fn take(&self, seen: &mut Seen, missing: &mut [f32], random: &mut Random) {
        for (o, missing) in missing.iter_mut().enumerate() {
            let Some(d) = expected().directions[o] else { continue };
            let along = d.dot(&self.normal);
            let end_mm = self.at_mm + 0.25 * random.normal();
            let bone = seen.outer_mm[o].is_finite();
            let outer_mm = f64::from(if bone { seen.outer_mm[o] } else { expected().outer_mm[o] });
            if along * outer_mm <= end_mm {
                continue;
            }
            *missing = 0.0;
            // Where the end runs through the wall, what is left of it is cut short.
            let left_mm = if along > 0.0 { end_mm / along - f64::from(seen.inner_mm[o]) } else { 0.0 };
            if bone && left_mm > 0.4 {
                seen.outer_mm[o] = seen.inner_mm[o] + left_mm as f32;
            } else {
                clear(seen, o, 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::detector::tests::mean_head;

    /// Beyond the end there is neither bone nor target, and no word of it in `scanned`; before it nothing changes.
    #[test]
    fn a_scan_ends_low_on_the_head_without_saying_so() {
        let mean = expected();
        let (n, whole) = (mean.disc.len(), mean_head());
        let (mut low, mut behind, mut before) = (0, 0, 0);
        for i in 0..100 {
            let mut random = Random::new(5, i);
            let (mut seen, mut missing) = (whole.clone(), vec![1f32; n]);
            let end = End::anywhere(&mut random);
            end.take(&mut seen, &mut missing, &mut random);
            assert_eq!(seen.scanned, whole.scanned);
            let (mut gone, mut centre) = (0, Vector3::zeros());
            for (o, d) in mean.directions.iter().enumerate() {
                let Some(d) = d else { continue };
                let past_mm = |r: f32| d.dot(&end.normal) * f64::from(r) - end.at_mm;
                if past_mm(mean.outer_mm[o]) < -2.0 {
                    assert!(seen.outer_mm[o] == whole.outer_mm[o] && missing[o] == 1.0);
                }
                if past_mm(mean.outer_mm[o]) > 2.0 {
                    assert_eq!(missing[o], 0.0);
                }
                if past_mm(mean.outer_mm[o]).min(past_mm(whole.inner_mm[o])) > 2.0 {
                    assert!(seen.outer_mm[o].is_nan() && seen.peak[o] == 0.0);
                    gone += usize::from(mean.closed[o] > 0.5);
                    centre += d;
                }
            }
            let all = mean.closed.iter().filter(|c| **c > 0.5).count();
            assert!(2 * gone < all, "{gone} of {all}");
            if end.normal.z < 0.0 {
                assert!(-end.normal.z > 35f64.to_radians().cos() - 1e-9);
                low += 1;
                behind += usize::from(centre.y > centre.x.abs());
                before += usize::from(-centre.y > centre.x.abs());
            }
        }
        // The occiput most often.
        assert!(low > 80 && behind > before && before > 0, "{low} {behind} {before}");
    }
}
