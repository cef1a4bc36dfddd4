use nalgebra::Point3;

/// Straight distance between two LPS points, mm.
pub fn distance_mm(a: &Point3<f64>, b: &Point3<f64>) -> f64 {
    (b - a).norm()
}

/// Angle at `corner` between two LPS points, degrees; `None` when a side has no length.
pub fn angle_deg(a: &Point3<f64>, corner: &Point3<f64>, b: &Point3<f64>) -> Option<f64> {
    let (u, v) = (a - corner, b - corner);
    if u.norm() < 1e-9 || v.norm() < 1e-9 {
        return None;
    }
    // atan2 keeps its digits near 0 and 180 degrees, where acos loses them.
    Some(u.cross(&v).norm().atan2(u.dot(&v)).to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_3_4_5_triangle() {
        let (a, b, c) = (Point3::new(3.0, 0.0, 7.0), Point3::new(0.0, 0.0, 7.0), Point3::new(0.0, 4.0, 7.0));
        assert!((distance_mm(&a, &c) - 5.0).abs() < 1e-12);
        assert!((angle_deg(&a, &b, &c).unwrap() - 90.0).abs() < 1e-12);
        assert_eq!(angle_deg(&a, &a, &c), None);
    }
}
