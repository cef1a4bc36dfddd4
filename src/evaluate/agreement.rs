//! How well people (or programs) agree on labels, and how well a score tells two groups apart.

/// Cohen's κ of two raters' categories (0 to `categories` − 1), item by item; with `quadratic`, grades that are
/// farther apart disagree more: κ = 1 − Σ w·O / Σ w·E, w = (i−j)²/(k−1)². `None` where chance alone agrees always.
///
/// Source: J. Cohen, A coefficient of agreement for nominal scales (1960); weighted kappa (1968).
pub fn cohen_kappa(a: &[usize], b: &[usize], categories: usize, quadratic: bool) -> Option<f64> {
    let n = a.len().min(b.len()) as f64;
    let weight = |i: usize, j: usize| match quadratic {
        true => (i as f64 - j as f64).powi(2) / (categories as f64 - 1.0).powi(2),
        false => f64::from(u8::from(i != j)),
    };
    let share = |of: &[usize], c: usize| of.iter().filter(|&&v| v == c).count() as f64 / n;
    let observed: f64 = a.iter().zip(b).map(|(&i, &j)| weight(i, j)).sum::<f64>() / n;
    let expected: f64 = (0..categories)
        .flat_map(|i| (0..categories).map(move |j| (i, j)))
        .map(|(i, j)| weight(i, j) * share(a, i) * share(b, j))
        .sum();
    (n > 0.0 && expected > 0.0).then(|| 1.0 - observed / expected)
}

/// Fleiss' κ: `counts[item][category]` raters chose the category; every item has the same number of raters (else
/// `None`, as where chance alone agrees always).
///
/// Source: J. L. Fleiss, Measuring nominal scale agreement among many raters (1971).
pub fn fleiss_kappa(counts: &[Vec<usize>]) -> Option<f64> {
    let raters = counts.first()?.iter().sum::<usize>();
    if raters < 2 || counts.iter().any(|row| row.iter().sum::<usize>() != raters || row.len() != counts[0].len()) {
        return None;
    }
    let (items, n) = (counts.len() as f64, raters as f64);
    let agreed = |row: &Vec<usize>| (row.iter().map(|&c| (c * c) as f64).sum::<f64>() - n) / (n * (n - 1.0));
    let mean = counts.iter().map(agreed).sum::<f64>() / items;
    let share = |c: usize| counts.iter().map(|row| row[c] as f64).sum::<f64>() / (items * n);
    let chance: f64 = (0..counts[0].len()).map(|c| share(c).powi(2)).sum();
    (chance < 1.0).then(|| (mean - chance) / (1.0 - chance))
}

/// Area under the ROC curve with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    /// P(s⁺ > s⁻) + ½ P(=).
    pub auc: f64,
    /// DeLong's standard error; 0 where the groups are told apart without fault.
    pub standard_error: f64,
}

/// AUC of scores for items that are (`true`) or are not; `None` with fewer than two of either.
///
/// Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more correlated ROC
/// curves (1988).
pub fn auc(labels: &[bool], scores: &[f64]) -> Option<Auc> {
    let pick = |which: bool| -> Vec<f64> {
        labels.iter().zip(scores).filter(|(l, _)| **l == which).map(|(_, s)| *s).collect()
    };
    let (with, without) = (pick(true), pick(false));
    if with.len() < 2 || without.len() < 2 {
        return None;
    }
    let wins = |a: f64, b: f64| if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
    let of = |v: &[f64], f: &dyn Fn(f64) -> f64| v.iter().map(|&x| f(x)).sum::<f64>() / v.len() as f64;
    let per_with: Vec<f64> = with.iter().map(|&a| of(&without, &|b| wins(a, b))).collect();
    let per_without: Vec<f64> = without.iter().map(|&b| of(&with, &|a| wins(a, b))).collect();
    let auc = of(&per_with, &|v| v);
    let variance = |v: &[f64]| v.iter().map(|x| (x - auc).powi(2)).sum::<f64>() / (v.len() - 1) as f64;
    let standard_error =
        (variance(&per_with) / with.len() as f64 + variance(&per_without) / without.len() as f64).sqrt();
    Some(Auc { auc, standard_error })
}

impl Auc {
    /// 95 % interval on the logit scale, which stays within 0 and 1; `None` where the AUC is 0 or 1.
    pub fn logit_interval(&self) -> Option<[f64; 2]> {
        let spread = self.auc * (1.0 - self.auc);
        (spread > 0.0).then(|| {
            let (middle, half) =
                ((self.auc / (1.0 - self.auc)).ln(), 1.959_963_984_540_054 * self.standard_error / spread);
            [middle - half, middle + half].map(|v| 1.0 / (1.0 + (-v).exp()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<usize> {
        text.bytes().map(|b| usize::from(b - b'0')).collect()
    }

    fn near(a: Option<f64>, b: f64) {
        assert!(a.is_some_and(|a| (a - b).abs() < 1e-8), "{a:?} against {b}");
    }

    #[test]
    fn kappas_of_known_tables() {
        near(cohen_kappa(&digits("1110010010"), &digits("1100010110"), 2, false), 0.6);
        let (a, b) = (digits("0122331023"), digits("0112321123"));
        near(cohen_kappa(&a, &b, 4, false), 0.6);
        near(cohen_kappa(&a, &b, 4, true), 0.854368932);
        assert_eq!(cohen_kappa(&[1, 1], &[1, 1], 2, false), None);
        let rows =
            "0 0 0 0 14/0 2 6 4 2/0 0 3 5 6/0 3 9 2 0/2 2 8 1 1/7 7 0 0 0/3 2 6 3 0/2 5 3 2 2/6 5 2 1 0/0 2 2 3 7";
        let counts: Vec<Vec<usize>> =
            rows.split('/').map(|r| r.split(' ').map(|v| v.parse().expect("a count")).collect()).collect();
        near(fleiss_kappa(&counts), 0.209930704);
        assert_eq!(fleiss_kappa(&[vec![1, 1], vec![2, 1]]), None);
    }

    #[test]
    fn auc_of_a_known_table() {
        let labels: Vec<bool> = digits("001101011001").iter().map(|&v| v == 1).collect();
        let scores = [0.1, 0.4, 0.35, 0.8, 0.2, 0.7, 0.5, 0.9, 0.4, 0.3, 0.6, 0.65];
        let found = auc(&labels, &scores).expect("both groups");
        near(Some(found.auc), 0.847222222);
        near(Some(found.standard_error), 0.119476740);
        let [low, high] = found.logit_interval().expect("not perfect");
        assert!((low - 0.475976336).abs() < 1e-8 && (high - 0.971310804).abs() < 1e-8);
        let perfect = auc(&[false, false, true, true], &[0.0, 1.0, 2.0, 3.0]).expect("both groups");
        assert_eq!((perfect.auc, perfect.logit_interval()), (1.0, None));
    }
}
