//! Field → mesh on the CPU, and what a mesh is (closed, manifold).
//!
//! The surface is cut cell by cell with one [`case_table`] whose faces always agree between neighbours and whose
//! triangles never share an edge across a face: a surface that does not leave the volume is closed and manifold
//! by construction, edge by edge and fan by fan, also after welding equal positions (as a reader of STL does).

pub mod case_table;
mod emit;
mod inside;
mod isosurface;
mod mesh_check;
#[cfg(test)]
mod tests;
mod weld;

pub use inside::Scalar;
pub use isosurface::{LEAST_FRACTION, closed_isosurface, isosurface, manifold_isosurface};
pub use mesh_check::{MeshReport, check_mesh};
pub use weld::weld;
