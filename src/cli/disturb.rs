use super::cases;
use super::failure::Failure;
use super::inject::save;
use super::measuring::Disturb;
use super::output::{self, Meter};
use crate::case;
use crate::evaluate::Case;
use crate::geometry::Progress;
use crate::phantom::{DisturbError, Disturbance, disturb, sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const COLUMNS: &str = "case,disturbance,seed,drawn,implant_mm3,implant_sha256,skull_sha256";

/// `calvaria disturb`: skulls with their truth, as they should not come.
pub fn run(arguments: &Disturb, quiet: bool) -> Result<(), Failure> {
    let all = cases::find(&arguments.data, arguments.only.as_deref())?;
    let known = arguments.list.as_deref().map(known_lines).transpose()?;
    let folders: BTreeSet<&str> = all.iter().map(folder).collect();
    case::check_writable(&arguments.out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut table = format!("{COLUMNS}\n");
    let (mut made, mut skipped, mut failed) = (0usize, 0usize, 0usize);
    for (i, case) in all.iter().enumerate() {
        let part = progress.part(i as f32 / all.len() as f32, (i + 1) as f32 / all.len() as f32);
        part.report(0.0, &case.name)?;
        // Cases of one skull differ by the place of their folder among the sorted ones.
        let place = folders.iter().position(|f| *f == folder(case)).unwrap_or(0) as u64;
        let all_seven = Disturbance::ALL.as_slice();
        let asked = if arguments.in_turn { &all_seven[i % all_seven.len()..][..1] } else { all_seven };
        match one(case, asked, 1000 * place, arguments, known.as_deref(), &part) {
            Ok((lines, m, s)) => {
                table.push_str(&lines);
                made += m;
                skipped += s;
            }
            Err(Failure::Refused(word)) => {
                output::complain(&format!("{}: {word}", case.name));
                failed += 1;
            }
            Err(other) => return Err(other),
        }
    }
    if made > 0 {
        case::write_atomic(&arguments.out.join("disturbed.csv"), table.as_bytes())?;
    }
    meter.finish();
    if !quiet {
        output::line(&format!("{made} cases written, {skipped} skipped; see disturbed.csv"));
    }
    if failed > 0 {
        return Err(Failure::Refused(format!("{failed} of {} cases failed; see above", all.len())));
    }
    Ok(())
}

/// What stands before the skull's own name.
fn folder(case: &Case) -> &str {
    case.name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The lines of an earlier table.
fn known_lines(list: &Path) -> Result<Vec<String>, Failure> {
    let refused = |word: &str| Failure::Refused(format!("{}: {word}", list.display()));
    let text = std::fs::read_to_string(list).map_err(|e| refused(&e.to_string()))?;
    let mut lines = text.lines().filter(|l| !l.starts_with('#')).map(|l| l.trim().to_owned());
    if lines.next().as_deref() != Some(COLUMNS) {
        return Err(refused("not a list of disturbed cases; its first line has to be that of disturbed.csv"));
    }
    Ok(lines.collect())
}

fn one(
    case: &Case,
    asked: &[Disturbance],
    offset: u64,
    arguments: &Disturb,
    known: Option<&[String]>,
    progress: &Progress,
) -> Result<(String, usize, usize), Failure> {
    let number = cases::number(&case.skull)? + offset;
    let truth = cases::read(&case.source, &progress.part(0.0, 0.2))?;
    let mut lines = String::new();
    let (mut made, mut skipped) = (0, 0);
    for (i, &what) in asked.iter().enumerate() {
        let share = |k: usize| 0.2 + 0.8 * k as f32 / asked.len() as f32;
        let seed = what.seed(number);
        let start = format!("{},{},{seed},", case.name, what.word());
        let line = match disturb(&truth.defective, &truth.implant, what, seed, &progress.part(share(i), share(i + 1))) {
            Ok(done) => {
                let place = |role: &str| -> PathBuf {
                    let mut path = arguments.out.join(role).join(what.word());
                    path.extend(case.name.split('/'));
                    let mut name = path.into_os_string();
                    name.push(".nrrd");
                    PathBuf::from(name)
                };
                let mm3 = done.implant.data.iter().filter(|v| **v != 0).count() as f64 * done.implant.grid.voxel_mm3();
                let (implant, skull) = (sha256(&done.implant), sha256(&done.defective));
                let line = format!("{start}{},{mm3:.0},{implant},{skull}", done.drawn);
                check(&line, &start, known)?;
                save(&place("defective_skull"), &done.defective)?;
                save(&place("implant"), &done.implant)?;
                made += 1;
                line
            }
            Err(DisturbError::Cancelled(stop)) => return Err(stop.into()),
            Err(error @ (DisturbError::OutOfView { .. } | DisturbError::NoRoom)) => {
                skipped += 1;
                let line = format!("{start}skipped: {error},,,");
                check(&line, &start, known)?;
                line
            }
            Err(error) => return Err(Failure::Refused(error.to_string())),
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    Ok((lines, made, skipped))
}

/// A listed case has to come out as listed.
fn check(line: &str, start: &str, known: Option<&[String]>) -> Result<(), Failure> {
    let Some(known) = known else { return Ok(()) };
    let word = match known.iter().find(|l| l.starts_with(start)) {
        Some(listed) if listed == line => return Ok(()),
        Some(_) => "is not what the list says; another program or another skull",
        None => "is not in the list",
    };
    Err(Failure::Refused(format!("{} {word}", start.trim_end_matches(','))))
}
