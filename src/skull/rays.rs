//! Rays from the head's centre through a volume: where they enter and leave bone.

use super::RayHit;
use crate::geometry::Volume;
use nalgebra::{Matrix3, Point3, Vector3};
use rayon::prelude::*;

/// Nothing nearer to the centre than this is looked at (sella, pineal), mm.
pub(crate) const FROM_MM: f64 = 25.0;
/// Nothing farther is looked at, mm.
pub(crate) const TO_MM: f64 = 150.0;
/// Step along a ray, mm.
const STEP_MM: f64 = 0.5;
/// Bone with gaps of at most this is one chain (diploë, sinus), mm.
const GAP_MM: f64 = 8.0;
/// A first chain this much deeper than expected is passed over when one near the expectation follows (calcified
/// falx before the vault), mm.
const DEEP_MM: f64 = 15.0;

/// A volume seen by rays: bone is at or above `iso`.
pub(crate) struct RaySource<'a, T> {
    volume: &'a Volume<T>,
    iso: f32,
    index_from_lps: Matrix3<f64>,
}

/// A stretch of bone along a ray.
#[derive(Clone, Copy)]
struct Chain {
    entry: f64,
    exit: f64,
}

impl<'a, T: Copy + Into<f32> + Sync> RaySource<'a, T> {
    pub(crate) fn new(volume: &'a Volume<T>, iso: f32) -> Self {
        Self { volume, iso, index_from_lps: volume.grid.index_from_lps_matrix() }
    }

    /// One hit a ray: `rays` are unit LPS directions with the outer radius expected there (NaN for none).
    pub(crate) fn cast(&self, centre: &Point3<f64>, rays: &[(Vector3<f64>, f64)]) -> Vec<RayHit> {
        let origin = self.index_from_lps * (centre - self.volume.grid.origin_mm);
        rays.par_iter().with_min_len(256).map(|(d, expected)| self.march(&origin, d, *expected)).collect()
    }

    /// Largest value between two radii along a ray; `f32::NEG_INFINITY` outside of the volume.
    pub(crate) fn peak(&self, centre: &Point3<f64>, direction: &Vector3<f64>, from_mm: f64, to_mm: f64) -> f32 {
        let origin = self.index_from_lps * (centre - self.volume.grid.origin_mm);
        let step = self.index_from_lps * direction;
        let count = ((to_mm - from_mm) / STEP_MM).ceil().max(0.0) as usize;
        (0..=count)
            .map(|k| self.sample(&(origin + step * (from_mm + k as f64 * STEP_MM))))
            .fold(f32::NEG_INFINITY, f32::max)
    }

    fn march(&self, origin: &Vector3<f64>, direction: &Vector3<f64>, expected: f64) -> RayHit {
        let step = self.index_from_lps * direction;
        let mut peak = f32::NEG_INFINITY;
        let mut first: Option<Chain> = None;
        let mut open: Option<Chain> = None;
        let mut before = f32::NEG_INFINITY;
        let fits =
            |c: &Chain| expected.is_nan() || (c.exit > expected - DEEP_MM && c.exit < expected + DEEP_MM + GAP_MM);
        let count = ((TO_MM - FROM_MM) / STEP_MM) as usize;
        for k in 0..=count {
            let r = FROM_MM + k as f64 * STEP_MM;
            let value = self.sample(&(origin + step * r));
            peak = peak.max(value);
            let bone = value >= self.iso;
            if bone && before < self.iso {
                // Where the straight line between the two samples meets the level; outside of the volume counts as
                // a bone-free sample, so that a wall at the border is entered at its first sample.
                let back = if before.is_finite() { ((value - self.iso) / (value - before)) as f64 } else { 0.0 };
                if open.is_none() {
                    open = Some(Chain { entry: r - back * STEP_MM, exit: r });
                }
            }
            if let Some(chain) = &mut open {
                if bone {
                    chain.exit = r;
                } else if before >= self.iso {
                    let on = if value.is_finite() { ((before - self.iso) / (before - value)) as f64 } else { 0.0 };
                    chain.exit = r - STEP_MM + on * STEP_MM;
                } else if r - chain.exit > GAP_MM {
                    let closed = *chain;
                    open = None;
                    if fits(&closed) {
                        return hit(&closed, peak);
                    }
                    first = first.or(Some(closed));
                }
            }
            before = value;
        }
        let last = open.filter(|c| fits(c) || first.is_none());
        match last.or(first) {
            Some(chain) => hit(&chain, peak),
            None => RayHit { inner_mm: f32::NAN, outer_mm: f32::NAN, peak },
        }
    }

    /// Trilinear value, −∞ outside of the voxel centres.
    #[inline]
    fn sample(&self, index: &Vector3<f64>) -> f32 {
        self.volume.sample_index(index, f32::NEG_INFINITY)
    }
}

fn hit(chain: &Chain, peak: f32) -> RayHit {
    RayHit { inner_mm: chain.entry as f32, outer_mm: chain.exit as f32, peak }
}

/// `count` directions spread evenly over the sphere's part with z > `z_min` (Fibonacci lattice).
pub(crate) fn even_directions(count: usize, z_min: f64) -> Vec<Vector3<f64>> {
    let golden = std::f64::consts::PI * (1.0 + 5f64.sqrt());
    let one = |i: usize| {
        let i = i as f64 + 0.5;
        let z = 1.0 - (1.0 - z_min) * i / count as f64;
        let (sin, cos) = (golden * i).sin_cos();
        let s = (1.0 - z * z).max(0.0).sqrt();
        Vector3::new(s * cos, s * sin, z)
    };
    (0..count).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    /// A shell of bone between two radii about the origin, with a linear ramp over one millimetre, and a ball
    /// of calcification at 45 mm on the +x side.
    fn shell(inner: f64, outer: f64) -> Volume<i16> {
        let grid = Grid::axis_aligned([121, 121, 121], [2.0; 3], Point3::from([-120.0; 3]));
        let value = |o: usize| {
            let [x, y, z] = grid.index(o);
            let p = grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64)).coords;
            let inside = (p.norm() - inner).min(outer - p.norm()).max(6.0 - (p - Vector3::x() * 45.0).norm());
            (500.0 + 100.0 * inside).clamp(-1000.0, 1500.0) as i16
        };
        Volume::new(grid.clone(), (0..grid.len()).map(value).collect())
    }

    #[test]
    fn a_shell_is_entered_and_left_at_its_radii() {
        let volume = shell(80.0, 87.0);
        let source = RaySource::new(&volume, 500.0);
        let rays: Vec<_> = even_directions(300, 0.1).into_iter().map(|d| (d, f64::NAN)).collect();
        for ((d, _), hit) in rays.iter().zip(source.cast(&Point3::origin(), &rays)) {
            if d.x < 0.8 {
                assert!((hit.inner_mm - 80.0).abs() < 0.05, "{}", hit.inner_mm);
                assert!((hit.outer_mm - 87.0).abs() < 0.05, "{}", hit.outer_mm);
            }
        }
    }

    #[test]
    fn a_calcification_before_the_vault_is_passed_over_when_the_vault_is_expected() {
        let volume = shell(80.0, 87.0);
        let source = RaySource::new(&volume, 500.0);
        let cast = |expected| source.cast(&Point3::origin(), &[(Vector3::x(), expected)])[0];
        assert!((cast(f64::NAN).outer_mm - 51.0).abs() < 0.2);
        assert!((cast(86.0).outer_mm - 87.0).abs() < 0.1);
        assert!((cast(86.0).inner_mm - 80.0).abs() < 0.1);
    }

    #[test]
    fn a_ray_without_bone_says_so() {
        let volume = shell(80.0, 87.0);
        let source = RaySource::new(&volume, 2000.0);
        let hit = source.cast(&Point3::origin(), &[(Vector3::z(), f64::NAN)])[0];
        assert!(hit.inner_mm.is_nan() && hit.outer_mm.is_nan() && hit.peak <= 1500.0);
    }

    #[test]
    fn directions_are_unit_and_above_the_given_height() {
        let d = even_directions(1000, -0.25);
        assert!(d.iter().all(|d| (d.norm() - 1.0).abs() < 1e-12 && d.z > -0.25));
        let mean = d.iter().sum::<Vector3<f64>>() / 1000.0;
        assert!(mean.x.abs() < 0.01 && mean.y.abs() < 0.01 && (mean.z - 0.375).abs() < 0.01);
    }
}
