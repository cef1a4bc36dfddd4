//! Kriging: the missing tables as the conditional mean of a Gaussian field, given the trusted bone around the hole.
//!
//! The field is the difference to the mean vault. Its covariance is the atlas' own, tapered with distance, plus a
//! smooth kernel for what the atlas has not seen. Outer radius b and thickness t are the two unknowns; what is
//! observed is the outer radius b where the outer table stands and the inner radius a = b − t where the inner does.
//! Source: N. Cressie, Statistics for Spatial Data (1993), chapter 3; taper: R. Furrer et al., JCGS 15 (2006).

mod covariance;
mod draw;
mod lattice;
#[cfg(test)]
mod other_half;
#[cfg(test)]
mod tests;

use super::prior::{HeadSamples, Prior, turns};
use super::sheet::{Sheet, median};
use super::tables::Tables;
use super::trust::Trust;
use covariance::{Covariance, solve_lower};
use lattice::Lattice;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Rotation3, Vector3};
use rayon::prelude::*;

/// How the field is believed to vary.
pub(crate) struct Model {
    /// Share of the atlas' sample covariance that is believed.
    atlas_share: f64,
    /// Length of the taper of the atlas' covariance, mm: far apart, few heads only make chance agree.
    taper_mm: f64,
    /// Each head counts turned by so many degrees about each axis as well: the covariance is the mean of those of
    /// neighbouring places, which few heads leave to chance (M. Buehner and M. Charron, Q. J. R. Meteorol. Soc. 133,
    /// 2007). `None`: as it is alone.
    turned_degrees: Option<f64>,
    /// Standard deviation of the smooth kernel (Matérn 3/2) of outer radius and thickness, mm, and its length, mm.
    kernel_sd_mm: [f64; 2],
    kernel_length_mm: [f64; 2],
    /// Bone's own texture: noise of an observed outer and inner radius, mm. Without it the texture would be continued.
    texture_mm: [f64; 2],
    /// Lattices of observations: up to so far from the missing part, so far apart, mm.
    lattice_mm: [(f32, f64); 3],
}

impl Model {
    /// Values chosen on the ten skulls outside of the atlas and on the atlas' own, each left out in turn; DSC is flat around
    /// them (docs/reconstruction.md).
    pub const KRIGING: Self = Self {
        atlas_share: 0.7,
        taper_mm: 100.0,
        turned_degrees: Some(3.0),
        kernel_sd_mm: [3.0, 1.5],
        kernel_length_mm: [90.0, 60.0],
        texture_mm: [0.4, 0.7],
        // Farther bone tells nothing more.
        lattice_mm: [(2.5, 2.0), (10.0, 4.0), (20.0, 8.0)],
    };
    /// The atlas' modes of variation alone, each as likely as its variance, fitted to all intact bone around:
    /// probabilistic principal components (M. E. Tipping and C. M. Bishop, J. R. Statist. Soc. B 61, 1999).
    pub const SHAPE: Self = Self {
        atlas_share: 1.0,
        taper_mm: f64::INFINITY,
        turned_degrees: None,
        kernel_sd_mm: [0.0, 0.0],
        kernel_length_mm: [1.0, 1.0],
        texture_mm: [1.0, 1.2],
        lattice_mm: [(5.0, 4.0), (12.0, 6.0), (60.0, 9.0)],
    };
}

/// Noise of what the other side's outer and inner radius tell of this side's, mm, beside what the heads' own asymmetry
/// says; and how far the smooth kernel is shared by both sides.
const OTHER_TEXTURE_MM: [f64; 2] = [1.2, 1.6];
const OTHER_SHARE: f64 = 0.6;
/// The other side is observed so far around what is missing, so far apart, mm; not so near to the midline, where it is
/// this side again.
const OTHER_REACH_MM: f32 = 10.0;
const OTHER_STEP_MM: f64 = 5.0;
const MIDLINE_MM: f64 = 8.0;
/// Bone of the other side farther than this from the mean is no vault, mm.
const OTHER_STRANGE_MM: f32 = 9.0;
/// Most observations of this side and of the other; with more the lattices are stretched.
const BUDGET: usize = 1200;
const OTHER_BUDGET: usize = 500;
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
    /// Whether these lie on the other side: the field mirrored across the midsagittal plane.
    other: bool,
    directions: Vec<Vector3<f64>>,
    /// Differences of the heads, centred; for `Inner` outer − thickness. On the other side each head stands where its
    /// mirror image stands on this one.
    heads: DMatrix<f32>,
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
        Self { table, other: false, directions, heads, means }
    }

    /// The same points on the other side.
    fn mirrored(mut self) -> Self {
        let half = self.heads.nrows() / 2;
        for row in 0..half {
            self.heads.swap_rows(row, row + half);
        }
        self.other = !self.other;
        self
    }

    fn at(model: &Model, prior: &Prior, pixels: &[usize], table: Table) -> Self {
        Self::new(prior, pixels, &model.heads_at(prior, pixels), table)
    }

    fn len(&self) -> usize {
        self.directions.len()
    }
}

impl Model {
    fn heads_at(&self, prior: &Prior, pixels: &[usize]) -> HeadSamples {
        match self.turned_degrees {
            Some(degrees) => prior.heads_at(pixels, &turns(degrees)),
            None => prior.heads_at(pixels, &[Rotation3::identity()]),
        }
    }

    fn kernel(&self, chord_mm: f64, table: usize) -> f64 {
        let q = 3f64.sqrt() * chord_mm / self.kernel_length_mm[table];
        self.kernel_sd_mm[table].powi(2) * (1.0 + q) * (-q).exp()
    }

    /// Variance of the outer radius at a point before anything is observed, mm².
    fn variance(&self, points: &Points, k: usize) -> f64 {
        let heads = points.heads.nrows();
        let share = if heads > 1 { self.atlas_share / (heads - 1) as f64 } else { 0.0 };
        share * f64::from(points.heads.column(k).norm_squared()) + self.kernel_sd_mm[0].powi(2)
    }
}

/// What the other side tells: its tables less the mean, mm, and where it is whole.
pub(crate) struct OtherTables {
    pub residual: Tables,
    pub seen: Vec<bool>,
}

/// The solved field: weights on the observations.
pub(crate) struct Field<'a> {
    covariance: Covariance<'a>,
    prior: &'a Prior,
    observed: Vec<Points>,
    /// Noise of each of them, mm.
    noise_mm: Vec<f64>,
    factor: Cholesky<f64, Dyn>,
    weights: DVector<f64>,
}

/// Some points, what was observed there (mm), and its noise, mm.
type Group = (Points, Vec<f64>, f64);

/// Conditions the field on the trusted bone around the hole, and on the other side's where that is given; `None` when
/// too little bone is there. `residual` is the observed tables less the mean, mm.
pub(crate) fn condition<'a>(
    model: &'a Model,
    sheet: &Sheet,
    prior: &'a Prior,
    residual: &Tables,
    trust: &Trust,
    other: Option<&OtherTables>,
) -> Option<Field<'a>> {
    let mut groups = this_side(model, sheet, prior, residual, trust)?;
    if let Some(other) = other {
        groups.extend(other_side(model, sheet, prior, trust, other));
    }
    let covariance = Covariance::new(model);
    let (factor, weights) = solve(&covariance, &groups)?;
    let noise_mm = groups.iter().map(|g| g.2).collect();
    let observed = groups.into_iter().map(|g| g.0).collect();
    weights.iter().all(|w| w.is_finite()).then_some(Field { covariance, prior, observed, noise_mm, factor, weights })
}

/// Number of the first observation of each group.
fn starts(groups: &[Group]) -> Vec<usize> {
    let before = |sum: &mut usize, group: &Group| {
        *sum += group.0.len();
        Some(*sum - group.0.len())
    };
    groups.iter().scan(0, before).collect()
}

/// The factor of the observations' covariance, noise included, and their weights; `None` where it has none.
fn solve(covariance: &Covariance, groups: &[Group]) -> Option<(Cholesky<f64, Dyn>, DVector<f64>)> {
    let starts = starts(groups);
    let size = groups.iter().map(|g| g.0.len()).sum();
    let pairs: Vec<(usize, usize)> = (0..groups.len()).flat_map(|i| (i..groups.len()).map(move |j| (i, j))).collect();
    let blocks: Vec<DMatrix<f64>> =
        pairs.par_iter().map(|&(i, j)| covariance.between(&groups[i].0, &groups[j].0)).collect();
    let mut system = DMatrix::zeros(size, size);
    for (&(i, j), block) in pairs.iter().zip(&blocks) {
        system.view_mut((starts[i], starts[j]), block.shape()).copy_from(block);
        if i != j {
            system.view_mut((starts[j], starts[i]), (block.ncols(), block.nrows())).copy_from(&block.transpose());
        }
    }
    for ((points, _, noise), start) in groups.iter().zip(&starts) {
        (*start..start + points.len()).for_each(|k| system[(k, k)] += noise * noise);
    }
    let values = groups.iter().flat_map(|(points, values, _)| values.iter().zip(&points.means).map(|(v, m)| v - m));
    let right = DVector::from_iterator(size, values);
    let factor = Cholesky::new(system)?;
    let weights = factor.solve(&right);
    Some((factor, weights))
}

fn this_side(model: &Model, sheet: &Sheet, prior: &Prior, residual: &Tables, trust: &Trust) -> Option<Vec<Group>> {
    let inner = residual.inner();
    let pixels = observed(model, sheet, trust);
    let tables = [(Table::Outer, &residual.outer, &trust.outer), (Table::Inner, &inner, &trust.inner)];
    let mut groups = Vec::new();
    for (k, ((table, values, trusted), pixels)) in tables.into_iter().zip(pixels).enumerate() {
        let (pixels, values) = believed(sheet, values, trusted, trust, pixels, STRANGE_MM[k]);
        if pixels.len() < 8 {
            return None;
        }
        groups.push((Points::at(model, prior, &pixels, table), values, model.texture_mm[k]));
    }
    Some(groups)
}

/// Outer and inner radius of the other side over and around what is missing.
fn other_side(model: &Model, sheet: &Sheet, prior: &Prior, trust: &Trust, other: &OtherTables) -> Vec<Group> {
    let missing_mm = sheet.distance_mm(&trust.missing);
    let usable: Vec<bool> = (0..missing_mm.len())
        .map(|i| {
            other.seen[i]
                && other.residual.outer[i].abs() <= OTHER_STRANGE_MM
                && prior.direction(i).x.abs() * RADIUS_MM >= MIDLINE_MM
        })
        .collect();
    let inner = other.residual.inner();
    let (outer, inner) = (
        sheet.smooth_where(&other.residual.outer, &usable, AVERAGE_MM),
        sheet.smooth_where(&inner, &usable, AVERAGE_MM),
    );
    let mut stretch = 1.0;
    let pixels: Vec<usize> = loop {
        let step = (OTHER_STEP_MM * stretch / sheet.pixel_mm).round().max(1.0) as usize;
        let wanted = |&i: &usize| usable[i] && missing_mm[i] <= OTHER_REACH_MM && sheet.on_lattice(i, step);
        let chosen: Vec<usize> = (0..usable.len()).filter(wanted).collect();
        if 2 * chosen.len() <= OTHER_BUDGET || stretch > 20.0 {
            break chosen;
        }
        stretch *= 1.08;
    };
    let values = |map: &[f32]| pixels.iter().map(|&p| f64::from(map[p])).collect::<Vec<f64>>();
    vec![
        (Points::at(model, prior, &pixels, Table::Outer).mirrored(), values(&outer), OTHER_TEXTURE_MM[0]),
        (Points::at(model, prior, &pixels, Table::Inner).mirrored(), values(&inner), OTHER_TEXTURE_MM[1]),
    ]
}

/// What is observed at a pixel is the average over this length, mm.
const AVERAGE_MM: f64 = 1.0;

/// Pixels at which each table is observed: dense at the missing part.
fn observed(model: &Model, sheet: &Sheet, trust: &Trust) -> [Vec<usize>; 2] {
    let tables = [&trust.outer, &trust.inner];
    let missing: [Vec<f32>; 2] = tables.map(|table| {
        let of_table: Vec<bool> = (0..table.len()).map(|i| trust.missing[i] && !table[i]).collect();
        // A table that is whole tells of the other one where that is missing.
        sheet.distance_mm(if of_table.contains(&true) { &of_table } else { &trust.missing })
    });
    let mut stretch = 1.0;
    loop {
        let steps = model.lattice_mm.map(|(_, mm)| (mm * stretch / sheet.pixel_mm).round().max(1.0) as usize);
        let chosen = [0, 1].map(|k| {
            let wanted = |i: &usize| {
                tables[k][*i]
                    && model
                        .lattice_mm
                        .iter()
                        .zip(steps)
                        .any(|((reach, _), step)| missing[k][*i] <= *reach && sheet.on_lattice(*i, step))
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
        self.weighed(&self.weights, sheet, domain)
    }

    /// The same with other weights on the observations.
    fn weighed(&self, weights: &DVector<f64>, sheet: &Sheet, domain: &[bool]) -> Tables {
        let lattice = Lattice::over(sheet, domain, STEP_MM);
        let chunks: Vec<Vec<(f64, f64)>> = lattice
            .pixels
            .par_chunks(256)
            .map(|pixels| {
                let samples = self.covariance.model.heads_at(self.prior, pixels);
                let value = |table: Table| -> Vec<f64> {
                    let points = Points::new(self.prior, pixels, &samples, table);
                    let mut known = DVector::zeros(pixels.len());
                    let mut start = 0;
                    for group in &self.observed {
                        known += self.covariance.between(&points, group) * weights.rows(start, group.len());
                        start += group.len();
                    }
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
                let points = Points::at(self.covariance.model, self.prior, pixels, Table::Outer);
                let mut known = DMatrix::zeros(self.weights.len(), pixels.len());
                let mut start = 0;
                for group in &self.observed {
                    let block = self.covariance.between(group, &points);
                    known.view_mut((start, 0), block.shape()).copy_from(&block);
                    start += group.len();
                }
                solve_lower(self.factor.l_dirty(), &mut known);
                (0..pixels.len())
                    .map(|k| {
                        let left =
                            (self.covariance.model.variance(&points, k) - known.column(k).norm_squared()).max(0.0);
                        (left + self.covariance.model.texture_mm[0].powi(2)).sqrt() as f32
                    })
                    .collect()
            })
            .collect();
        let values: Vec<f32> = chunks.into_iter().flatten().collect();
        lattice.between(sheet, domain, |k| values[k])
    }
}
