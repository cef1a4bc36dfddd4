use nalgebra::{Point3, Vector3};

/// A triangle mesh with shared vertices, LPS mm, counter-clockwise seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Vertex positions, LPS mm.
    pub positions: Vec<[f32; 3]>,
    /// Vertex indices of each triangle.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// Corner `k` (0..3) of a triangle in f64.
    #[inline]
    pub fn corner(&self, triangle: &[u32; 3], k: usize) -> Vector3<f64> {
        let p = self.positions[triangle[k] as usize];
        Vector3::new(p[0] as f64, p[1] as f64, p[2] as f64)
    }

    /// Enclosed volume, mm³ (divergence theorem; positive when normals point outward; closed meshes only).
    pub fn volume_mm3(&self) -> f64 {
        // Relative to the first vertex, so that a mesh far from the origin loses no digits.
        let Some(origin) = self.positions.first().map(|p| Vector3::new(p[0] as f64, p[1] as f64, p[2] as f64)) else {
            return 0.0;
        };
        let corner = |t: &[u32; 3], k| self.corner(t, k) - origin;
        self.triangles.iter().map(|t| corner(t, 0).dot(&corner(t, 1).cross(&corner(t, 2))) / 6.0).sum()
    }

    /// Surface area, mm².
    pub fn area_mm2(&self) -> f64 {
        let area = |t: &[u32; 3]| {
            let a = self.corner(t, 0);
            (self.corner(t, 1) - a).cross(&(self.corner(t, 2) - a)).norm() / 2.0
        };
        self.triangles.iter().map(area).sum()
    }

    /// LPS bounding box (min, max), mm; `None` for an empty mesh.
    pub fn bounds_mm(&self) -> Option<(Point3<f64>, Point3<f64>)> {
        let mut points = self.positions.iter().map(|p| Point3::new(p[0] as f64, p[1] as f64, p[2] as f64));
        let first = points.next()?;
        Some(points.fold((first, first), |(low, high), p| (low.inf(&p), high.sup(&p))))
    }

    /// Area-weighted unit normal a vertex (zero where a vertex belongs to no triangle).
    pub fn vertex_normals(&self) -> Vec<[f32; 3]> {
        let mut sums = vec![Vector3::<f64>::zeros(); self.positions.len()];
        for t in &self.triangles {
            let a = self.corner(t, 0);
            let normal = (self.corner(t, 1) - a).cross(&(self.corner(t, 2) - a));
            for &v in t {
                sums[v as usize] += normal;
            }
        }
        let unit = |n: Vector3<f64>| n.try_normalize(0.0).unwrap_or_default().cast::<f32>().into();
        sums.into_iter().map(unit).collect()
    }
}
