//! Field → mesh on the CPU, and what a mesh is (closed, manifold).

use crate::geometry::{Grid, Mesh};

/// Isosurface of values on a grid: inside is `value >= iso` when `inside_above`, else `value < iso`.
/// Outward normals, shared vertices, LPS mm; the same bytes at any thread count.
pub fn isosurface<T: Copy + Into<f32> + Sync>(grid: &Grid, values: &[T], iso: f32, inside_above: bool) -> Mesh {
    let _ = (grid, values, iso, inside_above);
    Mesh::default()
}
