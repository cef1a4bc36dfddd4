//! Networks: our own convolution, residual U-Nets, their weight files and their training.

mod convolve;
mod curve;
pub mod detector;
mod holes;
pub mod random;
pub mod recipe;
mod seen;
pub mod train;
mod unet;
mod upsample;
mod weights;

pub use convolve::{Activation, convolve};
pub use curve::{CURVE_SIZE, curve_csv, curve_picture};
pub use seen::{Jitter, Seen, pack_views, unpack_views};
pub use unet::{UNet, UNetShape, start};
pub use upsample::upsample;
pub use weights::{About, Array, Arrays, VERSION, Weights, WeightsError};
