use super::Alternative;
use crate::reconstruct::sheet::{Sheet, median};
use nalgebra::Vector3;

/// Bone shown around the hole, mm.
const AROUND_MM: f64 = 9.0;
/// Where the light comes from: from the left above, seen from outside (right, up, towards the eye).
const LIGHT: Vector3<f64> = Vector3::new(-0.45, 0.6, 0.66);
/// Light in the shadow, 0..1.
const AMBIENT: f64 = 0.25;

/// A completed outer surface seen from outside, as a square picture without colours, rows from above; up is towards the
/// vertex (on the vertex itself towards the back).
#[derive(Clone, Debug)]
pub struct Relief {
    /// Pixels along each side.
    pub side: usize,
    /// Side of a pixel, mm.
    pub pixel_mm: f64,
    /// Brightness, 0 in shadow to 1 facing the light.
    pub shade: Vec<f32>,
    /// Completed less reference outer radius, mm; `NaN` outside of the hole.
    pub difference_mm: Vec<f32>,
}

impl Alternative {
    /// The surface around the hole on `side` × `side` pixels.
    pub fn relief(&self, side: usize) -> Relief {
        let completion = &self.completion;
        let (disc, hole) = (&completion.disc, &completion.hole);
        let radius = median(completion.outer_mm.iter().map(|&r| f64::from(r))).unwrap_or(85.0);
        let sheet = Sheet::new(disc, radius);
        let light = disc.frame_from_disc * LIGHT.normalize();
        let lit = |n: &Vector3<f64>| (AMBIENT + (1.0 - AMBIENT) * n.dot(&light).max(0.0)) as f32;
        let shades: Vec<f32> = sheet.normals(&completion.outer_mm).iter().map(lit).collect();
        let covered: Vec<f32> = hole.iter().map(|&h| f32::from(u8::from(h))).collect();

        let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
        for i in (0..hole.len()).filter(|&i| hole[i]) {
            for (k, at) in [i / disc.size, i % disc.size].into_iter().enumerate() {
                low[k] = low[k].min(at as f64);
                high[k] = high[k].max(at as f64);
            }
        }
        if low[0] > high[0] {
            (low, high) = ([0.0; 2], [(disc.size - 1) as f64; 2]);
        }
        let wide = (high[0] - low[0]).max(high[1] - low[1]) + 2.0 * AROUND_MM / sheet.pixel_mm;
        let step = wide / (side.max(2) - 1) as f64;
        let middle = [(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0];
        let (mut shade, mut difference_mm) = (Vec::new(), Vec::new());
        for y in 0..side {
            for x in 0..side {
                // Rows of the map go up.
                let row = middle[0] + wide / 2.0 - y as f64 * step;
                let column = middle[1] - wide / 2.0 + x as f64 * step;
                shade.push(disc.sample_at(&shades, row, column));
                let inside = disc.sample_at(&covered, row, column) >= 0.5;
                let value = if inside { disc.sample_at(&self.difference_mm, row, column) } else { f32::NAN };
                difference_mm.push(value);
            }
        }
        Relief { side, pixel_mm: step * sheet.pixel_mm, shade, difference_mm }
    }
}
