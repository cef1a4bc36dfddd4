//! The sum of two tensors of one shape. candle's own spreads over threads that go on spinning, on cores that the
//! convolution needs.

use super::convolve::{FEW, values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// `a + b`, f32, of one shape.
///
/// # Errors
/// When the shapes differ.
pub(super) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = (a.contiguous()?, b.contiguous()?);
    if a.track_op() || b.track_op() { a.apply_op2(&b, Add) } else { a.apply_op2_no_bwd(&b, &Add) }
}

struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_strides: &Layout,
        b: &CpuStorage,
        b_strides: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if a_strides.shape() != b_strides.shape() {
            bail!("add cannot join {:?} with {:?}", a_strides.shape(), b_strides.shape());
        }
        let (a, b) = (values(a, a_strides)?, values(b, b_strides)?);
        let sum = if a.len() <= FEW {
            a.iter().zip(b).map(|(a, b)| a + b).collect()
        } else {
            a.par_iter().with_min_len(FEW / 16).zip(b).map(|(a, b)| a + b).collect()
        };
        Ok((CpuStorage::F32(sum), a_strides.shape().clone()))
    }

    fn bwd(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        _out: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(gradient.clone()), Some(gradient.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    /// Value and both gradients are candle's own, for few values and for many.
    #[test]
    fn a_sum_is_candles() {
        for count in [6, 2 * FEW] {
            let values = |k: usize| (0..count).map(|i| ((i * 7 + k) % 13) as f32 - 6.0).collect::<Vec<_>>();
            let var = |k| Var::from_vec(values(k), count, &Device::Cpu).expect("a variable");
            let (a, b, weight) = (var(1), var(5), var(3));
            let read = |t: &Tensor| t.to_vec1::<f32>().expect("values");
            let run = |sum: Tensor| {
                let gradients = (&sum * weight.as_tensor()).and_then(|w| w.sum_all()?.backward()).expect("gradients");
                [&a, &b].map(|v| read(gradients.get(v).expect("of each side")))
            };
            let (ours, theirs) = (add(&a, &b).expect("a sum"), (a.as_tensor() + b.as_tensor()).expect("a sum"));
            assert_eq!(read(&ours), read(&theirs));
            assert_eq!(run(ours), run(theirs));
        }
        let zeros = |count: usize| Tensor::zeros(count, DType::F32, &Device::Cpu).expect("zeros");
        assert!(add(&zeros(3), &zeros(4)).is_err());
    }
}
