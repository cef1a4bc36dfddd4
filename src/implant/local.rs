use super::LAMBDA_DEPTH_MM;
use crate::reconstruct::Completion;
use crate::reconstruct::sheet::Sheet;
use nalgebra::{Matrix3, Point3, SymmetricEigen, Vector3};

/// The implant's local frame: z = mean outward normal of the patch, x = long principal axis of the rim across z,
/// y = z × x, origin 80 mm below the patch's area centroid along −z.
#[derive(Clone, Debug)]
pub(crate) struct LocalFrame {
    /// Columns are the local axes in the head frame.
    pub head_axes: Matrix3<f64>,
    /// Origin in the head frame, mm.
    pub head_origin: Vector3<f64>,
    /// Columns are the local axes in LPS.
    pub axes: Matrix3<f64>,
    /// Origin in LPS, mm.
    pub origin_mm: Point3<f64>,
}

impl LocalFrame {
    /// From the completed outer surface over the hole; `None` when the hole is empty.
    pub fn of(completion: &Completion, sheet: &Sheet, normals: &[Vector3<f64>]) -> Option<Self> {
        let n = sheet.size;
        let point = |i: usize| sheet.directions[i] * completion.outer_mm[i] as f64;
        let (mut normal, mut centroid, mut total) = (Vector3::zeros(), Vector3::zeros(), 0.0);
        let mut rim = Vec::new();
        for i in (0..completion.hole.len()).filter(|&i| completion.hole[i]) {
            let radius = completion.outer_mm[i] as f64;
            let area = radius * radius / normals[i].dot(&sheet.directions[i]).max(0.2);
            normal += normals[i] * area;
            centroid += point(i) * area;
            total += area;
            let (r, c) = (i / n, i % n);
            let open = |r: usize, c: usize| completion.hole[r * n + c];
            let interior = r > 0
                && c > 0
                && r + 1 < n
                && c + 1 < n
                && open(r - 1, c)
                && open(r + 1, c)
                && open(r, c - 1)
                && open(r, c + 1);
            if !interior {
                rim.push(point(i));
            }
        }
        let z = normal.try_normalize(1e-9)?;
        let centroid = centroid / total;
        let middle = rim.iter().sum::<Vector3<f64>>() / rim.len() as f64;
        let mut spread = Matrix3::zeros();
        for p in &rim {
            let flat = (p - middle) - z * (p - middle).dot(&z);
            spread += flat * flat.transpose();
        }
        let eigen = SymmetricEigen::new(spread);
        let x = eigen.eigenvectors.column(eigen.eigenvalues.imax()).into_owned();
        let x = (x - z * x.dot(&z)).try_normalize(1e-9)?;
        // An axis has no sign: take the one whose largest component is positive.
        let x = if x[x.iamax()] < 0.0 { -x } else { x };
        let head_axes = Matrix3::from_columns(&[x, z.cross(&x), z]);
        let head_origin = centroid - z * LAMBDA_DEPTH_MM;
        Some(Self {
            head_axes,
            head_origin,
            axes: completion.frame.head_from_lps.transpose() * head_axes,
            origin_mm: completion.frame.point_from_head(&head_origin),
        })
    }

    /// Local coordinates (mm) of a point of the head.
    pub fn local_from_head(&self, head: &Vector3<f64>) -> Vector3<f64> {
        self.head_axes.tr_mul(&(head - self.head_origin))
    }

    /// Point of the head of local coordinates (mm).
    pub fn head_from_local(&self, local: &Vector3<f64>) -> Vector3<f64> {
        self.head_origin + self.head_axes * local
    }
}
