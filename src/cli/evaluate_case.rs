//! One case of an evaluation: read once, its head and defects found once, judged by one judge for all methods.

use super::cases;
use super::evaluate::place;
use super::failure::Failure;
use super::inject::save;
use super::measuring::Evaluate;
use crate::case::{self, Recipe};
use crate::evaluate::{self, Case, Judge, Outcome, PredictError, Prediction, Prepared, Truth, picture};
use crate::geometry::{Progress, Volume};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// What cases at work may take together, bytes; with the program itself below 6 GB.
const MOST_BYTES: u64 = 5_000_000_000;
/// What a case takes a voxel: masks, the head's intensities, pieces of implant (measured: 12 with one method).
const BYTES_A_VOXEL: u64 = 16;

/// Lets a case begin when there is memory for it; one always may.
pub struct Budget {
    taken: Mutex<u64>,
    freed: Condvar,
}

impl Default for Budget {
    fn default() -> Self {
        Self { taken: Mutex::new(0), freed: Condvar::new() }
    }
}

/// A share of the budget, given back when dropped.
struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    fn take(&self, voxels: usize) -> Share<'_> {
        let bytes = voxels as u64 * BYTES_A_VOXEL;
        if let Ok(taken) = self.taken.lock()
            && let Ok(mut taken) = self.freed.wait_while(taken, |t| *t > 0 && *t + bytes > MOST_BYTES)
        {
            *taken += bytes;
        }
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if let Ok(mut taken) = self.budget.taken.lock() {
            *taken = taken.saturating_sub(self.bytes);
        }
        self.budget.freed.notify_all();
    }
}

/// Begins the word of a failure that says that there is no head at all.
const NO_HEAD: &str = "no head: ";

/// Whether a method failed because there is no head.
pub fn is_no_head(outcome: &Outcome) -> bool {
    outcome.failure.as_ref().is_some_and(|f| f.starts_with(NO_HEAD))
}

/// A case's times in a line.
pub fn times(case: &Case, outcomes: &[Outcome]) -> String {
    let Some(first) = outcomes.first() else { return case.name.clone() };
    let one = |o: &Outcome| {
        let failed = if o.failure.is_some() { " failed" } else { "" };
        format!(
            "{}{failed} {:.1} s, scored {:.1} s, DSC {:.3}",
            o.method, o.complete_seconds, o.score_seconds, o.scores.dice
        )
    };
    let methods: Vec<String> = outcomes.iter().map(one).collect();
    format!(
        "{}: read {:.1} s, found {:.1} s; {}",
        case.name,
        first.read_seconds,
        first.prepare_seconds,
        methods.join("; ")
    )
}

/// See [`Outcome::reckoned_with`].
fn reckoned_with(recipe: &Recipe, arguments: &Evaluate) -> String {
    let alone = if arguments.leave_self_out { ", without itself" } else { "" };
    format!("{}{alone}", case::models_word(recipe.reconstruct.method))
}

/// All methods on one case; those with a file from an earlier run are read from it.
pub fn one(
    case: &Case,
    recipes: &[(String, Recipe)],
    arguments: &Evaluate,
    budget: &Budget,
) -> Result<Vec<Outcome>, Failure> {
    let folder = arguments.out.join("cases");
    let earlier = |(method, recipe): &(String, Recipe)| -> Option<Outcome> {
        let text = std::fs::read(place(&folder, method, &case.name, ".json")).ok().filter(|_| !arguments.fresh)?;
        let kept = serde_json::from_slice::<Outcome>(&text).ok()?;
        let same = kept.name == case.name && kept.method == *method;
        if arguments.keep && !place(&arguments.out.join("implant"), method, &case.name, ".nrrd").exists() {
            return None;
        }
        (same && kept.reckoned_with == reckoned_with(recipe, arguments)).then_some(kept)
    };
    let mut done: Vec<Option<Outcome>> = recipes.iter().map(earlier).collect();
    if done.iter().all(Option::is_some) {
        return Ok(done.into_iter().flatten().collect());
    }
    // Steps report to nobody: the lines of two cases at once would mix.
    let silent = Progress::new();
    let start = Instant::now();
    let truth = cases::read(&case.source, &silent)?;
    let read_seconds = start.elapsed().as_secs_f64();
    let _share = budget.take(truth.implant.grid.len());
    let start = Instant::now();
    // Every recipe has the same skull and defect parameters: methods differ in the completion alone.
    let shared = Recipe::default();
    let mut prepared = evaluate::prepare(truth.defective.clone(), &shared.skull, &shared.defect, &silent);
    let prepare_seconds = start.elapsed().as_secs_f64();
    if arguments.leave_self_out
        && let Ok(prepared) = &mut prepared
    {
        match evaluate::heads_of(&truth, &shared.skull, &silent) {
            Ok(heads) => prepared.left_out = heads,
            Err(PredictError::Cancelled(stop)) => return Err(stop.into()),
            // A defective skull is a head, so its whole is one.
            Err(error) => return Err(Failure::Refused(format!("{}: {error}", case.name))),
        }
    }
    let mut judge: Option<Judge> = None;
    for (i, (method, recipe)) in recipes.iter().enumerate() {
        if done[i].is_some() {
            continue;
        }
        let start = Instant::now();
        let predicted = predict(&prepared, recipe, &silent)?;
        let complete_seconds = start.elapsed().as_secs_f64();
        let (prediction, failure) = match predicted {
            Ok(made) => (made, None),
            Err(word) => {
                let implant = Volume::filled(truth.implant.grid.clone(), 0u8);
                (Prediction { implant, completions: Vec::new() }, Some(word))
            }
        };
        if arguments.keep {
            save(&place(&arguments.out.join("implant"), method, &case.name, ".nrrd"), &prediction.implant)?;
        }
        let start = Instant::now();
        let verdict =
            judge.get_or_insert_with(|| Judge::new(&truth.defective, &truth.implant)).judge(&prediction.implant);
        let score_seconds = start.elapsed().as_secs_f64();
        let findings = prediction.completions.iter().flat_map(|c| &c.findings).map(|f| f.message.clone());
        let outcome = Outcome {
            name: case.name.clone(),
            skull: case.skull.clone(),
            kind: case.kind.clone(),
            method: method.clone(),
            failure,
            defects: prepared.as_ref().map_or(0, |p| p.defects.len()),
            heads_left_out: prepared.as_ref().map_or(0, |p| p.left_out.len()),
            reckoned_with: reckoned_with(recipe, arguments),
            findings: findings.collect(),
            in_band: evaluate::share_in_band(&verdict.outer, &prediction.completions),
            read_seconds,
            prepare_seconds,
            complete_seconds,
            score_seconds,
            scores: verdict.scores,
        };
        // Without a head nothing is kept: the file may be replaced by a skull.
        if !is_no_head(&outcome) {
            keep(arguments, &outcome, &truth, &prediction.implant, &verdict.outer)?;
        }
        done[i] = Some(outcome);
    }
    Ok(done.into_iter().flatten().collect())
}

/// Writes a case's figures and its picture.
fn keep(
    arguments: &Evaluate,
    outcome: &Outcome,
    truth: &Truth,
    predicted: &Volume<u8>,
    outer: &[evaluate::OuterPoint],
) -> Result<(), Failure> {
    let write = |ending: &str, bytes: &[u8]| {
        let path = place(&arguments.out.join("cases"), &outcome.method, &outcome.name, ending);
        case::write_atomic(&path, bytes).map_err(Failure::from)
    };
    write(".png", &picture::case(outcome, truth, predicted, outer))?;
    write(".json", &serde_json::to_vec_pretty(outcome).map_err(|e| Failure::Write(e.to_string()))?)
}

/// One method's prediction, or why there is none.
fn predict(
    prepared: &Result<Prepared, PredictError>,
    recipe: &Recipe,
    progress: &Progress,
) -> Result<Result<Prediction, String>, Failure> {
    let failed = |error: &PredictError| match error {
        PredictError::Cancelled(stop) => Err((*stop).into()),
        PredictError::Skull(error) => Ok(Err(format!("{NO_HEAD}{error}"))),
        other => Ok(Err(other.to_string())),
    };
    match prepared {
        Err(error) => failed(error),
        Ok(head) => head.predict(&recipe.reconstruct, progress).map_or_else(|e| failed(&e), |made| Ok(Ok(made))),
    }
}
