//! The knife: everything within an outline about an axis, with walls that are parallel or meet in a point.

use nalgebra::{Point3, Vector3};

/// A hole's outline about an axis, and how its walls run.
#[derive(Clone, Debug)]
pub struct Cutter {
    /// Point on the axis where radii are measured: on the outer surface.
    middle: Point3<f64>,
    axis: Vector3<f64>,
    u: Vector3<f64>,
    v: Vector3<f64>,
    profile_mm: Vec<f64>,
    /// Walls meet this far below `middle`; infinite for parallel walls.
    depth_mm: f64,
}

/// Where a point lies as the cutter sees it.
#[derive(Clone, Copy, Debug)]
pub struct CutterAt {
    /// Signed distance to the wall, mm, negative within.
    pub wall_mm: f64,
    /// Distance from the axis over the outline's radius: 0 on the axis, 1 on the wall.
    pub share: f64,
    /// Height along the axis above `middle`, mm.
    pub height_mm: f64,
    /// Where the line through the point meets the plane through `middle`, mm along the plane's two axes.
    pub plane_mm: [f64; 2],
}

impl Cutter {
    /// A cutter about an axis (pointing outward, not zero) through `middle`. `profile_mm` holds the outline's
    /// distance from the axis at equal angles, measured in the plane through `middle`.
    /// `depth_mm` is how far below `middle` the walls would meet; infinite for parallel walls.
    pub fn new(middle: Point3<f64>, axis: Vector3<f64>, profile_mm: Vec<f64>, depth_mm: f64) -> Self {
        let axis = axis.normalize();
        let seed = if axis.z.abs() < 0.9 { Vector3::z() } else { Vector3::y() };
        let u = seed.cross(&axis).normalize();
        Self { middle, axis, u, v: axis.cross(&u), profile_mm, depth_mm }
    }

    /// Point on the axis where radii are measured.
    pub fn middle(&self) -> Point3<f64> {
        self.middle
    }

    /// Unit direction of the axis, outward.
    pub fn axis(&self) -> Vector3<f64> {
        self.axis
    }

    /// How far below `middle` the walls meet, mm; infinite for parallel walls.
    pub fn depth_mm(&self) -> f64 {
        self.depth_mm
    }

    /// The outline's radii at equal angles, mm.
    pub fn profile_mm(&self) -> &[f64] {
        &self.profile_mm
    }

    /// The same cutter with every radius multiplied.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { profile_mm: self.profile_mm.iter().map(|r| r * factor).collect(), ..self.clone() }
    }

    /// The largest radius, mm.
    pub fn reach_mm(&self) -> f64 {
        self.profile_mm.iter().copied().fold(0.0, f64::max)
    }

    /// Start and unit direction of the line through the outline's plane at a polar position; it starts in the
    /// plane through `middle` and runs outward.
    pub fn line(&self, angle: f64, radius_mm: f64) -> (Point3<f64>, Vector3<f64>) {
        let (s, c) = angle.sin_cos();
        self.line_at([c * radius_mm, s * radius_mm])
    }

    /// The same line from a position on the plane's two axes, mm.
    pub fn line_at(&self, plane_mm: [f64; 2]) -> (Point3<f64>, Vector3<f64>) {
        let start = self.middle + self.u * plane_mm[0] + self.v * plane_mm[1];
        let direction = if self.depth_mm.is_finite() {
            (start - self.middle + self.axis * self.depth_mm).normalize()
        } else {
            self.axis
        };
        (start, direction)
    }

    /// The outline's radius (mm) at an angle, linear between the given ones.
    pub fn radius_at(&self, angle: f64) -> f64 {
        self.radius_and_slope(angle).0
    }

    fn radius_and_slope(&self, angle: f64) -> (f64, f64) {
        let n = self.profile_mm.len();
        let turns = (angle / std::f64::consts::TAU).rem_euclid(1.0) * n as f64;
        let i = (turns as usize).min(n - 1);
        let (a, b) = (self.profile_mm[i], self.profile_mm[(i + 1) % n]);
        (a + (b - a) * (turns - i as f64), (b - a) * n as f64 / std::f64::consts::TAU)
    }

    /// Where a point lies; `None` below the point where the walls meet.
    #[inline]
    pub fn at(&self, p: &Point3<f64>) -> Option<CutterAt> {
        let q = p - self.middle;
        let height = q.dot(&self.axis);
        let scale = if self.depth_mm.is_finite() { self.depth_mm / (self.depth_mm + height) } else { 1.0 };
        if !(scale > 0.0 && scale < 20.0) {
            return None;
        }
        let (a, b) = (q.dot(&self.u) * scale, q.dot(&self.v) * scale);
        let rho = a.hypot(b);
        let (radius, slope) = self.radius_and_slope(b.atan2(a));
        // Back from the plane to the point's own height, and perpendicular to a slanting outline and wall.
        let tilt = 1.0 / (1.0 + (slope / radius).powi(2)).sqrt();
        let lean = if self.depth_mm.is_finite() { self.depth_mm / self.depth_mm.hypot(radius) } else { 1.0 };
        Some(CutterAt {
            wall_mm: (rho - radius) * tilt * lean / scale,
            share: rho / radius,
            height_mm: height,
            plane_mm: [a, b],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cylinder_and_a_cone() {
        let middle = Point3::new(1.0, 2.0, 3.0);
        let cylinder = Cutter::new(middle, Vector3::new(0.0, 0.0, 2.0), vec![10.0; 90], f64::INFINITY);
        let at = |c: &Cutter, x, y, z| c.at(&Point3::new(x, y, z));
        let p = at(&cylinder, 1.0 + 6.0, 2.0 + 8.0, 9.0).unwrap();
        assert!(p.wall_mm.abs() < 1e-9 && (p.height_mm - 6.0).abs() < 1e-12);
        assert!((at(&cylinder, 1.0, 15.0, 0.0).unwrap().wall_mm - 3.0).abs() < 1e-9);
        let cone = Cutter::new(middle, Vector3::z(), vec![10.0; 90], 20.0);
        // Half-way to the tip the radius is half.
        assert!(at(&cone, 6.0, 2.0, -7.0).unwrap().wall_mm.abs() < 1e-9);
        // The wall leans by atan(10/20): 1 mm sideways is cos of that from the wall.
        let beside = at(&cone, 12.0, 2.0, 3.0).unwrap().wall_mm;
        assert!((beside - 20.0 / 500f64.sqrt()).abs() < 1e-9);
        assert!(at(&cone, 1.0, 2.0, -20.0).is_none());
        let (start, direction) = cone.line(0.0, 10.0);
        assert!(((start - direction * 500f64.sqrt()) - (middle - Vector3::z() * 20.0)).norm() < 1e-9);
    }
}
