//! A close look at one opening: fine rays about its centre, the surface its surroundings continue, the hole's outline.

use super::Patch;
use super::survey::Core;
use crate::geometry::{Disc, Volume, dilate, distance_to_set_mm, erode, label_components};
use crate::skull::map::{convolve, filled, flat};
use crate::skull::{MeanVault, Skull};
use nalgebra::{DMatrix, DVector, Vector3};
use rayon::prelude::*;

/// Pixel side at the vault, mm.
pub(super) const PIXEL_MM: f64 = 0.5;
/// How far below the closed vault the other side is asked, radian (about 15 mm at the vault).
const BEYOND_RAD: f64 = 0.18;
/// The other side's bone this near to the mean radius is outer bone, mm.
const OTHER_SIDE_MM: f32 = 7.0;
/// Bone this near to the mean radius is the outer wall itself, mm.
const STANDING_MM: f64 = 9.0;
/// Weight of the other side where this one says nothing; this side's bone at the rim has 1.
const OTHER_SIDE_WEIGHT: f64 = 0.1;
/// What is seen of the surroundings, mm beyond the hole.
const REACH_MM: f64 = 28.0;
/// More pixels a side than this make coarser pixels instead.
const MOST_PIXELS: f64 = 420.0;
/// A wall this deep below the continued surface belongs to the hole (a bevel's face), mm.
const BEVEL_MM: f32 = 1.4;
/// The rounded shoulder of a cut (blurred by the scan) belongs to it from this depth on where it leans clearly, mm.
const SHOULDER_MM: f32 = 0.5;
/// No shoulder is wider than this, mm.
const SHOULDER_REACH_MM: f64 = 1.0;
/// Bone this far below the continued surface is not the outer surface any more, mm.
const DEEP_MM: f32 = 6.0;
/// Beyond the vault bone goes deep by nature (orbit, infratemporal fossa); this far below, it is missing there too, mm.
const VERY_DEEP_MM: f32 = 20.0;
/// The outline is drawn where the hole smoothed over this many pixels falls to a half.
const EDGE_SIGMA_PX: f64 = 1.2;
const EDGE_SHARE: f32 = 0.5;
/// Thinner bone than this (the squama) has no shoulder to tell from its own unevenness, mm.
const SHOULDER_BONE_MM: f32 = 5.0;
/// How much a shoulder leans against the continued surface, mm a mm.
const SHOULDER_LEAN: f64 = 0.7;
/// How far below its outer surface bone is looked for where the scan ends (less than what counts as deep), mm.
const SHALLOW_MM: f32 = 5.0;
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
    /// Outer radius of the other side of the head where it is near the mean, in the vault and just beyond; NaN
    /// elsewhere, mm.
    pub other_mm: Vec<f32>,
    /// Outer radius the mean vault has there, this head's mm.
    pub expected_mm: Vec<f32>,
    /// Whether the scan reaches that far.
    pub scanned: Vec<bool>,
    /// Pixel side, mm.
    pub pixel_mm: f64,
}

impl Local {
    /// Casts rays `pixel_mm` apart about the middle of some directions, reaching well beyond all of them.
    pub fn around(skull: &Skull, directions: &[Vector3<f64>], pixel_mm: f64) -> Self {
        let middle = directions.iter().sum::<Vector3<f64>>().try_normalize(1e-9).unwrap_or(Vector3::z());
        let radius = skull.expected_outer_mm(&middle);
        let widest = directions.iter().map(|d| d.dot(&middle).clamp(-1.0, 1.0).acos()).fold(0.0, f64::max);
        let angle = (widest + REACH_MM / radius).min(2.6);
        let rho_max = 2.0 * (angle / 2.0).sin();
        let size = (2.0 * rho_max * radius / pixel_mm).min(MOST_PIXELS).ceil() as usize | 1;
        let disc = Disc::about(&middle, size, rho_max);
        let directions: Vec<Option<Vector3<f64>>> =
            (0..disc.len()).map(|o| disc.direction((o / size) as f64, (o % size) as f64)).collect();
        let known: Vec<Vector3<f64>> = directions.iter().flatten().copied().collect();
        let mean = MeanVault::in_use();
        let look = |d: &Vector3<f64>| {
            let expected = skull.expected_outer_mm(d);
            let to_mean = skull.mean_direction(d).0;
            let scanned = skull.scanned(&skull.point_at(d, expected), 1.0);
            let (vault, closed) = (mean.in_vault(&to_mean), mean.is_closed(&to_mean));
            Seen { expected: expected as f32, vault, closed, scanned, other: f32::NAN }
        };
        let mut seen: Vec<Seen> = known.par_iter().map(look).collect();
        ask_the_other_side(skull, &known, &mut seen);
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
            other_mm: vec![f32::NAN; count],
            expected_mm: vec![f32::NAN; count],
            scanned: vec![false; count],
            pixel_mm,
        };
        for o in 0..count {
            if local.directions[o].is_none() {
                continue;
            }
            if let Some((hit, seen)) = hits.next() {
                local.inner_mm[o] = hit.inner_mm;
                local.outer_mm[o] = hit.outer_mm;
                local.vault[o] = seen.vault;
                local.closed[o] = seen.closed;
                local.other_mm[o] = seen.other;
                local.expected_mm[o] = seen.expected;
                local.scanned[o] = seen.scanned;
            }
        }
        local
    }

    /// The map with its hole (a mask on it), as later steps take it.
    pub fn into_patch(self, hole: &Volume<u8>) -> Patch {
        Patch {
            hole: hole.data.iter().map(|&v| v != 0).collect(),
            disc: self.disc,
            inner_mm: self.inner_mm,
            outer_mm: self.outer_mm,
            vault: self.vault,
        }
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
        let own = |o: usize| (o, f64::from(difference(o)), (-f64::from(away.data[o]) / 12.0).exp());
        // Where this side is open, the other side says a little of how the surface goes on; not beyond the vault, where
        // mastoid and cheek differ from side to side.
        let other = |o: usize| (o, f64::from(self.other_mm[o] - self.expected_mm[o]), OTHER_SIDE_WEIGHT);
        let fit: Vec<(usize, f64, f64)> = (0..self.disc.len())
            .filter(|&o| o % 3 == (o / self.disc.size) % 3)
            .filter_map(|o| {
                let there = self.vault[o] && self.other_mm[o].is_finite();
                if trusted(o, wall) { Some(own(o)) } else { there.then(|| other(o)) }
            })
            .collect();
        let cubic = self.fit_cubic(&fit);
        let rest = |o: usize| if trusted(o, wall) { difference(o) - cubic(o) as f32 } else { f32::NAN };
        let rest: Vec<f32> = (0..self.disc.len()).map(rest).collect();
        let rest = faded(&rest, self.disc.size, 3.0 / self.pixel_mm);
        (0..self.disc.len()).map(|o| self.expected_mm[o] + cubic(o) as f32 + rest[o]).collect()
    }

    /// Robust weighted least squares of a cubic in (u, v), two reweightings.
    /// `points`: pixel, value, weight.
    fn fit_cubic(&self, points: &[(usize, f64, f64)]) -> impl Fn(usize) -> f64 {
        let terms = |o: usize| {
            let (u, v) = self.uv(o);
            [1.0, u, v, u * u, u * v, v * v, u * u * u, u * u * v, u * v * v, v * v * v]
        };
        let mut c = [0f64; 10];
        for round in 0..3 {
            let mut a = DMatrix::<f64>::identity(10, 10) * 1e-6;
            let mut b = DVector::<f64>::zeros(10);
            for &(o, y, weight) in points {
                let t = terms(o);
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
        let mean = MeanVault::in_use();
        let wide = dilate(&core.mask, 1.5);
        let seed = |o: usize| {
            let pixel = self.directions[o].and_then(|d| mean.pixel(&skull.mean_direction(&d).0));
            pixel.is_some_and(|p| wide.data[p] != 0)
        };
        let seeds = self.mask(|o| self.closed[o] && self.scanned[o] && seed(o));
        let mut surface = self.continued(&seeds);
        let in_view = self.in_view(skull, &surface);
        let usable = |o: usize| self.closed[o] && (self.scanned[o] || in_view[o]);
        let mut deep = joined(&self.mask(|o| usable(o) && self.deep(o, &surface)), &seeds)?;
        let mut open = deep.clone();
        // Once more with what the first continuation shows to be deep, so that a fragment inside is not trusted.
        for _ in 0..2 {
            surface = self.continued(&open);
            deep = joined(&self.mask(|o| usable(o) && self.deep(o, &surface)), &deep)?;
            let away = distance_to_set_mm(&deep);
            let steep = dilate(&self.leaning(&surface, STEEP), 1.0);
            let shoulder = self.leaning(&surface, SHOULDER_LEAN);
            let wall = |o: usize| {
                let depth = surface[o] - self.outer_mm[o];
                let sunken = depth > BEVEL_MM && (steep.data[o] != 0 || depth > FLOOR_MM);
                deep.data[o] != 0 || (usable(o) && sunken && f64::from(away.data[o]) < BEVEL_REACH_MM)
            };
            let walls = joined(&self.mask(wall), &deep)?;
            let beside = dilate(&walls, SHOULDER_REACH_MM);
            let rounded = |o: usize| {
                let depth = surface[o] - self.outer_mm[o];
                let thick = self.outer_mm[o] - self.inner_mm[o] + depth > SHOULDER_BONE_MM;
                usable(o) && beside.data[o] != 0 && shoulder.data[o] != 0 && depth > SHOULDER_MM && thick
            };
            let candidate = joined(&self.mask(|o| walls.data[o] != 0 || rounded(o)), &deep)?;
            let smooth = erode(&dilate(&candidate, 1.0), 1.0);
            let smooth = dilate(&erode(&smooth, 1.0), 1.0);
            let Some(smooth) = joined(&smooth, &deep) else { break };
            open = filled(&smooth);
        }
        let surface = self.continued(&open);
        // Beyond the vault only what is broad belongs to the hole: narrow tongues lead into sinus and orbit.
        let broad = dilate(&erode(&open, TONGUE_MM), TONGUE_MM);
        let expected = |o: usize| self.vault[o] || broad.data[o] != 0;
        let kept = largest(&self.mask(|o| open.data[o] != 0 && expected(o)));
        let soft: Vec<f32> = kept.data.iter().map(|&v| f32::from(v)).collect();
        let soft = convolve(&soft, self.disc.size, EDGE_SIGMA_PX);
        Some((largest(&self.mask(|o| soft[o] > EDGE_SHARE && usable(o))), surface))
    }

    /// Whether the scan would show bone below the continued surface: a scan may end between the mean head's vertex and
    /// this one's.
    fn in_view(&self, skull: &Skull, surface: &[f32]) -> Vec<bool> {
        let below = |d: &Vector3<f64>, o: usize| skull.point_at(d, f64::from(surface[o] - SHALLOW_MM));
        let seen = |o: usize| self.directions[o].is_some_and(|d| skull.scanned(&below(&d, o), 0.0));
        (0..self.disc.len()).into_par_iter().map(seen).collect()
    }

    /// Whether the outer surface is missing: no bone, or only bone far below the surface continued.
    fn deep(&self, o: usize, surface: &[f32]) -> bool {
        let r = self.outer_mm[o];
        r.is_nan() || surface[o] - r > if self.vault[o] { DEEP_MM } else { VERY_DEEP_MM }
    }
}

impl Local {
    /// Where the bone's surface leans against the continued one by more than `limit` (mm a mm).
    fn leaning(&self, surface: &[f32], limit: f64) -> Volume<u8> {
        let size = self.disc.size;
        let depth = |o: usize| surface[o] - self.outer_mm[o];
        let lean = |o: usize| {
            let (row, column) = (o / size, o % size);
            if row == 0 || column == 0 || row + 1 == size || column + 1 == size {
                return false;
            }
            let slope = (depth(o + 1) - depth(o - 1)).hypot(depth(o + size) - depth(o - size));
            // Not a number beside a pixel without bone: that is an edge too.
            slope.is_nan() || f64::from(slope) > limit * 2.0 * self.pixel_mm
        };
        self.mask(lean)
    }
}

/// What is known of a direction before its ray is read.
struct Seen {
    expected: f32,
    vault: bool,
    closed: bool,
    scanned: bool,
    other: f32,
}

/// What the other side of the head has. Beyond the vault (brow, temple's lower edge) a hole may reach where the other
/// side has bone near the mean radius.
fn ask_the_other_side(skull: &Skull, known: &[Vector3<f64>], seen: &mut [Seen]) {
    let mean = MeanVault::in_use();
    let beside = |d: &Vector3<f64>| {
        let up = (Vector3::z() - d * d.z).try_normalize(1e-6).unwrap_or_default();
        let raised = d * BEYOND_RAD.cos() + up * BEYOND_RAD.sin();
        mean.is_closed(&skull.mean_direction(&raised).0)
    };
    let asked: Vec<usize> = (0..known.len())
        .filter(|&i| seen[i].scanned && (seen[i].vault || seen[i].closed || beside(&known[i])))
        .collect();
    let mirrored: Vec<Vector3<f64>> =
        asked.iter().map(|&i| Vector3::new(-known[i].x, known[i].y, known[i].z)).collect();
    for (&i, hit) in asked.iter().zip(skull.cast(&mirrored)) {
        if (hit.outer_mm - seen[i].expected).abs() >= OTHER_SIDE_MM {
            continue;
        }
        seen[i].other = hit.outer_mm;
        if !seen[i].closed {
            // A front wall of the sinus that still stands is no hole, however deep the first bone behind it lies.
            let there = f64::from(seen[i].expected);
            seen[i].closed = skull.peak_between(&known[i], there - STANDING_MM, there + STANDING_MM) < skull.iso;
        }
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
