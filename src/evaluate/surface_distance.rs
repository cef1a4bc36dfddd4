use super::{bounding_box, crop};
use crate::geometry::{Volume, distance_to_set_mm};

/// Distances in mm from each surface voxel of one mask to the nearest surface voxel of the other, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceDistances {
    /// From the first mask's surface to the second's.
    pub forward_mm: Vec<f64>,
    /// From the second's to the first's.
    pub backward_mm: Vec<f64>,
}

/// Surface voxels are those with a background face neighbour (beyond the volume is background).
pub fn surface_distances(a: &Volume<u8>, b: &Volume<u8>) -> SurfaceDistances {
    let Some((low, high)) = bounding_box(&[a, b], [0; 3]) else {
        return SurfaceDistances { forward_mm: Vec::new(), backward_mm: Vec::new() };
    };
    let (a, b) = (border(&crop(a, low, high)), border(&crop(b, low, high)));
    let directed = |from: &Volume<u8>, to: &Volume<u8>| -> Vec<f64> {
        let distance = distance_to_set_mm(to);
        from.data.iter().zip(&distance.data).filter(|(v, _)| **v != 0).map(|(_, &d)| d as f64).collect()
    };
    SurfaceDistances { forward_mm: directed(&a, &b), backward_mm: directed(&b, &a) }
}

/// The mask without its erosion by the six face neighbours. The crop cuts nothing off, so its border is background.
fn border(mask: &Volume<u8>) -> Volume<u8> {
    let [nx, ny, nz] = mask.grid.size;
    let data = (0..mask.data.len())
        .map(|o| {
            let [x, y, z] = mask.grid.index(o);
            let inner = x > 0 && y > 0 && z > 0 && x + 1 < nx && y + 1 < ny && z + 1 < nz;
            let whole = inner && [1, nx, nx * ny].iter().all(|&s| mask.data[o - s] != 0 && mask.data[o + s] != 0);
            u8::from(mask.data[o] != 0 && !whole)
        })
        .collect();
    Volume::new(mask.grid.clone(), data)
}

impl SurfaceDistances {
    /// Largest distance, mm; infinite when one mask is empty.
    pub fn hausdorff(&self) -> f64 {
        self.pooled().last().copied().unwrap_or(f64::INFINITY)
    }

    /// 95th percentile of both directions pooled, mm.
    pub fn hausdorff95(&self) -> f64 {
        percentile(&self.pooled(), 95.0)
    }

    /// The larger of the two directions' own 95th percentiles, mm.
    pub fn hausdorff95_max(&self) -> f64 {
        let one = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            percentile(&sorted, 95.0)
        };
        one(&self.forward_mm).max(one(&self.backward_mm))
    }

    /// Mean of the pooled distances, mm.
    pub fn mean(&self) -> f64 {
        let pooled = self.pooled();
        if pooled.is_empty() { f64::INFINITY } else { pooled.iter().sum::<f64>() / pooled.len() as f64 }
    }

    /// Share of the pooled distances of at most `limit_mm`.
    pub fn share_within(&self, limit_mm: f64) -> f64 {
        let pooled = self.pooled();
        pooled.iter().filter(|d| **d <= limit_mm).count() as f64 / pooled.len().max(1) as f64
    }

    fn pooled(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.forward_mm.iter().chain(&self.backward_mm).copied().collect();
        all.sort_by(f64::total_cmp);
        all
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
