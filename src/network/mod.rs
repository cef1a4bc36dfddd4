//! Networks: our own convolution, residual U-Nets, their weight files; what they see of a head, and the detector.

mod add;
mod convolve;
pub mod detector;
pub mod map;
mod membrane;
mod seen;
mod unet;
mod upsample;
pub mod volume;
pub(crate) mod weights;

pub use convolve::{Activation, convolve};
pub(crate) use seen::expected;
pub use seen::{Jitter, Seen, pack_views, unpack_views};
pub use unet::{UNet, UNetShape, start};
pub use upsample::upsample;
pub use weights::{About, Array, Arrays, HELD_SHARE, VERSION, Weights, WeightsError};
