//! The nouns every room speaks: grids, volumes, fields, meshes, frames, progress.
//!
//! Space is LPS (x to the patient's left, y to the back, z up) in millimetres; f64 in geometry, f32 in fields.
//! No file, no GPU and no window here.

mod components;
mod disc;
mod distance;
mod frame;
mod grid;
mod mesh;
mod morphology;
mod progress;
mod random;
mod volume;

pub use components::{Components, label_components, largest_component};
pub use disc::Disc;
pub use distance::{distance_to_set_mm, nearest_in_set, signed_distance_from_scalar};
pub use frame::HeadFrame;
pub use grid::{Grid, GridError};
pub use mesh::Mesh;
pub use morphology::{dilate, erode, fill_holes, open};
pub use progress::{Cancelled, Progress};
pub use random::Random;
pub(crate) use random::{SPLITMIX_STEP, splitmix};
pub use volume::{Field, Volume};
