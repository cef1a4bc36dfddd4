//! A generator of our own: a stream is named by a seed and a number, so that sample 17 of step 300 of a training, or the
//! second shape drawn for a hole, is the same on every platform, at any number of threads, and after an interruption,
//! with no state to keep.

/// A stream of numbers. SplitMix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// What the state grows by from number to number: 2⁶⁴ over the golden ratio.
pub(crate) const SPLITMIX_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's mixing of a state.
#[inline]
pub(crate) fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Random {
    /// Stream `number` of a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        Self::from_state(splitmix(seed.wrapping_add(SPLITMIX_STEP) ^ splitmix(number.wrapping_add(1))))
    }

    /// The stream after a state, for streams that are named otherwise.
    pub(crate) fn from_state(state: u64) -> Self {
        Self { state }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(SPLITMIX_STEP);
        splitmix(self.state)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [−1, 1).
    pub fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Whether a thing of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number below `count` (0 when there is none).
    pub fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let r = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        r * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers are part of the promise: a recipe must mean the same samples in every version.
    #[test]
    fn streams_are_fixed_and_differ() {
        let first = |seed, number| Random::new(seed, number).bits();
        assert_eq!(first(1, 2), 0x99B2_877E_B584_0B4B);
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(1, 2), first(1, 3));
    }

    #[test]
    fn moments_are_right() {
        let mut random = Random::new(5, 0);
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!((0..1000).all(|_| random.below(3) < 3 && (2.0..5.0).contains(&random.between(2.0, 5.0))));
        assert!((0..1000).all(|_| (-1.0..1.0).contains(&random.signed())));
        let share = (0..n).filter(|_| random.chance(0.3)).count() as f64 / f64::from(n);
        assert!((share - 0.3).abs() < 0.01);
    }
}
