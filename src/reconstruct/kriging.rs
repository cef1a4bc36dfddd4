//! Kriging: the missing tables as the conditional mean of a Gaussian field, given the trusted bone around the hole.
//!
//! The field is the difference to the mean vault. Its covariance is the atlas' own, tapered with distance, plus a
//! smooth kernel for what the atlas has not seen. Outer radius b and thickness t are the two unknowns; what is
//! observed is the outer radius b where the outer table stands and the inner radius a = b − t where the inner does.
//! Source: N. Cressie, Statistics for Spatial Data (1993), chapter 3; taper: R. Furrer et al., JCGS 15 (2006).

use super::prior::{HeadSamples, Prior};
use super::sheet::{Sheet, median};
use super::tables::Tables;
use super::trust::Trust;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Vector3};
use rayon::prelude::*;

/// Share of the atlas' sample covariance that is believed.
const ATLAS_SHARE: f64 = 0.7;
/// Length of the taper of the atlas' covariance, mm: far apart, few heads only make chance agree.
const TAPER_MM: f64 = 60.0;
/// Standard deviation of the smooth kernel (Matérn 3/2) of outer radius and thickness, mm, and its length, mm.
const KERNEL_SD_MM: [f64; 2] = [2.0, 1.0];
const KERNEL_LENGTH_MM: [f64; 2] = [90.0, 60.0];
/// Bone's own texture: noise of an observed outer and inner radius, mm. Without it the texture would be continued.
const TEXTURE_MM: [f64; 2] = [0.4, 0.7];
/// Bone farther from what is missing than this tells nothing more, mm.
const REACH_MM: f32 = 20.0;
/// Lattices of observations: up to so far from the missing part, so far apart, mm.
const LATTICE_MM: [(f32, f64); 3] = [(2.5, 2.0), (10.0, 4.0), (REACH_MM, 8.0)];
/// Most observations; with more the lattices are stretched.
const BUDGET: usize = 1300;
/// Farther than this from the missing part an observation that far from the median is no vault, mm.
const NEAR_MM: f32 = 10.0;
const STRANGE_MM: [f64; 2] = [6.0, 7.0];
/// The prediction is made on a lattice this fine, mm, and laid between by straight lines.
const STEP_MM: f64 = 2.0;
/// Distances along the vault are taken at this radius, mm.
const RADIUS_MM: f64 = 85.0;

/// What a point of the field stands for.
#[derive(Clone, Copy, PartialEq)]
enum Table {
    Outer,
    Inner,
    Thickness,
}

/// Points of the field with what the atlas knows there.
struct Points {
    table: Table,
    directions: Vec<Vector3<f64>>,
    /// Differences of the heads, centred; for `Inner` outer − thickness.
    heads: DMatrix<f64>,
    means: Vec<f64>,
}

impl Points {
    fn new(prior: &Prior, pixels: &[usize], samples: &HeadSamples, table: Table) -> Self {
        let directions = pixels.iter().map(|&p| *prior.direction(p)).collect();
        let (heads, means) = match table {
            Table::Outer => (samples.outer.clone(), samples.mean_outer.clone()),
            Table::Thickness => (samples.thickness.clone(), samples.mean_thickness.clone()),
            Table::Inner => (
                &samples.outer - &samples.thickness,
                samples.mean_outer.iter().zip(&samples.mean_thickness).map(|(o, t)| o - t).collect(),
            ),
        };
        Self { table, directions, heads, means }
    }

    fn at(prior: &Prior, pixels: &[usize], table: Table) -> Self {
        Self::new(prior, pixels, &prior.heads_at(pixels), table)
    }

    fn len(&self) -> usize {
        self.directions.len()
    }
}

/// Covariance of two sets of points, mm².
fn covariance(a: &Points, b: &Points) -> DMatrix<f64> {
    let heads = a.heads.nrows();
    let share = if heads > 1 { ATLAS_SHARE / (heads - 1) as f64 } else { 0.0 };
    let mut out = if heads > 1 { a.heads.tr_mul(&b.heads) * share } else { DMatrix::zeros(a.len(), b.len()) };
    // a = b − t, and the kernels of b and t are independent.
    let part = |t: Table| match t {
        Table::Outer => (1.0, 0.0),
        Table::Thickness => (0.0, 1.0),
        Table::Inner => (1.0, -1.0),
    };
    let (of_a, of_b) = (part(a.table), part(b.table));
    let kernel = |d: f64, k: usize| {
        let q = 3f64.sqrt() * d / KERNEL_LENGTH_MM[k];
        KERNEL_SD_MM[k].powi(2) * (1.0 + q) * (-q).exp()
    };
    for (j, q) in b.directions.iter().enumerate() {
        for (i, p) in a.directions.iter().enumerate() {
            // The chord, for the way along the sphere makes no positive definite covariance.
            let chord = RADIUS_MM * (2.0 - 2.0 * p.dot(q)).max(0.0).sqrt();
            let taper = (-0.5 * (chord / TAPER_MM).powi(2)).exp();
            out[(i, j)] = out[(i, j)] * taper + of_a.0 * of_b.0 * kernel(chord, 0) + of_a.1 * of_b.1 * kernel(chord, 1);
        }
    }
    out
}

/// The solved field: weights on the observations.
pub(crate) struct Field<'a> {
    prior: &'a Prior,
    outer: Points,
    inner: Points,
    factor: Cholesky<f64, Dyn>,
    weights: DVector<f64>,
}

/// Conditions the field on the trusted bone; `None` when too little of it is there.
/// `residual` is the observed tables less the mean (mm), `missing_mm` the distance to what is missing.
pub(crate) fn condition<'a>(sheet: &Sheet, prior: &'a Prior, residual: &Tables, trust: &Trust) -> Option<Field<'a>> {
    let inner_residual = residual.inner();
    let [outer_pixels, inner_pixels] = observed(sheet, trust);
    let (outer_pixels, outer_values) =
        believed(sheet, &residual.outer, &trust.outer, trust, outer_pixels, STRANGE_MM[0]);
    let (inner_pixels, inner_values) =
        believed(sheet, &inner_residual, &trust.inner, trust, inner_pixels, STRANGE_MM[1]);
    if outer_pixels.len() < 8 || inner_pixels.len() < 8 {
        return None;
    }
    let outer = Points::at(prior, &outer_pixels, Table::Outer);
    let inner = Points::at(prior, &inner_pixels, Table::Inner);
    let (n, m) = (outer.len(), inner.len());
    let mut system = DMatrix::zeros(n + m, n + m);
    let ((oo, oi), ii) =
        rayon::join(|| (covariance(&outer, &outer), covariance(&outer, &inner)), || covariance(&inner, &inner));
    system.view_mut((0, 0), (n, n)).copy_from(&oo);
    system.view_mut((0, n), (n, m)).copy_from(&oi);
    system.view_mut((n, 0), (m, n)).copy_from(&oi.transpose());
    system.view_mut((n, n), (m, m)).copy_from(&ii);
    for k in 0..n + m {
        system[(k, k)] += TEXTURE_MM[usize::from(k >= n)].powi(2);
    }
    let values = outer_values.iter().zip(&outer.means).chain(inner_values.iter().zip(&inner.means));
    let right = DVector::from_iterator(n + m, values.map(|(v, mean)| v - mean));
    let factor = Cholesky::new(system)?;
    let weights = factor.solve(&right);
    weights.iter().all(|w| w.is_finite()).then_some(Field { prior, outer, inner, factor, weights })
}

/// Pixels at which each table is observed: dense at the missing part.
fn observed(sheet: &Sheet, trust: &Trust) -> [Vec<usize>; 2] {
    let tables = [&trust.outer, &trust.inner];
    let missing: [Vec<f32>; 2] = tables
        .map(|table| sheet.distance_mm(&(0..table.len()).map(|i| trust.missing[i] && !table[i]).collect::<Vec<_>>()));
    let mut stretch = 1.0;
    loop {
        let steps = LATTICE_MM.map(|(_, mm)| (mm * stretch / sheet.pixel_mm).round().max(1.0) as usize);
        let chosen = [0, 1].map(|k| {
            let on =
                |i: usize, step: usize| (i / sheet.size).is_multiple_of(step) && (i % sheet.size).is_multiple_of(step);
            let wanted = |i: &usize| {
                tables[k][*i]
                    && LATTICE_MM.iter().zip(steps).any(|((reach, _), step)| missing[k][*i] <= *reach && on(*i, step))
            };
            (0..tables[k].len()).filter(wanted).collect::<Vec<usize>>()
        });
        if chosen[0].len() + chosen[1].len() <= BUDGET || stretch > 20.0 {
            return chosen;
        }
        stretch *= 1.08;
    }
}

/// Averages of the residual at the pixels, without those far out that belong to another surface.
fn believed(
    sheet: &Sheet,
    residual: &[f32],
    trusted: &[bool],
    trust: &Trust,
    pixels: Vec<usize>,
    strange_mm: f64,
) -> (Vec<usize>, Vec<f64>) {
    const AVERAGE_MM: f64 = 1.0;
    let averaged = sheet.smooth_where(residual, trusted, AVERAGE_MM);
    let middle = median(pixels.iter().map(|&p| f64::from(averaged[p]))).unwrap_or(0.0);
    let missing_mm = sheet.distance_mm(&trust.missing);
    pixels
        .into_iter()
        .map(|p| (p, f64::from(averaged[p])))
        .filter(|&(p, v)| v.is_finite() && (missing_mm[p] <= NEAR_MM || (v - middle).abs() <= strange_mm))
        .unzip()
}

impl Field<'_> {
    /// Differences to the mean on the domain, mm (0 elsewhere).
    pub fn tables(&self, sheet: &Sheet, domain: &[bool]) -> Tables {
        let lattice = Lattice::over(sheet, domain, STEP_MM);
        let chunks: Vec<Vec<(f64, f64)>> = lattice
            .pixels
            .par_chunks(256)
            .map(|pixels| {
                let samples = self.prior.heads_at(pixels);
                let value = |table: Table| -> Vec<f64> {
                    let points = Points::new(self.prior, pixels, &samples, table);
                    let n = self.outer.len();
                    let known = covariance(&points, &self.outer) * self.weights.rows(0, n)
                        + covariance(&points, &self.inner) * self.weights.rows(n, self.inner.len());
                    known.iter().zip(&points.means).map(|(v, mean)| v + mean).collect()
                };
                value(Table::Outer).into_iter().zip(value(Table::Thickness)).collect()
            })
            .collect();
        let values: Vec<(f64, f64)> = chunks.into_iter().flatten().collect();
        let outer = lattice.between(sheet, domain, |k| values[k].0 as f32);
        let thickness = lattice.between(sheet, domain, |k| values[k].1 as f32);
        Tables { outer, thickness }
    }

    /// Standard deviation of the outer radius on the domain, mm (0 elsewhere), bone's texture included.
    pub fn outer_sd_mm(&self, sheet: &Sheet, domain: &[bool]) -> Vec<f32> {
        let lattice = Lattice::over(sheet, domain, 2.0 * STEP_MM);
        let chunks: Vec<Vec<f32>> = lattice
            .pixels
            .par_chunks(128)
            .map(|pixels| {
                let points = Points::at(self.prior, pixels, Table::Outer);
                let n = self.outer.len();
                let mut known = DMatrix::zeros(n + self.inner.len(), pixels.len());
                known.view_mut((0, 0), (n, pixels.len())).copy_from(&covariance(&self.outer, &points));
                known.view_mut((n, 0), (self.inner.len(), pixels.len())).copy_from(&covariance(&self.inner, &points));
                let solved = self.factor.l_dirty().solve_lower_triangular(&known).unwrap_or(known);
                let heads = points.heads.nrows();
                let share = if heads > 1 { ATLAS_SHARE / (heads - 1) as f64 } else { 0.0 };
                (0..pixels.len())
                    .map(|k| {
                        let before = share * points.heads.column(k).norm_squared() + KERNEL_SD_MM[0].powi(2);
                        let variance = (before - solved.column(k).norm_squared()).max(0.0) + TEXTURE_MM[0].powi(2);
                        variance.sqrt() as f32
                    })
                    .collect()
            })
            .collect();
        let values: Vec<f32> = chunks.into_iter().flatten().collect();
        lattice.between(sheet, domain, |k| values[k])
    }
}

/// A coarse lattice of pixels that covers a domain, and straight lines between its values.
struct Lattice {
    step: usize,
    size: usize,
    /// Pixel of each lattice point.
    pixels: Vec<usize>,
    /// Number of the lattice point at (row, column) of the lattice; `u32::MAX` where none is needed.
    number: Vec<u32>,
}

impl Lattice {
    fn over(sheet: &Sheet, domain: &[bool], step_mm: f64) -> Self {
        let step = (step_mm / sheet.pixel_mm).round().max(1.0) as usize;
        let size = sheet.size.div_ceil(step) + 1;
        let mut needed = vec![false; size * size];
        for i in (0..domain.len()).filter(|&i| domain[i]) {
            let (row, column) = (i / sheet.size / step, i % sheet.size / step);
            for (r, c) in [(row, column), (row + 1, column), (row, column + 1), (row + 1, column + 1)] {
                needed[r * size + c] = true;
            }
        }
        let (mut pixels, mut number) = (Vec::new(), vec![u32::MAX; size * size]);
        for k in (0..needed.len()).filter(|&k| needed[k]) {
            // The last row and column may lie beyond the sheet: its border stands for them.
            let (row, column) = ((k / size * step).min(sheet.size - 1), (k % size * step).min(sheet.size - 1));
            number[k] = pixels.len() as u32;
            pixels.push(row * sheet.size + column);
        }
        Self { step, size, pixels, number }
    }

    fn between(&self, sheet: &Sheet, domain: &[bool], value: impl Fn(usize) -> f32 + Sync) -> Vec<f32> {
        (0..domain.len())
            .into_par_iter()
            .map(|i| {
                if !domain[i] {
                    return 0.0;
                }
                let (row, column) = (i / sheet.size, i % sheet.size);
                let (r, c) = (row / self.step, column / self.step);
                let at = |r: usize, c: usize| value(self.number[r * self.size + c] as usize);
                let part = |at: usize| (at % self.step) as f32 / self.step as f32;
                let (down, across) = (part(row), part(column));
                let upper = at(r, c) + (at(r, c + 1) - at(r, c)) * across;
                let lower = at(r + 1, c) + (at(r + 1, c + 1) - at(r + 1, c)) * across;
                upper + (lower - upper) * down
            })
            .collect()
    }
}
