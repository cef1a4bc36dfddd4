//! Our own convolution, in two and three dimensions, with its gradients.
//!
//! candle has no 3-D convolution, and its 2-D one unrolls the input into memory. Here a convolution is one loop over a
//! padded copy of the input: every tap of the kernel is a constant shift, sums stay in registers (method and figures:
//! `docs/networks.md`). The order of every sum is fixed, so that the result does not depend on the number of threads;
//! it may differ in the last bit between processors with and without fused products.

mod kernel;
mod lanes;
mod layout;

use candle_core::{CpuStorage, CustomOp3, Layout as Strides, Result, Shape, Tensor, bail};
use kernel::{BLOCK, Correlation, GRADIENT_BLOCK, Plane, Processor, correlate, plane};
use layout::{Layout, SLACK};
use rayon::prelude::*;

/// What follows a convolution at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// x for x > 0, else x/10.
    Leaky,
}

/// Slope of [`Activation::Leaky`] below zero.
const SLOPE: f32 = 0.1;

/// `activation(convolution(x) + bias)` with a zero border of half the kernel, so that stride 1 keeps the size.
///
/// `x` is `[batch, inputs, depth, height, width]`, `weight` `[outputs, inputs, kz, ky, kx]` with odd kernel sides,
/// `bias` `[outputs]`, all f32. Stride 1 or 2 along every axis longer than one voxel; stride 2 keeps voxels 0, 2, 4 ….
/// Flat maps are volumes of depth 1 with kernels 1×3×3.
///
/// # Errors
/// When shapes do not fit each other.
pub fn convolve(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize, activation: Activation) -> Result<Tensor> {
    let op = Convolution { stride, activation };
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    if x.track_op() || weight.track_op() || bias.track_op() {
        x.apply_op3(&weight, &bias, op)
    } else {
        x.apply_op3_no_bwd(&weight, &bias, &op)
    }
}

struct Convolution {
    stride: usize,
    activation: Activation,
}

impl Convolution {
    fn layout(&self, x: &Shape, weight: &Shape) -> Result<Layout> {
        let ([batch, inputs, d, h, w], [outputs, of, kd, kh, kw]) = (x.dims(), weight.dims()) else {
            bail!("convolve needs five axes: {x:?}, {weight:?}");
        };
        let odd = [kd, kh, kw].iter().all(|k| **k % 2 == 1);
        if inputs != of || !odd || !(1..=2).contains(&self.stride) || x.elem_count() == 0 || *outputs == 0 {
            bail!("convolve cannot join {x:?} with {weight:?} at stride {}", self.stride);
        }
        Ok(Layout::new(*batch, *inputs, *outputs, [*d, *h, *w], [*kd, *kh, *kw], self.stride))
    }
}

/// The f32 values of a contiguous tensor.
pub(super) fn values<'a>(storage: &'a CpuStorage, strides: &Strides) -> Result<&'a [f32]> {
    match (storage, strides.contiguous_offsets()) {
        (CpuStorage::F32(all), Some((from, to))) => Ok(&all[from..to]),
        _ => bail!("an operation of the networks needs contiguous f32 values"),
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "convolve"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_strides: &Strides,
        weight: &CpuStorage,
        weight_strides: &Strides,
        bias: &CpuStorage,
        bias_strides: &Strides,
    ) -> Result<(CpuStorage, Shape)> {
        let layout = self.layout(x_strides.shape(), weight_strides.shape())?;
        let bias = values(bias, bias_strides)?;
        if bias.len() != layout.outputs {
            bail!("convolve: {} biases for {} outputs", bias.len(), layout.outputs);
        }
        let (x, weight) = (values(x, x_strides)?, values(weight, weight_strides)?);
        let out = forward(Processor::found(), &layout, x, weight, bias, self.activation);
        let [d, h, w] = layout.output;
        Ok((CpuStorage::F32(out), Shape::from((layout.batch, layout.outputs, d, h, w))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        out: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let layout = self.layout(x.shape(), weight.shape())?;
        let mut gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        if self.activation == Activation::Leaky {
            // The activation keeps the sign, so that the result knows on which side its argument was.
            let out = out.flatten_all()?.to_vec1::<f32>()?;
            gradient.iter_mut().zip(&out).for_each(|(g, o)| *g *= if *o > 0.0 { 1.0 } else { SLOPE });
        }
        let (x_values, weight_values) = (x.flatten_all()?.to_vec1::<f32>()?, weight.flatten_all()?.to_vec1::<f32>()?);
        let processor = Processor::found();
        let of = |data: Vec<f32>, like: &Tensor| Tensor::from_vec(data, like.shape(), like.device());
        let by_bias = bias_gradient(&layout, &gradient);
        let by_weight = weight_gradient(processor, &layout, &x_values, &gradient);
        let by_x = match x.track_op() {
            true => Some(of(input_gradient(processor, &layout, &weight_values, &gradient), x)?),
            false => None,
        };
        let by_bias = Tensor::from_vec(by_bias, layout.outputs, x.device())?;
        Ok((by_x, Some(of(by_weight, weight)?), Some(by_bias)))
    }
}

/// So few values are copied or added before another thread has woken up.
pub(super) const FEW: usize = 1 << 18;

/// Padded copies of all channels of a batch.
fn padded(layout: &Layout, x: &[f32]) -> Vec<f32> {
    let mut out = vec![0f32; layout.batch * layout.inputs * layout.channel_len()];
    if x.len() <= FEW {
        let channels = out.chunks_mut(layout.channel_len()).zip(x.chunks(layout.input_len()));
        channels.for_each(|(to, from)| layout.pad(from, to));
    } else {
        let channels = out.par_chunks_mut(layout.channel_len()).zip(x.par_chunks(layout.input_len()));
        channels.for_each(|(to, from)| layout.pad(from, to));
    }
    out
}

/// `[input][tap][output of the block]` from a block's `[output][input][tap]`; zero beyond the last output.
fn packed(weight: &[f32], of_block: usize) -> Vec<f32> {
    let of_output = of_block / BLOCK;
    let mut packed = vec![0f32; of_block];
    for (i, to) in packed.chunks_exact_mut(BLOCK).enumerate() {
        to.iter_mut().zip(weight[i..].iter().step_by(of_output)).for_each(|(t, w)| *t = *w);
    }
    packed
}

fn forward(
    processor: Processor,
    layout: &Layout,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    let of_block = BLOCK * layout.inputs * layout.taps.len();
    let padded = padded(layout, x);
    let (sample_len, plane_len) = (layout.inputs * layout.channel_len(), layout.plane_len());
    let stride = plane_len.next_multiple_of(SLACK);
    let [depth, height, width] = layout.output;
    let mut out = vec![0f32; layout.batch * layout.outputs * layout.output_len()];
    // Each sample's outputs in blocks: the last block of a sample may be smaller.
    let jobs: Vec<(usize, usize, &mut [f32])> = out
        .chunks_mut(layout.outputs * layout.output_len())
        .enumerate()
        .flat_map(|(n, sample)| {
            sample.chunks_mut(BLOCK * layout.output_len()).enumerate().map(move |(b, part)| (n, b, part))
        })
        .collect();
    jobs.into_par_iter().for_each(|(n, block, part)| {
        let weights = packed(&weight[block * of_block..weight.len().min((block + 1) * of_block)], of_block);
        let sample = &padded[n * sample_len..(n + 1) * sample_len];
        let mut sums = vec![0f32; BLOCK * stride];
        for z in 0..depth {
            plane(
                processor,
                &mut Plane {
                    input: &sample[z * layout.plane_step()..],
                    channel_len: layout.channel_len(),
                    channels: layout.inputs,
                    taps: &layout.taps,
                    weights: &weights,
                    out: &mut sums,
                    stride,
                    count: plane_len,
                },
            );
            for (c, channel) in part.chunks_mut(layout.output_len()).enumerate() {
                let bias = bias[block * BLOCK + c];
                let rows = channel[z * height * width..(z + 1) * height * width].chunks_exact_mut(width);
                for (y, row) in rows.enumerate() {
                    let from = &sums[c * stride + y * layout.phase[2]..][..width];
                    match activation {
                        Activation::None => row.iter_mut().zip(from).for_each(|(o, s)| *o = s + bias),
                        Activation::Leaky => row.iter_mut().zip(from).for_each(|(o, s)| {
                            let v = s + bias;
                            *o = if v > 0.0 { v } else { SLOPE * v };
                        }),
                    }
                }
            }
        }
    });
    out
}

fn bias_gradient(layout: &Layout, gradient: &[f32]) -> Vec<f32> {
    let mut sums = vec![0f32; layout.outputs];
    for (i, channel) in gradient.chunks_exact(layout.output_len()).enumerate() {
        // In double precision: a plain f32 sum of a volume loses digits.
        sums[i % layout.outputs] += channel.iter().map(|v| f64::from(*v)).sum::<f64>() as f32;
    }
    sums
}

/// The gradient by the input: the same convolution with turned weights over the gradient, whose values lie apart by
/// the stride with zeros between.
fn input_gradient(processor: Processor, layout: &Layout, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    let taps = layout.taps.len();
    let mut turned = vec![0f32; weight.len()];
    for (o, of_output) in weight.chunks_exact(layout.inputs * taps).enumerate() {
        for (i, of_input) in of_output.chunks_exact(taps).enumerate() {
            let to = &mut turned[(i * layout.outputs + o) * taps..][..taps];
            to.iter_mut().zip(of_input.iter().rev()).for_each(|(t, w)| *t = *w);
        }
    }
    let back = Layout::new(layout.batch, layout.outputs, layout.inputs, layout.input, layout.kernel, 1);
    let apart;
    let gradient = if layout.stride == [1; 3] {
        gradient
    } else {
        let (mut wide, [_, oh, ow]) = (vec![0f32; layout.batch * layout.outputs * layout.input_len()], layout.output);
        let ([_, h, w], [sz, sy, sx]) = (layout.input, layout.stride);
        for (from, to) in gradient.chunks_exact(layout.output_len()).zip(wide.chunks_exact_mut(layout.input_len())) {
            for (row, values) in from.chunks_exact(ow).enumerate() {
                let start = (row / oh * sz * h + row % oh * sy) * w;
                to[start..].iter_mut().step_by(sx).zip(values).for_each(|(t, v)| *t = *v);
            }
        }
        apart = wide;
        &apart
    };
    forward(processor, &back, gradient, &turned, &vec![0.0; layout.inputs], Activation::None)
}

/// Flat positions whose products are summed before they are added up: a fixed order for any number of threads.
const RUN: usize = 4096;

fn weight_gradient(processor: Processor, layout: &Layout, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let (taps, inputs) = (layout.taps.len(), layout.inputs);
    let padded = padded(layout, x);
    let count = (layout.output[0] - 1) * layout.plane_step() + layout.plane_len();
    let mut out = vec![0f32; layout.outputs * inputs * taps];
    out.par_chunks_mut(GRADIENT_BLOCK * inputs * taps).enumerate().for_each(|(block, out)| {
        let outputs = out.len() / (inputs * taps);
        let stride = layout.phase_len;
        let mut sums = vec![0f32; GRADIENT_BLOCK * taps];
        let mut spread = vec![0f32; GRADIENT_BLOCK * stride];
        for n in 0..layout.batch {
            for c in 0..outputs {
                let channel = n * layout.outputs + block * GRADIENT_BLOCK + c;
                let from = &gradient[channel * layout.output_len()..][..layout.output_len()];
                layout.spread(from, &mut spread[c * stride..(c + 1) * stride]);
            }
            for start in (0..count).step_by(RUN) {
                for i in 0..inputs {
                    sums.fill(0.0);
                    let mut job = Correlation {
                        gradient: &spread,
                        stride,
                        input: &padded[(n * inputs + i) * layout.channel_len()..][..layout.channel_len()],
                        taps: &layout.taps,
                        range: start..count.min(start + RUN),
                        out: &mut sums,
                    };
                    correlate(processor, &mut job);
                    for c in 0..outputs {
                        let to = &mut out[(c * inputs + i) * taps..][..taps];
                        to.iter_mut().zip(&sums[c * taps..]).for_each(|(t, s)| *t += s);
                    }
                }
            }
        }
    });
    out
}

#[cfg(test)]
mod tests;
