//! A second pair of eyes: where a network sees vault bone missing, and where that differs from the geometric search.

mod area;
mod channels;
mod opinion;

pub(crate) use channels::{INPUTS, channels};
pub use opinion::{Opinion, Suspect, removed_area_cm2, second_opinion};

use super::seen::{Jitter, MAP_SIZE, Seen, expected};
use super::unet::UNet;
use super::weights::{Weights, WeightsError};
use crate::defect::Defect;
use crate::scan::Finding;
use crate::skull::{InUse, MeanVault, Shipped, Skull};
use candle_core::{Device, Tensor};

/// Word of the detector's files.
pub const KIND: &str = "detector";

/// Names of the fitted numbers in the weight file.
pub const HALF_AREA: &str = "half_area_cm2";

/// The detector: probability per direction that vault bone is missing.
pub struct Detector {
    net: UNet,
    /// Area of the largest opening at which a scan is as likely to have a defect as not, cm².
    half_area_cm2: f64,
}

static NETWORK: Shipped<Result<Detector, WeightsError>> =
    Shipped::new(include_bytes!("../../../assets/models/detector.safetensors"), Detector::beside_vault);

impl Detector {
    /// The one that is reckoned with: the shipped one, or the site's own.
    ///
    /// # Errors
    /// [`WeightsError::OtherMean`] where the site has a mean vault of its own, and no such network.
    pub fn in_use() -> Result<&'static Detector, WeightsError> {
        Detector::file().value.as_ref().map_err(Clone::clone)
    }

    /// The same with its file.
    pub fn file() -> &'static InUse<Result<Detector, WeightsError>> {
        NETWORK.in_use()
    }

    /// Puts a site's own in the place of the shipped one; `false` where that is in use already.
    pub fn replace(file: Vec<u8>, network: Detector) -> bool {
        NETWORK.replace(file, Ok(network))
    }

    fn beside_vault(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::beside(bytes, KIND, MeanVault::in_use())?)
    }

    /// Reads a weight file.
    ///
    /// # Errors
    /// See [`WeightsError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::from_bytes(bytes, KIND)?)
    }

    /// A detector of trained weights.
    ///
    /// # Errors
    /// [`WeightsError::Shape`] when they are weights of another net.
    pub fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let shape = &weights.about.shape;
        let fits = shape.dimensions == 2
            && [shape.inputs, shape.outputs] == [INPUTS, 1]
            && MAP_SIZE.is_multiple_of(shape.multiple());
        if !fits {
            return Err(WeightsError::Shape { tensor: "the first or the last layer".to_owned() });
        }
        let half_area_cm2 = weights.about.calibration.get(HALF_AREA).copied().unwrap_or(2.0);
        Ok(Self { net: weights.net()?, half_area_cm2 })
    }

    /// Looks at a head: one cast of rays and one pass of the net.
    pub fn look(&self, skull: &Skull) -> Opinion {
        let seen = Seen::new(skull, &Jitter::default());
        Opinion::new(skull, &seen, self.probability(&seen), self.half_area_cm2)
    }

    /// Probability a pixel of the networks' map, 0 where no hole may be or nothing was scanned.
    fn probability(&self, seen: &Seen) -> Vec<f32> {
        let size = expected().size();
        let run = || -> candle_core::Result<Vec<f32>> {
            let x = Tensor::from_vec(channels(seen), (1, INPUTS, 1, size, size), &Device::Cpu)?;
            self.net.forward(&x)?.flatten_all()?.to_vec1::<f32>()
        };
        // The net was checked to fit when it was made.
        let logits = run().unwrap_or_else(|_| vec![f32::NEG_INFINITY; size * size]);
        let counts = |o: usize| expected().closed[o] > 0.5 && seen.scanned[o] > 0.5;
        logits.iter().enumerate().map(|(o, z)| if counts(o) { 1.0 / (1.0 + (-z).exp()) } else { 0.0 }).collect()
    }
}

/// What the detector in use makes of a head whose defects the geometric search has found: its opinion, and a word for
/// the user where the two disagree, or why it did not look.
pub fn check(skull: &Skull, defects: &[Defect]) -> (Option<Opinion>, Vec<Finding>) {
    let opinion = Detector::in_use().ok().map(|d| d.look(skull));
    let findings = findings(skull, opinion.as_ref(), defects);
    (opinion, findings)
}

/// A word for the user where search and network disagree, or where there is no network that could look.
pub fn findings(skull: &Skull, opinion: Option<&Opinion>, defects: &[Defect]) -> Vec<Finding> {
    match (opinion, Detector::in_use()) {
        (Some(opinion), _) => second_opinion(skull, opinion, defects),
        (None, Err(why)) => vec![Finding::new(format!("The defects have no second opinion: {why}."))],
        (None, Ok(_)) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
