use crate::geometry::{Disc, Grid, Volume, distance_to_set_mm, label_components};
use nalgebra::Vector3;
use rayon::prelude::*;

/// A map of directions laid flat: pixel positions in mm at a typical radius, and what is asked of masks on it.
pub(crate) struct Sheet {
    /// Pixels along each side.
    pub size: usize,
    /// Side of a pixel at the typical radius, mm.
    pub pixel_mm: f64,
    /// Unit direction of each pixel in the head frame (outside of the sphere's image: away from the centre).
    pub directions: Vec<Vector3<f64>>,
    grid: Grid,
}

impl Sheet {
    /// The map at `radius_mm` from the head's centre.
    pub fn new(disc: &Disc, radius_mm: f64) -> Self {
        let size = disc.size;
        let away = -disc.frame_from_disc.column(2).into_owned();
        let directions = (0..disc.len())
            .into_par_iter()
            .map(|i| disc.direction((i / size) as f64, (i % size) as f64).unwrap_or(away))
            .collect();
        let pixel_mm = disc.pixel() * radius_mm;
        let grid = Grid::axis_aligned([size, size, 1], [pixel_mm, pixel_mm, 1.0], Default::default());
        Self { size, pixel_mm, directions, grid }
    }

    /// Whether a pixel lies on the lattice of every `step`th row and column.
    pub fn on_lattice(&self, pixel: usize, step: usize) -> bool {
        (pixel / self.size).is_multiple_of(step) && (pixel % self.size).is_multiple_of(step)
    }

    /// Position of a pixel on the flat sheet, mm.
    pub fn position_mm(&self, pixel: usize) -> [f64; 2] {
        [(pixel % self.size) as f64 * self.pixel_mm, (pixel / self.size) as f64 * self.pixel_mm]
    }

    /// Distance of each pixel to the nearest pixel of the mask, mm.
    pub fn distance_mm(&self, mask: &[bool]) -> Vec<f32> {
        distance_to_set_mm(&self.volume(mask)).data
    }

    /// The mask's pieces (joined by sides) that hold at least one seed.
    pub fn connected_to(&self, mask: &[bool], seeds: &[bool]) -> Vec<bool> {
        let found = label_components(&self.volume(mask), false);
        let mut keep = vec![false; found.sizes.len() + 1];
        for (&label, &seed) in found.labels.data.iter().zip(seeds) {
            keep[label as usize] |= seed;
        }
        keep[0] = false;
        found.labels.data.iter().map(|&label| keep[label as usize]).collect()
    }

    /// Gaussian sums of `weight · value` and of `weight` (kernel of unit sum), for normalised convolution.
    pub fn blur(&self, values: &[f32], weights: &[f32], sigma_mm: f64) -> (Vec<f32>, Vec<f32>) {
        let weighted: Vec<f32> = values.iter().zip(weights).map(|(&v, &w)| if w > 0.0 { v * w } else { 0.0 }).collect();
        (self.gaussian(&weighted, sigma_mm), self.gaussian(weights, sigma_mm))
    }

    /// Gaussian average of the values where the mask is set; elsewhere, out of reach, `NaN`.
    pub fn smooth_where(&self, values: &[f32], mask: &[bool], sigma_mm: f64) -> Vec<f32> {
        let weights: Vec<f32> = mask.iter().map(|&m| f32::from(u8::from(m))).collect();
        let (sum, weight) = self.blur(values, &weights, sigma_mm);
        sum.iter().zip(&weight).map(|(&s, &w)| if w > 1e-4 { s / w } else { f32::NAN }).collect()
    }

    /// Gaussian filter with zeros beyond the border.
    pub fn gaussian(&self, values: &[f32], sigma_mm: f64) -> Vec<f32> {
        let sigma = sigma_mm / self.pixel_mm;
        let reach = (3.0 * sigma).ceil() as isize;
        let raw: Vec<f64> = (-reach..=reach).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
        let total: f64 = raw.iter().sum();
        let kernel: Vec<f32> = raw.iter().map(|w| (w / total) as f32).collect();
        let n = self.size as isize;
        let pass = |source: &[f32], along_row: bool| -> Vec<f32> {
            let at = |r: isize, c: isize, k: isize| {
                let (r, c) = if along_row { (r, c + k) } else { (r + k, c) };
                if r < 0 || c < 0 || r >= n || c >= n { 0.0 } else { source[(r * n + c) as usize] }
            };
            (0..n * n)
                .into_par_iter()
                .map(|i| (-reach..=reach).map(|k| kernel[(k + reach) as usize] * at(i / n, i % n, k)).sum())
                .collect()
        };
        pass(&pass(values, true), false)
    }

    /// Every pixel filled with the value of the nearest pixel of the mask (0 when the mask is empty).
    pub fn fill_from(&self, values: &[f32], mask: &[bool]) -> Vec<f32> {
        let nearest = crate::geometry::nearest_in_set(&self.volume(mask));
        nearest.iter().map(|&n| if n == u32::MAX { 0.0 } else { values[n as usize] }).collect()
    }

    /// Outward unit normals of the surface at `radius` along each direction (central differences).
    pub fn normals(&self, radius: &[f32]) -> Vec<Vector3<f64>> {
        let n = self.size;
        let point = |r: usize, c: usize| self.directions[r * n + c] * radius[r * n + c] as f64;
        (0..n * n)
            .into_par_iter()
            .map(|i| {
                let (r, c) = (i / n, i % n);
                let across = point(r, (c + 1).min(n - 1)) - point(r, c.saturating_sub(1));
                let down = point((r + 1).min(n - 1), c) - point(r.saturating_sub(1), c);
                let direction = self.directions[i];
                let normal = across.cross(&down).try_normalize(1e-12).unwrap_or(direction);
                if normal.dot(&direction) < 0.0 { -normal } else { normal }
            })
            .collect()
    }

    fn volume(&self, mask: &[bool]) -> Volume<u8> {
        Volume::new(self.grid.clone(), mask.iter().map(|&m| u8::from(m)).collect())
    }
}

/// 0 up to 0, 1 from 1 on, and a cubic without a bend at either end between.
pub(crate) fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Median of finite values (the lower of the two middle ones); `None` when there are none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut finite: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    let middle = (finite.len() - 1) / 2;
    finite.select_nth_unstable_by(middle, f64::total_cmp);
    Some(finite[middle])
}
