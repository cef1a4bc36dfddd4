//! A pass of our residual U-Net against onnxruntime's on the same weights and input, taking turns in one run.
//!
//! `CALVARIA_JUDGES=/path/to/python cargo bench --bench network` with a Python that has `onnx` and `onnxruntime`; without
//! it only our own times are printed. Promise: no slower than onnxruntime with as many threads; the outputs agree to
//! 1e-4 of the largest value.

use calvaria::geometry::Random;
use calvaria::network::{About, Array, UNetShape, Weights, start};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 6;
/// Passes a turn, so that each side's threads are awake for the later ones.
const PASSES: usize = 4;
/// Between turns: either side's threads go on looking for work for a while and would take the other's core.
const PAUSE: Duration = Duration::from_millis(60);
const THREADS: [usize; 2] = [1, 2];

struct Rival {
    process: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Rival {
    fn start(folder: &Path) -> Outcome<Option<Self>> {
        let Some(python) = std::env::var_os("CALVARIA_JUDGES") else {
            println!("skipped: onnxruntime's side; CALVARIA_JUDGES names no Python");
            return Ok(None);
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rivals/onnx_unet.py");
        let mut process =
            Command::new(python).arg(script).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = process.stdin.take().ok_or("no pipe to the rival")?;
        let answer = BufReader::new(process.stdout.take().ok_or("no pipe from the rival")?);
        let mut rival = Self { process, ask, answer };
        println!("{}", rival.line()?);
        Ok(Some(rival))
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answer.read_line(&mut line)? == 0 {
            return Err("the rival ended early: does its Python have onnx and onnxruntime?".into());
        }
        Ok(line.trim().to_owned())
    }

    fn run(&mut self, threads: usize) -> Outcome<f64> {
        writeln!(self.ask, "{threads}")?;
        Ok(self.line()?.parse()?)
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // The process ends by itself at the end of input; this only collects it, or stops it after an error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn compare(name: &str, shape: &UNetShape, size: [usize; 3]) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let mut arrays = BTreeMap::new();
    for (name, var) in start(shape, 1)? {
        arrays.insert(name, Array { dims: var.dims().to_vec(), values: var.flatten_all()?.to_vec1()? });
    }
    let about = About {
        shape: shape.clone(),
        recipe: String::new(),
        steps: 0,
        skulls: 0,
        calibration: BTreeMap::new(),
        mean_vault: String::new(),
    };
    let weights = Weights { about, arrays };
    let dims = [1, shape.inputs, size[0], size[1], size[2]];
    let mut random = Random::new(2, 0);
    let x: Vec<f32> = (0..dims.iter().product()).map(|_| random.normal() as f32).collect();
    std::fs::write(folder.path().join("net.safetensors"), weights.to_bytes("bench"))?;
    std::fs::write(folder.path().join("x.raw"), bytemuck::cast_slice::<f32, u8>(&x))?;
    let json = serde_json::json!({ "shape": shape, "x": dims });
    std::fs::write(folder.path().join("net.json"), json.to_string())?;
    println!("\n{name}: {} weights, input {dims:?}", shape.len());
    let mut rival = Rival::start(folder.path())?;
    let net = weights.net()?;
    let x = Tensor::from_vec(x, &dims, &Device::Cpu)?;
    println!("{:>8} {:>10} {:>12} {:>7}", "threads", "ours ms", "theirs ms", "ratio");
    for threads in THREADS {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            std::thread::sleep(PAUSE);
            let mut out = None;
            for _ in 0..PASSES {
                let begin = Instant::now();
                out = Some(pool.install(|| net.forward(&x))?);
                ours = ours.min(1e3 * begin.elapsed().as_secs_f64());
            }
            let (Some(rival), Some(out)) = (&mut rival, out) else { continue };
            std::thread::sleep(PAUSE);
            for _ in 0..PASSES {
                theirs = theirs.min(rival.run(threads)?);
            }
            let out = out.flatten_all()?.to_vec1::<f32>()?;
            let reference: Vec<f32> = bytemuck::pod_collect_to_vec(&std::fs::read(folder.path().join("theirs.raw"))?);
            let most = reference.iter().fold(0f32, |m, v| m.max(v.abs()));
            let far = out.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            if out.len() != reference.len() || far > 1e-4 * most {
                return Err(format!("the outputs differ by {far} of {most}").into());
            }
        }
        println!("{threads:>8} {ours:>10.1} {theirs:>12.1} {:>7.2}", ours / theirs);
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let net = |dimensions, inputs, outputs, widths: &[usize], fold| UNetShape {
        dimensions,
        inputs,
        outputs,
        widths: widths.to_vec(),
        blocks: 1,
        fold,
    };
    compare("detector, 120² map", &net(2, 12, 1, &[32, 48, 64], true), [1, 120, 120])?;
    compare("map network, 72² sheet", &net(2, 22, 3, &[16, 24, 32], true), [1, 72, 72])?;
    compare("a wider one, 80² sheet", &net(2, 17, 2, &[48, 72, 96], true), [1, 80, 80])?;
    compare("volume network, 64×96×96", &net(3, 8, 1, &[32, 48, 64], true), [64, 96, 96])?;
    compare("3-D U-Net, 64³", &net(3, 3, 1, &[16, 32, 64], false), [64, 64, 64])?;
    // One layer of 32 → 32 channels stands in for the deepest volumes.
    compare("one level, 96×112×96", &net(3, 32, 1, &[32], false), [96, 112, 96])
}
