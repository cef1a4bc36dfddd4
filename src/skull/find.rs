//! The head in a scan without a click: many start poses, the best alignment to the mean vault.

use super::mean_vault::MeanVault;
use super::pose::{Fit, MeanSurface, Pose, Schedule, align};
use super::rays::{RaySource, even_directions};
use crate::geometry::Volume;
use nalgebra::{Point3, Rotation3, Vector3};
use rayon::prelude::*;

/// Height of the vertex above the head's centre, mm.
const VERTEX_MM: f64 = 75.0;

/// A found head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub fit: Fit,
    /// Share of the vault's directions where bone lies near the mean vault, 0..1.
    pub covered: f64,
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

/// First guess of the head's centre: 75 mm below the top of the bone, in the middle of what lies 20 to 75 mm below it.
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
    let slab: Vec<&Vector3<f64>> = bone.iter().filter(|p| p.z > top - VERTEX_MM && p.z < top - 20.0).collect();
    let middle = |axis: usize| {
        let mut values: Vec<f64> = slab.iter().map(|p| p[axis]).collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64) as usize];
        (at(0.005) + at(0.995)) / 2.0
    };
    if slab.is_empty() {
        return None;
    }
    Some(Point3::new(middle(0), middle(1), top - VERTEX_MM))
}

/// Head shapes to start from (scales along the head axes): as found, short and broad, long and narrow.
const BUILDS: [[f64; 3]; 3] = [[1.0; 3], [0.93, 1.12, 1.0], [1.06, 0.94, 1.0]];

/// Start poses: turned about each axis and shifted.
fn starts(centre: &Point3<f64>) -> Vec<Pose> {
    let mut turns = vec![Vector3::zeros()];
    for deg in [20f64, 40.0, 60.0] {
        for axis in [Vector3::x(), -Vector3::x(), Vector3::y(), -Vector3::y()] {
            turns.push(axis * deg.to_radians());
        }
    }
    turns.extend([40f64, -40.0, 90.0, -90.0, 180.0].map(|deg| Vector3::z() * deg.to_radians()));
    let shifts = [[0.0; 3], [0.0, -15.0, -15.0], [0.0, 15.0, -15.0], [0.0, 0.0, 25.0]];
    let mut poses = Vec::new();
    for turn in &turns {
        for shift in shifts {
            let mut pose = Pose::at(centre + Vector3::from(shift));
            pose.rotation = Rotation3::new(*turn).into_inner();
            poses.push(pose);
        }
    }
    poses
}

/// Best of many starts against a mean surface; `None` when nothing fits at all.
pub(crate) fn best_start(points: &[Point3<f64>], centre: &Point3<f64>, surface: &MeanSurface, keep: usize) -> Vec<Fit> {
    let quick = Schedule { iterations: 20, cut_mm: [25.0, 8.0], kappa: 1.0, scaled: true };
    let finer = Schedule { iterations: 12, cut_mm: [8.0, 5.0], kappa: 1.0, scaled: true };
    let mut fits: Vec<Fit> = starts(centre)
        .par_iter()
        .map(|start| align(points, &align(points, start, surface, &quick).pose, surface, &finer))
        .collect();
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

/// Finds the head: start centre, many starts, then rays cast anew from the found centre.
pub(crate) fn find_head<T: Copy + Into<f32> + Sync>(volume: &Volume<T>, iso: f32, mean: &MeanVault) -> Option<Head> {
    let source = RaySource::new(volume, iso);
    let surface = MeanSurface::new(&mean.disc, &mean.outer_mm);
    let centre = guess_centre(volume, iso)?;
    let points = outer_points(&source, &centre, 1500);
    let candidates = best_start(&points, &centre, &surface, 4);
    let mut heads = Vec::new();
    for fit in &candidates {
        for build in BUILDS {
            let mut pose = fit.pose.clone();
            pose.scales.component_mul_assign(&Vector3::from(build));
            let head = recast(&source, &pose, mean, &surface, 2000);
            heads.push(recast(&source, &head.fit.pose, mean, &surface, 2000));
        }
    }
    heads.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let best = heads.first()?;
    let head = recast(&source, &best.fit.pose, mean, &surface, 5000);
    Some(recast(&source, &head.fit.pose, mean, &surface, 5000))
}

/// Bone near the whole mean vault counts as much as points that fit: a small patch may fit anything.
fn rank(head: &Head) -> f64 {
    head.fit.score() + head.covered
}

/// Rays toward the mean vault from a pose, and the pose aligned to what they hit.
fn recast<T: Copy + Into<f32> + Sync>(
    source: &RaySource<T>,
    pose: &Pose,
    mean: &MeanVault,
    surface: &MeanSurface,
    count: usize,
) -> Head {
    let directions: Vec<Vector3<f64>> = even_directions(count, LOWEST_VAULT).into_iter().collect();
    let rays: Vec<(Vector3<f64>, f64)> = directions
        .iter()
        .map(|d| {
            let (ray, unit) = pose.lps_ray(d);
            (ray, mean.outer_at(d) / unit)
        })
        .collect();
    let hits = source.cast(&pose.centre, &rays);
    let (mut points, mut expected, mut near, mut met) = (Vec::new(), 0usize, 0usize, 0usize);
    for ((d, (ray, outer)), hit) in directions.iter().zip(&rays).zip(&hits) {
        let r = f64::from(hit.outer_mm);
        let vault = mean.in_vault(d);
        expected += usize::from(vault);
        near += usize::from(vault && (r - outer).abs() < 6.0);
        met += usize::from(vault && r.is_finite());
        // A little beyond the vault's border, where brow and mastoid hold the pose.
        if r < 145.0 && (vault || mean.pixel(d).is_some_and(|o| mean.share[o] > 0.9)) {
            points.push(pose.centre + ray * r);
        }
    }
    let share = |n: usize| n as f64 / expected.max(1) as f64;
    let covered = share(near);
    // With much bone missing one length is poorly seen: the scales are held together more strongly.
    let kappa = if share(met) < 0.97 { 1.0 } else { 0.2 };
    let schedule =
        Schedule { iterations: 20, cut_mm: [if covered < 0.9 { 20.0 } else { 10.0 }, 5.0], kappa, scaled: true };
    let fit = align(&points, pose, surface, &schedule);
    Head { fit, covered }
}

/// Directions below this height (cosine to +z) are not part of any vault.
const LOWEST_VAULT: f64 = -0.34;
