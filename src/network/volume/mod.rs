//! The volume network: bone in cells about a hole, and how far completed tables lie from the truth there.
//!
//! It starts from the tables of another method and sees, in three dimensions, what rays do not: brow, orbit, temple and
//! base beside the hole, and the other side of the head.

mod block;
#[cfg(test)]
mod tests;

pub use block::Started;
pub(crate) use block::{Block, Cells, bone_of, fade, share};

use super::unet::UNet;
use super::weights::{Weights, WeightsError};
use crate::skull::{InUse, MeanVault, Shipped, Skull};
use candle_core::{Device, Tensor};
use nalgebra::Vector3;

/// Word of the volume network's files.
pub const VOLUME_KIND: &str = "volume";
/// Side of a cell, mm of the mean frame.
pub const CELL_MM: f64 = 2.0;
/// Input and output channels.
pub(crate) const VOLUME_INPUTS: usize = 8;
pub(crate) const VOLUME_OUTPUTS: usize = 1;
/// A typical radius of the vault, mm.
const RADIUS_MM: f64 = 85.0;
/// Rounds in which a moved surface looks at the correction where it has moved to.
const ROUNDS: usize = 3;

/// The volume network with trained weights.
pub struct VolumeNetwork {
    net: UNet,
    multiple: usize,
    /// What of the correction counts.
    share: f32,
}

/// Moved tables: outer and inner radius, mm of the head, a value a pixel.
pub struct MovedTables {
    /// Outer radius, mm.
    pub outer_mm: Vec<f32>,
    /// Inner radius, mm.
    pub inner_mm: Vec<f32>,
}

static NETWORK: Shipped<Result<VolumeNetwork, WeightsError>> =
    Shipped::new(include_bytes!("../../../assets/models/volume.safetensors"), VolumeNetwork::beside_vault);

impl VolumeNetwork {
    /// The one that is reckoned with: the shipped one, or the site's own.
    ///
    /// # Errors
    /// [`WeightsError::OtherMean`] where the site has a mean vault of its own, and no such network.
    pub fn in_use() -> Result<&'static VolumeNetwork, WeightsError> {
        VolumeNetwork::file().value.as_ref().map_err(Clone::clone)
    }

    /// The same with its file.
    pub fn file() -> &'static InUse<Result<VolumeNetwork, WeightsError>> {
        NETWORK.in_use()
    }

    /// Puts a site's own in the place of the shipped one; `false` where that is in use already.
    pub fn replace(file: Vec<u8>, network: VolumeNetwork) -> bool {
        NETWORK.replace(file, Ok(network))
    }

    fn beside_vault(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::beside(bytes, VOLUME_KIND, MeanVault::in_use())?)
    }

    /// Reads a weight file.
    ///
    /// # Errors
    /// See [`WeightsError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::from_bytes(bytes, VOLUME_KIND)?)
    }

    /// A network of trained weights.
    ///
    /// # Errors
    /// [`WeightsError::Shape`] when they are weights of another net.
    pub fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let shape = &weights.about.shape;
        if shape.dimensions != 3 || [shape.inputs, shape.outputs] != [VOLUME_INPUTS, VOLUME_OUTPUTS] {
            return Err(WeightsError::Shape { tensor: "the first or the last layer".to_owned() });
        }
        let share = weights.held_share();
        Ok(Self { net: weights.net()?, multiple: shape.multiple(), share })
    }

    /// Moves the completed tables inside of the hole: one pass over the cells about it (0.2 s for a large one on two cores).
    pub fn refine(&self, skull: &Skull, started: &Started) -> MovedTables {
        self.moved(started, &bone_of(skull))
    }

    fn moved(&self, started: &Started, bone: &(dyn Fn(&Vector3<f64>) -> bool + Sync)) -> MovedTables {
        let mut moved = MovedTables { outer_mm: started.outer_mm.to_vec(), inner_mm: started.inner_mm.to_vec() };
        let Some(cells) = Cells::about(started, self.multiple) else { return moved };
        let fade = fade(started.disc, started.hole);
        let block = Block::new(cells, started, &fade, bone);
        let Some(correction) = self.correction(&block) else { return moved };
        for pixel in (0..fade.len()).filter(|&i| fade[i] > 0.0) {
            let by = |radius: f32| -> f32 {
                let Some(place) = started.place(pixel, f64::from(radius)) else { return 0.0 };
                let unit = place.norm() as f32 / radius.max(1.0);
                self.share * fade[pixel] * cells.between(&correction, &place) / unit
            };
            let (outer, inner) = (started.outer_mm[pixel], started.inner_mm[pixel]);
            for _ in 0..ROUNDS {
                moved.outer_mm[pixel] = outer - by(moved.outer_mm[pixel]);
                moved.inner_mm[pixel] = inner + by(moved.inner_mm[pixel]);
            }
        }
        moved
    }

    /// By how much the field is to be raised, mm of the mean frame, a value a cell.
    fn correction(&self, block: &Block) -> Option<Vec<f32>> {
        let [d, h, w] = block.cells.size;
        let run = || -> candle_core::Result<Vec<f32>> {
            let x = Tensor::from_vec(block.input(), (1, VOLUME_INPUTS, d, h, w), &Device::Cpu)?;
            self.net.forward(&x)?.flatten_all()?.to_vec1::<f32>()
        };
        // The net was checked to fit when it was read.
        run().ok()
    }
}
