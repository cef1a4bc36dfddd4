//! The cases of a folder, for the commands that read skulls with their truth.

use super::failure::Failure;
use super::volumes;
use crate::evaluate::{self, Case, Pair, Source, Truth};
use crate::geometry::{Progress, Volume};
use crate::scan::{self, Voxels};
use std::path::Path;

/// The cases of a folder, or those of the skulls in a list file.
pub fn find(data: &Path, only: Option<&Path>) -> Result<Vec<Case>, Failure> {
    let refused = |word: String| Failure::Refused(format!("{}: {word}", data.display()));
    let cases = evaluate::find_cases(&volumes::find(data)?).map_err(|e| refused(e.to_string()))?;
    let Some(list) = only else { return Ok(cases) };
    evaluate::only_skulls(cases, &names(list)?).map_err(|e| refused(e.to_string()))
}

/// The skulls named in a list file.
pub fn names(list: &Path) -> Result<Vec<String>, Failure> {
    let refused = |word: &str| Failure::Refused(format!("{}: {word}", list.display()));
    let text = std::fs::read_to_string(list).map_err(|e| refused(&e.to_string()))?;
    let names = evaluate::parse_list(&text);
    if names.is_empty() { Err(refused("the list names no skull")) } else { Ok(names) }
}

/// The names of a list, of which one at least is a volume below the folder: else they are names of other skulls, and
/// those that were to be left out would stay in.
pub fn names_below(list: &Path, below: &[String], data: &Path) -> Result<Vec<String>, Failure> {
    let names = names(list)?;
    if names.iter().any(|name| below.contains(name)) {
        return Ok(names);
    }
    Err(Failure::Refused(format!(
        "{}: none of its {} names is a volume below {}, whose first is called {}; give the folder that the names are \
         meant for",
        list.display(),
        names.len(),
        data.display(),
        below.first().map_or("?", String::as_str)
    )))
}

/// The number a name ends in, as 2 in `002`.
pub fn number(name: &str) -> Result<u64, Failure> {
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    name[digits..].parse().map_err(|_| {
        Failure::Refused("the test set needs names that end in a number, as 002; the seeds are made of it".to_owned())
    })
}

/// The defective skull and the true implant of a case.
pub fn read(source: &Source, progress: &Progress) -> Result<Truth, Failure> {
    let (pair, first, second) = match source {
        Source::CompleteImplant { complete, implant } => (Pair::CompleteImplant, complete, implant),
        Source::CompleteDefective { complete, defective } => (Pair::CompleteDefective, complete, defective),
        Source::DefectiveImplant { defective, implant } => (Pair::DefectiveImplant, defective, implant),
    };
    let first = mask(first, &progress.part(0.0, 0.5))?;
    let second = mask(second, &progress.part(0.5, 1.0))?;
    evaluate::truth(pair, first, second).map_err(|e| Failure::Refused(e.to_string()))
}

/// The mask in a file.
pub(super) fn mask(path: &Path, progress: &Progress) -> Result<Volume<u8>, Failure> {
    let voxels = scan::read(path, progress)?.voxels;
    as_mask(voxels).map_err(|word| Failure::Refused(format!("{}: {word}", path.display())))
}

/// A two-valued volume, or a word on why it is none.
pub(super) fn as_mask(voxels: Voxels) -> Result<Volume<u8>, &'static str> {
    match voxels {
        Voxels::Mask(mask) => Ok(mask),
        Voxels::Hu(volume) => {
            let one = volume.data.first().is_none_or(|first| volume.data.iter().all(|v| v == first));
            Err(if one {
                "the mask is empty: all its voxels are alike"
            } else {
                "not a two-valued mask; give the segmented bone as 0 and 1, not the scan itself"
            })
        }
    }
}
