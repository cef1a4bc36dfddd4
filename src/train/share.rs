//! How much of a network's correction holds on heads that it was not trained on: what a network adds there is part
//! knowledge, part noise.

/// Shares of a correction that are tried: 0, 1/20, …, 1.
const SHARES: usize = 20;

/// The share of a correction with the largest mean Dice on the validation heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FittedShare {
    /// Share of the correction with the largest Dice.
    pub share: f64,
    /// Dice of what the network starts from.
    pub start: f64,
    /// Dice with the whole correction.
    pub whole: f64,
    /// Dice with the fitted share of it.
    pub fitted: f64,
}

impl FittedShare {
    /// `dice` gives an example's Dice with a share of the correction.
    pub(super) fn over<E, D: Fn(f32) -> f64>(examples: impl IntoIterator<Item = Result<D, E>>) -> Result<Self, E> {
        let (mut sums, mut count) = ([0.0; SHARES + 1], 0usize);
        for dice in examples {
            let dice = dice?;
            sums.iter_mut().enumerate().for_each(|(k, sum)| *sum += dice(k as f32 / SHARES as f32));
            count += 1;
        }
        let best = (0..=SHARES).fold(0, |best, k| if sums[k] > sums[best] { k } else { best });
        let mean = |k: usize| sums[k] / count.max(1) as f64;
        Ok(Self { share: best as f64 / SHARES as f64, start: mean(0), whole: mean(SHARES), fitted: mean(best) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_share_over_all_examples_is_found() {
        let example = |top: f32| move |share: f32| 0.9 - f64::from((share - top).powi(2));
        let fitted = FittedShare::over([0.2f32, 0.6].map(|top| Ok::<_, ()>(example(top)))).expect("a share");
        assert!((fitted.share - 0.4).abs() < 1e-9, "{fitted:?}");
        assert!(fitted.fitted > fitted.start && fitted.fitted > fitted.whole);
        assert!((fitted.start - (0.9 - 0.2)).abs() < 1e-6, "{fitted:?}");
        assert_eq!(FittedShare::over([Err::<fn(f32) -> f64, _>("no net")]), Err("no net"));
    }
}
