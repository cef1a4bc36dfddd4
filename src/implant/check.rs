use super::{Check, DesignBox, Implant, Params, ThicknessMode};
use crate::surface::check_mesh;
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

/// Density of PEEK, g/cm³ (ISO 1183 value of the implant grades' data sheets: 1.30 to 1.32).
pub const PEEK_G_PER_CM3: f64 = 1.32;
/// Share of the hole's rays the part must cover.
const LEAST_COVER: f64 = 0.99;
/// The wall is measured at least this far from bone, mm.
const EDGE_MM: f64 = 3.0;
/// Sampling error the clearance is allowed, mm: to the surface itself, between vertices, 0.03 to 0.05 were measured.
const CLEARANCE_SLACK_MM: f64 = 0.1;
/// Bone this much farther than the clearance is still beside the part's edge, mm.
const BESIDE_MM: f64 = 2.0;
/// Share of the part's edge that needs bone beside it: with less there is nothing to fix it to.
const LEAST_BESIDE: f64 = 0.5;
/// Directions in which the edge is looked at.
const SECTORS: usize = 72;
/// Sampling error a lifted part is allowed, mm.
const LIFT_SLACK_MM: f64 = 0.05;

/// See [`super::check`].
pub(super) fn check(design: &DesignBox, implant: &Implant, params: &Params) -> Vec<Check> {
    let report = check_mesh(&implant.mesh);
    let volume_cm3 = report.volume_mm3 / 1000.0;
    let weight = volume_cm3 * PEEK_G_PER_CM3;
    let size = local_size(design, implant);
    let sound =
        report.closed && report.manifold && report.oriented && report.components == 1 && report.volume_mm3 > 0.0;
    // Each closed piece without a loop has Euler number 2.
    let loops = report.components as i64 - report.euler / 2;
    let mut checks =
        vec![covers(design, implant, params), overlap(design, implant), clearance(design, implant, params)];
    checks.push(bone_at_edge(design, implant, params));
    checks.push(wall(design, implant, params));
    checks.push(Check {
        name: "closed_manifold".to_owned(),
        text: format!(
            "{} triangles in {} {}: {}",
            report.triangles,
            report.components,
            if report.components == 1 { "body" } else { "bodies" },
            match (sound, loops) {
                (false, _) => "not one closed manifold body".to_owned(),
                (true, ..=0) => "closed, manifold, normals outward".to_owned(),
                (true, 1) => "closed, manifold, normals outward; with a tunnel, look along its edge".to_owned(),
                (true, n) => format!("closed, manifold, normals outward; with {n} tunnels, look along its edge"),
            }
        ),
        value: report.components as f64,
        unit: String::new(),
        passed: Some(sound),
    });
    checks.push(insertion(design, implant));
    let figure = |name: &str, text: String, value: f64, unit: &str| Check {
        name: name.to_owned(),
        text,
        value,
        unit: unit.to_owned(),
        passed: None,
    };
    checks.push(figure("volume", format!("{volume_cm3:.1} cm³"), volume_cm3, "cm³"));
    checks.push(figure("weight", format!("{weight:.1} g in PEEK ({PEEK_G_PER_CM3} g/cm³)"), weight, "g"));
    let text = format!("{:.0} × {:.0} × {:.0} mm along its own axes", size.x, size.y, size.z);
    checks.push(figure("size", text, size.max(), "mm"));
    checks
}

/// Share of the hole's rays that meet the part, of those that the clearance leaves room for.
fn covers(design: &DesignBox, implant: &Implant, params: &Params) -> Check {
    let room = params.clearance_mm + design.grid.spacing_mm[0];
    let depth = match params.thickness_mode {
        ThicknessMode::Constant => params.thickness_mm,
        ThicknessMode::Scaled => params.min_wall_mm,
    };
    let free = |p: &Point3<f64>| design.bone.sample_lps(p, f32::MAX) as f64 > room;
    let counted: Vec<bool> = design
        .rays
        .par_iter()
        .filter(|ray| [0.3, 1.5].iter().all(|d| free(&(ray.outer_mm - ray.normal * *d))))
        .map(|ray| {
            let steps = (depth / 0.3).ceil() as usize;
            (0..=steps).any(|k| implant.field.sample_lps(&(ray.outer_mm - ray.normal * (k as f64 * 0.3)), 1.0) < 0.0)
        })
        .collect();
    let share = counted.iter().filter(|c| **c).count() as f64 / counted.len().max(1) as f64;
    Check {
        name: "covers_defect".to_owned(),
        text: format!("covers {:.1} % of the opening inside the clearance", 100.0 * share),
        value: share,
        unit: String::new(),
        passed: Some(share >= LEAST_COVER && !counted.is_empty()),
    }
}

/// Volume of voxels that are both part and bone.
fn overlap(design: &DesignBox, implant: &Implant) -> Check {
    let both =
        implant.field.data.par_iter().zip(design.bone.data.par_iter()).filter(|(p, b)| **p < 0.0 && **b < 0.0).count();
    let volume = both as f64 * design.grid.voxel_mm3();
    Check {
        name: "bone_overlap".to_owned(),
        text: format!("{volume:.1} mm³ of the part lie in bone"),
        value: volume,
        unit: "mm³".to_owned(),
        passed: Some(both == 0),
    }
}

/// Distance from the part's surface, where it sits, to the nearest bone.
fn clearance(design: &DesignBox, implant: &Implant, params: &Params) -> Check {
    let gap = |p: &[f32; 3]| f64::from(design.bone.sample_lps(&Point3::from(p.map(f64::from)), f32::MAX));
    let least = implant.mesh.positions.par_iter().map(gap).reduce(|| f64::INFINITY, f64::min);
    let asked = params.clearance_mm;
    Check {
        name: "clearance".to_owned(),
        text: if least.is_finite() {
            format!("nearest bone {:.2} mm from the seated part, {asked:.2} mm asked", least.max(0.0))
        } else {
            format!("no bone near the seated part, {asked:.2} mm asked")
        },
        value: least,
        unit: "mm".to_owned(),
        passed: Some(least >= asked - CLEARANCE_SLACK_MM),
    }
}

/// In how many directions about the part's middle bone lies beside it: a part drawn within its hole hangs free.
fn bone_at_edge(design: &DesignBox, implant: &Implant, params: &Params) -> Check {
    let vertices = implant.mesh.positions.iter().map(|p| Point3::from(p.map(f64::from)));
    let local: Vec<(Vector3<f64>, f64)> = vertices
        .map(|p| {
            let gap = f64::from(design.bone.sample_lps(&p, f32::MAX));
            (design.axes.tr_mul(&(p - design.lambda_origin_mm)), gap)
        })
        .collect();
    let middle = local.iter().map(|(p, _)| p).sum::<Vector3<f64>>() / local.len().max(1) as f64;
    let mut nearest = [f64::INFINITY; SECTORS];
    for (p, gap) in &local {
        let turn = (p.y - middle.y).atan2(p.x - middle.x) / std::f64::consts::TAU + 0.5;
        let sector = ((turn * SECTORS as f64) as usize).min(SECTORS - 1);
        nearest[sector] = nearest[sector].min(*gap);
    }
    let within = params.clearance_mm + BESIDE_MM;
    let share = nearest.iter().filter(|gap| **gap <= within).count() as f64 / SECTORS as f64;
    Check {
        name: "bone_at_edge".to_owned(),
        text: format!("bone within {within:.1} mm along {:.0} % of the edge", 100.0 * share),
        value: share,
        unit: String::new(),
        passed: Some(share >= LEAST_BESIDE),
    }
}

/// Wall thickness on the finished part: along the outer surface's normals, away from the edge.
fn wall(design: &DesignBox, implant: &Implant, params: &Params) -> Check {
    let away = (params.clearance_mm + EDGE_MM).min(4.8);
    let mut walls: Vec<f64> = design
        .rays
        .par_iter()
        .filter_map(|ray| {
            let at = |depth: f64| ray.outer_mm - ray.normal * depth;
            let clear = |depth: f64| design.bone_above.sample_lps(&at(depth), f32::MAX) as f64 >= away;
            let (from, to) = span(&|depth| implant.field.sample_lps(&at(depth), 1.0) as f64)?;
            (from < 1.0 && clear(from.max(0.0)) && clear(to)).then_some(to - from)
        })
        .collect();
    walls.sort_by(f64::total_cmp);
    let unit = "mm".to_owned();
    let name = "min_wall".to_owned();
    let Some(&least) = walls.first() else {
        let text = format!("no place lies {EDGE_MM} mm from the edge to measure the wall");
        return Check { name, text, value: f64::NAN, unit, passed: None };
    };
    let at_share = |share: f64| walls[((walls.len() - 1) as f64 * share) as usize];
    let limit = match params.thickness_mode {
        ThicknessMode::Constant => params.min_wall_mm.min(params.thickness_mm),
        ThicknessMode::Scaled => params.min_wall_mm,
    };
    Check {
        name,
        text: format!(
            "wall at least {least:.2} mm, {limit:.2} mm asked, 5 % below {:.2} mm, median {:.2} mm ({EDGE_MM} mm and more from the edge, along the normal)",
            at_share(0.05),
            at_share(0.5)
        ),
        value: least,
        unit,
        passed: Some(least >= limit - 0.1),
    }
}

/// First stretch along a line where the field is negative, from above the surface inwards, mm.
fn span(field: &dyn Fn(f64) -> f64) -> Option<(f64, f64)> {
    const STEP: f64 = 0.2;
    let crossing = |a: f64, fa: f64, fb: f64| a + STEP * fa / (fa - fb);
    let mut entered = None;
    let (mut depth, mut before) = (-0.6, field(-0.6));
    while depth < 40.0 {
        let here = field(depth + STEP);
        match entered {
            None if before >= 0.0 && here < 0.0 => entered = Some(crossing(depth, before, here)),
            Some(from) if here >= 0.0 => return Some((from, crossing(depth, before, here))),
            None if depth > 3.0 => return None,
            _ => {}
        }
        before = here;
        depth += STEP;
    }
    None
}

/// Every vertex lifted along +z, the gap to bone looked up on the way.
fn insertion(design: &DesignBox, implant: &Implant) -> Check {
    let step = design.grid.spacing_mm[2] / 2.0;
    let index_from_lps = design.grid.index_from_lps_matrix();
    let top = (design.grid.size[2] - 1) as f64;
    let least: Vec<f64> = implant
        .mesh
        .positions
        .par_iter()
        .map(|p| {
            let lps = Point3::new(p[0] as f64, p[1] as f64, p[2] as f64);
            let mut index = index_from_lps * (lps - design.grid.origin_mm);
            let mut gap = f64::INFINITY;
            while index.z <= top {
                gap = gap.min(design.bone.sample_index(&index, f32::MAX) as f64);
                index.z += step / design.grid.spacing_mm[2];
            }
            gap
        })
        .collect();
    let gap = least.into_iter().fold(f64::INFINITY, f64::min);
    let free = gap >= -LIFT_SLACK_MM;
    Check {
        name: "insertion".to_owned(),
        text: if free {
            format!("lifts out along its normal without collision, nearest bone {:.2} mm on the way", gap.max(0.0))
        } else {
            format!("collides with bone by {:.2} mm when lifted out along its normal", -gap)
        },
        value: gap,
        unit: "mm".to_owned(),
        passed: Some(free),
    }
}

/// Extent of the part along its own axes, mm.
fn local_size(design: &DesignBox, implant: &Implant) -> Vector3<f64> {
    let mut low = Vector3::repeat(f64::INFINITY);
    let mut high = Vector3::repeat(f64::NEG_INFINITY);
    for p in &implant.mesh.positions {
        let lps = Point3::new(p[0] as f64, p[1] as f64, p[2] as f64);
        let local = design.axes.tr_mul(&(lps - design.lambda_origin_mm));
        low = low.inf(&local);
        high = high.sup(&local);
    }
    if low.x <= high.x { high - low } else { Vector3::zeros() }
}
