//! A whole head to learn from, and which of its bone was made.

use crate::geometry::Volume;
use crate::skull::Skull;
use nalgebra::{Point3, Vector3};

/// A whole head. Where its bone was completed, nothing is learned: that would be the program's own answer.
pub struct WholeHead {
    /// The skull, completed where bone was missing.
    pub skull: Skull,
    /// The bone by which it was completed, not 0; `None` where all of it grew.
    pub made: Option<Volume<u8>>,
}

impl WholeHead {
    /// Whether the bone at a place was made; the place, mm of the mean frame, by a pose of this head.
    pub(super) fn is_made(&self, pose: &Skull, place: &Vector3<f64>) -> bool {
        let lps: Point3<f64> = pose.frame.point_from_head(&place.component_div(&pose.scales));
        self.made.as_ref().is_some_and(|made| made.sample_lps(&lps, 0.0) > 0.0)
    }
}

impl From<Skull> for WholeHead {
    fn from(skull: Skull) -> Self {
        Self { skull, made: None }
    }
}
