use super::sheet::Sheet;
use super::tables::Tables;
use crate::skull::{HeadMaps, MeanVault, Skull};
use nalgebra::{DMatrix, Vector3};
use rayon::prelude::*;

/// What the atlas knows of a sheet: the mean vault in this head's own size, and how other heads differ from it.
pub(crate) struct Prior {
    /// Mean outer radius and thickness, mm of this head.
    pub mean: Tables,
    /// Direction of each pixel in the mean frame, and mm of the mean frame a mm of this head along it.
    places: Vec<(Vector3<f64>, f32)>,
    heads: Option<&'static HeadMaps>,
}

/// Differences of the atlas' heads to their own mean at some pixels: one row a head (and one its mirror image), one
/// column a pixel, mm of this head.
pub(crate) struct HeadSamples {
    pub outer: DMatrix<f64>,
    pub thickness: DMatrix<f64>,
    /// Mean over the heads, mm: what the mean vault is to be corrected by.
    pub mean_outer: Vec<f64>,
    pub mean_thickness: Vec<f64>,
}

/// Outer radius and thickness of every head at one pixel, mm.
type HeadColumn = (Vec<f64>, Vec<f64>);

impl Prior {
    /// The shipped atlas laid over a sheet.
    pub fn of(skull: &Skull, sheet: &Sheet) -> Self {
        let vault = MeanVault::shipped();
        let places: Vec<(Vector3<f64>, f32)> = sheet
            .directions
            .par_iter()
            .map(|d| {
                let (direction, unit) = skull.mean_direction(d);
                (direction, unit as f32)
            })
            .collect();
        let one = |(direction, unit): &(Vector3<f64>, f32)| {
            let (row, column) = vault.disc.position(direction);
            let at = |map: &[f32]| vault.disc.sample_at(map, row, column) / unit;
            (at(&vault.outer_mm), at(&vault.thickness_mm))
        };
        let (outer, thickness) = places.par_iter().map(one).unzip();
        Self { mean: Tables { outer, thickness }, places, heads: Some(HeadMaps::shipped()) }
    }

    /// A mean of constant thickness and no other head: for shapes that are no heads.
    #[cfg(test)]
    pub fn of_shape(sheet: &Sheet, outer_mm: impl Fn(&Vector3<f64>) -> f64, thickness_mm: f32) -> Self {
        let places: Vec<(Vector3<f64>, f32)> = sheet.directions.iter().map(|d| (*d, 1.0)).collect();
        let outer: Vec<f32> = sheet.directions.iter().map(|d| outer_mm(d) as f32).collect();
        let thickness = vec![thickness_mm; outer.len()];
        Self { mean: Tables { outer, thickness }, places, heads: None }
    }

    /// Direction of a pixel in the mean frame.
    pub fn direction(&self, pixel: usize) -> &Vector3<f64> {
        &self.places[pixel].0
    }

    /// The heads at some pixels; each head counts with its mirror image.
    pub fn heads_at(&self, pixels: &[usize]) -> HeadSamples {
        let none = HeadMaps::none();
        let maps = self.heads.unwrap_or(&none);
        let rows = 2 * maps.heads.len();
        let columns: Vec<HeadColumn> = pixels
            .par_iter()
            .map(|&pixel| {
                let (direction, unit) = &self.places[pixel];
                let sides = [1.0, -1.0]
                    .map(|side| maps.disc.position(&Vector3::new(side * direction.x, direction.y, direction.z)));
                let of = |map: fn(&crate::skull::HeadMap) -> &[f32]| -> Vec<f64> {
                    let one = |head, (row, column)| f64::from(maps.disc.sample_at(map(head), row, column) / unit);
                    sides.iter().flat_map(|&side| maps.heads.iter().map(move |head| one(head, side))).collect()
                };
                (of(|head| &head.outer_mm), of(|head| &head.thickness_mm))
            })
            .collect();
        let centred = |table: fn(&HeadColumn) -> &[f64]| {
            let mut matrix = DMatrix::zeros(rows, pixels.len());
            let mut means = Vec::with_capacity(pixels.len());
            for (mut column, values) in matrix.column_iter_mut().zip(&columns) {
                let values = table(values);
                let mean = values.iter().sum::<f64>() / rows.max(1) as f64;
                column.iter_mut().zip(values).for_each(|(to, v)| *to = v - mean);
                means.push(mean);
            }
            (matrix, means)
        };
        let (outer, mean_outer) = centred(|c| &c.0);
        let (thickness, mean_thickness) = centred(|c| &c.1);
        HeadSamples { outer, thickness, mean_outer, mean_thickness }
    }
}
