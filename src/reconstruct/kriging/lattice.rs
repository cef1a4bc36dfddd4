use crate::reconstruct::sheet::Sheet;
use rayon::prelude::*;

/// A coarse lattice of pixels that covers a domain, and straight lines between its values.
pub(super) struct Lattice {
    step: usize,
    size: usize,
    /// Pixel of each lattice point.
    pub pixels: Vec<usize>,
    /// Number of the lattice point at (row, column) of the lattice; `u32::MAX` where none is needed.
    number: Vec<u32>,
}

impl Lattice {
    pub fn over(sheet: &Sheet, domain: &[bool], step_mm: f64) -> Self {
        let step = (step_mm / sheet.pixel_mm).round().max(1.0) as usize;
        let size = sheet.size.div_ceil(step) + 1;
        let mut needed = vec![false; size * size];
        for i in (0..domain.len()).filter(|&i| domain[i]) {
            let (row, column) = (i / sheet.size / step, i % sheet.size / step);
            for (r, c) in [(row, column), (row + 1, column), (row, column + 1), (row + 1, column + 1)] {
                needed[r * size + c] = true;
            }
        }
        let (mut pixels, mut number) = (Vec::new(), vec![u32::MAX; size * size]);
        for k in (0..needed.len()).filter(|&k| needed[k]) {
            // The last row and column may lie beyond the sheet: its border stands for them.
            let (row, column) = ((k / size * step).min(sheet.size - 1), (k % size * step).min(sheet.size - 1));
            number[k] = pixels.len() as u32;
            pixels.push(row * sheet.size + column);
        }
        Self { step, size, pixels, number }
    }

    pub fn between(&self, sheet: &Sheet, domain: &[bool], value: impl Fn(usize) -> f32 + Sync) -> Vec<f32> {
        (0..domain.len())
            .into_par_iter()
            .map(|i| {
                if !domain[i] {
                    return 0.0;
                }
                let (row, column) = (i / sheet.size, i % sheet.size);
                let (r, c) = (row / self.step, column / self.step);
                let at = |r: usize, c: usize| value(self.number[r * self.size + c] as usize);
                let part = |at: usize| (at % self.step) as f32 / self.step as f32;
                let (down, across) = (part(row), part(column));
                let upper = at(r, c) + (at(r, c + 1) - at(r, c)) * across;
                let lower = at(r + 1, c) + (at(r + 1, c + 1) - at(r + 1, c)) * across;
                upper + (lower - upper) * down
            })
            .collect()
    }
}
