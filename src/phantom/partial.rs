//! Scans whose field of view ends too early: the vertex or the base is cut off.

use crate::geometry::{Grid, Volume};
use std::ops::Range;

/// Where the bone of a head lies along the slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    /// Lowest and highest slice with bone (by index).
    pub slices: [usize; 2],
    /// The slice in which bone spans most: the head's circumference.
    pub widest: usize,
    /// Whether the slice index grows towards the vertex.
    pub upward: bool,
}

/// `None` for an empty mask.
pub(super) fn extent(bone: &Volume<u8>) -> Option<Extent> {
    let [nx, ny, _] = bone.grid.size;
    let span = |slice: &[u8]| {
        let (mut low, mut high) = ([usize::MAX; 2], [0usize; 2]);
        for o in (0..slice.len()).filter(|&o| slice[o] != 0) {
            let at = [o % nx, o / nx];
            low = std::array::from_fn(|k| low[k].min(at[k]));
            high = std::array::from_fn(|k| high[k].max(at[k]));
        }
        if low[0] == usize::MAX { 0 } else { (high[0] - low[0] + 1) * (high[1] - low[1] + 1) }
    };
    let spans: Vec<usize> = bone.data.chunks(nx * ny).map(span).collect();
    let (first, last) = (spans.iter().position(|&s| s > 0)?, spans.iter().rposition(|&s| s > 0)?);
    let upward = bone.grid.direction[(2, 2)] > 0.0;
    // Of equal slices the middle one.
    let most = spans.iter().max()?;
    let equal: Vec<usize> = (first..=last).filter(|z| spans[*z] == *most).collect();
    let widest = equal[(equal.len() - 1) / 2];
    Some(Extent { slices: [first, last], widest, upward })
}

impl Extent {
    /// The slices left when the upper `mm` of the bone are out of view.
    pub(super) fn without_vertex(&self, grid: &Grid, mm: f64) -> Range<usize> {
        let cut = (mm / grid.spacing_mm[2]).round() as usize;
        let count = grid.size[2];
        if self.upward {
            0..(self.slices[1] + 1).saturating_sub(cut).max(1)
        } else {
            (self.slices[0] + cut).min(count - 1)..count
        }
    }

    /// The slices left when all that lies more than `mm` below the circumference is out of view.
    pub(super) fn without_base(&self, grid: &Grid, mm: f64) -> Range<usize> {
        let below = (mm / grid.spacing_mm[2]).round() as usize;
        if self.upward {
            self.widest.saturating_sub(below)..grid.size[2]
        } else {
            0..(self.widest + below + 1).min(grid.size[2])
        }
    }
}

/// The volume of some of its slices; every voxel stays where it is in space.
pub(super) fn slices<T: Copy>(volume: &Volume<T>, kept: &Range<usize>) -> Volume<T> {
    let [nx, ny, _] = volume.grid.size;
    let step = volume.grid.lps_from_index_matrix().column(2).into_owned();
    let grid = Grid {
        size: [nx, ny, kept.len()],
        origin_mm: volume.grid.origin_mm + step * kept.start as f64,
        ..volume.grid.clone()
    };
    Volume::new(grid, volume.data[kept.start * nx * ny..kept.end * nx * ny].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    #[test]
    fn a_ball_loses_its_top_and_its_bottom() {
        let grid = Grid::axis_aligned([50, 50, 30], [1.0, 1.0, 2.0], Default::default());
        let inside = |o: usize| {
            let p = grid.index(o);
            Vector3::new(p[0] as f64 - 24.5, p[1] as f64 - 24.5, p[2] as f64 * 2.0 - 30.0).norm() <= 20.5
        };
        let ball = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(inside(o))).collect::<Vec<u8>>());
        let found = extent(&ball).expect("a ball");
        assert_eq!(found, Extent { slices: [5, 25], widest: 15, upward: true });
        assert_eq!(found.without_vertex(&grid, 10.0), 0..21);
        assert_eq!(found.without_base(&grid, 12.0), 9..30);
        let part = slices(&ball, &(9..21));
        assert_eq!(part.grid.size, [50, 50, 12]);
        assert_eq!(part.at(24, 24, 0), ball.at(24, 24, 9));
        let place = |v: &Volume<u8>, z: f64| v.grid.lps_from_index(&Vector3::new(3.0, 4.0, z));
        assert!((place(&part, 0.0) - place(&ball, 9.0)).norm() < 1e-12);
        assert_eq!(extent(&ball.map(|_| 0u8)), None);
        // Slices stored from the vertex down.
        let mut turned = ball.clone();
        turned.grid.direction[(2, 2)] = -1.0;
        let found = extent(&turned).expect("a ball");
        assert_eq!((found.without_vertex(&grid, 10.0), found.without_base(&grid, 12.0)), (10..30, 0..22));
    }
}
