use super::arguments::{Atlas, AtlasCommand};
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::geometry::{Progress, Volume};
use crate::scan::{self, Voxels};
use crate::skull::atlas;
use std::path::Path;

/// `calvaria atlas build`: the mean vault of many whole skulls.
pub fn run(arguments: &Atlas, quiet: bool) -> Result<(), Failure> {
    let AtlasCommand::Build { folder, out, labels } = &arguments.command;
    let files = volumes::find(folder)?;
    case::check_writable_file(out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let skulls = files.iter().map(|(file, below)| (below.with_extension("").display().to_string(), mask(file)));
    let mut built = atlas::build(skulls, files.len(), &progress).map_err(|e| failure(e, out))?;
    if let Some(labels) = labels {
        atlas::name_bones(&mut built.vault, &volume_of_labels(labels)?).map_err(|e| failure(e, out))?;
    }
    atlas::write(&built.vault, out).map_err(|e| failure(e, out))?;
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

fn failure(error: atlas::BuildError, out: &Path) -> Failure {
    match error {
        atlas::BuildError::Write(e) => Failure::Write(format!("{}: {e}", out.display())),
        other => Failure::Refused(other.to_string()),
    }
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
