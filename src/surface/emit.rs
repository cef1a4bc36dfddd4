//! Counting and writing the vertices and triangles of one layer of cells.

use super::case_table::{CASES, Case};
use super::inside::{Inside, Scalar, shifted};
use super::isosurface::LEAST_FRACTION;
use crate::geometry::Grid;
use nalgebra::Vector3;

/// Vertices and triangles of a layer (or before it).
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub vertices: usize,
    pub triangles: usize,
}

impl std::ops::Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { vertices: self.vertices + other.vertices, triangles: self.triangles + other.triangles }
    }
}

/// Where the vertices of one row's edges along x, y and z begin, counted from the first vertex of the layer.
pub(super) type RowStart = [u32; 3];

/// What every layer needs.
pub(super) struct Cutter<'a, T> {
    inside: &'a Inside,
    values: &'a [T],
    /// Voxels along x and y without the border.
    size: [usize; 3],
    iso: f32,
    /// LPS position of the (bordered) index 0 and the steps along the axes, mm.
    origin: Vector3<f64>,
    steps: [Vector3<f64>; 3],
    /// The grid is left-handed: triangles turn round.
    flip: bool,
    cases: &'static [Case; 256],
}

impl<'a, T: Scalar> Cutter<'a, T> {
    pub fn new(grid: &Grid, values: &'a [T], iso: f32, inside: &'a Inside) -> Self {
        let matrix = grid.lps_from_index_matrix();
        let origin = grid.lps_from_index(&Vector3::repeat(-(inside.pad as f64))).coords;
        let steps = [0, 1, 2].map(|axis| matrix.column(axis).into_owned());
        let flip = matrix.determinant() < 0.0;
        Self { inside, values, size: grid.size, iso, origin, steps, flip, cases: &CASES }
    }

    /// Counts layer `z`: its vertices and triangles, and where each row's vertices begin.
    pub fn count(&self, z: usize) -> (Counts, Vec<RowStart>) {
        let [_, ny, nz] = self.inside.size;
        let mut rows = Vec::with_capacity(ny);
        let (mut vertices, mut triangles) = (0u32, 0usize);
        for y in 0..ny {
            let own = self.inside.row(y, z);
            // Beyond the last row the row itself stands in: no edge is cut there.
            let behind = if y + 1 < ny { self.inside.row(y + 1, z) } else { own };
            let above = if z + 1 < nz { self.inside.row(y, z + 1) } else { own };
            let mut cut = [0u32; 3];
            for w in 0..own.len() {
                let bits = own[w];
                let along = (bits ^ shifted(own, w)) & self.inside.starts(w);
                let (back, up) = (bits ^ behind[w], bits ^ above[w]);
                if along | back | up != 0 {
                    cut[0] += along.count_ones();
                    cut[1] += back.count_ones();
                    cut[2] += up.count_ones();
                }
            }
            rows.push([vertices, vertices + cut[0], vertices + cut[0] + cut[1]]);
            vertices += cut[0] + cut[1] + cut[2];
            if y + 1 < ny && z + 1 < nz {
                self.each_cell(y, z, |case| triangles += self.cases[case].count as usize);
            }
        }
        (Counts { vertices: vertices as usize, triangles }, rows)
    }

    /// Calls `f(case)` for each cut cell of the row of cells (y, z), in the order of x.
    #[inline(always)]
    fn each_cell(&self, y: usize, z: usize, mut f: impl FnMut(usize)) {
        let rows = [
            self.inside.row(y, z),
            self.inside.row(y + 1, z),
            self.inside.row(y, z + 1),
            self.inside.row(y + 1, z + 1),
        ];
        for w in 0..self.inside.words {
            let own = rows.map(|row| row[w]);
            let next = rows.map(|row| shifted(row, w));
            let any = own[0] | own[1] | own[2] | own[3] | next[0] | next[1] | next[2] | next[3];
            let all = own[0] & own[1] & own[2] & own[3] & next[0] & next[1] & next[2] & next[3];
            let mut cut = any & !all & self.inside.starts(w);
            while cut != 0 {
                let x = cut.trailing_zeros();
                let mut case = 0;
                for k in 0..4 {
                    case |= (own[k] >> x & 1) << (2 * k) | (next[k] >> x & 1) << (2 * k + 1);
                }
                f(case as usize);
                cut &= cut - 1;
            }
        }
    }

    /// Writes the vertices of the edges that start in layer `z`: row by row those along x, along y, along z.
    pub fn write_vertices(&self, z: usize, positions: &mut [[f32; 3]]) {
        let [_, ny, nz] = self.inside.size;
        let mut out = positions.iter_mut();
        for y in 0..ny {
            let own = self.inside.row(y, z);
            for w in 0..own.len() {
                let cut = (own[w] ^ shifted(own, w)) & self.inside.starts(w);
                self.write_row::<0>(cut, 64 * w, y, z, &mut out);
            }
            if y + 1 < ny {
                for (w, (a, b)) in own.iter().zip(self.inside.row(y + 1, z)).enumerate() {
                    self.write_row::<1>(a ^ b, 64 * w, y, z, &mut out);
                }
            }
            if z + 1 < nz {
                for (w, (a, b)) in own.iter().zip(self.inside.row(y, z + 1)).enumerate() {
                    self.write_row::<2>(a ^ b, 64 * w, y, z, &mut out);
                }
            }
        }
    }

    #[inline(always)]
    fn write_row<const AXIS: usize>(
        &self,
        mut cut: u64,
        first_x: usize,
        y: usize,
        z: usize,
        out: &mut std::slice::IterMut<[f32; 3]>,
    ) {
        if cut == 0 {
            return;
        }
        let row = self.origin + self.steps[1] * y as f64 + self.steps[2] * z as f64;
        while cut != 0 {
            let x = first_x + cut.trailing_zeros() as usize;
            cut &= cut - 1;
            let t = f64::from(self.fraction::<AXIS>(x, y, z));
            let p = row + self.steps[0] * x as f64 + self.steps[AXIS] * t;
            if let Some(place) = out.next() {
                *place = [p.x as f32, p.y as f32, p.z as f32];
            }
        }
    }

    /// How far along its edge the surface cuts, [`LEAST_FRACTION`] from either end; half way to the border.
    #[inline(always)]
    fn fraction<const AXIS: usize>(&self, x: usize, y: usize, z: usize) -> f32 {
        let pad = self.inside.pad;
        if pad == 1 {
            let at = [x, y, z];
            let within = |i: usize, v: usize| v >= 1 && v <= self.size[i];
            if !(0..3).all(|i| within(i, at[i])) || at[AXIS] + 1 > self.size[AXIS] {
                return 0.5;
            }
        }
        let stride = [1, self.size[0], self.size[0] * self.size[1]];
        let offset = (x - pad) + stride[1] * (y - pad) + stride[2] * (z - pad);
        let a: f32 = self.values[offset].into();
        let b: f32 = self.values[offset + stride[AXIS]].into();
        let t = (self.iso - a) / (b - a);
        // What is not a number (an infinite or missing value) falls to the low end.
        if t > LEAST_FRACTION { t.min(1.0 - LEAST_FRACTION) } else { LEAST_FRACTION }
    }

    /// Writes the triangles of cell layer `z`, given where the vertices of its lower and upper voxel layer begin.
    pub fn write_triangles(
        &self,
        z: usize,
        (lower, lower_rows): (u32, &[RowStart]),
        (upper, upper_rows): (u32, &[RowStart]),
        triangles: &mut [[u32; 3]],
    ) {
        let mut out = triangles.iter_mut();
        let turn = if self.flip { [0, 2, 1] } else { [0, 1, 2] };
        for y in 0..self.inside.size[1] - 1 {
            let (a, b) = (lower_rows[y].map(|v| v + lower), lower_rows[y + 1].map(|v| v + lower));
            let (c, d) = (upper_rows[y].map(|v| v + upper), upper_rows[y + 1].map(|v| v + upper));
            // The next vertex on each of the rows of edges around the cells: four along x, two along y, two along z.
            let mut x_next = [a[0], b[0], c[0], d[0]];
            let mut y_next = [a[1], c[1]];
            let mut z_next = [a[2], b[2]];
            self.each_cell(y, z, |case| {
                let bits = case as u32;
                let cut = |p: u32, q: u32| (bits >> p ^ bits >> q) & 1;
                let (y0, y1, z0, z1) = (cut(0, 2), cut(4, 6), cut(0, 4), cut(2, 6));
                let ids = [
                    x_next[0],
                    x_next[1],
                    x_next[2],
                    x_next[3],
                    y_next[0],
                    y_next[0] + y0,
                    y_next[1],
                    y_next[1] + y1,
                    z_next[0],
                    z_next[0] + z0,
                    z_next[1],
                    z_next[1] + z1,
                    0,
                    0,
                    0,
                    0,
                ];
                let cell = &self.cases[case];
                for t in cell.edges.as_chunks::<3>().0.iter().take(cell.count as usize) {
                    if let Some(place) = out.next() {
                        *place = turn.map(|k| ids[(t[k] & 15) as usize]);
                    }
                }
                for (k, next) in x_next.iter_mut().enumerate() {
                    *next += cut(2 * k as u32, 2 * k as u32 + 1);
                }
                y_next[0] += y0;
                y_next[1] += y1;
                z_next[0] += z0;
                z_next[1] += z1;
            });
        }
    }
}
