//! How well a reconstruction meets the truth: the definitions of the AutoImplant challenge, on the scan's own grid.

mod overlap;
mod surface_distance;

pub use overlap::{border_dice, dice};
pub use surface_distance::{SurfaceDistances, percentile, surface_distances};

use crate::geometry::{Grid, Volume};

/// Figures of one predicted implant against the true one.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// 2|P∩G| / (|P|+|G|).
    pub dice: f64,
    /// The same within 10 mm of the defective skull.
    pub border_dice: f64,
    /// Largest distance between the surfaces' voxels, mm.
    pub hausdorff_mm: f64,
    /// 95th percentile of both directed sets pooled, mm.
    pub hausdorff95_mm: f64,
    /// Mean of the pooled set, mm.
    pub mean_distance_mm: f64,
    /// Share of the pooled set within 1 mm.
    pub within_1mm: f64,
    /// |P|/|G| − 1.
    pub volume_error: f64,
    /// Both masks are empty, and the overlap is 1 by convention.
    pub empty: bool,
}

/// Scores an implant mask. All three volumes lie on one grid with orthogonal axes; nonzero is set.
pub fn score(defective: &Volume<u8>, truth: &Volume<u8>, predicted: &Volume<u8>) -> Scores {
    let count = |v: &Volume<u8>| v.data.iter().filter(|&&x| x != 0).count();
    let (p, g) = (count(predicted), count(truth));
    let distances = surface_distances(predicted, truth);
    Scores {
        dice: dice(predicted, truth),
        border_dice: border_dice(defective, predicted, truth, 10.0),
        hausdorff_mm: distances.hausdorff(),
        hausdorff95_mm: distances.hausdorff95(),
        mean_distance_mm: distances.mean(),
        within_1mm: distances.share_within(1.0),
        volume_error: p as f64 / g as f64 - 1.0,
        empty: p == 0 && g == 0,
    }
}

/// First and last index of what is set in any of the masks, widened by `margin` voxels; `None` when nothing is.
fn bounding_box(masks: &[&Volume<u8>], margin: [usize; 3]) -> Option<([usize; 3], [usize; 3])> {
    let grid = &masks[0].grid;
    let (mut low, mut high) = ([usize::MAX; 3], [0usize; 3]);
    for mask in masks {
        for (row, line) in mask.data.chunks(grid.size[0]).enumerate() {
            let Some(first) = line.iter().position(|&v| v != 0) else { continue };
            let last = line.iter().rposition(|&v| v != 0).unwrap_or(first);
            let (y, z) = (row % grid.size[1], row / grid.size[1]);
            for (k, (a, b)) in [(first, last), (y, y), (z, z)].into_iter().enumerate() {
                low[k] = low[k].min(a);
                high[k] = high[k].max(b);
            }
        }
    }
    if low[0] == usize::MAX {
        return None;
    }
    for k in 0..3 {
        low[k] = low[k].saturating_sub(margin[k]);
        high[k] = (high[k] + margin[k]).min(grid.size[k] - 1);
    }
    Some((low, high))
}

/// The part of a mask between two indices (both kept).
fn crop(mask: &Volume<u8>, low: [usize; 3], high: [usize; 3]) -> Volume<u8> {
    let size = std::array::from_fn(|k| high[k] - low[k] + 1);
    // Where the piece lies does not matter to distances between voxels.
    let grid = Grid { size, ..mask.grid.clone() };
    let mut data = Vec::with_capacity(grid.len());
    for z in low[2]..=high[2] {
        for y in low[1]..=high[1] {
            let from = mask.grid.offset(low[0], y, z);
            data.extend_from_slice(&mask.data[from..from + size[0]]);
        }
    }
    Volume::new(grid, data)
}

#[cfg(test)]
mod tests;
