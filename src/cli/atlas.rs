use super::arguments::{Atlas, AtlasCommand};
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::geometry::{Progress, Volume};
use crate::scan::{self, Scan, Voxels};
use crate::skull::{self, HeadMap, HeadMaps, MeanVault, atlas};
use std::path::Path;

/// `calvaria atlas`: the mean vault of many whole skulls, and how each of them differs from it.
pub fn run(arguments: &Atlas, quiet: bool) -> Result<(), Failure> {
    match &arguments.command {
        AtlasCommand::Build { folder, out, labels } => build(folder, out, labels.as_deref(), quiet),
        AtlasCommand::Heads { folder, only, out } => heads(folder, only.as_deref(), out, quiet),
    }
}

fn build(folder: &Path, out: &Path, labels: Option<&Path>, quiet: bool) -> Result<(), Failure> {
    let files = volumes::find(folder)?;
    case::check_writable_file(out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let skulls = files.iter().map(|(file, below)| (below.with_extension("").display().to_string(), mask(file)));
    let mut built = atlas::build(skulls, files.len(), &progress).map_err(|e| failure(e, out))?;
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

fn heads(folder: &Path, only: Option<&Path>, out: &Path, quiet: bool) -> Result<(), Failure> {
    let mut files = volumes::find(folder)?;
    if let Some(list) = only {
        let names = super::cases::names(list)?;
        files.retain(|(_, below)| below.file_stem().is_some_and(|s| names.iter().any(|n| *n == s.to_string_lossy())));
    }
    case::check_writable_file(out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut maps = Vec::new();
    for (i, (file, _)) in files.iter().enumerate() {
        let part = progress.part(i as f32 / files.len() as f32, (i + 1) as f32 / files.len() as f32);
        part.report(0.0, &format!("Measuring skull {} of {}", i + 1, files.len()))?;
        let refused = |word: String| Failure::Refused(format!("{}: {word}", file.display()));
        let scan =
            Scan { voxels: Voxels::Mask(mask(file).map_err(refused)?), findings: Vec::new(), hash: String::new() };
        let skull = skull::segment(&scan, &skull::Params::default(), &part)?;
        if skull.inlier_share < LEAST_INLIERS || skull.residual_mm > MOST_RESIDUAL_MM {
            let (share, residual) = (skull.inlier_share * 100.0, skull.residual_mm);
            output::complain(&format!(
                "{} left out: fits badly ({share:.0} % inliers, {residual:.1} mm)",
                file.display()
            ));
            continue;
        }
        maps.push(HeadMap::of(&skull));
    }
    meter.finish();
    if maps.len() < atlas::LEAST_HEADS {
        return Err(failure(atlas::BuildError::TooFew { found: maps.len(), given: files.len() }, out));
    }
    let count = maps.len();
    case::write_atomic(out, &HeadMaps::new(maps, MeanVault::shipped()).to_bytes())?;
    if !quiet {
        output::line(&format!("{count} skulls measured against the mean vault"));
    }
    Ok(())
}

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
