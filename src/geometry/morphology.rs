use super::{Volume, distance_to_set_mm, label_components};

/// The mask grown by `radius_mm` (Euclidean, voxel centres).
pub fn dilate(mask: &Volume<u8>, radius_mm: f64) -> Volume<u8> {
    distance_to_set_mm(mask).map(|d| u8::from(d as f64 <= radius_mm))
}

/// The mask shrunk by `radius_mm`; beyond the grid counts as part of the mask's complement only where it is inside.
pub fn erode(mask: &Volume<u8>, radius_mm: f64) -> Volume<u8> {
    distance_to_set_mm(&mask.map(|v| u8::from(v == 0))).map(|d| u8::from(d as f64 > radius_mm))
}

/// Opening: parts thinner than twice `radius_mm` fall away, the rest keeps its shape.
pub fn open(mask: &Volume<u8>, radius_mm: f64) -> Volume<u8> {
    dilate(&erode(mask, radius_mm), radius_mm)
}

/// The mask with every cavity filled that has no face-connected way to the grid's border.
pub fn fill_holes(mask: &Volume<u8>) -> Volume<u8> {
    let outside = label_components(&mask.map(|v| u8::from(v == 0)), false);
    let [nx, ny, nz] = mask.grid.size;
    let mut open = vec![false; outside.sizes.len() + 1];
    for (o, &label) in outside.labels.data.iter().enumerate() {
        let [x, y, z] = mask.grid.index(o);
        if x == 0 || y == 0 || z == 0 || x + 1 == nx || y + 1 == ny || z + 1 == nz {
            open[label as usize] = true;
        }
    }
    outside.labels.map(|label| u8::from(label == 0 || !open[label as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    #[test]
    fn a_hollow_cube_is_filled_and_an_open_one_is_not() {
        let grid = Grid::axis_aligned([7, 7, 7], [1.0; 3], Default::default());
        let shell = |p: [usize; 3]| p.iter().all(|&v| (1..=5).contains(&v)) && p.iter().any(|&v| v == 1 || v == 5);
        let mut mask = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(shell(grid.index(o)))).collect());
        assert_eq!(fill_holes(&mask).data.iter().map(|&v| v as usize).sum::<usize>(), 125);
        mask.data[grid.offset(3, 3, 1)] = 0;
        assert_eq!(fill_holes(&mask), mask);
    }

    #[test]
    fn opening_drops_a_thin_wire_and_keeps_the_block() {
        let grid = Grid::axis_aligned([12, 9, 9], [1.0; 3], Default::default());
        let block = |p: [usize; 3]| p.iter().all(|&v| (2..7).contains(&v));
        let mut mask = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(block(grid.index(o)))).collect());
        for x in 7..11 {
            mask.data[grid.offset(x, 4, 4)] = 1;
        }
        let opened = open(&mask, 1.0);
        assert!(opened.data.iter().zip(&mask.data).all(|(a, b)| a <= b));
        assert_eq!(opened.at(9, 4, 4), 0);
        assert_eq!(opened.at(4, 4, 4), 1);
    }
}
