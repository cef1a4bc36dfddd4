use super::arguments::Detect;
use super::failure::Failure;
use super::output::{self, Meter};
use super::{design, parameters};
use crate::case::Recipe;
use crate::network::detector;
use crate::scan::Finding;
use crate::{defect, scan, skull};
use serde_json::json;

/// `calvaria detect`: where the vault is open.
pub fn run(arguments: &Detect, quiet: bool) -> Result<(), Failure> {
    let recipe = parameters::recipe(&arguments.parameters)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let scan = scan::read(&arguments.scan, &progress.part(0.0, 0.2))?;
    let skull = skull::segment(&scan, &recipe.skull, &progress.part(0.2, 0.7))?;
    let defects = defect::detect(&skull, &[], &recipe.defect, &progress.part(0.7, 0.95))?;
    let mut seen = defect::findings(&skull, &defects);
    seen.extend(detector::check(&skull, &defects).1);
    // What was noticed before (unscaled values, sides or axes that are unsure) decides what the answer is worth.
    let findings: Vec<&Finding> = scan.findings.iter().chain(&skull.findings).chain(&seen).collect();
    meter.finish();
    if arguments.json {
        let mut found = json!({ "defects": defects.iter().map(as_json).collect::<Vec<_>>() });
        // Only where there is something to say: programs that read the defects alone see what they always saw.
        if !findings.is_empty() {
            found["findings"] = findings.iter().map(|f| f.message.as_str()).collect();
        }
        output::json(&found);
    } else if defects.is_empty() {
        let smallest = recipe.defect.min_area_cm2;
        let usual = smallest <= Recipe::default().defect.min_area_cm2;
        output::line(&if usual {
            "no defect: the vault is closed".to_owned()
        } else {
            format!("no defect of {smallest} cm² or more")
        });
    } else {
        for (i, defect) in defects.iter().enumerate() {
            output::line(&format!("{i}: {}", design::describe(defect)));
        }
    }
    if !arguments.json {
        findings.iter().for_each(|f| output::note(quiet, &f.message));
    }
    Ok(())
}

/// A defect exactly as the manual promises it to programs; a thousandth of a millimetre is more than a rim is known to.
fn as_json(defect: &defect::Defect) -> serde_json::Value {
    let round = |v: f64| (v * 1000.0).round() / 1000.0 + 0.0;
    let points = |p: &[[f64; 3]]| p.iter().map(|q| q.map(round)).collect::<Vec<_>>();
    json!({
        "region": defect.region,
        "area_cm2": round(defect.area_cm2),
        "shape": defect.shape,
        "rim_mm": points(&defect.rim_mm),
        "bounds_mm": points(&defect.bounds_mm),
    })
}
