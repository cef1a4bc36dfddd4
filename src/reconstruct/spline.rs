use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// A smoothing thin-plate spline over points of the plane: the function that minimises
/// Σ (f(xᵢ) − yᵢ)²/λᵢ + ∫ f_xx² + 2 f_xy² + f_yy².
///
/// Source: G. Wahba, Spline Models for Observational Data (1990), section 2.4; kernel r² ln r / 8π.
pub(crate) struct ThinPlate {
    points: Vec<[f64; 2]>,
    weights: Vec<f64>,
    affine: [f64; 3],
    centre: [f64; 2],
}

/// Coordinates are divided by this before solving, so that the system is well scaled, mm.
const UNIT_MM: f64 = 20.0;

impl ThinPlate {
    /// Fits values at points (mm) with a smoothing λ (mm², see [`smoothing`]) each; `None` when the points do not span the plane.
    pub fn fit(points_mm: &[[f64; 2]], values: &[f64], lambda: &[f64]) -> Option<Self> {
        let n = points_mm.len();
        if n < 4 {
            return None;
        }
        let mean = |k: usize| points_mm.iter().map(|p| p[k]).sum::<f64>() / n as f64;
        let centre = [mean(0), mean(1)];
        let points: Vec<[f64; 2]> =
            points_mm.iter().map(|p| [(p[0] - centre[0]) / UNIT_MM, (p[1] - centre[1]) / UNIT_MM]).collect();
        let mut system = DMatrix::<f64>::zeros(n + 3, n + 3);
        for i in 0..n {
            for j in 0..i {
                let k = kernel(&points[i], &points[j]);
                system[(i, j)] = k;
                system[(j, i)] = k;
            }
            system[(i, i)] = lambda[i] / (UNIT_MM * UNIT_MM);
            for (k, v) in [1.0, points[i][0], points[i][1]].into_iter().enumerate() {
                system[(i, n + k)] = v;
                system[(n + k, i)] = v;
            }
        }
        let mut right = DVector::<f64>::zeros(n + 3);
        right.rows_mut(0, n).copy_from_slice(values);
        let solution = system.lu().solve(&right)?;
        if solution.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let affine = [solution[n], solution[n + 1], solution[n + 2]];
        Some(Self { points, weights: solution.rows(0, n).iter().copied().collect(), affine, centre })
    }

    /// The spline's value at a point, mm.
    pub fn at(&self, point_mm: [f64; 2]) -> f64 {
        let p = [(point_mm[0] - self.centre[0]) / UNIT_MM, (point_mm[1] - self.centre[1]) / UNIT_MM];
        let bend: f64 = self.points.iter().zip(&self.weights).map(|(q, w)| w * kernel(&p, q)).sum();
        self.affine[0] + self.affine[1] * p[0] + self.affine[2] * p[1] + bend
    }

    /// The spline's values at many points.
    pub fn at_all(&self, points_mm: &[[f64; 2]]) -> Vec<f64> {
        points_mm.par_iter().map(|&p| self.at(p)).collect()
    }
}

/// λ of a point that stands for `spacing_mm`² of the plane when detail below `blur_mm` is to be smoothed away:
/// the smoothing spline acts there as a low-pass filter of that length (B. W. Silverman, Ann. Statist. 12, 1984).
pub(crate) fn smoothing(blur_mm: f64, spacing_mm: f64) -> f64 {
    blur_mm.powi(4) / (spacing_mm * spacing_mm)
}

#[inline]
fn kernel(a: &[f64; 2], b: &[f64; 2]) -> f64 {
    let r2 = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    // r² ln r / 8π = r² ln(r²) / 16π
    if r2 > 0.0 { r2 * r2.ln() / (16.0 * std::f64::consts::PI) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice() -> Vec<[f64; 2]> {
        (0..64).map(|i| [(i % 8) as f64 * 5.0, (i / 8) as f64 * 5.0]).collect()
    }

    #[test]
    fn a_plane_is_kept_whatever_the_smoothing() {
        let points = lattice();
        let plane = |p: [f64; 2]| 80.0 + 0.1 * p[0] - 0.2 * p[1];
        let values: Vec<f64> = points.iter().map(|&p| plane(p)).collect();
        let spline = ThinPlate::fit(&points, &values, &vec![1e4; points.len()]).expect("64 points span the plane");
        assert!((spline.at([100.0, -40.0]) - plane([100.0, -40.0])).abs() < 1e-6);
    }

    #[test]
    fn without_smoothing_it_passes_through_the_points() {
        let points = lattice();
        let values: Vec<f64> = points.iter().map(|p| (p[0] / 7.0).sin() + (p[1] / 9.0).cos()).collect();
        let spline = ThinPlate::fit(&points, &values, &vec![0.0; points.len()]).expect("64 points span the plane");
        for (p, v) in points.iter().zip(&values) {
            assert!((spline.at(*p) - v).abs() < 1e-8);
        }
    }

    #[test]
    fn points_on_a_line_are_refused() {
        let points: Vec<[f64; 2]> = (0..10).map(|i| [i as f64, 2.0 * i as f64]).collect();
        assert!(ThinPlate::fit(&points, &[1.0; 10], &[0.0; 10]).is_none());
    }
}
