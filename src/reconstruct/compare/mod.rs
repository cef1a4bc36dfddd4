//! Several methods at the same hole, side by side: how each meets the rim, how alike both sides become, and how far it
//! is from the default.

mod relief;
mod rim_fit;
#[cfg(test)]
mod tests;

pub use relief::Relief;
pub use rim_fit::RimFit;

use super::complete::{Ground, Worked};
use super::opposite::{self, Mirrored, Rays};
use super::prior::Prior;
use super::rim::sheet_of;
use super::tables::Tables;
use super::{Completion, Error, Method, PLAUSIBLE, Params, stairs};
use crate::defect::{Defect, Patch};
use crate::geometry::{HeadFrame, Progress};
use crate::scan::Finding;
use crate::skull::Skull;

/// Methods whose outer surface is farther than this from the default's over a twentieth of the hole disagree, mm. A step
/// of that size is seen on the head.
pub const DISAGREE_MM: f64 = 3.0;

/// What is compared, the reference first.
const METHODS: [Method; 5] = [Method::Auto, Method::Kriging, Method::Tps, Method::Mirror, Method::Smooth];

/// One way of completing the hole.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// What gives it: parameters of the reconstruction step.
    pub params: Params,
    /// The whole answer.
    pub completion: Completion,
    /// How its own surface goes on from the bone; `None` where no bone is near.
    pub rim: Option<RimFit>,
    /// Mean distance along the normal between its outer surface and the other side's, mirrored and moved onto the rim,
    /// where that is seen, mm; `None` where it is not.
    pub symmetry_mm: Option<f64>,
    /// Outer radius less the reference's, mm, a value a pixel of the completion's map; 0 outside of the hole.
    pub difference_mm: Vec<f32>,
    /// Mean, 95th percentile and largest absolute difference in the hole, mm.
    pub mean_mm: f64,
    pub p95_mm: f64,
    pub most_mm: f64,
}

impl Alternative {
    /// What people call it.
    pub fn name(&self) -> String {
        name(&self.params)
    }

    /// Whether it is one of the shapes drawn from the covariance.
    pub fn is_drawn(&self) -> bool {
        self.params.shape_draw > 0
    }
}

fn name(params: &Params) -> String {
    match params.shape_draw {
        0 => params.method.name().to_owned(),
        number => format!("plausible {number}"),
    }
}

/// A method that gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// What people call it.
    pub name: String,
    /// Why, as a sentence's end.
    pub why: String,
}

/// All answers for one hole.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The reference (`auto`) first, then the other methods, then the shapes drawn from its covariance.
    pub alternatives: Vec<Alternative>,
    /// What gave no answer.
    pub skipped: Vec<Skipped>,
    /// What the user should know: methods that disagree.
    pub findings: Vec<Finding>,
}

impl Comparison {
    /// Half width of a colour scale that holds the differences of all, mm: whole, at least 2.
    pub fn scale_mm(&self) -> f64 {
        let largest = self.alternatives.iter().map(|a| a.p95_mm).fold(0.0, f64::max);
        largest.ceil().clamp(2.0, 10.0)
    }
}

/// Completes one defect by several methods and by three shapes drawn from the covariance of the default.
///
/// # Errors
/// As [`super::complete`] where not even the default gives an answer.
pub fn compare(skull: &Skull, defect: &Defect, progress: &Progress) -> Result<Comparison, Error> {
    progress.report(0.0, "looking at the other side")?;
    let rays = opposite::cast(skull, &defect.patch);
    let prior = Prior::of(skull, &sheet_of(&defect.patch));
    let mut compared = compare_patch(&defect.patch, &rays, &prior, &skull.frame, &progress.part(0.1, 1.0))?;
    compared.alternatives.iter_mut().for_each(|one| stairs::widen(&mut one.completion, skull));
    Ok(compared)
}

fn compare_patch(
    patch: &Patch,
    rays: &Rays,
    prior: &Prior,
    frame: &HeadFrame,
    progress: &Progress,
) -> Result<Comparison, Error> {
    let drawn = (1..=PLAUSIBLE).map(|shape_draw| Params { method: Method::Auto, shape_draw });
    let all: Vec<Params> = METHODS.into_iter().map(|method| Params { method, shape_draw: 0 }).chain(drawn).collect();
    let share = |i: usize| i as f32 / all.len() as f32;
    let ground = |method: Method| Ground::of(patch, rays.clone(), prior, frame, method, &Progress::new());
    let shared = ground(Method::Auto)?;
    let mut reference: Option<Reference> = None;
    let (mut alternatives, mut skipped) = (Vec::new(), Vec::new());
    for (i, params) in all.iter().enumerate() {
        progress.report(share(i), &format!("completing the bone: {}", name(params)))?;
        // Progress of its own: the parts of one method are too short to speak of.
        let quiet = Progress::new();
        let one = match params.method {
            // Only this one continues the radii themselves.
            Method::Smooth => ground(Method::Smooth).and_then(|own| Ok((own.complete(params, &quiet)?, Some(own)))),
            _ => shared.complete(params, &quiet).map(|worked| (worked, None)),
        };
        match one {
            Ok((worked, own)) => {
                let reference = reference.get_or_insert_with(|| Reference::of(&shared, &worked));
                alternatives.push(reference.held_against(own.as_ref().unwrap_or(&shared), patch, params, worked));
            }
            Err(error) if reference.is_none() => return Err(error),
            Err(error) => skipped.push(Skipped { name: name(params), why: error.to_string() }),
        }
    }
    let findings = disagreements(&alternatives);
    progress.report(1.0, "methods compared")?;
    Ok(Comparison { alternatives, skipped, findings })
}

/// What every answer is held against.
struct Reference {
    outer_mm: Vec<f32>,
    /// The other side moved onto the rim: outer radius (mm), the cosine of its slant to the ray, and where it was seen.
    other: Option<(Vec<f32>, Vec<f32>, Vec<bool>)>,
}

impl Reference {
    fn of(ground: &Ground, worked: &Worked) -> Self {
        let sheet = &ground.sheet;
        let seen = |mirrored: &Mirrored| {
            let outer = mirrored.moved.tables.outer.clone();
            let slant = sheet.normals(&outer).iter().zip(&sheet.directions).map(|(n, d)| n.dot(d) as f32).collect();
            (outer, slant, mirrored.moved.seen.clone())
        };
        Self { outer_mm: worked.completion.outer_mm.clone(), other: ground.opposite.mirrored.as_ref().map(seen) }
    }

    fn held_against(&self, ground: &Ground, patch: &Patch, params: &Params, worked: Worked) -> Alternative {
        let Worked { completion, predicted, .. } = worked;
        let hole: Vec<usize> = (0..patch.hole.len()).filter(|&i| patch.hole[i]).collect();
        let mut difference_mm = vec![0.0; patch.hole.len()];
        hole.iter().for_each(|&i| difference_mm[i] = completion.outer_mm[i] - self.outer_mm[i]);
        let (mean_mm, p95_mm, most_mm) = spread(hole.iter().map(|&i| difference_mm[i]));
        let symmetry_mm = self.other.as_ref().and_then(|(outer, slant, seen)| {
            let seen: Vec<usize> = hole.iter().copied().filter(|&i| seen[i]).collect();
            let one = |&i: &usize| f64::from(((completion.outer_mm[i] - outer[i]) * slant[i]).abs());
            (!seen.is_empty()).then(|| seen.iter().map(one).sum::<f64>() / seen.len() as f64)
        });
        let rim = rim_fit::rim_fit(&ground.sheet, patch, &ground.rim, &predicted.outer);
        Alternative { params: params.clone(), completion, rim, symmetry_mm, difference_mm, mean_mm, p95_mm, most_mm }
    }
}

/// Mean, 95th percentile (nearest rank) and maximum of the absolute values; zeros of nothing.
fn spread(values: impl Iterator<Item = f32>) -> (f64, f64, f64) {
    let mut sizes: Vec<f64> = values.map(|v| f64::from(v.abs())).collect();
    sizes.sort_by(f64::total_cmp);
    let Some(&most) = sizes.last() else { return (0.0, 0.0, 0.0) };
    let rank = (0.95 * sizes.len() as f64).ceil() as usize;
    (sizes.iter().sum::<f64>() / sizes.len() as f64, sizes[rank.max(1) - 1], most)
}

/// A word on every method, beside the reference, that is too far from it.
fn disagreements(alternatives: &[Alternative]) -> Vec<Finding> {
    let far: Vec<String> = alternatives
        .iter()
        .filter(|a| !a.is_drawn() && a.p95_mm > DISAGREE_MM)
        .map(|a| format!("{} ({:.1} mm)", a.name(), a.p95_mm))
        .collect();
    if far.is_empty() {
        return Vec::new();
    }
    vec![Finding::new(format!(
        "The methods disagree: over a twentieth of the hole the outer surface of {} is farther than {DISAGREE_MM} mm from \
         that of auto. Look where, and take the one whose rim and symmetry you trust.",
        far.join(", ")
    ))]
}

/// What the road itself says of the answer, from what it has at hand: a drawn shape, and thin plates from the rim that
/// go elsewhere.
pub(super) fn notable(patch: &Patch, params: &Params, answer: &Tables, plates: &Tables) -> Vec<Finding> {
    let mut findings = Vec::new();
    let draws = params.method.has_field();
    if !draws && params.method != Method::Map {
        return findings;
    }
    if draws && params.shape_draw > 0 {
        findings.push(Finding::new(format!(
            "This is plausible shape {} of {PLAUSIBLE}, drawn from what rim and atlas leave open, not the most likely one.",
            params.shape_draw
        )));
    }
    let hole = (0..patch.hole.len()).filter(|&i| patch.hole[i]);
    let (_, p95_mm, _) = spread(hole.map(|i| answer.outer[i] - plates.outer[i]));
    if p95_mm > DISAGREE_MM {
        findings.push(Finding::new(format!(
            "The methods disagree: thin plates from the rim (tps) and the completed bone differ by {p95_mm:.1} mm over a \
             twentieth of the hole; compare the methods before you trust one."
        )));
    }
    findings
}
