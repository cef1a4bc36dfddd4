use crate::geometry::{Grid, Volume, label_components};

/// Taken pieces smaller than this share of all are given back.
const CRUMB_SHARE: f64 = 0.02;
/// Bone left loose by the cut is taken too when it is smaller than this, mm³.
const ISLAND_MM3: f64 = 1000.0;

/// The cut without crumbs: small separate pieces are given back, small islands it left loose are taken. `None` when
/// nothing is taken.
pub(super) fn cleaned(complete: &Volume<u8>, taken: Volume<u8>) -> Option<Volume<u8>> {
    let (low, high) = bounds(&taken)?;
    let size: [usize; 3] = std::array::from_fn(|k| high[k] - low[k] + 1);
    let grid = Grid { size, ..taken.grid.clone() };
    let cut = |v: &Volume<u8>| {
        let data = (0..grid.len()).map(|o| {
            let [x, y, z] = grid.index(o);
            v.at(x + low[0], y + low[1], z + low[2])
        });
        Volume::new(grid.clone(), data.collect())
    };
    let (bone, mut part) = (cut(complete), cut(&taken));
    let pieces = label_components(&part, false);
    let all: usize = pieces.sizes.iter().sum();
    let crumb = |label: u32| (pieces.sizes[label as usize - 1] as f64) < CRUMB_SHARE * all as f64;
    for (v, &label) in part.data.iter_mut().zip(&pieces.labels.data) {
        if label != 0 && crumb(label) {
            *v = 0;
        }
    }
    let left = Volume::new(
        grid.clone(),
        bone.data.iter().zip(&part.data).map(|(b, p)| u8::from(*b != 0 && *p == 0)).collect(),
    );
    let islands = label_components(&left, false);
    // An island beside the cut that does not go on beyond the box hung on what was taken.
    let mut beside = vec![false; islands.sizes.len() + 1];
    let mut goes_on = vec![false; islands.sizes.len() + 1];
    let [nx, ny, nz] = size;
    for (o, &label) in islands.labels.data.iter().enumerate().filter(|(_, l)| **l != 0) {
        let [x, y, z] = grid.index(o);
        if x == 0 || y == 0 || z == 0 || x + 1 == nx || y + 1 == ny || z + 1 == nz {
            goes_on[label as usize] = true;
        } else {
            beside[label as usize] |= [1, nx, nx * ny].iter().any(|&s| part.data[o - s] != 0 || part.data[o + s] != 0);
        }
    }
    let loose = |label: u32| {
        let at = label as usize;
        let volume_mm3 = islands.sizes[at - 1] as f64 * grid.voxel_mm3();
        beside[at] && !goes_on[at] && volume_mm3 < ISLAND_MM3
    };
    for (v, &label) in part.data.iter_mut().zip(&islands.labels.data) {
        if label != 0 && loose(label) {
            *v = 1;
        }
    }
    let mut whole = Volume::filled(taken.grid.clone(), 0u8);
    for (o, &v) in part.data.iter().enumerate().filter(|(_, v)| **v != 0) {
        let [x, y, z] = grid.index(o);
        let to = whole.grid.offset(x + low[0], y + low[1], z + low[2]);
        whole.data[to] = v;
    }
    part.data.iter().any(|&v| v != 0).then_some(whole)
}

/// Box around what is set, three voxels wider.
fn bounds(mask: &Volume<u8>) -> Option<([usize; 3], [usize; 3])> {
    let (mut low, mut high) = ([usize::MAX; 3], [0usize; 3]);
    for o in (0..mask.data.len()).filter(|&o| mask.data[o] != 0) {
        let at = mask.grid.index(o);
        low = std::array::from_fn(|k| low[k].min(at[k]));
        high = std::array::from_fn(|k| high[k].max(at[k]));
    }
    let wider = std::array::from_fn(|k| (high[k] + 3).min(mask.grid.size[k] - 1));
    (low[0] != usize::MAX).then(|| (low.map(|v| v.saturating_sub(3)), wider))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_go_back_and_islands_go_along() {
        let grid = Grid::axis_aligned([40, 20, 20], [1.0; 3], Default::default());
        // A slab of bone, with an island of its own that nothing touches.
        let bone = |p: [usize; 3]| (5..9).contains(&p[2]) || p == [20, 10, 15];
        let complete = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(bone(grid.index(o)))).collect());
        let ring = |p: [usize; 3]| {
            let r = (p[0] as f64 - 15.0).hypot(p[1] as f64 - 10.0);
            bone(p) && p[2] < 10 && ((3.0..7.0).contains(&r) || p[0] == 35 && p[1] == 10)
        };
        let taken = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(ring(grid.index(o)))).collect());
        let clean = cleaned(&complete, taken).expect("something is taken");
        assert_eq!(clean.at(15, 10, 6), 1, "the island in the ring");
        assert_eq!(clean.at(35, 10, 6), 0, "the crumb");
        assert_eq!(clean.at(20, 10, 15), 0, "an island of its own");
        assert_eq!(clean.at(19, 10, 6), 1);
        assert!(cleaned(&complete, complete.map(|_| 0u8)).is_none());
    }
}
