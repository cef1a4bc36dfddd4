use crate::geometry::Mesh;
use std::collections::HashMap;

/// A lighter mesh of about the same shape with at most about `target_triangles`: vertices that share a cell of a cubic
/// lattice and look the same way become their mean (so that the two sides of a thin wall stay apart), triangles that
/// collapse are dropped. The mesh itself when it is light enough.
/// Meant for views that move, not for measuring. Source: J. Rossignac, P. Borrel, Multi-resolution 3D approximations
/// for rendering complex scenes (1993).
pub fn lighter_mesh(mesh: &Mesh, target_triangles: usize) -> Mesh {
    if mesh.triangles.len() <= target_triangles {
        return mesh.clone();
    }
    // A surface of area A in cells of side s leaves about 2 A / s² · 0.7 triangles.
    let mut side_mm = (1.4 * mesh.area_mm2() / target_triangles.max(1) as f64).sqrt().max(1e-3);
    let normals = mesh.vertex_normals();
    loop {
        let light = clustered(mesh, &normals, side_mm);
        if light.triangles.len() <= target_triangles {
            return light;
        }
        side_mm *= 1.15;
    }
}

/// Vertices that become one.
struct Cluster {
    sum: [f64; 3],
    count: f64,
    /// Normal of its first vertex.
    normal: [f32; 3],
    /// The next cluster of the same cell.
    next: Option<u32>,
}

fn clustered(mesh: &Mesh, normals: &[[f32; 3]], side_mm: f64) -> Mesh {
    let cell = |p: &[f32; 3]| p.map(|v| (f64::from(v) / side_mm).floor() as i32);
    let dot = |a: &[f32; 3], b: &[f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    // The map only looks cells up; clusters are numbered in the order of the vertices, so the result is always the same.
    let mut first: HashMap<[i32; 3], u32> = HashMap::new();
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut number_of = Vec::with_capacity(mesh.positions.len());
    for (p, normal) in mesh.positions.iter().zip(normals) {
        let new = clusters.len() as u32;
        let mut number = *first.entry(cell(p)).or_insert(new);
        while number != new && dot(&clusters[number as usize].normal, normal) < 0.0 {
            number = *clusters[number as usize].next.get_or_insert(new);
        }
        if number == new {
            clusters.push(Cluster { sum: [0.0; 3], count: 0.0, normal: *normal, next: None });
        }
        let cluster = &mut clusters[number as usize];
        for (s, v) in cluster.sum.iter_mut().zip(p) {
            *s += f64::from(*v);
        }
        cluster.count += 1.0;
        number_of.push(number);
    }
    let positions = clusters.iter().map(|c| c.sum.map(|s| (s / c.count) as f32)).collect();
    let renamed = mesh.triangles.iter().map(|t| t.map(|v| number_of[v as usize]));
    let triangles = renamed.filter(|t| t[0] != t[1] && t[1] != t[2] && t[2] != t[0]).collect();
    Mesh { positions, triangles }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two flat sheets 1 mm apart, facing away from each other.
    fn plate(cells: u32) -> Mesh {
        let side = cells + 1;
        let mut mesh = Mesh::default();
        for z in [0.0, 1.0] {
            for i in 0..side * side {
                mesh.positions.push([(i % side) as f32 * 0.5, (i / side) as f32 * 0.5, z]);
            }
        }
        for y in 0..cells {
            for x in 0..cells {
                let (a, b, c, d) = (y * side + x, y * side + x + 1, (y + 1) * side + x + 1, (y + 1) * side + x);
                let up = side * side;
                mesh.triangles.extend([[a, c, b], [a, d, c], [a + up, b + up, c + up], [a + up, c + up, d + up]]);
            }
        }
        mesh
    }

    #[test]
    fn a_thin_plate_keeps_both_sides_and_its_area() {
        let full = plate(100);
        let light = lighter_mesh(&full, 2000);
        assert!(light.triangles.len() <= 2000 && light.triangles.len() > 800, "{}", light.triangles.len());
        // Cells of about 2 mm would swallow a plate of 1 mm; its border shrinks by half a cell.
        let share = light.area_mm2() / full.area_mm2();
        assert!(share > 0.9 && share <= 1.0, "{share}");
        assert!(light.positions.iter().all(|p| p[2] == 0.0 || p[2] == 1.0));
    }
}
