use super::arguments::{Kind, Phantom};
use super::failure::Failure;
use super::output::{self, Meter};
use crate::case;
use crate::export::nrrd::save_nrrd;
use crate::geometry::Progress;
use crate::phantom::{self, DefectCut, HeadParams};
use std::path::Path;

/// What a first window shows where the sample is not installed: a hole a designer would meet.
const SAMPLE_DEFECT: (&str, f64) = ("right-frontal", 25.0);

/// `calvaria phantom`: a CT with known truth.
pub fn run(arguments: &Phantom, quiet: bool) -> Result<(), Failure> {
    let cut: Vec<DefectCut> = match &arguments.defect {
        Some(text) => vec![text.parse().map_err(|e: phantom::Error| Failure::Usage(e.to_string()))?],
        None => Vec::new(),
    };
    if arguments.kind == Kind::Chest && (!cut.is_empty() || arguments.truth.is_some()) {
        return Err(Failure::Usage("a chest has no skull: leave --defect and --truth out".to_owned()));
    }
    for file in [Some(&arguments.out), arguments.truth.as_ref()].into_iter().flatten() {
        if !file.extension().is_some_and(|e| e.eq_ignore_ascii_case("nrrd")) {
            return Err(Failure::Usage(format!("{}: an NRRD is written; end the name with .nrrd", file.display())));
        }
    }
    case::check_writable_file(&arguments.out)?;
    if let Some(truth) = &arguments.truth {
        if case::is_same_file(truth, &arguments.out) {
            return Err(Failure::Usage(
                "--out and --truth are the same file; the truth goes to one of its own".to_owned(),
            ));
        }
        case::check_writable_file(truth)?;
    }
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    if arguments.kind == Kind::Chest {
        let chest = phantom::chest(arguments.seed, &progress)?;
        save_nrrd(&arguments.out, &chest)?;
        meter.finish();
        return Ok(());
    }
    let params = HeadParams { seed: arguments.seed, defects: cut, ..HeadParams::default() };
    let made = phantom::head(&params, &progress)?;
    save_nrrd(&arguments.out, &made.scan)?;
    if let Some(truth) = &arguments.truth {
        save_nrrd(truth, &made.complete)?;
    }
    meter.finish();
    for defect in &made.defects {
        output::note(quiet, &format!("cut {}, {:.1} cm² of the outer surface", defect.region, defect.area_cm2));
    }
    Ok(())
}

/// The phantom that stands for the sample, kept in the user's cache.
pub fn sample(path: &Path) -> Result<(), Failure> {
    let (region, area_cm2) = SAMPLE_DEFECT;
    let made = phantom::head(&HeadParams::default().with_defect(region, area_cm2), &Progress::new())?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| crate::export::WriteError::new(folder, &e))?;
    }
    save_nrrd(path, &made.scan)?;
    Ok(())
}

impl From<phantom::Error> for Failure {
    fn from(error: phantom::Error) -> Self {
        Failure::Usage(error.to_string())
    }
}
