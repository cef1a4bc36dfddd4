//! Training samples of the map network: holes cut into the maps of whole heads, whose bone is known.

use super::holes::{Hole, anywhere};
use super::recipe::Recipe;
use super::trainer::Task;
use crate::geometry::Random;
use crate::network::map::{MAP_INPUTS, MAP_KIND, MAP_OUTPUTS, MapNetwork, MapSheet, MapStart, Residual, SHEET_SIZE};
use crate::network::{Seen, UNetShape, expected};
use candle_core::{Result, Tensor};
use nalgebra::Vector3;

/// Trains the map network on whole heads.
pub struct MapTask<'a> {
    recipe: &'a Recipe,
    heads: &'a [Vec<Seen>],
    validation: &'a [Vec<Seen>],
}

/// Validation samples.
const LOOKS: u64 = 64;
/// Errors below this count by their square, mm.
const SMOOTH_MM: f64 = 0.5;

impl<'a> MapTask<'a> {
    /// A training on heads (each in one or more views), validated on others.
    pub fn new(recipe: &'a Recipe, heads: &'a [Vec<Seen>], validation: &'a [Vec<Seen>]) -> Self {
        Self { recipe, heads, validation }
    }
}

/// A head with a hole, on its sheet.
struct Case {
    prepared: MapStart,
    hole: Vec<bool>,
    truth: Residual,
    /// Mean thickness, mm.
    thickness_mm: Vec<f32>,
}

impl Task for MapTask<'_> {
    fn kind(&self) -> &'static str {
        MAP_KIND
    }

    fn shape(&self) -> UNetShape {
        self.recipe.shape(2, MAP_INPUTS, MAP_OUTPUTS, true)
    }

    fn size(&self) -> [usize; 3] {
        [1, SHEET_SIZE, SHEET_SIZE]
    }

    fn targets(&self) -> usize {
        3
    }

    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        sample(case(self.heads, random, true))
    }

    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        if self.validation.is_empty() {
            return Vec::new();
        }
        (0..LOOKS).map(|i| sample(case(self.validation, &mut Random::new(VALIDATION, i), false))).collect()
    }

    /// Smooth L1 of outer and inner table over twice the thickness: about the loss of the Dice score.
    fn loss(&self, out: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (weight, error) = (target.narrow(1, 2, 1)?, (out - target.narrow(1, 0, 2)?)?);
        let outer = error.narrow(1, 0, 1)?;
        let inner = (&outer - error.narrow(1, 1, 1)?)?;
        let smooth = |e: &Tensor| -> Result<Tensor> {
            // √(e² + δ²) − δ: quadratic near zero, straight far away.
            (e.sqr()? + SMOOTH_MM * SMOOTH_MM)?.sqrt()? - SMOOTH_MM
        };
        let each = ((smooth(&outer)? + smooth(&inner)?)? * &weight)?;
        each.sum_all()? / f64::from(weight.sum_all()?.to_scalar::<f32>()?.max(1e-6))
    }
}

/// Names the holes that a training is validated with.
const VALIDATION: u64 = 0x3A9_0001;

fn sample(case: Case) -> (Vec<f32>, Vec<f32>) {
    let n = case.hole.len();
    let mut target = vec![0f32; 3 * n];
    for o in 0..n {
        if case.hole[o] && case.truth.outer_mm[o].is_finite() {
            target[o] = case.truth.outer_mm[o] - case.prepared.start.outer_mm[o];
            target[n + o] = case.truth.thickness_mm[o] - case.prepared.start.thickness_mm[o];
            target[2 * n + o] = 1.0 / (2.0 * case.thickness_mm[o].max(2.0));
        }
    }
    (case.prepared.input, target)
}

/// Where a hole may be so that its bone is a vault's.
fn closed(direction: &Vector3<f64>) -> bool {
    expected().disc.sample(&expected().closed, direction) > 0.5
}

fn case(heads: &[Vec<Seen>], random: &mut Random, vary: bool) -> Case {
    let pick = |random: &mut Random| -> &Seen {
        let views = &heads[random.below(heads.len())];
        &views[random.below(views.len())]
    };
    let towards = anywhere(random);
    let area_cm2 = random.between(4f64.ln(), 230f64.ln()).exp();
    let outline = if random.chance(0.25) {
        Hole::boxed(random, &towards, area_cm2)
    } else {
        Hole::irregular(random, &towards, area_cm2)
    };
    let sheet = MapSheet::about(&towards);
    let hole: Vec<bool> = sheet.directions.iter().map(|d| outline.distance_mm(d) < 0.0 && closed(d)).collect();
    let behind: Vec<bool> =
        sheet.directions.iter().map(|d| outline.distance_mm(&Vector3::new(-d.x, d.y, d.z)) < 0.0).collect();
    let mirrored = random.chance(0.5);
    let first = pick(random);
    let (mut own, mut other) = (sheet.residual(first, mirrored), sheet.residual(first, !mirrored));
    if vary && random.chance(0.3) {
        // A head between two, with as much of its own as either.
        let second = pick(random);
        let (sin, cos) = random.between(0.0, std::f64::consts::FRAC_PI_2).sin_cos();
        for (a, b) in [(&mut own, sheet.residual(second, mirrored)), (&mut other, sheet.residual(second, !mirrored))] {
            let mix =
                |a: &mut [f32], b: &[f32]| a.iter_mut().zip(b).for_each(|(a, b)| *a = *a * cos as f32 + b * sin as f32);
            mix(&mut a.outer_mm, &b.outer_mm);
            mix(&mut a.thickness_mm, &b.thickness_mm);
        }
    }
    if vary {
        let by = random.between(0.75, 1.3) as f32;
        let rough = random.between(0.0, 0.3);
        for residual in [&mut own, &mut other] {
            residual.outer_mm.iter_mut().for_each(|v| *v = *v * by + (rough * random.normal()) as f32);
            residual.thickness_mm.iter_mut().for_each(|v| *v *= by);
        }
    }
    // The hole is missing in the mirror image too, where it crosses the midline.
    for o in (0..behind.len()).filter(|&o| behind[o]) {
        other.outer_mm[o] = f32::NAN;
        other.thickness_mm[o] = f32::NAN;
    }
    let thickness_mm = sheet.directions.iter().map(|d| expected().disc.sample(&expected().thickness_mm, d)).collect();
    let prepared = MapStart::new(&sheet, &own, &other, &hole);
    Case { prepared, hole, truth: own, thickness_mm }
}

/// Mean error of outer and inner table in the holes, mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableErrors {
    /// Of the outer table.
    pub outer_mm: f64,
    /// Of the inner table.
    pub inner_mm: f64,
}

/// Errors of the membrane the network starts from, and of the network, over `count` fixed holes in heads.
pub fn map_errors(network: &MapNetwork, heads: &[Vec<Seen>], count: u64) -> [TableErrors; 2] {
    let mut sums = [[0f64; 2]; 2];
    let mut weights = 0f64;
    for i in 0..count {
        let case = case(heads, &mut Random::new(VALIDATION ^ 0xFF, i), false);
        let completed = network.complete(&case.prepared, &case.hole);
        for o in (0..case.hole.len()).filter(|&o| case.hole[o] && case.truth.outer_mm[o].is_finite()) {
            for (sums, of) in sums.iter_mut().zip([&case.prepared.start, &completed]) {
                let outer = of.outer_mm[o] - case.truth.outer_mm[o];
                let inner = outer - (of.thickness_mm[o] - case.truth.thickness_mm[o]);
                sums[0] += f64::from(outer.abs());
                sums[1] += f64::from(inner.abs());
            }
            weights += 1.0;
        }
    }
    sums.map(|[outer, inner]| TableErrors { outer_mm: outer / weights, inner_mm: inner / weights })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head that is the mean with waves on it.
    fn head() -> Vec<Vec<Seen>> {
        let mean = expected();
        let wave = |o: usize| (0.11 * (o % 120) as f32).sin() + (0.07 * (o / 120) as f32).cos();
        let outer_mm: Vec<f32> = (0..mean.disc.len()).map(|o| mean.outer_mm[o] + wave(o)).collect();
        let inner_mm = outer_mm.iter().zip(&mean.thickness_mm).map(|(o, t)| o - t - 0.5).collect();
        let n = mean.disc.len();
        vec![vec![Seen { outer_mm, inner_mm, peak: vec![1.0; n], scanned: vec![1.0; n] }]]
    }

    #[test]
    fn nothing_of_the_missing_bone_reaches_the_network() {
        let heads = head();
        for i in 0..6 {
            let case = case(&heads, &mut Random::new(4, i), false);
            let other = Residual { outer_mm: vec![f32::NAN; 6400], thickness_mm: vec![f32::NAN; 6400] };
            let sheet = MapSheet::about(&anywhere(&mut Random::new(4, i)));
            let mut changed = case.truth.clone();
            for o in (0..6400).filter(|&o| case.hole[o]) {
                changed.outer_mm[o] += 5.0;
                changed.thickness_mm[o] = f32::NAN;
            }
            let of = |own: &Residual| MapStart::new(&sheet, own, &other, &case.hole).input;
            assert!(of(&case.truth) == of(&changed));
            assert!(case.hole.iter().filter(|h| **h).count() > 20);
        }
    }

    #[test]
    fn a_target_is_what_the_start_lacks() {
        let heads = head();
        let task_case = case(&heads, &mut Random::new(8, 1), false);
        let truth = task_case.truth.outer_mm.clone();
        let start = task_case.prepared.start.outer_mm.clone();
        let hole = task_case.hole.clone();
        let (input, target) = sample(task_case);
        assert_eq!((input.len(), target.len()), (MAP_INPUTS * 6400, 3 * 6400));
        for o in (0..6400).filter(|&o| target[2 * 6400 + o] > 0.0) {
            assert!(hole[o] && (start[o] + target[o] - truth[o]).abs() < 1e-4);
        }
    }
}
