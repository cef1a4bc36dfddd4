use super::arguments::Design;
use super::failure::Failure;
use super::output::{self, Meter};
use super::{inputs, parameters, picture};
use crate::case::{self, Bundle, Outcome, Written, run_all, write_bundle};
use crate::{defect::Defect, scan};
use std::path::Path;
use std::sync::Arc;

/// `calvaria design`: the whole road without a window.
pub fn run(arguments: &Design, quiet: bool) -> Result<(), Failure> {
    let recipe = parameters::recipe(&arguments.parameters)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let scan = Arc::new(scan::read(&arguments.scan, &progress.part(0.0, 0.1))?);
    // Seconds of work are worth nothing when the folder cannot be written: say so before.
    case::check_writable(&arguments.out)?;
    for name in case::BUNDLE_FILES {
        inputs::keep(&arguments.scan, &arguments.out.join(name))?;
    }
    let outcome = run_all(scan.clone(), &recipe, &[], &progress.part(0.1, 0.8)).inspect_err(|_| {
        // What was noticed in reading may be why.
        scan.findings.iter().for_each(|f| output::complain(&f.message));
    })?;
    let bundle = Bundle { outcome: &outcome, recipe: &recipe, edits: &[] };
    let (written, report) =
        write_bundle(&bundle, &arguments.out, Some(Box::new(picture::preview)), &progress.part(0.8, 1.0))?;
    meter.finish();
    if let Some(word) = &written.no_preview {
        output::complain(&format!("no preview.png: {word}"));
    }
    if arguments.json {
        output::print(&report);
    } else if !quiet {
        output::print(&summary(&outcome, &written, &arguments.out));
    }
    let failed: Vec<&str> =
        outcome.part.checks.iter().filter(|c| c.passed == Some(false)).map(|c| c.text.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let folder = arguments.out.display();
    Err(Failure::Checks(format!(
        "a check failed: {}; the part in {folder} is not fit for use as it is",
        failed.join("; ")
    )))
}

/// What a person reads at the end.
fn summary(outcome: &Outcome, written: &Written, folder: &Path) -> String {
    let mut text = String::new();
    for (i, defect) in outcome.defects.iter().enumerate() {
        let mark = if i == outcome.chosen { "designed for" } else { "also found  " };
        text.push_str(&format!("{mark}  {i}: {}\n", describe(defect)));
    }
    for check in &outcome.part.checks {
        let verdict = match check.passed {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "",
        };
        text.push_str(&format!("{verdict:12}  {}\n", check.text));
    }
    for (step, finding) in case::findings(&outcome.results()) {
        text.push_str(&format!("finding       {step}: {}\n", finding.message));
    }
    let names: Vec<&str> = written.files.iter().map(|f| f.name.as_str()).collect();
    text.push_str(&format!("wrote         {} into {}\n", names.join(" "), folder.display()));
    text
}

/// A defect in one line.
pub fn describe(defect: &Defect) -> String {
    let [length, width] = defect.size_mm;
    format!("{}, {}, {:.1} cm², {length:.0} × {width:.0} mm", defect.region, defect.shape, defect.area_cm2)
}
