use super::arguments::{Cut, Inject};
use super::evaluate::names;
use super::failure::Failure;
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::export::WriteError;
use crate::export::nrrd::save_nrrd;
use crate::geometry::{Progress, Volume};
use crate::phantom::{InjectError, InjectKind, InjectParams, Injected, inject, protocol_b};
use crate::scan::{self, Voxels};
use crate::skull;
use sha2::{Digest, Sha256};
use std::path::Path;

const COLUMNS: &str = "skull,kind,seed,area_cm2,bevel_deg,cuts,removed_mm3,implant_sha256\n";

/// `calvaria inject`: defects with known truth cut into complete skulls.
pub fn run(arguments: &Inject, quiet: bool) -> Result<(), Failure> {
    let range = area(&arguments.area)?;
    let mut files = volumes::find(&arguments.input)?;
    if let Some(list) = &arguments.only {
        let wanted = names(list)?;
        let unknown: Vec<&String> = wanted.iter().filter(|w| !files.iter().any(|(_, b)| stem(b) == **w)).collect();
        if let Some(name) = unknown.first() {
            return Err(Failure::Refused(format!("{}: skull {name} is not in the folder", list.display())));
        }
        files.retain(|(_, below)| wanted.contains(&stem(below)));
    }
    case::check_writable(&arguments.out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut table = String::from(COLUMNS);
    let mut failed = 0usize;
    for (i, (file, below)) in files.iter().enumerate() {
        let part = progress.part(i as f32 / files.len() as f32, (i + 1) as f32 / files.len() as f32);
        match one(file, below, arguments, range, &part) {
            Ok(lines) => table.push_str(&lines),
            Err(Failure::Refused(word)) => {
                output::complain(&format!("{}: {word}", file.display()));
                failed += 1;
            }
            Err(other) => return Err(other),
        }
    }
    case::write_atomic(&arguments.out.join("injected.csv"), table.as_bytes())?;
    meter.finish();
    if !quiet {
        output::line(&format!("{} defects cut into {} skulls", table.lines().count() - 1, files.len() - failed));
    }
    if failed > 0 {
        return Err(Failure::Refused(format!("{failed} of {} files failed; see above", files.len())));
    }
    Ok(())
}

/// `40` or `10..100`.
fn area(text: &str) -> Result<[f64; 2], Failure> {
    let wrong =
        || Failure::Usage(format!("\"{text}\" is no area; write cm² as 40 or a range as 10..100, within 1 to 250"));
    let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| (1.0..=250.0).contains(v)).ok_or_else(wrong);
    let range = match text.split_once("..") {
        Some((low, high)) => [number(low)?, number(high)?],
        None => [number(text)?; 2],
    };
    if range[0] <= range[1] { Ok(range) } else { Err(wrong()) }
}

fn stem(below: &Path) -> String {
    below.with_extension("").components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The cuts asked for: kind of folder and parameters.
fn cuts(arguments: &Inject, name: &str, range: [f64; 2]) -> Result<Vec<(String, InjectParams)>, Failure> {
    if arguments.protocol_b {
        let digits: String = name.chars().rev().take_while(char::is_ascii_digit).collect();
        let number: String = digits.chars().rev().collect();
        let number: u64 = number.parse().map_err(|_| {
            Failure::Refused(
                "the test set needs names that end in a number, as 002; the seeds are made of it".to_owned(),
            )
        })?;
        return Ok(protocol_b(number));
    }
    let (kind, word) = match arguments.kind {
        Cut::Box => (InjectKind::Box, "box"),
        Cut::Cube => (InjectKind::Cube, "cube"),
        Cut::Sphere => (InjectKind::Sphere, "sphere"),
        Cut::Patch => (InjectKind::Patch, "patch"),
    };
    let one = |n: u32| {
        // Areas spread over the range by the golden ratio: even for any count, and the same for a seed.
        let seed = arguments.seed + u64::from(n);
        let share = (seed as f64 * 0.618_033_988_749_895).fract();
        let area_cm2 = range[0] + (range[1] - range[0]) * share;
        (format!("{word}_{}", n + 1), InjectParams::new(kind, area_cm2, seed))
    };
    Ok((0..arguments.count).map(one).collect())
}

fn one(file: &Path, below: &Path, arguments: &Inject, range: [f64; 2], progress: &Progress) -> Result<String, Failure> {
    let name = stem(below);
    progress.report(0.0, &name)?;
    let cuts = cuts(arguments, &name, range)?;
    let scan = scan::read(file, &progress.part(0.0, 0.1))?;
    let found = skull::segment(&scan, &skull::Params::default(), &progress.part(0.1, 0.2))?;
    let complete = match scan.voxels {
        Voxels::Mask(mask) => mask,
        Voxels::Hu(_) => return Err(Failure::Refused("not a two-valued mask".to_owned())),
    };
    save(&arguments.out.join("complete_skull").join(below), &complete)?;
    let mut lines = String::new();
    for (i, (kind, params)) in cuts.iter().enumerate() {
        let share = |k: usize| 0.2 + 0.8 * k as f32 / cuts.len() as f32;
        let made = inject(&complete, &found, params, &progress.part(share(i), share(i + 1)))?;
        save(&arguments.out.join("defective_skull").join(kind).join(below), &made.defective)?;
        save(&arguments.out.join("implant").join(kind).join(below), &made.implant)?;
        lines.push_str(&line(&name, kind, params, &made));
    }
    Ok(lines)
}

fn line(name: &str, kind: &str, params: &InjectParams, made: &Injected) -> String {
    let area_cm2: f64 = made.cuts.iter().map(|c| c.area_cm2).sum();
    let bevel = made.cuts.first().map_or(0.0, |c| c.bevel_deg);
    let removed = made.implant.data.iter().filter(|v| **v != 0).count() as f64 * made.implant.grid.voxel_mm3();
    let hash: String = Sha256::digest(&made.implant.data).iter().map(|b| format!("{b:02x}")).collect();
    format!("{name},{kind},{},{area_cm2:.2},{bevel:.1},{},{removed:.0},{hash}\n", params.seed, made.cuts.len())
}

fn save(path: &Path, mask: &Volume<u8>) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| WriteError::new(folder, &e))?;
    }
    Ok(save_nrrd(path, mask)?)
}

impl From<InjectError> for Failure {
    fn from(error: InjectError) -> Self {
        Failure::Refused(error.to_string())
    }
}
