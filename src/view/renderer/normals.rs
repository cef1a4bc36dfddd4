use crate::geometry::Mesh;

/// Vertex normals for shading, averaged `rounds` times over the triangles around each vertex: the steps of voxels fade,
/// the shape stays. For surfaces cut from a scan; a designed part keeps its edges with 0 rounds.
pub(super) fn shading_normals(mesh: &Mesh, rounds: usize) -> Vec<[f32; 3]> {
    let mut normals = mesh.vertex_normals();
    let mut sums = vec![[0f32; 3]; normals.len()];
    for _ in 0..rounds {
        sums.fill([0.0; 3]);
        for t in &mesh.triangles {
            let [a, b, c] = t.map(|v| normals[v as usize]);
            let mean = std::array::from_fn::<f32, 3, _>(|k| a[k] + b[k] + c[k]);
            for &v in t {
                let sum = &mut sums[v as usize];
                (0..3).for_each(|k| sum[k] += mean[k]);
            }
        }
        for (normal, sum) in normals.iter_mut().zip(&sums) {
            let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
            if length > 1e-6 {
                *normal = sum.map(|v| v / length);
            }
        }
    }
    normals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_flatten_stairs_and_leave_a_plane_alone() {
        // A strip of steps 1 wide and 0.3 high in x, infinite in y.
        let stairs = |height: f32| {
            let mut mesh = Mesh::default();
            for i in 0..40u32 {
                let (x, z) = (i.div_ceil(2) as f32, (i / 2) as f32 * height);
                mesh.positions.extend([[x, 0.0, z], [x, 1.0, z]]);
            }
            for i in 0..39 {
                let a = 2 * i;
                mesh.triangles.extend([[a, a + 2, a + 3], [a, a + 3, a + 1]]);
            }
            mesh
        };
        let spread = |normals: &[[f32; 3]]| {
            let middle = normals[30..50].iter().map(|n| n[0]);
            middle.clone().fold(f32::MIN, f32::max) - middle.fold(f32::MAX, f32::min)
        };
        let steps = stairs(0.3);
        assert!(spread(&shading_normals(&steps, 3)) < 0.5 * spread(&shading_normals(&steps, 0)));
        let plane = stairs(0.0);
        assert!(shading_normals(&plane, 3).iter().all(|n| n[2] > 0.9999));
    }
}
