//! Mean, spread and validity of outer radius and thickness over aligned heads, and where the vault is.

use super::{Head, procrustes::Aligned};
use crate::geometry::{Disc, dilate, erode, label_components};
use crate::skull::map::{blur, fill_nearest, flat, mirrored};
use crate::skull::mean_vault::{MeanVault, closed};
use crate::skull::occupancy::FULL;
use crate::skull::pose::Pose;
use crate::skull::rays::RaySource;
use nalgebra::Vector3;

/// Directions farther from the vertex than this (on the map) are not cast.
const RHO_CAST: f64 = 1.84;
/// Thicker bone along a ray than this is not the vault (petrous bone, several bones in a row), mm.
const THICK_MM: f32 = 22.0;
/// Thinner bone than this is noise, mm.
const THIN_MM: f32 = 0.8;

/// Running sums a pixel.
struct Sums {
    count: Vec<f64>,
    value: Vec<f64>,
    square: Vec<f64>,
}

impl Sums {
    fn new(n: usize) -> Self {
        Self { count: vec![0.0; n], value: vec![0.0; n], square: vec![0.0; n] }
    }

    fn add(&mut self, o: usize, v: f64) {
        self.count[o] += 1.0;
        self.value[o] += v;
        self.square[o] += v * v;
    }

    /// Mean and standard deviation, NaN where fewer than `least` heads count.
    fn mean_and_sd(&self, least: f64) -> (Vec<f32>, Vec<f32>) {
        let one = |o: usize| {
            let n = self.count[o];
            if n < least.max(2.0) {
                return (f32::NAN, f32::NAN);
            }
            let mean = self.value[o] / n;
            let variance = (self.square[o] / n - mean * mean).max(0.0) * n / (n - 1.0);
            (mean as f32, variance.sqrt() as f32)
        };
        (0..self.count.len()).map(one).unzip()
    }
}

pub(super) fn mean_vault(heads: &[Head], aligned: &Aligned, used: &[usize], disc: Disc) -> MeanVault {
    let n = disc.size;
    let pixels: Vec<(usize, Vector3<f64>)> = (0..disc.len())
        .filter_map(|o| {
            let d = disc.direction((o / n) as f64, (o % n) as f64)?;
            ((2.0 * (1.0 - d.z)).sqrt() <= RHO_CAST).then_some((o, d))
        })
        .collect();
    let sums = |expected: &[f32]| {
        let (mut outer, mut thickness) = (Sums::new(disc.len()), Sums::new(disc.len()));
        for &i in used {
            for (o, inner_mm, outer_mm) in radii(&heads[i], &aligned.fits[i].pose, &pixels, &disc, expected) {
                // Every head counts with its mirror image: the mean is symmetric and twice as sure.
                for o in [o, o / n * n + (n - 1 - o % n)] {
                    outer.add(o, f64::from(outer_mm));
                    thickness.add(o, f64::from(outer_mm - inner_mm));
                }
            }
        }
        (outer, thickness)
    };
    // Twice: what is expected decides which wall of a sinus is the outer one.
    let (first, _) = sums(&aligned.outer_mm);
    let expected = fill_nearest(&first.mean_and_sd(used.len() as f64).0, n);
    let (outer, thickness) = sums(&expected);
    let all = 2.0 * used.len() as f64;
    let share: Vec<f32> = outer.count.iter().map(|c| (c / all) as f32).collect();
    let (outer_mm, outer_sd) = outer.mean_and_sd(all / 2.0);
    let (thickness_mm, thickness_sd) = thickness.mean_and_sd(all / 2.0);
    let vault = vault_mask(&share, &outer_sd, &thickness_sd, n);
    let zero = |map: Vec<f32>| -> Vec<f32> { map.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect() };
    let outer_sd_mm = zero(blur(&outer_sd, n, 1.0));
    MeanVault {
        outer_mm: fill_nearest(&blur(&outer_mm, n, 0.7), n),
        thickness_mm: fill_nearest(&blur(&thickness_mm, n, 0.7), n),
        closed: closed(&vault, &share, &outer_sd_mm, n),
        outer_sd_mm,
        thickness_sd_mm: zero(blur(&thickness_sd, n, 1.0)),
        share,
        vault,
        bone: vec![0; disc.len()],
        heads: used.len() as u32,
        disc,
    }
}

/// Plausible inner and outer radius (mm of the mean frame) of one head, a pixel each.
fn radii(
    head: &Head,
    pose: &Pose,
    pixels: &[(usize, Vector3<f64>)],
    disc: &Disc,
    expected: &[f32],
) -> Vec<(usize, f32, f32)> {
    let rays: Vec<_> = pixels.iter().map(|(_, d)| pose.lps_ray(d)).collect();
    let aims: Vec<(Vector3<f64>, f64)> = pixels
        .iter()
        .zip(&rays)
        .map(|((_, d), (ray, unit))| (*ray, f64::from(disc.sample(expected, d)) / unit))
        .collect();
    let hits = RaySource::new(&head.shares, f32::from(FULL) / 2.0).cast(&pose.centre, &aims);
    let one = |(((o, _), (_, unit)), hit): ((&(usize, _), &(_, f64)), &crate::skull::RayHit)| {
        let (inner, outer) = (hit.inner_mm * *unit as f32, hit.outer_mm * *unit as f32);
        (THIN_MM..=THICK_MM).contains(&(outer - inner)).then_some((*o, inner, outer))
    };
    pixels.iter().zip(&rays).zip(&hits).filter_map(one).collect()
}

/// Where every head has a closed vault: valid in 93 % of heads, outer radius and thickness not scattered; opened,
/// shrunk by a pixel, the piece around the vertex.
fn vault_mask(share: &[f32], outer_sd: &[f32], thickness_sd: &[f32], n: usize) -> Vec<bool> {
    let good = |o: usize| share[o] > 0.93 && outer_sd[o] < 7.0 && thickness_sd[o] < 3.2;
    let mask = flat(n, (0..n * n).map(|o| u8::from(good(o))).collect());
    let opened = dilate(&erode(&mask, 2.0), 2.0);
    // Notches where only the thickness scatters (the inner crest of the occiput) are closed again.
    let mut closed = erode(&dilate(&opened, 8.0), 8.0);
    for (o, v) in closed.data.iter_mut().enumerate() {
        *v &= u8::from(share[o] > 0.93 && outer_sd[o] < 7.0);
    }
    let pieces = label_components(&erode(&closed, 1.0), false);
    let vertex = pieces.labels.data[n / 2 * n + n / 2];
    let piece: Vec<bool> = pieces.labels.data.iter().map(|&l| l != 0 && l == vertex).collect();
    let other = mirrored(&piece, n);
    piece.iter().zip(other).map(|(a, b)| *a && b).collect()
}
