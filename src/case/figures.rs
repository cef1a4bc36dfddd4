use super::{Results, StepKind, StepOutput, StepState};
use crate::scan::{Finding, Voxels};

/// The state a step is in once it gave `output`: its key figure, and the findings if there are any. `index` names the
/// defect that is designed for.
pub fn state_of(output: &StepOutput, index: usize) -> StepState {
    let (figure, findings) = match output {
        StepOutput::Scan(scan) => {
            let grid = scan.voxels.grid();
            let [x, y, z] = grid.size;
            let [a, b, c] = grid.spacing_mm;
            let kind = if matches!(scan.voxels, Voxels::Mask(_)) { " · bone mask" } else { "" };
            (format!("{x}×{y}×{z} · {a:.2}×{b:.2}×{c:.2} mm{kind}"), texts(&scan.findings))
        }
        StepOutput::Skull(body) => {
            let skull = &body.skull;
            let figure = format!("{:.0} HU · {:.0} cm² of bone", skull.iso, body.mesh.area_mm2() / 100.0);
            (figure, [texts(&skull.pieces), texts(&skull.findings)].concat())
        }
        StepOutput::Defects(defects, noticed) => match defects.as_slice() {
            [] => {
                let closed = "The vault is closed: there is nothing to design.".to_owned();
                ("none found".to_owned(), [vec![closed], texts(noticed)].concat())
            }
            [first, ..] => {
                let chosen = defects.get(index).unwrap_or(first);
                let figure = format!("{} · {:.1} cm²", chosen.region.replace('-', " "), chosen.area_cm2);
                let more = |(i, d): (usize, &crate::defect::Defect)| {
                    format!("{} {:.1} cm² (defect {i})", d.region.replace('-', " "), d.area_cm2)
                };
                let others = defects.iter().enumerate().filter(|(_, d)| !std::ptr::eq(*d, chosen));
                let list: Vec<String> = others.map(more).collect();
                let finding = (!list.is_empty()).then(|| format!("Also found: {}.", list.join(", ")));
                (figure, finding.into_iter().chain(texts(noticed)).collect())
            }
        },
        StepOutput::Reconstruction(done) => {
            let completion = &done.completion;
            let pixels = completion.hole.iter().zip(&completion.uncertainty_mm).filter(|(hole, _)| **hole);
            let (sum, count) = pixels.fold((0.0, 0usize), |(sum, n), (_, &u)| (sum + f64::from(u), n + 1));
            let mean = if count == 0 { 0.0 } else { sum / count as f64 };
            let method = serde_json::to_value(completion.method).ok();
            let method = method.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
            let stated = completion.method.states_deviation();
            let figure = if stated { format!("{method} · ± {mean:.1} mm") } else { method.to_owned() };
            (figure, texts(&completion.findings))
        }
        StepOutput::Part(part) => {
            let figure = format!("{:.1} cm³", part.implant.mesh.volume_mm3() / 1000.0);
            let failed = part.checks.iter().filter(|c| c.passed == Some(false)).map(|c| c.text.clone());
            (figure, texts(&part.implant.findings).into_iter().chain(failed).collect())
        }
    };
    match findings.is_empty() {
        true => StepState::Done { figure },
        false => StepState::Finding { figure, finding: findings.join(" ") },
    }
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|f| f.message.clone()).collect()
}

/// Everything the steps noticed, in the order of the road.
pub fn findings(results: &Results) -> Vec<(StepKind, Finding)> {
    let mut all = Vec::new();
    let mut add = |step, findings: &[Finding]| all.extend(findings.iter().map(|f| (step, f.clone())));
    if let Some(scan) = &results.scan {
        add(StepKind::Scan, &scan.findings);
    }
    if let Some(body) = &results.skull {
        add(StepKind::Skull, &body.skull.pieces);
        add(StepKind::Skull, &body.skull.findings);
    }
    add(StepKind::Defect, &results.defect_findings);
    if let Some(done) = &results.reconstruction {
        add(StepKind::Reconstruct, &done.completion.findings);
    }
    if let Some(part) = &results.part {
        add(StepKind::Implant, &part.implant.findings);
    }
    all
}
