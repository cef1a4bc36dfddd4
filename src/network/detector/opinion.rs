//! From probabilities to openings with areas, and what to say when the geometric search found something else.

use super::area::open_shares;
use crate::defect::Defect;
use crate::geometry::{Disc, Volume, dilate, label_components};
use crate::network::membrane::stretch_membrane;
use crate::network::seen::{Jitter, Seen, expected};
use crate::scan::Finding;
use crate::skull::map::{fill_nearest, flat};
use crate::skull::{MeanVault, Skull};
use nalgebra::Vector3;

/// A pixel above this belongs to an opening.
const WITHIN: f32 = 0.3;
/// Rounds of smoothing the surface over the openings.
const ROUNDS: usize = 400;

/// An opening as the network sees it.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// Unit direction of the head frame to its middle.
    pub direction: Vector3<f64>,
    /// Area of the outer surface that is missing, cm².
    pub area_cm2: f64,
    /// Side and bone, as `left frontal`.
    pub place: String,
    /// Its pixels on [`Opinion::disc`].
    pub pixels: Vec<usize>,
}

/// What the network thinks of a head.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Directions of the mean frame about the vertex.
    pub disc: Disc,
    /// Probability a pixel that vault bone is missing, 0..1.
    pub probability: Vec<f32>,
    /// Openings, largest first; small ones are listed too.
    pub openings: Vec<Suspect>,
    /// Probability that the head has a defect at all, 0..1: A²/(A² + a²) of the largest opening's area A, where a was
    /// fitted on validation skulls.
    pub presence: f64,
}

impl Opinion {
    pub(super) fn new(skull: &Skull, seen: &Seen, probability: Vec<f32>, half_area_cm2: f64) -> Self {
        let expected = expected();
        let size = expected.size();
        let closed_mm = surface(seen, &probability);
        let area_cm2 = pixel_areas(skull, &closed_mm);
        let shares = open_shares(skull, &probability, &closed_mm);
        let mask = flat(size, probability.iter().map(|p| u8::from(*p > WITHIN)).collect());
        let pieces = label_components(&mask, false);
        let mut openings = Vec::new();
        for label in 1..=pieces.sizes.len() as u32 {
            let own = pieces.labels.map(|l| u8::from(l == label));
            // Its border counts, but not another opening's.
            let near = dilate(&own, 1.5);
            let around: Vec<usize> = (0..own.data.len())
                .filter(|&o| own.data[o] != 0 || (near.data[o] != 0 && pieces.labels.data[o] == 0))
                .collect();
            let weight = |o: usize| f64::from(shares[o]) * area_cm2[o];
            let area: f64 = around.iter().map(|&o| weight(o)).sum();
            let sum = around
                .iter()
                .filter_map(|&o| Some(expected.directions[o]?.component_div(&skull.scales) * weight(o)))
                .sum::<Vector3<f64>>();
            let Some(direction) = sum.try_normalize(1e-12) else { continue };
            let pixels = around.into_iter().filter(|&o| own.data[o] != 0).collect();
            openings.push(Suspect { place: place(skull, &direction), direction, area_cm2: area, pixels });
        }
        openings.sort_by(|a, b| b.area_cm2.total_cmp(&a.area_cm2));
        let largest = openings.first().map_or(0.0, |o| o.area_cm2);
        let presence = largest.powi(2) / (largest.powi(2) + half_area_cm2.powi(2));
        Self { disc: expected.disc.clone(), probability, openings, presence }
    }

    /// Area of all openings of at least `least_cm2`, cm².
    pub fn area_cm2(&self, least_cm2: f64) -> f64 {
        // The sum of nothing is −0, and plus 0 it is 0.
        self.openings.iter().map(|o| o.area_cm2).filter(|a| *a >= least_cm2).sum::<f64>() + 0.0
    }
}

/// Outer radius (mm of the mean frame): as seen, and carried on over what is missing as a membrane stretched over the
/// difference to the mean vault.
fn surface(seen: &Seen, probability: &[f32]) -> Vec<f32> {
    let expected = expected();
    let size = expected.size();
    let open = flat(size, probability.iter().map(|p| u8::from(*p > WITHIN / 2.0)).collect());
    let open = dilate(&open, 1.0);
    let known: Vec<bool> = (0..open.data.len()).map(|o| open.data[o] == 0 && seen.outer_mm[o].is_finite()).collect();
    let difference: Vec<f32> =
        (0..known.len()).map(|o| if known[o] { seen.outer_mm[o] - expected.outer_mm[o] } else { f32::NAN }).collect();
    let mut field = fill_nearest(&difference, size);
    if field.iter().any(|v| v.is_nan()) {
        return expected.outer_mm.clone();
    }
    stretch_membrane(&mut field, &known, size, ROUNDS);
    field.iter().zip(&expected.outer_mm).map(|(d, m)| d + m).collect()
}

/// Area of the surface a pixel, cm², 0 at the border.
fn pixel_areas(skull: &Skull, outer_mm: &[f32]) -> Vec<f64> {
    let expected = expected();
    let size = expected.size();
    let point = |o: usize| expected.directions[o].map(|d| (d * f64::from(outer_mm[o])).component_div(&skull.scales));
    let mut areas = vec![0.0; size * size];
    for row in 1..size - 1 {
        for column in 1..size - 1 {
            let o = row * size + column;
            if let (Some(a), Some(b), Some(c), Some(d)) = (point(o - 1), point(o + 1), point(o - size), point(o + size))
            {
                areas[o] = ((b - a) / 2.0).cross(&((d - c) / 2.0)).norm() / 100.0;
            }
        }
    }
    areas
}

/// Area of the outer surface that a mask took from a whole skull, cm²: the truth to compare [`Opinion`] with.
pub fn removed_area_cm2(complete: &Skull, removed: &Volume<u8>) -> f64 {
    const PARTS: usize = 5;
    let expected = expected();
    let size = expected.size();
    let seen = Seen::new(complete, &Jitter::default());
    let outer = surface(&seen, &vec![0.0; size * size]);
    let areas = pixel_areas(complete, &outer);
    let taken = |row: f64, column: f64| {
        let Some(d) = expected.disc.direction(row, column) else { return false };
        let r = f64::from(expected.disc.sample_at(&outer, row, column));
        let head = (d * r).component_div(&complete.scales);
        // Just below the surface, so that a rough one is not missed.
        [0.5, 1.0, 1.5].iter().any(|deep| {
            let lps = complete.frame.point_from_head(&(head * (1.0 - deep / head.norm())));
            let index = removed.grid.index_from_lps(&lps).map(f64::round);
            let inside = (0..3).all(|a| index[a] >= 0.0 && index[a] < removed.grid.size[a] as f64);
            inside && removed.at(index.x as usize, index.y as usize, index.z as usize) != 0
        })
    };
    let share = |o: usize| {
        let part = |k: usize| (k as f64 + 0.5) / PARTS as f64 - 0.5;
        let hit = (0..PARTS * PARTS)
            .filter(|k| taken((o / size) as f64 + part(k / PARTS), (o % size) as f64 + part(k % PARTS)))
            .count();
        hit as f64 / (PARTS * PARTS) as f64
    };
    (0..size * size).filter(|&o| areas[o] > 0.0 && expected.closed[o] > 0.5).map(|o| areas[o] * share(o)).sum()
}

/// Side and bone of a direction of the head frame.
fn place(skull: &Skull, direction: &Vector3<f64>) -> String {
    let side = if direction.x > 0.0 { "left" } else { "right" };
    let vault = MeanVault::in_use();
    let bone = vault.pixel(&skull.mean_direction(direction).0).map_or(0, |o| vault.bone[o]);
    let name = ["vault", "frontal", "parietal", "temporal", "occipital"].get(usize::from(bone)).unwrap_or(&"vault");
    format!("{side} {name}")
}

/// Openings smaller than this are not worth a word when the geometric search passes over them, cm².
const NOTABLE_CM2: f64 = 3.0;
/// Less of an opening than this seen by the other is a disagreement.
const SHARED: f64 = 0.3;
/// Areas that differ by more than this share, and by more than a few cm², are one too.
const AREA_SHARE: f64 = 0.3;
const AREA_CM2: f64 = 4.0;

/// What to tell the user where the network and the geometric search disagree; empty when they agree.
pub fn second_opinion(skull: &Skull, opinion: &Opinion, defects: &[Defect]) -> Vec<Finding> {
    let expected = expected();
    // Which defect each pixel lies in.
    let holder: Vec<Option<usize>> = expected
        .directions
        .iter()
        .map(|d| {
            let head = d.as_ref()?.component_div(&skull.scales);
            defects.iter().position(|defect| defect.patch.holds(&head))
        })
        .collect();
    let mut findings = Vec::new();
    for opening in opinion.openings.iter().filter(|o| o.area_cm2 >= NOTABLE_CM2) {
        let held = opening.pixels.iter().filter(|&&o| holder[o].is_some()).count();
        if (held as f64) < SHARED * opening.pixels.len() as f64 {
            let (area, place) = (opening.area_cm2, &opening.place);
            findings.push(Finding::new(if held == 0 {
                format!(
                    "The network sees about {area:.0} cm² of the {place} vault missing where the search found no defect; \
                     look there, and draw the rim if bone is missing."
                )
            } else {
                format!(
                    "The network sees about {area:.0} cm² of the {place} vault missing, and the defect's rim holds only a part \
                     of it; check the rim."
                )
            }));
        }
    }
    for (i, defect) in defects.iter().enumerate() {
        let own: Vec<usize> = (0..holder.len()).filter(|&o| holder[o] == Some(i)).collect();
        let may: Vec<&usize> = own.iter().filter(|&&o| expected.closed[o] > 0.5).collect();
        let seen: f64 = may.iter().map(|&&o| f64::from(opinion.probability[o])).sum();
        if !may.is_empty() && seen < SHARED * may.len() as f64 {
            findings.push(Finding::new(format!(
                "The network does not see the {} opening of {:.0} cm² as missing bone; check that it is one and not thin \
                 bone, a suture or the end of the scan.",
                defect.region, defect.area_cm2
            )));
            continue;
        }
        let met = opinion.openings.iter().filter(|o| {
            let held = o.pixels.iter().filter(|&&p| holder[p] == Some(i)).count();
            held as f64 >= SHARED * o.pixels.len() as f64
        });
        let area: f64 = met.map(|o| o.area_cm2).sum();
        let apart = (area - defect.area_cm2).abs();
        if area > 0.0 && apart > AREA_CM2 && apart > AREA_SHARE * area.max(defect.area_cm2) {
            findings.push(Finding::new(format!(
                "The {} opening measures {:.0} cm², but the network sees {:.0} cm² missing there; check the rim.",
                defect.region, defect.area_cm2, area
            )));
        }
    }
    findings
}
