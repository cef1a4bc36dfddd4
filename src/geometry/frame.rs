use nalgebra::{Matrix3, Point3, Vector3};

/// The head's own frame: origin near the middle of the vault, x to the patient's left, y to the back, z up.
/// The midsagittal plane is x = 0.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HeadFrame {
    /// Origin in LPS, mm.
    pub centre_mm: Point3<f64>,
    /// Rotation; rows are the head's unit axes written in LPS: `head = head_from_lps · (lps − centre)`.
    pub head_from_lps: Matrix3<f64>,
}

impl HeadFrame {
    /// Head coordinates (mm) of an LPS point.
    #[inline]
    pub fn head_from_point(&self, lps: &Point3<f64>) -> Vector3<f64> {
        self.head_from_lps * (lps - self.centre_mm)
    }

    /// LPS point of head coordinates (mm).
    #[inline]
    pub fn point_from_head(&self, head: &Vector3<f64>) -> Point3<f64> {
        self.centre_mm + self.head_from_lps.tr_mul(head)
    }

    /// LPS direction of a head direction.
    #[inline]
    pub fn lps_from_head_direction(&self, head: &Vector3<f64>) -> Vector3<f64> {
        self.head_from_lps.tr_mul(head)
    }

    /// The point mirrored across the midsagittal plane, LPS mm.
    pub fn mirrored(&self, lps: &Point3<f64>) -> Point3<f64> {
        let mut head = self.head_from_point(lps);
        head.x = -head.x;
        self.point_from_head(&head)
    }
}
