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

/// No sinus is deeper than this, mm.
const SINUS_MM: f64 = 24.0;
/// A chain that ends this much below the expected outer table may be the inner wall of a sinus, mm.
const NEAR_MM: f64 = 4.0;

/// Bone that begins this far beyond the expected outer table is not the vault (zygomatic arch, mandible), mm.
pub(crate) const BEYOND_MM: f64 = 10.0;

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
        let mut chains = Chains::new(expected);
        let mut before = f32::NEG_INFINITY;
        let count = ((TO_MM - FROM_MM) / STEP_MM) as usize;
        for k in 0..=count {
            let r = FROM_MM + k as f64 * STEP_MM;
            let value = self.sample(&(origin + step * r));
            peak = peak.max(value);
            // Where the straight line between two samples meets the level; outside of the volume counts as free, so
            // that a wall at the border is entered at its first sample and left at its last.
            let (bone, was) = (value >= self.iso, before >= self.iso);
            if bone && !was {
                let back = if before.is_finite() { f64::from((value - self.iso) / (value - before)) } else { 0.0 };
                chains.enter(r - back * STEP_MM);
            } else if was && !bone {
                let on = if value.is_finite() { f64::from((before - self.iso) / (before - value)) } else { 0.0 };
                chains.leave(r - STEP_MM + on * STEP_MM);
            }
            before = value;
            if !bone && chains.settled(r) {
                break;
            }
        }
        if before >= self.iso {
            chains.leave(TO_MM);
        }
        match chains.best() {
            Some(c) => RayHit { inner_mm: c.entry as f32, outer_mm: c.exit as f32, peak },
            None => RayHit { inner_mm: f32::NAN, outer_mm: f32::NAN, peak },
        }
    }

    /// Trilinear value, −∞ outside of the voxel centres.
    #[inline]
    fn sample(&self, index: &Vector3<f64>) -> f32 {
        self.volume.sample_index(index, f32::NEG_INFINITY)
    }
}

/// The bone met along one ray, and which of it is the vault.
struct Chains {
    expected: f64,
    first: Option<Chain>,
    last: Option<Chain>,
}

impl Chains {
    fn new(expected: f64) -> Self {
        Self { expected, first: None, last: None }
    }

    fn enter(&mut self, r: f64) {
        let joined =
            self.last.is_some_and(|c| r - c.exit <= GAP_MM || (self.hollow(&c) && r < self.expected + NEAR_MM));
        if !joined {
            self.first = self.first.or(self.last);
            self.last = Some(Chain { entry: r, exit: r });
        }
    }

    fn leave(&mut self, r: f64) {
        if let Some(chain) = &mut self.last {
            chain.exit = r;
        }
    }

    /// Whether a chain looks like the inner wall of a sinus: its outer wall may follow beyond a wide gap.
    fn hollow(&self, c: &Chain) -> bool {
        c.exit > self.expected - SINUS_MM && c.exit < self.expected - NEAR_MM
    }

    fn fits(&self, c: &Chain) -> bool {
        self.expected.is_nan()
            || (c.exit > self.expected - DEEP_MM
                && c.exit < self.expected + DEEP_MM + GAP_MM
                && c.entry < self.expected + BEYOND_MM)
    }

    /// Whether nothing beyond `r` (free of bone) can change the answer.
    fn settled(&self, r: f64) -> bool {
        let Some(c) = &self.last else { return false };
        r - c.exit > GAP_MM
            && (self.fits(c) || self.first.is_some_and(|f| self.fits(&f)))
            && (!self.hollow(c) || r >= self.expected + NEAR_MM)
    }

    /// The first chain that fits the expectation, else the first.
    fn best(&self) -> Option<Chain> {
        let last = self.last?;
        let Some(first) = self.first else { return Some(last) };
        Some(if self.fits(&first) || !self.fits(&last) { first } else { last })
    }
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
    fn the_outer_wall_of_a_wide_sinus_is_the_outer_table() {
        let grid = Grid::axis_aligned([121, 3, 3], [1.0; 3], Point3::new(0.0, -1.0, -1.0));
        let bone = |x: usize| [(70..=72), (84..=87)].iter().any(|wall| wall.contains(&x));
        let volume =
            Volume::new(grid.clone(), (0..grid.len()).map(|o| i16::from(bone(grid.index(o)[0])) * 1000).collect());
        let source = RaySource::new(&volume, 500.0);
        let cast = |expected| source.cast(&Point3::origin(), &[(Vector3::x(), expected)])[0];
        assert_eq!((cast(86.0).inner_mm, cast(86.0).outer_mm), (69.5, 87.5));
        assert_eq!((cast(73.0).inner_mm, cast(73.0).outer_mm), (69.5, 72.5));
        assert_eq!(cast(f64::NAN).outer_mm, 72.5);
    }

    #[test]
    fn bone_well_beyond_the_vault_does_not_hide_what_lies_deep_in_a_hole() {
        let grid = Grid::axis_aligned([131, 3, 3], [1.0; 3], Point3::new(0.0, -1.0, -1.0));
        let bone = |x: usize| [(62..=66), (102..=106)].iter().any(|wall| wall.contains(&x));
        let volume =
            Volume::new(grid.clone(), (0..grid.len()).map(|o| i16::from(bone(grid.index(o)[0])) * 1000).collect());
        let source = RaySource::new(&volume, 500.0);
        let cast = |expected| source.cast(&Point3::origin(), &[(Vector3::x(), expected)])[0];
        assert_eq!((cast(86.0).inner_mm, cast(86.0).outer_mm), (61.5, 66.5));
        assert_eq!(cast(100.0).outer_mm, 106.5);
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
