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

/// Every volume below a folder (or the one file) but those below `out`: what an earlier run wrote there is no input.
pub fn find_beside(input: &Path, out: &Path) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    let mut found = find(input)?;
    // An output that is not there yet holds nothing, and one that is the input itself would leave nothing.
    if let (Ok(out), Ok(whole)) = (out.canonicalize(), input.canonicalize())
        && out.starts_with(&whole)
        && out != whole
    {
        found.retain(|(file, _)| !file.canonicalize().is_ok_and(|f| f.starts_with(&out)));
    }
    if found.is_empty() {
        let (input, out) = (input.display(), out.display());
        return Err(Failure::Refused(format!("{input}: the folder holds no volume but those below {out}")));
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
    fn what_a_run_wrote_is_not_read_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("out")).unwrap();
        let names = |found: Vec<(PathBuf, PathBuf)>| found.into_iter().map(|(_, below)| below).collect::<Vec<_>>();
        std::fs::write(at("out/a.nrrd"), "").unwrap();
        let said = find_beside(folder.path(), &at("out")).unwrap_err().to_string();
        assert!(said.contains("no volume but those below"), "{said}");
        std::fs::write(at("a.nrrd"), "").unwrap();
        assert_eq!(names(find_beside(folder.path(), &at("out")).unwrap()), [PathBuf::from("a.nrrd")]);
        assert_eq!(names(find_beside(folder.path(), &at("new")).unwrap()).len(), 2);
        assert_eq!(names(find_beside(folder.path(), folder.path()).unwrap()).len(), 2);
    }

    #[test]
    fn endings_become_nrrd_and_other_dots_stay() {
        let result = |p: &str| stem(Path::new(p)).map(as_nrrd);
        assert_eq!(result("a/case.01.nii.gz"), Some(PathBuf::from("a/case.01.nrrd")));
        assert_eq!(result("001.NRRD"), Some(PathBuf::from("001.nrrd")));
        assert_eq!(result("notes.txt"), None);
        assert_eq!(result(".nrrd"), None);
    }
}
