//! A two-valued mask as shares of bone on a coarser grid, so that its surface has no stairs.

use crate::geometry::{Grid, Volume};
use nalgebra::Vector3;
use rayon::prelude::*;

/// Value of a cell full of bone; the surface is at half of it.
pub(crate) const FULL: u8 = 200;

/// Share of bone (0 to [`FULL`]) in cells of near 0.9 mm along the mask's own axes, cropped to the bone and a margin
/// of two cells. `None` when the mask is empty.
pub(crate) fn occupancy(mask: &Volume<u8>) -> Option<Volume<u8>> {
    let grid = &mask.grid;
    let (low, high) = bounds(mask)?;
    let factor: [usize; 3] = std::array::from_fn(|a| (0.9 / grid.spacing_mm[a]).round().max(1.0) as usize);
    // Cell (0,0,0) starts two cells before the first bone voxel, which may lie outside of the mask.
    let first: [isize; 3] = std::array::from_fn(|a| low[a] as isize - 2 * factor[a] as isize);
    let size: [usize; 3] = std::array::from_fn(|a| (high[a] - low[a]) / factor[a] + 5);
    let middle = Vector3::from_fn(|a, _| first[a] as f64 + (factor[a] as f64 - 1.0) / 2.0);
    let coarse = Grid {
        size,
        spacing_mm: std::array::from_fn(|a| grid.spacing_mm[a] * factor[a] as f64),
        origin_mm: grid.lps_from_index(&middle),
        direction: grid.direction,
    };
    let cell = factor.iter().product::<usize>() as u32;
    let mut data = vec![0u8; coarse.len()];
    data.par_chunks_mut(size[0] * size[1]).enumerate().for_each(|(z, slice)| {
        let mut sums = vec![0u32; slice.len()];
        for fz in span(first[2], z, factor[2], grid.size[2]) {
            for y in 0..size[1] {
                for fy in span(first[1], y, factor[1], grid.size[1]) {
                    let row = grid.offset(0, fy, fz);
                    for x in 0..size[0] {
                        for fx in span(first[0], x, factor[0], grid.size[0]) {
                            sums[x + size[0] * y] += u32::from(mask.data[row + fx] != 0);
                        }
                    }
                }
            }
        }
        for (out, sum) in slice.iter_mut().zip(sums) {
            *out = (sum * u32::from(FULL) / cell) as u8;
        }
    });
    Some(Volume::new(coarse, data))
}

/// Fine indices of a coarse one that lie within the mask.
fn span(first: isize, coarse: usize, factor: usize, size: usize) -> std::ops::Range<usize> {
    let start = first + (coarse * factor) as isize;
    let clip = |v: isize| v.clamp(0, size as isize) as usize;
    clip(start)..clip(start + factor as isize)
}

/// Smallest and largest index of the nonzero voxels along each axis.
pub(crate) fn bounds(mask: &Volume<u8>) -> Option<([usize; 3], [usize; 3])> {
    let [nx, ny, nz] = mask.grid.size;
    let rows: Vec<Option<(usize, usize)>> = mask
        .data
        .par_chunks(nx)
        .map(|row| Some((row.iter().position(|&v| v != 0)?, row.iter().rposition(|&v| v != 0)?)))
        .collect();
    let mut low = [usize::MAX; 3];
    let mut high = [0usize; 3];
    for z in 0..nz {
        for y in 0..ny {
            if let Some((x0, x1)) = rows[y + ny * z] {
                for (axis, (a, b)) in [(x0, x1), (y, y), (z, z)].into_iter().enumerate() {
                    low[axis] = low[axis].min(a);
                    high[axis] = high[axis].max(b);
                }
            }
        }
    }
    (low[0] != usize::MAX).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;

    #[test]
    fn a_ball_keeps_its_volume_and_place() {
        let grid = Grid::axis_aligned([70, 60, 50], [0.45, 0.45, 0.6], Point3::new(-15.0, -13.0, -14.0));
        let inside = |o: usize| {
            let [x, y, z] = grid.index(o);
            grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64)).coords.norm() < 10.0
        };
        let mask = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(inside(o))).collect());
        let coarse = occupancy(&mask).expect("the ball is not empty");
        assert_eq!(coarse.grid.spacing_mm[0], 0.9);
        let fine: f64 = mask.data.iter().map(|&v| v as f64).sum::<f64>() * grid.voxel_mm3();
        let full = f64::from(FULL);
        let share: f64 = coarse.data.iter().map(|&v| v as f64 / full).sum::<f64>() * coarse.grid.voxel_mm3();
        assert!((share / fine - 1.0).abs() < 0.005, "{share} {fine}");
        let at = |p: [f64; 3]| coarse.sample_lps(&Point3::from(p), 0.0);
        assert_eq!(at([0.0; 3]), full as f32);
        for axis in 0..3 {
            let mut p = [0.0; 3];
            p[axis] = 10.0;
            assert!((at(p) / full as f32 - 0.5).abs() < 0.35);
        }
    }

    #[test]
    fn an_empty_mask_has_no_bounds() {
        let mask = Volume::filled(Grid::axis_aligned([3, 3, 3], [1.0; 3], Default::default()), 0u8);
        assert!(bounds(&mask).is_none() && occupancy(&mask).is_none());
    }
}
