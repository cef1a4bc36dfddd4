//! The trainer of all networks: AdamW, a cosine, a clip, a running mean of the weights, and checkpoints that go on to
//! the same bits.

use super::recipe::Recipe;
use crate::geometry::Random;
use crate::geometry::{Cancelled, Progress};
use crate::network::weights::{pack, tensors, unpack};
use crate::network::{Array, Arrays, UNet, UNetShape, Weights, WeightsError, start};
use candle_core::{Device, Tensor, Var, backprop::GradStore};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a network is trained on.
pub trait Task: Sync {
    /// Word for files and messages: `map`, `detector` or `volume`.
    fn kind(&self) -> &'static str;
    /// The net.
    fn shape(&self) -> UNetShape;
    /// Depth, height and width of a sample.
    fn size(&self) -> [usize; 3];
    /// Channels of a target.
    fn targets(&self) -> usize;
    /// Whether the last layer begins at zero, so that the untrained net says nothing.
    fn starts_at_zero(&self) -> bool {
        false
    }
    /// One training sample: values of the input channels and of the target.
    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>);
    /// Samples that are always the same, of skulls not trained on.
    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)>;
    /// What is made small: a scalar of `[batch, outputs, …]` and `[batch, targets, …]`.
    ///
    /// # Errors
    /// None but candle's own.
    fn loss(&self, out: &Tensor, target: &Tensor) -> candle_core::Result<Tensor>;
}

/// Why a training stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The computation failed.
    #[error("the training failed: {0}")]
    Compute(#[from] candle_core::Error),
    /// The loss is no number any more.
    #[error("the training ran away at step {step}; choose a smaller learning_rate")]
    Diverged { step: u64 },
    /// A checkpoint of something else.
    #[error(
        "the folder holds a training with another recipe, other skulls, another atlas or another network to go on from; choose \
         another folder or remove its checkpoint.safetensors"
    )]
    Other,
    /// A checkpoint that cannot be read.
    #[error("the checkpoint cannot be continued: {0}")]
    Checkpoint(#[from] WeightsError),
    /// The checkpoint could not be kept.
    #[error("{0}")]
    Keep(String),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// One line of the learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Steps done.
    pub step: u64,
    /// Mean loss since the line before.
    pub loss: f32,
    /// Loss of the averaged weights on the validation samples.
    pub validation: f32,
}

/// Everything a training needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// What the training was told: it is only continued with the same words.
    pub told: String,
    weights: Arrays,
    average: Arrays,
    first: Arrays,
    second: Arrays,
    /// Sum and number of losses since the last line of the curve.
    running: [f64; 2],
    /// The learning curve so far.
    pub curve: Vec<CurvePoint>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Saved {
    step: u64,
    told: String,
    // Bits, so that nothing is lost in digits.
    running: [u64; 2],
    curve: Vec<(u64, u32, u32)>,
}

const PARTS: [&str; 4] = ["weight", "average", "first", "second"];

impl State {
    /// The state before the first step. `told` names recipe and skulls.
    ///
    /// # Errors
    /// None but candle's own.
    pub fn new(shape: &UNetShape, recipe: &Recipe, told: String) -> Result<Self, TrainError> {
        let mut weights = Arrays::new();
        for (name, var) in start(shape, recipe.seed)? {
            weights.insert(name, Array { dims: var.dims().to_vec(), values: var.flatten_all()?.to_vec1()? });
        }
        Ok(Self::at_start(weights, told))
    }

    /// The state before the first step of a training that goes on from trained weights.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when they are weights of another net.
    pub fn from_weights(weights: &Weights, shape: &UNetShape, told: String) -> Result<Self, TrainError> {
        if weights.about.shape != *shape {
            let tensor = "the shape of the net".to_owned();
            return Err(TrainError::Checkpoint(WeightsError::Shape { tensor }));
        }
        Ok(Self::at_start(weights.arrays.clone(), told))
    }

    fn at_start(weights: Arrays, told: String) -> Self {
        let zero: Arrays = weights
            .iter()
            .map(|(n, a)| (n.clone(), Array { dims: a.dims.clone(), values: vec![0.0; a.values.len()] }))
            .collect();
        Self {
            step: 0,
            told,
            average: weights.clone(),
            weights,
            first: zero.clone(),
            second: zero,
            running: [0.0; 2],
            curve: Vec::new(),
        }
    }

    /// The same with the last layer at zero.
    pub fn with_silent_head(mut self) -> Self {
        for arrays in [&mut self.weights, &mut self.average] {
            arrays.iter_mut().filter(|(name, _)| name.starts_with("head.")).for_each(|(_, a)| a.values.fill(0.0));
        }
        self
    }

    /// The checkpoint's bytes.
    pub fn to_bytes(&self, kind: &str) -> Vec<u8> {
        let curve = self.curve.iter().map(|p| (p.step, p.loss.to_bits(), p.validation.to_bits())).collect();
        let saved = Saved { step: self.step, told: self.told.clone(), running: self.running.map(f64::to_bits), curve };
        let mut arrays = Arrays::new();
        for (part, of) in PARTS.iter().zip([&self.weights, &self.average, &self.first, &self.second]) {
            arrays.extend(of.iter().map(|(n, a)| (format!("{part}/{n}"), a.clone())));
        }
        pack(&format!("training of {kind}"), &saved, &arrays)
    }

    /// Reads a checkpoint of a training of the same kind, recipe and skulls.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when it cannot be read, [`TrainError::Other`] when it is of another training.
    pub fn from_bytes(bytes: &[u8], kind: &str, shape: &UNetShape, told: &str) -> Result<Self, TrainError> {
        let (saved, arrays): (Saved, _) = unpack(bytes, &format!("training of {kind}"))?;
        if saved.told != told {
            return Err(TrainError::Other);
        }
        let part = |part: &str| -> Result<Arrays, TrainError> {
            let one = |(name, dims, _): (String, Vec<usize>, f64)| {
                let found = arrays.get(&format!("{part}/{name}")).filter(|a| a.dims == dims).cloned();
                found.map(|a| (name.clone(), a)).ok_or(TrainError::Checkpoint(WeightsError::Shape { tensor: name }))
            };
            shape.tensors().into_iter().map(one).collect()
        };
        let curve = saved.curve.iter().map(|&(step, loss, validation)| CurvePoint {
            step,
            loss: f32::from_bits(loss),
            validation: f32::from_bits(validation),
        });
        Ok(Self {
            step: saved.step,
            weights: part(PARTS[0])?,
            average: part(PARTS[1])?,
            first: part(PARTS[2])?,
            second: part(PARTS[3])?,
            running: saved.running.map(f64::from_bits),
            curve: curve.collect(),
            told: saved.told,
        })
    }

    /// The averaged weights: what a network is used with.
    pub fn averaged(&self) -> &Arrays {
        &self.average
    }
}

/// Trains until the recipe's last step, and hands every checkpoint (and the last state) to `keep`.
///
/// The same task, recipe and state give the same bits, at any number of threads and over any interruption, on the same
/// kind of processor.
///
/// # Errors
/// See [`TrainError`].
pub fn train<T: Task>(
    task: &T,
    recipe: &Recipe,
    mut state: State,
    keep: &mut dyn FnMut(&State) -> Result<(), String>,
    progress: &Progress,
) -> Result<State, TrainError> {
    let shape = task.shape();
    let mut vars = BTreeMap::new();
    for (name, tensor) in tensors(&state.weights)? {
        vars.insert(name, Var::from_tensor(&tensor)?);
    }
    let net = UNet::new(&shape, &vars.iter().map(|(n, v)| (n.clone(), v.as_tensor().clone())).collect())?;
    let validation = task.validation();
    let mut said = String::from("Training");
    while state.step < recipe.steps {
        progress.report(state.step as f32 / recipe.steps as f32, &said)?;
        let step = state.step;
        let samples: Vec<(Vec<f32>, Vec<f32>)> = (0..recipe.batch)
            .into_par_iter()
            .map(|i| task.sample(&mut Random::new(recipe.seed ^ SAMPLES, step * recipe.batch as u64 + i as u64)))
            .collect();
        let (input, target) = batch(task, &samples)?;
        let loss = task.loss(&net.forward(&input)?, &target)?;
        let value = loss.to_scalar::<f32>()?;
        if !value.is_finite() {
            return Err(TrainError::Diverged { step });
        }
        let gradients = loss.backward()?;
        update(&mut state, &vars, &gradients, recipe)?;
        state.step += 1;
        state.running[0] += f64::from(value);
        state.running[1] += 1.0;
        let last = state.step == recipe.steps;
        if last || state.step.is_multiple_of(recipe.validate_every) {
            let loss = (state.running[0] / state.running[1]) as f32;
            let validation = validate(task, &shape, &state.average, &validation, recipe.batch)?;
            state.running = [0.0; 2];
            state.curve.push(CurvePoint { step: state.step, loss, validation });
            said = format!("Step {} of {}: loss {loss:.4}, validation {validation:.4}", state.step, recipe.steps);
        }
        if last || state.step.is_multiple_of(recipe.checkpoint_every) {
            keep(&state).map_err(TrainError::Keep)?;
        }
    }
    progress.report(1.0, &said)?;
    Ok(state)
}

/// Keeps the samples' streams apart from the first weights'.
const SAMPLES: u64 = 0x5A3D_17E5_0000_0001;

/// Values of the input channels and of the target.
type Sample = (Vec<f32>, Vec<f32>);

fn batch<T: Task>(task: &T, samples: &[Sample]) -> candle_core::Result<(Tensor, Tensor)> {
    let [d, h, w] = task.size();
    let of = |channels: usize, pick: fn(&Sample) -> &[f32]| {
        let all: Vec<f32> = samples.iter().flat_map(|s| pick(s).iter().copied()).collect();
        Tensor::from_vec(all, (samples.len(), channels, d, h, w), &Device::Cpu)
    };
    Ok((of(task.shape().inputs, |s| &s.0)?, of(task.targets(), |s| &s.1)?))
}

fn validate<T: Task>(
    task: &T,
    shape: &UNetShape,
    weights: &Arrays,
    samples: &[(Vec<f32>, Vec<f32>)],
    batch_size: usize,
) -> Result<f32, TrainError> {
    if samples.is_empty() {
        return Ok(f32::NAN);
    }
    let net = UNet::new(shape, &tensors(weights)?)?;
    let mut sum = 0.0;
    for samples in samples.chunks(batch_size) {
        let (input, target) = batch(task, samples)?;
        sum += f64::from(task.loss(&net.forward(&input)?, &target)?.to_scalar::<f32>()?) * samples.len() as f64;
    }
    Ok((sum / samples.len() as f64) as f32)
}

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// One step of AdamW (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019) with a clipped gradient.
fn update(
    state: &mut State,
    vars: &BTreeMap<String, Var>,
    gradients: &GradStore,
    recipe: &Recipe,
) -> Result<(), TrainError> {
    let mut slopes: BTreeMap<&String, Vec<f32>> = BTreeMap::new();
    let mut square = 0.0;
    for (name, var) in vars {
        let slope = match gradients.get(var) {
            Some(g) => g.flatten_all()?.to_vec1::<f32>()?,
            None => vec![0.0; var.elem_count()],
        };
        square += slope.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>();
        slopes.insert(name, slope);
    }
    if !square.is_finite() {
        return Err(TrainError::Diverged { step: state.step });
    }
    let shrink = (recipe.clip / square.sqrt().max(1e-30)).min(1.0);
    let (rate, t) = (recipe.rate(state.step), (state.step + 1) as i32);
    let correction = BETA.map(|b| 1.0 - b.powi(t));
    // The mean of the first steps must not remember the random start.
    let share = recipe.average.min((1.0 + f64::from(t)) / (10.0 + f64::from(t)));
    for (name, slope) in slopes {
        let missing = || TrainError::Checkpoint(WeightsError::Shape { tensor: name.clone() });
        let weight = state.weights.get_mut(name).ok_or_else(missing)?;
        let average = state.average.get_mut(name).ok_or_else(missing)?;
        let first = state.first.get_mut(name).ok_or_else(missing)?;
        let second = state.second.get_mut(name).ok_or_else(missing)?;
        // Biases are not drawn to zero.
        let decay = if weight.dims.len() > 1 { recipe.weight_decay } else { 0.0 };
        for (i, slope) in slope.iter().enumerate() {
            let g = f64::from(*slope) * shrink;
            let m = BETA[0] * f64::from(first.values[i]) + (1.0 - BETA[0]) * g;
            let v = BETA[1] * f64::from(second.values[i]) + (1.0 - BETA[1]) * g * g;
            let w = f64::from(weight.values[i]);
            let step = m / correction[0] / ((v / correction[1]).sqrt() + EPSILON) + decay * w;
            first.values[i] = m as f32;
            second.values[i] = v as f32;
            weight.values[i] = (w - rate * step) as f32;
            average.values[i] =
                (share * f64::from(average.values[i]) + (1.0 - share) * f64::from(weight.values[i])) as f32;
        }
        vars[name].set(&Tensor::from_slice(&weight.values, weight.dims.as_slice(), &Device::Cpu)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
