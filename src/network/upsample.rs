//! Twice as many voxels along every axis, linear between, with the gradient.

use super::convolve::values;
use candle_core::{CpuStorage, CustomOp1, Layout as Strides, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Doubles depth (not of `flat` maps), height and width of `[batch, channels, depth, height, width]`: values lie in the
/// middle of voxels, as everywhere, and are held beyond the border.
///
/// # Errors
/// When the tensor has not five axes of f32.
pub fn upsample(x: &Tensor, flat: bool) -> Result<Tensor> {
    let (x, op) = (x.contiguous()?, Upsample { flat });
    if x.track_op() { x.apply_op1(op) } else { x.apply_op1_no_bwd(&op) }
}

struct Upsample {
    flat: bool,
}

impl Upsample {
    /// Depth, height and width, and which of them double.
    fn extents(&self, shape: &Shape) -> Result<([usize; 3], [bool; 3])> {
        let [_, _, d, h, w] = shape.dims() else { bail!("upsample needs five axes: {shape:?}") };
        Ok(([*d, *h, *w], [!self.flat, true, true]))
    }
}

/// The two neighbours of output `o` and the weight of the second: output 2i lies a quarter before voxel i.
fn neighbours(o: usize, extent: usize) -> (usize, usize, f32) {
    let i = o / 2;
    if o.is_multiple_of(2) { (i.saturating_sub(1), i, 0.75) } else { (i, (i + 1).min(extent - 1), 0.25) }
}

/// One axis of `[outer, extent, inner]` doubled.
fn double(from: &[f32], extent: usize, inner: usize) -> Vec<f32> {
    let mut to = vec![0f32; from.len() * 2];
    to.par_chunks_mut(2 * extent * inner).zip(from.par_chunks(extent * inner)).for_each(|(to, from)| {
        for (o, line) in to.chunks_exact_mut(inner).enumerate() {
            let (a, b, t) = neighbours(o, extent);
            let (a, b) = (&from[a * inner..], &from[b * inner..]);
            for (k, v) in line.iter_mut().enumerate() {
                *v = a[k] + (b[k] - a[k]) * t;
            }
        }
    });
    to
}

/// The transpose of [`double`].
fn halve(from: &[f32], extent: usize, inner: usize) -> Vec<f32> {
    let mut to = vec![0f32; from.len() / 2];
    to.par_chunks_mut(extent * inner).zip(from.par_chunks(2 * extent * inner)).for_each(|(to, from)| {
        for (o, line) in from.chunks_exact(inner).enumerate() {
            let (a, b, t) = neighbours(o, extent);
            for (k, v) in line.iter().enumerate() {
                to[a * inner + k] += v * (1.0 - t);
                to[b * inner + k] += v * t;
            }
        }
    });
    to
}

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsample"
    }

    fn cpu_fwd(&self, x: &CpuStorage, strides: &Strides) -> Result<(CpuStorage, Shape)> {
        let (mut size, wide) = self.extents(strides.shape())?;
        let mut data = values(x, strides)?.to_vec();
        // The last axis first, while there is least of it.
        for axis in (0..3).rev().filter(|a| wide[*a]) {
            let inner = size[axis + 1..].iter().product();
            data = double(&data, size[axis], inner);
            size[axis] *= 2;
        }
        let dims = strides.shape().dims();
        Ok((CpuStorage::F32(data), Shape::from((dims[0], dims[1], size[0], size[1], size[2]))))
    }

    fn bwd(&self, x: &Tensor, _out: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (full, wide) = self.extents(x.shape())?;
        let mut size: [usize; 3] = std::array::from_fn(|a| full[a] * (1 + usize::from(wide[a])));
        let mut data = gradient.flatten_all()?.to_vec1::<f32>()?;
        for axis in (0..3).filter(|a| wide[*a]) {
            let inner = size[axis + 1..].iter().product();
            data = halve(&data, full[axis], inner);
            size[axis] = full[axis];
        }
        Ok(Some(Tensor::from_vec(data, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Random;
    use candle_core::{Device, Var};

    #[test]
    fn a_ramp_stays_a_ramp_and_the_border_is_held() {
        let x = Tensor::from_vec(vec![0f32, 4.0, 8.0], (1, 1, 1, 1, 3), &Device::Cpu).expect("a row");
        let up = upsample(&x, true).expect("doubled");
        assert_eq!(up.dims(), [1, 1, 1, 2, 6]);
        let row = up.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        assert_eq!(row[..6], [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
        assert_eq!(row[..6], row[6..]);
    }

    #[test]
    fn the_gradient_is_the_transpose() {
        let mut random = Random::new(3, 0);
        let mut noise = |dims: &[usize]| {
            let values: Vec<f32> = (0..dims.iter().product()).map(|_| random.normal() as f32).collect();
            Tensor::from_vec(values, dims, &Device::Cpu).expect("noise")
        };
        for (dims, flat) in [([2, 3, 3, 4, 5], false), ([1, 2, 1, 4, 3], false), ([1, 2, 2, 4, 3], true)] {
            let x = Var::from_tensor(&noise(&dims)).expect("x");
            let up = upsample(&x, flat).expect("doubled");
            let pull = noise(up.dims());
            let sum = (up * &pull).and_then(|p| p.sum_all()).expect("a sum");
            let gradients = sum.backward().expect("gradients");
            let back = (gradients.get(&x).expect("x") * x.as_tensor()).and_then(|p| p.sum_all()).expect("a sum");
            let (a, b) = (sum.to_scalar::<f32>().expect("a"), back.to_scalar::<f32>().expect("b"));
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}
