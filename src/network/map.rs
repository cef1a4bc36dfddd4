//! The map network: what the Gaussian field leaves of the two missing tables, from the bone around the hole, what each
//! method makes of it, the other side of the head and the mean vault, on a sheet about the hole.

use super::seen::expected;
use super::unet::UNet;
use super::weights::{Weights, WeightsError};
use crate::geometry::Disc;
use crate::skull::{InUse, MeanVault, Shipped};
use candle_core::{Device, Tensor};
use nalgebra::Vector3;

/// Word of the map network's files.
pub const MAP_KIND: &str = "map";
/// Pixels along a sheet's side.
pub const SHEET_SIZE: usize = 72;
/// Side of a pixel at the vault, mm.
pub const SHEET_PIXEL_MM: f64 = 2.6;
/// A typical radius of the vault, mm.
const RADIUS_MM: f64 = 85.0;
/// Input channels; outputs are the corrections of outer radius and thickness, and the logarithm of what the field's
/// deviation is to be multiplied by.
pub(crate) const MAP_INPUTS: usize = 22;
pub(crate) const MAP_OUTPUTS: usize = 3;
/// From believed bone on the correction grows over this distance, mm: the answer meets the rim as the field does.
const FADE_MM: f32 = 4.0;
/// Largest logarithm of the deviation's factor.
pub(crate) const MOST_LOG_SD: f32 = 1.5;
/// A correction is no larger than this many deviations of the field: the outer face stays in the band that is meant to hold
/// 90 % of the points, whatever head the network is shown. The least deviation, mm, for the cut walls around the hole.
pub(crate) const MOST_SD: f32 = 1.645;
const LEAST_SD_MM: f32 = 0.2;

/// A sheet of directions of the mean frame about a hole.
#[derive(Clone, Debug, PartialEq)]
pub struct MapSheet {
    disc: Disc,
    /// Unit direction of each pixel.
    pub directions: Vec<Vector3<f64>>,
}

/// Differences of outer radius and thickness to the mean vault, mm of the mean frame, a value a pixel; NaN where not
/// known.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// Of the outer radius.
    pub outer_mm: Vec<f32>,
    /// Of the thickness.
    pub thickness_mm: Vec<f32>,
}

impl MapSheet {
    /// The sheet about a direction of the mean frame (rounded to single precision, so that a kept one is the same).
    pub fn about(direction: &Vector3<f64>) -> Self {
        let rho_max = SHEET_PIXEL_MM / RADIUS_MM * (SHEET_SIZE - 1) as f64 / 2.0;
        let rounded = direction.map(|v| f64::from(v as f32));
        let disc = Disc::about(&rounded, SHEET_SIZE, rho_max);
        let at = |o: usize| disc.direction((o / SHEET_SIZE) as f64, (o % SHEET_SIZE) as f64);
        // The sheet spans 66° to each side: every pixel lies on the sphere.
        let directions = (0..disc.len()).map(|o| at(o).unwrap_or(-direction)).collect();
        Self { disc, directions }
    }

    /// The sheet's projection.
    pub fn disc(&self) -> &Disc {
        &self.disc
    }

    /// Pixels of a sheet.
    pub fn pixels() -> usize {
        SHEET_SIZE * SHEET_SIZE
    }
}

/// What the network starts from: the answer of the Gaussian field, and what speaks beside it. Differences to the mean
/// vault in mm of the mean frame, distances in mm of the head.
#[derive(Clone, Debug, PartialEq)]
pub struct MapStart {
    /// Where this is.
    pub sheet: MapSheet,
    /// The completed tables: bone where it is believed, the field in the hole; NaN beyond what was looked at.
    pub own: Residual,
    /// The other side mirrored, NaN where it was not seen.
    pub other: Residual,
    /// The rim continued by thin plates, NaN away from the hole.
    pub spline: Residual,
    /// The other side moved onto the rim, NaN where that is not known.
    pub mirrored: Residual,
    /// Share of the pixel where the outer surface is missing.
    pub hole: Vec<f32>,
    /// Distance into what is not believed of the outer table, and of the inner, 0 elsewhere.
    pub into_outer_mm: Vec<f32>,
    pub into_inner_mm: Vec<f32>,
    /// The field's deviation of the outer radius, 0 outside of the hole.
    pub sd_mm: Vec<f32>,
}

/// Maps of a [`MapStart`].
pub(crate) const START_MAPS: usize = 12;

impl MapStart {
    /// All maps in a fixed order.
    pub(crate) fn maps(&self) -> [&Vec<f32>; START_MAPS] {
        let Self { own, other, spline, mirrored, .. } = self;
        let [a, b, c, d] = [own, other, spline, mirrored].map(|r| [&r.outer_mm, &r.thickness_mm]);
        let [e, f, g, h] = [&self.hole, &self.into_outer_mm, &self.into_inner_mm, &self.sd_mm];
        [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1], e, f, g, h]
    }

    /// From the maps of [`MapStart::maps`].
    pub(crate) fn from_maps(sheet: MapSheet, maps: [Vec<f32>; START_MAPS]) -> Self {
        let [a, b, c, d, e, f, g, h, hole, into_outer_mm, into_inner_mm, sd_mm] = maps;
        let of = |outer_mm, thickness_mm| Residual { outer_mm, thickness_mm };
        let (own, other, spline, mirrored) = (of(a, b), of(c, d), of(e, f), of(g, h));
        Self { sheet, own, other, spline, mirrored, hole, into_outer_mm, into_inner_mm, sd_mm }
    }

    /// The network's input, `[MAP_INPUTS][size][size]`.
    pub(crate) fn channels(&self) -> Vec<f32> {
        let (mean, n) = (expected(), MapSheet::pixels());
        let mut input = vec![0f32; MAP_INPUTS * n];
        for (o, d) in self.sheet.directions.iter().enumerate() {
            let of = |map: &[f32]| mean.disc.sample(map, d);
            // What is not known is no difference.
            let value = |v: f32, by: f32| if v.is_finite() { (v / by).clamp(-4.0, 4.0) } else { 0.0 };
            let flag = |v: f32| f32::from(u8::from(v.is_finite()));
            let (outer, thickness) = (self.own.outer_mm[o], self.own.thickness_mm[o]);
            let values: [f32; MAP_INPUTS] = [
                value(outer, 3.0),
                value(thickness, 2.0),
                value(self.other.outer_mm[o] - outer, 3.0),
                value(self.other.thickness_mm[o] - thickness, 2.0),
                flag(self.other.outer_mm[o]),
                value(self.spline.outer_mm[o] - outer, 2.0),
                value(self.spline.thickness_mm[o] - thickness, 2.0),
                value(self.mirrored.outer_mm[o] - outer, 2.0),
                value(self.mirrored.thickness_mm[o] - thickness, 2.0),
                self.hole[o],
                flag(outer),
                self.into_outer_mm[o].min(24.0) / 8.0,
                self.into_inner_mm[o].min(24.0) / 8.0,
                self.sd_mm[o] / 2.0,
                (of(&mean.outer_mm) - RADIUS_MM as f32) / 10.0,
                of(&mean.thickness_mm) / 8.0,
                of(&mean.outer_sd_mm) / 4.0,
                of(&mean.thickness_sd_mm) / 3.0,
                of(&mean.closed),
                d.x.abs() as f32,
                d.y as f32,
                d.z as f32,
            ];
            values.iter().enumerate().for_each(|(c, v)| input[c * n + o] = *v);
        }
        input
    }
}

/// Share of a correction that is taken so far into what is not believed, 0 to 1.
pub(crate) fn fade(into_mm: f32) -> f32 {
    (into_mm / FADE_MM).clamp(0.0, 1.0)
}

/// What the network makes of a start, a value a pixel of its sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// To be added to outer radius and thickness away from the rim, mm of the mean frame.
    pub by: Residual,
    /// Factor of the field's deviation.
    pub sd_factor: Vec<f32>,
}

/// The map network with trained weights.
pub struct MapNetwork {
    net: UNet,
    /// Share of the correction that held on heads not trained on.
    share: f32,
}

impl Correction {
    /// Nothing is changed.
    pub(crate) fn none() -> Self {
        let n = MapSheet::pixels();
        let by = Residual { outer_mm: vec![0.0; n], thickness_mm: vec![0.0; n] };
        Self { by, sd_factor: vec![1.0; n] }
    }

    /// A share of it: of what is to be added, and of the logarithm of the deviation's factor.
    pub(crate) fn taken(mut self, share: f32) -> Self {
        self.by.outer_mm.iter_mut().chain(&mut self.by.thickness_mm).for_each(|v| *v *= share);
        self.sd_factor.iter_mut().for_each(|v| *v = v.powf(share));
        self
    }
}

static NETWORK: Shipped<Result<MapNetwork, WeightsError>> =
    Shipped::new(include_bytes!("../../assets/models/map.safetensors"), MapNetwork::beside_vault);

impl MapNetwork {
    /// The one that is reckoned with: the shipped one, or the site's own.
    ///
    /// # Errors
    /// [`WeightsError::OtherMean`] where the site has a mean vault of its own, and no such network.
    pub fn in_use() -> Result<&'static MapNetwork, WeightsError> {
        MapNetwork::file().value.as_ref().map_err(Clone::clone)
    }

    /// The same with its file.
    pub fn file() -> &'static InUse<Result<MapNetwork, WeightsError>> {
        NETWORK.in_use()
    }

    /// Puts a site's own in the place of the shipped one; `false` where that is in use already.
    pub fn replace(file: Vec<u8>, network: MapNetwork) -> bool {
        NETWORK.replace(file, Ok(network))
    }

    fn beside_vault(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::beside(bytes, MAP_KIND, MeanVault::in_use())?)
    }

    /// Reads a weight file.
    ///
    /// # Errors
    /// See [`WeightsError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::new(&Weights::from_bytes(bytes, MAP_KIND)?)
    }

    /// A network of trained weights.
    ///
    /// # Errors
    /// [`WeightsError::Shape`] when they are weights of another net.
    pub fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let shape = &weights.about.shape;
        let fits = shape.dimensions == 2
            && [shape.inputs, shape.outputs] == [MAP_INPUTS, MAP_OUTPUTS]
            && SHEET_SIZE.is_multiple_of(shape.multiple());
        if !fits {
            return Err(WeightsError::Shape { tensor: "the first or the last layer".to_owned() });
        }
        Ok(Self { net: weights.net()?, share: weights.held_share() })
    }

    /// The share of a correction that held on heads not trained on.
    pub fn held(&self, start: &MapStart) -> Correction {
        self.correct(start).taken(self.share)
    }

    /// The whole of what is to be added to a start.
    pub fn correct(&self, start: &MapStart) -> Correction {
        let n = MapSheet::pixels();
        let run = || -> candle_core::Result<Vec<f32>> {
            let dims = (1, MAP_INPUTS, 1, SHEET_SIZE, SHEET_SIZE);
            self.net.forward(&Tensor::from_vec(start.channels(), dims, &Device::Cpu)?)?.flatten_all()?.to_vec1()
        };
        // The net was checked to fit when it was made.
        let out = run().unwrap_or_else(|_| vec![0.0; MAP_OUTPUTS * n]);
        let within = |(v, sd): (&f32, &f32)| {
            let most_mm = MOST_SD * sd.max(LEAST_SD_MM);
            v.clamp(-most_mm, most_mm)
        };
        let in_band = |map: &[f32]| map.iter().zip(&start.sd_mm).map(within).collect();
        let by = Residual { outer_mm: in_band(&out[..n]), thickness_mm: in_band(&out[n..2 * n]) };
        let sd_factor = out[2 * n..].iter().map(|s| s.clamp(-MOST_LOG_SD, MOST_LOG_SD).exp()).collect();
        Correction { by, sd_factor }
    }
}

/// Weights that add the same everywhere: outer radius and thickness, mm, and the logarithm of the deviation.
#[cfg(test)]
pub(crate) fn constant_weights(by: [f32; 3]) -> Weights {
    let widths = vec![4, 6];
    let (inputs, outputs) = (MAP_INPUTS, MAP_OUTPUTS);
    Weights::constant(super::UNetShape { dimensions: 2, inputs, outputs, widths, blocks: 1, fold: true }, &by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::HELD_SHARE;

    #[test]
    fn a_share_of_the_correction_is_held_and_of_the_deviations_logarithm() {
        let n = MapSheet::pixels();
        let sheet = MapSheet::about(&Vector3::z());
        let start = MapStart::from_maps(sheet, std::array::from_fn(|_| vec![2.0; n]));
        let mut weights = constant_weights([2.0, 1.0, 0.3]);
        let all = MapNetwork::new(&weights).expect("a network");
        assert_eq!(all.held(&start), all.correct(&start), "nothing was fitted");
        weights.about.calibration.insert(HELD_SHARE.to_owned(), 0.25);
        let network = MapNetwork::new(&weights).expect("a network");
        let (whole, part) = (network.correct(&start), network.held(&start));
        assert!((whole.by.outer_mm[7] - 2.0).abs() < 1e-5 && (whole.by.thickness_mm[7] - 1.0).abs() < 1e-5);
        assert!((part.by.outer_mm[7] - 0.5).abs() < 1e-5 && (part.by.thickness_mm[7] - 0.25).abs() < 1e-5);
        assert!((whole.sd_factor[7].ln() - 0.3).abs() < 1e-5 && (part.sd_factor[7].ln() - 0.075).abs() < 1e-5);
    }

    #[test]
    fn no_network_leaves_the_fields_band() {
        let n = MapSheet::pixels();
        let mut start = MapStart::from_maps(MapSheet::about(&Vector3::z()), std::array::from_fn(|_| vec![1.0; n]));
        start.sd_mm[5] = 0.0;
        let wild = MapNetwork::new(&constant_weights([9.0, -7.0, 3.0])).expect("a network").correct(&start);
        assert_eq!((wild.by.outer_mm[4], wild.by.thickness_mm[4]), (MOST_SD, -MOST_SD));
        assert_eq!(wild.by.outer_mm[5], MOST_SD * LEAST_SD_MM);
        assert!((wild.sd_factor[4].ln() - MOST_LOG_SD).abs() < 1e-5);
    }

    #[test]
    fn the_shipped_weights_are_the_map_networks_and_no_other_file_is() {
        let bytes = include_bytes!("../../assets/models/map.safetensors");
        assert!(MapNetwork::from_bytes(bytes).is_ok() && bytes.len() < 8_000_000);
        let weights = Weights::from_bytes(bytes, MAP_KIND).expect("weights");
        assert!(weights.about.skulls > 5 && weights.about.steps >= 50);
        let mut other = weights.clone();
        other.about.shape.inputs += 1;
        assert!(MapNetwork::new(&other).is_err());
        assert!(matches!(Weights::from_bytes(bytes, "detector"), Err(WeightsError::Kind { .. })));
        let mut changed = bytes.to_vec();
        changed[bytes.len() - 3] ^= 4;
        assert_eq!(Weights::from_bytes(&changed, MAP_KIND), Err(WeightsError::Damaged));
    }
}
