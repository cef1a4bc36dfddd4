use super::*;

/// Learns to blur: a task with a known answer.
struct Blur;

impl Task for Blur {
    fn kind(&self) -> &'static str {
        "blur"
    }
    fn shape(&self) -> UNetShape {
        UNetShape { dimensions: 2, inputs: 1, outputs: 1, widths: vec![4, 6], blocks: 1, fold: false }
    }
    fn size(&self) -> [usize; 3] {
        [1, 12, 12]
    }
    fn targets(&self) -> usize {
        1
    }
    fn sample(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>) {
        let x: Vec<f32> = (0..144).map(|_| random.normal() as f32).collect();
        let at = |r: usize, c: usize| x[r.min(11) * 12 + c.min(11)];
        let y = (0..144).map(|o| (at(o / 12, o % 12) + at(o / 12 + 1, o % 12) + at(o / 12, o % 12 + 1)) / 3.0);
        let y = y.collect();
        (x, y)
    }
    fn validation(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        (0..3).map(|i| self.sample(&mut Random::new(77, i))).collect()
    }
    fn loss(&self, out: &Tensor, target: &Tensor) -> candle_core::Result<Tensor> {
        (out - target)?.sqr()?.mean_all()
    }
}

fn recipe() -> Recipe {
    Recipe {
        steps: 60,
        batch: 3,
        learning_rate: 1e-2,
        warm_up: 5,
        checkpoint_every: 7,
        validate_every: 10,
        ..Default::default()
    }
}

fn fresh() -> State {
    State::new(&Blur.shape(), &recipe(), "told".to_owned()).expect("a state")
}

#[test]
fn it_learns_and_an_interruption_changes_no_bit() {
    let mut kept = Vec::new();
    let mut keep = |s: &State| {
        kept.push(s.to_bytes("blur"));
        Ok(())
    };
    let whole = train(&Blur, &recipe(), fresh(), &mut keep, &Progress::new());
    let whole = whole.expect("trained");
    let [first, .., last] = whole.curve.as_slice() else { panic!("a curve") };
    assert!(last.validation < 0.5 * first.validation, "{first:?} {last:?}");
    // From a checkpoint's bytes, as after a kill, with another number of threads.
    let state = State::from_bytes(&kept[4], "blur", &Blur.shape(), "told").expect("a checkpoint");
    assert_eq!(state.step, 35);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let again = pool.install(|| train(&Blur, &recipe(), state, &mut |_| Ok(()), &Progress::new())).expect("trained");
    assert_eq!(again.to_bytes("blur"), whole.to_bytes("blur"));
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let bytes = fresh().to_bytes("blur");
    let read = |kind: &str, told: &str| State::from_bytes(&bytes, kind, &Blur.shape(), told);
    assert!(read("blur", "told").is_ok());
    assert!(matches!(read("blur", "other"), Err(TrainError::Other)));
    assert!(matches!(read("map", "told"), Err(TrainError::Checkpoint(WeightsError::Kind { .. }))));
    let cut = State::from_bytes(&bytes[..bytes.len() / 2], "blur", &Blur.shape(), "told");
    assert!(matches!(cut, Err(TrainError::Checkpoint(_))));
}

#[test]
fn a_training_that_runs_away_or_cannot_be_kept_says_so() {
    let wild = Recipe { learning_rate: 1e30, clip: 1e30, warm_up: 0, ..recipe() };
    let ran = train(&Blur, &wild, fresh(), &mut |_| Ok(()), &Progress::new());
    assert!(matches!(ran, Err(TrainError::Diverged { step: 1.. })), "{ran:?}");
    let full = train(&Blur, &recipe(), fresh(), &mut |_| Err("disk full".to_owned()), &Progress::new());
    assert!(matches!(full, Err(TrainError::Keep(word)) if word == "disk full"));
    let stopped = Progress::new();
    stopped.cancel();
    let stopped = train(&Blur, &recipe(), fresh(), &mut |_| Ok(()), &stopped);
    assert!(matches!(stopped, Err(TrainError::Cancelled(_))));
}
