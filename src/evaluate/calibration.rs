//! Whether the stated uncertainty is true: how much of the outer face lies in the band it promises.

use super::faces::OuterPoint;
use crate::reconstruct::Completion;
use nalgebra::Point3;

/// Half width of a band that holds 90 % of a normal law, standard deviations.
const BAND_SD: f64 = 1.645;

/// Share of the true outer face, inside the holes that were completed, within 1.645 stated standard deviations of the
/// completed outer radius; a calibrated statement gives 0.9. `None` when no point lies in a completed hole.
pub fn share_in_band(outer: &[OuterPoint], completions: &[Completion]) -> Option<f64> {
    let (mut within, mut all) = (0usize, 0usize);
    for point in outer {
        let Some((sd_mm, lean)) = completions.iter().find_map(|c| stated(c, point)) else { continue };
        all += 1;
        // The statement is about the radius; along the normal it is shorter by the lean.
        within += usize::from(point.error_mm.abs() <= BAND_SD * sd_mm * lean);
    }
    (all > 0).then(|| within as f64 / all as f64)
}

/// The stated deviation of the radius at a point (mm), and the cosine between radius and normal.
fn stated(completion: &Completion, point: &OuterPoint) -> Option<(f64, f64)> {
    let head = completion.frame.head_from_point(&Point3::from(point.at_mm));
    let size = completion.disc.size;
    let (row, column) = completion.disc.position(&head);
    let inside = |v: f64| v >= -0.5 && v < size as f64 - 0.5;
    if !(inside(row) && inside(column)) {
        return None;
    }
    let pixel = row.round() as usize * size + column.round() as usize;
    let normal = completion.frame.head_from_lps * point.normal;
    completion.hole[pixel].then(|| (f64::from(completion.uncertainty_mm[pixel]), normal.dot(&head.normalize()).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Disc, HeadFrame};
    use crate::reconstruct::Method;
    use nalgebra::{Matrix3, Vector3};

    #[test]
    fn a_band_holds_what_it_holds() {
        let disc = Disc::about_z(41, 0.4);
        let hole: Vec<bool> = (0..disc.len()).map(|o| o % 41 > 4).collect();
        let completion = Completion {
            method: Method::Auto,
            frame: HeadFrame { centre_mm: Point3::new(1.0, 2.0, 3.0), head_from_lps: Matrix3::identity() },
            outer_mm: vec![80.0; disc.len()],
            inner_mm: vec![74.0; disc.len()],
            allowed: hole.clone(),
            uncertainty_mm: vec![1.0; disc.len()],
            hole,
            disc,
            findings: Vec::new(),
        };
        let point = |x: f64, error_mm: f64| {
            let radial = Vector3::new(x, 0.0, 1.0).normalize();
            OuterPoint { at_mm: Vector3::new(1.0, 2.0, 3.0) + radial * 80.0, normal: radial, error_mm }
        };
        let points: Vec<OuterPoint> = (0..100).map(|i| point(0.0, f64::from(i) * 0.02)).collect();
        let share = share_in_band(&points, std::slice::from_ref(&completion)).expect("inside");
        assert!((share - 0.83).abs() < 0.005, "0 to 1.64 of 0 to 1.98: {share}");
        // Leaning by 60 degrees halves the band along the normal.
        let leaning: Vec<OuterPoint> = points
            .iter()
            .map(|p| OuterPoint { normal: Vector3::new(0.0, 60f64.to_radians().sin(), 0.5), ..*p })
            .collect();
        let share = share_in_band(&leaning, std::slice::from_ref(&completion)).expect("inside");
        assert!((share - 0.42).abs() < 0.005, "{share}");
        assert_eq!(share_in_band(&[point(-0.39, 0.0), point(5.0, 0.0)], &[completion]), None, "not in a hole");
        assert_eq!(share_in_band(&points, &[]), None);
    }
}
