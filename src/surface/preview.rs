//! A coarse mesh to draw while the view moves.

use crate::geometry::Mesh;
use rayon::prelude::*;

/// A coarser mesh of at most `most_triangles`: vertices in one cell of a cube lattice become their mean.
///
/// After J. Rossignac, P. Borrel, Multi-resolution 3D approximations (1993). For drawing only: the result need not be
/// closed or manifold. A mesh that is small enough comes back unchanged.
pub fn preview(mesh: &Mesh, most_triangles: usize) -> Mesh {
    let Some((low, high)) = mesh.bounds_mm() else { return mesh.clone() };
    if mesh.triangles.len() <= most_triangles {
        return mesh.clone();
    }
    // A lattice of step h leaves about 2 area/h² triangles.
    let mut step = (2.0 * mesh.area_mm2() / most_triangles.max(1) as f64).sqrt().max((high - low).norm() * 1e-4);
    loop {
        let coarse = cluster(mesh, [low.x, low.y, low.z], step);
        if coarse.triangles.len() <= most_triangles || !step.is_finite() {
            return coarse;
        }
        let excess = coarse.triangles.len() as f64 / most_triangles.max(1) as f64;
        step *= (excess.sqrt() * 1.02).max(1.05);
    }
}

fn cluster(mesh: &Mesh, low: [f64; 3], step: f64) -> Mesh {
    let cell = |p: &[f32; 3]| {
        let [x, y, z] = [0, 1, 2].map(|k| ((f64::from(p[k]) - low[k]) / step) as u64 & 0x1f_ffff);
        x | y << 21 | z << 42
    };
    let mut order: Vec<(u64, u32)> = mesh.positions.par_iter().enumerate().map(|(v, p)| (cell(p), v as u32)).collect();
    order.par_sort_unstable();
    let mut number = vec![0u32; mesh.positions.len()];
    let mut positions = Vec::new();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let mut sum = [0.0f64; 3];
        for &(_, v) in group {
            number[v as usize] = positions.len() as u32;
            for (s, &c) in sum.iter_mut().zip(&mesh.positions[v as usize]) {
                *s += f64::from(c);
            }
        }
        positions.push(sum.map(|s| (s / group.len() as f64) as f32));
    }
    // The smallest number first, so that equal triangles look equal.
    let turned = |t: &[u32; 3]| {
        let t = t.map(|v| number[v as usize]);
        let first = (0..3).min_by_key(|&k| t[k]).unwrap_or(0);
        [t[first], t[(first + 1) % 3], t[(first + 2) % 3]]
    };
    let spans = |t: &[u32; 3]| t[0] != t[1] && t[1] != t[2] && t[2] != t[0];
    let mut triangles: Vec<[u32; 3]> = mesh.triangles.par_iter().map(turned).filter(spans).collect();
    triangles.par_sort_unstable();
    triangles.dedup();
    Mesh { positions, triangles }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;
    use crate::surface::isosurface;

    #[test]
    fn a_ball_keeps_its_size_and_shape_with_few_triangles() {
        let n = 64;
        let grid = Grid::axis_aligned([n; 3], [1.0; 3], Default::default());
        let value = |o: usize| grid.index(o).iter().map(|&v| (v as f32 - 31.5).powi(2)).sum::<f32>().sqrt() - 25.0;
        let values: Vec<f32> = (0..grid.len()).map(value).collect();
        let mesh = isosurface(&grid, &values, 0.0, false);
        let small = preview(&mesh, 2000);
        assert!(small.triangles.len() <= 2000 && small.triangles.len() > 1000, "{}", small.triangles.len());
        let ratio = small.volume_mm3() / mesh.volume_mm3();
        assert!((0.93..1.02).contains(&ratio), "{ratio}");
        assert_eq!(preview(&mesh, usize::MAX), mesh);
        assert_eq!(preview(&Mesh::default(), 10), Mesh::default());
    }
}
