use super::arguments::{Atlas, AtlasCommand};
use super::cases;
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::geometry::{Progress, Volume};
use crate::reconstruct;
use crate::scan::{self, Voxels};
use crate::skull::{HeadMap, HeadMaps, MeanVault, Skull, atlas};
use std::path::{Path, PathBuf};

/// `calvaria atlas`: the mean vault of many whole skulls, and how each of them differs from it.
pub fn run(arguments: &Atlas, quiet: bool) -> Result<(), Failure> {
    match &arguments.command {
        AtlasCommand::Build { folder, out, labels, first_axes } => {
            build(folder, out, labels.as_deref(), *first_axes, quiet)
        }
        AtlasCommand::Heads { folder, only, add, out } => heads(folder, only.as_deref(), *add, out, quiet),
    }
}

fn build(folder: &Path, out: &Path, labels: Option<&Path>, first_axes: bool, quiet: bool) -> Result<(), Failure> {
    let files = volumes::find(folder)?;
    case::check_writable_file(out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let skulls = files.iter().map(|(file, below)| (volumes::name(below), cases::mask(file, &Progress::new())));
    let like = (!first_axes).then(MeanVault::shipped);
    let mut built = atlas::build(skulls, files.len(), like.as_ref(), &progress).map_err(|e| failure(e, folder))?;
    if let Some(labels) = labels {
        atlas::name_bones(&mut built.vault, &volume_of_labels(labels)?).map_err(|e| failure(e, labels))?;
    }
    case::write_atomic(out, &built.vault.to_bytes())?;
    meter.finish();
    for (name, why) in &built.left_out {
        output::note(quiet, &format!("{name} left out: {why}"));
    }
    let mut residuals = built.residual_mm.clone();
    residuals.sort_by(f64::total_cmp);
    let median = residuals.get(residuals.len() / 2).copied().unwrap_or_default();
    if !quiet {
        output::line(&format!("mean vault of {} skulls, median residual {median:.2} mm", built.used.len()));
    }
    Ok(())
}

fn heads(folder: &Path, only: Option<&Path>, add: bool, out: &Path, quiet: bool) -> Result<(), Failure> {
    let mut files = volumes::find(folder)?;
    if let Some(list) = only {
        let below: Vec<String> = files.iter().map(|(_, below)| volumes::name(below)).collect();
        let names = cases::names_below(list, &below, folder)?;
        files.retain(|(_, below)| names.contains(&volumes::name(below)));
    }
    case::check_writable_file(out)?;
    // Else the heads that were added to it before would be lost without a word.
    if add && std::fs::read(out).is_ok_and(|there| there != HeadMaps::file().bytes()) {
        return Err(Failure::Refused(format!(
            "{}: holds other heads than those in use, to which --add adds; name its folder with --models, or another \
             file with --out",
            out.display()
        )));
    }
    let meter = Meter::new(quiet);
    let measured = measure(&files, add, &meter.progress())?;
    meter.finish();
    let Measured { maps: new, known } = measured;
    let count = new.len();
    if count == 0 {
        let (folder, all) = (folder.display(), files.len());
        return Err(Failure::Refused(format!(
            "{folder}: nothing to write: of {all} skulls {known} are there already, and {} were left out",
            all - known
        )));
    }
    // As they were measured, gaps and all.
    let before = if add { as_measured()? } else { Vec::new() };
    let there = before.len();
    let maps: Vec<HeadMap> = before.into_iter().chain(new).collect();
    if maps.len() < atlas::LEAST_HEADS {
        let least = atlas::LEAST_HEADS;
        return Err(Failure::Refused(format!(
            "{}: {count} usable skulls are too few for an atlas, which needs {least}; --add puts them beside the heads in use",
            folder.display()
        )));
    }
    case::write_atomic(out, &HeadMaps::new(maps, MeanVault::in_use()).to_bytes())?;
    if !quiet {
        let beside = if add { format!(", beside {there} there were") } else { String::new() };
        let twice = if known > 0 { format!("; {known} are there already") } else { String::new() };
        output::line(&format!("{count} skulls measured against the mean vault{beside}{twice}"));
    }
    if !add && let Some(shipped) = HeadMaps::shipped_count().filter(|&shipped| count < shipped) {
        let word =
            format!("{count} heads alone foretell less than the {shipped} shipped ones; --add puts them beside those");
        output::note(quiet, &word);
    }
    Ok(())
}

/// The heads in use with their gaps.
fn as_measured() -> Result<Vec<HeadMap>, Failure> {
    let file = HeadMaps::from_bytes(HeadMaps::file().bytes(), MeanVault::in_use());
    Ok(file.map_err(|e| Failure::Refused(e.to_string()))?.heads)
}

/// What was seen of some skulls.
struct Measured {
    maps: Vec<HeadMap>,
    /// How many are heads in use already, or came twice, and were passed over.
    known: usize,
}

fn measure(files: &[(PathBuf, PathBuf)], add: bool, progress: &Progress) -> Result<Measured, Failure> {
    let mut measured = Measured { maps: Vec::new(), known: 0 };
    for (i, (file, _)) in files.iter().enumerate() {
        progress.report(i as f32 / files.len() as f32, &format!("Measuring skull {} of {}", i + 1, files.len()))?;
        let skull = match example(file) {
            Ok(skull) => skull,
            Err(why) => {
                output::complain(&format!("{} left out: {why}", file.display()));
                continue;
            }
        };
        let map = HeadMap::of(&skull);
        let in_use = add && !reconstruct::own_heads(&skull).is_empty();
        if in_use || measured.maps.iter().any(|other| map.is_same(other)) {
            measured.known += 1;
        } else {
            measured.maps.push(map);
        }
    }
    Ok(measured)
}

/// A whole skull near enough to the mean vault, or a word on why it is none.
fn example(file: &Path) -> Result<Skull, String> {
    let skull = volumes::whole_skull(file)?;
    if skull.residual_mm > MOST_RESIDUAL_MM {
        return Err(format!("fits badly ({:.1} mm from the mean vault)", skull.residual_mm));
    }
    Ok(skull)
}

/// A skull that fits the mean vault worse than this is no example.
const MOST_RESIDUAL_MM: f64 = 1.6;

/// A refusal that begins with what is at fault.
fn failure(error: atlas::BuildError, input: &Path) -> Failure {
    match error {
        // It names the file itself.
        atlas::BuildError::Input(word) => Failure::Refused(word),
        error => Failure::Refused(format!("{}: {error}", input.display())),
    }
}

/// A volume of small whole numbers, one a bone.
fn volume_of_labels(file: &Path) -> Result<Volume<u8>, Failure> {
    match scan::read(file, &Progress::new())?.voxels {
        Voxels::Mask(mask) => Ok(mask),
        Voxels::Hu(v) => Ok(v.map(|label| u8::try_from(label).unwrap_or(0))),
    }
}
