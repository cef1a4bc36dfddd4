//! A skull and its implant on another grid: turned, coarser, finer; or on their own with the surface moved.

use crate::geometry::{Grid, Volume};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// Blocks of this many voxels a side are looked at together: most hold one thing only.
const BLOCK: usize = 4;
/// New voxels looked at together.
const RUN: usize = 16;

/// How the new voxels see the old ones.
pub(super) struct Sight {
    /// Old index = `matrix` · new index + `offset`.
    pub matrix: Matrix3<f64>,
    /// See `matrix`.
    pub offset: Vector3<f64>,
    /// Sides of the box a new voxel is the mean of, old voxels along the old axes.
    pub box_voxels: [f64; 3],
}

/// Defective skull and implant on a new grid; together they are what becomes of the complete skull, and each of its
/// voxels belongs to the one that has the larger share in it.
pub(super) fn resampled(defective: &Volume<u8>, implant: &Volume<u8>, grid: &Grid, sight: &Sight) -> [Volume<u8>; 2] {
    let coarse = Coarse::new(defective, implant);
    let points = box_points(&sight.box_voxels);
    let reach = sight.box_voxels.iter().fold(0.0f64, |m, b| m.max(b / 2.0)) + 1.0;
    let [nx, ny, nz] = grid.size;
    let slices: Vec<(Vec<u8>, Vec<u8>)> = (0..nz)
        .into_par_iter()
        .map(|z| {
            let (mut bone, mut part) = (vec![0u8; nx * ny], vec![0u8; nx * ny]);
            let sides = Sides { defective, implant, points: &points };
            for run in (0..nx * ny).step_by(RUN).map(|o| o..(o + RUN).min(nx * ny)) {
                let at =
                    |o: usize| sight.matrix * Vector3::new((o % nx) as f64, (o / nx) as f64, z as f64) + sight.offset;
                // A run within one row that sees nothing but air; most do.
                let (first, last) = (at(run.start), at(run.end - 1));
                let straight = run.start / nx == (run.end - 1) / nx;
                let half = (last - first).norm() / 2.0;
                if straight && coarse.content(&((first + last) / 2.0), reach + half) == Content::Air {
                    continue;
                }
                for o in run {
                    let old = at(o);
                    match coarse.content(&old, reach) {
                        Content::Air => {}
                        Content::Bone => bone[o] = 1,
                        Content::Implant => part[o] = 1,
                        Content::Mixed => [bone[o], part[o]] = sides.at(&old),
                    }
                }
            }
            (bone, part)
        })
        .collect();
    let (bone, part): (Vec<Vec<u8>>, Vec<Vec<u8>>) = slices.into_iter().unzip();
    [bone, part].map(|s| Volume::new(grid.clone(), s.concat()))
}

/// Decides what a box holds more of.
struct Sides<'a> {
    defective: &'a Volume<u8>,
    implant: &'a Volume<u8>,
    /// Places in the box, from its middle.
    points: &'a [Vector3<f64>],
}

impl Sides<'_> {
    /// Whether the box about an index is bone, and whether it is implant.
    fn at(&self, old: &Vector3<f64>) -> [u8; 2] {
        let (bone, part) = self.points.iter().fold((0.0, 0.0), |sum, p| {
            let (b, i) = shares(self.defective, self.implant, &(old + p));
            (sum.0 + b, sum.1 + i)
        });
        match (bone + part >= 0.5 * self.points.len() as f64, part > bone) {
            (false, _) => [0, 0],
            (true, false) => [1, 0],
            (true, true) => [0, 1],
        }
    }
}

/// Points spread evenly over the box, old voxels from its middle: one a voxel and axis, two to four.
fn box_points(box_voxels: &[f64; 3]) -> Vec<Vector3<f64>> {
    let along = |k: usize| {
        let side = box_voxels[k];
        let count = if side < 0.1 { 1 } else { (side.ceil() as usize).clamp(2, 4) };
        (0..count).map(move |i| ((i as f64 + 0.5) / count as f64 - 0.5) * side)
    };
    along(2).flat_map(|z| along(1).flat_map(move |y| along(0).map(move |x| Vector3::new(x, y, z)))).collect()
}

/// Trilinear shares of bone and implant at an index; beyond the volume is air.
fn shares(defective: &Volume<u8>, implant: &Volume<u8>, at: &Vector3<f64>) -> (f64, f64) {
    let size = defective.grid.size;
    let base = at.map(f64::floor);
    let part = at - base;
    let (mut bone, mut other) = (0.0, 0.0);
    for corner in 0..8usize {
        let mut weight = 1.0;
        let mut index = [0usize; 3];
        let mut inside = true;
        for k in 0..3 {
            let up = corner >> k & 1 == 1;
            weight *= if up { part[k] } else { 1.0 - part[k] };
            let i = base[k] + f64::from(u8::from(up));
            inside &= i >= 0.0 && i < size[k] as f64;
            index[k] = i.max(0.0) as usize;
        }
        if inside && weight > 0.0 {
            let o = defective.grid.offset(index[0], index[1], index[2]);
            bone += weight * f64::from(u8::from(defective.data[o] != 0));
            other += weight * f64::from(u8::from(implant.data[o] != 0));
        }
    }
    (bone, other)
}

/// Defective skull and implant with their common surface moved: a voxel is bone when at least `level` of a box around
/// it (sides in voxels) is. A level below one half moves the surface outwards.
pub(super) fn at_level(
    defective: &Volume<u8>,
    implant: &Volume<u8>,
    box_voxels: [f64; 3],
    level: f64,
) -> [Volume<u8>; 2] {
    let grid = &defective.grid;
    let [nx, ny, _] = grid.size;
    let taps = box_voxels.map(box_weights);
    let mut both = vec![(0u8, 0u8); grid.len()];
    both.par_chunks_mut(nx * ny).enumerate().for_each(|(z, out)| {
        let [bone, part] = [defective, implant].map(|v| slice_means(v, z, &taps));
        for (o, (b, p)) in bone.iter().zip(&part).enumerate() {
            if f64::from(b + p) >= level {
                out[o] = if p > b { (0, 1) } else { (1, 0) };
            }
        }
    });
    let (bone, part): (Vec<u8>, Vec<u8>) = both.into_iter().unzip();
    [bone, part].map(|data| Volume::new(grid.clone(), data))
}

/// Shares of the voxels around one that a box of a side covers, the middle one in the middle.
fn box_weights(side: f64) -> Vec<f32> {
    let reach = ((side - 1.0) / 2.0).ceil().max(0.0) as i64;
    let cover = |k: i64| {
        let (low, high) = ((k as f64 - 0.5).max(-side / 2.0), (k as f64 + 0.5).min(side / 2.0));
        ((high - low).max(0.0) / side) as f32
    };
    (-reach..=reach).map(cover).collect()
}

/// Box means of one slice; beyond the volume is air.
fn slice_means(mask: &Volume<u8>, z: usize, taps: &[Vec<f32>; 3]) -> Vec<f32> {
    let [nx, ny, nz] = mask.grid.size;
    let area = nx * ny;
    let from = |at: usize, tap: usize, taps: &[f32], count: usize| {
        (at + tap).checked_sub(taps.len() / 2).filter(|v| *v < count)
    };
    let mut along_z = vec![0f32; area];
    for (tap, weight) in taps[2].iter().enumerate() {
        let Some(k) = from(z, tap, &taps[2], nz) else { continue };
        let slice = &mask.data[k * area..(k + 1) * area];
        along_z.iter_mut().zip(slice).for_each(|(sum, v)| *sum += weight * f32::from(u8::from(*v != 0)));
    }
    let mut along_yz = vec![0f32; area];
    for y in 0..ny {
        for (tap, weight) in taps[1].iter().enumerate() {
            let Some(k) = from(y, tap, &taps[1], ny) else { continue };
            let row = &along_z[k * nx..(k + 1) * nx];
            along_yz[y * nx..(y + 1) * nx].iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v);
        }
    }
    let mut all = vec![0f32; area];
    for (line, out) in along_yz.chunks(nx).zip(all.chunks_mut(nx)) {
        if line.iter().all(|v| *v == 0.0) {
            continue;
        }
        for (x, sum) in out.iter_mut().enumerate() {
            for (tap, weight) in taps[0].iter().enumerate() {
                if let Some(k) = from(x, tap, &taps[0], nx) {
                    *sum += weight * line[k];
                }
            }
        }
    }
    all
}

/// What a block, or several, are filled with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Air,
    Bone,
    Implant,
    Mixed,
}

/// The content of each block.
struct Coarse {
    size: [usize; 3],
    blocks: Vec<Content>,
}

impl Coarse {
    fn new(defective: &Volume<u8>, implant: &Volume<u8>) -> Self {
        let size = defective.grid.size.map(|s| s.div_ceil(BLOCK));
        let voxels = defective.grid.size;
        let content = |o: usize| match (defective.data[o] != 0, implant.data[o] != 0) {
            (true, _) => Content::Bone,
            (false, true) => Content::Implant,
            (false, false) => Content::Air,
        };
        let block = |bx: usize, by: usize, bz: usize| {
            let range = |b: usize, k: usize| b * BLOCK..((b + 1) * BLOCK).min(voxels[k]);
            let first = content(defective.grid.offset(bx * BLOCK, by * BLOCK, bz * BLOCK));
            let same = range(bz, 2)
                .all(|z| range(by, 1).all(|y| range(bx, 0).all(|x| content(defective.grid.offset(x, y, z)) == first)));
            if same { first } else { Content::Mixed }
        };
        let layer = |bz: usize| (0..size[1] * size[0]).map(move |i| (i % size[0], i / size[0], bz));
        let layers = (0..size[2]).into_par_iter();
        Self { size, blocks: layers.flat_map_iter(layer).map(|(x, y, z)| block(x, y, z)).collect() }
    }

    /// What fills everything within `reach` voxels of an index; beyond the volume is air.
    fn content(&self, at: &Vector3<f64>, reach: f64) -> Content {
        let (mut low, mut high) = ([0usize; 3], [0usize; 3]);
        let mut beyond = false;
        for k in 0..3 {
            let last = self.size[k] - 1;
            let (a, b) = ((at[k] - reach) / BLOCK as f64, (at[k] + reach) / BLOCK as f64);
            // The last block may reach beyond the volume, into air.
            beyond |= a < 0.0 || b >= last as f64;
            (low[k], high[k]) = ((a.max(0.0) as usize).min(last), (b.max(0.0) as usize).min(last));
        }
        let first = self.blocks[(low[2] * self.size[1] + low[1]) * self.size[0] + low[0]];
        if beyond && first != Content::Air {
            return Content::Mixed;
        }
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                let row = (z * self.size[1] + y) * self.size[0];
                if self.blocks[row + low[0]..=row + high[0]].iter().any(|b| *b != first) {
                    return Content::Mixed;
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball() -> [Volume<u8>; 2] {
        let grid = Grid::axis_aligned([60, 60, 60], [1.0; 3], Default::default());
        let at = |o: usize| Vector3::from_fn(|k, _| grid.index(o)[k] as f64 - 29.5);
        let make = |upper: bool| {
            let inside = |o: usize| at(o).norm() <= 20.0 && (at(o).z > 5.0) == upper;
            Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(inside(o))).collect::<Vec<u8>>())
        };
        [make(false), make(true)]
    }

    fn count(v: &Volume<u8>) -> f64 {
        v.data.iter().filter(|v| **v != 0).count() as f64 * v.grid.voxel_mm3()
    }

    #[test]
    fn a_coarser_grid_keeps_the_volumes_and_identity_keeps_the_voxels() {
        let [bone, part] = ball();
        let same = Sight { matrix: Matrix3::identity(), offset: Vector3::zeros(), box_voxels: [0.0; 3] };
        assert_eq!(resampled(&bone, &part, &bone.grid, &same), [bone.clone(), part.clone()]);
        let steps = Vector3::new(1.3, 1.3, 2.5);
        let grid = Grid::axis_aligned([46, 46, 24], steps.into(), Default::default());
        let sight =
            Sight { matrix: Matrix3::from_diagonal(&steps), offset: Vector3::zeros(), box_voxels: steps.into() };
        let [b, p] = resampled(&bone, &part, &grid, &sight);
        let (new, old) = (count(&b) + count(&p), count(&bone) + count(&part));
        assert!((new / old - 1.0).abs() < 0.02, "{new} {old}");
        // The flat cut between them, of radius √(20² − 5²), moves by less than half a slice.
        let moved_mm = (count(&b) - count(&bone)).abs() / (std::f64::consts::PI * 375.0);
        assert!(moved_mm < 1.25, "{moved_mm}");
        assert!(b.data.iter().zip(&p.data).all(|(b, p)| b + p <= 1));
    }

    #[test]
    fn a_level_moves_the_surface() {
        let [bone, part] = ball();
        for shift in [-0.5, 0.0, 0.5] {
            // Share of a box 1.5 mm wide that lies within a flat surface 0.5 mm farther in.
            let [b, p] = at_level(&bone, &part, [1.5; 3], 0.5 - shift / 1.5);
            let radius = ((count(&b) + count(&p)) * 0.75 / std::f64::consts::PI).cbrt();
            assert!((radius - 20.0 - shift).abs() < 0.2, "{radius} after {shift}");
        }
    }
}
