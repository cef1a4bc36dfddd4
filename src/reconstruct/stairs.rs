//! What a mask's voxels leave open: its surface is a stair, and where the bone's own ran within a step nobody knows.

use super::Completion;
use crate::geometry::Grid;
use crate::skull::Skull;
use nalgebra::Vector3;

/// Adds to the stated deviation what a mask's stairs leave open; a scan in HU, whose surface runs between the voxels, adds
/// nothing.
pub(super) fn widen(completion: &mut Completion, skull: &Skull) {
    if skull.smooth.is_none() {
        return;
    }
    let Completion { disc, frame, hole, uncertainty_mm, .. } = completion;
    for i in (0..hole.len()).filter(|&i| hole[i]) {
        let Some(direction) = disc.direction((i / disc.size) as f64, (i % disc.size) as f64) else { continue };
        let stair = variance_mm2(&skull.intensity.grid, &frame.lps_from_head_direction(&direction)) as f32;
        uncertainty_mm[i] = uncertainty_mm[i].mul_add(uncertainty_mm[i], stair).sqrt();
    }
}

/// Variance of a stair against the surface it stands for, mm², along a unit normal (LPS): a step is anywhere within a voxel,
/// s²/12 of each side's part in the normal.
fn variance_mm2(grid: &Grid, normal: &Vector3<f64>) -> f64 {
    (0..3).map(|k| (grid.spacing_mm[k] * grid.direction.column(k).dot(normal)).powi(2) / 12.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Disc, Progress, Random};
    use crate::phantom::{self, HeadParams};
    use crate::reconstruct::Method;
    use crate::scan::{Scan, Voxels};
    use nalgebra::Point3;

    #[test]
    fn a_masks_band_is_wider_by_its_stairs_and_a_scans_is_not() {
        let head = phantom::head(&HeadParams::small(3), &Progress::new()).expect("a phantom");
        let scan = Scan::new(Voxels::Mask(head.complete), Vec::new());
        let mut skull = crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let disc = Disc::about_z(21, 0.4);
        let hole: Vec<bool> = (0..disc.len()).map(|o| o % 21 > 4).collect();
        let plain = Completion {
            method: Method::Auto,
            frame: skull.frame.clone(),
            outer_mm: vec![80.0; disc.len()],
            inner_mm: vec![74.0; disc.len()],
            allowed: hole.clone(),
            uncertainty_mm: hole.iter().map(|&h| if h { 0.3 } else { 0.0 }).collect(),
            hole,
            disc,
            findings: Vec::new(),
        };
        let mut wider = plain.clone();
        widen(&mut wider, &skull);
        let up = skull.frame.lps_from_head_direction(&Vector3::z());
        let middle = plain.disc.len() / 2;
        let expected = (0.09 + variance_mm2(&skull.intensity.grid, &up)).sqrt() as f32;
        assert!(expected > 0.32 && (wider.uncertainty_mm[middle] - expected).abs() < 1e-5, "{expected}");
        assert_eq!(wider.uncertainty_mm[0], 0.0, "nothing is stated beside the hole");
        skull.smooth = None;
        let mut scanned = plain.clone();
        widen(&mut scanned, &skull);
        assert_eq!(scanned.uncertainty_mm, plain.uncertainty_mm);
    }

    /// Planes at random heights, voxels by their centres, the stair met along the normal from random places.
    #[test]
    fn a_stair_strays_from_its_plane_as_stated() {
        let grid = Grid::axis_aligned([40, 40, 40], [0.5, 0.8, 2.4], Point3::origin());
        let mut random = Random::new(3, 1);
        for normal in [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.5, 0.2, 0.7], [0.2, -0.9, 0.3]] {
            let normal = Vector3::from(normal).normalize();
            let (mut squares, count) = (0.0, 4000);
            for _ in 0..count {
                let place = Vector3::from_fn(|_, _| random.between(-20.0, 20.0));
                let height = random.between(-3.0, 3.0);
                let bone = |along: f64| {
                    let at = place + normal * along;
                    let voxel = Vector3::from_fn(|k, _| (at[k] / grid.spacing_mm[k]).round() * grid.spacing_mm[k]);
                    (voxel - place).dot(&normal) < height
                };
                // The mean of entries and exits where the stair is crossed more than once.
                let step = 0.02;
                let full = (-400..400).filter(|&k| bone(height + f64::from(k) * step)).count();
                squares += ((full as f64 - 400.0) * step).powi(2);
            }
            let (measured, stated) = (squares / f64::from(count), variance_mm2(&grid, &normal));
            assert!((measured / stated - 1.0).abs() < 0.12, "{normal:?}: {measured} of {stated}");
        }
    }
}
