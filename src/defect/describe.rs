//! What an opening is: area, rim, region, shape, size.

use super::Defect;
use super::local::Local;
use super::outline::{outline, resampled};
use super::shape::{shape_word, smallest_rectangle};
use crate::geometry::{Volume, distance_to_set_mm};
use crate::skull::map::{blur, fill_nearest};
use crate::skull::{MeanVault, Skull};
use nalgebra::{Point3, Vector2, Vector3};

/// The smaller side's share from which an opening is bilateral.
const BILATERAL_SHARE: f64 = 0.25;
/// Smoothing of the hole's mask before its outline is drawn, pixels.
const OUTLINE_SIGMA_PX: f64 = 1.2;
/// Smoothing along the rim and step between its points, mm.
const RIM_SIGMA_MM: f64 = 1.0;
const RIM_STEP_MM: f64 = 1.0;
/// Observed bone this near to the continued surface lifts the rim; else the continued surface does, mm.
const ON_SURFACE_MM: f32 = 1.5;

/// Describes a hole (a mask on the local map) whose outer surface is continued as `surface_mm`; `None` for one too
/// small to have an outline.
pub(super) fn describe(skull: &Skull, local: Local, hole: &Volume<u8>, surface_mm: &[f32]) -> Option<Defect> {
    let size = local.disc.size;
    let curve = outline(&hole.data, size, OUTLINE_SIGMA_PX);
    if curve.len() < 12 {
        return None;
    }
    let lifted: Vec<f32> = (0..hole.data.len())
        .map(|o| {
            let r = local.outer_mm[o];
            if hole.data[o] == 0 && (r - surface_mm[o]).abs() < ON_SURFACE_MM { r } else { surface_mm[o] }
        })
        .collect();
    let lifted = fill_nearest(&blur(&lifted, size, 1.0), size);
    let rim: Vec<[f64; 3]> = curve
        .iter()
        .filter_map(|&(row, column)| {
            let direction = local.disc.direction(row, column)?;
            let r = f64::from(local.disc.sample_at(&lifted, row, column));
            Some(skull.point_at(&direction, r).into())
        })
        .collect();
    let rim = resampled(&rim, RIM_SIGMA_MM, RIM_STEP_MM);
    let shares = shares(skull, &local, hole, surface_mm);
    let flat = flattened(&rim, &shares.normal, &shares.centroid);
    let mut bounds = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
    for p in &rim {
        for a in 0..3 {
            bounds[0][a] = bounds[0][a].min(p[a]);
            bounds[1][a] = bounds[1][a].max(p[a]);
        }
    }
    Some(Defect {
        region: shares.region(),
        area_cm2: shares.area_cm2,
        shape: shape_word(&flat).to_owned(),
        rim_mm: rim,
        bounds_mm: bounds,
        size_mm: smallest_rectangle(&flat).1,
        patch: local.into_patch(hole),
    })
}

/// Radius of the largest circle inside a hole, mm.
pub(super) fn inscribed_mm(hole: &Volume<u8>) -> f64 {
    let outside = hole.map(|v| u8::from(v == 0));
    f64::from(distance_to_set_mm(&outside).data.iter().copied().fold(0.0, f32::max))
}

/// How a hole's completed outer surface is spread over sides and bones.
struct Shares {
    area_cm2: f64,
    left: f64,
    right: f64,
    /// By bone name 1 to 4.
    bones: [f64; 5],
    normal: Vector3<f64>,
    centroid: Point3<f64>,
}

impl Shares {
    fn region(&self) -> String {
        let total = self.left + self.right;
        let side = if self.left.min(self.right) > BILATERAL_SHARE * total {
            "bilateral"
        } else if self.left >= self.right {
            "left"
        } else {
            "right"
        };
        let bone = (1..5).max_by(|&a, &b| self.bones[a].total_cmp(&self.bones[b])).unwrap_or(2);
        format!("{side}-{}", ["", "frontal", "parietal", "temporal", "occipital"][bone])
    }
}

fn shares(skull: &Skull, local: &Local, hole: &Volume<u8>, surface_mm: &[f32]) -> Shares {
    let mean = MeanVault::in_use();
    let size = local.disc.size;
    let point = |o: usize| local.directions[o].map(|d| d * f64::from(surface_mm[o]));
    let mut s = Shares {
        area_cm2: 0.0,
        left: 0.0,
        right: 0.0,
        bones: [0.0; 5],
        normal: Vector3::zeros(),
        centroid: Point3::origin(),
    };
    let mut centre = Vector3::zeros();
    for o in (0..hole.data.len()).filter(|&o| hole.data[o] != 0) {
        let (row, column) = (o / size, o % size);
        if row == 0 || column == 0 || row + 1 == size || column + 1 == size {
            continue;
        }
        let (Some(here), Some(l), Some(r), Some(b), Some(a)) =
            (point(o), point(o - 1), point(o + 1), point(o - size), point(o + size))
        else {
            continue;
        };
        // The piece of surface of one pixel, as a vector along its outward normal.
        let piece = (r - l).cross(&(a - b)) / 4.0;
        let piece = if piece.dot(&here) < 0.0 { -piece } else { piece };
        let area = piece.norm() / 100.0;
        s.area_cm2 += area;
        s.normal += piece;
        centre += here * area;
        let to_mean = skull.mean_direction(&here).0;
        *(if to_mean.x >= 0.0 { &mut s.left } else { &mut s.right }) += area;
        if let Some(pixel) = mean.pixel(&to_mean) {
            s.bones[(mean.bone[pixel] as usize).min(4)] += area;
        }
    }
    s.bones[0] = 0.0;
    s.normal = skull.frame.lps_from_head_direction(&s.normal.try_normalize(1e-12).unwrap_or(Vector3::z()));
    s.centroid = skull.frame.point_from_head(&(centre / s.area_cm2.max(1e-9)));
    s
}

/// A rim laid flat: directions from the centroid in the tangent plane, distances along a sphere of 80 mm, so that
/// lengths on the curved surface are kept.
fn flattened(rim: &[[f64; 3]], normal: &Vector3<f64>, centroid: &Point3<f64>) -> Vec<Vector2<f64>> {
    const SPHERE_MM: f64 = 80.0;
    let seed = if normal.z.abs() < 0.9 { Vector3::z() } else { Vector3::y() };
    let u = seed.cross(normal).normalize();
    let v = normal.cross(&u);
    let lay = |p: &[f64; 3]| {
        let d = Point3::from(*p) - centroid;
        let q = Vector2::new(d.dot(&u), d.dot(&v));
        let far = q.norm().min(SPHERE_MM * 0.99);
        if far < 1e-9 { q } else { q * ((far / SPHERE_MM).asin() * SPHERE_MM / far) }
    };
    rim.iter().map(lay).collect()
}
