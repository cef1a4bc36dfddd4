use super::cases::{as_mask, names, number};
use super::failure::Failure;
use super::measuring::{Cut, Inject};
use super::output::{self, Meter};
use super::volumes;
use crate::case;
use crate::export::WriteError;
use crate::export::nrrd::save_nrrd;
use crate::geometry::{Progress, Volume};
use crate::phantom::{self, InjectError, InjectKind, InjectParams, ListRow, Place, inject, protocol_b};
use crate::scan;
use crate::skull;
use std::path::{Path, PathBuf};

/// What is to be cut into each skull.
enum Plan {
    /// By a rule: kinds and parameters of a skull.
    Rule([f64; 2]),
    /// By a list.
    Rows(Vec<ListRow>),
}

/// `calvaria inject`: defects with known truth cut into complete skulls.
pub fn run(arguments: &Inject, quiet: bool) -> Result<(), Failure> {
    let plan = match &arguments.list {
        Some(list) => Plan::Rows(rows(list)?),
        None => Plan::Rule(area(&arguments.area)?),
    };
    let written = ["complete_skull", "defective_skull", "implant"];
    let (mut files, left_out) = volumes::find_beside(&arguments.input, &arguments.out, &written)?;
    let wanted = match (&arguments.only, &plan) {
        (Some(list), _) => Some(names(list)?),
        (None, Plan::Rows(rows)) => Some(rows.iter().map(|r| r.skull.clone()).collect()),
        (None, Plan::Rule(_)) => None,
    };
    if let Some(wanted) = wanted {
        if let Some(name) = wanted.iter().find(|w| !files.iter().any(|(_, b)| volumes::name(b) == **w)) {
            let input = arguments.input.display();
            return Err(Failure::Refused(format!("{input}: skull {name} of the list is not in the folder")));
        }
        files.retain(|(_, below)| wanted.contains(&volumes::name(below)));
    }
    case::check_writable(&arguments.out)?;
    volumes::tell_left_out(left_out, quiet);
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut table = phantom::columns();
    let mut failed = 0usize;
    for (i, (file, below)) in files.iter().enumerate() {
        let part = progress.part(i as f32 / files.len() as f32, (i + 1) as f32 / files.len() as f32);
        match one(file, below, arguments, &plan, &mut table, &part) {
            Ok(()) => {}
            Err(Failure::Refused(word)) => {
                output::complain(&format!("{}: {word}", file.display()));
                failed += 1;
            }
            Err(other) => return Err(other),
        }
    }
    let made = table.lines().count() - 1;
    if made > 0 {
        case::write_atomic(&arguments.out.join("injected.csv"), table.as_bytes())?;
    }
    meter.finish();
    if !quiet {
        output::line(&format!("{made} defects cut into {} skulls", files.len() - failed));
    }
    if failed > 0 {
        return Err(Failure::Refused(format!("{failed} of {} files failed; see above", files.len())));
    }
    Ok(())
}

fn rows(list: &Path) -> Result<Vec<ListRow>, Failure> {
    let refused = |word: String| Failure::Refused(format!("{}: {word}", list.display()));
    let text = std::fs::read_to_string(list).map_err(|e| refused(e.to_string()))?;
    phantom::parse_list(&text).map_err(|e| refused(e.to_string()))
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

/// The cuts asked for.
fn cuts(arguments: &Inject, name: &str, plan: &Plan) -> Result<Vec<ListRow>, Failure> {
    let range = match plan {
        Plan::Rows(rows) => return Ok(rows.iter().filter(|r| r.skull == name).cloned().collect()),
        Plan::Rule(range) => range,
    };
    let named = |(kind, params): (String, InjectParams)| ListRow {
        skull: name.to_owned(),
        kind,
        params,
        place: None,
        implant_sha256: None,
    };
    if arguments.protocol_b {
        return Ok(protocol_b(number(name)?).into_iter().map(named).collect());
    }
    let kind = match arguments.kind {
        Cut::Box => InjectKind::Box,
        Cut::Cube => InjectKind::Cube,
        Cut::Sphere => InjectKind::Sphere,
        Cut::Patch => InjectKind::Patch,
    };
    let one = |n: u32| {
        // Areas spread over the range by the golden ratio: even for any count, and the same for a seed.
        let seed = arguments.seed + u64::from(n);
        let share = (seed as f64 * 0.618_033_988_749_895).fract();
        let area_cm2 = range[0] + (range[1] - range[0]) * share;
        let params = InjectParams {
            holes: arguments.holes.unwrap_or(0),
            fray_mm: arguments.fray,
            fragments: arguments.fragments,
            vertex_mm: arguments.vertex,
            base_mm: arguments.base,
            ..InjectParams::new(kind, (area_cm2 * 1000.0).round() / 1000.0, seed)
        };
        named((format!("{}_{}", kind.word(), n + 1), params))
    };
    Ok((0..arguments.count).map(one).collect())
}

/// Cuts one skull; each defect's line is added to the table once its files are there.
fn one(
    file: &Path,
    below: &Path,
    arguments: &Inject,
    plan: &Plan,
    table: &mut String,
    progress: &Progress,
) -> Result<(), Failure> {
    let name = volumes::name(below);
    progress.report(0.0, &name)?;
    let rows = cuts(arguments, &name, plan)?;
    let scan = scan::read(file, &progress.part(0.0, 0.1))?;
    let mut found = skull::segment(&scan, &skull::Params::default(), &progress.part(0.1, 0.2))?;
    let complete = as_mask(scan.voxels).map_err(|word| Failure::Refused(word.to_owned()))?;
    let here = Place::of(&found);
    save(&arguments.out.join("complete_skull").join(below), &complete)?;
    for (i, mut row) in rows.iter().cloned().enumerate() {
        let share = |k: usize| 0.2 + 0.8 * k as f32 / rows.len() as f32;
        let place = *row.place.get_or_insert(here);
        place.put(&mut found);
        let made = inject(&complete, &found, &row.params, &progress.part(share(i), share(i + 1)))?;
        let hash = phantom::sha256(&made.implant);
        if let Some(expected) = row.implant_sha256.as_ref().filter(|e| **e != hash) {
            let word = format!(
                "{}/{name}: the mask made is not the listed one ({} instead of {}); another program or another skull",
                row.kind,
                &hash[..12],
                &expected[..expected.len().min(12)]
            );
            return Err(Failure::Refused(word));
        }
        if !made.implant.grid.matches(&complete.grid, 1e-6) {
            // A shortened scan has a complete skull of its own.
            let whole = made.defective.data.iter().zip(&made.implant.data).map(|(a, b)| a | b).collect();
            let whole = Volume::new(made.defective.grid.clone(), whole);
            save(&place_of(&arguments.out, "complete_skull", &row.kind, below), &whole)?;
        }
        save(&place_of(&arguments.out, "defective_skull", &row.kind, below), &made.defective)?;
        save(&place_of(&arguments.out, "implant", &row.kind, below), &made.implant)?;
        table.push_str(&row.line(&made));
    }
    Ok(())
}

/// Where a volume of a defect is kept.
fn place_of(out: &Path, role: &str, kind: &str, below: &Path) -> PathBuf {
    let mut path = out.join(role);
    path.extend(kind.split('/'));
    path.join(below)
}

/// Writes a mask into a folder that is made for it.
pub fn save(path: &Path, mask: &Volume<u8>) -> Result<(), Failure> {
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
