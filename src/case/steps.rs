use super::{Error, Part, Recipe, Reconstruction, Results, SkullBody, StepKind, StepOutput};
use crate::defect::{self, Defect, Edit};
use crate::geometry::Progress;
use crate::network::detector;
use crate::scan::{Finding, Scan};
use crate::surface::closed_isosurface;
use crate::{implant, reconstruct, skull};
use std::sync::Arc;

/// Everything the road gives for one scan.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scan as read.
    pub scan: Arc<Scan>,
    /// The skull and its mesh.
    pub skull: Arc<SkullBody>,
    /// The openings, largest first.
    pub defects: Arc<Vec<Defect>>,
    /// Where the network disagrees with the search for them.
    pub defect_findings: Arc<Vec<Finding>>,
    /// Which of them the part is for.
    pub chosen: usize,
    /// The completed bone and the design box.
    pub reconstruction: Arc<Reconstruction>,
    /// The part with its checks.
    pub part: Arc<Part>,
}

impl Outcome {
    /// The defect the part is for.
    pub fn defect(&self) -> &Defect {
        &self.defects[self.chosen]
    }

    /// The same as the session's results.
    pub fn results(&self) -> Results {
        Results {
            scan: Some(self.scan.clone()),
            skull: Some(self.skull.clone()),
            defects: Some(self.defects.clone()),
            defect_findings: self.defect_findings.clone(),
            reconstruction: Some(self.reconstruction.clone()),
            part: Some(self.part.clone()),
        }
    }

    /// The outcome of a session whose steps are all done.
    pub fn from_results(results: &Results, recipe: &Recipe) -> Result<Self, Error> {
        let of = |step: StepKind| Error::Needs { step: StepKind::Export, needs: step };
        let defects = results.defects.clone().ok_or_else(|| of(StepKind::Defect))?;
        choose(&defects, recipe.defect.index)?;
        Ok(Self {
            scan: results.scan.clone().ok_or_else(|| of(StepKind::Scan))?,
            skull: results.skull.clone().ok_or_else(|| of(StepKind::Skull))?,
            chosen: recipe.defect.index,
            defects,
            defect_findings: results.defect_findings.clone(),
            reconstruction: results.reconstruction.clone().ok_or_else(|| of(StepKind::Reconstruct))?,
            part: results.part.clone().ok_or_else(|| of(StepKind::Implant))?,
        })
    }
}

/// Share of the whole road's time each step ends at (measured on the sample): skull, defect, reconstruction, implant.
const ROAD: [f32; 5] = [0.0, 0.45, 0.65, 0.9, 1.0];

/// The whole road from a scan to a checked part. Same scan, recipe and edits: the same bytes at any thread count.
pub fn run_all(scan: Arc<Scan>, recipe: &Recipe, edits: &[Edit], progress: &Progress) -> Result<Outcome, Error> {
    let mut results = Results { scan: Some(scan), ..Results::default() };
    let steps = [StepKind::Skull, StepKind::Defect, StepKind::Reconstruct, StepKind::Implant];
    for (i, step) in steps.into_iter().enumerate() {
        results.put(run_step(step, &results, recipe, edits, &progress.part(ROAD[i], ROAD[i + 1]))?);
    }
    Outcome::from_results(&results, recipe)
}

/// Runs one step on the results of the steps before it. Scan and export touch files and are not steps of this kind.
pub fn run_step(
    step: StepKind,
    results: &Results,
    recipe: &Recipe,
    edits: &[Edit],
    progress: &Progress,
) -> Result<StepOutput, Error> {
    let needs = |needs: StepKind| Error::Needs { step, needs };
    match step {
        StepKind::Skull => {
            let scan = results.scan.as_ref().ok_or_else(|| needs(StepKind::Scan))?;
            let skull = skull::segment(scan, &recipe.skull, &progress.part(0.0, 0.7))?;
            progress.report(0.7, "Drawing the skull's surface")?;
            // Closed where the scan ends (the cut neck), so that skull.stl can be printed.
            let volume = &skull.intensity;
            let mesh = closed_isosurface(&volume.grid, &volume.data, skull.iso, true);
            progress.report(1.0, "Skull drawn")?;
            Ok(StepOutput::Skull(Arc::new(SkullBody::new(skull, mesh))))
        }
        StepKind::Defect => {
            let body = results.skull.as_ref().ok_or_else(|| needs(StepKind::Skull))?;
            // The network looks at the head beside the search, so that it costs next to no time.
            let search = || defect::detect(&body.skull, edits, &recipe.defect, progress);
            let (defects, opinion) = rayon::join(search, || body.opinion());
            let defects = defects?;
            let mut findings = defect::findings(&body.skull, &defects);
            findings.extend(detector::findings(&body.skull, opinion, &defects));
            Ok(StepOutput::Defects(Arc::new(defects), Arc::new(findings)))
        }
        StepKind::Reconstruct => {
            let body = results.skull.as_ref().ok_or_else(|| needs(StepKind::Skull))?;
            let defects = results.defects.as_ref().ok_or_else(|| needs(StepKind::Defect))?;
            let chosen = choose(defects, recipe.defect.index)?;
            let completion = reconstruct::complete(&body.skull, chosen, &recipe.reconstruct, &progress.part(0.0, 0.6))?;
            let design = implant::prepare(&body.skull, &completion, &progress.part(0.6, 1.0))?;
            Ok(StepOutput::Reconstruction(Arc::new(Reconstruction { completion, design })))
        }
        StepKind::Implant => {
            let reconstruction = results.reconstruction.as_ref().ok_or_else(|| needs(StepKind::Reconstruct))?;
            let implant = implant::shape(&reconstruction.design, &recipe.implant, &progress.part(0.0, 0.8))?;
            let checks = implant::check(&reconstruction.design, &implant, &recipe.implant);
            progress.report(1.0, "part checked")?;
            Ok(StepOutput::Part(Arc::new(Part { implant, checks })))
        }
        StepKind::Scan => Err(needs(StepKind::Scan)),
        StepKind::Export => Err(needs(StepKind::Implant)),
    }
}

/// The defect of an index, or why there is none.
pub fn choose(defects: &[Defect], index: usize) -> Result<&Defect, Error> {
    match defects.get(index) {
        Some(defect) => Ok(defect),
        None if defects.is_empty() => Err(Error::NoDefect),
        None => Err(defect::Error::NoSuchDefect { index, count: defects.len() }.into()),
    }
}
