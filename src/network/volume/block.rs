//! Cells of the mean frame about a hole, and what is seen in them.

use super::{CELL_MM, RADIUS_MM, VOLUME_INPUTS};
use crate::geometry::{Disc, distance_to_set_mm};
use crate::skull::Skull;
use crate::skull::map::flat;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Samples along a cell's side are at most this far apart, mm.
const APART_MM: f64 = 1.4;
/// What is seen around the hole, mm of the mean frame.
const MARGIN_MM: f64 = 14.0;
/// Completed tables are moved fully this far inside of the hole, not at all at its edge, mm.
const FADE_MM: f32 = 4.0;
/// Distances to the completed bone are told up to here, mm; in large cells up to three of them.
const FAR_MM: f64 = 8.0;

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
    /// Side of a cell, mm of the mean frame.
    pub side_mm: f64,
}

impl Cells {
    pub fn len(&self) -> usize {
        self.size.iter().product()
    }

    /// Middle of a cell, mm of the mean frame.
    pub fn place(&self, cell: usize) -> Vector3<f64> {
        let [_, ny, nx] = self.size;
        let index = Vector3::new((cell % nx) as f64, (cell / nx % ny) as f64, (cell / nx / ny) as f64);
        self.first_mm + index * self.side_mm
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
        Some(Self { first_mm: (low + high) / 2.0 - half, size, side_mm: CELL_MM })
    }

    /// Value between cells, that of the nearest beyond the box.
    pub(super) fn between(&self, values: &[f32], place: &Vector3<f64>) -> f32 {
        let [nz, ny, nx] = self.size;
        let last = Vector3::new(nx - 1, ny - 1, nz - 1);
        let at = (place - self.first_mm) / self.side_mm;
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
    /// Distance to the completed bone, mm of the mean frame, within ±8 (or three cells).
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
        let far = FAR_MM.max(3.0 * cells.side_mm) as f32;
        let share = |place: &Vector3<f64>| share(place, cells.side_mm, bone);
        let one = |cell: usize| -> [f32; 6] {
            let place = cells.place(cell);
            let (field, (row, column)) = started.field_mm(&place);
            let of = |map: &[f32]| Some(started.disc.sample_at(map, row, column)).filter(|v| v.is_finite());
            let field = if field.is_finite() { field.clamp(-far, far) } else { far };
            let mirrored = Vector3::new(-place.x, place.y, place.z);
            let known = |map: &[f32]| of(map).unwrap_or(0.0);
            [share(&place), share(&mirrored), known(&hole), field, known(started.sd_mm), known(fade)]
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

/// Share of bone in the cell about a place, its side in mm.
pub(crate) fn share(place: &Vector3<f64>, side_mm: f64, bone: &(dyn Fn(&Vector3<f64>) -> bool + Sync)) -> f32 {
    let parts = (side_mm / APART_MM).ceil() as usize;
    let part = |k: usize| ((k as f64 + 0.5) / parts as f64 - 0.5) * side_mm;
    let holds =
        |k: &usize| bone(&(place + Vector3::new(part(k % parts), part(k / parts % parts), part(k / parts / parts))));
    (0..parts.pow(3)).filter(holds).count() as f32 / parts.pow(3) as f32
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
