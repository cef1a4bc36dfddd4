//! Training of the networks: recipes, samples, the trainer itself, its curves.

mod curve;
pub(crate) mod cuts;
mod detector;
mod head;
#[cfg(test)]
mod heads_asked;
mod holes;
mod map;
mod recipe;
mod scan_ends;
mod share;
mod trainer;
mod volume;
#[cfg(test)]
mod whole_heads;

pub use curve::{CURVE_SIZE, curve_csv, curve_picture};
pub use detector::DetectorTask;
pub use head::WholeHead;
pub use map::{MapCut, MapTask, TableErrors, map_errors};
pub use recipe::{Recipe, RecipeError};
pub use share::FittedShare;
pub use trainer::{CurvePoint, State, Task, TrainError, train};
pub use volume::{VolumeTask, VolumeView};
