//! The 256 ways a surface can cut a cell, made by one rule instead of written down.
//!
//! Corner `dx + 2 dy + 4 dz` of a cell is bit `dx + 2 dy + 4 dz` of its case (1 inside). Edges: 0–3 run along x at
//! (dy, dz) = (0,0) (1,0) (0,1) (1,1); 4–7 along y at (dx, dz); 8–11 along z at (dx, dy), in the same order.
//!
//! On each face every run of inside corners is cut off by one segment; two inside corners across a face's diagonal are
//! cut off apart. A cell's face and its neighbour's thus carry the same segments. The segments close to loops,
//! and each loop is filled with triangles such that no inner edge lies in a face of the cell: so a segment belongs to
//! one triangle of either cell, an inner edge to two triangles of its own cell, and the surface is manifold.

use std::sync::LazyLock;

/// Most triangles in one cell.
pub const MOST_TRIANGLES: usize = 5;

/// How one case is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Case {
    /// Triangles of this case.
    pub count: u8,
    /// Their corners as edge numbers, counter-clockwise seen from outside in a right-handed grid.
    pub edges: [u8; 3 * MOST_TRIANGLES],
}

/// All cases by number.
pub static CASES: LazyLock<[Case; 256]> = LazyLock::new(|| std::array::from_fn(|case| build(case as u8)));

/// The two corners of an edge, the lower first.
pub fn edge_corners(edge: usize) -> [usize; 2] {
    let (low, high) = (edge & 1, (edge >> 1) & 1);
    let start = match edge / 4 {
        0 => 2 * low + 4 * high,
        1 => low + 4 * high,
        _ => low + 2 * high,
    };
    [start, start + (1 << (edge / 4))]
}

/// Corners of the six faces, counter-clockwise seen from outside of the cell.
const FACES: [[usize; 4]; 6] = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

fn edge_between(a: usize, b: usize) -> usize {
    let found = (0..12).find(|&e| edge_corners(e) == [a.min(b), a.max(b)]);
    found.expect("neighbouring corners of a face span an edge")
}

fn share_a_face(a: usize, b: usize) -> bool {
    let on = |face: &[usize; 4], edge: usize| edge_corners(edge).iter().all(|c| face.contains(c));
    FACES.iter().any(|face| on(face, a) && on(face, b))
}

fn build(case: u8) -> Case {
    let inside = |corner: usize| case >> corner & 1 == 1;
    // next[e] is the cut edge that follows e around its loop.
    let mut next = [usize::MAX; 12];
    for face in FACES {
        for i in 0..4 {
            if inside(face[i]) || !inside(face[(i + 1) % 4]) {
                continue;
            }
            // An inside run starts behind corner i: find where it ends.
            let end = (1..4).find(|k| !inside(face[(i + k + 1) % 4])).expect("corner i itself is outside");
            let entry = edge_between(face[i], face[(i + 1) % 4]);
            let exit = edge_between(face[(i + end) % 4], face[(i + end + 1) % 4]);
            next[entry] = exit;
        }
    }
    let mut made = Case::default();
    let mut done = [false; 12];
    for start in 0..12 {
        if next[start] == usize::MAX || done[start] {
            continue;
        }
        let mut ring = Vec::new();
        let mut edge = start;
        while !done[edge] {
            done[edge] = true;
            ring.push(edge);
            edge = next[edge];
        }
        fill(&ring, 0, ring.len() - 1, &mut made);
    }
    made
}

/// Adds the best triangles of the part `first..=last` of a ring.
fn fill(ring: &[usize], first: usize, last: usize, made: &mut Case) {
    if last < first + 2 {
        return;
    }
    let (_, apex) = cost(ring, first, last);
    let at = 3 * made.count as usize;
    for (k, corner) in [first, apex, last].into_iter().enumerate() {
        made.edges[at + k] = ring[corner] as u8;
    }
    made.count += 1;
    fill(ring, first, apex, made);
    fill(ring, apex, last, made);
}

/// Least cost of filling `first..=last` and the apex of the triangle on its base that reaches it.
fn cost(ring: &[usize], first: usize, last: usize) -> (u32, usize) {
    if last < first + 2 {
        return (0, first);
    }
    let chord = |a: usize, b: usize| {
        if b < a + 2 {
            return 0;
        }
        // Twice the edges' midpoints are whole numbers; a short inner edge makes better triangles.
        let twice_middle = |e: usize, axis: usize| edge_corners(e).iter().map(|c| (c >> axis & 1) as i32).sum::<i32>();
        let square = |axis| (twice_middle(ring[a], axis) - twice_middle(ring[b], axis)).pow(2) as u32;
        (0..3).map(square).sum::<u32>() + if share_a_face(ring[a], ring[b]) { 1000 } else { 0 }
    };
    let total = |k: usize| cost(ring, first, k).0 + cost(ring, k, last).0 + chord(first, k) + chord(k, last);
    (first + 1..last).map(|k| (total(k), k)).min().expect("at least one corner lies between")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_edge_is_used_and_no_other() {
        for (number, case) in CASES.iter().enumerate() {
            let used = &case.edges[..3 * case.count as usize];
            for edge in 0..12 {
                let [a, b] = edge_corners(edge);
                let cut = (number >> a ^ number >> b) & 1 == 1;
                assert_eq!(used.contains(&(edge as u8)), cut, "case {number} edge {edge}");
            }
        }
        assert_eq!(CASES.iter().map(|c| c.count).max(), Some(5));
        assert_eq!(CASES[0].count + CASES[255].count, 0);
    }

    #[test]
    fn inner_edges_leave_the_faces_and_face_segments_are_single() {
        for (number, case) in CASES.iter().enumerate() {
            let mut half = [[0i32; 12]; 12];
            for t in case.edges[..3 * case.count as usize].chunks(3) {
                for k in 0..3 {
                    half[t[k] as usize][t[(k + 1) % 3] as usize] += 1;
                }
            }
            for (a, b) in (0..144).map(|k| (k / 12, k % 12)) {
                assert!(half[a][b] <= 1, "case {number}: edge {a}-{b} twice in one direction");
                if half[a][b] == 1 {
                    assert_eq!(share_a_face(a, b), half[b][a] == 0, "case {number}: {a}-{b}");
                }
            }
        }
    }

    #[test]
    fn neighbours_agree_on_their_common_face() {
        // Segments on the face x = 1 of one cell are those on x = 0 of the next, the other way round.
        let segments = |case: &Case, side: usize| {
            let on = |e: u8| edge_corners(e as usize).iter().all(|c| c & 1 == side);
            let strip = |e: u8| edge_corners(e as usize).map(|c| c >> 1);
            let mut found = Vec::new();
            for t in case.edges[..3 * case.count as usize].chunks(3) {
                for k in 0..3 {
                    let (a, b) = (t[k], t[(k + 1) % 3]);
                    if on(a) && on(b) {
                        found.push(if side == 0 { [strip(a), strip(b)] } else { [strip(b), strip(a)] });
                    }
                }
            }
            found.sort_unstable();
            found
        };
        for left in 0..256usize {
            for right in 0..256usize {
                if (0..4).all(|k| left >> (2 * k + 1) & 1 == right >> (2 * k) & 1) {
                    assert_eq!(segments(&CASES[left], 1), segments(&CASES[right], 0), "{left} {right}");
                }
            }
        }
    }

    #[test]
    fn a_corner_inside_is_cut_off_with_the_normal_away_from_it() {
        for corner in 0..8usize {
            let case = CASES[1 << corner];
            assert_eq!(case.count, 1);
            let middle = |e: u8| {
                let [a, b] = edge_corners(e as usize);
                nalgebra::Vector3::from_fn(|axis, _| ((a >> axis & 1) + (b >> axis & 1)) as f64 / 2.0)
            };
            let [p, q, r] = [0, 1, 2].map(|k| middle(case.edges[k]));
            let own = nalgebra::Vector3::from_fn(|axis, _| (corner >> axis & 1) as f64);
            assert!((q - p).cross(&(r - p)).dot(&(p - own)) > 0.0);
        }
    }
}
