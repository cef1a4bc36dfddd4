use super::arguments::TrainScore;
use super::cases;
use super::failure::Failure;
use super::output::{self, Meter};
use crate::evaluate::{SEED, Truth, auc, mean_interval};
use crate::geometry::{Progress, Volume};
use crate::network::Weights;
use crate::network::detector::{Detector, HALF_AREA, KIND, Opinion, removed_area_cm2};
use crate::scan::{Scan, Voxels};
use crate::skull::{MeanVault, Skull};
use crate::view::Picture;
use crate::{case, defect, skull};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// One head looked at.
struct Row {
    name: String,
    /// Number of its skull: defects of one skull are not independent.
    skull: usize,
    /// Area that was removed, cm²; 0 for the whole skull.
    true_cm2: f64,
    presence: f64,
    largest_cm2: f64,
    area_cm2: f64,
    searched_cm2: f64,
    milliseconds: f64,
}

/// `calvaria train score`: a detector on skulls with known defects, and on the same skulls whole.
pub fn run(arguments: &TrainScore, quiet: bool) -> Result<(), Failure> {
    let refused = |path: &Path, word: String| Failure::Refused(format!("{}: {word}", path.display()));
    let bytes = std::fs::read(&arguments.weights).map_err(|e| refused(&arguments.weights, e.to_string()))?;
    let mut weights =
        Weights::beside(&bytes, KIND, MeanVault::in_use()).map_err(|e| refused(&arguments.weights, e.to_string()))?;
    let detector = Detector::new(&weights).map_err(|e| refused(&arguments.weights, e.to_string()))?;
    let mut cases = cases::find(&arguments.data, arguments.only.as_deref())?;
    // A skull is found whole once, however many kinds of defects it has.
    cases.sort_by(|a, b| a.skull.cmp(&b.skull));
    case::check_writable(&arguments.out)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let mut rows: Vec<Row> = Vec::new();
    let mut skulls = 0;
    let mut complete: Option<(String, Skull)> = None;
    for (i, one) in cases.iter().enumerate() {
        let part = progress.part(i as f32 / cases.len() as f32, (i + 1) as f32 / cases.len() as f32);
        part.report(0.0, &one.name)?;
        let named = |failure: Failure| failure.of(&one.name);
        let Truth { defective, implant: removed } = cases::read(&one.source, &Progress::new()).map_err(named)?;
        if complete.as_ref().is_none_or(|c| c.0 != one.skull) {
            let whole = defective.data.iter().zip(&removed.data).map(|(d, r)| u8::from(*d != 0 || *r != 0)).collect();
            let skull = segmented(Volume::new(defective.grid.clone(), whole)).map_err(named)?;
            skulls += 1;
            let (name, out) = (one.skull.clone(), &arguments.out);
            rows.push(looked(&detector, &skull, name, skulls, 0.0, out).map_err(named)?);
            complete = Some((one.skull.clone(), skull));
        }
        let Some((_, whole)) = &complete else { continue };
        let true_cm2 = removed_area_cm2(whole, &removed);
        drop(removed);
        let skull = segmented(defective).map_err(named)?;
        let name = one.name.clone();
        rows.push(looked(&detector, &skull, name, skulls, true_cm2, &arguments.out).map_err(named)?);
    }
    meter.finish();
    let mut table = String::from("name,true_cm2,presence,largest_cm2,area_cm2,searched_cm2,milliseconds\n");
    for r in &rows {
        let _ = writeln!(
            table,
            "{},{:.2},{:.5},{:.3},{:.2},{:.2},{:.0}",
            r.name, r.true_cm2, r.presence, r.largest_cm2, r.area_cm2, r.searched_cm2, r.milliseconds
        );
    }
    case::write_atomic(&arguments.out.join("detector.csv"), table.as_bytes())?;
    let half_area = half_area(&rows);
    let text = summary(&rows, half_area);
    case::write_atomic(&arguments.out.join("detector.md"), text.as_bytes())?;
    if arguments.calibrate {
        weights.about.calibration.insert(HALF_AREA.to_owned(), half_area);
        case::write_atomic(&arguments.out.join("detector.safetensors"), &weights.to_bytes(KIND))?;
    }
    if !quiet {
        output::print(&text);
    }
    Ok(())
}

fn segmented(mask: Volume<u8>) -> Result<Skull, Failure> {
    let scan = Scan::new(Voxels::Mask(mask), Vec::new());
    Ok(skull::segment(&scan, &Default::default(), &Progress::new())?)
}

fn looked(
    detector: &Detector,
    skull: &Skull,
    name: String,
    number: usize,
    true_cm2: f64,
    out: &Path,
) -> Result<Row, Failure> {
    let start = Instant::now();
    let opinion = detector.look(skull);
    let milliseconds = 1e3 * start.elapsed().as_secs_f64();
    let mut file = out.join(if true_cm2 > 0.0 { "maps" } else { "maps_whole" });
    file.extend(name.split('/'));
    if let Ok(png) = drawn(&opinion).png() {
        let mut file = file.into_os_string();
        file.push(".png");
        case::write_atomic(Path::new(&file), &png)?;
    }
    let defects = defect::detect(skull, &[], &Default::default(), &Progress::new())?;
    Ok(Row {
        name,
        skull: number,
        true_cm2,
        presence: opinion.presence,
        largest_cm2: opinion.openings.first().map_or(0.0, |o| o.area_cm2),
        area_cm2: opinion.area_cm2(1.0),
        searched_cm2: defects.iter().map(|d| d.area_cm2).sum::<f64>() + 0.0,
        milliseconds,
    })
}

/// The map of probabilities, vertex in the middle, face at the top, the patient's left at the right: white is 1.
fn drawn(opinion: &Opinion) -> Picture {
    const ZOOM: usize = 3;
    let size = opinion.disc.size;
    let side = ZOOM * size;
    let grey = |o: usize| (255.0 * opinion.probability[o / side / ZOOM * size + o % side / ZOOM]) as u8;
    let rgba = (0..side * side).flat_map(|o| [grey(o), grey(o), grey(o), 255]).collect();
    Picture { width: side as u32, height: side as u32, rgba }
}

/// Less than this is seven pixels, and not told from nothing, cm².
const LEAST_CM2: f64 = 0.5;

/// Between the largest opening seen in a whole skull and the smallest in a defective one, in the middle of their
/// logarithms; where they overlap, between their neighbours at the least number of mistakes.
fn half_area(rows: &[Row]) -> f64 {
    let mut areas: Vec<(f64, bool)> = rows.iter().map(|r| (r.largest_cm2.max(LEAST_CM2), r.true_cm2 > 0.0)).collect();
    areas.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mistakes = |at: usize| areas[..at].iter().filter(|a| a.1).count() + areas[at..].iter().filter(|a| !a.1).count();
    let best = (1..areas.len()).min_by_key(|&at| mistakes(at)).unwrap_or(0);
    if best == 0 { 2.0 } else { (areas[best - 1].0 * areas[best].0).sqrt() }
}

fn summary(rows: &[Row], half_area: f64) -> String {
    let labels: Vec<bool> = rows.iter().map(|r| r.true_cm2 > 0.0).collect();
    let mut out = String::new();
    let with = labels.iter().filter(|l| **l).count();
    let _ = writeln!(out, "{with} defective and {} whole skulls\n", labels.len() - with);
    let _ = writeln!(out, "| | network | geometric search |\n|---|---|---|");
    let score = |of: &dyn Fn(&Row) -> f64| -> String {
        let values: Vec<f64> = rows.iter().map(of).collect();
        let Some(found) = auc(&labels, &values) else { return "–".to_owned() };
        match found.logit_interval() {
            Some([low, high]) => format!("{:.4} ({low:.4}–{high:.4})", found.auc),
            None => format!("{:.4}", found.auc),
        }
    };
    let _ = writeln!(out, "| presence AUC | {} | {} |", score(&|r| r.largest_cm2), score(&|r| r.searched_cm2));
    let errors = |of: &dyn Fn(&Row) -> f64| -> Vec<f64> {
        let mut e: Vec<f64> =
            rows.iter().filter(|r| r.true_cm2 > 0.0).map(|r| (of(r) / r.true_cm2 - 1.0).abs() * 100.0).collect();
        e.sort_by(f64::total_cmp);
        e
    };
    let (a, b) = (errors(&|r| r.area_cm2), errors(&|r| r.searched_cm2));
    let at = |e: &[f64], share: f64| {
        e.get(((e.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    };
    let mean = |of: &dyn Fn(&Row) -> f64| -> String {
        let error = |r: &Row| (r.skull, (of(r) / r.true_cm2 - 1.0).abs() * 100.0);
        let errors: Vec<(usize, f64)> = rows.iter().filter(|r| r.true_cm2 > 0.0).map(error).collect();
        let mean = errors.iter().map(|e| e.1).sum::<f64>() / errors.len().max(1) as f64;
        let interval = mean_interval(&errors, SEED).map_or_else(String::new, |[a, b]| format!(" [{a:.1}, {b:.1}]"));
        format!("{mean:.1}{interval}")
    };
    let (by_network, by_search) = (mean(&|r| r.area_cm2), mean(&|r| r.searched_cm2));
    let _ = writeln!(out, "| area error, mean % [95 %] | {by_network} | {by_search} |");
    let _ = writeln!(out, "| area error, median % | {:.1} | {:.1} |", at(&a, 0.5), at(&b, 0.5));
    let _ = writeln!(out, "| area error, worst % | {:.1} | {:.1} |", at(&a, 1.0), at(&b, 1.0));
    let missed = |of: &dyn Fn(&Row) -> bool, l: bool| {
        let all: Vec<&Row> = rows.iter().filter(|r| (r.true_cm2 > 0.0) == l).collect();
        let skulls = all.iter().map(|r| r.skull).collect::<std::collections::BTreeSet<_>>().len();
        match all.iter().filter(|r| of(r)).count() {
            // The rule of three (J. A. Hanley and A. Lippman-Hand, JAMA 249, 1983), by skull.
            0 if skulls > 3 => format!("0 of {} (at most {:.0} % at 95 %)", all.len(), 300.0 / skulls as f64),
            some => format!("{some} of {}", all.len()),
        }
    };
    let _ = writeln!(
        out,
        "| defects missed | {} | {} |",
        missed(&|r| r.presence < 0.5, true),
        missed(&|r| r.searched_cm2 <= 0.0, true)
    );
    let _ = writeln!(
        out,
        "| whole skulls called defective | {} | {} |",
        missed(&|r| r.presence >= 0.5, false),
        missed(&|r| r.searched_cm2 > 0.0, false)
    );
    let mut times: Vec<f64> = rows.iter().map(|r| r.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    let _ = writeln!(out, "\nhalf area {half_area:.2} cm², a look takes {:.0} ms (median)", at(&times, 0.5));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_its_interval_and_nothing_missed_its_bound() {
        let row = |skull: usize, true_cm2: f64, area_cm2: f64| Row {
            name: skull.to_string(),
            skull,
            true_cm2,
            presence: if true_cm2 > 0.0 { 0.9 } else { 0.1 },
            largest_cm2: area_cm2,
            area_cm2,
            searched_cm2: 0.0,
            milliseconds: 1.0,
        };
        let area = |k: usize| if k < 3 { 10.5 } else { 9.0 };
        // Two defects a skull tell no more than one.
        let rows: Vec<Row> =
            (1..=4).flat_map(|k| [row(k, 0.0, 0.0), row(k, 10.0, area(k)), row(k, 10.0, area(k))]).collect();
        let text = summary(&rows, 1.0);
        assert!(text.contains("| area error, mean % [95 %] | 7.5 [5.0, 10.0] | 100.0 [100.0, 100.0] |"), "{text}");
        assert!(text.contains("| defects missed | 0 of 8 (at most 75 % at 95 %) | 8 of 8 |"), "{text}");
        assert!(text.contains("| whole skulls called defective | 0 of 4 (at most 75 % at 95 %) | 0 of 4"), "{text}");
    }
}
