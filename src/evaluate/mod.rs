//! How well a reconstruction meets the truth: the definitions of the AutoImplant challenge, on the scan's own grid.

mod agreement;
mod blurred;
mod bootstrap;
mod cases;
mod crop;
mod faces;
mod nearest;
mod overlap;
mod predict;
mod scores;
mod summary;
mod surface_distance;
mod tables;

pub use agreement::{Auc, auc, cohen_kappa, fleiss_kappa};
pub use bootstrap::{SEED, mean_interval};
pub use cases::{Case, LayoutError, Source, find_cases, only_skulls, parse_list};
pub use faces::FaceError;
pub use overlap::{border_dice, dice};
pub use predict::{PredictError, Prediction, Prepared, prepare};
pub use scores::{Scores, score};
pub use summary::{Measure, Outcome, Row, Summary, summarise};
pub use surface_distance::{SurfaceDistances, percentile, surface_distances};
pub use tables::{csv, markdown};

#[cfg(test)]
mod tests;
