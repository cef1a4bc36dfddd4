//! Marching cubes in four passes over bits: mark, count, add up, write.
//!
//! After W. Schroeder, R. Maynard, B. Geveci, Flying Edges (2015): rows are classified once, counts per row make every
//! output place known, and the layers are written independently of each other. Here the classification is one bit a
//! voxel, so that cells without a surface are passed 64 at a time.

use super::emit::{Counts, Cutter};
use super::inside::{Inside, Scalar};
use crate::geometry::{Field, Grid, Mesh};
use rayon::prelude::*;

/// A vertex keeps at least this fraction of its grid edge from either end, so that no two vertices meet and no triangle
/// degenerates where a voxel equals the iso value exactly: 1/128 of a voxel, 4 µm at 0.5 mm.
pub const LEAST_FRACTION: f32 = 1.0 / 128.0;

/// Isosurface of values on a grid: inside is `value >= iso` when `inside_above`, else `value < iso`.
/// Outward normals, shared vertices, LPS mm; the same bytes at any thread count.
///
/// Where the body reaches the volume's border the surface is open there. Linear interpolation along the grid's edges,
/// kept [`LEAST_FRACTION`] from their ends. NaN counts as outside.
/// Panics when `values` does not hold `grid.len()` values (a programming error).
pub fn isosurface<T: Scalar>(grid: &Grid, values: &[T], iso: f32, inside_above: bool) -> Mesh {
    extract(grid, values, iso, inside_above, 0)
}

/// As [`isosurface`], but always closed: everything beyond the border counts as outside, and a body that
/// reaches it is capped half a voxel beyond the last voxel centres (where that voxel ends).
pub fn closed_isosurface<T: Scalar>(grid: &Grid, values: &[T], iso: f32, inside_above: bool) -> Mesh {
    extract(grid, values, iso, inside_above, 1)
}

/// The body where `field < iso` as a closed mesh for a part: every edge has two triangles in opposite directions, every
/// vertex one fan, no triangle is degenerate, and this stays so when equal positions are welded.
///
/// No repair is needed for that: the case table makes the surface manifold, and [`LEAST_FRACTION`] keeps
/// vertices of different grid edges apart.
pub fn manifold_isosurface(field: &Field, iso: f32) -> Mesh {
    closed_isosurface(&field.grid, &field.data, iso, false)
}

fn extract<T: Scalar>(grid: &Grid, values: &[T], iso: f32, inside_above: bool, pad: usize) -> Mesh {
    assert_eq!(grid.len(), values.len(), "a volume holds one value a voxel");
    let inside = Inside::new(grid.size, values, iso, inside_above, pad);
    let cutter = Cutter::new(grid, values, iso, &inside);
    let layers: Vec<_> = (0..inside.size[2]).into_par_iter().map(|z| cutter.count(z)).collect();

    // Where each layer's vertices and triangles begin.
    let mut starts = vec![Counts::default()];
    let mut row_starts = Vec::with_capacity(layers.len());
    for (counts, rows) in layers {
        let last = starts[starts.len() - 1];
        starts.push(last + counts);
        row_starts.push(rows);
    }
    let total = starts[starts.len() - 1];
    assert!(u32::try_from(total.vertices).is_ok(), "a mesh holds at most 2^32 vertices");

    let mut mesh = Mesh { positions: vec![[0.0; 3]; total.vertices], triangles: vec![[0; 3]; total.triangles] };
    let mut jobs = Vec::with_capacity(row_starts.len());
    let (mut positions, mut triangles) = (mesh.positions.as_mut_slice(), mesh.triangles.as_mut_slice());
    for z in 0..row_starts.len() {
        let (own, rest) = positions.split_at_mut(starts[z + 1].vertices - starts[z].vertices);
        positions = rest;
        let (own_triangles, rest) = triangles.split_at_mut(starts[z + 1].triangles - starts[z].triangles);
        triangles = rest;
        jobs.push((z, own, own_triangles));
    }
    jobs.into_par_iter().for_each(|(z, positions, triangles)| {
        if positions.is_empty() && triangles.is_empty() {
            return;
        }
        cutter.write_vertices(z, positions);
        let upper = row_starts.get(z + 1).map(|rows| (starts[z + 1].vertices as u32, rows.as_slice()));
        if let Some(upper) = upper {
            cutter.write_triangles(z, (starts[z].vertices as u32, &row_starts[z]), upper, triangles);
        }
    });
    mesh
}
