use super::*;
use crate::geometry::Random;
use candle_core::{Device, Var};

fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut random = Random::new(seed, 0);
    (0..len).map(|_| random.normal() as f32).collect()
}

fn tensor(seed: u64, dims: &[usize]) -> Tensor {
    Tensor::from_vec(noise(seed, dims.iter().product()), dims, &Device::Cpu).expect("a tensor")
}

/// The definition, in double precision.
fn slow(layout: &Layout, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let (input, output, kernel) = (layout.input, layout.output, layout.kernel);
    let mut out = Vec::new();
    for n in 0..layout.batch {
        for (o, bias) in bias.iter().enumerate() {
            for at in 0..layout.output_len() {
                let p = [at / (output[1] * output[2]), at / output[2] % output[1], at % output[2]];
                let mut sum = f64::from(*bias);
                for i in 0..layout.inputs {
                    for t in 0..layout.taps.len() {
                        let k = [t / (kernel[1] * kernel[2]), t / kernel[2] % kernel[1], t % kernel[2]];
                        let q: [isize; 3] = std::array::from_fn(|a| {
                            (p[a] * layout.stride[a] + k[a]) as isize - (kernel[a] / 2) as isize
                        });
                        if (0..3).any(|a| q[a] < 0 || q[a] >= input[a] as isize) {
                            continue;
                        }
                        let q = (q[0] as usize * input[1] + q[1] as usize) * input[2] + q[2] as usize;
                        let x = x[(n * layout.inputs + i) * layout.input_len() + q];
                        sum += f64::from(x) * f64::from(weight[(o * layout.inputs + i) * layout.taps.len() + t]);
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn shapes() -> Vec<Layout> {
    vec![
        Layout::new(2, 3, 5, [6, 7, 9], [3, 3, 3], 1),
        Layout::new(1, 2, 9, [5, 4, 7], [3, 3, 3], 2),
        Layout::new(2, 3, 8, [1, 33, 40], [1, 3, 3], 1),
        Layout::new(1, 3, 4, [1, 12, 15], [1, 3, 3], 2),
        Layout::new(1, 7, 3, [3, 5, 6], [1, 1, 1], 1),
        Layout::new(1, 1, 1, [1, 1, 2], [1, 3, 3], 2),
    ]
}

#[test]
fn every_processor_computes_the_definition() {
    for layout in shapes() {
        let x = noise(1, layout.batch * layout.inputs * layout.input_len());
        let weight = noise(2, layout.outputs * layout.inputs * layout.taps.len());
        let bias = noise(3, layout.outputs);
        let truth = slow(&layout, &x, &weight, &bias);
        for processor in Processor::all() {
            let ours = forward(processor, &layout, &x, &weight, &bias, Activation::None);
            let far = ours.iter().zip(&truth).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(ours.len() == truth.len() && far < 2e-5, "{processor:?} {layout:?}: {far}");
        }
    }
}

/// Forward and both gradients are adjoint: ⟨g, conv(x, w)⟩ is the same sum seen from x and from w.
#[test]
fn gradients_are_the_adjoint_of_the_forward_pass() {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    for layout in shapes() {
        let x = noise(1, layout.batch * layout.inputs * layout.input_len());
        let weight = noise(2, layout.outputs * layout.inputs * layout.taps.len());
        let gradient = noise(3, layout.batch * layout.outputs * layout.output_len());
        for processor in Processor::all() {
            let none = vec![0.0; layout.outputs];
            let whole = dot(&gradient, &forward(processor, &layout, &x, &weight, &none, Activation::None));
            let by_x = dot(&x, &input_gradient(processor, &layout, &weight, &gradient));
            let by_weight = dot(&weight, &weight_gradient(processor, &layout, &x, &gradient));
            let scale = (gradient.len() as f64).sqrt();
            assert!((whole - by_x).abs() < 1e-4 * scale, "{processor:?} {layout:?}: {whole} {by_x}");
            assert!((whole - by_weight).abs() < 1e-4 * scale, "{processor:?} {layout:?}: {whole} {by_weight}");
        }
    }
}

/// A 3-D convolution as a sum of candle's own 2-D ones over the kernel's depth.
fn by_slices(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    let (n, c, d, h, w) = x.dims5()?;
    let kernel = weight.dim(2)?;
    let padded = x.pad_with_zeros(2, kernel / 2, kernel / 2)?;
    let out_d = (d - 1) / stride + 1;
    let mut sum: Option<Tensor> = None;
    for k in 0..kernel {
        let planes: Vec<Tensor> = (0..out_d).map(|z| padded.narrow(2, z * stride + k, 1)).collect::<Result<_>>()?;
        let planes = Tensor::cat(&planes, 2)?.transpose(1, 2)?.contiguous()?.reshape((n * out_d, c, h, w))?;
        let part = planes.conv2d(&weight.narrow(2, k, 1)?.squeeze(2)?.contiguous()?, kernel / 2, stride, 1, 1)?;
        sum = Some(match sum {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    let Some(sum) = sum else { bail!("no kernel") };
    let (_, o, oh, ow) = sum.dims4()?;
    sum.reshape((n, out_d, o, oh, ow))?.transpose(1, 2)?.broadcast_add(&bias.reshape((1, o, 1, 1, 1))?)
}

fn farthest(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).and_then(|d| d.abs()?.max_all()?.to_scalar()).expect("numbers")
}

#[test]
fn value_and_gradients_equal_candles_own_on_the_sum_of_slices() {
    for stride in [1, 2] {
        let x = Var::from_tensor(&tensor(1, &[2, 4, 6, 7, 9])).expect("x");
        let weight = Var::from_tensor(&tensor(2, &[5, 4, 3, 3, 3])).expect("weight");
        let bias = Var::from_tensor(&tensor(3, &[5])).expect("bias");
        let ours = convolve(&x, &weight, &bias, stride, Activation::None).expect("ours");
        let theirs = by_slices(&x, &weight, &bias, stride).expect("theirs");
        assert!(farthest(&ours, &theirs) < 2e-5);
        let pull = tensor(4, ours.dims());
        let gradients = |out: &Tensor| (out * &pull).and_then(|p| p.sum_all()?.backward()).expect("gradients");
        let (ours, theirs) = (gradients(&ours), gradients(&theirs));
        for (name, var) in [("x", &x), ("weight", &weight), ("bias", &bias)] {
            let (a, b) = (ours.get(var).expect("ours"), theirs.get(var).expect("theirs"));
            let far = farthest(a, b);
            assert!(far < 2e-4, "{name} at stride {stride}: {far}");
        }
    }
}

#[test]
fn gradients_through_the_activation_equal_finite_differences() {
    let (dims, kernel) = ([1, 2, 4, 5, 5], [3, 2, 3, 3, 3]);
    let parts = [noise(1, 200), noise(2, 162), noise(3, 3)];
    let pull = tensor(4, &[1, 3, 2, 3, 3]);
    let value = |parts: &[Vec<f32>; 3]| -> (f64, [Var; 3], Tensor) {
        let var = |i: usize, dims: &[usize]| {
            Var::from_tensor(&Tensor::from_vec(parts[i].clone(), dims, &Device::Cpu).expect("values")).expect("var")
        };
        let vars = [var(0, &dims), var(1, &kernel), var(2, &[3])];
        let out = convolve(&vars[0], &vars[1], &vars[2], 2, Activation::Leaky).expect("out");
        let sum = (out * &pull).and_then(|p| p.sum_all()).expect("a sum");
        (f64::from(sum.to_scalar::<f32>().expect("a number")), vars, sum)
    };
    let (_, vars, sum) = value(&parts);
    let gradients = sum.backward().expect("gradients");
    for (i, var) in vars.iter().enumerate() {
        let ours = gradients.get(var).and_then(|g| g.flatten_all().ok()?.to_vec1::<f32>().ok()).expect("a gradient");
        for at in (0..ours.len()).step_by(7) {
            let moved = |by: f32| {
                let mut parts = parts.clone();
                parts[i][at] += by;
                value(&parts).0
            };
            // Small, so that few activations change their side; the value is linear between.
            let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!((slope - f64::from(ours[at])).abs() < 2e-2 * (1.0 + slope.abs()), "{i} {at}: {slope} {}", ours[at]);
        }
    }
}

#[test]
fn one_thread_gives_the_bits_of_many() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let x = Var::from_tensor(&tensor(1, &[2, 6, 9, 20, 21])).expect("x");
            let weight = Var::from_tensor(&tensor(2, &[13, 6, 3, 3, 3])).expect("weight");
            let out = convolve(&x, &weight, &tensor(3, &[13]), 1, Activation::Leaky).expect("out");
            let gradients = out.sqr().and_then(|s| s.sum_all()?.backward()).expect("gradients");
            let bits = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
            [bits(&out), bits(gradients.get(&x).expect("x")), bits(gradients.get(&weight).expect("weight"))]
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let bias = tensor(3, &[5]);
    let fits = |x: &[usize], w: &[usize], stride: usize| {
        convolve(&tensor(1, x), &tensor(2, w), &bias, stride, Activation::None).is_ok()
    };
    assert!(fits(&[1, 2, 4, 4, 4], &[5, 2, 3, 3, 3], 1));
    assert!(!fits(&[1, 3, 4, 4, 4], &[5, 2, 3, 3, 3], 1));
    assert!(!fits(&[1, 2, 4, 4, 4], &[5, 2, 2, 3, 3], 1));
    assert!(!fits(&[1, 2, 4, 4, 4], &[5, 2, 3, 3, 3], 3));
    assert!(!fits(&[1, 2, 4, 4, 4], &[4, 2, 3, 3, 3], 1));
    assert!(!fits(&[2, 4, 4, 4], &[5, 2, 3, 3, 3], 1));
}
