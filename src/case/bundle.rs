use super::{Outcome, Recipe, Results, Staged, StagedFile, StepKind, models_in_use};
use crate::defect::Edit;
use crate::export::WriteError;
use crate::export::nrrd::write_nrrd;
use crate::export::report::{Report, ReportFile};
use crate::export::stl::write_stl;
use crate::export::threemf::write_3mf;
use crate::geometry::{Cancelled, Progress, Volume};
use crate::scan::Voxels;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

const PREVIEW: &str = "preview.png";

/// The files of an export.
pub const BUNDLE_FILES: [&str; 8] =
    ["implant.3mf", "implant.stl", "implant.nrrd", "complete.nrrd", "skull.stl", "recipe.toml", PREVIEW, "report.json"];

/// Draws `preview.png` from the results: PNG bytes, or a word on why there is no picture (no graphics adapter).
pub type Preview = Box<dyn FnOnce(&Results) -> Result<Vec<u8>, String> + Send>;

/// What is written about one finished part.
pub struct Bundle<'a> {
    /// What the steps gave.
    pub outcome: &'a Outcome,
    /// The parameters they ran with.
    pub recipe: &'a Recipe,
    /// The corrections they ran with.
    pub edits: &'a [Edit],
}

/// What was written where.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The files in it, in the order written.
    pub files: Vec<StagedFile>,
    /// Why there is no preview, if there is none.
    pub no_preview: Option<String>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Writes the part's files into a folder, all or none of them, and gives the report's text too:
/// `implant.3mf implant.stl implant.nrrd complete.nrrd skull.stl recipe.toml preview.png report.json`.
///
/// `implant.nrrd` is the removed bone on the scan's grid and `complete.nrrd` the skull with it, both 0 and 1.
pub fn write_bundle(
    bundle: &Bundle<'_>,
    folder: &Path,
    preview: Option<Preview>,
    progress: &Progress,
) -> Result<(Written, String), BundleError> {
    let outcome = bundle.outcome;
    progress.report(0.0, "Filling the voxels")?;
    let grid = outcome.scan.voxels.grid();
    let removed = outcome.reconstruction.completion.implant_mask(&outcome.skull.skull, grid);
    let complete = completed(outcome, &removed);
    progress.report(0.2, "Drawing the preview")?;
    let drawn = preview.map(|draw| draw(&outcome.results()));
    progress.report(0.5, "Writing the files")?;
    let mut staged = Staged::new(folder)?;
    staged.file("implant.3mf", |w| write_3mf(&outcome.part.implant.mesh, "implant", w))?;
    staged.file("implant.stl", |w| write_stl(&outcome.part.implant.mesh, "implant", w))?;
    staged.file("implant.nrrd", |w| write_nrrd(&removed, w))?;
    progress.report(0.6, "Writing the files")?;
    staged.file("complete.nrrd", |w| write_nrrd(&complete, w))?;
    progress.report(0.8, "Writing the files")?;
    staged.file("skull.stl", |w| write_stl(&outcome.skull.mesh, "skull", w))?;
    staged.file("recipe.toml", |w| w.write_all(bundle.recipe.to_toml().as_bytes()))?;
    let no_preview = match drawn {
        Some(Ok(png)) => {
            staged.file(PREVIEW, |w| w.write_all(&png))?;
            None
        }
        Some(Err(word)) => Some(word),
        None => Some("no picture was asked for".to_owned()),
    };
    let report = report(bundle, staged.files()).to_text();
    staged.file("report.json", |w| w.write_all(report.as_bytes()))?;
    progress.check()?;
    let files = staged.commit()?;
    if no_preview.is_some() {
        // An older picture would show another part.
        let _ = std::fs::remove_file(folder.join(PREVIEW));
    }
    let _ = progress.report(1.0, "Written"); // too late to be cancelled
    Ok((Written { folder: folder.to_owned(), files, no_preview }, report))
}

/// The skull with the removed bone; a mask keeps its islands.
fn completed(outcome: &Outcome, removed: &Volume<u8>) -> Volume<u8> {
    let mut bone = match &outcome.scan.voxels {
        Voxels::Mask(mask) => mask.clone(),
        Voxels::Hu(_) => outcome.skull.skull.mask(),
    };
    bone.data.iter_mut().zip(&removed.data).for_each(|(bone, &new)| *bone |= new);
    bone
}

fn report<'a>(bundle: &Bundle<'a>, files: &[StagedFile]) -> Report<'a> {
    let Bundle { outcome, recipe, edits } = bundle;
    Report {
        parameters: parameters(recipe),
        models: json!(models_in_use(recipe.reconstruct.method)),
        edits,
        scan: &outcome.scan,
        skull: &outcome.skull.skull,
        skull_mesh: &outcome.skull.mesh,
        defects: &outcome.defects,
        defect_findings: &outcome.defect_findings,
        chosen: outcome.chosen,
        completion: &outcome.reconstruction.completion,
        design: &outcome.reconstruction.design,
        implant: &outcome.part.implant,
        checks: &outcome.part.checks,
        files: files
            .iter()
            .map(|f| ReportFile { name: f.name.clone(), bytes: f.bytes, sha256: f.sha256.clone() })
            .collect(),
    }
}

/// Every parameter, step by step, in the order of the road.
fn parameters(recipe: &Recipe) -> Value {
    let mut all = Map::new();
    for step in StepKind::ALL.into_iter().filter(|&s| !Recipe::specs_of(s).is_empty()) {
        let of_step = recipe.specs().into_iter().filter(|s| s.step == step);
        let fields: Map<String, Value> = of_step.map(|s| (s.spec.name.to_owned(), s.current)).collect();
        all.insert(step.name().to_owned(), Value::Object(fields));
    }
    Value::Object(all)
}
