//! Training samples of the volume network: cells about holes cut into whole heads, completed without the head's own maps.

use super::cuts::{Cut, each_cut};
use super::head::WholeHead;
use super::recipe::Recipe;
use super::share::FittedShare;
use super::trainer::Task;
use crate::defect::CutHead;
use crate::geometry::{Cancelled, Progress, Random};
use crate::network::volume::{
    Block, CELL_MM, Cells, Started, VOLUME_INPUTS, VOLUME_KIND, VOLUME_OUTPUTS, bone_of, fade, share,
};
use crate::network::weights::{pack, unpack};
use crate::network::{Array, Arrays, UNet, UNetShape, Weights, WeightsError};
use candle_core::{Device, Result, Tensor};
use nalgebra::Vector3;
use rayon::prelude::*;

/// Cells along each axis of a sample.
const SIDE: usize = 48;
const CELLS: usize = SIDE * SIDE * SIDE;
/// Planes of a target: share of bone, its weight, distance to the completed bone, fade.
const TARGETS: usize = 4;
/// Validation samples.
const LOOKS: u64 = 32;
/// Names the samples that a training is validated with.
const VALIDATION: u64 = 0x70_1C3E;
/// Only bone this near to the completed tables is asked for, mm of the mean frame.
const NEAR_MM: f32 = 7.0;
/// A cell half of whose bone is there has the surface in its middle; this far from it, its share falls to a quarter, mm.
const SOFT_MM: f64 = 0.5;

/// What is seen of one hole of a head, and the bone that was there.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeView {
    block: Block,
    /// Share of bone of the whole head, a value a cell; NaN where it was made.
    whole: Vec<f32>,
}

impl VolumeView {
    /// Cuts `count` holes into a head where it allows, each completed by the field with the head left out of the atlas.
    ///
    /// # Errors
    /// When cancelled.
    pub fn of(
        head: &WholeHead,
        count: usize,
        seed: u64,
        progress: &Progress,
    ) -> std::result::Result<Vec<Self>, Cancelled> {
        each_cut(&head.skull, count, seed, progress, |cut, random| Some(Self::new(head, &cut, random)))
    }

    /// A box about a random place of the hole.
    fn new(head: &WholeHead, cut: &Cut, random: &mut Random) -> Self {
        let Cut { head: CutHead { patch, .. }, completion, .. } = cut;
        let started = started(cut);
        let pixels: Vec<usize> = (0..patch.hole.len()).filter(|&i| patch.hole[i]).collect();
        let pixel = pixels[random.below(pixels.len())];
        let middle = (completion.outer_mm[pixel] + completion.inner_mm[pixel]) / 2.0;
        let place = started.place(pixel, f64::from(middle)).unwrap_or_else(Vector3::zeros);
        let first_mm = place - Vector3::repeat(SIDE as f64 / 2.0 * CELL_MM);
        Self::in_cells(head, cut, Cells { first_mm, size: [SIDE; 3], side_mm: CELL_MM })
    }

    /// What is seen in given cells.
    pub(super) fn in_cells(head: &WholeHead, cut: &Cut, cells: Cells) -> Self {
        let Cut { skull, head: CutHead { patch, .. }, .. } = cut;
        let bone = bone_of(skull);
        let block = Block::new(cells, &started(cut), &fade(&patch.disc, &patch.hole), &|p| bone(p) && !cut.takes(p));
        let whole = |cell| {
            let place = cells.place(cell);
            if head.is_made(skull, &place) { f32::NAN } else { share(&place, cells.side_mm, &bone) }
        };
        let whole = (0..cells.len()).into_par_iter().map(whole).collect();
        Self { block, whole }
    }

    /// Views as a file; `told` says of what they were made.
    pub fn pack(views: &[Self], told: &str) -> Vec<u8> {
        let array = |of: &dyn Fn(&Self) -> Vec<f32>| {
            let values: Vec<f32> = views.iter().flat_map(of).collect();
            Array { dims: vec![views.len(), values.len() / views.len().max(1)], values }
        };
        let first = |v: &Self| v.block.cells.first_mm.iter().map(|&mm| mm as f32).collect();
        let maps = [
            ("bone", array(&|v| v.block.bone.clone())),
            ("fade", array(&|v| v.block.fade.clone())),
            ("field", array(&|v| v.block.field_mm.clone())),
            ("first", array(&first)),
            ("hole", array(&|v| v.block.hole.clone())),
            ("other", array(&|v| v.block.other.clone())),
            ("sd", array(&|v| v.block.sd_mm.clone())),
            ("whole", array(&|v| v.whole.clone())),
        ];
        pack(FILE, &told, &maps.into_iter().map(|(name, array)| (name.to_owned(), array)).collect::<Arrays>())
    }

    /// Reads what [`VolumeView::pack`] wrote.
    ///
    /// # Errors
    /// When the file is damaged or was made of something else than `told`.
    pub fn unpack(bytes: &[u8], told: &str) -> std::result::Result<Vec<Self>, WeightsError> {
        let (of, arrays): (String, _) = unpack(bytes, FILE)?;
        let shape = |name: &str| WeightsError::Shape { tensor: name.to_owned() };
        if of != told {
            return Err(shape("what it was made of"));
        }
        let map = |name: &str, length: usize| {
            arrays.get(name).filter(|a| a.dims.get(1) == Some(&length)).map(|a| &a.values).ok_or_else(|| shape(name))
        };
        let first = map("first", 3)?;
        let maps = ["bone", "other", "hole", "field", "sd", "fade", "whole"].map(|name| map(name, CELLS));
        let [bone, other, hole, field, sd, fade, whole] = maps;
        let (bone, other, hole, field, sd, fade, whole) = (bone?, other?, hole?, field?, sd?, fade?, whole?);
        if [other, hole, field, sd, fade, whole].iter().any(|m| m.len() != first.len() / 3 * CELLS) {
            return Err(shape("first"));
        }
        let view = |i: usize| {
            let of = |map: &[f32]| map[i * CELLS..(i + 1) * CELLS].to_vec();
            let first_mm = Vector3::from_fn(|k, _| f64::from(first[3 * i + k]));
            let block = Block {
                cells: Cells { first_mm, size: [SIDE; 3], side_mm: CELL_MM },
                bone: of(bone),
                other: of(other),
                hole: of(hole),
                field_mm: of(field),
                sd_mm: of(sd),
                fade: of(fade),
            };
            Self { block, whole: of(whole) }
        };
        Ok((0..first.len() / 3).map(view).collect())
    }

    /// Left and right exchanged.
    fn mirrored(&self) -> Self {
        let turned = |map: &[f32]| map.chunks_exact(SIDE).flat_map(|row| row.iter().rev().copied()).collect();
        let Block { cells, bone, other, hole, field_mm, sd_mm, fade } = &self.block;
        let last = cells.first_mm.x + (SIDE - 1) as f64 * CELL_MM;
        let block = Block {
            cells: Cells { first_mm: Vector3::new(-last, cells.first_mm.y, cells.first_mm.z), ..*cells },
            bone: turned(bone),
            other: turned(other),
            hole: turned(hole),
            field_mm: turned(field_mm),
            sd_mm: turned(sd_mm),
            fade: turned(fade),
        };
        Self { block, whole: turned(&self.whole) }
    }

    /// The network's input and its target: share of bone, its weight, distance to the completed bone, fade.
    fn sample(&self) -> (Vec<f32>, Vec<f32>) {
        let Block { bone, hole, field_mm, fade, .. } = &self.block;
        let weight = |cell: usize| -> f32 {
            let asked = hole[cell] >= 0.5 && field_mm[cell] < NEAR_MM && !self.whole[cell].is_nan();
            if asked { 1.0 - bone[cell] } else { 0.0 }
        };
        let mut target: Vec<f32> = self.whole.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
        target.extend((0..CELLS).map(weight));
        target.extend_from_slice(field_mm);
        target.extend_from_slice(fade);
        (self.block.input(), target)
    }
}

const FILE: &str = "volume views";

/// A cut hole, completed by the field.
fn started(cut: &Cut) -> Started<'_> {
    let Cut { skull, head: CutHead { patch, .. }, completion, .. } = cut;
    Started {
        disc: &patch.disc,
        outer_mm: &completion.outer_mm,
        inner_mm: &completion.inner_mm,
        hole: &patch.hole,
        sd_mm: &completion.uncertainty_mm,
        scales: skull.scales,
    }
}

/// Trains the volume network on whole heads.
pub struct VolumeTask<'a> {
    recipe: &'a Recipe,
    heads: &'a [Vec<VolumeView>],
    validation: &'a [Vec<VolumeView>],
}

impl<'a> VolumeTask<'a> {
    /// A training on heads (each with one or more holes), validated on others.
    pub fn new(recipe: &'a Recipe, heads: &'a [Vec<VolumeView>], validation: &'a [Vec<VolumeView>]) -> Self {
        Self { recipe, heads, validation }
    }

    /// Finds which share of the network's correction holds on the validation heads, and the mean Dice there of the missing
    /// bone (shares as weights).
    ///
    /// # Errors
    /// When the weights are of another net.
    pub fn fit(&self, weights: &Weights) -> Result<FittedShare> {
        let net: UNet = weights.net().map_err(candle_core::Error::wrap)?;
        let of = |view: &VolumeView| -> Result<_> {
            let (input, target) = view.sample();
            let x = Tensor::from_vec(input, (1, VOLUME_INPUTS, SIDE, SIDE, SIDE), &Device::Cpu)?;
            let out = net.forward(&x)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(move |share: f32| dice(&target, |cell| share * out[cell]))
        };
        FittedShare::over(self.validation.iter().flatten().map(of))
    }
}

/// Dice of shares of bone where they count, the completed tables raised by a correction.
fn dice(target: &[f32], correction: impl Fn(usize) -> f32) -> f64 {
    let (mut both, mut all) = (0f64, 0f64);
    for cell in 0..CELLS {
        let [whole, weight, field, fade] = [0, 1, 2, 3].map(|k| target[k * CELLS + cell]);
        let made = (0.5 - (field + fade * correction(cell)) / CELL_MM as f32).clamp(0.0, 1.0);
        both += f64::from(2.0 * weight * made.min(whole));
        all += f64::from(weight * (made + whole));
    }
    both / all.max(1e-9)
}

impl Task for VolumeTask<'_> {
    fn kind(&self) -> &'static str {
        VOLUME_KIND
    }

    fn shape(&self) -> UNetShape {
        self.recipe.shape(3, VOLUME_INPUTS, VOLUME_OUTPUTS, true)
    }

    fn size(&self) -> [usize; 3] {
        [SIDE; 3]
    }

    fn targets(&self) -> usize {
        TARGETS
    }

    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        let views = &self.heads[random.below(self.heads.len())];
        let Some(view) = views.get(random.below(views.len())) else {
            // A head that allows no cut teaches nothing.
            return (vec![0.0; VOLUME_INPUTS * CELLS], vec![0.0; TARGETS * CELLS]);
        };
        if random.chance(0.5) { view.mirrored().sample() } else { view.sample() }
    }

    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        let heads: Vec<&Vec<VolumeView>> = self.validation.iter().filter(|views| !views.is_empty()).collect();
        if heads.is_empty() {
            return Vec::new();
        }
        let one = |i| {
            let mut random = Random::new(VALIDATION, i);
            let views = heads[random.below(heads.len())];
            views[random.below(views.len())].sample()
        };
        (0..LOOKS).map(one).collect()
    }

    /// One less the soft Dice of each sample (Milletari et al., V-Net, 2016), and the cross entropy, both over the cells
    /// in the hole near the completed tables.
    fn loss(&self, out: &Tensor, target: &Tensor) -> Result<Tensor> {
        let channel = |k: usize| target.narrow(1, k, 1);
        let (whole, weight, field, fade) = (channel(0)?, channel(1)?, channel(2)?, channel(3)?);
        let logit = ((field + (out * fade)?)? * (-1.0 / SOFT_MM))?;
        let soft = (logit.relu()? + (logit.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let entropy = ((soft - (&logit * &whole)?)? * &weight)?;
        let entropy = (entropy.sum_all()? / f64::from(weight.sum_all()?.to_scalar::<f32>()?.max(1.0)))?;
        let made = candle_nn::ops::sigmoid(&logit)?;
        let over = |t: &Tensor| -> Result<Tensor> { (t * &weight)?.flatten_from(1)?.sum(1) };
        let both = (over(&(&made * &whole)?)? * 2.0)?;
        // Squares below, so that shares of bone need not be driven to 0 and 1.
        let all = (over(&made.sqr()?)? + over(&whole.sqr()?)?)?;
        let dice = ((both + 1.0)? / (all + 1.0)?)?.mean_all()?;
        (dice.neg()? + 1.0)? + entropy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Volume;
    use crate::phantom::{self, HeadParams};
    use crate::scan::{Scan, Voxels};
    use crate::skull::Skull;

    fn skull() -> Skull {
        let made = phantom::head(&HeadParams::small(3), &Progress::new()).expect("a phantom");
        let scan = Scan::new(Voxels::Hu(made.scan), Vec::new());
        crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head")
    }

    fn views_of(head: &WholeHead) -> Vec<VolumeView> {
        VolumeView::of(head, 3, 7, &Progress::new()).expect("not cancelled")
    }

    #[test]
    fn a_head_that_allows_no_hole_teaches_nothing() {
        let recipe = Recipe::default();
        let heads = [Vec::new()];
        let task = VolumeTask::new(&recipe, &heads, &heads);
        let (input, target) = task.sample(&mut Random::new(1, 1));
        assert_eq!((input.len(), target.len()), (VOLUME_INPUTS * CELLS, TARGETS * CELLS));
        assert!(target.iter().all(|v| *v == 0.0) && task.validation().is_empty());
    }

    #[test]
    fn nothing_is_learned_from_made_bone() {
        let skull = skull();
        let made = Some(Volume::filled(skull.intensity.grid.clone(), 1));
        let views = views_of(&WholeHead { skull, made });
        assert!(!views.is_empty());
        for view in views {
            let (input, target) = view.sample();
            assert!(input.iter().chain(&target).all(|v| v.is_finite()));
            assert!(target[CELLS..2 * CELLS].iter().all(|w| *w == 0.0));
        }
    }

    #[test]
    fn what_is_left_is_the_head_without_the_hole() {
        let views = views_of(&skull().into());
        for view in &views {
            let Block { bone, hole, field_mm, fade, .. } = &view.block;
            assert!(bone.iter().zip(&view.whole).all(|(left, whole)| left <= whole));
            // In the completed bone beyond the reach of leaning walls there was bone, and none is left.
            let deep: Vec<usize> = (0..CELLS).filter(|&c| fade[c] == 1.0 && field_mm[c] < -1.5).collect();
            let sum = |map: &[f32]| deep.iter().map(|&c| map[c]).sum::<f32>() / deep.len() as f32;
            assert!(
                deep.len() > 20 && sum(&view.whole) > 0.8 && sum(bone) < 0.02,
                "{} {}",
                sum(&view.whole),
                sum(bone)
            );
            let beside = (0..CELLS).filter(|&c| hole[c] == 0.0 && bone[c] > 0.9).count();
            assert!(beside > 100, "{beside}");
            // Tables that are right but for their detail: no correction is a fair start, a wrong one is worse.
            let target = view.sample().1;
            let (start, wrong) = (dice(&target, |_| 0.0), dice(&target, |_| 2.5));
            assert!(start > 0.7 && wrong < start, "{start} {wrong}");
        }
        let bytes = VolumeView::pack(&views, "told");
        let again = VolumeView::unpack(&bytes, "told").expect("views");
        assert!(again.iter().zip(&views).all(|(a, b)| a.whole == b.whole && a.block.field_mm == b.block.field_mm));
        assert!(VolumeView::unpack(&bytes, "other").is_err());
        let twice = views[0].mirrored().mirrored();
        assert!(
            twice.whole == views[0].whole && (twice.block.cells.first_mm - views[0].block.cells.first_mm).norm() < 1e-9
        );
    }
}
