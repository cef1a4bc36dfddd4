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
    /// Heads of the atlas that were not asked, for they are this one.
    #[serde(default)]
    pub heads_left_out: usize,
    /// What the answer depends on besides skull and program: which atlas and weights, and whether a head may be asked
    /// for itself.
    #[serde(default)]
    pub reckoned_with: String,
    /// What the user would have been told.
    pub findings: Vec<String>,
    /// Share of the true outer face within the stated 90 % band (see [`super::share_in_band`]).
    #[serde(default)]
    pub in_band: Option<f64>,
    /// Reading the case, s.
    #[serde(default)]
    pub read_seconds: f64,
    /// Finding head and defect, s.
    pub prepare_seconds: f64,
    /// Completing the bone, voxels included, s.
    pub complete_seconds: f64,
    /// Scoring, s; the first method of a case pays for what all share.
    #[serde(default)]
    pub score_seconds: f64,
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
    /// Whether a larger value is the better one; `None` where nearer to a wanted value is (0; 0.9 for the band).
    pub higher_is_better: Option<bool>,
    /// Decimals worth printing.
    pub decimals: usize,
    get: fn(&Outcome) -> Option<f64>,
}

impl Measure {
    const fn new(
        key: &'static str,
        label: &'static str,
        higher_is_better: Option<bool>,
        decimals: usize,
        get: fn(&Outcome) -> Option<f64>,
    ) -> Self {
        Self { key, label, higher_is_better, decimals, get }
    }

    /// Every column, in the table's order.
    pub const ALL: [Measure; 17] = [
        Self::new("dice", "DSC", Some(true), 3, |o| Some(o.scores.dice)),
        Self::new("border_dice", "bDSC", Some(true), 3, |o| Some(o.scores.border_dice)),
        Self::new("hausdorff95_mm", "HD95 mm", Some(false), 2, |o| finite(o.scores.hausdorff95_mm)),
        Self::new("hausdorff95_max_mm", "HD95max mm", Some(false), 2, |o| finite(o.scores.hausdorff95_max_mm)),
        Self::new("hausdorff_mm", "HD mm", Some(false), 2, |o| finite(o.scores.hausdorff_mm)),
        Self::new("mean_distance_mm", "ASSD mm", Some(false), 3, |o| finite(o.scores.mean_distance_mm)),
        Self::new("within_half_mm", "≤ 0.5 mm", Some(true), 3, |o| Some(o.scores.within_half_mm)),
        Self::new("within_1mm", "≤ 1 mm", Some(true), 3, |o| Some(o.scores.within_1mm)),
        Self::new("within_2mm", "≤ 2 mm", Some(true), 3, |o| Some(o.scores.within_2mm)),
        Self::new("volume_error_percent", "volume %", None, 1, |o| finite(o.scores.volume_error).map(|v| v * 100.0)),
        Self::new("outer_mean_mm", "outer mm", Some(false), 2, |o| o.scores.outer.map(|f| f.mean_mm)),
        Self::new("outer_p95_mm", "outer p95 mm", Some(false), 2, |o| o.scores.outer.map(|f| f.p95_mm)),
        Self::new("outer_within_1mm", "outer ≤ 1 mm", Some(true), 3, |o| o.scores.outer.map(|f| f.within_1mm)),
        Self::new("inner_mean_mm", "inner mm", Some(false), 2, |o| o.scores.inner.map(|f| f.mean_mm)),
        Self::new("inner_p95_mm", "inner p95 mm", Some(false), 2, |o| o.scores.inner.map(|f| f.p95_mm)),
        Self::new("rim_curvature_per_mm2", "rim curvature 1/mm²", Some(false), 5, |o| o.scores.rim_curvature_per_mm2),
        Self::new("in_band", "in 90 % band", None, 3, |o| o.in_band),
    ];

    /// The value of a case; `None` where it has none (a failure's distance).
    pub fn value(&self, outcome: &Outcome) -> Option<f64> {
        (self.get)(outcome)
    }

    /// How bad a value is: larger is worse.
    fn badness(&self, value: f64) -> f64 {
        match self.higher_is_better {
            Some(true) => -value,
            Some(false) => value,
            None if self.key == "in_band" => (value - 0.9).abs(),
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
    /// Cases whose head was left out of the atlas.
    pub without_self: usize,
    /// Names of the cases without a prediction; they count with an overlap of 0.
    pub failed: Vec<String>,
    /// Mean time from mask to implant without reading and writing, s.
    pub seconds: f64,
    /// Of it the completion alone, without finding head and defect, s.
    pub complete_seconds: f64,
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

/// How much overlap a method loses by a disturbance: the clean case's minus the disturbed one's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// The method.
    pub method: String,
    /// The disturbance; `None` for all.
    pub kind: Option<String>,
    /// Cases with a clean one.
    pub cases: usize,
    /// Mean of DSC(clean) − DSC(disturbed).
    pub mean: f64,
    /// Bootstrap 95 % interval, by skull.
    pub interval: Option<[f64; 2]>,
    /// The lowest overlap of the disturbed cases.
    pub worst_dice: f64,
    /// Its case.
    pub worst_case: String,
    /// Disturbed cases without an implant.
    pub failed: usize,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// All cases, a row a method.
    pub all: Vec<Row>,
    /// A row a kind and method; empty without kinds.
    pub by_kind: Vec<Row>,
    /// Each method against the first, and against the methods that need no training (`tps`, `kriging`).
    pub paired: Vec<Paired>,
    /// Each method, and each method and kind, against its own clean cases; empty without them.
    pub losses: Vec<Loss>,
    /// The seed of the intervals.
    pub seed: u64,
}

/// Puts the outcomes of several methods together; methods in the order given, kinds sorted. `clean` are the outcomes
/// of the undisturbed cases (empty when there is nothing to compare with): the case `vertex/002` belongs to `002`.
pub fn summarise(outcomes: &[Outcome], methods: &[String], clean: &[Outcome]) -> Summary {
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
        paired: pairs(methods).into_iter().map(|(m, against)| paired(m, &of(m), against, &of(against))).collect(),
        losses: losses(outcomes, methods, clean),
        seed: SEED,
    }
}

fn losses(outcomes: &[Outcome], methods: &[String], clean: &[Outcome]) -> Vec<Loss> {
    let disturbance = |o: &Outcome| o.name.split_once('/').map(|(what, _)| what.to_owned());
    let pairs: Vec<(&Outcome, &Outcome)> = outcomes
        .iter()
        .filter_map(|o| {
            let (_, name) = o.name.split_once('/')?;
            Some((clean.iter().find(|c| c.name == name && c.method == o.method)?, o))
        })
        .collect();
    let kinds: std::collections::BTreeSet<String> = pairs.iter().filter_map(|(_, o)| disturbance(o)).collect();
    let one = |method: &String, kind: Option<&String>| {
        let of = |o: &&Outcome| o.method == *method && kind.is_none_or(|k| disturbance(o).as_ref() == Some(k));
        let part: Vec<&(&Outcome, &Outcome)> = pairs.iter().filter(|(_, o)| of(o)).collect();
        let worst = part.iter().map(|(_, o)| o).min_by(|a, b| a.scores.dice.total_cmp(&b.scores.dice))?;
        let lost = |(clean, o): &(&Outcome, &Outcome)| clean.scores.dice - o.scores.dice;
        Some(Loss {
            method: method.clone(),
            kind: kind.cloned(),
            cases: part.len(),
            mean: part.iter().map(|p| lost(p)).sum::<f64>() / part.len() as f64,
            interval: mean_interval(&grouped(part.iter().map(|p| (p.1.skull.as_str(), lost(p)))), SEED),
            worst_dice: worst.scores.dice,
            worst_case: worst.name.clone(),
            failed: part.iter().filter(|(_, o)| o.failure.is_some()).count(),
        })
    };
    let each = |method| std::iter::once(None).chain(kinds.iter().map(Some)).filter_map(move |kind| one(method, kind));
    methods.iter().flat_map(each).collect()
}

/// Which method is set against which.
fn pairs(methods: &[String]) -> Vec<(&String, &String)> {
    let is_floor = |m: &String| ["tps", "kriging"].contains(&m.as_str());
    let against = methods.iter().enumerate().filter(|(i, m)| *i == 0 || is_floor(m)).map(|(_, m)| m);
    // The first stands against the floors already, with the other sign.
    let others = |a| methods.iter().filter(move |m| *m != a && (**m != methods[0] || a == &methods[0]));
    against.flat_map(|a| others(a).map(move |m| (m, a))).collect()
}

fn row(method: &str, kind: Option<String>, outcomes: &[&Outcome]) -> Row {
    let skulls: std::collections::BTreeSet<&String> = outcomes.iter().map(|o| &o.skull).collect();
    let total: f64 = outcomes.iter().map(|o| o.prepare_seconds + o.complete_seconds).sum();
    Row {
        method: method.to_owned(),
        kind,
        cases: outcomes.len(),
        skulls: skulls.len(),
        without_self: outcomes.iter().filter(|o| o.heads_left_out > 0).count(),
        failed: outcomes.iter().filter(|o| o.failure.is_some()).map(|o| o.name.clone()).collect(),
        seconds: total / outcomes.len().max(1) as f64,
        complete_seconds: outcomes.iter().map(|o| o.complete_seconds).sum::<f64>() / outcomes.len().max(1) as f64,
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

/// Names of the best, the median and the worst case of a method by overlap, each with its word.
pub fn best_median_worst<'a>(outcomes: &'a [Outcome], method: &str) -> Vec<(&'static str, &'a str)> {
    let mut sorted: Vec<&Outcome> = outcomes.iter().filter(|o| o.method == method).collect();
    sorted.sort_by(|a, b| b.scores.dice.total_cmp(&a.scores.dice));
    let at = |k: usize| sorted.get(k).map(|o| o.name.as_str());
    let last = sorted.len().saturating_sub(1);
    let three = [("best", at(0)), ("median", at(last / 2)), ("worst", at(last))];
    three.into_iter().filter_map(|(word, name)| Some((word, name?))).collect()
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
