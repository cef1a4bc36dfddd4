use super::Completion;
use crate::geometry::{Grid, Volume, largest_component};
use crate::skull::Skull;
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

/// The removed bone on a grid: between the completed tables, over the hole and its cut walls, and not bone now.
pub(super) fn implant_mask(completion: &Completion, skull: &Skull, grid: &Grid) -> Volume<u8> {
    let mut mask = Volume::filled(grid.clone(), 0u8);
    let Some((low, high)) = index_box(completion, grid) else { return mask };
    let size = [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1];
    let corner = Vector3::new(low[0] as f64, low[1] as f64, low[2] as f64);
    let local = Grid { size, origin_mm: grid.lps_from_index(&corner), ..grid.clone() };
    let inside = Inside::new(completion);
    let same_grid = grid.matches(&skull.intensity.grid, 1e-6);
    let bone = |x: usize, y: usize, z: usize, lps: &Point3<f64>| -> bool {
        let value = if same_grid {
            f32::from(skull.intensity.at(x + low[0], y + low[1], z + low[2]))
        } else {
            skull.intensity.sample_lps(lps, f32::MIN)
        };
        value >= skull.iso
    };
    let lps_from_index = local.lps_from_index_matrix();
    let slab = size[0] * size[1];
    let mut filled = Volume::filled(local.clone(), 0u8);
    filled.data.par_chunks_mut(slab).enumerate().for_each(|(z, slice)| {
        for (o, voxel) in slice.iter_mut().enumerate() {
            let (x, y) = (o % size[0], o / size[0]);
            let lps = local.origin_mm + lps_from_index * Vector3::new(x as f64, y as f64, z as f64);
            *voxel = u8::from(inside.holds(&completion.frame.head_from_point(&lps)) && !bone(x, y, z, &lps));
        }
    });
    let piece = largest_component(&open_once(&filled), false);
    for z in 0..size[2] {
        for y in 0..size[1] {
            let to = grid.offset(low[0], y + low[1], z + low[2]);
            let from = local.offset(0, y, z);
            mask.data[to..to + size[0]].copy_from_slice(&piece.data[from..from + size[0]]);
        }
    }
    mask
}

/// Whether a point of the head lies between the completed tables over the part's region.
struct Inside<'a> {
    completion: &'a Completion,
    allowed: Vec<f32>,
    radii: [f64; 2],
    cos_reach: f64,
}

impl<'a> Inside<'a> {
    fn new(completion: &'a Completion) -> Self {
        let allowed: Vec<f32> = completion.allowed.iter().map(|&a| f32::from(u8::from(a))).collect();
        let pixels = || completion.allowed.iter().enumerate().filter(|(_, a)| **a).map(|(i, _)| i);
        let low = pixels().map(|i| completion.inner_mm[i]).fold(f32::INFINITY, f32::min);
        let high = pixels().map(|i| completion.outer_mm[i]).fold(0.0, f32::max);
        let centre = completion.disc.frame_from_disc.column(2).into_owned();
        let cos_reach = pixels()
            .filter_map(|i| {
                completion.disc.direction((i / completion.disc.size) as f64, (i % completion.disc.size) as f64)
            })
            .map(|d| d.dot(&centre))
            .fold(1.0, f64::min);
        Self { completion, allowed, radii: [low as f64 - 1.0, high as f64 + 1.0], cos_reach: cos_reach - 0.02 }
    }

    fn holds(&self, head: &Vector3<f64>) -> bool {
        let disc = &self.completion.disc;
        let radius = head.norm();
        if radius < self.radii[0] || radius > self.radii[1] {
            return false;
        }
        if disc.frame_from_disc.column(2).dot(head) < self.cos_reach * radius {
            return false;
        }
        let (row, column) = disc.position(head);
        let radius = radius as f32;
        disc.sample_at(&self.allowed, row, column) >= 0.5
            && radius >= disc.sample_at(&self.completion.inner_mm, row, column)
            && radius <= disc.sample_at(&self.completion.outer_mm, row, column)
    }
}

/// Smallest and largest voxel index around the region, two voxels wider; `None` when it misses the grid.
fn index_box(completion: &Completion, grid: &Grid) -> Option<([usize; 3], [usize; 3])> {
    let index_from_lps = grid.index_from_lps_matrix();
    let mut low = Vector3::repeat(f64::INFINITY);
    let mut high = Vector3::repeat(f64::NEG_INFINITY);
    let size = completion.disc.size;
    for i in (0..completion.allowed.len()).filter(|&i| completion.allowed[i]) {
        let Some(direction) = completion.disc.direction((i / size) as f64, (i % size) as f64) else { continue };
        for radius in [completion.inner_mm[i], completion.outer_mm[i]] {
            let lps = completion.frame.point_from_head(&(direction * radius as f64));
            let index = index_from_lps * (lps - grid.origin_mm);
            low = low.inf(&index);
            high = high.sup(&index);
        }
    }
    let last = Vector3::from_fn(|k, _| (grid.size[k] - 1) as f64);
    if (0..3).any(|k| low[k] > high[k] || high[k] + 2.0 < 0.0 || low[k] - 2.0 > last[k]) {
        return None;
    }
    let clamp = |v: f64, k: usize| v.clamp(0.0, last[k]) as usize;
    let first = std::array::from_fn(|k| clamp((low[k] - 2.0).floor(), k));
    let end = std::array::from_fn(|k| clamp((high[k] + 2.0).ceil(), k));
    Some((first, end))
}

/// Bone is thinner than three voxels of more than this, mm: an opening along them would take it away.
const FINE_MM: f64 = 1.0;

/// Opening by one voxel: erosion and dilation with the face neighbours along fine axes. What lies beyond the grid is
/// not known and takes nothing away.
fn open_once(mask: &Volume<u8>) -> Volume<u8> {
    let grid = &mask.grid;
    let strides = [1, grid.size[0], grid.size[0] * grid.size[1]];
    let step = |source: &[u8], erode: bool| -> Vec<u8> {
        (0..source.len())
            .into_par_iter()
            .map(|o| {
                let index = grid.index(o);
                let mut value = source[o];
                for axis in (0..3).filter(|&axis| grid.spacing_mm[axis] <= FINE_MM) {
                    let before = (index[axis] > 0).then(|| source[o - strides[axis]]);
                    let after = (index[axis] + 1 < grid.size[axis]).then(|| source[o + strides[axis]]);
                    for neighbour in [before, after].into_iter().flatten() {
                        value = if erode { value & neighbour } else { value | neighbour };
                    }
                }
                value
            })
            .collect()
    };
    let eroded = step(&mask.data, true);
    Volume::new(grid.clone(), step(&eroded, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_drops_a_one_voxel_fin_and_keeps_a_block() {
        let grid = Grid::axis_aligned([9, 9, 9], [1.0; 3], Default::default());
        let block = |p: [usize; 3]| p.iter().all(|&v| (2..=5).contains(&v)) || (p[2] == 4 && p[0] == 7 && p[1] == 3);
        let mask = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(block(grid.index(o)))).collect());
        let opened = open_once(&mask);
        assert_eq!(opened.at(7, 3, 4), 0);
        assert_eq!(opened.at(3, 3, 3), 1);
        assert_eq!(opened.at(2, 3, 3), 1);
    }
    #[test]
    fn opening_keeps_bone_of_two_thick_slices_and_bone_at_the_scan_s_end() {
        let grid = Grid::axis_aligned([9, 9, 9], [0.8, 0.8, 2.7], Default::default());
        let plate = |p: [usize; 3]| (2..=6).contains(&p[0]) && (2..=6).contains(&p[1]) && (p[2] == 4 || p[2] == 5);
        let corner = |p: [usize; 3]| (6..9).contains(&p[0]) && (3..=5).contains(&p[1]) && p[2] == 8;
        let whole = |p: [usize; 3]| plate(p) || corner(p);
        let mask = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(whole(grid.index(o)))).collect());
        let opened = open_once(&mask);
        assert_eq!((opened.at(4, 4, 4), opened.at(4, 4, 5), opened.at(4, 4, 6)), (1, 1, 0));
        assert_eq!(opened.at(8, 4, 8), 1);
    }
}
