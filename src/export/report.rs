//! `report.json`: every parameter and figure of a finished part. No date, no path, no name of a person.

use crate::defect::{Defect, Edit};
use crate::geometry::{Grid, Mesh};
use crate::implant::{Check, DesignBox, Implant};
use crate::reconstruct::Completion;
use crate::scan::{Finding, Scan, Voxels};
use crate::skull::Skull;
use crate::surface::check_mesh;
use serde_json::{Map, Value, json};

/// What the program is for; in the report, the manual and About.
pub const PURPOSE: &str = "For research and design review, not a medical device.";

/// What a report is made of.
pub struct Report<'a> {
    /// Every parameter, step by step, as in the recipe.
    pub parameters: Value,
    /// The atlas and the networks that were asked: name, whose, hash.
    pub models: Value,
    /// The user's corrections of the defect.
    pub edits: &'a [Edit],
    /// The scan as read.
    pub scan: &'a Scan,
    /// Bone and head frame.
    pub skull: &'a Skull,
    /// The bone's surface.
    pub skull_mesh: &'a Mesh,
    /// Every opening, largest first.
    pub defects: &'a [Defect],
    /// Where the network disagrees with the search for them.
    pub defect_findings: &'a [Finding],
    /// Which of them the part is for.
    pub chosen: usize,
    /// The completed bone.
    pub completion: &'a Completion,
    /// The box the part was shaped in.
    pub design: &'a DesignBox,
    /// The part.
    pub implant: &'a Implant,
    /// Figures and verdicts.
    pub checks: &'a [Check],
    /// The files written beside the report.
    pub files: Vec<ReportFile>,
}

/// A file written beside the report.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ReportFile {
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}

impl Report<'_> {
    /// The report as JSON; the same part gives the same text.
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
        put("program", json!({ "name": "Calvaria", "version": env!("CARGO_PKG_VERSION") }));
        put("purpose", PURPOSE.into());
        put("coordinates", "LPS (x to the patient's left, y to the back, z up), mm".into());
        put("scan", self.scan_part());
        put("parameters", self.parameters.clone());
        put("models", self.models.clone());
        put("corrections", json!(self.edits));
        put("skull", self.skull_part());
        put("defects", self.defects.iter().map(defect_part).collect());
        put("designed_defect", json!(self.chosen));
        put("reconstruction", self.reconstruction_part());
        put("implant", self.implant_part());
        put("checks", json!(self.checks));
        put("findings", self.findings());
        put("files", json!(self.files));
        Value::Object(all)
    }

    /// The report as text with a last line feed.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.to_json()).expect("JSON values with string keys");
        text.push('\n');
        text
    }

    fn scan_part(&self) -> Value {
        let (kind, range) = match &self.scan.voxels {
            Voxels::Mask(_) => ("mask", json!([0, 1])),
            Voxels::Hu(v) => ("hu", json!([v.data.iter().min(), v.data.iter().max()])),
        };
        json!({
            "sha256_of_voxels": self.scan.hash,
            "voxels": kind,
            "range": range,
            "grid": grid_part(self.scan.voxels.grid()),
        })
    }

    fn skull_part(&self) -> Value {
        let rows = |r: usize| self.skull.frame.head_from_lps.row(r).iter().copied().collect::<Vec<f64>>();
        json!({
            "iso": self.skull.iso,
            "frame": {
                "centre_mm": self.skull.frame.centre_mm.coords.as_slice(),
                "left": rows(0),
                "back": rows(1),
                "up": rows(2),
            },
            "scales_to_mean_head": self.skull.scales.as_slice(),
            "inlier_share": self.skull.inlier_share,
            "residual_mm": self.skull.residual_mm,
            "triangles": self.skull_mesh.triangles.len(),
            "area_cm2": self.skull_mesh.area_mm2() / 100.0,
        })
    }

    fn reconstruction_part(&self) -> Value {
        let inside = self.completion.hole.iter().zip(&self.completion.uncertainty_mm);
        let mut spread: Vec<f64> = inside.filter(|(hole, _)| **hole).map(|(_, &u)| f64::from(u)).collect();
        spread.sort_by(f64::total_cmp);
        let mean = spread.iter().sum::<f64>() / spread.len().max(1) as f64;
        let stated = self.completion.method.states_deviation();
        let at = |share: f64| spread.get(((spread.len().max(1) - 1) as f64 * share).round() as usize).copied();
        json!({
            "method": self.completion.method,
            "uncertainty_mm": stated.then(|| json!({ "mean": mean, "p95": at(0.95), "max": at(1.0) })),
        })
    }

    fn implant_part(&self) -> Value {
        let report = check_mesh(&self.implant.mesh);
        let axis = |i: usize| self.design.axes.column(i).iter().copied().collect::<Vec<f64>>();
        json!({
            "mesh": report,
            "bounds_mm": self.implant.mesh.bounds_mm().map(|(a, b)| [a.coords.as_slice().to_vec(), b.coords.as_slice().to_vec()]),
            "axes": { "x": axis(0), "y": axis(1), "z": axis(2) },
            "lambda_origin_mm": self.design.lambda_origin_mm.coords.as_slice(),
            "grid": grid_part(&self.design.grid),
        })
    }

    fn findings(&self) -> Value {
        let of = |step: &'static str, findings: &[Finding]| -> Vec<Value> {
            findings.iter().map(|f| json!({ "step": step, "message": f.message })).collect()
        };
        let mut all = of("scan", &self.scan.findings);
        all.extend(of("skull", &self.skull.pieces));
        all.extend(of("skull", &self.skull.findings));
        all.extend(of("defect", self.defect_findings));
        all.extend(of("reconstruct", &self.completion.findings));
        all.extend(of("implant", &self.implant.findings));
        Value::Array(all)
    }
}

/// A defect as the report and `detect --json` write it.
pub fn defect_part(defect: &Defect) -> Value {
    json!({
        "region": defect.region,
        "area_cm2": defect.area_cm2,
        "shape": defect.shape,
        "rim_mm": defect.rim_mm,
        "bounds_mm": defect.bounds_mm,
        "size_mm": defect.size_mm,
    })
}

fn grid_part(grid: &Grid) -> Value {
    let row = |r: usize| grid.direction.row(r).iter().copied().collect::<Vec<f64>>();
    json!({
        "size": grid.size,
        "spacing_mm": grid.spacing_mm,
        "origin_mm": grid.origin_mm.coords.as_slice(),
        "direction": [row(0), row(1), row(2)],
    })
}
