//! Drawing: camera, scene, GPU renderer, offscreen pictures, slices through a volume. Knows geometry and wgpu,
//! no step and no window toolkit.
//!
//! World space is LPS mm. Pixels are continuous, origin at the top left, y down; pixel centres lie at +0.5.

mod camera;
mod contour;
mod gpu;
mod lighter;
mod marching_cubes;
mod measure;
mod overlay;
mod pick;
mod picture;
mod prefix_sum;
mod renderer;
mod scene;
mod slice;
mod surface_maker;
mod window_level;

pub use camera::{Camera, GLIDE_S, Glide, Ray, StandardView};
pub use contour::{MeshIndex, Segment, contour_of_mesh, contour_of_volume};
pub use gpu::{AdapterSummary, Gpu, GpuError, log_errors};
pub use lighter::lighter_mesh;
pub use marching_cubes::{Cut, GpuMesh, GpuVoxels, MarchingCubes, Texel};
pub use measure::{angle_deg, distance_mm};
pub use overlay::{CubeFace, EdgeLetters, ScaleBar, edge_letters, orientation_cube, scale_bar};
pub use pick::{Hit, pick};
pub use picture::{Picture, PictureError, Studio, picture, preview};
pub use renderer::{Quality, Renderer};
pub use scene::{Background, Layer, LayerKind, Polyline, Scene, Shape, Theme};
pub use slice::{Plane, SliceImage, SliceView, probe, reslice};
pub use surface_maker::{CpuReason, SurfaceMaker, SurfaceWay};
pub use window_level::{PRESETS, WindowLevel};
