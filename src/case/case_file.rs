use super::{Recipe, RecipeError, StepKind};
use crate::defect::Edit;
use std::io;
use std::path::{Path, PathBuf};

/// First word of every case file.
const FORMAT: &str = "calvaria-case";
/// Version this program writes, and the newest it reads.
const VERSION: u32 = 1;
/// A case file larger than this is refused unread; a drawn rim takes some kilobytes.
const LARGEST_BYTES: u64 = 256 << 20;

/// A `.calvaria` file: recipe, corrections, key figures and the scan's hash. No path, no name, no date.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    format: String,
    version: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// What people read; derived, never from the patient or a path.
    pub name: String,
    /// SHA-256 of the scan's voxels and grid, hex; none for a case without a scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_hash: Option<String>,
    /// The parameters of all steps.
    #[serde(default)]
    pub recipe: Recipe,
    /// The user's corrections of the defect, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// What the steps gave when it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<SavedFigure>,
}

/// The key figure of a step, as shown.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFigure {
    /// Of which step.
    pub step: StepKind,
    /// As shown.
    pub figure: String,
    /// What the user should know, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

/// Why a case file was refused.
#[derive(Debug, thiserror::Error)]
pub enum CaseFileError {
    /// It cannot be read at all.
    #[error("{}: cannot read the case: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Not a case file, or broken.
    #[error("{}: not a Calvaria case: {what}", path.display())]
    Format { path: PathBuf, what: String },
    /// From a newer program.
    #[error("{}: the case was written by a newer Calvaria (version {version} of the format); update the program", path.display())]
    Newer { path: PathBuf, version: u32 },
    /// A parameter out of range.
    #[error("{}: {error}", path.display())]
    Recipe { path: PathBuf, error: RecipeError },
}

impl CaseFile {
    /// A case file of this program's version.
    pub fn new(
        name: String,
        scan_hash: Option<String>,
        recipe: Recipe,
        edits: Vec<Edit>,
        figures: Vec<SavedFigure>,
    ) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT.to_owned(), version: VERSION, program, name, scan_hash, recipe, edits, figures }
    }

    /// As text (TOML).
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("a case file is plain data with string keys")
    }

    /// Reads and checks a case file.
    pub fn read(path: &Path) -> Result<Self, CaseFileError> {
        let failed = |source| CaseFileError::Read { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(failed)?.len();
        if bytes > LARGEST_BYTES {
            return Err(CaseFileError::Format { path: path.to_owned(), what: "the file is far too large".to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::from_text(&text, path)
    }

    /// Reads and checks a case file's text; `path` is for the messages.
    pub fn from_text(text: &str, path: &Path) -> Result<Self, CaseFileError> {
        #[derive(serde::Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let refused = |e: toml::de::Error| CaseFileError::Format { path: path.to_owned(), what: one_line(&e) };
        let head: Head = toml::from_str(text).map_err(refused)?;
        if head.format != FORMAT {
            let what = format!("its format is called {}", head.format);
            return Err(CaseFileError::Format { path: path.to_owned(), what });
        }
        if head.version > VERSION {
            return Err(CaseFileError::Newer { path: path.to_owned(), version: head.version });
        }
        let file: CaseFile = toml::from_str(text).map_err(refused)?;
        file.recipe.check().map_err(|error| CaseFileError::Recipe { path: path.to_owned(), error })?;
        Ok(file)
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}
