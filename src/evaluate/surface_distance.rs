use super::crop::{bounding_box, crop};
use super::nearest::Points;
use crate::geometry::Volume;
use rayon::prelude::*;

/// Distances in mm from each surface voxel of one mask to the nearest surface voxel of the other, both ways; exact
/// in double precision.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceDistances {
    /// From the first mask's surface to the second's.
    pub forward_mm: Vec<f64>,
    /// From the second's to the first's.
    pub backward_mm: Vec<f64>,
    /// Both, sorted.
    pooled_mm: Vec<f64>,
}

/// Surface voxels are those with a background face neighbour (beyond the volume is background).
pub fn surface_distances(a: &Volume<u8>, b: &Volume<u8>) -> SurfaceDistances {
    let none = SurfaceDistances { forward_mm: Vec::new(), backward_mm: Vec::new(), pooled_mm: Vec::new() };
    let Some((low, high)) = bounding_box(&[a, b], [0; 3]) else { return none };
    Surface::new(&crop(a, low, high)).distances(&Surface::new(&crop(b, low, high)))
}

/// A mask's surface voxels, ready to be asked how far they are.
pub(super) struct Surface {
    at_mm: Vec<[f64; 3]>,
    tree: Points,
}

impl Surface {
    /// The surface of a crop that cuts nothing off.
    pub(super) fn new(mask: &Volume<u8>) -> Self {
        let at_mm = surface_mm(mask);
        Self { tree: Points::new(at_mm.clone()), at_mm }
    }

    /// From this surface to another and back; both of one crop.
    pub(super) fn distances(&self, other: &Surface) -> SurfaceDistances {
        let forward_mm = other.tree.distances(&self.at_mm);
        let backward_mm = self.tree.distances(&other.at_mm);
        let mut pooled_mm: Vec<f64> = forward_mm.iter().chain(&backward_mm).copied().collect();
        pooled_mm.sort_unstable_by(f64::total_cmp);
        SurfaceDistances { forward_mm, backward_mm, pooled_mm }
    }
}

/// Positions (index times spacing, mm) of the voxels that the erosion by the six face neighbours takes away. The
/// crop cuts nothing off, so its border is background.
fn surface_mm(mask: &Volume<u8>) -> Vec<[f64; 3]> {
    let [nx, ny, nz] = mask.grid.size;
    let spacing = mask.grid.spacing_mm;
    let slice_points = |z: usize| {
        let mut points = Vec::new();
        for y in 0..ny {
            let row = mask.grid.offset(0, y, z);
            let edge = y == 0 || z == 0 || y + 1 == ny || z + 1 == nz;
            for x in 0..nx {
                let o = row + x;
                if mask.data[o] == 0 {
                    continue;
                }
                let inner = !edge
                    && x > 0
                    && x + 1 < nx
                    && [1, nx, nx * ny].iter().all(|&s| mask.data[o - s] != 0 && mask.data[o + s] != 0);
                if !inner {
                    points.push([x as f64 * spacing[0], y as f64 * spacing[1], z as f64 * spacing[2]]);
                }
            }
        }
        points
    };
    (0..nz).into_par_iter().map(slice_points).collect::<Vec<_>>().concat()
}

impl SurfaceDistances {
    /// Largest distance, mm; infinite when one mask is empty.
    pub fn hausdorff(&self) -> f64 {
        self.pooled_mm.last().copied().unwrap_or(f64::INFINITY)
    }

    /// 95th percentile of both directions pooled, mm.
    pub fn hausdorff95(&self) -> f64 {
        percentile(&self.pooled_mm, 95.0)
    }

    /// The larger of the two directions' own 95th percentiles, mm.
    pub fn hausdorff95_max(&self) -> f64 {
        let one = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            percentile(&sorted, 95.0)
        };
        one(&self.forward_mm).max(one(&self.backward_mm))
    }

    /// Mean of the pooled distances, mm.
    pub fn mean(&self) -> f64 {
        let n = self.pooled_mm.len();
        if n == 0 { f64::INFINITY } else { self.pooled_mm.iter().sum::<f64>() / n as f64 }
    }

    /// Share of the pooled distances of at most `limit_mm`.
    pub fn share_within(&self, limit_mm: f64) -> f64 {
        self.pooled_mm.partition_point(|d| *d <= limit_mm) as f64 / self.pooled_mm.len().max(1) as f64
    }
}

/// Percentile of sorted values, linear between neighbours (numpy's default); infinite when there are none.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    if sorted.is_empty() {
        return f64::INFINITY;
    }
    let h = percent / 100.0 * (sorted.len() - 1) as f64;
    let low = h.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    // Equal neighbours (infinities among them) need no interpolation.
    if sorted[low] == sorted[high] {
        sorted[low]
    } else {
        sorted[low] + (h - low as f64) * (sorted[high] - sorted[low])
    }
}
