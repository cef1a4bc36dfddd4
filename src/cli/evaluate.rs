use super::cases;
use super::evaluate_case::{self, Budget};
use super::failure::Failure;
use super::measuring::Evaluate;
use super::output::{self, Meter};
use crate::case::{self, Recipe};
use crate::evaluate::{self, Case, Outcome, Summary, picture};
use crate::geometry::Progress;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of a case.
type Done = Result<Vec<Outcome>, Failure>;

/// `calvaria evaluate`: methods scored on skulls whose removed bone is known.
pub fn run(arguments: &Evaluate, quiet: bool) -> Result<(), Failure> {
    let cases = cases::find(&arguments.data, arguments.only.as_deref())?;
    let recipes = recipes(&arguments.method)?;
    let methods: Vec<String> = recipes.iter().map(|r| r.0.clone()).collect();
    let clean = arguments.clean.as_deref().map(|dir| earlier(dir, &methods)).transpose()?.unwrap_or_default();
    case::check_writable(&arguments.out)?;
    let meter = Meter::new(quiet);
    let all = all(&cases, &recipes, arguments, &meter.progress());
    meter.finish();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut refused = 0usize;
    for (case, done) in cases.iter().zip(all) {
        match done {
            Some(Ok(done)) => outcomes.extend(done),
            Some(Err(Failure::Refused(word))) => {
                output::complain(&format!("{}: {word}", case.name));
                refused += 1;
            }
            Some(Err(other)) => return Err(other),
            // A worker leaves cases undone only after another failed to write, which is returned above.
            None => {}
        }
    }
    let nothing = |why: &str| {
        let data = arguments.data.display();
        Err(Failure::Refused(format!("{data}: {why}; no table was written")))
    };
    if outcomes.is_empty() {
        return nothing(&format!("none of {} cases could be read, see above", cases.len()));
    }
    // An organ that is no head fails with every method; a table of nothing but such failures says nothing.
    if outcomes.iter().all(evaluate_case::is_no_head) {
        let why = outcomes.first().and_then(|o| o.failure.as_deref()).unwrap_or_default();
        return nothing(&format!("no skull in any of {} cases ({why})", cases.len()));
    }
    let summary = evaluate::summarise(&outcomes, &methods, &clean);
    let mut as_json = serde_json::to_value(&summary).map_err(|e| Failure::Write(e.to_string()))?;
    as_json["models"] = models(&recipes);
    write_tables(&arguments.out, &outcomes, &summary, &as_json)?;
    if arguments.json {
        output::json(&as_json);
    } else if !quiet {
        output::print(&evaluate::markdown(&summary));
    }
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{refused} of {} cases could not be read and are not in the table; see above",
        cases.len()
    )))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    case::write_atomic(path, bytes).map_err(Failure::from)
}

/// The atlas and the networks that the methods asked.
fn models(recipes: &[(String, Recipe)]) -> serde_json::Value {
    let mut all: Vec<case::ModelInUse> = Vec::new();
    for model in recipes.iter().flat_map(|(_, recipe)| case::models_in_use(recipe.reconstruct.method)) {
        if !all.contains(&model) {
            all.push(model);
        }
    }
    serde_json::json!(all)
}

fn write_tables(
    out: &Path,
    outcomes: &[Outcome],
    summary: &Summary,
    as_json: &serde_json::Value,
) -> Result<(), Failure> {
    write(&out.join("cases.csv"), evaluate::csv(outcomes).as_bytes())?;
    write(&out.join("table.md"), evaluate::markdown(summary).as_bytes())?;
    write(&out.join("summary.json"), format!("{as_json:#}\n").as_bytes())?;
    write(&out.join("plots.png"), &picture::plots(outcomes, summary))?;
    // The pictures of the best, the median and the worst case are copies of those beside the cases' figures.
    for method in summary.all.iter().map(|r| &r.method) {
        for (word, name) in evaluate::best_median_worst(outcomes, method) {
            let from = place(&out.join("cases"), method, name, ".png");
            let to = out.join("pictures").join(format!("{method}-{word}.png"));
            match std::fs::read(from) {
                Ok(bytes) => write(&to, &bytes)?,
                // An earlier run's case has no picture; an older one of another case would mislead.
                Err(_) => {
                    let _ = std::fs::remove_file(to);
                }
            }
        }
    }
    Ok(())
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
pub fn place(out: &Path, method: &str, case: &str, ending: &str) -> PathBuf {
    let mut path = out.to_owned();
    path.extend([method]);
    path.extend(case.split('/'));
    let mut name = path.into_os_string();
    name.push(ending);
    PathBuf::from(name)
}

/// The kept figures of an earlier run's folder.
fn earlier(folder: &Path, methods: &[String]) -> Result<Vec<Outcome>, Failure> {
    let cases = folder.join("cases");
    let mut found = Vec::new();
    for method in methods {
        let files = walkdir::WalkDir::new(cases.join(method)).sort_by_file_name().into_iter().filter_map(Result::ok);
        let json = files.filter(|f| f.path().extension().is_some_and(|e| e == "json"));
        found.extend(json.filter_map(|f| serde_json::from_slice::<Outcome>(&std::fs::read(f.path()).ok()?).ok()));
    }
    if found.is_empty() {
        let word = format!("{}: no figures of these methods; name the folder an evaluate run wrote", folder.display());
        return Err(Failure::Refused(word));
    }
    Ok(found)
}

/// Works through all cases, several at once where memory allows; in the cases' order whatever ends first.
fn all(cases: &[Case], recipes: &[(String, Recipe)], arguments: &Evaluate, progress: &Progress) -> Vec<Option<Done>> {
    let results: Mutex<Vec<Option<Done>>> = Mutex::new(cases.iter().map(|_| None).collect());
    let (next, ended, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), std::sync::atomic::AtomicBool::new(false));
    let budget = Budget::default();
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(i) else { return };
            let done = evaluate_case::one(case, recipes, arguments, &budget);
            let word = match &done {
                Ok(outcomes) => evaluate_case::times(case, outcomes),
                Err(error) => format!("{}: {error}", case.name),
            };
            stop.fetch_or(matches!(&done, Err(e) if !matches!(e, Failure::Refused(_))), Ordering::Relaxed);
            let share = (ended.fetch_add(1, Ordering::Relaxed) + 1) as f32 / cases.len() as f32;
            stop.fetch_or(progress.report(share, &word).is_err(), Ordering::Relaxed);
            if let Ok(mut results) = results.lock() {
                results[i] = Some(done);
            }
        }
    };
    let jobs =
        arguments.jobs.map_or_else(|| rayon::current_num_threads().min(2), |n| n as usize).clamp(1, cases.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    results.into_inner().unwrap_or_default()
}
