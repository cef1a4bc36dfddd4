use crate::geometry::{Field, Grid, Volume, nearest_in_set};
use crate::skull::Skull;
use crate::surface;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Distances are corrected up to this, mm (more than the largest clearance).
const EXACT_MM: f32 = 4.0;
/// Points on the bone's surface lie at most this far apart, mm.
const APART_MM: f64 = 0.3;

/// Signed distance to bone as [`Skull::signed_distance`], but true outside of bone near edges and corners too, where
/// fast sweeping overstates it: a clearance must hold there.
///
/// Each voxel looks at the points of the bone's surface in the cells about the nearest
/// cell that holds any; the smaller of both answers counts, since neither can be too small by more than rounding.
pub(super) fn bone_distance(skull: &Skull, grid: &Grid, limit_mm: f32) -> Field {
    let mut distance = skull.signed_distance(grid, limit_mm);
    let points = surface_points(skull, grid);
    let cells = Cells::new(grid, &points);
    if cells.points.is_empty() {
        return distance;
    }
    let nearest = nearest_in_set(&cells.occupied);
    let [nx, ny, _] = grid.size;
    let spacing = grid.spacing_mm[0] as f32;
    distance.data.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (o, value) in slice.iter_mut().enumerate() {
            if *value > 0.0 && *value < EXACT_MM {
                let here = [(o % nx) as f32, (o / nx) as f32, z as f32];
                let cell = nearest[z * nx * ny + o];
                *value = value.min(spacing * cells.nearest_squared(here, cell as usize).sqrt());
            }
        }
    });
    distance
}

/// Points on the bone's surface as the scan has it, inside the grid, in voxels of the grid.
fn surface_points(skull: &Skull, grid: &Grid) -> Vec<[f32; 3]> {
    let scan = &skull.intensity.grid;
    let Some(piece) = crop(&skull.intensity, grid) else { return Vec::new() };
    let mesh = surface::isosurface(&piece.grid, &piece.data, skull.iso, true);
    let index_from_lps = grid.index_from_lps_matrix();
    let last = Vector3::from_fn(|k, _| grid.size[k] as f64 - 0.5);
    let apart = APART_MM.min(scan.spacing_mm.iter().copied().fold(f64::INFINITY, f64::min));
    let per_triangle: Vec<Vec<[f32; 3]>> = mesh
        .triangles
        .par_iter()
        .map(|t| {
            let corner = [0, 1, 2].map(|k| mesh.corner(t, k));
            let longest = (0..3).map(|k| (corner[k] - corner[(k + 1) % 3]).norm()).fold(0.0, f64::max);
            let parts = (longest / apart).ceil().max(1.0) as usize;
            let mut points = Vec::new();
            for i in 0..=parts {
                for j in 0..=parts - i {
                    let (u, v) = (i as f64 / parts as f64, j as f64 / parts as f64);
                    let lps = corner[0] * (1.0 - u - v) + corner[1] * u + corner[2] * v;
                    let index = index_from_lps * (lps - grid.origin_mm.coords);
                    if (0..3).all(|k| index[k] > -0.5 && index[k] < last[k]) {
                        points.push([index.x as f32, index.y as f32, index.z as f32]);
                    }
                }
            }
            points
        })
        .collect();
    per_triangle.concat()
}

/// The voxels of a scan around a grid; `None` when they do not meet.
fn crop(scan: &Volume<i16>, around: &Grid) -> Option<Volume<i16>> {
    let index_from_lps = scan.grid.index_from_lps_matrix();
    let (mut low, mut high) = (Vector3::repeat(f64::INFINITY), Vector3::repeat(f64::NEG_INFINITY));
    for corner in 0..8 {
        let index = Vector3::from_fn(|k, _| ((corner >> k) & 1) as f64 * (around.size[k] - 1) as f64);
        let at = index_from_lps * (around.lps_from_index(&index) - scan.grid.origin_mm);
        low = low.inf(&at);
        high = high.sup(&at);
    }
    let last = scan.grid.size.map(|n| (n - 1) as f64);
    if (0..3).any(|k| high[k] < 0.0 || low[k] > last[k]) {
        return None;
    }
    let first: [usize; 3] = std::array::from_fn(|k| (low[k] - 1.0).clamp(0.0, last[k]) as usize);
    let end: [usize; 3] = std::array::from_fn(|k| (high[k] + 2.0).clamp(0.0, last[k]) as usize);
    let size = std::array::from_fn(|k| end[k] - first[k] + 1);
    let origin_mm = scan.grid.lps_from_index(&Vector3::from_fn(|k, _| first[k] as f64));
    let mut data = Vec::with_capacity(size.iter().product());
    for z in first[2]..=end[2] {
        for y in first[1]..=end[1] {
            let from = scan.grid.offset(first[0], y, z);
            data.extend_from_slice(&scan.data[from..from + size[0]]);
        }
    }
    Some(Volume::new(Grid { size, origin_mm, ..scan.grid.clone() }, data))
}

/// Points sorted into the grid's voxels.
struct Cells {
    size: [usize; 3],
    /// 1 where a voxel holds a point.
    occupied: Volume<u8>,
    /// First point of each voxel in `points`, and one past the last.
    start: Vec<u32>,
    points: Vec<[f32; 3]>,
}

impl Cells {
    fn new(grid: &Grid, points: &[[f32; 3]]) -> Self {
        let cell = |p: &[f32; 3]| {
            let at = |k: usize| (p[k].round() as usize).min(grid.size[k] - 1);
            grid.offset(at(0), at(1), at(2))
        };
        let mut start = vec![0u32; grid.len() + 1];
        for p in points {
            start[cell(p) + 1] += 1;
        }
        let occupied = start[1..].iter().map(|&n| u8::from(n > 0)).collect();
        for i in 1..start.len() {
            start[i] += start[i - 1];
        }
        let mut next = start.clone();
        let mut sorted = vec![[0f32; 3]; points.len()];
        for p in points {
            let slot = &mut next[cell(p)];
            sorted[*slot as usize] = *p;
            *slot += 1;
        }
        Self { size: grid.size, occupied: Volume::new(grid.clone(), occupied), start, points: sorted }
    }

    /// Squared distance in voxels to the nearest point in the cell and its neighbours.
    fn nearest_squared(&self, here: [f32; 3], cell: usize) -> f32 {
        let [nx, ny, nz] = self.size;
        let (x, y, z) = (cell % nx, cell / nx % ny, cell / (nx * ny));
        let mut least = f32::INFINITY;
        for zz in z.saturating_sub(1)..=(z + 1).min(nz - 1) {
            for yy in y.saturating_sub(1)..=(y + 1).min(ny - 1) {
                let row = nx * (yy + ny * zz);
                let (first, last) = (row + x.saturating_sub(1), row + (x + 1).min(nx - 1));
                for p in &self.points[self.start[first] as usize..self.start[last + 1] as usize] {
                    let squared: f32 = (0..3).map(|k| (p[k] - here[k]).powi(2)).sum();
                    least = least.min(squared);
                }
            }
        }
        least
    }
}
