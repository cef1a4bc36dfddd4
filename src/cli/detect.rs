use super::arguments::Detect;
use super::failure::Failure;
use super::output::{self, Meter};
use super::{design, parameters};
use crate::{defect, scan, skull};
use serde_json::json;

/// `calvaria detect`: where the vault is open.
pub fn run(arguments: &Detect, quiet: bool) -> Result<(), Failure> {
    let recipe = parameters::recipe(&arguments.parameters)?;
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let scan = scan::read(&arguments.scan, &progress.part(0.0, 0.2))?;
    let skull = skull::segment(&scan, &recipe.skull, &progress.part(0.2, 0.7))?;
    let defects = defect::detect(&skull, &[], &recipe.defect, &progress.part(0.7, 1.0))?;
    meter.finish();
    if arguments.json {
        output::json(&json!({ "defects": defects.iter().map(as_json).collect::<Vec<_>>() }));
    } else if defects.is_empty() {
        output::line("no defect: the vault is closed");
    } else {
        for (i, defect) in defects.iter().enumerate() {
            output::line(&format!("{i}: {}", design::describe(defect)));
        }
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
