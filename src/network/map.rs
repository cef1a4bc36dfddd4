//! The map network: what is missing of the two tables, from the bone around the hole, the other side of the head and the
//! mean vault, on a sheet about the hole.

use super::membrane::stretch_membrane;
use super::seen::{Seen, expected};
use super::unet::UNet;
use super::weights::{Weights, WeightsError};
use crate::geometry::{Disc, distance_to_set_mm};
use crate::skull::map::{fill_nearest, flat};
use candle_core::{Device, Tensor};
use nalgebra::Vector3;

/// Word of the map network's files.
pub const MAP_KIND: &str = "map";
/// Pixels along a sheet's side.
pub const SHEET_SIZE: usize = 80;
/// Side of a pixel at the vault, mm.
pub const SHEET_PIXEL_MM: f64 = 2.6;
/// A typical radius of the vault, mm.
const RADIUS_MM: f64 = 85.0;
/// Rays this near to a hole are not believed: they graze its wall, pixels.
const GUARD_PX: f32 = 1.5;
/// Rounds of stretching the membrane.
const ROUNDS: usize = 250;
/// Input and output channels.
pub(crate) const MAP_INPUTS: usize = 16;
pub(crate) const MAP_OUTPUTS: usize = 2;

/// A sheet of directions of the mean frame about a hole.
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
    /// The sheet about a direction of the mean frame.
    pub fn about(direction: &Vector3<f64>) -> Self {
        let rho_max = SHEET_PIXEL_MM / RADIUS_MM * (SHEET_SIZE - 1) as f64 / 2.0;
        let disc = Disc::about(direction, SHEET_SIZE, rho_max);
        let at = |o: usize| disc.direction((o / SHEET_SIZE) as f64, (o % SHEET_SIZE) as f64);
        // The sheet spans 70° to each side: every pixel lies on the sphere.
        let directions = (0..disc.len()).map(|o| at(o).unwrap_or(-direction)).collect();
        Self { disc, directions }
    }

    /// The sheet's projection.
    pub fn disc(&self) -> &Disc {
        &self.disc
    }

    /// What a head's rays say on the sheet, or on its mirror image.
    pub fn residual(&self, seen: &Seen, mirrored: bool) -> Residual {
        let mean = expected();
        let side = if mirrored { -1.0 } else { 1.0 };
        let one = |d: &Vector3<f64>| -> (f32, f32) {
            let d = Vector3::new(side * d.x, d.y, d.z);
            // Bilinear between rays; one that met nothing makes NaN.
            let of = |map: &[f32]| mean.disc.sample(map, &d);
            let (outer, inner) = (of(&seen.outer_mm), of(&seen.inner_mm));
            (outer - of(&mean.outer_mm), outer - inner - of(&mean.thickness_mm))
        };
        let (outer_mm, thickness_mm) = self.directions.iter().map(one).unzip();
        Residual { outer_mm, thickness_mm }
    }
}

/// What the network starts from: the seen residual, and a membrane stretched over what is missing.
pub struct MapStart {
    /// Start of both tables on the whole sheet.
    pub start: Residual,
    /// The network's input, `[MAP_INPUTS][size][size]`.
    pub(crate) input: Vec<f32>,
}

impl MapStart {
    /// Prepares a sheet. `hole` says which pixels are to be predicted; `other` is the residual of the mirrored head, NaN
    /// where it was not seen.
    pub fn new(sheet: &MapSheet, own: &Residual, other: &Residual, hole: &[bool]) -> Self {
        let size = SHEET_SIZE;
        let mean = expected();
        let mask = |set: &dyn Fn(usize) -> bool| flat(size, (0..hole.len()).map(|o| u8::from(set(o))).collect());
        let to_hole = distance_to_set_mm(&mask(&|o| hole[o])).data;
        let into_hole = distance_to_set_mm(&mask(&|o| !hole[o])).data;
        let observed: Vec<bool> =
            (0..hole.len()).map(|o| to_hole[o] > GUARD_PX && own.outer_mm[o].is_finite()).collect();
        let start = Residual {
            outer_mm: stretched(&own.outer_mm, &observed),
            thickness_mm: stretched(&own.thickness_mm, &observed),
        };
        let mut input = vec![0f32; MAP_INPUTS * hole.len()];
        for (o, &open) in hole.iter().enumerate() {
            let d = &sheet.directions[o];
            let of = |map: &[f32]| mean.disc.sample(map, d);
            let flag = |set: bool| f32::from(u8::from(set));
            let seen = other.outer_mm[o].is_finite();
            let known = |v: f32, by: f32| if seen { (v / by).clamp(-4.0, 4.0) } else { 0.0 };
            let values: [f32; MAP_INPUTS] = [
                (start.outer_mm[o] / 3.0).clamp(-4.0, 4.0),
                (start.thickness_mm[o] / 2.0).clamp(-4.0, 4.0),
                known(other.outer_mm[o] - start.outer_mm[o], 3.0),
                known(other.thickness_mm[o] - start.thickness_mm[o], 2.0),
                flag(open),
                flag(seen),
                flag(observed[o]),
                into_hole[o].min(20.0) / 8.0,
                (of(&mean.outer_mm) - RADIUS_MM as f32) / 10.0,
                of(&mean.thickness_mm) / 8.0,
                of(&mean.outer_sd_mm) / 4.0,
                of(&mean.thickness_sd_mm) / 3.0,
                of(&mean.closed),
                d.x.abs() as f32,
                d.y as f32,
                d.z as f32,
            ];
            values.iter().enumerate().for_each(|(c, v)| input[c * hole.len() + o] = *v);
        }
        Self { start, input }
    }
}

/// The observed values, and a membrane between them.
fn stretched(values: &[f32], observed: &[bool]) -> Vec<f32> {
    let size = SHEET_SIZE;
    let known: Vec<f32> = values.iter().zip(observed).map(|(v, o)| if *o { *v } else { f32::NAN }).collect();
    let mut field = fill_nearest(&known, size);
    if field.iter().any(|v| v.is_nan()) {
        return vec![0.0; values.len()];
    }
    stretch_membrane(&mut field, observed, size, ROUNDS);
    field
}

/// The map network with trained weights.
pub struct MapNetwork {
    net: UNet,
}

impl MapNetwork {
    /// Reads a weight file.
    ///
    /// # Errors
    /// See [`WeightsError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let weights = Weights::from_bytes(bytes, MAP_KIND)?;
        let shape = &weights.about.shape;
        let fits = shape.dimensions == 2
            && [shape.inputs, shape.outputs] == [MAP_INPUTS, MAP_OUTPUTS]
            && SHEET_SIZE.is_multiple_of(shape.multiple());
        if !fits {
            return Err(WeightsError::Shape { tensor: "the first or the last layer".to_owned() });
        }
        Ok(Self { net: weights.net()? })
    }

    /// Both tables on the sheet as differences to the mean vault: the start and the network's correction in the hole.
    pub fn complete(&self, prepared: &MapStart, hole: &[bool]) -> Residual {
        let n = hole.len();
        let run = || -> candle_core::Result<Vec<f32>> {
            let dims = (1, MAP_INPUTS, 1, SHEET_SIZE, SHEET_SIZE);
            self.net.forward(&Tensor::from_slice(&prepared.input, dims, &Device::Cpu)?)?.flatten_all()?.to_vec1()
        };
        // The net was checked to fit when it was made.
        let out = run().unwrap_or_else(|_| vec![0.0; MAP_OUTPUTS * n]);
        let with = |start: &[f32], by: &[f32]| -> Vec<f32> {
            (0..n).map(|o| start[o] + if hole[o] { by[o] } else { 0.0 }).collect()
        };
        Residual {
            outer_mm: with(&prepared.start.outer_mm, &out[..n]),
            thickness_mm: with(&prepared.start.thickness_mm, &out[n..]),
        }
    }
}
