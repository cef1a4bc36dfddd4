use super::sheet::{Sheet, median};
use super::tables::Tables;
use crate::skull::{HeadMap, HeadMaps, MeanVault, SAME_HEAD_MM, Skull, even_directions};
use nalgebra::{DMatrix, Rotation3, Vector3};
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

/// Differences of the atlas' heads to their own mean at some pixels: one row a head as it is turned (and as many for its
/// mirror image), one column a pixel, mm of this head. In single precision, for their products are most of the work.
pub(crate) struct HeadSamples {
    pub outer: DMatrix<f32>,
    pub thickness: DMatrix<f32>,
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

    /// The atlas at some directions of the mean frame, one a pixel, for a head of the mean's size.
    #[cfg(test)]
    pub fn at_directions(directions: &[Vector3<f64>]) -> Self {
        Self {
            mean: Tables::zeros(directions.len()),
            places: directions.iter().map(|d| (*d, 1.0)).collect(),
            scales: Vector3::repeat(1.0),
            heads: Some(HeadMaps::in_use()),
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

    /// The heads at some pixels; each head counts with its mirror image, and both once for each of the `turns`.
    pub fn heads_at(&self, pixels: &[usize], turns: &[Rotation3<f64>]) -> HeadSamples {
        let none = HeadMaps::none();
        let maps = self.heads.unwrap_or(&none);
        let asked: Vec<&HeadMap> =
            (0..maps.heads.len()).filter(|i| !self.left_out.contains(i)).map(|i| &maps.heads[i]).collect();
        let rows = 2 * turns.len() * asked.len();
        let columns: Vec<HeadColumn> = pixels
            .par_iter()
            .map(|&pixel| {
                let (direction, unit) = &self.places[pixel];
                let sides = [1.0, -1.0].map(|side| Vector3::new(side * direction.x, direction.y, direction.z));
                let turned = |side: Vector3<f64>| turns.iter().map(move |turn| maps.disc.position(&(turn * side)));
                let places: Vec<(f64, f64)> = sides.into_iter().flat_map(turned).collect();
                let of = |map: fn(&HeadMap) -> &[f32]| -> Vec<f64> {
                    let one = |head, (row, column)| f64::from(maps.disc.sample_at(map(head), row, column) / unit);
                    places.iter().flat_map(|&place| asked.iter().map(move |head| one(head, place))).collect()
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
                column.iter_mut().zip(values).for_each(|(to, v)| *to = (v - mean) as f32);
                means.push(mean);
            }
            (matrix, means)
        };
        let (outer, mean_outer) = centred(|c| &c.0);
        let (thickness, mean_thickness) = centred(|c| &c.1);
        HeadSamples { outer, thickness, mean_outer, mean_thickness }
    }
}

/// No turn, and turns by so many degrees about each axis both ways: mirrored across the midsagittal plane the same set,
/// so that no side is preferred.
pub(crate) fn turns(degrees: f64) -> Vec<Rotation3<f64>> {
    let angle = degrees.to_radians();
    let turned = |axis| [angle, -angle].map(|angle| Rotation3::from_axis_angle(&axis, angle));
    let axes = [Vector3::x_axis(), Vector3::y_axis(), Vector3::z_axis()];
    std::iter::once(Rotation3::identity()).chain(axes.into_iter().flat_map(turned)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconstruct::rim::sheet_of;
    use crate::reconstruct::test_head::TestHead;
    use nalgebra::Matrix3;

    #[test]
    fn turns_are_their_own_mirror_image_and_stand_for_no_turn_on_average() {
        let turns = turns(4.0);
        let mirror = Matrix3::from_diagonal(&Vector3::new(-1.0, 1.0, 1.0));
        for turn in &turns {
            let image = mirror * turn.matrix() * mirror;
            assert!(turns.iter().any(|other| (other.matrix() - image).amax() < 1e-12), "{turn}");
            assert!(turn.angle() < 4.0f64.to_radians() + 1e-12);
        }
        let mean = turns.iter().map(|turn| *turn.matrix()).sum::<Matrix3<f64>>() / turns.len() as f64;
        assert!((mean - mean.transpose()).amax() < 1e-12, "{mean}");
    }

    #[test]
    fn a_turned_head_stands_where_its_turned_places_do_and_its_mirror_image_on_the_other_side() {
        let head = TestHead {
            outer: |_| 88.0,
            inner: |_| 82.0,
            towards: Vector3::new(0.5, -0.4, 0.8).normalize(),
            half_deg: 12.0,
        };
        let sheet = sheet_of(&head.patch());
        let prior = Prior::of(&head.skull(1.5), &sheet);
        let (maps, pixel) = (HeadMaps::in_use(), sheet.size * sheet.size / 3);
        let turns = turns(3.0);
        let samples = prior.heads_at(&[pixel], &turns);
        let (count, d) = (maps.heads.len(), prior.direction(pixel));
        assert_eq!(samples.outer.nrows(), 2 * turns.len() * count);
        for (side, of_side) in [1.0, -1.0].into_iter().zip([0, turns.len() * count]) {
            for (k, turn) in turns.iter().enumerate() {
                let place = turn * Vector3::new(side * d.x, d.y, d.z);
                for (h, map) in maps.heads.iter().enumerate() {
                    let expected = f64::from(maps.disc.sample(&map.outer_mm, &place) / prior.unit(pixel));
                    let found = f64::from(samples.outer[(of_side + k * count + h, 0)]) + samples.mean_outer[0];
                    assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
                }
            }
        }
    }
}
