//! Which bone each direction of the mean vault belongs to, from a skull whose bones are labelled.

use super::BuildError;
use crate::geometry::Volume;
use crate::skull::find::find_head;
use crate::skull::map::{convolve, fill_nearest, mirrored};
use crate::skull::mean_vault::MeanVault;
use crate::skull::occupancy::{FULL, occupancy};
use crate::skull::rays::RaySource;
use nalgebra::Vector3;

/// Labels of the BodyParts3D skull, and the names of `MeanVault::bone`: the sphenoid's greater wing lies in the temple
/// and counts as temporal.
const NAMES: [(u8, u8); 7] = [(1, 1), (2, 2), (3, 2), (4, 4), (5, 3), (6, 3), (7, 3)];

/// Fills `vault.bone` from a labelled skull (labels 1 frontal, 2 and 3 parietal, 4 occipital, 5 and 6 temporal,
/// 7 sphenoid; others are not vault): aligned to the mean, read along the rays just below the outer surface, made
/// symmetric and filled.
pub fn name_bones(vault: &mut MeanVault, labels: &Volume<u8>) -> Result<(), BuildError> {
    let name = |label: u8| NAMES.iter().find(|(l, _)| *l == label).map_or(0, |(_, n)| *n);
    let skull = labels.map(|l| u8::from(name(l) != 0));
    let shares = occupancy(&skull).ok_or(BuildError::Labels { share_percent: 0.0 })?;
    let iso = f32::from(FULL) / 2.0;
    let head = find_head(&shares, iso, &labels.grid, vault).ok_or(BuildError::Labels { share_percent: 0.0 })?;
    if head.fit.inlier_share < 0.7 {
        return Err(BuildError::Labels { share_percent: head.fit.inlier_share * 100.0 });
    }
    let pose = head.fit.pose;
    let n = vault.disc.size;
    let mut planes = vec![vec![0f32; n * n]; 5];
    let directions: Vec<(usize, Vector3<f64>)> =
        (0..n * n).filter_map(|o| Some((o, vault.disc.direction((o / n) as f64, (o % n) as f64)?))).collect();
    let rays: Vec<(Vector3<f64>, f64)> = directions
        .iter()
        .map(|(_, d)| {
            let (ray, unit) = pose.lps_ray(d);
            (ray, vault.outer_at(d) / unit)
        })
        .collect();
    let hits = RaySource::new(&shares, iso).cast(&pose.centre, &rays);
    for (((o, _), (ray, _)), hit) in directions.iter().zip(&rays).zip(&hits) {
        if !hit.outer_mm.is_finite() {
            continue;
        }
        let below = (1..8).map(|k| f64::from(hit.outer_mm) - 0.5 * f64::from(k));
        let found = below.map(|r| name(nearest(labels, &(pose.centre + ray * r)))).find(|n| *n != 0);
        if let Some(found) = found {
            planes[found as usize][*o] = 1.0;
            planes[found as usize][o / n * n + (n - 1 - o % n)] += 1.0;
        }
    }
    let planes: Vec<Vec<f32>> = planes.iter().map(|p| convolve(p, n, 1.5)).collect();
    let known = |o: usize| {
        let best = (1..5).max_by(|&a, &b| planes[a][o].total_cmp(&planes[b][o])).filter(|&k| planes[k][o] > 0.2);
        best.map_or(f32::NAN, |k| k as f32)
    };
    let map: Vec<f32> = fill_nearest(&(0..n * n).map(known).collect::<Vec<f32>>(), n);
    let other = mirrored(&map, n);
    // Ties between the halves (none but on the midline) go to the left half.
    vault.bone = (0..n * n).map(|o| if o % n < n / 2 { map[o] } else { other[o] } as u8).collect();
    Ok(())
}

fn nearest(labels: &Volume<u8>, lps: &nalgebra::Point3<f64>) -> u8 {
    let index = labels.grid.index_from_lps(lps);
    let size = labels.grid.size;
    if (0..3).any(|a| index[a] < -0.5 || index[a] > size[a] as f64 - 0.5) {
        return 0;
    }
    let at = |a: usize| (index[a].round() as usize).min(size[a] - 1);
    labels.at(at(0), at(1), at(2))
}
