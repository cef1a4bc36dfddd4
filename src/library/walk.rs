//! Finds the scans of a folder.

use super::Error;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use walkdir::WalkDir;

/// Endings of one-file scans.
const ENDINGS: [&str; 4] = [".nrrd", ".nii", ".nii.gz", ".inv3"];

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walk {
    /// Scans by their path relative to the folder, with forward slashes, sorted. A folder of DICOM files is one
    /// entry; the folder itself is `.`.
    pub scans: Vec<String>,
    /// What could not be looked at (no permission, a name that is not text), for a word to the user.
    pub left_out: Vec<String>,
}

/// Lists the scans below a folder: NRRD, NIfTI, InVesalius projects, and folders with DICOM files as one entry.
/// Hidden files and links are left alone.
///
/// # Errors
/// [`Error::Read`] when the folder itself cannot be read.
pub fn walk(dir: &Path) -> Result<Walk, Error> {
    std::fs::read_dir(dir).map_err(|e| Error::Read { path: dir.to_owned(), why: e.to_string() })?;
    let mut scans = BTreeSet::new();
    let mut left_out = Vec::new();
    let shown = |e: &walkdir::DirEntry| e.depth() == 0 || !e.file_name().to_string_lossy().starts_with('.');
    for entry in WalkDir::new(dir).sort_by_file_name().into_iter().filter_entry(shown) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                left_out.push(e.to_string());
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let Some(name) = relative(dir, entry.path()) else {
            left_out.push(format!("{}: its name is not text", entry.path().display()));
            continue;
        };
        let lower = name.to_lowercase();
        if ENDINGS.iter().any(|e| lower.ends_with(e)) {
            scans.insert(name);
            continue;
        }
        let folder = name.rsplit_once('/').map_or(".", |(folder, _)| folder);
        // One DICOM file makes its folder a series; the others need not be opened.
        if !scans.contains(folder) && may_be_dicom(&lower) && is_dicom(entry.path()) {
            scans.insert(folder.to_owned());
        }
    }
    Ok(Walk { scans: scans.into_iter().collect(), left_out })
}

/// Path below `dir` with forward slashes; `None` when a part is not Unicode.
fn relative(dir: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.strip_prefix(dir).ok()?.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// DICOM files end in .dcm or .ima, or have no ending (often only digits and dots).
fn may_be_dicom(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        None => true,
        Some((_, ending)) => matches!(ending, "dcm" | "ima" | "dicom") || ending.chars().all(|c| c.is_ascii_digit()),
    }
}

/// Whether a file has DICOM's mark and is not a directory of others.
fn is_dicom(path: &Path) -> bool {
    let is_index = path.file_name().is_some_and(|n| n.eq_ignore_ascii_case("DICOMDIR"));
    let mark = || {
        let mut file = File::open(path).ok()?;
        let mut mark = [0u8; 4];
        file.seek(SeekFrom::Start(128)).ok()?;
        file.read_exact(&mut mark).ok()?;
        Some(&mark == b"DICM")
    };
    !is_index && mark().unwrap_or(false)
}
