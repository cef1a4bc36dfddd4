//! Training of the map network: holes cut into whole heads and completed by the program, seen as the network will see
//! them.

use super::cuts::each_cut;
use super::head::WholeHead;
use super::recipe::Recipe;
use super::share::FittedShare;
use super::trainer::Task;
use crate::geometry::{Cancelled, Progress, Random};
use crate::network::map::{
    Correction, MAP_INPUTS, MAP_KIND, MAP_OUTPUTS, MOST_LOG_SD, MOST_SD, MapNetwork, MapSheet, MapStart, Residual,
    SHEET_SIZE, START_MAPS, fade,
};
use crate::network::weights::{pack, unpack};
use crate::network::{Array, Arrays, UNetShape, Weights, WeightsError, expected};
use crate::skull::Skull;
use candle_core::{Result, Tensor};
use nalgebra::Vector3;

/// A hole in a whole head as the map network sees it, and the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct MapCut {
    pub(super) start: MapStart,
    pub(super) truth: Residual,
}

/// Trains the map network on holes in whole heads.
pub struct MapTask<'a> {
    recipe: &'a Recipe,
    heads: &'a [Vec<MapCut>],
    validation: &'a [Vec<MapCut>],
}

/// Errors below this count by their square, mm.
const SMOOTH_MM: f64 = 0.5;
/// Weight of the deviation's likelihood beside the error.
const SD_WEIGHT: f64 = 0.05;
/// Farther than this from the field's answer the truth is another surface, mm.
const STRANGE_MM: f32 = 8.0;
/// Channels of a target: errors of the field's outer radius and thickness, weight, share of a correction that is taken of
/// the outer and of the inner table, the field's deviation.
const TARGETS: usize = 6;

impl MapCut {
    /// Holes cut into a head, `count` of them where it allows.
    ///
    /// # Errors
    /// When cancelled.
    pub fn of(
        head: &WholeHead,
        count: usize,
        seed: u64,
        progress: &Progress,
    ) -> std::result::Result<Vec<Self>, Cancelled> {
        each_cut(&head.skull, count, seed, progress, |cut, _| {
            let mut seen = Self { start: cut.start?, truth: cut.truth };
            seen.forget_made(head, &cut.skull);
            Some(seen)
        })
    }

    /// Bone that was made is no truth.
    fn forget_made(&mut self, head: &WholeHead, pose: &Skull) {
        let Self { start, truth } = self;
        let mean = expected();
        for (o, d) in start.sheet.directions.iter().enumerate() {
            let of = |map: &[f32]| mean.disc.sample(map, d);
            let outer = of(&mean.outer_mm) + truth.outer_mm[o];
            let thickness = of(&mean.thickness_mm) + truth.thickness_mm[o];
            let known = outer.is_finite() && thickness.is_finite();
            let is_made = |depth: f32| head.is_made(pose, &(d * f64::from(outer - depth * thickness)));
            if known && DEPTHS.into_iter().any(is_made) {
                (truth.outer_mm[o], truth.thickness_mm[o]) = (f32::NAN, f32::NAN);
            }
        }
    }

    /// A head's cuts as a file. `told` says of what they were made.
    pub fn pack(cuts: &[Self], told: &str) -> Vec<u8> {
        let n = MapSheet::pixels();
        let maps = |cut: &Self| -> Vec<f32> {
            let truth = [&cut.truth.outer_mm, &cut.truth.thickness_mm];
            cut.start.maps().into_iter().chain(truth).flatten().copied().collect()
        };
        let towards = |cut: &Self| -> Vec<f32> {
            cut.start.sheet.disc().frame_from_disc.column(2).iter().map(|v| *v as f32).collect()
        };
        let maps = Array { dims: vec![cuts.len(), START_MAPS + 2, n], values: cuts.iter().flat_map(maps).collect() };
        let towards = Array { dims: vec![cuts.len(), 3], values: cuts.iter().flat_map(towards).collect() };
        pack(PACKED, &told, &Arrays::from([(MAPS.to_owned(), maps), (TOWARDS.to_owned(), towards)]))
    }

    /// Reads what [`MapCut::pack`] wrote.
    ///
    /// # Errors
    /// When the file is damaged or was made of something else than `told`.
    pub fn unpack(bytes: &[u8], told: &str) -> std::result::Result<Vec<Self>, WeightsError> {
        let (of, arrays): (String, _) = unpack(bytes, PACKED)?;
        let shape = |name: &str| WeightsError::Shape { tensor: name.to_owned() };
        if of != told {
            return Err(shape("what it was made of"));
        }
        let n = MapSheet::pixels();
        let (maps, towards) = (arrays.get(MAPS), arrays.get(TOWARDS));
        let (Some(maps), Some(towards)) = (maps, towards) else { return Err(shape(MAPS)) };
        let count = towards.dims.first().copied().unwrap_or(0);
        if maps.dims != [count, START_MAPS + 2, n] || towards.dims != [count, 3] {
            return Err(shape(MAPS));
        }
        let one = |i: usize| {
            let map = |k: usize| maps.values[(i * (START_MAPS + 2) + k) * n..][..n].to_vec();
            let direction = Vector3::from_fn(|k, _| f64::from(towards.values[3 * i + k]));
            let start = MapStart::from_maps(MapSheet::about(&direction), std::array::from_fn(map));
            Self { start, truth: Residual { outer_mm: map(START_MAPS), thickness_mm: map(START_MAPS + 1) } }
        };
        Ok((0..count).map(one).collect())
    }

    /// Left and right exchanged: a sheet about the mirrored direction is the sheet with its columns reversed.
    fn mirrored(&self) -> Self {
        let flip = |map: &Vec<f32>| -> Vec<f32> {
            map.chunks_exact(SHEET_SIZE).flat_map(|row| row.iter().rev().copied()).collect()
        };
        let towards = self.start.sheet.disc().frame_from_disc.column(2).into_owned();
        let sheet = MapSheet::about(&Vector3::new(-towards.x, towards.y, towards.z));
        let start = MapStart::from_maps(sheet, self.start.maps().map(flip));
        let truth = Residual { outer_mm: flip(&self.truth.outer_mm), thickness_mm: flip(&self.truth.thickness_mm) };
        Self { start, truth }
    }

    /// A head that differs from the mean by so much more: all methods follow the difference.
    fn stretched(&mut self, by: f32) {
        let Self { start, truth } = self;
        for residual in [&mut start.own, &mut start.other, &mut start.spline, &mut start.mirrored, truth] {
            residual.outer_mm.iter_mut().chain(&mut residual.thickness_mm).for_each(|v| *v *= by);
        }
    }

    /// Input channels and target.
    fn sample(&self) -> (Vec<f32>, Vec<f32>) {
        let Self { start, truth } = self;
        let n = MapSheet::pixels();
        let mut target = vec![0f32; TARGETS * n];
        for (o, d) in start.sheet.directions.iter().enumerate() {
            let outer = truth.outer_mm[o] - start.own.outer_mm[o];
            let thickness = truth.thickness_mm[o] - start.own.thickness_mm[o];
            let known = outer.abs() < STRANGE_MM && thickness.abs() < STRANGE_MM;
            if known && start.hole[o] > 0.0 {
                let mean = expected().disc.sample(&expected().thickness_mm, d).max(2.0);
                target[o] = outer;
                target[n + o] = thickness;
                target[2 * n + o] = start.hole[o] / (2.0 * mean);
            }
            target[3 * n + o] = fade(start.into_outer_mm[o]);
            target[4 * n + o] = fade(start.into_inner_mm[o]);
            target[5 * n + o] = start.sd_mm[o].max(0.2);
        }
        (start.channels(), target)
    }
}

/// Where along the thickness made bone is looked for.
const DEPTHS: [f32; 3] = [0.25, 0.5, 0.75];
const PACKED: &str = "cuts";
const MAPS: &str = "maps";
const TOWARDS: &str = "towards";

impl<'a> MapTask<'a> {
    /// A training on the cuts of heads, validated on those of others.
    pub fn new(recipe: &'a Recipe, heads: &'a [Vec<MapCut>], validation: &'a [Vec<MapCut>]) -> Self {
        Self { recipe, heads, validation }
    }

    /// Finds which share of the network's whole correction holds on the validation heads, and the mean Dice there of the
    /// bone between the tables.
    ///
    /// # Errors
    /// When the weights are of another net.
    pub fn fit(&self, weights: &Weights) -> std::result::Result<FittedShare, WeightsError> {
        let network = MapNetwork::new(weights)?;
        let counts = |cut: &&MapCut| errors(cut, &Correction::none()).1 > 0.0;
        FittedShare::over(self.validation.iter().flatten().filter(counts).map(|cut| {
            let correction = network.correct(&cut.start);
            Ok(move |share: f32| errors(cut, &correction.clone().taken(share)).0.dice)
        }))
    }
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
        TARGETS
    }

    /// The first answer is the field's.
    fn starts_at_zero(&self) -> bool {
        true
    }

    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        let head = &self.heads[random.below(self.heads.len())];
        let Some(cut) = head.get(random.below(head.len())) else {
            // A head that allows no cut teaches nothing.
            let n = MapSheet::pixels();
            return (vec![0.0; MAP_INPUTS * n], vec![0.0; TARGETS * n]);
        };
        let mut cut = if random.chance(0.5) { cut.mirrored() } else { cut.clone() };
        cut.stretched(random.between(0.75, 1.3) as f32);
        let rough = random.between(0.0, 0.15);
        let own = &mut cut.start.own;
        for (outer, thickness) in own.outer_mm.iter_mut().zip(&mut own.thickness_mm) {
            // Bone's texture and a scan's noise, in the hole the field's own.
            *outer += (rough * random.normal()) as f32;
            *thickness += (rough * random.normal()) as f32;
        }
        cut.sample()
    }

    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        self.validation.iter().flatten().map(MapCut::sample).collect()
    }

    /// Smooth L1 of outer and inner table over twice the thickness (about the loss of the Dice score), and the likelihood
    /// of what is left under the stated deviation.
    fn loss(&self, out: &Tensor, target: &Tensor) -> Result<Tensor> {
        let part = |k: usize| target.narrow(1, k, 1);
        let weight = part(2)?;
        let total = f64::from(weight.sum_all()?.to_scalar::<f32>()?.max(1e-6));
        let outer = out.narrow(1, 0, 1)?;
        let inner = (&outer - out.narrow(1, 1, 1)?)?;
        let outer = ((outer * part(3)?)? - part(0)?)?;
        let inner = ((inner * part(4)?)? - (part(0)? - part(1)?)?)?;
        let smooth = |e: &Tensor| -> Result<Tensor> {
            // √(e² + δ²) − δ: quadratic near zero, straight far away.
            (e.sqr()? + SMOOTH_MM * SMOOTH_MM)?.sqrt()? - SMOOTH_MM
        };
        let errors = ((smooth(&outer)? + smooth(&inner)?)? * &weight)?.sum_all()?;
        let log_sd = out.narrow(1, 2, 1)?.clamp(-MOST_LOG_SD, MOST_LOG_SD)?;
        let off = (outer.detach() / part(5)?)?.clamp(-5f32, 5f32)?.sqr()?;
        let unlikely = ((off * 0.5)? * (&log_sd * -2.0)?.exp()?)? + &log_sd;
        let unlikely = (unlikely? * &weight)?.sum_all()?;
        (errors + (unlikely * SD_WEIGHT)?)? / total
    }
}

/// What is left of the truth in holes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TableErrors {
    /// Mean absolute error of the outer table, mm of the mean frame.
    pub outer_mm: f64,
    /// Of the inner table.
    pub inner_mm: f64,
    /// Mean over the holes of the Dice score of the bone between the tables.
    pub dice: f64,
    /// Share of the points within 1.645 stated deviations of the outer table.
    pub in_band: f64,
}

/// Errors of the field's answer, and of that with the held share of the network's correction, over all cuts.
pub fn map_errors(network: &MapNetwork, heads: &[Vec<MapCut>]) -> [TableErrors; 2] {
    let (mut sums, mut total, mut holes) = ([TableErrors::default(); 2], 0f64, 0f64);
    for cut in heads.iter().flatten() {
        let field = Correction::none();
        let made = network.held(&cut.start);
        let mut weights = 0.0;
        for (sum, correction) in sums.iter_mut().zip([&field, &made]) {
            let errors = errors(cut, correction);
            weights = errors.1;
            sum.outer_mm += errors.0.outer_mm;
            sum.inner_mm += errors.0.inner_mm;
            sum.in_band += errors.0.in_band;
            sum.dice += if weights > 0.0 { errors.0.dice } else { 0.0 };
        }
        total += weights;
        holes += f64::from(u8::from(weights > 0.0));
    }
    sums.map(|s| TableErrors {
        outer_mm: s.outer_mm / total,
        inner_mm: s.inner_mm / total,
        dice: s.dice / holes,
        in_band: s.in_band / total,
    })
}

/// Sums over a hole (its Dice score as it is), and their weight.
pub(super) fn errors(cut: &MapCut, correction: &Correction) -> (TableErrors, f64) {
    let MapCut { start, truth } = cut;
    let (mut sums, mut total, mut both, mut all) = (TableErrors::default(), 0f64, 0f64, 0f64);
    for (o, d) in start.sheet.directions.iter().enumerate() {
        let (true_outer, true_thickness) = (truth.outer_mm[o], truth.thickness_mm[o]);
        let (own_outer, own_thickness) = (start.own.outer_mm[o], start.own.thickness_mm[o]);
        let known = (true_outer - own_outer).abs() < STRANGE_MM && (true_thickness - own_thickness).abs() < STRANGE_MM;
        if !known || start.hole[o] == 0.0 {
            continue;
        }
        let of = |map: &[f32]| expected().disc.sample(map, d);
        let (mean, mean_thickness) = (of(&expected().outer_mm), of(&expected().thickness_mm));
        let by_outer = correction.by.outer_mm[o];
        let by_inner = by_outer - correction.by.thickness_mm[o];
        let outer = own_outer + by_outer * fade(start.into_outer_mm[o]);
        let inner = own_outer - own_thickness + by_inner * fade(start.into_inner_mm[o]);
        let true_inner = true_outer - true_thickness;
        let weight = f64::from(start.hole[o]);
        let error = f64::from((outer - true_outer).abs());
        sums.outer_mm += weight * error;
        sums.inner_mm += weight * f64::from((inner - true_inner).abs());
        let band = f64::from(MOST_SD * start.sd_mm[o] * correction.sd_factor[o]);
        sums.in_band += if error <= band { weight } else { 0.0 };
        total += weight;
        let radius = |v: f32, by: f32| f64::from(mean + v - by).powi(3);
        let (a, b) = (radius(outer, 0.0), radius(inner, mean_thickness));
        let (c, e) = (radius(true_outer, 0.0), radius(true_inner, mean_thickness));
        both += 2.0 * weight * (a.min(c) - b.max(e)).max(0.0);
        all += weight * ((a - b).max(0.0) + (c - e));
    }
    sums.dice = both / all.max(1e-9);
    (sums, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Volume;
    use crate::phantom::{self, HeadParams};
    use crate::scan::{Scan, Voxels};

    /// A cut of smooth maps with a round hole.
    fn cut() -> MapCut {
        let n = MapSheet::pixels();
        let sheet = MapSheet::about(&Vector3::new(0.5, -0.3, 0.8).normalize());
        let wave = |k: usize| -> Vec<f32> { (0..n).map(|o| (0.01 * (k * o) as f32).sin()).collect() };
        let mut maps: [Vec<f32>; START_MAPS] = std::array::from_fn(wave);
        let middle = SHEET_SIZE as f32 / 2.0;
        for o in 0..n {
            let away = ((o / SHEET_SIZE) as f32 - middle).hypot((o % SHEET_SIZE) as f32 - middle);
            let into = (10.0 - away).max(0.0);
            let [_, _, other, _, _, _, _, _, hole, outer, inner, _] = &mut maps;
            (hole[o], outer[o], inner[o]) = (f32::from(u8::from(into > 0.0)), into, into);
            other[o] = if away > 20.0 { f32::NAN } else { other[o] };
        }
        let truth = Residual { outer_mm: wave(20), thickness_mm: wave(21) };
        MapCut { start: MapStart::from_maps(sheet, maps), truth }
    }

    fn bits(cut: &MapCut) -> Vec<u32> {
        let maps = cut.start.maps().into_iter().chain([&cut.truth.outer_mm, &cut.truth.thickness_mm]);
        maps.flatten().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn a_kept_cut_is_the_same_and_other_words_are_refused() {
        let cut = cut();
        let bytes = MapCut::pack(&[cut.clone(), cut.mirrored()], "these");
        let back = MapCut::unpack(&bytes, "these").expect("kept");
        assert!(back.len() == 2 && bits(&back[0]) == bits(&cut) && back[0].start.sheet == cut.start.sheet);
        assert!(back[0].start.channels() == cut.start.channels());
        assert!(MapCut::unpack(&bytes, "those").is_err());
    }

    #[test]
    fn mirrored_twice_it_is_itself_and_once_its_channels_are_reversed() {
        let cut = cut();
        assert_eq!(bits(&cut.mirrored().mirrored()), bits(&cut));
        let (channels, mirrored) = (cut.start.channels(), cut.mirrored().start.channels());
        for (row, turned) in channels.chunks_exact(SHEET_SIZE).zip(mirrored.chunks_exact(SHEET_SIZE)) {
            // The mean vault is symmetric to the steps it is stored in.
            assert!(row.iter().zip(turned.iter().rev()).all(|(a, b)| (a - b).abs() < 2e-3));
        }
    }

    /// A network that adds twice what is missing is believed by half, whatever share it had before.
    #[test]
    fn the_share_that_fits_the_validation_heads_is_found() {
        let mut deep = cut();
        deep.start.into_outer_mm.fill(9.0);
        deep.start.into_inner_mm.fill(9.0);
        deep.start.sd_mm.fill(2.0);
        deep.truth.outer_mm = deep.start.own.outer_mm.iter().map(|v| v + 1.0).collect();
        deep.truth.thickness_mm = deep.start.own.thickness_mm.clone();
        let recipe = Recipe::default();
        let heads = [vec![deep.clone()], vec![deep]];
        let task = MapTask::new(&recipe, &[], &heads);
        let mut weights = crate::network::map::constant_weights([2.0, 0.0, 0.0]);
        weights.about.calibration.insert(crate::network::HELD_SHARE.to_owned(), 0.1);
        let fitted = task.fit(&weights).expect("a share");
        assert!((fitted.share - 0.5).abs() < 1e-9 && fitted.fitted > 0.999, "{fitted:?}");
        assert!(fitted.start < fitted.fitted && fitted.whole < fitted.fitted, "{fitted:?}");
    }

    #[test]
    fn nothing_is_learned_from_made_bone() {
        let head = phantom::head(&HeadParams::small(3), &Progress::new()).expect("a phantom");
        let scan = Scan::new(Voxels::Hu(head.scan), Vec::new());
        let skull = crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let grid = skull.intensity.grid.clone();
        let left = |o: usize| {
            let lps = grid.lps_from_index(&grid.index(o).map(|i| i as f64).into());
            u8::from(skull.frame.head_from_point(&lps).x > 0.0)
        };
        let made = Volume::new(grid.clone(), (0..grid.len()).map(left).collect());
        let seen = |head: &WholeHead| MapCut::of(head, 2, 7, &Progress::new()).expect("not cancelled");
        let (grown, half) = (seen(&skull.clone().into()), seen(&WholeHead { skull, made: Some(made) }));
        let mut counts = [0; 2];
        for (grown, half) in grown.iter().zip(&half) {
            assert!(grown.start.channels() == half.start.channels());
            // Near the middle it counts that the pose without the hole is a little another one, and how coarse voxels are.
            for (o, d) in grown.start.sheet.directions.iter().enumerate().filter(|(_, d)| d.x.abs() > 0.12) {
                let (truth, left) = (grown.truth.outer_mm[o], half.truth.outer_mm[o]);
                if truth.is_finite() {
                    assert_eq!(left.is_nan(), d.x > 0.0, "{d:?}");
                    counts[usize::from(d.x > 0.0)] += 1;
                }
            }
            let weights = |cut: &MapCut| cut.sample().1[2 * MapSheet::pixels()..3 * MapSheet::pixels()].to_vec();
            assert!(weights(half).iter().zip(weights(grown)).all(|(h, g)| *h == 0.0 || *h == g));
        }
        assert!(counts.iter().all(|c| *c > 500), "{counts:?}");
    }

    #[test]
    fn a_target_is_what_the_field_lacks() {
        let cut = cut();
        let n = MapSheet::pixels();
        let (_, target) = cut.sample();
        let counted = (0..n).filter(|&o| target[2 * n + o] > 0.0).count();
        assert!(counted > 200 && counted < 400, "{counted}");
        for o in (0..n).filter(|&o| target[2 * n + o] > 0.0) {
            assert_eq!(target[o], cut.truth.outer_mm[o] - cut.start.own.outer_mm[o]);
        }
        // Whoever adds the target has the truth: where the correction counts in full, nothing is left.
        let by = Residual { outer_mm: target[..n].to_vec(), thickness_mm: target[n..2 * n].to_vec() };
        let mut deep = cut.clone();
        deep.start.into_outer_mm.fill(9.0);
        deep.start.into_inner_mm.fill(9.0);
        let (left, weight) = errors(&deep, &Correction { by, sd_factor: vec![1.0; n] });
        assert!(weight > 200.0 && left.outer_mm / weight < 1e-5 && left.inner_mm / weight < 1e-5, "{left:?}");
        assert!(left.dice > 0.99999, "{left:?}");
    }
}
