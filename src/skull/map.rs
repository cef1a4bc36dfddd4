//! Square maps of values over directions: smoothing and filling, `NaN` meaning "not known".

use crate::geometry::{Grid, Volume, label_components, nearest_in_set};

/// Gaussian blur of a square map with `sigma_px`, over known pixels only (normalised convolution): pixels with
/// nothing known within three sigma stay `NaN`.
pub(crate) fn blur(map: &[f32], size: usize, sigma_px: f64) -> Vec<f32> {
    let weight: Vec<f32> = map.iter().map(|v| if v.is_finite() { 1.0 } else { 0.0 }).collect();
    let value: Vec<f32> = map.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
    let (sum, norm) = (convolve(&value, size, sigma_px), convolve(&weight, size, sigma_px));
    sum.iter().zip(&norm).map(|(s, n)| if *n > 1e-4 { s / n } else { f32::NAN }).collect()
}

/// Plain separable Gaussian convolution, zero beyond the border.
pub(crate) fn convolve(map: &[f32], size: usize, sigma_px: f64) -> Vec<f32> {
    let reach = (3.0 * sigma_px).ceil() as isize;
    let kernel: Vec<f32> = (-reach..=reach).map(|k| (-0.5 * (k as f64 / sigma_px).powi(2)).exp() as f32).collect();
    let total: f32 = kernel.iter().sum();
    let pass = |from: &[f32], stride: usize, line_stride: usize| -> Vec<f32> {
        let mut to = vec![0f32; from.len()];
        for line in 0..size {
            for i in 0..size {
                let low = (i as isize - reach).max(0) as usize;
                let high = ((i as isize + reach) as usize).min(size - 1);
                let mut sum = 0f32;
                for j in low..=high {
                    sum += from[line * line_stride + j * stride] * kernel[(j as isize - i as isize + reach) as usize];
                }
                to[line * line_stride + i * stride] = sum / total;
            }
        }
        to
    };
    pass(&pass(map, 1, size), size, 1)
}

/// Every unknown pixel takes the value of the nearest known one; a map without any known pixel stays as it is.
pub(crate) fn fill_nearest(map: &[f32], size: usize) -> Vec<f32> {
    let known = map.iter().map(|v| u8::from(v.is_finite())).collect();
    let nearest = nearest_in_set(&flat(size, known));
    map.iter().zip(&nearest).map(|(v, &n)| if n == u32::MAX { *v } else { map[n as usize] }).collect()
}

/// A square map as a one-slice volume with unit pixels, for the morphology of `geometry`.
pub(crate) fn flat(size: usize, data: Vec<u8>) -> Volume<u8> {
    Volume::new(Grid::axis_aligned([size, size, 1], [1.0; 3], Default::default()), data)
}

/// The mask with everything filled that has no way to the map's border (in the plane, by sides).
pub(crate) fn filled(mask: &Volume<u8>) -> Volume<u8> {
    let [nx, ny, _] = mask.grid.size;
    let free = label_components(&mask.map(|v| u8::from(v == 0)), false);
    let mut open = vec![false; free.sizes.len() + 1];
    for (o, &label) in free.labels.data.iter().enumerate() {
        let (x, y) = (o % nx, o / nx);
        if x == 0 || y == 0 || x + 1 == nx || y + 1 == ny {
            open[label as usize] = true;
        }
    }
    free.labels.map(|label| u8::from(label == 0 || !open[label as usize]))
}

/// The map seen in a mirror: columns reversed (x → −x for a map about +z).
pub(crate) fn mirrored<T: Copy>(map: &[T], size: usize) -> Vec<T> {
    (0..map.len()).map(|o| map[o / size * size + (size - 1 - o % size)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_a_constant_and_ignores_unknown_pixels() {
        let mut map = vec![3.0f32; 81];
        map[40] = f32::NAN;
        map[3] = f32::NAN;
        assert!(blur(&map, 9, 1.2).iter().all(|v| (v - 3.0).abs() < 1e-5));
    }

    #[test]
    fn filling_takes_the_nearest_value() {
        let mut map = vec![f32::NAN; 25];
        map[0] = 1.0;
        map[24] = 2.0;
        let full = fill_nearest(&map, 5);
        assert_eq!((full[1], full[23], full[5]), (1.0, 2.0, 1.0));
    }

    #[test]
    fn an_island_is_filled_and_a_bay_is_not() {
        let ring = |o: usize| {
            let (x, y) = (o % 7, o / 7);
            (1..=5).contains(&x) && (1..=5).contains(&y) && (x == 1 || y == 1 || x == 5 || y == 5)
        };
        let mut mask = flat(7, (0..49).map(|o| u8::from(ring(o))).collect());
        assert_eq!(filled(&mask).data.iter().filter(|&&v| v == 1).count(), 25);
        mask.data[3 * 7 + 1] = 0;
        assert_eq!(filled(&mask), mask);
    }

    #[test]
    fn mirroring_twice_is_the_identity() {
        let map: Vec<u8> = (0..16).collect();
        assert_eq!(mirrored(&mirrored(&map, 4), 4), map);
        assert_eq!(mirrored(&map, 4)[0], 3);
    }
}
