use super::failure::Failure;
use crate::geometry::Progress;
use crate::skull::Skull;
use crate::{defect, scan, skull};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings of single-file volumes, longest first.
const ENDINGS: [&str; 5] = [".nii.gz", ".nrrd", ".nhdr", ".nii", ".inv3"];

/// The path without its volume ending; `None` when it has none.
fn stem(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    let ending = ENDINGS.iter().find(|e| lower.ends_with(**e) && lower.len() > e.len())?;
    Some(path.with_file_name(&name[..name.len() - ending.len()]))
}

/// Every volume below a folder (or the one file), with its path below the folder ending `.nrrd`, sorted.
pub fn find(input: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    let refused = |what: &str| Failure::Refused(format!("{}: {what}", input.display()));
    if !input.exists() {
        return Err(refused("no such file or folder; check the path"));
    }
    if input.is_file() {
        let name = input.file_name().map(Path::new).unwrap_or(input);
        return Ok(vec![(input.to_owned(), as_nrrd(stem(name).unwrap_or_else(|| name.with_extension(""))))]);
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(input).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|e| refused(&format!("the folder cannot be read: {e}")))?;
        let below = entry.path().strip_prefix(input).unwrap_or(entry.path());
        if entry.file_type().is_file()
            && let Some(stem) = stem(below)
        {
            found.push((entry.path().to_owned(), as_nrrd(stem)));
        }
    }
    if found.is_empty() {
        return Err(refused("the folder holds no volume (.nrrd, .nhdr, .nii, .nii.gz, .inv3)"));
    }
    Ok(found)
}

/// What lists and reports call a volume: its path below the folder without its ending, folders apart by `/`.
pub fn name(below: &Path) -> String {
    below.with_extension("").components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn as_nrrd(stem: PathBuf) -> PathBuf {
    let mut path = stem.into_os_string();
    path.push(".nrrd");
    PathBuf::from(path)
}

/// A whole skull, or a word on why it is none.
pub fn whole_skull(file: &Path) -> Result<Skull, String> {
    let scan = scan::read(file, &Progress::new()).map_err(|e| e.to_string())?;
    let skull = skull::segment(&scan, &Default::default(), &Progress::new()).map_err(|e| e.to_string())?;
    if skull.inlier_share < 0.75 {
        return Err(format!("its axes are unsure ({:.0} % inliers)", 100.0 * skull.inlier_share));
    }
    let defects = defect::detect(&skull, &[], &Default::default(), &Progress::new()).map_err(|e| e.to_string())?;
    match defects.first() {
        Some(d) => Err(format!("it has a {} opening of {:.0} cm²", d.region, d.area_cm2)),
        None => Ok(skull),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_become_nrrd_and_other_dots_stay() {
        let result = |p: &str| stem(Path::new(p)).map(as_nrrd);
        assert_eq!(result("a/case.01.nii.gz"), Some(PathBuf::from("a/case.01.nrrd")));
        assert_eq!(result("001.NRRD"), Some(PathBuf::from("001.nrrd")));
        assert_eq!(result("notes.txt"), None);
        assert_eq!(result(".nrrd"), None);
    }
}
