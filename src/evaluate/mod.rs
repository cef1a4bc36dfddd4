//! How well a reconstruction meets the truth: the definitions of the AutoImplant challenge, on the scan's own grid.

mod agreement;
mod blurred;
mod bootstrap;
mod calibration;
mod cases;
mod crop;
mod faces;
mod judge;
mod nearest;
mod overlap;
pub mod picture;
mod predict;
mod scores;
mod summary;
mod surface_distance;
mod tables;
mod truth;

pub use agreement::{Auc, auc, cohen_kappa, fleiss_kappa};
pub use bootstrap::{SEED, mean_interval};
pub use calibration::share_in_band;
pub use cases::{Case, LayoutError, Source, find_cases, only_skulls, parse_list};
pub use faces::{FaceError, OuterPoint};
pub use judge::{Judge, Verdict, score};
pub use overlap::{border_dice, dice};
pub use predict::{PredictError, Prediction, Prepared, heads_of, prepare};
pub use scores::Scores;
pub use summary::{Loss, Measure, Outcome, Row, Summary, best_median_worst, summarise};
pub use surface_distance::{SurfaceDistances, percentile, surface_distances};
pub use tables::{csv, markdown};
pub use truth::{Pair, Truth, TruthError, truth};

#[cfg(test)]
mod tests;
