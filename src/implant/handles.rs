//! A part without loops: where a sliver joins two edges of the body, it is cut.

use crate::geometry::Volume;

/// Grows `thick`, the part of a body that is more than a few voxels thick, back to the whole `body`, voxel by voxel, each
/// only where it changes nothing of the shape's connections. What is missing at the end would have closed a loop. Loops of
/// the thick itself, about an island of bone, stay.
///
/// `depth` orders the voxels, smallest first, so that slivers come last and are cut where they are thinnest.
pub(super) fn without_loops(body: &Volume<u8>, thick: Volume<u8>, depth: &Volume<f32>) -> Volume<u8> {
    let mut grown = thick;
    let [nx, ny, nz] = body.grid.size;
    let mut waiting: Vec<u32> =
        (0..body.data.len()).filter(|&o| body.data[o] != 0 && grown.data[o] == 0).map(|o| o as u32).collect();
    waiting.sort_by(|&a, &b| depth.data[a as usize].total_cmp(&depth.data[b as usize]));
    // Each round takes what is simple by now; what would close a loop is so in none.
    loop {
        let before = waiting.len();
        waiting.retain(|&o| {
            let o = o as usize;
            let at = [o % nx, o / nx % ny, o / (nx * ny)];
            // The grid's border is air: a part that reaches it is not judged there.
            let inside = at.iter().zip([nx, ny, nz]).all(|(&a, n)| a > 0 && a + 1 < n);
            let taken = !inside || is_simple(neighbours(&grown.data, o, nx, nx * ny));
            grown.data[o] |= u8::from(taken);
            !taken
        });
        if waiting.len() == before {
            return grown;
        }
    }
}

/// The 3 × 3 × 3 voxels about one, a bit each (x fastest); the middle is bit 13 and left out.
fn neighbours(data: &[u8], o: usize, down: usize, deep: usize) -> u32 {
    let first = o - 1 - down - deep;
    (0..27).filter(|&k| k != MIDDLE).fold(0, |bits, k| {
        let at = first + k % 3 + k / 3 % 3 * down + k / 9 * deep;
        bits | u32::from(data[at] != 0) << k
    })
}

const MIDDLE: usize = 13;
const ALL: u32 = (1 << 27) - 1;

/// Bits of the voxels about `k` in the 3 × 3 × 3 block that differ from it by one step along at most `axes` axes.
const fn about(k: usize, axes: usize) -> u32 {
    let (mut bits, mut other) = (0u32, 0);
    while other < 27 {
        let steps = [(k % 3).abs_diff(other % 3), (k / 3 % 3).abs_diff(other / 3 % 3), (k / 9).abs_diff(other / 9)];
        let moved = steps[0] + steps[1] + steps[2];
        if steps[0] < 2 && steps[1] < 2 && steps[2] < 2 && moved > 0 && moved <= axes {
            bits |= 1 << other;
        }
        other += 1;
    }
    bits
}

const fn table(axes: usize) -> [u32; 27] {
    let (mut table, mut k) = ([0; 27], 0);
    while k < 27 {
        table[k] = about(k, axes);
        k += 1;
    }
    table
}

const BY_FACES: [u32; 27] = table(1);
const BY_CORNERS: [u32; 27] = table(3);
/// The 18 neighbours that share a face or an edge with the middle.
const BY_EDGES_OF_MIDDLE: u32 = about(MIDDLE, 2);

/// Whether a voxel can be added to a body without a change of its connections: the body (joined by faces) meets it in one
/// piece among the 18 neighbours, and what surrounds the body (joined by corners) in one among the 26 (Bertrand and
/// Malandain, "A new characterization of three-dimensional simple points", 1994).
fn is_simple(near: u32) -> bool {
    let body = near & BY_EDGES_OF_MIDDLE;
    let around = !near & ALL & !(1 << MIDDLE);
    pieces(body, body & BY_FACES[MIDDLE], &BY_FACES) == 1 && pieces(around, around, &BY_CORNERS) == 1
}

/// Pieces of a set that hold one of `starts`.
fn pieces(set: u32, mut starts: u32, joined: &[u32; 27]) -> usize {
    let mut found = 0;
    while starts != 0 {
        found += 1;
        let mut piece = 0u32;
        let mut open = starts & starts.wrapping_neg();
        while open != 0 {
            let k = open.trailing_zeros() as usize;
            piece |= 1 << k;
            open = (open | joined[k] & set) & !piece;
        }
        starts &= !piece;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Field, Grid};
    use crate::surface::{check_mesh, manifold_isosurface};

    /// A horseshoe of two legs 4 voxels apart, 6 thick, and of what is added to it.
    fn horseshoe(added: &dyn Fn([usize; 3]) -> bool) -> (Volume<u8>, Volume<u8>, Field) {
        let grid = Grid::axis_aligned([24, 24, 12], [0.4; 3], Default::default());
        let thick = |[x, y, z]: [usize; 3]| {
            (3..9).contains(&z)
                && (((4..10).contains(&x) || (14..20).contains(&x)) && (3..20).contains(&y)
                    || (4..20).contains(&x) && (3..9).contains(&y))
        };
        let mask = |inside: &dyn Fn([usize; 3]) -> bool| -> Volume<u8> {
            Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(inside(grid.index(o)))).collect())
        };
        let (body, thick) = (mask(&|p| thick(p) || added(p)), mask(&thick));
        let depth = body.map(|v| if v != 0 { -0.2 } else { 0.2 });
        (body, thick, depth)
    }

    fn euler(body: &Volume<u8>) -> i64 {
        check_mesh(&manifold_isosurface(&body.map(|v| 0.5 - f32::from(v)), 0.0)).euler
    }

    #[test]
    fn a_sliver_from_leg_to_leg_is_cut_once_and_a_spur_stays() {
        let bridge = |[x, y, z]: [usize; 3]| y == 17 && z == 5 && (10..14).contains(&x);
        let spur = |[x, y, z]: [usize; 3]| y == 13 && z == 5 && (10..12).contains(&x);
        let (body, thick, depth) = horseshoe(&|p| bridge(p) || spur(p));
        assert_eq!(euler(&body), 0);
        let kept = without_loops(&body, thick, &depth);
        let cut: Vec<[usize; 3]> =
            (0..body.data.len()).filter(|&o| kept.data[o] != body.data[o]).map(|o| body.grid.index(o)).collect();
        assert!(cut.len() == 1 && bridge(cut[0]), "{cut:?}");
        assert_eq!(euler(&kept), 2);
    }

    #[test]
    fn a_loop_of_the_thick_stays() {
        let (body, ..) = horseshoe(&|[x, y, z]| (14..20).contains(&y) && (4..20).contains(&x) && (3..9).contains(&z));
        let depth = body.map(|v| if v != 0 { -0.2 } else { 0.2 });
        let kept = without_loops(&body, body.clone(), &depth);
        assert_eq!((kept.data == body.data, euler(&kept)), (true, 0));
    }

    #[test]
    fn a_voxel_is_simple_where_it_joins_and_parts_nothing() {
        assert!(!is_simple(0), "alone it is a body of its own");
        assert!(!is_simple(ALL & !(1 << MIDDLE)), "it fills a void");
        let left = 1 << 12;
        let right = 1 << 14;
        assert!(is_simple(left) && !is_simple(left | right), "it joins two");
        assert!(is_simple(ALL & !(1 << MIDDLE) & !right), "it thickens the floor of a pit");
        assert!(!is_simple(ALL & !(1 << MIDDLE) & !left & !right), "it closes a tunnel");
    }
}
