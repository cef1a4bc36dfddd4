//! Shapes drawn from the field: what else could have been there.
//!
//! Matheron's rule: a function drawn from the prior, less what kriging makes of its error at the observations, is drawn
//! from the conditional field (A. G. Journel and C. J. Huijbregts, Mining Geostatistics (1978), chapter VII). The prior's
//! function is a sum of waves whose frequencies are drawn from each kernel's spectrum (A. Rahimi and B. Recht, Random
//! Features for Large-Scale Kernel Machines, 2007): its covariance is the model's, and it can be asked anywhere.

use super::lattice::Lattice;
use super::{Field, Model, OTHER_SHARE, Points, RADIUS_MM, STEP_MM, Table};
use crate::geometry::Random;
use crate::reconstruct::sheet::Sheet;
use crate::reconstruct::tables::Tables;
use nalgebra::{DVector, Vector3};
use rayon::prelude::*;

/// Seed of all draws: the number of a shape names its stream.
const SEED: u64 = 0x5AA9_E5D4;
/// Waves of each head's weight, and of each smooth function: with few of these one alone would be seen as stripes. The
/// weights of more than a thousand heads as they are turned add up, so that two waves each are many.
const HEAD_WAVES: usize = 2;
const KERNEL_WAVES: usize = 256;

/// A random function of the place with variance 1.
struct Waves(Vec<(Vector3<f64>, f64, f64)>);

impl Waves {
    /// `frequency` draws from the spectrum, radians a mm.
    fn new(count: usize, random: &mut Random, frequency: impl Fn(&mut Random) -> Vector3<f64>) -> Self {
        let amplitude = 1.0 / (count as f64).sqrt();
        let one = |_| (frequency(random), amplitude * random.normal(), amplitude * random.normal());
        Self((0..count).map(one).collect())
    }

    fn at(&self, place_mm: &Vector3<f64>) -> f64 {
        let one = |(frequency, cosine, sine): &(Vector3<f64>, f64, f64)| {
            let (s, c) = frequency.dot(place_mm).sin_cos();
            cosine * c + sine * s
        };
        self.0.iter().map(one).sum()
    }
}

fn normals(random: &mut Random) -> Vector3<f64> {
    Vector3::from_fn(|_, _| random.normal())
}

/// Spectrum of the taper exp(−d²/2L²): normal with deviation 1/L.
fn taper(length_mm: f64) -> impl Fn(&mut Random) -> Vector3<f64> {
    move |random| normals(random) / length_mm
}

/// Spectrum of the Matérn 3/2 kernel of length L: Student's t with three degrees of freedom and scale 1/L
/// (C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006), section 4.2.1).
fn matern(length_mm: f64) -> impl Fn(&mut Random) -> Vector3<f64> {
    move |random| {
        let chi2 = normals(random).norm_squared().max(1e-12);
        normals(random) * (3.0 / chi2).sqrt() / length_mm
    }
}

/// A function drawn from the field before anything is observed.
struct Drawn<'a> {
    model: &'a Model,
    /// A weight of each head, slowly changing with the place: this is the taper.
    heads: Vec<Waves>,
    /// Of outer radius and thickness: what both sides share, this side's own, the other side's own.
    kernels: [[Waves; 3]; 2],
}

impl<'a> Drawn<'a> {
    fn new(model: &'a Model, heads: usize, random: &mut Random) -> Self {
        let of_heads = (0..heads).map(|_| Waves::new(HEAD_WAVES, random, taper(model.taper_mm))).collect();
        let kernels = model
            .kernel_length_mm
            .map(|length_mm| std::array::from_fn(|_| Waves::new(KERNEL_WAVES, random, matern(length_mm))));
        Self { model, heads: of_heads, kernels }
    }

    fn at(&self, points: &Points) -> Vec<f64> {
        let heads = points.heads.nrows();
        let share = if heads > 1 { (self.model.atlas_share / (heads - 1) as f64).sqrt() } else { 0.0 };
        (0..points.len())
            .into_par_iter()
            .map(|k| {
                let place = points.directions[k] * RADIUS_MM;
                let column = points.heads.column(k);
                let of_heads: f64 =
                    self.heads.iter().zip(column.iter()).map(|(w, head)| w.at(&place) * f64::from(*head)).sum();
                let smooth = |table: usize| {
                    let [both, here, there] = &self.kernels[table];
                    let own = if points.other { there } else { here };
                    let value = OTHER_SHARE.sqrt() * both.at(&place) + (1.0 - OTHER_SHARE).sqrt() * own.at(&place);
                    self.model.kernel_sd_mm[table] * value
                };
                let smooth = match points.table {
                    Table::Outer => smooth(0),
                    Table::Thickness => smooth(1),
                    Table::Inner => smooth(0) - smooth(1),
                };
                share * of_heads + smooth
            })
            .collect()
    }
}

impl Field<'_> {
    /// Differences to the mean of one shape drawn from the field, as [`Field::tables`]; the same number gives the same
    /// shape. Over many numbers the mean is that of [`Field::tables`] and the deviation of the outer radius that of
    /// [`Field::outer_sd_mm`] without the bone's texture, which is not drawn: it would only roughen the part.
    pub fn draw(&self, sheet: &Sheet, domain: &[bool], number: u64) -> Tables {
        let mut random = Random::new(SEED, number);
        let heads = self.observed.first().map_or(0, |points| points.heads.nrows());
        let drawn = Drawn::new(self.covariance.model, heads, &mut random);
        let mut errors = Vec::with_capacity(self.weights.len());
        for (points, noise_mm) in self.observed.iter().zip(&self.noise_mm) {
            errors.extend(drawn.at(points).into_iter().map(|value| value + noise_mm * random.normal()));
        }
        let correction = self.factor.solve(&DVector::from_vec(errors));
        let mut tables = self.weighed(&(&self.weights - correction), sheet, domain);
        let lattice = Lattice::over(sheet, domain, STEP_MM);
        let samples = self.covariance.model.heads_at(self.prior, &lattice.pixels);
        let prior = |table| drawn.at(&Points::new(self.prior, &lattice.pixels, &samples, table));
        let add = |to: &mut [f32], values: Vec<f64>| {
            let between = lattice.between(sheet, domain, |k| values[k] as f32);
            to.iter_mut().zip(between).for_each(|(to, value)| *to += value);
        };
        add(&mut tables.outer, prior(Table::Outer));
        add(&mut tables.thickness, prior(Table::Thickness));
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covariance of a random function at two places, over many functions.
    fn covariance(apart_mm: f64, one: impl Fn(&mut Random) -> Waves) -> f64 {
        const COUNT: u64 = 20_000;
        let (p, q) = (Vector3::new(10.0, -20.0, 60.0), Vector3::new(10.0, -20.0 + apart_mm, 60.0));
        let product = |number| {
            let waves = one(&mut Random::new(3, number));
            waves.at(&p) * waves.at(&q)
        };
        (0..COUNT).map(product).sum::<f64>() / COUNT as f64
    }

    #[test]
    fn sums_of_waves_have_the_kernels_covariance() {
        // The mean of 20 000 products is known to about 0.01.
        for apart_mm in [0.0, 20.0, 60.0, 120.0] {
            let gauss = covariance(apart_mm, |random| Waves::new(4, random, taper(60.0)));
            let known = (-0.5 * (apart_mm / 60.0f64).powi(2)).exp();
            assert!((gauss - known).abs() < 0.03, "{apart_mm} mm: {gauss} for {known}");
            let smooth = covariance(apart_mm, |random| Waves::new(4, random, matern(90.0)));
            let known = Model::KRIGING.kernel(apart_mm, 0) / Model::KRIGING.kernel_sd_mm[0].powi(2);
            assert!((smooth - known).abs() < 0.03, "{apart_mm} mm: {smooth} for {known}");
        }
    }

    #[test]
    fn a_taper_without_end_is_the_same_everywhere() {
        let waves = Waves::new(2, &mut Random::new(1, 1), taper(f64::INFINITY));
        assert_eq!(waves.at(&Vector3::zeros()), waves.at(&Vector3::new(50.0, -60.0, 20.0)));
    }
}
