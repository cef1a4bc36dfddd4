use super::failure::Failure;
use super::output;
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

/// Every volume below a folder (or the one file) but those in the folders `out/WRITTEN`, and how many these were: what an
/// earlier run wrote there is no input.
pub fn find_beside(input: &Path, out: &Path, written: &[&str]) -> Result<(Vec<(PathBuf, PathBuf)>, usize), Failure> {
    let mut found = find(input)?;
    let all = found.len();
    // A folder that is not there yet holds nothing; one that is the input itself is what was asked for.
    let whole = input.canonicalize().ok();
    let theirs: Vec<PathBuf> = written
        .iter()
        .filter_map(|name| out.join(name).canonicalize().ok())
        .filter(|folder| whole.as_ref().is_some_and(|w| folder.starts_with(w) && folder != w))
        .collect();
    found.retain(|(file, _)| !theirs.iter().any(|t| file.canonicalize().is_ok_and(|f| f.starts_with(t))));
    let left_out = all - found.len();
    if found.is_empty() {
        let (input, out) = (input.display(), out.display());
        let folders = written.join(", ");
        return Err(Failure::Refused(format!(
            "{input}: the folder holds no volume but the results in {out} ({folders})"
        )));
    }
    Ok((found, left_out))
}

/// Says that results of an earlier run were not taken for input.
pub fn tell_left_out(count: usize, quiet: bool) {
    if count > 0 {
        output::note(quiet, &format!("{count} volumes in the folders that are written to were left out of the input"));
    }
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
        let found = |input: &Path, out: &Path| {
            let (found, left_out) = find_beside(input, out, &["implant", "complete_skull"]).unwrap();
            (found.into_iter().map(|(_, below)| name(&below)).collect::<Vec<_>>(), left_out)
        };
        for below in ["implant", "out/implant", "out/more"] {
            std::fs::create_dir_all(at(below)).unwrap();
        }
        std::fs::write(at("out/implant/a.nrrd"), "").unwrap();
        let said = find_beside(folder.path(), &at("out"), &["implant"]).unwrap_err().to_string();
        assert!(said.contains("no volume but the results"), "{said}");
        for input in ["a.nrrd", "implant/a.nrrd", "out/more/b.nrrd"] {
            std::fs::write(at(input), "").unwrap();
        }
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(found(folder.path(), &at("out")), (names(&["a", "implant/a", "out/more/b"]), 1));
        assert_eq!(found(folder.path(), folder.path()), (names(&["a", "out/implant/a", "out/more/b"]), 1));
        assert_eq!(found(folder.path(), &at("new")).1, 0);
        // Results may be asked for by name.
        assert_eq!(found(&at("out/implant"), &at("out")), (names(&["a"]), 0));
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
