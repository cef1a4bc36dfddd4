//! A residual U-Net, for flat maps and for volumes.

use super::add::add;
use super::convolve::{Activation, convolve};
use super::upsample::upsample;
use crate::geometry::Random;
use candle_core::{Device, Result, Tensor, Var, bail};
use std::collections::BTreeMap;
use std::sync::Once;

/// The shape of a [`UNet`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetShape {
    /// 2: maps (depth 1, kernels 1×3×3); 3: volumes (kernels 3×3×3).
    pub dimensions: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Channels of each level, finest first; every level halves the size.
    pub widths: Vec<usize>,
    /// Residual blocks a level, on the way down and again on the way up.
    pub blocks: usize,
    /// Whether the finest level works at half the size: neighbouring voxels become channels, and back at the end.
    pub fold: bool,
}

impl UNetShape {
    /// Sizes along each longer axis must be multiples of this.
    pub fn multiple(&self) -> usize {
        (1 << (self.widths.len() - 1)) * if self.fold { 2 } else { 1 }
    }

    /// Voxels that become channels when folding.
    fn cell(&self) -> usize {
        match (self.fold, self.dimensions) {
            (false, _) => 1,
            (true, 2) => 4,
            (true, _) => 8,
        }
    }

    fn kernel(&self) -> [usize; 3] {
        if self.dimensions == 2 { [1, 3, 3] } else { [3; 3] }
    }

    /// Name, shape and gain of the start of every tensor, in a fixed order.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, f64)> {
        let mut all = Vec::new();
        let mut layer = |name: String, inputs: usize, outputs: usize, kernel: [usize; 3], gain: f64| {
            let [z, y, x] = kernel;
            all.push((format!("{name}.weight"), vec![outputs, inputs, z, y, x], gain));
            all.push((format!("{name}.bias"), vec![outputs], 0.0));
        };
        let kernel = self.kernel();
        // The square of the activation of a normal number has mean 0.505, so that √2 keeps the spread.
        let kept = std::f64::consts::SQRT_2;
        layer("stem".to_owned(), self.inputs * self.cell(), self.widths[0], kernel, kept);
        for way in ["down", "up"] {
            for (level, &width) in self.widths.iter().enumerate() {
                let last = level + 1 == self.widths.len();
                if way == "up" && last {
                    continue;
                }
                for block in 0..self.blocks {
                    let name = format!("{way}{level}.block{block}");
                    layer(format!("{name}.a"), width, width, kernel, kept);
                    // Small: a deep net of residuals starts near the identity and needs no normalisation.
                    layer(format!("{name}.b"), width, width, kernel, 0.2);
                }
                if !last {
                    let below = self.widths[level + 1];
                    match way {
                        "down" => layer(format!("step{level}"), width, below, kernel, kept),
                        _ => layer(format!("join{level}"), below, width, [1; 3], 1.0),
                    }
                }
            }
        }
        layer("head".to_owned(), self.widths[0], self.outputs * self.cell(), [1; 3], 0.1);
        all
    }

    /// Number of weights.
    pub fn len(&self) -> usize {
        self.tensors().iter().map(|(_, dims, _)| dims.iter().product::<usize>()).sum()
    }

    /// Whether there is no weight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Layer {
    weight: Tensor,
    bias: Tensor,
}

impl Layer {
    fn run(&self, x: &Tensor, stride: usize, activation: Activation) -> Result<Tensor> {
        convolve(x, &self.weight, &self.bias, stride, activation)
    }
}

struct Block {
    a: Layer,
    b: Layer,
}

impl Block {
    fn run(&self, x: &Tensor) -> Result<Tensor> {
        add(x, &self.b.run(&self.a.run(x, 1, Activation::Leaky)?, 1, Activation::None)?)
    }
}

/// A residual U-Net: at each level blocks of two convolutions around which the value is carried, a convolution of
/// stride 2 down, linear doubling up, and the value of the way down added on the way up.
pub struct UNet {
    shape: UNetShape,
    stem: Layer,
    down: Vec<Vec<Block>>,
    up: Vec<Vec<Block>>,
    steps: Vec<Layer>,
    joins: Vec<Layer>,
    head: Layer,
}

impl UNet {
    /// A net over given tensors; trainable when they are variables.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(shape: &UNetShape, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let wanted: BTreeMap<String, Vec<usize>> = shape.tensors().into_iter().map(|(n, d, _)| (n, d)).collect();
        let tensor = |name: String| -> Result<Tensor> {
            match tensors.get(&name) {
                Some(t) if Some(t.dims()) == wanted.get(&name).map(Vec::as_slice) => Ok(t.clone()),
                Some(t) => bail!("tensor {name} has shape {:?}", t.dims()),
                None => bail!("tensor {name} is missing"),
            }
        };
        let layer = |name: &str| -> Result<Layer> {
            Ok(Layer { weight: tensor(format!("{name}.weight"))?, bias: tensor(format!("{name}.bias"))? })
        };
        let blocks = |way: &str, level: usize| -> Result<Vec<Block>> {
            let one = |b: usize| {
                let name = format!("{way}{level}.block{b}");
                Ok(Block { a: layer(&format!("{name}.a"))?, b: layer(&format!("{name}.b"))? })
            };
            (0..shape.blocks).map(one).collect()
        };
        let steps = 0..shape.widths.len() - 1;
        Ok(Self {
            stem: layer("stem")?,
            down: (0..shape.widths.len()).map(|l| blocks("down", l)).collect::<Result<_>>()?,
            up: steps.clone().map(|l| blocks("up", l)).collect::<Result<_>>()?,
            steps: steps.clone().map(|l| layer(&format!("step{l}"))).collect::<Result<_>>()?,
            joins: steps.map(|l| layer(&format!("join{l}"))).collect::<Result<_>>()?,
            head: layer("head")?,
            shape: shape.clone(),
        })
    }

    /// `[batch, inputs, depth, height, width]` to `[batch, outputs, …]` of the same size, which is a multiple of
    /// [`UNetShape::multiple`] along every axis longer than one voxel.
    ///
    /// # Errors
    /// When the size does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        keep_memory();
        let (_, inputs, d, h, w) = x.dims5()?;
        let m = self.shape.multiple();
        let flat = self.shape.dimensions == 2;
        if inputs != self.shape.inputs || h % m != 0 || w % m != 0 || if flat { d != 1 } else { d % m != 0 } {
            bail!("a net of {} inputs and multiple {m} cannot take {:?}", self.shape.inputs, x.dims());
        }
        let x = if self.shape.fold { folded(x, flat)? } else { x.clone() };
        let mut x = self.stem.run(&x, 1, Activation::Leaky)?;
        let mut kept = Vec::new();
        for (level, blocks) in self.down.iter().enumerate() {
            for block in blocks {
                x = block.run(&x)?;
            }
            if let Some(step) = self.steps.get(level) {
                let below = step.run(&x, 2, Activation::Leaky)?;
                kept.push(std::mem::replace(&mut x, below));
            }
        }
        for (level, skip) in kept.iter().enumerate().rev() {
            // Channels first: there is a quarter or an eighth of the work before the doubling.
            x = add(&upsample(&self.joins[level].run(&x, 1, Activation::None)?, flat)?, skip)?;
            for block in &self.up[level] {
                x = block.run(&x)?;
            }
        }
        let x = self.head.run(&x, 1, Activation::None)?;
        if self.shape.fold { unfolded(&x, flat) } else { Ok(x) }
    }
}

/// Every layer's result is fresh memory, and glibc hands what is freed back to the system at once: a page fault for each
/// 4 kB of the next layer, an eighth of a small net's time. Once a block of this size was freed it keeps as much
/// (`M_MMAP_THRESHOLD` in mallopt(3): the threshold follows what is freed). Other allocators do not mind.
fn keep_memory() {
    const BYTES: usize = 30 << 20;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(BYTES))));
}

/// Cells of 2×2(×2) voxels as channels at half the size.
fn folded(x: &Tensor, flat: bool) -> Result<Tensor> {
    let (n, c, d, h, w) = x.dims5()?;
    if flat {
        let cells = x.reshape((n, c, h / 2, 2, w / 2, 2))?.permute((0, 1, 3, 5, 2, 4))?;
        return cells.contiguous()?.reshape((n, 4 * c, 1, h / 2, w / 2));
    }
    let cells = x.reshape(vec![n, c, d / 2, 2, h / 2, 2, w / 2, 2])?.permute(vec![0, 1, 3, 5, 7, 2, 4, 6])?;
    cells.contiguous()?.reshape((n, 8 * c, d / 2, h / 2, w / 2))
}

/// The reverse of [`folded`].
fn unfolded(x: &Tensor, flat: bool) -> Result<Tensor> {
    let (n, c, d, h, w) = x.dims5()?;
    if flat {
        let cells = x.reshape((n, c / 4, 2, 2, h, w))?.permute((0, 1, 4, 2, 5, 3))?;
        return cells.contiguous()?.reshape((n, c / 4, 1, 2 * h, 2 * w));
    }
    let cells = x.reshape(vec![n, c / 8, 2, 2, 2, d, h, w])?.permute(vec![0, 1, 5, 2, 6, 3, 7, 4])?;
    cells.contiguous()?.reshape((n, c / 8, 2 * d, 2 * h, 2 * w))
}

/// First weights of a net: normal with a spread of gain/√inputs (He et al., Delving Deep into Rectifiers, 2015), biases 0.
///
/// # Errors
/// None but candle's own.
pub fn start(shape: &UNetShape, seed: u64) -> Result<BTreeMap<String, Var>> {
    let mut vars = BTreeMap::new();
    for (number, (name, dims, gain)) in shape.tensors().into_iter().enumerate() {
        let mut random = Random::new(seed, number as u64);
        let fan = dims.iter().skip(1).product::<usize>().max(1) as f64;
        let count: usize = dims.iter().product();
        let values: Vec<f32> = (0..count).map(|_| (random.normal() * gain / fan.sqrt()) as f32).collect();
        vars.insert(name, Var::from_tensor(&Tensor::from_vec(values, dims, &Device::Cpu)?)?);
    }
    Ok(vars)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(dimensions: usize, fold: bool) -> UNetShape {
        UNetShape { dimensions, inputs: 3, outputs: 2, widths: vec![4, 6, 8], blocks: 1, fold }
    }

    fn net(shape: &UNetShape) -> (UNet, BTreeMap<String, Var>) {
        let vars = start(shape, 1).expect("weights");
        let tensors = vars.iter().map(|(n, v)| (n.clone(), v.as_tensor().clone())).collect();
        (UNet::new(shape, &tensors).expect("a net"), vars)
    }

    fn input(dims: [usize; 5]) -> Tensor {
        let mut random = Random::new(9, 9);
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| random.normal() as f32).collect();
        Tensor::from_vec(values, &dims, &Device::Cpu).expect("an input")
    }

    #[test]
    fn size_is_kept_and_every_weight_has_a_gradient() {
        for (shape, dims) in [
            (small(2, true), [2, 3, 1, 16, 8]),
            (small(2, false), [1, 3, 1, 8, 12]),
            (small(3, false), [1, 3, 8, 4, 4]),
            (small(3, true), [1, 3, 8, 16, 8]),
        ] {
            let (net, vars) = net(&shape);
            let out = net.forward(&input(dims)).expect("an output");
            assert_eq!(out.dims(), [dims[0], 2, dims[2], dims[3], dims[4]]);
            let gradients = out.sqr().and_then(|s| s.sum_all()?.backward()).expect("gradients");
            for (name, var) in &vars {
                let most = gradients.get(var).and_then(|g| g.abs().ok()?.max_all().ok()?.to_scalar::<f32>().ok());
                assert!(most.is_some_and(|m| m > 0.0 && m.is_finite()), "{name} {most:?}");
            }
            assert_eq!(shape.len(), vars.values().map(|v| v.elem_count()).sum::<usize>());
        }
    }

    #[test]
    fn folding_is_undone() {
        for (x, flat) in [(input([2, 3, 1, 4, 6]), true), (input([1, 2, 4, 6, 2]), false)] {
            let back = folded(&x, flat).and_then(|f| unfolded(&f, flat)).expect("back");
            let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
            assert_eq!(values(&back), values(&x));
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let (net, _) = net(&small(2, true));
        assert!(net.forward(&input([1, 3, 1, 12, 8])).is_err());
        assert!(net.forward(&input([1, 2, 1, 8, 8])).is_err());
        assert!(net.forward(&input([1, 3, 8, 8, 8])).is_err());
    }
}
