//! A first look over the whole vault: where bone is missing, coarsely.

use crate::geometry::{Components, Volume, dilate, distance_to_set_mm, erode, label_components};
use crate::skull::map::{blur, fill_nearest, filled, flat};
use crate::skull::{MeanVault, Skull};
use nalgebra::{Point3, Vector3};

/// A likely opening: pixels of the mean vault's map.
pub(super) struct Core {
    /// One flag a pixel of the mean vault's map.
    pub mask: Volume<u8>,
    /// Unit directions of the head frame to its pixels.
    pub directions: Vec<Vector3<f64>>,
}

/// Bone this far below its surroundings' surface is not the vault, mm.
const DEEP_MM: f32 = 8.0;
/// Farther from the mean than this says nothing of how this head differs from it, mm.
const PLAUSIBLE_MM: f32 = 18.0;
/// Intensity along a ray above this share of the bone threshold is thin bone, blurred below the threshold.
const THIN_SHARE: f32 = 0.6;
/// Openings with more of their border than this at the vault's or the scan's end may be the end of the head's bone.
const OPEN_BORDER: f64 = 0.4;
/// Such an opening is a hole all the same where it reaches this deep into the vault, pixels of the mean vault's map ...
const DEEP_IN_PX: f32 = 5.0;
/// ... or at least this deep while the other side of the head is closed there.
const ONE_SIDED_IN_PX: f32 = 2.2;
const ONE_SIDED_SHARE: f64 = 0.8;
/// Nearer to the scan's end than this the continued surface may already lie beyond it, mm.
const SCAN_END_MM: f64 = 1.5;
/// Share of the smallest reported area from which an opening is looked at closely: where thick bone was cut aslant, the
/// inner table leaves little of the outer opening free of bone.
const LOOK_SHARE: f64 = 0.1;

/// What a pixel of the vault is.
#[derive(Clone, Copy, PartialEq)]
enum Pixel {
    Bone,
    Missing,
    /// Beyond the vault or the scan.
    Unknown,
}

/// Likely openings, largest first.
pub(super) fn survey(skull: &Skull, least_cm2: f64) -> Vec<Core> {
    let mean = MeanVault::in_use();
    let n = mean.disc.size;
    let inside: Vec<(usize, Vector3<f64>)> = (0..mean.disc.len())
        .filter(|&o| mean.vault[o])
        .filter_map(|o| Some((o, mean.disc.direction((o / n) as f64, (o % n) as f64)?)))
        .map(|(o, d)| (o, d.component_div(&skull.scales).normalize()))
        .collect();
    let directions: Vec<Vector3<f64>> = inside.iter().map(|(_, d)| *d).collect();
    let hits = skull.cast(&directions);
    let expected: Vec<f32> = directions.iter().map(|d| skull.expected_outer_mm(d) as f32).collect();
    let mut difference = vec![f32::NAN; n * n];
    for ((o, _), (hit, expected)) in inside.iter().zip(hits.iter().zip(&expected)) {
        let e = hit.outer_mm - expected;
        difference[*o] = if e.abs() < PLAUSIBLE_MM { e } else { f32::NAN };
    }
    let local = fill_nearest(&blur(&difference, n, 12.0), n);
    let mut pixels = vec![Pixel::Unknown; n * n];
    for (((o, d), hit), expected) in inside.iter().zip(&hits).zip(&expected) {
        let surface = expected + local[*o];
        let deep = hit.outer_mm.is_nan() || hit.outer_mm < surface - DEEP_MM;
        pixels[*o] = if !deep {
            Pixel::Bone
        } else if !skull.scanned(&skull.point_at(d, f64::from(surface)), SCAN_END_MM) {
            Pixel::Unknown
        } else if thin_bone(skull, d, f64::from(surface)) {
            Pixel::Bone
        } else {
            Pixel::Missing
        };
    }
    cores(&pixels, mean, skull, least_cm2)
}

/// Whether bone too thin for the threshold lies near the expected surface.
fn thin_bone(skull: &Skull, direction: &Vector3<f64>, surface_mm: f64) -> bool {
    let peak = skull.peak_between(direction, surface_mm - 10.0, surface_mm + 4.0);
    let least = if skull.smooth.is_some() { skull.iso } else { skull.iso * THIN_SHARE };
    peak >= least
}

fn cores(pixels: &[Pixel], mean: &MeanVault, skull: &Skull, least_cm2: f64) -> Vec<Core> {
    let n = mean.disc.size;
    let missing = flat(n, pixels.iter().map(|p| u8::from(*p == Pixel::Missing)).collect());
    // Crumbs of a pixel fall away, then neighbours a pixel apart grow together.
    let opened = dilate(&erode(&missing, 1.0), 1.0);
    let closed = erode(&dilate(&opened, 2.0), 2.0);
    let closed = Volume::new(
        closed.grid.clone(),
        closed.data.iter().zip(pixels).map(|(c, p)| u8::from(*c != 0 && *p != Pixel::Unknown)).collect(),
    );
    let pieces: Components = label_components(&closed, true);
    let mut found = Vec::new();
    for label in 1..=pieces.sizes.len() as u32 {
        let mask = filled(&pieces.labels.map(|l| u8::from(l == label)));
        let own = |o: usize| mask.data[o] != 0;
        let directions: Vec<Vector3<f64>> = (0..n * n)
            .filter(|&o| own(o))
            .filter_map(|o| mean.disc.direction((o / n) as f64, (o % n) as f64))
            .map(|d| d.component_div(&skull.scales).normalize())
            .collect();
        let area_cm2: f64 =
            directions.iter().map(|d| skull.expected_outer_mm(d).powi(2) * mean.disc.pixel_sr() / 100.0).sum();
        if area_cm2 < LOOK_SHARE * least_cm2 || !bordered(&mask, pixels, n) {
            continue;
        }
        found.push(Core { mask, directions });
    }
    // The largest first: it may turn out to hold a smaller one. Stable for equal ones.
    found.sort_by_key(|core| std::cmp::Reverse(core.directions.len()));
    found
}

/// Whether an opening is a hole in the vault and not the end of the bone or of the scan.
fn bordered(mask: &Volume<u8>, pixels: &[Pixel], n: usize) -> bool {
    if open_border(mask, pixels, n) <= OPEN_BORDER {
        return true;
    }
    let outside = mask.map(|v| u8::from(v == 0));
    let deepest = distance_to_set_mm(&outside).data.iter().copied().fold(0.0, f32::max);
    let own: Vec<usize> = (0..n * n).filter(|&o| mask.data[o] != 0).collect();
    let closed = own.iter().filter(|&&o| pixels[o / n * n + (n - 1 - o % n)] == Pixel::Bone).count();
    let one_sided = closed as f64 > ONE_SIDED_SHARE * own.len() as f64;
    deepest > DEEP_IN_PX || (one_sided && deepest > ONE_SIDED_IN_PX)
}

/// Share of an opening's border that is the end of the vault or of the scan.
fn open_border(mask: &Volume<u8>, pixels: &[Pixel], n: usize) -> f64 {
    let (mut border, mut open) = (0usize, 0usize);
    for o in (0..n * n).filter(|&o| mask.data[o] != 0) {
        for q in [o.wrapping_sub(1), o + 1, o.wrapping_sub(n), o + n] {
            if q < n * n && mask.data[q] == 0 {
                border += 1;
                open += usize::from(pixels[q] == Pixel::Unknown);
            }
        }
    }
    open as f64 / border.max(1) as f64
}

/// Direction and distance of a point from the head's centre, head frame.
pub(super) fn seen(skull: &Skull, lps: &[f64; 3]) -> (Vector3<f64>, f64) {
    let head = skull.frame.head_from_point(&Point3::from(*lps));
    let norm = head.norm().max(1e-9);
    (head / norm, norm)
}
