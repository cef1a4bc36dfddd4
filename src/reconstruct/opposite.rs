//! The other side of the head, laid over the hole.

use super::mirror::{self, Moved, OtherSide};
use super::predict;
use super::rim::{LAST_BUDGET, Rim, sheet_of};
use super::sheet::{Sheet, smooth_step};
use super::tables::Tables;
use super::trust::Trust;
use crate::defect::Patch;
use crate::scan::Finding;
use crate::skull::Skull;
use nalgebra::Vector3;

/// Width over which the other side is faded out towards where it is not seen, mm.
const FADE_MM: f32 = 8.0;
/// Methods that differ by more than this deserve a word, mm.
const DISAGREE_MM: f32 = 2.0;
/// Shares of the hole worth a word: hidden from view, and apart from the mirrored side.
const HIDDEN: f64 = 0.05;
const APART: f64 = 0.01;

/// Raw rays of the other side, a value a pixel of the patch (NaN where no bone).
#[derive(Clone)]
pub(crate) struct Rays {
    pub outer: Vec<f32>,
    pub inner: Vec<f32>,
}

/// Casts the patch's directions mirrored across the midsagittal plane, where the reconstruction may need them.
pub(super) fn cast(skull: &Skull, patch: &Patch) -> Rays {
    let sheet = sheet_of(patch);
    let near = sheet.distance_mm(&patch.hole);
    let wanted: Vec<usize> = (0..near.len()).filter(|&i| near[i] <= predict::REACH_MM + 20.0).collect();
    let mirrored: Vec<Vector3<f64>> = wanted
        .iter()
        .map(|&i| {
            let d = sheet.directions[i];
            Vector3::new(-d.x, d.y, d.z)
        })
        .collect();
    let mut rays = Rays { outer: vec![f32::NAN; near.len()], inner: vec![f32::NAN; near.len()] };
    for (&i, hit) in wanted.iter().zip(skull.cast(&mirrored)) {
        rays.outer[i] = hit.outer_mm;
        rays.inner[i] = hit.inner_mm;
    }
    rays
}

/// The other side as it was seen, and what it makes of the hole.
pub(super) struct Opposite {
    /// As seen, unmoved.
    pub side: OtherSide,
    /// Moved onto the rim and corrected to meet it; `None` where too little of it is seen.
    pub mirrored: Option<Mirrored>,
}

/// The other side laid over the hole.
pub(super) struct Mirrored {
    pub moved: Moved,
    /// Moved and corrected to meet the rim.
    pub corrected: Tables,
}

/// Lays the other side's rays over the patch; `with_motion` also registers it to the rim.
pub(super) fn look(sheet: &Sheet, patch: &Patch, rim: &Rim, rays: Rays, with_motion: bool) -> Opposite {
    // A hole across the midline is open on the other side too.
    let open: Vec<bool> = sheet.directions.iter().map(|d| patch.holds(&Vector3::new(-d.x, d.y, d.z))).collect();
    let side = OtherSide::new(sheet, &rays.outer, &rays.inner, &open);
    let mirrored = if with_motion { laid_over(sheet, patch, rim, &side) } else { None };
    Opposite { side, mirrored }
}

fn laid_over(sheet: &Sheet, patch: &Patch, rim: &Rim, other: &OtherSide) -> Option<Mirrored> {
    let Rim { trust, missing_mm, domain, .. } = rim;
    let motion = mirror::register(sheet, &patch.disc, &patch.outer_mm, trust, missing_mm, other);
    let wide: Vec<bool> = (0..domain.len()).map(|i| domain[i] || missing_mm[i] <= predict::REACH_MM + 2.0).collect();
    let moved = mirror::resample(sheet, &patch.disc, other, &motion, &wide);
    let seen = |mask: &[bool]| -> Vec<bool> { mask.iter().zip(&moved.seen).map(|(&a, &b)| a && b).collect() };
    let residual = Tables::observed(patch).minus(&moved.tables);
    let both = Trust { outer: seen(&trust.outer), inner: seen(&trust.inner), missing: trust.missing.clone() };
    let correction = predict::continued(sheet, &residual, &both, missing_mm, domain, LAST_BUDGET)?;
    let corrected = moved.tables.plus(&correction);
    Some(Mirrored { moved, corrected })
}

impl Mirrored {
    /// The rim's own continuation, and the other side where that is seen.
    pub fn over(&self, sheet: &Sheet, continued: &Tables) -> Tables {
        let unseen: Vec<bool> = self.moved.seen.iter().map(|s| !s).collect();
        let share: Vec<f32> = sheet.distance_mm(&unseen).iter().map(|d| smooth_step(d / FADE_MM)).collect();
        let mix = |own: &[f32], other: &[f32]| -> Vec<f32> {
            (0..own.len())
                .map(|i| if share[i] > 0.0 { own[i] + share[i] * (other[i] - own[i]) } else { own[i] })
                .collect()
        };
        Tables {
            outer: mix(&continued.outer, &self.corrected.outer),
            thickness: mix(&continued.thickness, &self.corrected.thickness),
        }
    }
}

/// What the user should know of the other side.
pub(super) fn findings(patch: &Patch, opposite: &Opposite, answer: &Tables) -> Vec<Finding> {
    let hole: Vec<usize> = (0..patch.hole.len()).filter(|&i| patch.hole[i]).collect();
    let hidden = hole.iter().filter(|&&i| !opposite.side.seen[i]).count() as f64 / hole.len().max(1) as f64;
    let mut findings = Vec::new();
    let mut say = |message: String| findings.push(Finding { message });
    if hidden > HIDDEN {
        say(format!(
            "The other side is open or not in the scan over {:.0} % of the hole; there the missing bone continues the rim.",
            100.0 * hidden
        ));
    }
    let Some(mirrored) = &opposite.mirrored else { return findings };
    let seen: Vec<f32> = hole
        .iter()
        .filter(|&&i| mirrored.moved.seen[i])
        .map(|&i| (mirrored.corrected.outer[i] - answer.outer[i]).abs())
        .collect();
    let apart = seen.iter().filter(|&&d| d > DISAGREE_MM).count() as f64 / hole.len().max(1) as f64;
    if apart >= APART {
        let most = seen.iter().copied().fold(0.0, f32::max);
        say(format!(
            "The mirrored side and the completed bone differ by more than {DISAGREE_MM} mm over {:.0} % of the hole (at most {most:.1} mm): look at the outer surface there.",
            100.0 * apart
        ));
    }
    findings
}
