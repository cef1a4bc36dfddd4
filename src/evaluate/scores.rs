use super::faces::FaceError;

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

/// What two empty masks score: overlap 1 by convention, no distance.
pub(super) fn without_voxels() -> Scores {
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
