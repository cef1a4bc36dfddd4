use super::surface_distance::percentile;
use crate::geometry::Random;

/// Resamples an interval is drawn from.
const RESAMPLES: usize = 2000;
/// The seed of every interval: the same figures give the same interval.
pub const SEED: u64 = 20_210_701;

/// 95 % interval of the mean, by drawing whole groups (skulls) with replacement: cases of one skull are not
/// independent. `values` are (group, value); `None` with fewer than two groups.
///
/// Source: percentile bootstrap, B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
pub fn mean_interval(values: &[(usize, f64)], seed: u64) -> Option<[f64; 2]> {
    let mut sums: std::collections::BTreeMap<usize, (f64, f64)> = Default::default();
    for (group, value) in values {
        let sum = sums.entry(*group).or_default();
        *sum = (sum.0 + value, sum.1 + 1.0);
    }
    let groups: Vec<(f64, f64)> = sums.into_values().collect();
    if groups.len() < 2 {
        return None;
    }
    let mut random = Random::from_state(seed);
    // All 64 bits of each draw: the published intervals are made so.
    let mut below = |count: usize| ((u128::from(random.bits()) * count as u128) >> 64) as usize;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let picked = (0..groups.len()).map(|_| groups[below(groups.len())]);
            let (sum, count) = picked.fold((0.0, 0.0), |a, g| (a.0 + g.0, a.1 + g.1));
            sum / count
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    Some([percentile(&means, 2.5), percentile(&means, 97.5)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_normal_law_and_repeats() {
        // Evenly spread groups: standard error of the mean is σ/√n.
        let n = 100;
        let values: Vec<(usize, f64)> = (0..n).map(|i| (i, i as f64)).collect();
        let [low, high] = mean_interval(&values, 1).expect("many groups");
        let half = 1.96 * 28.87 / 10.0;
        assert!((low - (49.5 - half)).abs() < 0.6 && (high - (49.5 + half)).abs() < 0.6, "{low} {high}");
        assert_eq!(mean_interval(&values, 1), mean_interval(&values, 1));
        assert_ne!(mean_interval(&values, 1), mean_interval(&values, 2));
    }

    #[test]
    fn cases_of_one_skull_go_together() {
        // Ten equal cases a skull tell no more than one.
        let one: Vec<(usize, f64)> = (0..20).map(|i| (i, (i % 7) as f64)).collect();
        let ten: Vec<(usize, f64)> = one.iter().flat_map(|v| std::iter::repeat_n(*v, 10)).collect();
        assert_eq!(mean_interval(&one, 5), mean_interval(&ten, 5));
        assert_eq!(mean_interval(&ten[..10], 5), None);
    }
}
