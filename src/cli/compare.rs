use super::arguments::Compare;
use super::failure::Failure;
use super::output::{self, Meter};
use super::{design, parameters};
use crate::evaluate::picture;
use crate::reconstruct::{Alternative, Comparison};
use crate::{case, defect, reconstruct, scan, skull};
use serde_json::{Value, json};

/// `calvaria compare`: what each method makes of the same hole.
pub fn run(arguments: &Compare, quiet: bool) -> Result<(), Failure> {
    if let Some(file) =
        arguments.picture.as_ref().filter(|f| f.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")))
    {
        return Err(Failure::Usage(format!("{}: end the picture's name with .png", file.display())));
    }
    let recipe = parameters::recipe(&arguments.parameters)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let scan = scan::read(&arguments.scan, &progress.part(0.0, 0.2))?;
    if let Some(file) = &arguments.picture {
        case::check_writable_file(file)?;
    }
    let skull = skull::segment(&scan, &recipe.skull, &progress.part(0.2, 0.4))?;
    let defects = defect::detect(&skull, &[], &recipe.defect, &progress.part(0.4, 0.5))?;
    let chosen = case::choose(&defects, recipe.defect.index)?;
    let comparison = reconstruct::compare(&skull, chosen, &progress.part(0.5, 1.0))?;
    meter.finish();
    if let Some(file) = &arguments.picture {
        case::write_atomic(file, &picture::alternatives(&comparison))?;
    }
    if arguments.json {
        output::json(&as_json(chosen, &comparison));
    } else {
        output::line(&format!("{}: {}", recipe.defect.index, design::describe(chosen)));
        output::print(&table(&comparison));
        comparison.skipped.iter().for_each(|s| output::note(quiet, &format!("{} gave no answer: {}", s.name, s.why)));
        comparison.findings.iter().for_each(|f| output::note(quiet, &f.message));
    }
    Ok(())
}

fn table(comparison: &Comparison) -> String {
    let head = ["", "rim step", "rim kink", "symmetry", "mean", "95 %", "largest"];
    let units = ["", "mm", "°", "mm", "mm from auto", "mm", "mm"];
    let mut text = line(head.map(str::to_owned)) + &line(units.map(str::to_owned));
    for a in &comparison.alternatives {
        let or_dash = |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
        text += &line([
            a.name(),
            or_dash(a.rim.map(|r| r.step_mm), 2),
            or_dash(a.rim.map(|r| r.kink_deg), 1),
            or_dash(a.symmetry_mm, 2),
            format!("{:.2}", a.mean_mm),
            format!("{:.2}", a.p95_mm),
            format!("{:.2}", a.most_mm),
        ]);
    }
    text
}

fn line(cells: [String; 7]) -> String {
    let [name, figures @ ..] = cells;
    let figures: String = figures.iter().map(|c| format!("{c:>13}")).collect();
    format!("{name:13}{figures}").trim_end().to_owned() + "\n"
}

fn as_json(defect: &defect::Defect, comparison: &Comparison) -> Value {
    let round = |v: f64| (v * 1000.0).round() / 1000.0 + 0.0;
    let one = |a: &Alternative| {
        json!({
            "name": a.name(),
            "method": a.params.method,
            "shape_draw": a.params.shape_draw,
            "rim_step_mm": a.rim.map(|r| round(r.step_mm)),
            "rim_kink_deg": a.rim.map(|r| round(r.kink_deg)),
            "rim_seen": a.rim.map(|r| round(r.seen)),
            "symmetry_mm": a.symmetry_mm.map(round),
            "difference_mm": { "mean": round(a.mean_mm), "p95": round(a.p95_mm), "max": round(a.most_mm) },
        })
    };
    json!({
        "defect": { "region": defect.region, "area_cm2": round(defect.area_cm2) },
        "alternatives": comparison.alternatives.iter().map(one).collect::<Vec<_>>(),
        "skipped": comparison.skipped.iter().map(|s| json!({ "name": s.name, "why": s.why })).collect::<Vec<_>>(),
        "findings": comparison.findings.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(),
    })
}
