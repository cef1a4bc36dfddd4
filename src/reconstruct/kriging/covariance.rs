//! Covariances of many pairs of points, fast.

use super::{Model, OTHER_SHARE, Points, RADIUS_MM, Table};
use nalgebra::DMatrix;

/// A model's covariance, its functions of the distance read from a table: of millions of pairs none needs a power of e.
pub(super) struct Covariance<'a> {
    pub model: &'a Model,
    /// Taper and both kernels at every `TABLE_MM` of chord.
    table: Vec<[f64; 3]>,
}

/// Between entries this far apart straight lines err by less than 1e-6 of the kernels, mm.
const TABLE_MM: f64 = 0.1;

impl<'a> Covariance<'a> {
    pub fn new(model: &'a Model) -> Self {
        // No chord is longer than the diameter.
        let count = (2.0 * RADIUS_MM / TABLE_MM) as usize + 2;
        let one = |k: usize| {
            let chord = k as f64 * TABLE_MM;
            let taper = (-0.5 * (chord / model.taper_mm).powi(2)).exp();
            [taper, model.kernel(chord, 0), model.kernel(chord, 1)]
        };
        Self { model, table: (0..count).map(one).collect() }
    }

    /// Covariance of two sets of points, mm².
    pub fn between(&self, a: &Points, b: &Points) -> DMatrix<f64> {
        let heads = a.heads.nrows();
        let share = if heads > 1 { self.model.atlas_share / (heads - 1) as f64 } else { 0.0 };
        // A product proper: the transposed product sums column by column, and slowly.
        let mut out = match heads {
            0 | 1 => DMatrix::zeros(a.len(), b.len()),
            _ => (a.heads.transpose() * &b.heads).map(|product| share * f64::from(product)),
        };
        // a = b − t, and the kernels of b and t are independent.
        let part = |t: Table| match t {
            Table::Outer => (1.0, 0.0),
            Table::Thickness => (0.0, 1.0),
            Table::Inner => (1.0, -1.0),
        };
        let shared = if a.other == b.other { 1.0 } else { OTHER_SHARE };
        let (of_a, of_b) = (part(a.table), part(b.table));
        let factors = [shared * of_a.0 * of_b.0, shared * of_a.1 * of_b.1];
        for (mut column, q) in out.column_iter_mut().zip(&b.directions) {
            for (value, p) in column.iter_mut().zip(&a.directions) {
                // The chord, for the way along the sphere makes no positive definite covariance.
                let chord = RADIUS_MM * (2.0 - 2.0 * p.dot(q)).max(0.0).sqrt();
                let at = chord / TABLE_MM;
                let k = (at as usize).min(self.table.len() - 2);
                let (low, high, t) = (&self.table[k], &self.table[k + 1], at - k as f64);
                let [taper, outer, thickness] = std::array::from_fn(|f| low[f] + (high[f] - low[f]) * t);
                *value = *value * taper + factors[0] * outer + factors[1] * thickness;
            }
        }
        out
    }
}

/// Rows that are solved together; what they leave of the rows below is one product.
const BLOCK: usize = 64;

/// Solves L·x = b in place for a lower triangular L (what stands above its diagonal is not read).
pub(super) fn solve_lower(lower: &DMatrix<f64>, b: &mut DMatrix<f64>) {
    let (n, columns) = b.shape();
    for from in (0..n).step_by(BLOCK) {
        let (rows, to) = (BLOCK.min(n - from), (from + BLOCK).min(n));
        // A factor of a positive definite matrix has no zero on its diagonal.
        lower.view((from, from), (rows, rows)).solve_lower_triangular_mut(&mut b.rows_mut(from, rows));
        let solved = b.view((from, 0), (rows, columns)).into_owned();
        b.rows_mut(to, n - to).gemm(-1.0, &lower.view((to, from), (n - to, rows)), &solved, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Random;
    use nalgebra::Vector3;

    #[test]
    fn the_table_is_the_kernel() {
        for model in [&Model::KRIGING, &Model::SHAPE] {
            let covariance = Covariance::new(model);
            let at = |d: Vector3<f64>| Points {
                table: Table::Outer,
                other: false,
                directions: vec![d],
                heads: DMatrix::zeros(0, 1),
                means: vec![0.0],
            };
            for angle in [0.0f64, 0.001, 0.02, 0.5, 1.7, 3.1] {
                let (p, q) = (at(Vector3::z()), at(Vector3::new(angle.sin(), 0.0, angle.cos())));
                let known = model.kernel(2.0 * RADIUS_MM * (angle / 2.0).sin(), 0);
                assert!((covariance.between(&p, &q)[(0, 0)] - known).abs() < 1e-5, "{angle}");
            }
        }
    }

    #[test]
    fn solving_in_blocks_is_solving() {
        let mut random = Random::new(2, 0);
        let n = 2 * BLOCK + 17;
        let lower = DMatrix::from_fn(n, n, |i, j| if i == j { 4.0 } else { random.signed() });
        let b = DMatrix::from_fn(n, 5, |_, _| random.signed());
        let mut x = b.clone();
        solve_lower(&lower, &mut x);
        assert!((lower.lower_triangle() * &x - b).amax() < 1e-9 * x.amax().max(1.0));
    }
}
