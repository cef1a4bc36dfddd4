//! A close look at one opening: fine rays about its centre, the surface its surroundings continue, the hole's outline.

use super::survey::Core;
use crate::geometry::{Disc, Volume, dilate, distance_to_set_mm, erode, label_components};
use crate::skull::map::{convolve, filled, flat};
use crate::skull::{MeanVault, Skull};
use nalgebra::{DMatrix, DVector, Vector3};
use rayon::prelude::*;

/// Pixel side at the vault, mm.
const PIXEL_MM: f64 = 0.5;
/// How far below the closed vault the other side is asked, radian (about 15 mm at the vault).
const BEYOND_RAD: f64 = 0.18;
/// The other side's bone this near to the mean radius is outer bone, mm.
const OTHER_SIDE_MM: f32 = 7.0;
/// Bone this near to the mean radius is the outer wall itself, mm.
const STANDING_MM: f64 = 9.0;
/// What is seen of the surroundings, mm beyond the hole.
const REACH_MM: f64 = 28.0;
/// More pixels a side than this make coarser pixels instead.
const MOST_PIXELS: f64 = 420.0;
/// A wall this deep below the continued surface belongs to the hole (a bevel's face), mm.
const BEVEL_MM: f32 = 1.2;
/// Deeper bone than this belongs to it even where it is flat, mm.
const FLOOR_MM: f32 = 4.0;
/// A bevel's face leans at least this much (mm a mm) against the continued surface; a misfit of the surface less.
const STEEP: f64 = 0.4;
/// No bevel is wider than this, mm.
const BEVEL_REACH_MM: f64 = 9.0;
/// Parts of a hole beyond the vault narrower than twice this are left out, mm.
const TONGUE_MM: f64 = 4.0;
/// Bone nearer to the opening than this is not asked how the surface continues, mm.
const WALL_MM: f64 = 5.0;
/// Farther from the first guess than this is not the vault's surface, mm.
const SURFACE_MM: f32 = 8.0;

/// The surroundings of an opening on a fine map.
pub(super) struct Local {
    pub disc: Disc,
    /// Unit directions of the head frame; `None` beyond the sphere's image.
    pub directions: Vec<Option<Vector3<f64>>>,
    pub inner_mm: Vec<f32>,
    pub outer_mm: Vec<f32>,
    pub vault: Vec<bool>,
    /// Where a hole may reach: the vault and a little beyond.
    pub closed: Vec<bool>,
    /// Outer radius the mean vault has there, this head's mm.
    pub expected_mm: Vec<f32>,
    /// Whether the scan reaches that far.
    pub scanned: Vec<bool>,
    /// Pixel side, mm.
    pub pixel_mm: f64,
}

impl Local {
    /// Casts fine rays about the middle of some directions, reaching well beyond all of them.
    pub fn around(skull: &Skull, directions: &[Vector3<f64>]) -> Self {
        let middle = directions.iter().sum::<Vector3<f64>>().try_normalize(1e-9).unwrap_or(Vector3::z());
        let radius = skull.expected_outer_mm(&middle);
        let widest = directions.iter().map(|d| d.dot(&middle).clamp(-1.0, 1.0).acos()).fold(0.0, f64::max);
        let angle = (widest + REACH_MM / radius).min(2.6);
        let rho_max = 2.0 * (angle / 2.0).sin();
        let size = (2.0 * rho_max * radius / PIXEL_MM).min(MOST_PIXELS).ceil() as usize | 1;
        let disc = Disc::about(&middle, size, rho_max);
        let directions: Vec<Option<Vector3<f64>>> =
            (0..disc.len()).map(|o| disc.direction((o / size) as f64, (o % size) as f64)).collect();
        let known: Vec<Vector3<f64>> = directions.iter().flatten().copied().collect();
        let mean = MeanVault::shipped();
        let look = |d: &Vector3<f64>| {
            let expected = skull.expected_outer_mm(d);
            let to_mean = skull.mean_direction(d).0;
            let scanned = skull.scanned(&skull.point_at(d, expected), 1.0);
            (expected as f32, mean.in_vault(&to_mean), mean.is_closed(&to_mean), scanned)
        };
        let mut seen: Vec<(f32, bool, bool, bool)> = known.par_iter().map(look).collect();
        trust_the_other_side(skull, &known, &mut seen);
        let mut hits = skull.cast(&known).into_iter().zip(seen);
        let pixel_mm = disc.pixel() * radius;
        let count = disc.len();
        let mut local = Self {
            disc,
            directions,
            inner_mm: vec![f32::NAN; count],
            outer_mm: vec![f32::NAN; count],
            vault: vec![false; count],
            closed: vec![false; count],
            expected_mm: vec![f32::NAN; count],
            scanned: vec![false; count],
            pixel_mm,
        };
        for o in 0..count {
            if local.directions[o].is_none() {
                continue;
            }
            if let Some((hit, (expected, vault, closed, scanned))) = hits.next() {
                local.inner_mm[o] = hit.inner_mm;
                local.outer_mm[o] = hit.outer_mm;
                local.vault[o] = vault;
                local.closed[o] = closed;
                local.expected_mm[o] = expected;
                local.scanned[o] = scanned;
            }
        }
        local
    }

    /// A one-slice mask with this map's pixel side.
    pub fn mask(&self, flag: impl Fn(usize) -> bool) -> Volume<u8> {
        let mut mask = flat(self.disc.size, (0..self.disc.len()).map(|o| u8::from(flag(o))).collect());
        mask.grid.spacing_mm = [self.pixel_mm, self.pixel_mm, 1.0];
        mask
    }

    /// Map coordinates (u, v) of a pixel in units near a radius of the head.
    fn uv(&self, o: usize) -> (f64, f64) {
        let middle = (self.disc.size - 1) as f64 / 2.0;
        let k = self.disc.pixel();
        (((o % self.disc.size) as f64 - middle) * k, ((o / self.disc.size) as f64 - middle) * k)
    }

    /// The outer surface as the surroundings of `open` continue it, everywhere on the map, mm: the mean vault, plus
    /// a cubic fitted to how this head differs from it around the opening, plus what the cubic leaves, faded out.
    pub fn continued(&self, open: &Volume<u8>) -> Vec<f32> {
        let away = distance_to_set_mm(open);
        let difference = |o: usize| self.outer_mm[o] - self.expected_mm[o];
        let mut near: Vec<f32> = (0..self.disc.len())
            .filter(|&o| self.vault[o] && away.data[o] > WALL_MM as f32)
            .map(difference)
            .filter(|e| e.is_finite())
            .collect();
        if near.is_empty() {
            return self.expected_mm.clone();
        }
        let middle = near.len() / 2;
        let median = *near.select_nth_unstable_by(middle, f32::total_cmp).1;
        let trusted = |o: usize, wall: f64| {
            let e = difference(o) - median;
            self.vault[o] && self.scanned[o] && f64::from(away.data[o]) > wall && e.abs() < SURFACE_MM
        };
        let enough = (0..self.disc.len()).filter(|&o| trusted(o, WALL_MM)).count() > 400;
        let wall = if enough { WALL_MM } else { 1.5 };
        let fit: Vec<(usize, f64)> = (0..self.disc.len())
            .filter(|&o| o % 3 == (o / self.disc.size) % 3 && trusted(o, wall))
            .map(|o| (o, (-f64::from(away.data[o]) / 12.0).exp()))
            .collect();
        let cubic = self.fit_cubic(&fit, &difference);
        let rest = |o: usize| if trusted(o, wall) { difference(o) - cubic(o) as f32 } else { f32::NAN };
        let rest: Vec<f32> = (0..self.disc.len()).map(rest).collect();
        let rest = faded(&rest, self.disc.size, 3.0 / self.pixel_mm);
        (0..self.disc.len()).map(|o| self.expected_mm[o] + cubic(o) as f32 + rest[o]).collect()
    }

    /// Robust weighted least squares of a cubic in (u, v), two reweightings.
    fn fit_cubic(&self, points: &[(usize, f64)], value: &dyn Fn(usize) -> f32) -> impl Fn(usize) -> f64 {
        let terms = |o: usize| {
            let (u, v) = self.uv(o);
            [1.0, u, v, u * u, u * v, v * v, u * u * u, u * u * v, u * v * v, v * v * v]
        };
        let mut c = [0f64; 10];
        for round in 0..3 {
            let mut a = DMatrix::<f64>::identity(10, 10) * 1e-6;
            let mut b = DVector::<f64>::zeros(10);
            for &(o, weight) in points {
                let t = terms(o);
                let y = f64::from(value(o));
                let e = (y - t.iter().zip(&c).map(|(t, c)| t * c).sum::<f64>()) / 3.0;
                let w = if round == 0 { weight } else { weight * (1.0 - e * e).max(0.0).powi(2) };
                for i in 0..10 {
                    b[i] += w * t[i] * y;
                    for j in 0..10 {
                        a[(i, j)] += w * t[i] * t[j];
                    }
                }
            }
            if let Some(x) = a.cholesky().map(|l| l.solve(&b)) {
                c.copy_from_slice(x.as_slice());
            }
        }
        move |o| terms(o).iter().zip(&c).map(|(t, c)| t * c).sum()
    }

    /// The hole of a core: no bone, or a wall below the continued surface, joined to the core; filled.
    pub fn hole(&self, skull: &Skull, core: &Core) -> Option<(Volume<u8>, Vec<f32>)> {
        let mean = MeanVault::shipped();
        let wide = dilate(&core.mask, 1.5);
        let seed = |o: usize| {
            let pixel = self.directions[o].and_then(|d| mean.pixel(&skull.mean_direction(&d).0));
            pixel.is_some_and(|p| wide.data[p] != 0)
        };
        let usable = |o: usize| self.closed[o] && self.scanned[o];
        let deep = |o: usize| {
            let r = self.outer_mm[o];
            r.is_nan() || r < self.expected_mm[o] - 20.0
        };
        let open = joined(&self.mask(|o| usable(o) && deep(o)), &self.mask(|o| usable(o) && deep(o) && seed(o)));
        let mut open = open?;
        let mut surface = self.continued(&open);
        // Once more with what the first continuation shows to be deep, so that a fragment inside is not trusted.
        for _ in 0..2 {
            let away = distance_to_set_mm(&open);
            let steep = self.steep(&surface);
            let wall = |o: usize| {
                let depth = surface[o] - self.outer_mm[o];
                let sunken = depth > BEVEL_MM && (steep.data[o] != 0 || depth > FLOOR_MM);
                usable(o) && (self.outer_mm[o].is_nan() || (sunken && f64::from(away.data[o]) < BEVEL_REACH_MM))
            };
            let candidate = joined(&self.mask(wall), &open)?;
            surface = self.continued(&candidate);
            let smooth = erode(&dilate(&candidate, 1.0), 1.0);
            let smooth = dilate(&erode(&smooth, 1.0), 1.0);
            let Some(smooth) = joined(&smooth, &open) else { break };
            open = filled(&smooth);
        }
        // Beyond the vault only what is broad belongs to the hole: narrow tongues lead into sinus and orbit.
        let broad = dilate(&erode(&open, TONGUE_MM), TONGUE_MM);
        let kept = self.mask(|o| open.data[o] != 0 && (self.vault[o] || broad.data[o] != 0));
        Some((largest(&kept), surface))
    }
}

impl Local {
    /// Where the bone's surface leans against the continued one by more than a saw's bevel leaves, and 1 mm around.
    fn steep(&self, surface: &[f32]) -> Volume<u8> {
        let size = self.disc.size;
        let depth = |o: usize| surface[o] - self.outer_mm[o];
        let lean = |o: usize| {
            let (row, column) = (o / size, o % size);
            if row == 0 || column == 0 || row + 1 == size || column + 1 == size {
                return false;
            }
            let slope = (depth(o + 1) - depth(o - 1)).hypot(depth(o + size) - depth(o - size));
            // Not a number beside a pixel without bone: that is an edge too.
            slope.is_nan() || f64::from(slope) > STEEP * 2.0 * self.pixel_mm
        };
        dilate(&self.mask(lean), 1.0)
    }
}

/// Just beyond the atlas' closed vault (the brow), bone is expected where the other side has it at the mean radius.
fn trust_the_other_side(skull: &Skull, known: &[Vector3<f64>], seen: &mut [(f32, bool, bool, bool)]) {
    let mean = MeanVault::shipped();
    let beside = |d: &Vector3<f64>| {
        let up = (Vector3::z() - d * d.z).try_normalize(1e-6).unwrap_or_default();
        let raised = d * BEYOND_RAD.cos() + up * BEYOND_RAD.sin();
        mean.is_closed(&skull.mean_direction(&raised).0)
    };
    let asked: Vec<usize> = (0..known.len()).filter(|&i| !seen[i].2 && seen[i].3 && beside(&known[i])).collect();
    let mirrored: Vec<Vector3<f64>> =
        asked.iter().map(|&i| Vector3::new(-known[i].x, known[i].y, known[i].z)).collect();
    for (&i, hit) in asked.iter().zip(skull.cast(&mirrored)) {
        let there = (hit.outer_mm - seen[i].0).abs() < OTHER_SIDE_MM;
        // A front wall of the sinus that still stands is no hole, however deep the first bone behind it lies.
        let expected = f64::from(seen[i].0);
        let standing = skull.peak_between(&known[i], expected - STANDING_MM, expected + STANDING_MM) >= skull.iso;
        seen[i].2 = there && !standing;
    }
}

/// The pieces of a mask (joined by corner too) that hold a seed; `None` when there is none.
fn joined(mask: &Volume<u8>, seeds: &Volume<u8>) -> Option<Volume<u8>> {
    let pieces = label_components(mask, true);
    let mut wanted = vec![false; pieces.sizes.len() + 1];
    for (label, seed) in pieces.labels.data.iter().zip(&seeds.data) {
        if *seed != 0 && *label != 0 {
            wanted[*label as usize] = true;
        }
    }
    wanted.iter().any(|w| *w).then(|| pieces.labels.map(|l| u8::from(wanted[l as usize])))
}

fn largest(mask: &Volume<u8>) -> Volume<u8> {
    crate::geometry::largest_component(mask, true)
}

/// Known values smoothed over `sigma_px`, fading to zero where nothing is known nearby.
fn faded(map: &[f32], size: usize, sigma_px: f64) -> Vec<f32> {
    let weight: Vec<f32> = map.iter().map(|v| if v.is_finite() { 1.0 } else { 0.0 }).collect();
    let value: Vec<f32> = map.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
    let (sum, norm) = (convolve(&value, size, sigma_px), convolve(&weight, size, sigma_px));
    sum.iter().zip(&norm).map(|(s, n)| s / (n + 0.01)).collect()
}
