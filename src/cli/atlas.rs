use super::arguments::{Atlas, AtlasCommand};
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::geometry::{Progress, Volume};
use crate::reconstruct;
use crate::scan::{self, Scan, Voxels};
use crate::skull::{self, HeadMap, HeadMaps, MeanVault, atlas};
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
    let skulls = files.iter().map(|(file, below)| (below.with_extension("").display().to_string(), mask(file)));
    let like = (!first_axes).then(MeanVault::shipped);
    let mut built = atlas::build(skulls, files.len(), like.as_ref(), &progress).map_err(|e| failure(e, out))?;
    if let Some(labels) = labels {
        atlas::name_bones(&mut built.vault, &volume_of_labels(labels)?).map_err(|e| failure(e, out))?;
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
        let names = super::cases::names(list)?;
        files.retain(|(_, below)| below.file_stem().is_some_and(|s| names.iter().any(|n| *n == s.to_string_lossy())));
    }
    case::check_writable_file(out)?;
    let meter = Meter::new(quiet);
    let measured = measure(&files, add, &meter.progress())?;
    meter.finish();
    let Measured { maps: new, known } = measured;
    let count = new.len();
    if add && count == 0 {
        let (folder, all) = (folder.display(), files.len());
        return Err(Failure::Refused(format!(
            "{folder}: nothing to add: {known} of {all} skulls are in the atlas already"
        )));
    }
    let before = if add {
        // As they were measured, gaps and all.
        let file = HeadMaps::from_bytes(HeadMaps::file().bytes(), MeanVault::in_use());
        file.map_err(|e| Failure::Refused(e.to_string()))?.heads
    } else {
        Vec::new()
    };
    let there = before.len();
    let maps: Vec<HeadMap> = before.into_iter().chain(new).collect();
    if maps.len() < atlas::LEAST_HEADS {
        return Err(failure(atlas::BuildError::TooFew { found: maps.len(), given: files.len() }, out));
    }
    case::write_atomic(out, &HeadMaps::new(maps, MeanVault::in_use()).to_bytes())?;
    if !quiet {
        let beside = if add { format!(", beside {there} there were; {known} were among them") } else { String::new() };
        output::line(&format!("{count} skulls measured against the mean vault{beside}"));
    }
    // The shipped heads cannot be added to a mean vault of the site's own.
    if !add && count < FEW && !MeanVault::file().own {
        let shipped = HeadMaps::in_use().heads.len();
        let word = format!("{count} heads alone foretell less than the {shipped} in use; --add puts them beside those");
        output::note(quiet, &word);
    }
    Ok(())
}

/// What was seen of some skulls.
struct Measured {
    maps: Vec<HeadMap>,
    /// How many are heads in use already, and were passed over.
    known: usize,
}

fn measure(files: &[(PathBuf, PathBuf)], add: bool, progress: &Progress) -> Result<Measured, Failure> {
    let mut measured = Measured { maps: Vec::new(), known: 0 };
    for (i, (file, _)) in files.iter().enumerate() {
        let part = progress.part(i as f32 / files.len() as f32, (i + 1) as f32 / files.len() as f32);
        part.report(0.0, &format!("Measuring skull {} of {}", i + 1, files.len()))?;
        let refused = |word: String| Failure::Refused(format!("{}: {word}", file.display()));
        let scan =
            Scan { voxels: Voxels::Mask(mask(file).map_err(refused)?), findings: Vec::new(), hash: String::new() };
        let skull = skull::segment(&scan, &skull::Params::default(), &part)?;
        let (share, residual) = (skull.inlier_share * 100.0, skull.residual_mm);
        if skull.inlier_share < LEAST_INLIERS || skull.residual_mm > MOST_RESIDUAL_MM {
            let word = format!("left out: fits badly ({share:.0} % inliers, {residual:.1} mm)");
            output::complain(&format!("{} {word}", file.display()));
        } else if add && !reconstruct::own_heads(&skull).is_empty() {
            measured.known += 1;
        } else {
            measured.maps.push(HeadMap::of(&skull));
        }
    }
    Ok(measured)
}

/// Fewer heads than this tell less than the shipped ones (docs/reconstruction.md, "What limits it").
const FEW: usize = 60;
/// A skull that fits the mean vault worse than this is no example.
const LEAST_INLIERS: f64 = 0.75;
const MOST_RESIDUAL_MM: f64 = 1.6;

fn failure(error: atlas::BuildError, out: &Path) -> Failure {
    Failure::Refused(format!("{}: {error}", out.display()))
}

fn mask(file: &Path) -> Result<Volume<u8>, String> {
    match scan::read(file, &Progress::new()).map_err(|e| e.to_string())?.voxels {
        Voxels::Mask(mask) => Ok(mask),
        Voxels::Hu(_) => Err("not a two-valued bone mask".to_owned()),
    }
}

/// A volume of small whole numbers, one a bone.
fn volume_of_labels(file: &Path) -> Result<Volume<u8>, Failure> {
    match scan::read(file, &Progress::new())?.voxels {
        Voxels::Mask(mask) => Ok(mask),
        Voxels::Hu(v) => Ok(v.map(|label| u8::try_from(label).unwrap_or(0))),
    }
}
