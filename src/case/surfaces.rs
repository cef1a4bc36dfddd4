use crate::geometry::Mesh;
use crate::reconstruct::Completion;

/// Pixels of the map the completed surface reaches beyond the hole, so that it meets the rim's bone.
const OVERLAP_PX: usize = 2;

/// The completed outer surface over the hole, LPS mm, outward normals: what the missing bone looked like.
pub fn completed_surface(completion: &Completion) -> Mesh {
    let size = completion.disc.size;
    let near_hole = |row: usize, column: usize| {
        let rows = row.saturating_sub(OVERLAP_PX)..=(row + OVERLAP_PX).min(size - 1);
        rows.into_iter().any(|r| {
            let mut columns = column.saturating_sub(OVERLAP_PX)..=(column + OVERLAP_PX).min(size - 1);
            columns.any(|c| completion.hole[r * size + c])
        })
    };
    let mut mesh = Mesh::default();
    let mut number = vec![u32::MAX; size * size];
    for row in 0..size {
        for column in 0..size {
            let radius = completion.outer_mm[row * size + column];
            if !radius.is_finite() || !near_hole(row, column) {
                continue;
            }
            let Some(direction) = completion.disc.direction(row as f64, column as f64) else { continue };
            let point = completion.frame.point_from_head(&(direction * f64::from(radius)));
            number[row * size + column] = mesh.positions.len() as u32;
            mesh.positions.push([point.x as f32, point.y as f32, point.z as f32]);
        }
    }
    for row in 1..size {
        for column in 1..size {
            let at = |r: usize, c: usize| number[r * size + c];
            let corners = [at(row - 1, column - 1), at(row - 1, column), at(row, column), at(row, column - 1)];
            let triangles = [[corners[0], corners[1], corners[2]], [corners[0], corners[2], corners[3]]];
            mesh.triangles.extend(triangles.into_iter().filter(|t| t.iter().all(|&v| v != u32::MAX)));
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Disc, HeadFrame};
    use crate::reconstruct::Method;
    use nalgebra::{Matrix3, Point3, Vector3};

    #[test]
    fn a_hole_in_a_sphere_is_closed_by_its_cap_facing_outward() {
        let disc = Disc::about(&Vector3::new(0.3, -0.5, 0.8), 101, 0.5);
        let hole: Vec<bool> = (0..disc.len())
            .map(|i| (((i / 101) as f64 - 50.0).hypot((i % 101) as f64 - 50.0)) * disc.pixel() < 0.25)
            .collect();
        let completion = Completion {
            method: Method::Smooth,
            frame: HeadFrame { centre_mm: Point3::new(1.0, 2.0, 3.0), head_from_lps: Matrix3::identity() },
            outer_mm: vec![80.0; disc.len()],
            inner_mm: vec![75.0; disc.len()],
            uncertainty_mm: vec![0.0; disc.len()],
            allowed: vec![true; disc.len()],
            hole,
            disc,
            findings: Vec::new(),
        };
        let mesh = completed_surface(&completion);
        // Equal-area map: the cap of radius ρ has the area π ρ² r²; the overlap of two pixels adds a little.
        let cap_mm2 = std::f64::consts::PI * 0.25f64.powi(2) * 80.0f64.powi(2);
        let area = mesh.area_mm2();
        assert!(area > cap_mm2 && area < 1.25 * cap_mm2, "{area} against {cap_mm2}");
        for t in &mesh.triangles {
            let a = mesh.corner(t, 0);
            let normal = (mesh.corner(t, 1) - a).cross(&(mesh.corner(t, 2) - a));
            assert!(normal.dot(&(a - Vector3::new(1.0, 2.0, 3.0))) > 0.0);
        }
    }
}
