use crate::geometry::Mesh;
use std::collections::HashMap;

/// A lighter mesh of about the same shape with at most about `target_triangles`: vertices that share a cell of a cubic
/// lattice become their mean, triangles that collapse are dropped. The mesh itself when it is light enough.
/// Meant for views that move, not for measuring. Source: J. Rossignac, P. Borrel, Multi-resolution 3D approximations
/// for rendering complex scenes (1993).
pub fn lighter_mesh(mesh: &Mesh, target_triangles: usize) -> Mesh {
    if mesh.triangles.len() <= target_triangles {
        return mesh.clone();
    }
    // A surface of area A in cells of side s leaves about 2 A / s² · 0.7 triangles.
    let mut side_mm = (1.4 * mesh.area_mm2() / target_triangles.max(1) as f64).sqrt().max(1e-3);
    loop {
        let light = clustered(mesh, side_mm);
        if light.triangles.len() <= target_triangles {
            return light;
        }
        side_mm *= 1.15;
    }
}

fn clustered(mesh: &Mesh, side_mm: f64) -> Mesh {
    let cell = |p: &[f32; 3]| p.map(|v| (f64::from(v) / side_mm).floor() as i32);
    // The map only looks numbers up; they are given in the order of the vertices, so the result is the same each time.
    let mut numbers: HashMap<[i32; 3], u32> = HashMap::new();
    let mut sums: Vec<([f64; 3], f64)> = Vec::new();
    let mut new_number = Vec::with_capacity(mesh.positions.len());
    for p in &mesh.positions {
        let number = *numbers.entry(cell(p)).or_insert_with(|| {
            sums.push(([0.0; 3], 0.0));
            sums.len() as u32 - 1
        });
        let (sum, count) = &mut sums[number as usize];
        for (s, v) in sum.iter_mut().zip(p) {
            *s += f64::from(*v);
        }
        *count += 1.0;
        new_number.push(number);
    }
    let positions = sums.iter().map(|(sum, count)| sum.map(|s| (s / count) as f32)).collect();
    let renamed = mesh.triangles.iter().map(|t| t.map(|v| new_number[v as usize]));
    let triangles = renamed.filter(|t| t[0] != t[1] && t[1] != t[2] && t[2] != t[0]).collect();
    Mesh { positions, triangles }
}
