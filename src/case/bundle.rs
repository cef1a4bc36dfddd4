use super::{Outcome, Recipe, Results, Staged, StagedFile, WriteError};
use crate::defect::Edit;
use crate::geometry::{Cancelled, Progress};
use std::path::{Path, PathBuf};

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

/// Writes the part's files into a folder, all or none of them:
/// `implant.stl implant.nrrd complete.nrrd skull.stl recipe.toml preview.png report.json`.
pub fn write_bundle(
    bundle: &Bundle<'_>,
    folder: &Path,
    preview: Option<Preview>,
    progress: &Progress,
) -> Result<Written, BundleError> {
    let mut staged = Staged::new(folder)?;
    progress.report(0.8, "writing recipe")?;
    staged.file("recipe.toml", |w| w.write_all(bundle.recipe.to_toml().as_bytes()))?;
    let no_preview = match preview.map(|draw| draw(&bundle.outcome.results())) {
        Some(Ok(png)) => {
            staged.file("preview.png", |w| w.write_all(&png))?;
            None
        }
        Some(Err(word)) => Some(word),
        None => Some("no preview was asked for".to_owned()),
    };
    progress.check()?;
    let files = staged.commit()?;
    Ok(Written { folder: folder.to_owned(), files, no_preview })
}
