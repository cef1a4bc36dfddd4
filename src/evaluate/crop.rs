use crate::geometry::{Grid, Volume};
use rayon::prelude::*;

/// First and last index of what is set in any of the masks, widened by `margin` voxels; `None` when nothing is.
pub(super) fn bounding_box(masks: &[&Volume<u8>], margin: [usize; 3]) -> Option<([usize; 3], [usize; 3])> {
    let grid = &masks[0].grid;
    let row = grid.size[0];
    let none = ([usize::MAX; 3], [0usize; 3]);
    let join = |a: ([usize; 3], [usize; 3]), b: ([usize; 3], [usize; 3])| {
        (std::array::from_fn(|k| a.0[k].min(b.0[k])), std::array::from_fn(|k| a.1[k].max(b.1[k])))
    };
    let (mut low, mut high) = masks
        .iter()
        .map(|mask| {
            let slices = mask.data.par_chunks(row * grid.size[1]).enumerate();
            slices
                .map(|(z, slice)| {
                    let mut found = none;
                    for (y, line) in slice.chunks(row).enumerate() {
                        // Whole rows are empty most of the time; a sum over bytes is the fastest look.
                        if line.iter().fold(0u8, |any, v| any | v) == 0 {
                            continue;
                        }
                        let first = line.iter().position(|&v| v != 0).unwrap_or(0);
                        let last = line.iter().rposition(|&v| v != 0).unwrap_or(first);
                        found = join(found, ([first, y, z], [last, y, z]));
                    }
                    found
                })
                .reduce(|| none, join)
        })
        .fold(none, join);
    if low[0] == usize::MAX {
        return None;
    }
    for k in 0..3 {
        low[k] = low[k].saturating_sub(margin[k]);
        high[k] = (high[k] + margin[k]).min(grid.size[k] - 1);
    }
    Some((low, high))
}

/// The part of a mask between two indices (both kept), as 0 and 1.
pub(super) fn crop(mask: &Volume<u8>, low: [usize; 3], high: [usize; 3]) -> Volume<u8> {
    let size = std::array::from_fn(|k| high[k] - low[k] + 1);
    // Where the piece lies does not matter to distances between voxels.
    let grid = Grid { size, ..mask.grid.clone() };
    let mut data = Vec::with_capacity(grid.len());
    for z in low[2]..=high[2] {
        for y in low[1]..=high[1] {
            let from = mask.grid.offset(low[0], y, z);
            data.extend(mask.data[from..from + size[0]].iter().map(|&v| u8::from(v != 0)));
        }
    }
    Volume::new(grid, data)
}

/// A margin in voxels that holds a length in mm.
pub(super) fn margin(grid: &Grid, length_mm: f64) -> [usize; 3] {
    grid.spacing_mm.map(|s| (length_mm / s).ceil() as usize + 1)
}
