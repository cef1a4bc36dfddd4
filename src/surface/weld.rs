use crate::geometry::Mesh;
use std::collections::HashMap;

/// The mesh with vertices of exactly equal position made one (as after reading an STL), numbered in the order of
/// their first use; vertices without a triangle fall away.
pub fn weld(mesh: &Mesh) -> Mesh {
    // Adding zero turns −0 into 0: both are the same place.
    let key = |v: u32| mesh.positions[v as usize].map(|c| (c + 0.0).to_bits());
    let mut numbers: HashMap<[u32; 3], u32> = HashMap::with_capacity(mesh.positions.len());
    let mut welded = Mesh::default();
    for triangle in &mesh.triangles {
        let corners = triangle.map(|v| {
            *numbers.entry(key(v)).or_insert_with(|| {
                welded.positions.push(mesh.positions[v as usize]);
                welded.positions.len() as u32 - 1
            })
        });
        welded.triangles.push(corners);
    }
    welded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soup_becomes_two_triangles_with_a_common_edge() {
        let positions =
            vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, -0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        let welded = weld(&Mesh { positions, triangles: vec![[0, 1, 2], [3, 4, 5]] });
        assert_eq!(welded.positions.len(), 4);
        assert_eq!(welded.triangles, vec![[0, 1, 2], [1, 3, 2]]);
    }
}
