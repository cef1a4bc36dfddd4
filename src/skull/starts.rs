//! Where the search for a head begins: a guess of its centre, and poses about it.

use super::pose::{Fit, MeanSurface, Pose, Schedule, align};
use super::rays::{RaySource, even_directions};
use crate::geometry::Volume;
use nalgebra::{Point3, Rotation3, Vector3};
use rayon::prelude::*;
use std::f64::consts::FRAC_PI_2;

/// Height of the vertex above the head's centre, mm.
const VERTEX_MM: f64 = 75.0;
/// Half width of a head at its centre's height, mean of both horizontal axes, mm.
const HALF_WIDTH_MM: f64 = 80.0;

/// Outer points (LPS) of rays from a centre in all directions above its height, up to 145 mm away, where `upright`
/// turns LPS so that the head stands.
pub(crate) fn outer_points<T: Copy + Into<f32> + Sync>(
    source: &RaySource<T>,
    centre: &Point3<f64>,
    count: usize,
    upright: &Rotation3<f64>,
) -> Vec<Point3<f64>> {
    let rays: Vec<_> = even_directions(count, -0.25).into_iter().map(|d| (upright.inverse() * d, f64::NAN)).collect();
    let hits = source.cast(centre, &rays);
    let point = |((d, _), hit): (&(Vector3<f64>, f64), _)| -> Option<Point3<f64>> {
        let hit: super::RayHit = hit;
        (hit.outer_mm < 145.0).then(|| centre + d * f64::from(hit.outer_mm))
    };
    rays.iter().zip(hits).filter_map(point).collect()
}

/// First guess of the head's centre: 75 mm below the top of the bone, less where the top is a wide ring (a vertex cut
/// off, or a hole there), in the middle of what lies between. `upright` turns LPS so that the head stands.
pub(crate) fn guess_centre<T: Copy + Into<f32> + Sync>(
    volume: &Volume<T>,
    iso: f32,
    upright: &Rotation3<f64>,
) -> Option<Point3<f64>> {
    let grid = &volume.grid;
    // Every second voxel along each axis is enough for a bounding box, and eight times faster.
    let stride = grid.spacing_mm.map(|s| if s < 1.2 { 2usize } else { 1 });
    let matrix = upright * grid.lps_from_index_matrix();
    let origin = upright * grid.origin_mm;
    let rows: Vec<Vec<Vector3<f64>>> = (0..grid.size[2])
        .into_par_iter()
        .step_by(stride[2])
        .map(|z| {
            let mut found = Vec::new();
            for y in (0..grid.size[1]).step_by(stride[1]) {
                for x in (0..grid.size[0]).step_by(stride[0]) {
                    if volume.at(x, y, z).into() >= iso {
                        let index = Vector3::new(x as f64, y as f64, z as f64);
                        found.push((origin + matrix * index).coords);
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
    Some(upright.inverse() * Point3::new(middle(0)?, middle(1)?, bottom))
}

/// Where points begin and end along an axis, strays left out.
fn span(points: &[&Vector3<f64>], axis: usize) -> Option<[f64; 2]> {
    let mut values: Vec<f64> = points.iter().map(|p| p[axis]).collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len().checked_sub(1)? as f64) as usize).copied();
    Some([at(0.005)?, at(0.995)?])
}

/// Start poses: turned about the vertical, tilted to all sides, and shifted along the vertical.
fn starts(centre: &Point3<f64>, upright: &Rotation3<f64>) -> Vec<Pose> {
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
            let mut pose = Pose::at(centre + upright.inverse() * Vector3::z() * up_mm);
            pose.rotation = (turn * upright).into_inner();
            poses.push(pose);
        }
    }
    poses
}

/// Turns of LPS after which a head that lies on its face, its back, an ear or the vertex stands: not every file says
/// truly how its voxels lie.
pub(super) fn lying() -> [Rotation3<f64>; 5] {
    let quarter = |axis: Vector3<f64>, quarters: f64| Rotation3::new(axis * (FRAC_PI_2 * quarters));
    let (x, y) = (Vector3::x(), Vector3::y());
    [quarter(x, 2.0), quarter(x, 1.0), quarter(x, -1.0), quarter(y, 1.0), quarter(y, -1.0)]
}

/// Of starts aligned with few points, this many are aligned with all.
const PROMISING: usize = 20;

/// Best of many starts against a mean surface, at most `keep` distinct ones; empty when nothing fits at all.
pub(crate) fn best_start(
    points: &[Point3<f64>],
    centre: &Point3<f64>,
    upright: &Rotation3<f64>,
    surface: &MeanSurface,
    keep: usize,
) -> Vec<Fit> {
    let first = Schedule { iterations: 14, cut_mm: [25.0, 10.0], kappa: 1.0, scaled: true };
    let quick = Schedule { iterations: 16, cut_mm: [16.0, 8.0], kappa: 1.0, scaled: true };
    let finer = Schedule { iterations: 12, cut_mm: [8.0, 5.0], kappa: 1.0, scaled: true };
    let few: Vec<Point3<f64>> = points.iter().step_by((points.len() / 400).max(1)).copied().collect();
    let rough: Vec<Fit> = starts(centre, upright).par_iter().map(|start| align(&few, start, surface, &first)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

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
            let centre = guess_centre(&bowl(cut_mm), 0.5, &Rotation3::identity()).expect("bone");
            assert!(centre.coords.norm() < 12.0, "{cut_mm}: {centre}");
        }
    }
}
