//! Simple bodies by signed distance (mm, negative inside).

use nalgebra::Vector3;

/// A body; everything paired is described for x ≥ 0 and asked at |x|.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Axis-aligned ellipsoid; the distance is exact on the surface and first order near it.
    Ellipsoid { centre: Vector3<f64>, radii: Vector3<f64> },
    /// Two balls and the cone that touches both (a capsule when the radii are equal).
    RoundCone { from: Vector3<f64>, to: Vector3<f64>, from_mm: f64, to_mm: f64 },
    /// Axis-aligned box with rounded edges; `half` is measured to the outside.
    Block { centre: Vector3<f64>, half: Vector3<f64>, round_mm: f64 },
    /// Ring about an axis.
    Ring { centre: Vector3<f64>, axis: Vector3<f64>, major_mm: f64, minor_mm: f64 },
}

impl Shape {
    pub(super) fn ellipsoid(centre: [f64; 3], radii: [f64; 3]) -> Self {
        Shape::Ellipsoid { centre: centre.into(), radii: radii.into() }
    }

    pub(super) fn cone(from: [f64; 3], from_mm: f64, to: [f64; 3], to_mm: f64) -> Self {
        Shape::RoundCone { from: from.into(), to: to.into(), from_mm, to_mm }
    }

    pub(super) fn block(centre: [f64; 3], half: [f64; 3], round_mm: f64) -> Self {
        Shape::Block { centre: centre.into(), half: half.into(), round_mm }
    }

    pub(super) fn ring(centre: [f64; 3], axis: [f64; 3], major_mm: f64, minor_mm: f64) -> Self {
        Shape::Ring { centre: centre.into(), axis: Vector3::from(axis).normalize(), major_mm, minor_mm }
    }

    /// Signed distance, mm.
    pub(super) fn distance(&self, p: &Vector3<f64>) -> f64 {
        match self {
            Shape::Ellipsoid { centre, radii } => {
                let q = p - centre;
                let k0 = q.component_div(radii).norm();
                let k1 = q.component_div(radii).component_div(radii).norm();
                if k1 < 1e-9 { -radii.min() } else { k0 * (k0 - 1.0) / k1 }
            }
            Shape::RoundCone { from, to, from_mm, to_mm } => {
                // The ball of linearly changing radius that lies nearest; exact for equal radii.
                let axis = to - from;
                let t = ((p - from).dot(&axis) / axis.norm_squared()).clamp(0.0, 1.0);
                (p - from - axis * t).norm() - (from_mm + (to_mm - from_mm) * t)
            }
            Shape::Block { centre, half, round_mm } => {
                let q = (p - centre).abs() - half.add_scalar(-round_mm);
                q.map(|v| v.max(0.0)).norm() + q.max().min(0.0) - round_mm
            }
            Shape::Ring { centre, axis, major_mm, minor_mm } => {
                let q = p - centre;
                let along = q.dot(axis);
                let radial = (q - axis * along).norm() - major_mm;
                radial.hypot(along) - minor_mm
            }
        }
    }

    /// Corners of a box around the body.
    fn bounds(&self) -> (Vector3<f64>, Vector3<f64>) {
        let around = |c: &Vector3<f64>, h: Vector3<f64>| (c - h, c + h);
        match self {
            Shape::Ellipsoid { centre, radii } => around(centre, *radii),
            Shape::Block { centre, half, .. } => around(centre, *half),
            Shape::Ring { centre, major_mm, minor_mm, .. } => around(centre, Vector3::repeat(major_mm + minor_mm)),
            Shape::RoundCone { from, to, from_mm, to_mm } => {
                let r = Vector3::repeat(from_mm.max(*to_mm));
                (from.inf(to) - r, from.sup(to) + r)
            }
        }
    }

    /// Whether the body comes within `reach_mm` of a point (never a false no).
    pub(super) fn is_near(&self, p: &Vector3<f64>, reach_mm: f64) -> bool {
        let (low, high) = self.bounds();
        let outside = (low - p).sup(&(p - high)).map(|v| v.max(0.0));
        outside.norm() <= reach_mm
    }
}

/// Union of two distances with a fillet of about `k` mm. Source: I. Quilez, smooth minimum (polynomial).
#[inline]
pub(super) fn join(a: f64, b: f64, k: f64) -> f64 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k / 4.0
}

/// Intersection with a rounded edge of about `k` mm.
#[inline]
pub(super) fn meet(a: f64, b: f64, k: f64) -> f64 {
    -join(-a, -b, k)
}

/// 0 below `low`, 1 above `high`, smooth between.
#[inline]
pub(super) fn step(low: f64, high: f64, v: f64) -> f64 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_points() {
        let at = |x, y, z| Vector3::new(x, y, z);
        let ball = Shape::ellipsoid([1.0, 0.0, 0.0], [2.0, 2.0, 2.0]);
        assert!((ball.distance(&at(6.0, 0.0, 0.0)) - 3.0).abs() < 1e-12);
        let capsule = Shape::cone([0.0; 3], 1.0, [0.0, 0.0, 10.0], 1.0);
        assert!((capsule.distance(&at(3.0, 0.0, 5.0)) - 2.0).abs() < 1e-12);
        assert!((capsule.distance(&at(0.0, 0.0, 12.0)) - 1.0).abs() < 1e-12);
        let block = Shape::block([0.0; 3], [2.0, 3.0, 4.0], 0.5);
        assert!((block.distance(&at(0.0, 5.0, 0.0)) - 2.0).abs() < 1e-12);
        assert!((block.distance(&at(0.0, 0.0, 0.0)) + 2.0).abs() < 1e-12);
        let ring = Shape::ring([0.0; 3], [0.0, 0.0, 1.0], 5.0, 1.0);
        assert!((ring.distance(&at(5.0, 0.0, 0.0)) + 1.0).abs() < 1e-12);
        assert!((ring.distance(&at(0.0, 0.0, 0.0)) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn near_is_never_a_false_no() {
        let shapes = [
            Shape::ellipsoid([3.0, -2.0, 1.0], [9.0, 3.0, 5.0]),
            Shape::cone([0.0; 3], 2.0, [5.0, 5.0, 9.0], 4.0),
            Shape::block([1.0, 1.0, 1.0], [2.0, 6.0, 3.0], 1.0),
            Shape::ring([0.0, 4.0, 0.0], [1.0, 1.0, 0.0], 7.0, 2.0),
        ];
        let mut random = crate::phantom::random::stream(5, 5);
        for _ in 0..5000 {
            let p = Vector3::from_fn(|_, _| 20.0 * random.signed());
            for shape in &shapes {
                assert!(shape.distance(&p) > 0.0 || shape.is_near(&p, 0.0), "{shape:?} at {p:?}");
            }
        }
    }
}
