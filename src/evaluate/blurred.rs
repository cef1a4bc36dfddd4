use crate::geometry::{Field, Volume};
use rayon::prelude::*;

/// Share of bone around each voxel: the mask (0 and 1) under a Gaussian of `sigma_mm`. Its half level is the bone's
/// surface without the voxels' stairs. Beyond the volume the border voxels go on.
pub(super) fn blurred(mask: &Volume<u8>, sigma_mm: f64) -> Field {
    let grid = &mask.grid;
    let [nx, ny, nz] = grid.size;
    let slab = nx * ny;
    let kernels = grid.spacing_mm.map(|s| kernel(sigma_mm / s));
    let mut data: Vec<f32> = vec![0.0; grid.len()];
    // x and y within each slice, then z across slices.
    data.par_chunks_mut(slab).enumerate().for_each(|(z, out)| {
        let mut along_x = vec![0f32; slab];
        for y in 0..ny {
            let line = &mask.data[z * slab + y * nx..z * slab + (y + 1) * nx];
            convolve_line(line, &kernels[0], &mut along_x[y * nx..(y + 1) * nx]);
        }
        weigh_rows(&kernels[1], ny, |y, weight, k| {
            add(&mut out[y * nx..(y + 1) * nx], &along_x[k * nx..(k + 1) * nx], weight)
        });
    });
    let along_xy = data;
    let mut data = vec![0f32; grid.len()];
    data.par_chunks_mut(slab).enumerate().for_each(|(z, out)| {
        for (tap, &weight) in kernels[2].iter().enumerate() {
            let k = clamped(z, tap, &kernels[2], nz);
            add(out, &along_xy[k * slab..(k + 1) * slab], weight);
        }
    });
    Volume::new(grid.clone(), data)
}

fn kernel(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i64;
    let values: Vec<f64> = (-reach..=reach).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
    let total: f64 = values.iter().sum();
    values.iter().map(|v| (v / total) as f32).collect()
}

fn clamped(at: usize, tap: usize, kernel: &[f32], count: usize) -> usize {
    (at + tap).saturating_sub(kernel.len() / 2).min(count - 1)
}

fn weigh_rows(kernel: &[f32], count: usize, mut add_row: impl FnMut(usize, f32, usize)) {
    for at in 0..count {
        for (tap, &weight) in kernel.iter().enumerate() {
            add_row(at, weight, clamped(at, tap, kernel, count));
        }
    }
}

fn add(out: &mut [f32], from: &[f32], weight: f32) {
    out.iter_mut().zip(from).for_each(|(o, f)| *o += weight * f);
}

fn convolve_line(line: &[u8], kernel: &[f32], out: &mut [f32]) {
    let (Some(&first), Some(&last)) = (line.first(), line.last()) else { return };
    if line.iter().all(|&v| v == first) {
        out.fill(f32::from(first));
        return;
    }
    let reach = kernel.len() / 2;
    let mut padded = vec![f32::from(first); line.len() + 2 * reach];
    padded[reach..reach + line.len()].iter_mut().zip(line).for_each(|(p, &v)| *p = f32::from(v));
    padded[reach + line.len()..].fill(f32::from(last));
    out.fill(0.0);
    for (tap, &weight) in kernel.iter().enumerate() {
        add(out, &padded[tap..tap + line.len()], weight);
    }
}
