use super::sheet::{Sheet, median};
use super::tables::Tables;
use crate::skull::{HeadMap, HeadMaps, MeanVault, SAME_HEAD_MM, Skull, even_directions};
use nalgebra::{DMatrix, Vector3};
use rayon::prelude::*;

/// What the atlas knows of a sheet: the mean vault in this head's own size, and how other heads differ from it.
pub(crate) struct Prior {
    /// Mean outer radius and thickness, mm of this head.
    pub mean: Tables,
    /// Direction of each pixel in the mean frame, and mm of the mean frame a mm of this head along it.
    places: Vec<(Vector3<f64>, f32)>,
    /// The head's size against the mean head along its axes.
    scales: Vector3<f64>,
    heads: Option<&'static HeadMaps>,
    /// Numbers of the heads that are not asked.
    left_out: Vec<usize>,
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
    /// The atlas in use laid over a sheet.
    pub fn of(skull: &Skull, sheet: &Sheet) -> Self {
        let vault = MeanVault::in_use();
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
        Self {
            mean: Tables { outer, thickness },
            places,
            scales: skull.scales,
            heads: Some(HeadMaps::in_use()),
            left_out: Vec::new(),
        }
    }

    /// The atlas without some of its heads.
    pub fn without(self, heads: &[usize]) -> Self {
        Self { left_out: heads.to_vec(), ..self }
    }

    /// Whether all heads of an atlas are asked.
    pub fn asks_all_heads(&self) -> bool {
        self.heads.is_some() && self.left_out.is_empty()
    }

    /// A mean of constant thickness and no other head: for shapes that are no heads.
    #[cfg(test)]
    pub fn of_shape(sheet: &Sheet, outer_mm: impl Fn(&Vector3<f64>) -> f64, thickness_mm: f32) -> Self {
        let places: Vec<(Vector3<f64>, f32)> = sheet.directions.iter().map(|d| (*d, 1.0)).collect();
        let outer: Vec<f32> = sheet.directions.iter().map(|d| outer_mm(d) as f32).collect();
        let thickness = vec![thickness_mm; outer.len()];
        Self {
            mean: Tables { outer, thickness },
            places,
            scales: Vector3::repeat(1.0),
            heads: None,
            left_out: Vec::new(),
        }
    }

    /// Direction of a pixel in the mean frame.
    pub fn direction(&self, pixel: usize) -> &Vector3<f64> {
        &self.places[pixel].0
    }

    /// mm of the mean frame a mm of this head along a pixel's direction.
    pub fn unit(&self, pixel: usize) -> f32 {
        self.places[pixel].1
    }

    /// Unit direction of the mean frame of a direction of the head, and back.
    pub fn to_mean(&self, direction: &Vector3<f64>) -> Vector3<f64> {
        direction.component_mul(&self.scales).normalize()
    }

    /// See [`Prior::to_mean`].
    pub fn to_head(&self, direction: &Vector3<f64>) -> Vector3<f64> {
        direction.component_div(&self.scales).normalize()
    }

    /// The heads at some pixels; each head counts with its mirror image.
    pub fn heads_at(&self, pixels: &[usize]) -> HeadSamples {
        let none = HeadMaps::none();
        let maps = self.heads.unwrap_or(&none);
        let asked: Vec<&HeadMap> =
            (0..maps.heads.len()).filter(|i| !self.left_out.contains(i)).map(|i| &maps.heads[i]).collect();
        let rows = 2 * asked.len();
        let columns: Vec<HeadColumn> = pixels
            .par_iter()
            .map(|&pixel| {
                let (direction, unit) = &self.places[pixel];
                let sides = [1.0, -1.0]
                    .map(|side| maps.disc.position(&Vector3::new(side * direction.x, direction.y, direction.z)));
                let of = |map: fn(&HeadMap) -> &[f32]| -> Vec<f64> {
                    let one = |head, (row, column)| f64::from(maps.disc.sample_at(map(head), row, column) / unit);
                    sides.iter().flat_map(|&side| asked.iter().map(move |head| one(head, side))).collect()
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

/// Directions in which a head is held against those of the atlas, and from which height on.
const COMPARED: usize = 600;
const COMPARED_FROM_Z: f64 = 0.1;
/// Numbers of the atlas' heads that are this whole skull itself, told by their maps: names may differ.
pub fn own_heads(skull: &Skull) -> Vec<usize> {
    let apart = apart_mm(skull);
    (0..apart.len()).filter(|&i| apart[i] < f64::from(SAME_HEAD_MM)).collect()
}

/// Mean absolute difference of the outer surface to each head of the atlas, mm of the mean frame, after their median
/// difference is taken off.
fn apart_mm(skull: &Skull) -> Vec<f64> {
    let (vault, maps) = (MeanVault::in_use(), HeadMaps::in_use());
    let places: Vec<Vector3<f64>> =
        even_directions(COMPARED, COMPARED_FROM_Z).into_iter().filter(|d| vault.in_vault(d)).collect();
    let rays: Vec<Vector3<f64>> = places.iter().map(|d| d.component_div(&skull.scales).normalize()).collect();
    let hits = skull.cast(&rays);
    let own = |k: usize| f64::from(hits[k].outer_mm) * skull.mean_direction(&rays[k]).1 - vault.outer_at(&places[k]);
    let own: Vec<f64> = (0..places.len()).map(own).collect();
    let to_head = |head: &HeadMap| {
        let apart: Vec<f64> =
            places.iter().zip(&own).map(|(d, v)| v - f64::from(maps.disc.sample(&head.outer_mm, d))).collect();
        let middle = median(apart.iter().copied()).unwrap_or(0.0);
        let known: Vec<f64> = apart.into_iter().filter(|v| v.is_finite()).map(|v| (v - middle).abs()).collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    };
    maps.heads.iter().map(to_head).collect()
}
