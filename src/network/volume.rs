//! The volume network: bone in cells about a hole, and how far completed tables lie from the truth there.
//!
//! It starts from the tables of another method and sees, in three dimensions, what rays do not: brow, orbit, temple and
//! base beside the hole, and the other side of the head.

use super::unet::UNet;
use super::weights::{Weights, WeightsError};
use crate::geometry::{Disc, distance_to_set_mm};
use crate::skull::Skull;
use crate::skull::map::flat;
use candle_core::{Device, Tensor};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::sync::OnceLock;

/// Word of the volume network's files.
pub const VOLUME_KIND: &str = "volume";
/// Name of the fitted number in the weight file: the share of the correction that holds on heads not trained on.
pub const HELD_SHARE: &str = "held_share";
/// Side of a cell, mm of the mean frame.
pub const CELL_MM: f64 = 2.0;
/// Input and output channels.
pub(crate) const VOLUME_INPUTS: usize = 8;
pub(crate) const VOLUME_OUTPUTS: usize = 1;
/// Samples along a cell's side.
const PARTS: usize = 2;
/// What is seen around the hole, mm of the mean frame.
const MARGIN_MM: f64 = 14.0;
/// Completed tables are moved fully this far inside of the hole, not at all at its edge, mm.
const FADE_MM: f32 = 4.0;
/// A typical radius of the vault, mm.
const RADIUS_MM: f64 = 85.0;
/// Distances to the completed bone are told up to here, mm.
const FAR_MM: f32 = 8.0;
/// Rounds in which a moved surface looks at the correction where it has moved to.
const ROUNDS: usize = 3;

/// A hole completed by another method, on a map of directions of the head frame.
#[derive(Clone, Copy)]
pub struct Started<'a> {
    /// The map.
    pub disc: &'a Disc,
    /// Completed outer radius, mm of the head, a value a pixel.
    pub outer_mm: &'a [f32],
    /// Completed inner radius, mm of the head.
    pub inner_mm: &'a [f32],
    /// Where bone is missing.
    pub hole: &'a [bool],
    /// Standard deviation of the outer radius, mm; 0 outside of the hole.
    pub sd_mm: &'a [f32],
    /// Mean-frame mm a head mm along the axes ([`Skull::scales`]).
    pub scales: Vector3<f64>,
}

/// How much of a correction counts at each pixel of the map: 0 outside of the hole, 1 well inside.
pub(crate) fn fade(disc: &Disc, hole: &[bool]) -> Vec<f32> {
    let outside = flat(disc.size, hole.iter().map(|h| u8::from(!h)).collect());
    let pixel_mm = (disc.pixel() * RADIUS_MM) as f32;
    distance_to_set_mm(&outside).data.iter().map(|d| (d * pixel_mm / FADE_MM).min(1.0)).collect()
}

/// A box of cells along the axes of the mean frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cells {
    /// Middle of the first cell, mm of the mean frame.
    pub first_mm: Vector3<f64>,
    /// Cells along z, y and x.
    pub size: [usize; 3],
}

impl Cells {
    pub fn len(&self) -> usize {
        self.size.iter().product()
    }

    /// Middle of a cell, mm of the mean frame.
    pub fn place(&self, cell: usize) -> Vector3<f64> {
        let [_, ny, nx] = self.size;
        let index = Vector3::new((cell % nx) as f64, (cell / nx % ny) as f64, (cell / nx / ny) as f64);
        self.first_mm + index * CELL_MM
    }

    /// Cells about the completed hole; along each axis a multiple of `multiple`. `None` where there is no hole.
    pub fn about(started: &Started, multiple: usize) -> Option<Self> {
        let (mut low, mut high) = (Vector3::repeat(f64::INFINITY), Vector3::repeat(f64::NEG_INFINITY));
        for pixel in (0..started.hole.len()).filter(|&i| started.hole[i]) {
            for radius in [started.outer_mm[pixel], started.inner_mm[pixel]] {
                let Some(place) = started.place(pixel, f64::from(radius)) else { continue };
                low = low.inf(&place);
                high = high.sup(&place);
            }
        }
        if (0..3).any(|k| low[k] > high[k]) {
            return None;
        }
        let cells = (high - low).map(|mm| ((mm + 2.0 * MARGIN_MM) / CELL_MM).ceil() as usize + 1);
        let size = [cells.z, cells.y, cells.x].map(|n| n.div_ceil(multiple) * multiple);
        let half = Vector3::new(size[2] - 1, size[1] - 1, size[0] - 1).map(|n| n as f64 * CELL_MM / 2.0);
        Some(Self { first_mm: (low + high) / 2.0 - half, size })
    }

    /// Value between cells, that of the nearest beyond the box.
    fn between(&self, values: &[f32], place: &Vector3<f64>) -> f32 {
        let [nz, ny, nx] = self.size;
        let last = Vector3::new(nx - 1, ny - 1, nz - 1);
        let at = (place - self.first_mm) / CELL_MM;
        let at = Vector3::from_fn(|k, _| at[k].clamp(0.0, last[k] as f64));
        let low = Vector3::from_fn(|k, _| (at[k] as usize).min(last[k].saturating_sub(1)));
        let part = Vector3::from_fn(|k, _| (at[k] - low[k] as f64) as f32);
        let value = |dx: usize, dy: usize, dz: usize| {
            let at = |k: usize, step: usize| (low[k] + step).min(last[k]);
            values[(at(2, dz) * ny + at(1, dy)) * nx + at(0, dx)]
        };
        let row = |dy, dz| value(0, dy, dz) + (value(1, dy, dz) - value(0, dy, dz)) * part.x;
        let plane = |dz| row(0, dz) + (row(1, dz) - row(0, dz)) * part.y;
        plane(0) + (plane(1) - plane(0)) * part.z
    }
}

impl Started<'_> {
    /// Place in the mean frame of a radius along a pixel's direction, mm; `None` off the sphere.
    pub(crate) fn place(&self, pixel: usize, radius_mm: f64) -> Option<Vector3<f64>> {
        let size = self.disc.size;
        let direction = self.disc.direction((pixel / size) as f64, (pixel % size) as f64)?;
        Some((direction * radius_mm).component_mul(&self.scales))
    }

    /// Distance along the ray of a place of the mean frame to the completed bone (negative within), mm of the mean frame,
    /// and the map's position; NaN where the map does not reach.
    fn field_mm(&self, place: &Vector3<f64>) -> (f32, (f64, f64)) {
        let head = place.component_div(&self.scales);
        let at = self.disc.position(&head);
        let radius = head.norm() as f32;
        let unit = place.norm() / head.norm().max(1e-9);
        let outer = self.disc.sample_at(self.outer_mm, at.0, at.1);
        let inner = self.disc.sample_at(self.inner_mm, at.0, at.1);
        ((radius - outer).max(inner - radius) * unit as f32, at)
    }
}

/// What the network sees of a box, a value a cell each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub cells: Cells,
    /// Share of bone that is there, 0 to 1.
    pub bone: Vec<f32>,
    /// The same at the mirrored place.
    pub other: Vec<f32>,
    /// Share of the hole's directions.
    pub hole: Vec<f32>,
    /// Distance to the completed bone, mm of the mean frame, within ±[`FAR_MM`].
    pub field_mm: Vec<f32>,
    /// Standard deviation of the completed outer radius, mm.
    pub sd_mm: Vec<f32>,
    /// How much of a correction counts.
    pub fade: Vec<f32>,
}

impl Block {
    /// Looks at a box. `bone` says whether there is bone at a place of the mean frame.
    pub fn new(cells: Cells, started: &Started, fade: &[f32], bone: &(dyn Fn(&Vector3<f64>) -> bool + Sync)) -> Self {
        let hole: Vec<f32> = started.hole.iter().map(|&h| f32::from(u8::from(h))).collect();
        let one = |cell: usize| -> [f32; 6] {
            let place = cells.place(cell);
            let (field, (row, column)) = started.field_mm(&place);
            let of = |map: &[f32]| Some(started.disc.sample_at(map, row, column)).filter(|v| v.is_finite());
            let field = if field.is_finite() { field.clamp(-FAR_MM, FAR_MM) } else { FAR_MM };
            let mirrored = Vector3::new(-place.x, place.y, place.z);
            let known = |map: &[f32]| of(map).unwrap_or(0.0);
            [share(&place, bone), share(&mirrored, bone), known(&hole), field, known(started.sd_mm), known(fade)]
        };
        let values: Vec<[f32; 6]> = (0..cells.len()).into_par_iter().map(one).collect();
        let channel = |k: usize| values.iter().map(|v| v[k]).collect();
        let [bone, other, hole, field_mm, sd_mm, fade] = [0, 1, 2, 3, 4, 5].map(channel);
        Self { cells, bone, other, hole, field_mm, sd_mm, fade }
    }

    /// The network's input, `[VOLUME_INPUTS][z][y][x]`.
    pub fn input(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(VOLUME_INPUTS * self.cells.len());
        out.extend_from_slice(&self.bone);
        out.extend_from_slice(&self.other);
        out.extend_from_slice(&self.hole);
        out.extend(self.field_mm.iter().map(|f| f / 4.0));
        out.extend(self.sd_mm.iter().map(|s| s / 2.0));
        for axis in 0..3 {
            let along = |cell: usize| {
                let at = self.cells.place(cell) / 100.0;
                [at.x.abs(), at.y, at.z][axis] as f32
            };
            out.extend((0..self.cells.len()).map(along));
        }
        out
    }
}

/// Share of bone in the cell about a place.
pub(crate) fn share(place: &Vector3<f64>, bone: &(dyn Fn(&Vector3<f64>) -> bool + Sync)) -> f32 {
    let part = |k: usize| ((k as f64 + 0.5) / PARTS as f64 - 0.5) * CELL_MM;
    let holds =
        |k: &usize| bone(&(place + Vector3::new(part(k % PARTS), part(k / PARTS % PARTS), part(k / PARTS / PARTS))));
    (0..PARTS.pow(3)).filter(holds).count() as f32 / PARTS.pow(3) as f32
}

/// Whether a skull has bone at a place of the mean frame; beyond the scan there is none.
pub(crate) fn bone_of(skull: &Skull) -> impl Fn(&Vector3<f64>) -> bool + Sync + '_ {
    let index_from_lps = skull.intensity.grid.index_from_lps_matrix();
    let lps_from_head = skull.frame.head_from_lps.transpose();
    let origin = index_from_lps * (skull.frame.centre_mm - skull.intensity.grid.origin_mm);
    let index_from_head = index_from_lps * lps_from_head;
    move |place| {
        let at = origin + index_from_head * place.component_div(&skull.scales);
        skull.intensity.sample_index(&at, f32::NEG_INFINITY) >= skull.iso
    }
}

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

impl VolumeNetwork {
    /// The one shipped with the program.
    pub fn shipped() -> &'static VolumeNetwork {
        static SHIPPED: OnceLock<VolumeNetwork> = OnceLock::new();
        SHIPPED.get_or_init(|| {
            VolumeNetwork::from_bytes(include_bytes!("../../assets/models/volume.safetensors"))
                .expect("the shipped file is checked by a test")
        })
    }

    /// Reads a weight file.
    ///
    /// # Errors
    /// See [`WeightsError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let weights = Weights::from_bytes(bytes, VOLUME_KIND)?;
        let shape = &weights.about.shape;
        if shape.dimensions != 3 || [shape.inputs, shape.outputs] != [VOLUME_INPUTS, VOLUME_OUTPUTS] {
            return Err(WeightsError::Shape { tensor: "the first or the last layer".to_owned() });
        }
        let share = weights.about.calibration.get(HELD_SHARE).copied().unwrap_or(1.0) as f32;
        Ok(Self { net: weights.net()?, multiple: shape.multiple(), share })
    }

    /// Moves the completed tables inside of the hole: one pass over the cells about it (2 to 4 s for 200 cm² on two
    /// cores).
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::UNetShape;
    use crate::network::weights::{About, Array};
    use std::collections::BTreeMap;

    const OUTER_MM: f32 = 80.0;
    const INNER_MM: f32 = 74.0;

    struct Hole {
        disc: Disc,
        outer_mm: Vec<f32>,
        inner_mm: Vec<f32>,
        hole: Vec<bool>,
        sd_mm: Vec<f32>,
    }

    /// A hole of 20 mm about the vertex of a shell.
    fn hole() -> Hole {
        let disc = Disc::about(&Vector3::z(), 80, 0.5);
        let n = disc.len();
        let at = |o: usize| disc.direction((o / 80) as f64, (o % 80) as f64);
        let hole = (0..n).map(|o| at(o).is_some_and(|d| d.z.acos() * f64::from(OUTER_MM) < 20.0)).collect();
        Hole { outer_mm: vec![OUTER_MM; n], inner_mm: vec![INNER_MM; n], hole, sd_mm: vec![0.5; n], disc }
    }

    impl Hole {
        fn started(&self) -> Started<'_> {
            Started {
                disc: &self.disc,
                outer_mm: &self.outer_mm,
                inner_mm: &self.inner_mm,
                hole: &self.hole,
                sd_mm: &self.sd_mm,
                scales: Vector3::repeat(1.1),
            }
        }
    }

    /// A net whose answer is one number everywhere.
    fn constant(answer: f32) -> VolumeNetwork {
        let shape = UNetShape {
            dimensions: 3,
            inputs: VOLUME_INPUTS,
            outputs: VOLUME_OUTPUTS,
            widths: vec![2, 2],
            blocks: 1,
            fold: true,
        };
        let array = |(name, dims, _): (String, Vec<usize>, f64)| {
            let value = if name == "head.bias" { answer } else { 0.0 };
            (name, Array { values: vec![value; dims.iter().product()], dims })
        };
        let arrays = shape.tensors().into_iter().map(array).collect();
        let about = About { shape, recipe: String::new(), steps: 0, skulls: 0, calibration: BTreeMap::new() };
        VolumeNetwork::from_bytes(&Weights { about, arrays }.to_bytes(VOLUME_KIND)).expect("a net of this program")
    }

    #[test]
    fn cells_hold_the_hole_with_a_margin_and_tell_bone_from_none() {
        let hole = hole();
        let started = hole.started();
        let cells = Cells::about(&started, 8).expect("a hole");
        assert!(cells.size.iter().all(|n| n % 8 == 0), "{:?}", cells.size);
        let shell = |p: &Vector3<f64>| (1.1 * 74.0..1.1 * 80.0).contains(&p.norm());
        let left = |p: &Vector3<f64>| shell(p) && p.z < 1.1 * 70.0;
        let block = Block::new(cells, &started, &fade(&hole.disc, &hole.hole), &left);
        let at = |p: [f64; 3]| {
            let i = (Vector3::from(p) - cells.first_mm).map(|mm| (mm / CELL_MM).round() as usize);
            (i.z * cells.size[1] + i.y) * cells.size[2] + i.x
        };
        // In the middle of the hole: no bone, the completed shell's middle, 3 mm of the head from its surfaces.
        let middle = at([0.0, 0.0, 1.1 * 77.0]);
        assert_eq!((block.bone[middle], block.hole[middle], block.fade[middle]), (0.0, 1.0, 1.0));
        assert!((block.field_mm[middle] + 3.3).abs() < 1.2, "{}", block.field_mm[middle]);
        // Outside of the shell by 6 mm; and beside the hole there is bone.
        assert!(block.field_mm[at([0.0, 0.0, 1.1 * 80.0 + 6.0])] > 4.5);
        let beside = Vector3::new(0.45, 0.0, 0.89).normalize() * 1.1 * 77.0;
        assert!(block.bone[at(beside.into())] > 0.5 && block.hole[at(beside.into())] == 0.0);
        assert_eq!(block.input().len(), VOLUME_INPUTS * cells.len());
    }

    #[test]
    fn a_correction_moves_both_tables_well_inside_and_none_at_the_rim() {
        let hole = hole();
        let started = hole.started();
        let none = constant(0.0).moved(&started, &|_| false);
        assert!(none.outer_mm == hole.outer_mm && none.inner_mm == hole.inner_mm);
        let thinner = constant(1.1).moved(&started, &|_| false);
        let fade = fade(&hole.disc, &hole.hole);
        for o in 0..fade.len() {
            // 1.1 mm of the mean frame are 1 mm of this head.
            assert!((hole.outer_mm[o] - thinner.outer_mm[o] - fade[o]).abs() < 1e-4);
            assert!((thinner.inner_mm[o] - hole.inner_mm[o] - fade[o]).abs() < 1e-4);
        }
        assert_eq!(thinner.outer_mm[40 * 80 + 40], OUTER_MM - 1.0);
    }

    #[test]
    fn nothing_to_move_without_a_hole() {
        let whole = Hole { hole: vec![false; hole().disc.len()], ..hole() };
        assert_eq!(Cells::about(&whole.started(), 8), None);
        assert_eq!(constant(1.0).moved(&whole.started(), &|_| false).outer_mm, whole.outer_mm);
    }

    #[test]
    fn the_shipped_weights_are_read_and_others_are_refused() {
        VolumeNetwork::shipped();
        let refused = |bytes: &[u8]| VolumeNetwork::from_bytes(bytes).err().expect("refused");
        let detector = include_bytes!("../../assets/models/detector.safetensors");
        assert!(matches!(refused(detector), WeightsError::Kind { .. }));
        let mut damaged = include_bytes!("../../assets/models/volume.safetensors").to_vec();
        *damaged.last_mut().expect("bytes") ^= 1;
        assert_eq!(refused(&damaged), WeightsError::Damaged);
        let shape = UNetShape { dimensions: 2, inputs: 3, outputs: 1, widths: vec![2], blocks: 0, fold: false };
        let zeros = |(name, dims, _): (String, Vec<usize>, f64)| {
            (name, Array { values: vec![0.0; dims.iter().product()], dims })
        };
        let arrays = shape.tensors().into_iter().map(zeros).collect();
        let about = About { shape, recipe: String::new(), steps: 0, skulls: 0, calibration: BTreeMap::new() };
        let flat = Weights { about, arrays }.to_bytes(VOLUME_KIND);
        assert!(matches!(refused(&flat), WeightsError::Shape { .. }));
    }
}
