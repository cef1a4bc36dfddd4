use super::arguments::Reconstruct;
use super::failure::Failure;
use super::inputs;
use super::output::{self, Meter};
use super::volumes;
use crate::case::{self, Recipe};
use crate::export::WriteError;
use crate::export::nrrd::save_nrrd;
use crate::geometry::{Progress, Volume};
use crate::scan::{self, Finding, Voxels};
use crate::{defect, reconstruct, skull};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folders that are written.
const KINDS: [&str; 2] = ["complete_skull", "implant"];

/// `calvaria reconstruct`: the complete skull and the removed bone of one mask or of a folder of masks.
pub fn run(arguments: &Reconstruct, quiet: bool) -> Result<(), Failure> {
    let mut recipe = Recipe::default();
    if let Some(method) = &arguments.method {
        recipe.set("reconstruct.method", &method.as_str().into()).map_err(|e| Failure::Usage(e.to_string()))?;
    }
    let (files, left_out) = volumes::find_beside(&arguments.input, &arguments.out, &KINDS)?;
    case::check_writable(&arguments.out)?;
    volumes::tell_left_out(left_out, quiet);
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut lines: Vec<Value> = Vec::new();
    let mut failed = Vec::new();
    let mut taken = BTreeSet::new();
    for (i, (file, below)) in files.iter().enumerate() {
        let part = progress.part(i as f32 / files.len() as f32, (i + 1) as f32 / files.len() as f32);
        let done = if taken.insert(below.clone()) {
            one(file, below, &arguments.out, &recipe, &part)
        } else {
            let word = format!("{}: another file also becomes {}; rename one", file.display(), below.display());
            Err(Failure::Refused(word))
        };
        match done {
            Ok(Completed { defects, findings }) => {
                if defects.is_empty() {
                    output::note(quiet, &format!("{}: no defect; the skull is written as it is", file.display()));
                }
                let mut line = json!({ "file": shown(below), "defects": defects });
                // Only where there is something to say, as `detect` does.
                if !findings.is_empty() {
                    findings.iter().for_each(|f| output::note(quiet, &format!("{}: {f}", file.display())));
                    line["findings"] = findings.into();
                }
                lines.push(line);
            }
            // Nothing more can be written either.
            Err(Failure::Write(word)) => return Err(Failure::Write(word)),
            Err(failure) => {
                let word = failure.to_string();
                let path = file.display().to_string();
                let word = if word.contains(&path) { word } else { format!("{path}: {word}") };
                if files.len() > 1 {
                    output::complain(&word);
                }
                lines.push(json!({ "file": shown(below), "error": word }));
                failed.push(word);
            }
        }
    }
    meter.finish();
    let all = files.len();
    if arguments.json {
        output::json(&json!({ "files": lines }));
    } else if !quiet {
        output::line(&format!("{} of {all} skulls completed into {}", all - failed.len(), arguments.out.display()));
    }
    match failed.as_slice() {
        [] => Ok(()),
        [only] if all == 1 => Err(Failure::Refused(only.clone())),
        some => Err(Failure::Refused(format!("{} of {all} files failed; see above", some.len()))),
    }
}

fn shown(below: &Path) -> String {
    below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What was done to one file.
struct Completed {
    /// Region and area of each defect.
    defects: Vec<Value>,
    /// What was noticed on the way.
    findings: Vec<String>,
}

/// Completes one file.
fn one(file: &Path, below: &Path, out: &Path, recipe: &Recipe, progress: &Progress) -> Result<Completed, Failure> {
    for place in places(out, below) {
        inputs::keep(file, &place)?;
    }
    let scan = scan::read(file, &progress.part(0.0, 0.2))?;
    let skull = skull::segment(&scan, &recipe.skull, &progress.part(0.2, 0.4))?;
    let defects = defect::detect(&skull, &[], &recipe.defect, &progress.part(0.4, 0.6))?;
    let seen = defect::findings(&skull, &defects);
    let mut findings: Vec<Finding> = scan.findings.iter().chain(&skull.findings).cloned().chain(seen).collect();
    // The mask as it was given, islands and all: completing it takes nothing away.
    let mut complete = match scan.voxels {
        Voxels::Mask(mask) => mask,
        Voxels::Hu(_) => skull.mask(),
    };
    let mut implant = Volume::filled(complete.grid.clone(), 0u8);
    for (i, found) in defects.iter().enumerate() {
        let share = |k: usize| 0.6 + 0.3 * k as f32 / defects.len() as f32;
        let part = progress.part(share(i), share(i + 1));
        let completion = reconstruct::complete(&skull, found, &recipe.reconstruct, &part)?;
        let piece = completion.implant_mask(&skull, &complete.grid);
        findings.extend(completion.findings);
        for ((whole, part), &new) in complete.data.iter_mut().zip(&mut implant.data).zip(&piece.data) {
            if new != 0 && *whole == 0 {
                *whole = 1;
                *part = 1;
            }
        }
    }
    progress.report(0.9, "writing")?;
    save_both(&complete, &implant, out, below)?;
    let area = |d: &defect::Defect| (d.area_cm2 * 1000.0).round() / 1000.0;
    Ok(Completed {
        defects: defects.iter().map(|d| json!({ "region": d.region, "area_cm2": area(d) })).collect(),
        findings: findings.into_iter().map(|f| f.message).collect(),
    })
}

/// Where the completed skull and the implant go.
fn places(out: &Path, below: &Path) -> [PathBuf; 2] {
    KINDS.map(|kind| out.join(kind).join(below))
}

/// Writes both volumes, or neither.
fn save_both(complete: &Volume<u8>, implant: &Volume<u8>, out: &Path, below: &Path) -> Result<(), WriteError> {
    let places = places(out, below);
    for place in &places {
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder).map_err(|e| WriteError::new(folder, &e))?;
        }
    }
    save_nrrd(&places[0], complete)?;
    save_nrrd(&places[1], implant).inspect_err(|_| {
        // A complete skull without its implant would look done; if it cannot be removed there is no more to do.
        let _ = std::fs::remove_file(&places[0]);
    })
}
