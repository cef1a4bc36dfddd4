//! The head in a scan without a click: many start poses, the best alignment to the mean vault.

use super::Skull;
use super::mean_vault::MeanVault;
use super::occupancy::FULL;
use super::pose::{Fit, MeanSurface, Pose, Schedule, align};
use super::rays::{RaySource, even_directions};
use crate::geometry::{Grid, Volume};
use nalgebra::{Point3, Rotation3, Vector3};
use rayon::prelude::*;

/// Height of the vertex above the head's centre, mm.
const VERTEX_MM: f64 = 75.0;
/// Half width of a head at its centre's height, mean of both horizontal axes, mm.
const HALF_WIDTH_MM: f64 = 80.0;
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

/// Outer points (LPS) of rays from a centre in all directions above its height, up to 145 mm away.
pub(crate) fn outer_points<T: Copy + Into<f32> + Sync>(
    source: &RaySource<T>,
    centre: &Point3<f64>,
    count: usize,
) -> Vec<Point3<f64>> {
    let rays: Vec<_> = even_directions(count, -0.25).into_iter().map(|d| (d, f64::NAN)).collect();
    let hits = source.cast(centre, &rays);
    let point = |((d, _), hit): (&(Vector3<f64>, f64), _)| -> Option<Point3<f64>> {
        let hit: super::RayHit = hit;
        (hit.outer_mm < 145.0).then(|| centre + d * f64::from(hit.outer_mm))
    };
    rays.iter().zip(hits).filter_map(point).collect()
}

/// First guess of the head's centre: 75 mm below the top of the bone, less where the top is a wide ring (a vertex cut
/// off, or a hole there), in the middle of what lies between.
pub(crate) fn guess_centre<T: Copy + Into<f32> + Sync>(volume: &Volume<T>, iso: f32) -> Option<Point3<f64>> {
    let grid = &volume.grid;
    // Every second voxel along each axis is enough for a bounding box, and eight times faster.
    let stride = grid.spacing_mm.map(|s| if s < 1.2 { 2usize } else { 1 });
    let matrix = grid.lps_from_index_matrix();
    let rows: Vec<Vec<Vector3<f64>>> = (0..grid.size[2])
        .into_par_iter()
        .step_by(stride[2])
        .map(|z| {
            let mut found = Vec::new();
            for y in (0..grid.size[1]).step_by(stride[1]) {
                for x in (0..grid.size[0]).step_by(stride[0]) {
                    if volume.at(x, y, z).into() >= iso {
                        let index = Vector3::new(x as f64, y as f64, z as f64);
                        found.push((grid.origin_mm + matrix * index).coords);
                    }
                }
            }
            found
        })
        .collect();
    let bone: Vec<Vector3<f64>> = rows.into_iter().flatten().collect();
    let cell = grid.voxel_mm3() * stride.iter().product::<usize>() as f64;
    let bottom = bone.iter().map(|p| p.z).fold(f64::INFINITY, f64::min);
    let highest = bone.iter().map(|p| p.z).fold(f64::NEG_INFINITY, f64::max);
    if !bottom.is_finite() {
        return None;
    }
    let mut layers = vec![0f64; (highest - bottom) as usize + 1];
    for p in &bone {
        layers[(p.z - bottom) as usize] += cell;
    }
    let top = bottom + layers.iter().rposition(|&v| v > 30.0)? as f64;
    let layer =
        |low: f64, high: f64| -> Vec<&Vector3<f64>> { bone.iter().filter(|p| p.z > low && p.z < high).collect() };
    let (left, front) = (span(&layer(top - 1.0, top + 1.0), 0)?, span(&layer(top - 1.0, top + 1.0), 1)?);
    let half_width = (left[1] - left[0] + front[1] - front[0]) / 4.0;
    let height = VERTEX_MM * (1.0 - (half_width / HALF_WIDTH_MM).powi(2)).max(0.01).sqrt();
    let bottom = top - height;
    let slab = layer(bottom, (top - 20.0).max(bottom + 20.0));
    let middle = |axis: usize| span(&slab, axis).map(|[low, high]| (low + high) / 2.0);
    Some(Point3::new(middle(0)?, middle(1)?, bottom))
}

/// Where points begin and end along an axis, strays left out.
fn span(points: &[&Vector3<f64>], axis: usize) -> Option<[f64; 2]> {
    let mut values: Vec<f64> = points.iter().map(|p| p[axis]).collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len().checked_sub(1)? as f64) as usize).copied();
    Some([at(0.005)?, at(0.995)?])
}

/// Head shapes to start from (scales along the head axes): as found, short and broad, long and narrow.
const BUILDS: [[f64; 3]; 3] = [[1.0; 3], [0.93, 1.12, 1.0], [1.06, 0.94, 1.0]];

/// Start poses: turned about the vertical, tilted to all sides, and shifted along the vertical.
fn starts(centre: &Point3<f64>) -> Vec<Pose> {
    let mut turns = Vec::new();
    for yaw_deg in [0f64, 35.0, -35.0, 70.0, -70.0] {
        let yaw = Rotation3::new(Vector3::z() * yaw_deg.to_radians());
        turns.push(yaw);
        for (tilt_deg, sides) in [(30f64, 6), (58.0, 8)] {
            for side in 0..sides {
                let (sin, cos) = (std::f64::consts::TAU * f64::from(side) / f64::from(sides)).sin_cos();
                turns.push(yaw * Rotation3::new(Vector3::new(cos, sin, 0.0) * tilt_deg.to_radians()));
            }
        }
    }
    turns.extend([110f64, -110.0, 145.0, -145.0, 180.0].map(|deg| Rotation3::new(Vector3::z() * deg.to_radians())));
    let mut poses = Vec::new();
    for turn in &turns {
        for up_mm in [0.0, -15.0, 20.0] {
            let mut pose = Pose::at(centre + Vector3::z() * up_mm);
            pose.rotation = turn.into_inner();
            poses.push(pose);
        }
    }
    poses
}

/// Of starts aligned with few points, this many are aligned with all.
const PROMISING: usize = 20;

/// Best of many starts against a mean surface, at most `keep` distinct ones; empty when nothing fits at all.
pub(crate) fn best_start(points: &[Point3<f64>], centre: &Point3<f64>, surface: &MeanSurface, keep: usize) -> Vec<Fit> {
    let first = Schedule { iterations: 14, cut_mm: [25.0, 10.0], kappa: 1.0, scaled: true };
    let quick = Schedule { iterations: 16, cut_mm: [16.0, 8.0], kappa: 1.0, scaled: true };
    let finer = Schedule { iterations: 12, cut_mm: [8.0, 5.0], kappa: 1.0, scaled: true };
    let few: Vec<Point3<f64>> = points.iter().step_by((points.len() / 400).max(1)).copied().collect();
    let rough: Vec<Fit> = starts(centre).par_iter().map(|start| align(&few, start, surface, &first)).collect();
    let fits: Vec<Fit> = distinct(rough, PROMISING)
        .par_iter()
        .map(|fit| align(points, &align(points, &fit.pose, surface, &quick).pose, surface, &finer))
        .collect();
    distinct(fits, keep)
}

/// The best of fits, at most `keep`, no two of nearly the same pose.
fn distinct(mut fits: Vec<Fit>, keep: usize) -> Vec<Fit> {
    // Stable, so that equal scores keep the order of the starts.
    fits.sort_by(|a, b| b.score().total_cmp(&a.score()));
    let mut chosen: Vec<Fit> = Vec::new();
    for fit in fits {
        let same = |other: &Fit| {
            (other.pose.centre - fit.pose.centre).norm() < 3.0
                && (other.pose.rotation - fit.pose.rotation).amax() < 0.05
        };
        if chosen.len() < keep && !chosen.iter().any(same) {
            chosen.push(fit);
        }
    }
    chosen
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
    let centre = guess_centre(volume, iso)?;
    let points = outer_points(&search.source, &centre, 1500);
    let candidates = best_start(&points, &centre, &search.surface, 8);
    let mut heads: Vec<Head> = Vec::new();
    for fit in &candidates {
        let mut sure = false;
        for build in BUILDS {
            let mut pose = fit.pose.clone();
            pose.scales.component_mul_assign(&Vector3::from(build));
            let head = search.recast(&pose, 2000, CUT_MM);
            let head = search.recast(&head.fit.pose, 2000, CUT_MM);
            sure = head.fit.inlier_share > SURE_INLIERS && head.covered > SURE_COVERED && head.scanned > SURE_COVERED;
            heads.push(head);
            if sure {
                break;
            }
        }
        if sure {
            break;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell of 80 mm about the origin, cut off at a height.
    fn bowl(cut_mm: f64) -> Volume<u8> {
        let size = [90, 90, ((cut_mm.min(84.0) + 60.0) / 2.0) as usize];
        let grid = Grid::axis_aligned(size, [2.0; 3], Point3::new(-89.0, -89.0, -60.0));
        let bone = |o: usize| {
            let [x, y, z] = grid.index(o);
            let r = grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64)).coords.norm();
            u8::from((74.0..80.0).contains(&r))
        };
        Volume::new(grid.clone(), (0..grid.len()).map(bone).collect())
    }

    #[test]
    fn the_centre_is_guessed_whether_the_vertex_is_there_or_not() {
        for cut_mm in [90.0, 60.0, 40.0] {
            let centre = guess_centre(&bowl(cut_mm), 0.5).expect("bone");
            assert!(centre.coords.norm() < 12.0, "{cut_mm}: {centre}");
        }
    }
}
