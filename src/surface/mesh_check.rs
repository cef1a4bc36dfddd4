//! What a mesh is: closed, manifold, oriented, in how many pieces, how large.

use crate::geometry::Mesh;
use rayon::prelude::*;

/// What was found out about a mesh. Vertices count as one only when they have one number: [`super::weld`] first
/// what comes from an STL.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MeshReport {
    /// Triangles.
    pub triangles: usize,
    /// Vertices that a triangle uses.
    pub vertices: usize,
    /// Every edge has at least two triangles (and there is one at all).
    pub closed: bool,
    /// Every edge has exactly two triangles and every vertex a single fan.
    pub manifold: bool,
    /// No edge is run through twice in the same direction.
    pub oriented: bool,
    /// Pieces connected by vertices.
    pub components: usize,
    /// Edges with one triangle.
    pub border_edges: usize,
    /// Edges with more than two triangles.
    pub crowded_edges: usize,
    /// Edges run through twice or more in the same direction.
    pub misdirected_edges: usize,
    /// Vertices at which more than one fan of triangles meets (counted where all edges are in order).
    pub bow_tie_vertices: usize,
    /// Triangles with a repeated vertex or without area.
    pub degenerate_triangles: usize,
    /// Vertices − edges + triangles: 2 for each closed piece without a handle.
    pub euler: i64,
    /// Enclosed volume, mm³; negative when normals point inward; meaningless unless closed.
    pub volume_mm3: f64,
    /// Surface area, mm².
    pub area_mm2: f64,
    /// Size along LPS x, y, z, mm.
    pub size_mm: [f64; 3],
}

/// Checks a mesh; triangles with a vertex number out of range count as degenerate and are left out.
pub fn check_mesh(mesh: &Mesh) -> MeshReport {
    let count = mesh.positions.len();
    let sound: Vec<[u32; 3]> = mesh.triangles.iter().copied().filter(|t| is_sound(t, count)).collect();
    let around = Around::new(&sound, count);
    let findings: Vec<Findings> = (0..count.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut found = Findings::default();
            let mut near = Vec::new();
            for v in chunk * CHUNK..((chunk + 1) * CHUNK).min(count) {
                around.inspect(v as u32, &mut near, &mut found);
            }
            found
        })
        .collect();
    let mut all = Findings::default();
    for f in findings {
        all.edges += f.edges;
        all.vertices += f.vertices;
        all.border += f.border;
        all.crowded += f.crowded;
        all.misdirected += f.misdirected;
        all.bow_ties += f.bow_ties;
    }
    let whole = Mesh { positions: mesh.positions.clone(), triangles: sound };
    let flat = whole.triangles.par_iter().filter(|t| !has_area(&whole, t)).count();
    let size_mm = used_size(&whole);
    MeshReport {
        triangles: mesh.triangles.len(),
        vertices: all.vertices,
        closed: all.border == 0 && !whole.triangles.is_empty(),
        manifold: all.border + all.crowded + all.bow_ties == 0 && !whole.triangles.is_empty(),
        oriented: all.misdirected == 0,
        components: pieces(&whole.triangles, count),
        border_edges: all.border,
        crowded_edges: all.crowded,
        misdirected_edges: all.misdirected,
        bow_tie_vertices: all.bow_ties,
        degenerate_triangles: flat + mesh.triangles.len() - whole.triangles.len(),
        euler: all.vertices as i64 - all.edges as i64 + whole.triangles.len() as i64,
        volume_mm3: whole.volume_mm3(),
        area_mm2: whole.area_mm2(),
        size_mm,
    }
}

const CHUNK: usize = 16_384;

#[derive(Default)]
struct Findings {
    vertices: usize,
    edges: usize,
    border: usize,
    crowded: usize,
    misdirected: usize,
    bow_ties: usize,
}

fn is_sound(t: &[u32; 3], count: usize) -> bool {
    t[0] != t[1] && t[1] != t[2] && t[2] != t[0] && t.iter().all(|&v| (v as usize) < count)
}

fn has_area(mesh: &Mesh, t: &[u32; 3]) -> bool {
    let a = mesh.corner(t, 0);
    (mesh.corner(t, 1) - a).cross(&(mesh.corner(t, 2) - a)).norm_squared() > 0.0
}

fn used_size(mesh: &Mesh) -> [f64; 3] {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for &v in mesh.triangles.iter().flatten() {
        for (k, &c) in mesh.positions[v as usize].iter().enumerate() {
            low[k] = low[k].min(c);
            high[k] = high[k].max(c);
        }
    }
    std::array::from_fn(|k| if low[k] <= high[k] { f64::from(high[k]) - f64::from(low[k]) } else { 0.0 })
}

/// The triangles around each vertex: for a triangle v, b, c the pair (b, c).
struct Around {
    start: Vec<u32>,
    pairs: Vec<[u32; 2]>,
}

impl Around {
    fn new(triangles: &[[u32; 3]], count: usize) -> Self {
        let mut start = vec![0u32; count + 1];
        for &v in triangles.iter().flatten() {
            start[v as usize + 1] += 1;
        }
        for v in 0..count {
            start[v + 1] += start[v];
        }
        let mut place = start.clone();
        let mut pairs = vec![[0; 2]; 3 * triangles.len()];
        for t in triangles {
            for k in 0..3 {
                let at = &mut place[t[k] as usize];
                pairs[*at as usize] = [t[(k + 1) % 3], t[(k + 2) % 3]];
                *at += 1;
            }
        }
        Self { start, pairs }
    }

    /// Counts what is wrong at vertex `v` and at its edges to vertices of higher number.
    fn inspect(&self, v: u32, near: &mut Vec<(u32, u32, u32)>, found: &mut Findings) {
        let pairs = &self.pairs[self.start[v as usize] as usize..self.start[v as usize + 1] as usize];
        if pairs.is_empty() {
            return;
        }
        found.vertices += 1;
        // Every neighbour with the number of triangles that leave towards it and that come from it.
        near.clear();
        for &[b, c] in pairs {
            near.push((b, 1, 0));
            near.push((c, 0, 1));
        }
        near.sort_unstable();
        near.dedup_by(|late, early| {
            let same = late.0 == early.0;
            if same {
                early.1 += late.1;
                early.2 += late.2;
            }
            same
        });
        let mut in_order = true;
        for &(other, out, back) in near.iter() {
            in_order &= out == 1 && back == 1;
            if other < v {
                continue;
            }
            found.edges += 1;
            found.border += usize::from(out + back == 1);
            found.crowded += usize::from(out + back > 2);
            found.misdirected += usize::from(out > 1 || back > 1);
        }
        if in_order {
            // Walk the fan from the first triangle until it closes.
            let mut steps = 1;
            let mut at = pairs[0][1];
            while at != pairs[0][0] {
                match pairs.iter().find(|p| p[0] == at) {
                    Some(p) => at = p[1],
                    None => break,
                }
                steps += 1;
            }
            found.bow_ties += usize::from(steps != pairs.len());
        }
    }
}

fn pieces(triangles: &[[u32; 3]], count: usize) -> usize {
    let mut up: Vec<u32> = (0..count as u32).collect();
    let mut used = vec![false; count];
    fn root(up: &mut [u32], mut v: u32) -> u32 {
        while up[v as usize] != v {
            up[v as usize] = up[up[v as usize] as usize];
            v = up[v as usize];
        }
        v
    }
    for t in triangles {
        let a = root(&mut up, t[0]);
        for &v in t {
            used[v as usize] = true;
            let b = root(&mut up, v);
            up[b as usize] = a;
        }
    }
    (0..count).filter(|&v| used[v] && up[v] == v as u32).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tetrahedron(at: u32) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
        let positions = vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let triangles = [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]].map(|t| t.map(|v| v + at)).to_vec();
        (positions, triangles)
    }

    #[test]
    fn a_tetrahedron_is_closed_manifold_and_a_sixth() {
        let (positions, triangles) = tetrahedron(0);
        let report = check_mesh(&Mesh { positions, triangles });
        assert!(report.closed && report.manifold && report.oriented);
        assert_eq!((report.components, report.euler, report.degenerate_triangles), (1, 2, 0));
        assert!((report.volume_mm3 - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(report.size_mm, [1.0; 3]);
    }

    #[test]
    fn a_missing_triangle_leaves_three_border_edges() {
        let (positions, mut triangles) = tetrahedron(0);
        triangles.pop();
        let report = check_mesh(&Mesh { positions, triangles });
        assert!(!report.closed && !report.manifold && report.oriented);
        assert_eq!((report.border_edges, report.euler), (3, 1));
    }

    #[test]
    fn a_turned_triangle_is_closed_but_not_oriented() {
        let (positions, mut triangles) = tetrahedron(0);
        triangles[0].swap(0, 1);
        let report = check_mesh(&Mesh { positions, triangles });
        assert!(report.closed && !report.oriented);
        assert_eq!(report.misdirected_edges, 3);
    }

    #[test]
    fn two_bodies_at_one_vertex_are_a_bow_tie_and_along_an_edge_crowded() {
        let (mut positions, mut triangles) = tetrahedron(0);
        let (more, mut turned) = tetrahedron(4);
        positions.extend(more.iter().map(|p| p.map(|c| -c)));
        turned.iter_mut().for_each(|t| t.swap(0, 1));
        triangles.extend(&turned);
        let apart = check_mesh(&Mesh { positions: positions.clone(), triangles: triangles.clone() });
        assert!(apart.manifold && apart.components == 2 && apart.euler == 4);
        let at_a_vertex: Vec<_> = triangles.iter().map(|t| t.map(|v| if v == 4 { 0 } else { v })).collect();
        let report = check_mesh(&Mesh { positions: positions.clone(), triangles: at_a_vertex.clone() });
        assert_eq!((report.closed, report.manifold, report.bow_tie_vertices, report.components), (true, false, 1, 1));
        let along_an_edge = at_a_vertex.iter().map(|t| t.map(|v| if v == 5 { 1 } else { v })).collect();
        let report = check_mesh(&Mesh { positions, triangles: along_an_edge });
        assert_eq!((report.closed, report.manifold, report.crowded_edges), (true, false, 1));
    }

    #[test]
    fn bad_numbers_and_flat_triangles_are_counted_not_followed() {
        let positions = vec![[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]];
        let report = check_mesh(&Mesh { positions, triangles: vec![[0, 1, 9], [0, 0, 1], [0, 1, 2]] });
        assert_eq!((report.degenerate_triangles, report.border_edges), (3, 3));
        let empty = check_mesh(&Mesh::default());
        assert!(!empty.closed && !empty.manifold && empty.components == 0);
    }
}
