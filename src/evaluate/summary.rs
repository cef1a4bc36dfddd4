use super::bootstrap::{SEED, mean_interval};
use super::scores::Scores;
use super::surface_distance::percentile;
use serde::{Deserialize, Serialize};

/// What one method did with one case: a line of the table, a file of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The case.
    pub name: String,
    /// Its skull.
    pub skull: String,
    /// Its kind of defect; empty without kinds.
    pub kind: String,
    /// The method.
    pub method: String,
    /// Why there is no prediction; the scores are then those of an empty one.
    pub failure: Option<String>,
    /// Defects found in the defective skull.
    pub defects: usize,
    /// What the user would have been told.
    pub findings: Vec<String>,
    /// Finding head and defect, s.
    pub prepare_seconds: f64,
    /// Completing the bone, voxels included, s.
    pub complete_seconds: f64,
    /// The figures.
    pub scores: Scores,
}

/// A column of the table.
#[derive(Clone, Copy)]
pub struct Measure {
    /// Name in CSV and JSON.
    pub key: &'static str,
    /// Name in the table.
    pub label: &'static str,
    /// Whether a larger value is the better one; `None` where nearer to 0 is.
    pub higher_is_better: Option<bool>,
    /// Decimals worth printing.
    pub decimals: usize,
    get: fn(&Scores) -> Option<f64>,
}

impl Measure {
    const fn new(
        key: &'static str,
        label: &'static str,
        higher_is_better: Option<bool>,
        decimals: usize,
        get: fn(&Scores) -> Option<f64>,
    ) -> Self {
        Self { key, label, higher_is_better, decimals, get }
    }

    /// Every column, in the table's order.
    pub const ALL: [Measure; 16] = [
        Self::new("dice", "DSC", Some(true), 3, |s| Some(s.dice)),
        Self::new("border_dice", "bDSC", Some(true), 3, |s| Some(s.border_dice)),
        Self::new("hausdorff95_mm", "HD95 mm", Some(false), 2, |s| finite(s.hausdorff95_mm)),
        Self::new("hausdorff95_max_mm", "HD95max mm", Some(false), 2, |s| finite(s.hausdorff95_max_mm)),
        Self::new("hausdorff_mm", "HD mm", Some(false), 2, |s| finite(s.hausdorff_mm)),
        Self::new("mean_distance_mm", "ASSD mm", Some(false), 3, |s| finite(s.mean_distance_mm)),
        Self::new("within_half_mm", "≤ 0.5 mm", Some(true), 3, |s| Some(s.within_half_mm)),
        Self::new("within_1mm", "≤ 1 mm", Some(true), 3, |s| Some(s.within_1mm)),
        Self::new("within_2mm", "≤ 2 mm", Some(true), 3, |s| Some(s.within_2mm)),
        Self::new("volume_error_percent", "volume %", None, 1, |s| finite(s.volume_error).map(|v| v * 100.0)),
        Self::new("outer_mean_mm", "outer mm", Some(false), 2, |s| s.outer.map(|f| f.mean_mm)),
        Self::new("outer_p95_mm", "outer p95 mm", Some(false), 2, |s| s.outer.map(|f| f.p95_mm)),
        Self::new("outer_within_1mm", "outer ≤ 1 mm", Some(true), 3, |s| s.outer.map(|f| f.within_1mm)),
        Self::new("inner_mean_mm", "inner mm", Some(false), 2, |s| s.inner.map(|f| f.mean_mm)),
        Self::new("inner_p95_mm", "inner p95 mm", Some(false), 2, |s| s.inner.map(|f| f.p95_mm)),
        Self::new("rim_curvature_per_mm2", "rim curvature 1/mm²", Some(false), 5, |s| s.rim_curvature_per_mm2),
    ];

    /// The value of a case; `None` where it has none (a failure's distance).
    pub fn value(&self, outcome: &Outcome) -> Option<f64> {
        (self.get)(&outcome.scores)
    }

    /// How bad a value is: larger is worse.
    fn badness(&self, value: f64) -> f64 {
        match self.higher_is_better {
            Some(true) => -value,
            Some(false) => value,
            None => value.abs(),
        }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// One measure over the cases that have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The measure's key.
    pub key: &'static str,
    /// Cases with a value.
    pub count: usize,
    /// Mean over them.
    pub mean: f64,
    /// Bootstrap 95 % interval of the mean, by skull.
    pub interval: Option<[f64; 2]>,
    /// Median.
    pub median: f64,
    /// The worst value.
    pub worst: f64,
    /// Its case.
    pub worst_case: String,
}

/// One method on all cases or on one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The method.
    pub method: String,
    /// The kind of defect; `None` for all.
    pub kind: Option<String>,
    /// Cases, failures included.
    pub cases: usize,
    /// Heads they come from.
    pub skulls: usize,
    /// Names of the cases without a prediction; they count with an overlap of 0.
    pub failed: Vec<String>,
    /// Mean time from mask to implant without reading and writing, s.
    pub seconds: f64,
    /// One a measure.
    pub figures: Vec<Figure>,
}

/// The mean difference of two methods' overlap, case by case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The method.
    pub method: String,
    /// The one it is compared with.
    pub against: String,
    /// Cases both were run on.
    pub cases: usize,
    /// Mean of DSC(method) − DSC(against).
    pub mean: f64,
    /// Bootstrap 95 % interval, by skull.
    pub interval: Option<[f64; 2]>,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// All cases, a row a method.
    pub all: Vec<Row>,
    /// A row a kind and method; empty without kinds.
    pub by_kind: Vec<Row>,
    /// Each method against the first.
    pub paired: Vec<Paired>,
    /// The seed of the intervals.
    pub seed: u64,
}

/// Puts the outcomes of several methods together; methods in the order given, kinds sorted.
pub fn summarise(outcomes: &[Outcome], methods: &[String]) -> Summary {
    let of = |method: &String| outcomes.iter().filter(|o| o.method == *method).collect::<Vec<_>>();
    let kinds: std::collections::BTreeSet<&String> =
        outcomes.iter().map(|o| &o.kind).filter(|k| !k.is_empty()).collect();
    let kind_rows = kinds.iter().flat_map(|kind| {
        methods.iter().map(|method| {
            let part: Vec<&Outcome> = of(method).into_iter().filter(|o| o.kind == **kind).collect();
            row(method, Some((*kind).clone()), &part)
        })
    });
    Summary {
        all: methods.iter().map(|m| row(m, None, &of(m))).collect(),
        by_kind: kind_rows.collect(),
        paired: methods.iter().skip(1).map(|m| paired(m, &of(m), &methods[0], &of(&methods[0]))).collect(),
        seed: SEED,
    }
}

fn row(method: &str, kind: Option<String>, outcomes: &[&Outcome]) -> Row {
    let skulls: std::collections::BTreeSet<&String> = outcomes.iter().map(|o| &o.skull).collect();
    let total: f64 = outcomes.iter().map(|o| o.prepare_seconds + o.complete_seconds).sum();
    Row {
        method: method.to_owned(),
        kind,
        cases: outcomes.len(),
        skulls: skulls.len(),
        failed: outcomes.iter().filter(|o| o.failure.is_some()).map(|o| o.name.clone()).collect(),
        seconds: total / outcomes.len().max(1) as f64,
        figures: Measure::ALL.iter().filter_map(|m| figure(m, outcomes)).collect(),
    }
}

fn figure(measure: &Measure, outcomes: &[&Outcome]) -> Option<Figure> {
    let valued: Vec<(&Outcome, f64)> = outcomes.iter().filter_map(|o| Some((*o, measure.value(o)?))).collect();
    let worst = valued.iter().max_by(|a, b| measure.badness(a.1).total_cmp(&measure.badness(b.1)))?;
    let mut sorted: Vec<f64> = valued.iter().map(|v| v.1).collect();
    sorted.sort_by(f64::total_cmp);
    Some(Figure {
        key: measure.key,
        count: valued.len(),
        mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
        interval: mean_interval(&grouped(valued.iter().map(|(o, v)| (o.skull.as_str(), *v))), SEED),
        median: percentile(&sorted, 50.0),
        worst: worst.1,
        worst_case: worst.0.name.clone(),
    })
}

fn paired(method: &str, ours: &[&Outcome], against: &str, theirs: &[&Outcome]) -> Paired {
    let both = ours.iter().filter_map(|a| theirs.iter().find(|b| b.name == a.name).map(|b| (a, b)));
    let differences: Vec<(&str, f64)> = both.map(|(a, b)| (a.skull.as_str(), a.scores.dice - b.scores.dice)).collect();
    Paired {
        method: method.to_owned(),
        against: against.to_owned(),
        cases: differences.len(),
        mean: differences.iter().map(|d| d.1).sum::<f64>() / differences.len().max(1) as f64,
        interval: mean_interval(&grouped(differences.into_iter()), SEED),
    }
}

/// Skulls' names as numbers.
fn grouped<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Vec<(usize, f64)> {
    let mut numbers = std::collections::BTreeMap::new();
    values
        .map(|(skull, value)| {
            let next = numbers.len();
            (*numbers.entry(skull).or_insert(next), value)
        })
        .collect()
}
