//! The head in a scan without a click: many start poses, the best alignment to the mean vault.

use super::Skull;
use super::mean_vault::MeanVault;
use super::occupancy::FULL;
use super::pose::{Fit, MeanSurface, Pose, Schedule, align};
use super::rays::{RaySource, even_directions};
use super::starts::{best_start, guess_centre, lying, outer_points};
use crate::geometry::{Grid, Volume};
use nalgebra::{Point3, Rotation3, Vector3};

/// Strength of the prior that the three scales are alike, once the pose is near; the same for whole and defective
/// heads, for a stronger one puts a defective head into another frame than its whole twin.
const KAPPA: f64 = 0.2;
/// A pose is not looked past when so many of its points fit and so much of the visible vault lies near the mean.
const SURE_INLIERS: f64 = 0.95;
const SURE_COVERED: f64 = 0.8;
/// Bone farther than this from the mean head does not hold its pose, mm ...
const CUT_MM: f64 = 5.0;
/// ... unless more than this share of the vault's bone lies deeper than so below it, where it would seem to be missing:
/// a head of another build (a flat occiput) is laid over the mean as a whole, not by the part that happens to be alike.
const SUNK_SHARE: f64 = 0.02;
const SUNK_MM: f64 = 8.0;
const OTHER_BUILD_CUT_MM: f64 = 16.0;
/// Weight of a direction beyond the scan against one within that shows no bone.
const UNSEEN_WEIGHT: f64 = 0.6;
/// So much of the vault near the mean is enough, and what more of it adds to a pose's rank.
const ENOUGH_COVERED: f64 = 0.5;
const MORE_COVERED: f64 = 0.2;
/// Bone of the right pose lies about this near to the mean vault (standard deviation between heads), mm.
const CLOSE_MM: f64 = 2.0;
/// Heads differ by this much in each of their scales (standard deviation of their logarithm), and what a squared
/// deviation takes from a pose's rank: where much is missing a head turned over fits well once it is stretched. Chosen
/// on 93 large holes cut into eight heads: the nearest wrong pose stays 0.19 below the right one, without it 0.11.
const SCALE_SD: f64 = 0.05;
const SCALE_WEIGHT: f64 = 0.01;
/// Where no standing pose reaches this rank, a head that lies is looked for as well. Of 251 skulls, defective, turned and
/// cut ones among them, nine stay below it when they stand (of two heads of another build); a real CT whose
/// vertex lay below, in front or behind had 1.80 to 2.20.
const DOUBTFUL: f64 = 2.25;
/// Head shapes to start from (scales along the head axes): as found, short and broad, long and narrow.
const BUILDS: [[f64; 3]; 3] = [[1.0; 3], [0.93, 1.12, 1.0], [1.06, 0.94, 1.0]];
/// What a head that lies must be above the standing ones in rank: that CT has 2.56 when it stands.
const CLEARLY: f64 = 0.15;
/// Another pose this near in rank and this far in angle makes the found one unsure.
const RIVAL_RANK: f64 = 0.03;
const RIVAL_DEG: f64 = 10.0;

/// A found head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub fit: Fit,
    /// Share of the vault's directions within the scan where bone lies near the mean vault, 0..1; directions beyond
    /// the scan count in part, so that a pose gains little by moving the vault out of it.
    pub covered: f64,
    /// How closely bone that was met in the vault lies to the mean, 0..1: tells front from back where much is missing.
    pub close: f64,
    /// Share of the bone met in the vault that lies far below the mean, 0..1.
    pub sunk: f64,
    /// Share of the vault's directions whose mean outer surface lies within the scan, 0..1.
    pub scanned: f64,
    /// Angle to another pose that fits nearly as well, degrees.
    pub rival_deg: Option<f64>,
}

/// Finds the head: start centre, many starts, then rays cast anew from the found centre. `scan` is the grid the scan
/// was taken on: what lies beyond it is not seen, which is not the same as empty.
pub(crate) fn find_head<T: Copy + Into<f32> + Sync>(
    volume: &Volume<T>,
    iso: f32,
    scan: &Grid,
    mean: &MeanVault,
) -> Option<Head> {
    let search = Search {
        source: RaySource::new(volume, iso),
        surface: MeanSurface::new(&mean.disc, &mean.outer_mm),
        scan,
        mean,
        missing: &|_| false,
    };
    let mut heads = search.from(volume, iso, &Rotation3::identity());
    let standing = heads.iter().map(rank).fold(f64::NEG_INFINITY, f64::max);
    if standing < DOUBTFUL {
        let lying = lying().into_iter().flat_map(|upright| search.from(volume, iso, &upright));
        heads.extend(lying.filter(|head| rank(head) > standing + CLEARLY));
    }
    heads.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let best = heads.first()?;
    let turned = |other: &Head| {
        let turn = Rotation3::from_matrix_unchecked(other.fit.pose.rotation * best.fit.pose.rotation.transpose());
        turn.angle().to_degrees()
    };
    let near = heads.iter().take_while(|h| rank(h) > rank(best) - RIVAL_RANK);
    let rival_deg = near.map(turned).find(|deg| *deg > RIVAL_DEG);
    let mut head = search.settled(best);
    if best.is_of_another_build() {
        // What is said of the fit is still how much of the bone lies near to the mean.
        head.fit.inlier_share = best.fit.inlier_share;
    }
    Some(Head { rival_deg, ..head })
}

/// A whole head in the pose in which it would be found without the bone that is `missing` (asked for points of its head
/// frame, mm). The pose of the whole head will not do: it is laid over the mean with the missing bone, and so knows how
/// high that stood.
pub(crate) fn found_without(skull: &Skull, missing: &(dyn Fn(&Vector3<f64>) -> bool + Sync)) -> Skull {
    let start = Pose { centre: skull.frame.centre_mm, rotation: skull.frame.head_from_lps, scales: skull.scales };
    let missing = |p: &Point3<f64>| missing(&skull.frame.head_from_point(p));
    let pose = match &skull.smooth {
        Some(shares) => found_from(&start, shares.as_ref(), f32::from(FULL) / 2.0, skull, &missing),
        None => found_from(&start, skull.intensity.as_ref(), skull.iso, skull, &missing),
    };
    Skull { frame: pose.frame(), scales: pose.scales, ..skull.clone() }
}

fn found_from<T: Copy + Into<f32> + Sync>(
    start: &Pose,
    volume: &Volume<T>,
    iso: f32,
    skull: &Skull,
    missing: &(dyn Fn(&Point3<f64>) -> bool + Sync),
) -> Pose {
    let mean = MeanVault::in_use();
    let surface = MeanSurface::new(&mean.disc, &mean.outer_mm);
    let search = Search { source: RaySource::new(volume, iso), surface, scan: &skull.intensity.grid, mean, missing };
    let near = search.recast(start, 2000, CUT_MM);
    search.settled(&near).fit.pose
}

impl Head {
    fn is_of_another_build(&self) -> bool {
        self.sunk > SUNK_SHARE
    }
}

/// A small patch may fit anything, so bone must lie near half of the visible vault; beyond that how well what is there
/// fits counts more than how much is there, for a base turned up fills a hole in the brow better than nothing.
fn rank(head: &Head) -> f64 {
    let strange = (head.fit.pose.scales.map(f64::ln) / SCALE_SD).norm_squared();
    head.fit.score() - SCALE_WEIGHT * strange
        + head.close
        + head.covered.min(ENOUGH_COVERED)
        + MORE_COVERED * head.covered
}

/// What a pose is judged by.
struct Search<'a, T> {
    source: RaySource<'a, T>,
    surface: MeanSurface<'a>,
    scan: &'a Grid,
    mean: &'a MeanVault,
    /// Outer points (LPS) that are not to be seen.
    missing: &'a (dyn Fn(&Point3<f64>) -> bool + Sync),
}

impl<T: Copy + Into<f32> + Sync> Search<'_, T> {
    /// Heads about the best of many starts, where `upright` turns LPS so that a head stands; none where no bone is met.
    fn from(&self, volume: &Volume<T>, iso: f32, upright: &Rotation3<f64>) -> Vec<Head> {
        let Some(centre) = guess_centre(volume, iso, upright) else { return Vec::new() };
        let points = outer_points(&self.source, &centre, 1500, upright);
        let mut heads: Vec<Head> = Vec::new();
        for fit in &best_start(&points, &centre, upright, &self.surface, 8) {
            for build in BUILDS {
                let mut pose = fit.pose.clone();
                pose.scales.component_mul_assign(&Vector3::from(build));
                let head = self.recast(&pose, 2000, CUT_MM);
                let head = self.recast(&head.fit.pose, 2000, CUT_MM);
                let sure =
                    head.fit.inlier_share > SURE_INLIERS && head.covered > SURE_COVERED && head.scanned > SURE_COVERED;
                heads.push(head);
                if sure {
                    return heads;
                }
            }
        }
        heads
    }

    /// The last alignment, with many rays.
    fn settled(&self, near: &Head) -> Head {
        let cut_mm = if near.is_of_another_build() { OTHER_BUILD_CUT_MM } else { CUT_MM };
        let head = self.recast(&near.fit.pose, 5000, cut_mm);
        self.recast(&head.fit.pose, 5000, cut_mm)
    }

    /// Rays toward the mean vault from a pose, and the pose aligned to what they hit within `cut_mm` of it.
    fn recast(&self, pose: &Pose, count: usize, cut_mm: f64) -> Head {
        let directions = even_directions(count, LOWEST_VAULT);
        let rays: Vec<(Vector3<f64>, f64)> = directions
            .iter()
            .map(|d| {
                let (ray, unit) = pose.lps_ray(d);
                (ray, self.mean.outer_at(d) / unit)
            })
            .collect();
        let mut hits = self.source.cast(&pose.centre, &rays);
        for ((ray, _), hit) in rays.iter().zip(&mut hits) {
            if hit.outer_mm.is_finite() && (self.missing)(&(pose.centre + ray * f64::from(hit.outer_mm))) {
                hit.outer_mm = f32::NAN;
            }
        }
        let index_from_lps = self.scan.index_from_lps_matrix();
        let seen = |p: Point3<f64>| {
            let index = index_from_lps * (p - self.scan.origin_mm);
            (0..3).all(|a| index[a] >= 0.0 && index[a] <= (self.scan.size[a] - 1) as f64)
        };
        let (mut points, mut vault_rays, mut expected, mut near) = (Vec::new(), 0usize, 0usize, 0usize);
        let (mut close, mut met, mut sunk) = (0.0, 0usize, 0usize);
        for ((d, (ray, outer)), hit) in directions.iter().zip(&rays).zip(&hits) {
            let r = f64::from(hit.outer_mm);
            let vault = self.mean.in_vault(d);
            let within = seen(pose.centre + ray * *outer);
            vault_rays += usize::from(vault);
            expected += usize::from(vault && within);
            near += usize::from(vault && within && (r - outer).abs() < 6.0);
            if vault && within && r.is_finite() {
                met += 1;
                sunk += usize::from(r < outer - SUNK_MM);
                close += (-0.5 * ((r - outer) / CLOSE_MM).powi(2)).exp();
            }
            // A little beyond the vault's border, where brow and mastoid hold the pose. Where a ray leaves the scan is
            // no surface.
            let closed = vault || self.mean.pixel(d).is_some_and(|o| self.mean.share[o] > 0.9);
            if r < 145.0 && closed && seen(pose.centre + ray * (r + 1.0)) {
                points.push(pose.centre + ray * r);
            }
        }
        let beyond = UNSEEN_WEIGHT * (vault_rays - expected) as f64;
        let covered = near as f64 / (expected as f64 + beyond).max(1.0);
        let schedule = Schedule {
            iterations: 20,
            cut_mm: [if covered < 0.9 { 20.0 } else { f64::max(10.0, cut_mm) }, cut_mm],
            kappa: KAPPA,
            scaled: true,
        };
        let fit = align(&points, pose, &self.surface, &schedule);
        let scanned = expected as f64 / vault_rays.max(1) as f64;
        let of_met = |sum: f64| sum / met.max(1) as f64;
        Head { fit, covered, close: of_met(close), sunk: of_met(sunk as f64), scanned, rival_deg: None }
    }
}

/// Directions below this height (cosine to +z) are not part of any vault.
const LOWEST_VAULT: f64 = -0.34;
