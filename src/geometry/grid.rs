use nalgebra::{Matrix3, Point3, Vector3};

/// A regular voxel grid in LPS millimetres, as ITK speaks of it: Size, Spacing, Origin, Direction.
///
/// Index order is `[x, y, z]` with x fastest in memory; voxel centres sit on integer indices:
/// `lps = origin + direction · diag(spacing) · index`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Grid {
    /// Voxels along each index axis.
    pub size: [usize; 3],
    /// Distance between voxel centres along each index axis, mm, > 0.
    pub spacing_mm: [f64; 3],
    /// LPS position of the centre of voxel (0, 0, 0), mm.
    pub origin_mm: Point3<f64>,
    /// Columns are the unit LPS directions of the index axes (right- or left-handed).
    pub direction: Matrix3<f64>,
}

/// Why a grid cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GridError {
    /// A size of zero, or more voxels than can be addressed.
    #[error("grid size {0:?} is empty or too large")]
    Size([usize; 3]),
    /// Spacing not finite or not positive.
    #[error("voxel spacing {0:?} mm is not positive and finite")]
    Spacing([f64; 3]),
    /// The first voxel is nowhere.
    #[error("the position of the first voxel, {0:?} mm, is not finite")]
    Origin([f64; 3]),
    /// Direction vectors not finite or linearly dependent.
    #[error("the direction vectors do not span space (determinant {0})")]
    Direction(f64),
}

impl Grid {
    /// A checked grid. The direction's columns are used as given (expected unit length).
    pub fn new(
        size: [usize; 3],
        spacing_mm: [f64; 3],
        origin_mm: Point3<f64>,
        direction: Matrix3<f64>,
    ) -> Result<Self, GridError> {
        let voxels = size.iter().try_fold(1usize, |n, &s| n.checked_mul(s));
        if voxels.is_none_or(|n| n == 0 || n > isize::MAX as usize / 8) {
            return Err(GridError::Size(size));
        }
        if spacing_mm.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            return Err(GridError::Spacing(spacing_mm));
        }
        let determinant = direction.determinant();
        if !determinant.is_finite() || determinant.abs() < 1e-6 {
            return Err(GridError::Direction(determinant));
        }
        if !origin_mm.iter().all(|v| v.is_finite()) {
            return Err(GridError::Origin(origin_mm.into()));
        }
        Ok(Self { size, spacing_mm, origin_mm, direction })
    }

    /// An axis-aligned LPS grid; panics on a size or spacing of zero (a programming error).
    pub fn axis_aligned(size: [usize; 3], spacing_mm: [f64; 3], origin_mm: Point3<f64>) -> Self {
        Self::new(size, spacing_mm, origin_mm, Matrix3::identity()).expect("caller gives a positive size and spacing")
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.size[0] * self.size[1] * self.size[2]
    }

    /// Whether the grid holds no voxel (never true for a checked grid).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Linear position of a voxel, x fastest.
    #[inline]
    pub fn offset(&self, x: usize, y: usize, z: usize) -> usize {
        x + self.size[0] * (y + self.size[1] * z)
    }

    /// Index `[x, y, z]` of a linear position.
    #[inline]
    pub fn index(&self, offset: usize) -> [usize; 3] {
        let x = offset % self.size[0];
        let rest = offset / self.size[0];
        [x, rest % self.size[1], rest / self.size[1]]
    }

    /// Matrix from index steps to LPS mm (direction times spacing).
    pub fn lps_from_index_matrix(&self) -> Matrix3<f64> {
        self.direction * Matrix3::from_diagonal(&Vector3::from(self.spacing_mm))
    }

    /// Matrix from LPS mm to index steps.
    pub fn index_from_lps_matrix(&self) -> Matrix3<f64> {
        self.lps_from_index_matrix().try_inverse().expect("a checked grid's direction is invertible")
    }

    /// LPS position (mm) of a continuous index.
    pub fn lps_from_index(&self, index: &Vector3<f64>) -> Point3<f64> {
        self.origin_mm + self.lps_from_index_matrix() * index
    }

    /// Continuous index of an LPS position (mm).
    pub fn index_from_lps(&self, lps: &Point3<f64>) -> Vector3<f64> {
        self.index_from_lps_matrix() * (lps - self.origin_mm)
    }

    /// How far a continuous index lies beyond the outermost voxel centres along the grid's own axes, mm; negative within.
    pub fn beyond_mm(&self, index: &Vector3<f64>) -> f64 {
        let along =
            |axis: usize| (-index[axis]).max(index[axis] - (self.size[axis] - 1) as f64) * self.spacing_mm[axis];
        along(0).max(along(1)).max(along(2))
    }

    /// Volume of one voxel, mm³.
    pub fn voxel_mm3(&self) -> f64 {
        self.lps_from_index_matrix().determinant().abs()
    }

    /// LPS bounding box (min, max corner, mm) of all voxel centres.
    pub fn bounds_mm(&self) -> (Point3<f64>, Point3<f64>) {
        let mut low = Point3::from([f64::INFINITY; 3]);
        let mut high = Point3::from([f64::NEG_INFINITY; 3]);
        for corner in 0..8 {
            let index = Vector3::from_fn(|axis, _| ((corner >> axis) & 1) as f64 * (self.size[axis] - 1) as f64);
            let p = self.lps_from_index(&index);
            low = low.inf(&p);
            high = high.sup(&p);
        }
        (low, high)
    }

    /// Same size, and spacing, origin and direction equal within `tolerance` (mm; direction without unit).
    pub fn matches(&self, other: &Grid, tolerance: f64) -> bool {
        self.size == other.size
            && (0..3).all(|i| (self.spacing_mm[i] - other.spacing_mm[i]).abs() <= tolerance)
            && (self.origin_mm - other.origin_mm).amax() <= tolerance
            && (self.direction - other.direction).amax() <= tolerance
    }
}
