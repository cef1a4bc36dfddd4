//! Grid and voxels → a [`Scan`]: sanity of the grid, findings about the values, the hash.

use super::collect::{Collected, Collector};
use super::error::Error;
use super::place::Place;
use super::{Finding, Scan, Voxels};
use crate::geometry::{Grid, Volume};
use nalgebra::{Matrix3, Point3};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Voxels of a head scan are neither finer nor coarser (clinical CT 0.2–5 mm, cone beam from 0.075 mm).
const VOXEL_MM: std::ops::RangeInclusive<f64> = 0.02..=20.0;

/// Index axes further from perpendicular than this make no grid, degrees (rounding in headers stays far below): a third axis
/// that leans further is set straight where it can be (`place`), all else is refused.
pub(super) const MAX_SHEAR_DEG: f64 = 0.5;

/// Refuses voxel sides that no head scan has.
pub(super) fn checked_sides(path: &Path, spacing_mm: [f64; 3]) -> Result<(), Error> {
    let Some(bad) = spacing_mm.iter().find(|s| s.is_finite() && !VOXEL_MM.contains(s)) else { return Ok(()) };
    let (low, high) = (VOXEL_MM.start(), VOXEL_MM.end());
    let what = format!("a voxel side of {bad} mm is outside of {low} to {high} mm");
    Err(Error::VoxelSize { path: path.to_owned(), what })
}

/// How far two index axes are from perpendicular, degrees.
pub(super) fn shear_deg(direction: &Matrix3<f64>, a: usize, b: usize) -> f64 {
    90.0 - direction.column(a).dot(&direction.column(b)).clamp(-1.0, 1.0).abs().acos().to_degrees()
}

/// A grid that can be a head scan's, or why not.
pub(super) fn checked_grid(
    path: &Path,
    size: [usize; 3],
    spacing_mm: [f64; 3],
    origin_mm: Point3<f64>,
    direction: Matrix3<f64>,
) -> Result<Grid, Error> {
    checked_sides(path, spacing_mm)?;
    let grid = Grid::new(size, spacing_mm, origin_mm, direction)
        .map_err(|source| Error::Geometry { path: path.to_owned(), source })?;
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let shear = shear_deg(&direction, a, b);
        if shear > MAX_SHEAR_DEG {
            return Err(Error::unsupported(
                path,
                format!("the voxel axes are {shear:.1}° off the right angle"),
                "resample the scan to perpendicular axes",
            ));
        }
    }
    Ok(grid)
}

/// The scan of collected voxels, put where they belong; findings in the order met.
pub(super) fn scan(place: Place, collector: Collector, mut findings: Vec<Finding>, path: &Path) -> Result<Scan, Error> {
    let (collected, noticed) = collector.finish()?;
    findings.extend(place.findings);
    findings.extend(about_place(&place.grid));
    findings.extend(noticed);
    let voxels = match collected {
        Collected::Hu(mut data) => {
            findings.extend(about_hu(&data));
            if let Some(repair) = place.repair {
                // Unscaled numbers have no −1024: what lies outside must not look like any.
                let outside = range(&data).0.max(-1024);
                data = repair.apply(&data, outside, |v| v.round() as i16, path)?;
            }
            Voxels::Hu(Volume::new(place.grid, data))
        }
        Collected::Mask(mut data) => {
            if let Some(repair) = place.repair {
                data = repair.apply(&data, 0, |v| u8::from(v >= 0.5), path)?;
            }
            Voxels::Mask(Volume::new(place.grid, data))
        }
    };
    Ok(Scan::new(voxels, findings))
}

/// Meshes are written in single precision, which so far from the origin tells no two points 0.004 mm apart.
fn about_place(grid: &Grid) -> Option<Finding> {
    const FAR_MM: f64 = 50_000.0;
    let (low, high) = grid.bounds_mm();
    let far = low.coords.amax().max(high.coords.amax());
    (far > FAR_MM).then(|| {
        Finding::new(format!(
            "The scan lies {:.0} m from where its coordinates begin; a part exported there is rounded to more than 0.004 mm. \
             Check the origin in the file's header.",
            far / 1e3
        ))
    })
}

/// What the range of the values says about them.
fn about_hu(data: &[i16]) -> Vec<Finding> {
    let (low, high) = range(data);
    if low == high {
        return vec![Finding::new(format!("Every voxel has the value {low}; there is nothing to see in this scan."))];
    }
    let mut findings = Vec::new();
    if low < -1024 {
        let n = data.par_iter().filter(|&&v| v < -1024).count();
        findings.push(Finding::new(format!(
            "{n} voxels lie below −1024 HU (down to {low}): padding around the scanned circle; it counts as air."
        )));
    }
    if low >= 0 && high > 300 {
        findings.push(Finding::new(format!(
            "No value is below 0 (range {low} to {high}), though air measures about −1000 HU: \
             the file may hold unscaled numbers, and bone thresholds may not fit."
        )));
    }
    findings
}

/// Smallest and largest value (0, 0 when there is none).
pub(super) fn range(data: &[i16]) -> (i16, i16) {
    data.par_iter()
        .fold(|| (i16::MAX, i16::MIN), |(low, high), &v| (low.min(v), high.max(v)))
        .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or_default()
}

/// SHA-256 (hex) of grid and voxels: the same for the same content in any format.
pub(super) fn hash(voxels: &Voxels) -> String {
    let grid = voxels.grid();
    let mut sha = Sha256::new();
    sha.update(b"calvaria scan 1\0");
    sha.update([matches!(voxels, Voxels::Mask(_)) as u8]);
    grid.size.iter().for_each(|&s| sha.update((s as u64).to_le_bytes()));
    let numbers = grid.spacing_mm.iter().chain(grid.origin_mm.iter()).chain(grid.direction.iter());
    // Adding 0.0 makes −0.0 and 0.0 one.
    numbers.for_each(|v| sha.update((v + 0.0).to_le_bytes()));
    match voxels {
        Voxels::Mask(volume) => sha.update(&volume.data),
        Voxels::Hu(volume) => {
            let mut bytes = Vec::with_capacity(1 << 17);
            for chunk in volume.data.chunks(1 << 16) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|v| v.to_le_bytes()));
                sha.update(&bytes);
            }
        }
    }
    sha.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
