use super::crop::{bounding_box, crop, margin};
use super::faces::{self, FaceError};
use super::overlap::{dice, dice_within};
use super::surface_distance::surface_distances;
use crate::geometry::{Volume, distance_to_set_mm};
use nalgebra::Vector3;
use rayon::prelude::*;

/// The border band reaches this far from the defective skull, mm.
const BAND_MM: f64 = 10.0;

/// Figures of one predicted implant against the true one.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// 2|P∩G| / (|P|+|G|).
    pub dice: f64,
    /// The same within 10 mm of the defective skull.
    pub border_dice: f64,
    /// Largest distance between the surfaces' voxels, mm; infinite when one mask is empty.
    #[serde(with = "infinite")]
    pub hausdorff_mm: f64,
    /// 95th percentile of both directed sets pooled, mm.
    #[serde(with = "infinite")]
    pub hausdorff95_mm: f64,
    /// The larger of the two directed sets' own 95th percentiles, mm.
    #[serde(with = "infinite")]
    pub hausdorff95_max_mm: f64,
    /// Mean of the pooled set, mm.
    #[serde(with = "infinite")]
    pub mean_distance_mm: f64,
    /// Share of the pooled set within 0.5 mm.
    pub within_half_mm: f64,
    /// Share of the pooled set within 1 mm.
    pub within_1mm: f64,
    /// Share of the pooled set within 2 mm.
    pub within_2mm: f64,
    /// |P|/|G| − 1; infinite without a true implant.
    #[serde(with = "infinite")]
    pub volume_error: f64,
    /// Volume of the true implant, mm³.
    pub true_mm3: f64,
    /// Volume of the predicted implant, mm³.
    pub predicted_mm3: f64,
    /// Error of the face the patient sees; `None` without a prediction or a face.
    pub outer: Option<FaceError>,
    /// Error of the face towards the brain.
    pub inner: Option<FaceError>,
    /// Mean absolute difference of the outer face's Gaussian curvature within 5 mm of the rim, 1/mm².
    pub rim_curvature_per_mm2: Option<f64>,
    /// Both masks are empty, and the overlap is 1 by convention.
    pub empty: bool,
}

/// Scores an implant mask. All three volumes lie on one grid with orthogonal axes; nonzero is set.
pub fn score(defective: &Volume<u8>, truth: &Volume<u8>, predicted: &Volume<u8>) -> Scores {
    let Some((low, high)) = bounding_box(&[truth, predicted], margin(&truth.grid, BAND_MM + 2.0)) else {
        return without_voxels();
    };
    let cut = |v: &Volume<u8>| crop(v, low, high);
    let (bone, truth, predicted) = (cut(defective), cut(truth), cut(predicted));
    let count = |v: &Volume<u8>| v.data.iter().filter(|&&x| x != 0).count();
    let (p, g) = (count(&predicted), count(&truth));
    let voxel_mm3 = truth.grid.voxel_mm3();
    let distances = surface_distances(&predicted, &truth);
    let to_bone = distance_to_set_mm(&bone);
    let faces = if p > 0 && g > 0 {
        let spacing = truth.grid.spacing_mm;
        let centre = middle_mm(defective) - Vector3::from_fn(|k, _| low[k] as f64 * spacing[k]);
        faces::compare(&bone, &truth, &predicted, &to_bone, &centre)
    } else {
        faces::Faces::default()
    };
    Scores {
        dice: dice(&predicted, &truth),
        border_dice: dice_within(&to_bone, &predicted, &truth, BAND_MM),
        hausdorff_mm: distances.hausdorff(),
        hausdorff95_mm: distances.hausdorff95(),
        hausdorff95_max_mm: distances.hausdorff95_max(),
        mean_distance_mm: distances.mean(),
        within_half_mm: distances.share_within(0.5),
        within_1mm: distances.share_within(1.0),
        within_2mm: distances.share_within(2.0),
        volume_error: if g == 0 { f64::INFINITY } else { p as f64 / g as f64 - 1.0 },
        true_mm3: g as f64 * voxel_mm3,
        predicted_mm3: p as f64 * voxel_mm3,
        outer: faces.outer,
        inner: faces.inner,
        rim_curvature_per_mm2: faces.rim_curvature_per_mm2,
        empty: false,
    }
}

/// What two empty masks score: overlap 1 by convention, no distance.
fn without_voxels() -> Scores {
    Scores {
        dice: 1.0,
        border_dice: 1.0,
        hausdorff_mm: f64::INFINITY,
        hausdorff95_mm: f64::INFINITY,
        hausdorff95_max_mm: f64::INFINITY,
        mean_distance_mm: f64::INFINITY,
        within_half_mm: 0.0,
        within_1mm: 0.0,
        within_2mm: 0.0,
        volume_error: f64::INFINITY,
        true_mm3: 0.0,
        predicted_mm3: 0.0,
        outer: None,
        inner: None,
        rim_curvature_per_mm2: None,
        empty: true,
    }
}

/// Mean place of the bone (index times spacing): inside the head, near enough to its middle to tell outer from inner.
fn middle_mm(bone: &Volume<u8>) -> Vector3<f64> {
    let [nx, ny, _] = bone.grid.size;
    let slices = bone.data.par_chunks(nx * ny).enumerate().step_by(4).map(|(z, slice)| {
        let mut sum = [0u64; 4];
        for (y, line) in slice.chunks(nx).enumerate().step_by(4) {
            for (x, _) in line.iter().enumerate().filter(|(_, v)| **v != 0) {
                sum = [sum[0] + x as u64, sum[1] + y as u64, sum[2] + z as u64, sum[3] + 1];
            }
        }
        sum
    });
    let sum = slices.reduce(|| [0; 4], |a, b| std::array::from_fn(|k| a[k] + b[k]));
    let count = sum[3].max(1) as f64;
    Vector3::from_fn(|k, _| sum[k] as f64 / count * bone.grid.spacing_mm[k])
}

/// Infinity has no number in JSON: it is written as null.
mod infinite {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { to.serialize_f64(*value) } else { to.serialize_none() }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}
