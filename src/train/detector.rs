//! Training samples of the detector: holes cut into the maps of whole heads, and what looks like a hole and is none.

use super::holes::{Hole, anywhere, posterior_box};
use super::recipe::Recipe;
use super::scan_ends::{End, cut_field};
use super::trainer::Task;
use crate::geometry::Random;
use crate::network::detector::{INPUTS, KIND, channels};
use crate::network::{Seen, UNetShape, expected};
use candle_core::{Result, Tensor};
use nalgebra::Vector3;

/// Trains the detector on whole heads.
pub struct DetectorTask<'a> {
    recipe: &'a Recipe,
    /// Views of each head to train on.
    heads: &'a [Vec<Seen>],
    /// Views of each head to look at from time to time.
    validation: &'a [Vec<Seen>],
}

/// Share of samples with a hole.
const WITH_HOLE: f64 = 0.65;
/// Share of samples whose bone ends at a plane while the scan seems to go on.
const WITH_END: f64 = 0.25;
/// Validation samples.
const LOOKS: u64 = 48;

impl<'a> DetectorTask<'a> {
    /// A training on heads (each in one or more views), validated on others.
    pub fn new(recipe: &'a Recipe, heads: &'a [Vec<Seen>], validation: &'a [Vec<Seen>]) -> Self {
        Self { recipe, heads, validation }
    }
}

impl Task for DetectorTask<'_> {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn shape(&self) -> UNetShape {
        self.recipe.shape(2, INPUTS, 1, true)
    }

    fn size(&self) -> [usize; 3] {
        [1, expected().size(), expected().size()]
    }

    fn targets(&self) -> usize {
        2
    }

    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        sample(self.heads, random)
    }

    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        if self.validation.is_empty() {
            return Vec::new();
        }
        (0..LOOKS).map(|i| sample(self.validation, &mut Random::new(0xDE7E_C708, i))).collect()
    }

    /// Cross entropy of the share of a pixel that is missing, over the pixels where a hole may be.
    fn loss(&self, out: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (share, weight) = (target.narrow(1, 0, 1)?, target.narrow(1, 1, 1)?);
        // log(1 + e^z) − z·y, without overflow.
        let soft = (out.relu()? + (out.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let each = (soft - (out * share)?)?;
        (each * &weight)?.sum_all()? / f64::from(weight.sum_all()?.to_scalar::<f32>()?.max(1.0))
    }
}

/// A sample: input channels; target and its weight.
fn sample(heads: &[Vec<Seen>], random: &mut Random) -> (Vec<f32>, Vec<f32>) {
    let views = &heads[random.below(heads.len())];
    let mut seen = views[random.below(views.len())].clone();
    if random.chance(0.5) {
        mirror(&mut seen);
    }
    warp(&mut seen, random);
    // Every scan has its own darkness of what is not bone: a mask's is zero.
    let dark = if random.chance(0.5) { 0.0 } else { random.between(0.05, 0.4) };
    look_alikes(&mut seen, random, dark);
    let n = expected().disc.len();
    let mut missing = vec![0f32; n];
    if random.chance(WITH_HOLE) {
        let count = if random.chance(0.15) { 2 } else { 1 };
        for _ in 0..count {
            cut(&mut seen, &opening(random), random, dark, Some(&mut missing));
        }
    }
    if random.chance(0.25) {
        cut_field(&mut seen, random);
    }
    if random.chance(WITH_END) {
        End::anywhere(random).take(&mut seen, &mut missing, random);
    }
    let mut target = vec![0f32; 2 * n];
    for (o, share) in missing.iter().enumerate() {
        let counts = f32::from(u8::from(expected().closed[o] > 0.5));
        target[o] = share * seen.scanned[o] * counts;
        target[n + o] = counts;
    }
    (channels(&seen), target)
}

/// Left and right exchanged.
fn mirror(seen: &mut Seen) {
    let size = expected().size();
    for map in [&mut seen.outer_mm, &mut seen.inner_mm, &mut seen.peak, &mut seen.scanned] {
        map.chunks_exact_mut(size).for_each(<[f32]>::reverse);
    }
}

/// A smooth random field in about [−1, 1] with waves of at least 40 pixels.
fn waves(random: &mut Random) -> impl Fn(usize) -> f64 + use<> {
    let size = expected().size();
    let waves: Vec<[f64; 4]> = (0..4)
        .map(|_| {
            let k = || std::f64::consts::TAU / size as f64;
            let (a, b) = (random.between(-3.0, 3.0) * k(), random.between(-3.0, 3.0) * k());
            [a, b, random.between(0.0, std::f64::consts::TAU), random.normal() * 0.5]
        })
        .collect();
    move |o| waves.iter().map(|[a, b, c, s]| s * (a * (o % size) as f64 + b * (o / size) as f64 + c).cos()).sum()
}

/// Another head of the same kind: bent by millimetres, thicker or thinner, noisier.
fn warp(seen: &mut Seen, random: &mut Random) {
    let (bend, swell) = (waves(random), waves(random));
    let (by, thick, rough) = (random.between(0.0, 2.0), random.between(0.8, 1.25), random.between(0.0, 0.5));
    for o in 0..seen.outer_mm.len() {
        if seen.outer_mm[o].is_finite() {
            let thickness = f64::from(seen.outer_mm[o] - seen.inner_mm[o]) * thick + 0.5 * swell(o);
            let outer = f64::from(seen.outer_mm[o]) + by * bend(o) + rough * random.normal();
            seen.outer_mm[o] = outer as f32;
            seen.inner_mm[o] = (outer - thickness.max(0.8) + rough * random.normal()) as f32;
        }
    }
}

/// Takes a ray's bone.
pub(super) fn clear(seen: &mut Seen, o: usize, peak: f64) {
    seen.outer_mm[o] = f32::NAN;
    seen.inner_mm[o] = f32::NAN;
    seen.peak[o] = peak.clamp(0.0, 1.0) as f32;
}

/// What looks like missing bone: burr holes, sutures, thin temples, drop-outs.
fn look_alikes(seen: &mut Seen, random: &mut Random, dark: f64) {
    if random.chance(0.3) {
        for _ in 0..1 + random.below(4) {
            let (towards, radius_mm) = (anywhere(random), random.between(3.0, 7.5));
            let burr = Hole::round(random, &towards, radius_mm);
            cut(seen, &burr, random, dark, None);
        }
    }
    if random.chance(0.35) {
        suture(seen, random, dark);
    }
    if random.chance(0.35) {
        thin(seen, random);
    }
    if random.chance(0.3) {
        let share = random.between(0.0, 0.006);
        for o in 0..seen.outer_mm.len() {
            if seen.outer_mm[o].is_finite() && random.chance(share) {
                clear(seen, o, random.between(dark, 1.0));
            }
        }
    }
}

/// A wandering gap a pixel wide.
fn suture(seen: &mut Seen, random: &mut Random, dark: f64) {
    let size = expected().size() as f64;
    let start = expected().disc.position(&anywhere(random));
    let (mut row, mut column) = start;
    let mut angle = random.between(0.0, std::f64::consts::TAU);
    let open = random.between(0.2, 0.9);
    for _ in 0..random.below(60) + 15 {
        angle += 0.35 * random.normal();
        row += angle.sin();
        column += angle.cos();
        if !(0.0..size - 1.0).contains(&row) || !(0.0..size - 1.0).contains(&column) {
            break;
        }
        let o = row.round() as usize * expected().size() + column.round() as usize;
        if random.chance(open) {
            clear(seen, o, random.between(dark, 0.9));
        }
    }
}

/// A blob of bone thinner than the threshold can show, most often at the temples.
fn thin(seen: &mut Seen, random: &mut Random) {
    let temple = Vector3::new(0.93, -0.12, 0.05 + 0.15 * random.normal());
    let towards = match random.below(3) {
        0 => anywhere(random),
        1 => temple.normalize(),
        _ => Vector3::new(-temple.x, temple.y, temple.z).normalize(),
    };
    let area_cm2 = random.between(1.0, 14.0);
    let blob = Hole::irregular(random, &towards, area_cm2);
    // Either still bone, or just below the threshold, but never dark.
    let left_mm = random.between(0.6, 2.0) as f32;
    let below = random.chance(0.5);
    let peak = random.between(0.6, 0.95);
    for o in 0..seen.outer_mm.len() {
        let Some(d) = expected().directions[o] else { continue };
        if seen.outer_mm[o].is_finite() && blob.distance_mm(&d) < 0.0 {
            if below {
                clear(seen, o, peak + 0.04 * random.normal());
            } else {
                seen.inner_mm[o] = seen.inner_mm[o].max(seen.outer_mm[o] - left_mm);
            }
        }
    }
}

/// A hole as surgeons, accidents and test sets leave them.
fn opening(random: &mut Random) -> Hole {
    if let Some(hole) = posterior_box(random) {
        return hole;
    }
    let area_cm2 = (random.between(2.2f64.ln(), 250f64.ln())).exp();
    let towards = anywhere(random);
    Hole::irregular(random, &towards, area_cm2)
}

/// Takes the bone of a hole out of the rays, with its leaning walls; adds the missing share of the outer surface to
/// `missing` where the hole counts.
fn cut(seen: &mut Seen, hole: &Hole, random: &mut Random, dark: f64, mut missing: Option<&mut Vec<f32>>) {
    let pixel_mm = expected().disc.pixel() * 85.0;
    // Splinters left in the hole, and walls that the saw or the scan has rounded.
    let splinter = (missing.is_some() && random.chance(0.15)).then(|| {
        let (towards, area_cm2) = (anywhere(random), random.between(0.5, 3.0));
        Hole::irregular(random, &towards, area_cm2)
    });
    let smear_mm = random.between(0.0, 1.0);
    for o in 0..seen.outer_mm.len() {
        let Some(d) = expected().directions[o] else { continue };
        let s = hole.distance_mm(&d) + 0.3 * smear_mm * random.normal();
        if s > 25.0 || splinter.as_ref().is_some_and(|h| h.distance_mm(&d) < 0.0) {
            continue;
        }
        if let Some(missing) = missing.as_deref_mut() {
            missing[o] = missing[o].max((0.5 - s / pixel_mm).clamp(0.0, 1.0) as f32);
        }
        if !seen.outer_mm[o].is_finite() {
            if s < 0.0 {
                // Thin bone that was there is gone too.
                seen.peak[o] = seen.peak[o].min(dark as f32);
            }
            continue;
        }
        let thickness = f64::from(seen.outer_mm[o] - seen.inner_mm[o]);
        if s < 0.0 {
            let left = if hole.lean > 0.01 { thickness + s / hole.lean } else { 0.0 };
            if left > 0.4 {
                seen.outer_mm[o] = seen.inner_mm[o] + left as f32;
            } else {
                clear(seen, o, dark + 0.05 * random.normal());
            }
        } else if hole.lean < -0.01 {
            let left = s / -hole.lean;
            if left < 0.4 {
                clear(seen, o, dark + random.between(0.0, 0.5));
            } else if left < thickness {
                seen.inner_mm[o] = seen.outer_mm[o] - left as f32;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The mean vault as a head.
    pub(in crate::train) fn mean_head() -> Seen {
        let mean = expected();
        let n = mean.disc.len();
        let inner_mm = mean.outer_mm.iter().zip(&mean.thickness_mm).map(|(o, t)| o - t).collect();
        Seen { outer_mm: mean.outer_mm.clone(), inner_mm, peak: vec![1.0; n], scanned: vec![1.0; n] }
    }

    /// Every sample's target lies where the bone was taken, and healthy ones have none.
    #[test]
    fn targets_lie_where_bone_was_taken() {
        let (mean, n) = (expected(), expected().disc.len());
        let heads = vec![vec![mean_head()]];
        let (mut open, mut whole, mut all, mut gone) = (0, 0, 0, 0);
        for i in 0..60 {
            let (input, target) = sample(&heads, &mut Random::new(11, i));
            let missing: Vec<usize> = (0..n).filter(|&o| target[o] > 0.9).collect();
            // Bone is gone, but for the foot of a leaning wall and splinters.
            gone += missing.iter().filter(|&&o| input[3 * n + o] == 0.0).count();
            all += missing.len();
            assert!(missing.iter().all(|&o| mean.closed[o] > 0.5 && input[5 * n + o] == 1.0));
            if missing.is_empty() { whole += 1 } else { open += 1 }
        }
        assert!(gone * 10 > all * 7, "{gone} of {all}");
        assert!(open > 25 && whole > 10, "{open} {whole}");
    }
}
