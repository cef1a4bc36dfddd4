//! Training samples of the coarse volume network: a deformable masked autoencoder over the head box.

use super::holes::Hole;
use super::recipe::Recipe;
use super::trainer::Task;
use crate::geometry::Random;
use crate::network::volume::{
    BOX_SIZE, CoarseHead, VOLUME_INPUTS, VOLUME_KIND, VOLUME_OUTPUTS, cell, place, volume_channels,
};
use crate::network::{UNet, UNetShape, Weights};
use candle_core::{Device, Result, Tensor};
use nalgebra::{Rotation3, Vector3};

/// Trains the volume network on whole heads.
pub struct VolumeTask<'a> {
    recipe: &'a Recipe,
    heads: &'a [Vec<CoarseHead>],
    validation: &'a [Vec<CoarseHead>],
}

/// Validation samples.
const LOOKS: u64 = 32;
/// Names the holes that a training is validated with.
const VALIDATION: u64 = 0x70_1C3E;
/// Nothing nearer to the head's centre is cut, mm of the mean frame.
const DEEPEST_MM: f64 = 45.0;

impl<'a> VolumeTask<'a> {
    /// A training on heads (each in one or more views), validated on others.
    pub fn new(recipe: &'a Recipe, heads: &'a [Vec<CoarseHead>], validation: &'a [Vec<CoarseHead>]) -> Self {
        Self { recipe, heads, validation }
    }

    /// Mean Dice of the missing bone (shares as weights) over `count` fixed holes.
    ///
    /// # Errors
    /// When the weights are of another net.
    pub fn dice(&self, weights: &Weights, count: u64) -> Result<f64> {
        let net: UNet = weights.net().map_err(candle_core::Error::wrap)?;
        let mut sum = 0.0;
        for i in 0..count {
            let (input, target) = sample(self.validation, &mut Random::new(VALIDATION ^ 0xFF, i), false);
            let [d, h, w] = BOX_SIZE;
            let out = net.forward(&Tensor::from_vec(input, (1, VOLUME_INPUTS, d, h, w), &Device::Cpu)?)?;
            let (mut both, mut all) = (0f64, 0f64);
            for (z, y) in out.flatten_all()?.to_vec1::<f32>()?.iter().zip(&target) {
                let p = f64::from(1.0 / (1.0 + (-z).exp()));
                both += 2.0 * p.min(f64::from(*y));
                all += p + f64::from(*y);
            }
            sum += both / all.max(1e-9);
        }
        Ok(sum / count as f64)
    }
}

impl Task for VolumeTask<'_> {
    fn kind(&self) -> &'static str {
        VOLUME_KIND
    }

    fn shape(&self) -> UNetShape {
        self.recipe.shape(3, VOLUME_INPUTS, VOLUME_OUTPUTS, true)
    }

    fn size(&self) -> [usize; 3] {
        BOX_SIZE
    }

    fn targets(&self) -> usize {
        1
    }

    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        sample(self.heads, random, true)
    }

    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        if self.validation.is_empty() {
            return Vec::new();
        }
        (0..LOOKS).map(|i| sample(self.validation, &mut Random::new(VALIDATION, i), false)).collect()
    }

    /// One less the soft Dice of each sample (Milletari et al., V-Net, 2016), and the cross entropy, which has a slope
    /// where the Dice has none yet.
    fn loss(&self, out: &Tensor, target: &Tensor) -> Result<Tensor> {
        let soft = (out.relu()? + (out.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let entropy = (soft - (out * target)?)?.mean_all()?;
        let share = candle_nn::ops::sigmoid(out)?;
        let over = |t: &Tensor| -> Result<Tensor> { t.flatten_from(1)?.sum(1) };
        let both = (over(&(&share * target)?)? * 2.0)?;
        // Squares below, so that shares of bone need not be driven to 0 and 1.
        let all = (over(&share.sqr()?)? + over(&target.sqr()?)?)?;
        let dice = ((both + 1.0)? / (all + 1.0)?)?.mean_all()?;
        (dice.neg()? + 1.0)? + (entropy * 5.0)?
    }
}

/// A sample: bone that is left and where on the head; bone that was taken.
fn sample(heads: &[Vec<CoarseHead>], random: &mut Random, vary: bool) -> (Vec<f32>, Vec<f32>) {
    let views = &heads[random.below(heads.len())];
    let view = &views[random.below(views.len())];
    let whole = moved(view, random, vary);
    let hole = opening(random);
    let [_, ny, nx] = BOX_SIZE;
    let (mut left, mut taken) = (whole.clone(), vec![0f32; whole.len()]);
    for o in (0..whole.len()).filter(|&o| whole[o] > 0.0) {
        let at = place(&Vector3::new((o % nx) as f64, (o / nx % ny) as f64, (o / nx / ny) as f64));
        let r = at.norm();
        if r < DEEPEST_MM {
            continue;
        }
        // A cell on the outline loses a part of its bone; walls lean with the depth below a typical surface.
        let s = hole.distance_mm(&(at / r)) + hole.lean * (88.0 - r).clamp(-10.0, 15.0);
        let share = (0.5 - s / 4.0).clamp(0.0, 1.0) as f32;
        taken[o] = whole[o] * share;
        left[o] = whole[o] - taken[o];
    }
    (volume_channels(&left), taken)
}

/// A patch anywhere on the head, the face's upper half and the base's edge included.
fn opening(random: &mut Random) -> Hole {
    let (z, turn) = (random.between(-0.45, 1.0), random.between(0.0, std::f64::consts::TAU));
    let side = (1.0f64 - z * z).sqrt();
    let towards = Vector3::new(side * turn.cos(), side * turn.sin(), z);
    let area_cm2 = random.between(10f64.ln(), 250f64.ln()).exp();
    if random.chance(0.2) {
        Hole::boxed(random, &towards, area_cm2)
    } else {
        Hole::irregular(random, &towards, area_cm2)
    }
}

/// The head turned, stretched, shifted and mirrored.
fn moved(head: &CoarseHead, random: &mut Random, vary: bool) -> Vec<f32> {
    if !vary {
        return head.share.clone();
    }
    let mut spread = |by: f64| Vector3::from_fn(|_, _| random.normal() * by);
    let (turn, shift, scales) = (Rotation3::new(spread(0.06)), spread(2.5), spread(0.04).map(f64::exp));
    let side = if random.chance(0.5) { -1.0 } else { 1.0 };
    let [_, ny, nx] = BOX_SIZE;
    (0..head.share.len())
        .map(|o| {
            let at = place(&Vector3::new((o % nx) as f64, (o / nx % ny) as f64, (o / nx / ny) as f64));
            let at = Vector3::new(side * at.x, at.y, at.z);
            trilinear(&head.share, &cell(&(turn * at.component_mul(&scales) + shift)))
        })
        .collect()
}

/// Value between cells, 0 beyond the box.
fn trilinear(share: &[f32], at: &Vector3<f64>) -> f32 {
    let [nz, ny, nx] = BOX_SIZE;
    let last = Vector3::new(nx - 1, ny - 1, nz - 1);
    if (0..3).any(|a| at[a] < 0.0 || at[a] > last[a] as f64) {
        return 0.0;
    }
    let low = Vector3::from_fn(|a, _| (at[a] as usize).min(last[a] - 1));
    let part = Vector3::from_fn(|a, _| (at[a] - low[a] as f64) as f32);
    let value = |dx: usize, dy: usize, dz: usize| share[((low.z + dz) * ny + low.y + dy) * nx + low.x + dx];
    let row = |dy, dz| value(0, dy, dz) + (value(1, dy, dz) - value(0, dy, dz)) * part.x;
    let plane = |dz| row(0, dz) + (row(1, dz) - row(0, dz)) * part.y;
    plane(0) + (plane(1) - plane(0)) * part.z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_and_what_is_taken_make_the_head() {
        // A shell of bone.
        let [_, ny, nx] = BOX_SIZE;
        let shell = |o: usize| {
            let r = place(&Vector3::new((o % nx) as f64, (o / nx % ny) as f64, (o / nx / ny) as f64)).norm();
            f32::from(u8::from((76.0..86.0).contains(&r)))
        };
        let head = CoarseHead { share: (0..CoarseHead::cells()).map(shell).collect() };
        let heads = vec![vec![head.clone()]];
        let mut cut = 0;
        for i in 0..8 {
            let (input, taken) = sample(&heads, &mut Random::new(2, i), false);
            let left = &input[..taken.len()];
            assert!(left.iter().zip(&taken).zip(&head.share).all(|((l, t), w)| (l + t - w).abs() < 1e-6 && *t >= 0.0));
            cut += usize::from(taken.iter().sum::<f32>() > 5.0);
        }
        assert!(cut >= 6, "{cut}");
        // No motion is the head itself, and a moved one has about as much bone.
        assert_eq!(moved(&head, &mut Random::new(3, 0), false), head.share);
        let sum = |share: &[f32]| share.iter().sum::<f32>();
        let moved = moved(&head, &mut Random::new(3, 0), true);
        assert!((sum(&moved) / sum(&head.share) - 1.0).abs() < 0.25);
    }
}
