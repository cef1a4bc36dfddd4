use super::arguments::Evaluate;
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case::{self, Recipe};
use crate::evaluate::{self, Case, Outcome, PredictError, Prepared, Source};
use crate::export::nrrd::save_nrrd;
use crate::geometry::{Progress, Volume};
use crate::scan::{self, Voxels};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// `calvaria evaluate`: methods scored on skulls whose removed bone is known.
pub fn run(arguments: &Evaluate, quiet: bool) -> Result<(), Failure> {
    let cases = cases(&arguments.data, arguments.only.as_deref())?;
    let recipes = recipes(&arguments.method)?;
    case::check_writable(&arguments.out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut refused = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        let part = progress.part(i as f32 / cases.len() as f32, (i + 1) as f32 / cases.len() as f32);
        part.report(0.0, &case.name)?;
        match one(case, &recipes, arguments, &part) {
            Ok(done) => outcomes.extend(done),
            Err(Failure::Refused(word)) => {
                output::complain(&format!("{}: {word}", case.name));
                refused.push(case.name.clone());
            }
            Err(other) => return Err(other),
        }
    }
    meter.finish();
    let methods: Vec<String> = recipes.iter().map(|r| r.0.clone()).collect();
    let summary = evaluate::summarise(&outcomes, &methods);
    let table = evaluate::markdown(&summary);
    let as_json = serde_json::to_value(&summary).map_err(|e| Failure::Write(e.to_string()))?;
    write(&arguments.out.join("cases.csv"), evaluate::csv(&outcomes).as_bytes())?;
    write(&arguments.out.join("table.md"), table.as_bytes())?;
    write(&arguments.out.join("summary.json"), format!("{as_json:#}\n").as_bytes())?;
    if arguments.json {
        output::json(&as_json);
    } else if !quiet {
        output::print(&table);
    }
    if refused.is_empty() {
        return Ok(());
    }
    let all = cases.len();
    Err(Failure::Refused(format!(
        "{} of {all} cases could not be read and are not in the table; see above",
        refused.len()
    )))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    case::write_atomic(path, bytes).map_err(Failure::from)
}

fn cases(data: &Path, only: Option<&Path>) -> Result<Vec<Case>, Failure> {
    let refused = |word: String| Failure::Refused(format!("{}: {word}", data.display()));
    let cases = evaluate::find_cases(&volumes::find(data)?).map_err(|e| refused(e.to_string()))?;
    let Some(list) = only else { return Ok(cases) };
    evaluate::only_skulls(cases, &names(list)?).map_err(|e| refused(e.to_string()))
}

/// The skulls named in a list file.
pub fn names(list: &Path) -> Result<Vec<String>, Failure> {
    let refused = |word: &str| Failure::Refused(format!("{}: {word}", list.display()));
    let text = std::fs::read_to_string(list).map_err(|e| refused(&e.to_string()))?;
    let names = evaluate::parse_list(&text);
    if names.is_empty() { Err(refused("the list names no skull")) } else { Ok(names) }
}

fn recipes(methods: &[String]) -> Result<Vec<(String, Recipe)>, Failure> {
    let mut recipes: Vec<(String, Recipe)> = Vec::new();
    for method in methods.iter().filter(|m| !m.is_empty()) {
        let mut recipe = Recipe::default();
        recipe.set("reconstruct.method", &method.as_str().into()).map_err(|e| Failure::Usage(e.to_string()))?;
        if recipes.iter().all(|r| r.0 != *method) {
            recipes.push((method.clone(), recipe));
        }
    }
    Ok(recipes)
}

/// Where a case's figures are kept.
fn place(out: &Path, method: &str, case: &str, ending: &str) -> PathBuf {
    let mut path = out.to_owned();
    path.extend([method]);
    path.extend(case.split('/'));
    let mut name = path.into_os_string();
    name.push(ending);
    PathBuf::from(name)
}

/// All methods on one case; those with a file from an earlier run are read from it.
fn one(
    case: &Case,
    recipes: &[(String, Recipe)],
    arguments: &Evaluate,
    progress: &Progress,
) -> Result<Vec<Outcome>, Failure> {
    let file = |method: &str| place(&arguments.out.join("cases"), method, &case.name, ".json");
    let earlier = |method: &str| -> Option<Outcome> {
        let text = std::fs::read(file(method)).ok().filter(|_| !arguments.fresh)?;
        serde_json::from_slice::<Outcome>(&text).ok().filter(|o| o.name == case.name && o.method == method)
    };
    let mut done: Vec<Option<Outcome>> = recipes.iter().map(|(method, _)| earlier(method)).collect();
    if done.iter().any(Option::is_none) {
        let (defective, truth) = volumes_of(&case.source, progress)?;
        let start = Instant::now();
        // Every recipe has the same skull and defect parameters: methods differ in the completion alone.
        let shared = Recipe::default();
        let prepared = evaluate::prepare(defective.clone(), &shared.skull, &shared.defect, &progress.part(0.1, 0.4));
        let prepare_seconds = start.elapsed().as_secs_f64();
        for (i, (method, recipe)) in recipes.iter().enumerate().filter(|(i, _)| done[*i].is_none()).collect::<Vec<_>>()
        {
            let share = |k: usize| 0.4 + 0.6 * k as f32 / recipes.len() as f32;
            let part = progress.part(share(i), share(i + 1));
            let mut outcome = tried(
                &prepared,
                recipe,
                &defective,
                &truth,
                arguments.keep.then(|| place(&arguments.out.join("implant"), method, &case.name, ".nrrd")),
                &part,
            )?;
            outcome.name.clone_from(&case.name);
            outcome.skull.clone_from(&case.skull);
            outcome.kind.clone_from(&case.kind);
            outcome.method.clone_from(method);
            outcome.prepare_seconds = prepare_seconds;
            let text = serde_json::to_vec_pretty(&outcome).map_err(|e| Failure::Write(e.to_string()))?;
            write(&file(method), &text)?;
            done[i] = Some(outcome);
        }
    }
    Ok(done.into_iter().flatten().collect())
}

/// One method on one case; a failure to complete is an outcome, a failure to write is not.
fn tried(
    prepared: &Result<Prepared, PredictError>,
    recipe: &Recipe,
    defective: &Volume<u8>,
    truth: &Volume<u8>,
    keep: Option<PathBuf>,
    progress: &Progress,
) -> Result<Outcome, Failure> {
    progress.check()?;
    let start = Instant::now();
    let (predicted, failure) = match prepared {
        Ok(head) => match head.predict(&recipe.reconstruct, progress) {
            Ok(made) => (Some(made), None),
            Err(PredictError::Cancelled(stop)) => return Err(stop.into()),
            Err(error) => (None, Some(error.to_string())),
        },
        Err(PredictError::Cancelled(stop)) => return Err((*stop).into()),
        Err(error) => (None, Some(error.to_string())),
    };
    let complete_seconds = start.elapsed().as_secs_f64();
    let (implant, findings) = match predicted {
        Some(made) => (made.implant, made.findings),
        None => (Volume::filled(truth.grid.clone(), 0u8), Vec::new()),
    };
    if let Some(path) = keep {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| crate::export::WriteError::new(folder, &e))?;
        }
        save_nrrd(&path, &implant)?;
    }
    Ok(Outcome {
        name: String::new(),
        skull: String::new(),
        kind: String::new(),
        method: String::new(),
        failure,
        defects: prepared.as_ref().map_or(0, |p| p.defects.len()),
        findings,
        prepare_seconds: 0.0,
        complete_seconds,
        scores: evaluate::score(defective, truth, &implant),
    })
}

/// The defective skull and the true implant of a case, on one grid and apart.
pub fn volumes_of(source: &Source, progress: &Progress) -> Result<(Volume<u8>, Volume<u8>), Failure> {
    let read = |path: &Path, part: Progress| -> Result<Volume<u8>, Failure> {
        match scan::read(path, &part)?.voxels {
            Voxels::Mask(mask) => Ok(mask),
            Voxels::Hu(_) => Err(Failure::Refused(format!("{}: not a two-valued mask", path.display()))),
        }
    };
    let (first, second) = match source {
        Source::CompleteImplant { complete, implant } => (complete, implant),
        Source::CompleteDefective { complete, defective } => (complete, defective),
        Source::DefectiveImplant { defective, implant } => (defective, implant),
    };
    let (a, b) = (read(first, progress.part(0.0, 0.05))?, read(second, progress.part(0.05, 0.1))?);
    // Headers written by different programs differ in the last digits.
    if !a.grid.matches(&b.grid, 1e-3) {
        return Err(Failure::Refused("its two volumes lie on different grids".to_owned()));
    }
    let less = |from: &Volume<u8>, by: &Volume<u8>| {
        let left = from.data.iter().zip(&by.data).map(|(&f, &b)| u8::from(f != 0 && b == 0));
        Volume::new(from.grid.clone(), left.collect())
    };
    let stray = |part: &Volume<u8>, of: &Volume<u8>| {
        let outside = part.data.iter().zip(&of.data).filter(|(p, o)| **p != 0 && **o == 0).count();
        outside * 100 > part.data.iter().filter(|v| **v != 0).count()
    };
    let (defective, truth) = match source {
        Source::CompleteImplant { .. } => {
            if stray(&b, &a) {
                return Err(Failure::Refused("the implant is no part of its complete skull".to_owned()));
            }
            (less(&a, &b), b)
        }
        Source::CompleteDefective { .. } => {
            if stray(&b, &a) {
                return Err(Failure::Refused("the defective skull is no part of its complete skull".to_owned()));
            }
            let truth = less(&a, &b);
            (b, truth)
        }
        Source::DefectiveImplant { .. } => {
            let truth = less(&b, &a);
            (a, truth)
        }
    };
    if truth.data.iter().all(|&v| v == 0) {
        return Err(Failure::Refused("nothing was removed from this skull".to_owned()));
    }
    Ok((defective, truth))
}
