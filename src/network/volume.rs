//! The coarse volume network's view of a head: shares of bone in cells of 4 mm over the mean frame's head box.

use super::seen::Jitter;
use super::weights::{Array, Arrays, WeightsError, pack, unpack};
use crate::geometry::{Cancelled, Progress};
use crate::skull::Skull;
use nalgebra::{Rotation3, Vector3};
use rayon::prelude::*;

/// Word of the volume network's files.
pub const VOLUME_KIND: &str = "volume";
/// Cells along z, y and x.
pub const BOX_SIZE: [usize; 3] = [40, 56, 48];
/// Side of a cell, mm of the mean frame.
pub const CELL_MM: f64 = 4.0;
/// Middle of the first cell, mm of the mean frame (x, y, z).
const FIRST_MM: [f64; 3] = [-94.0, -110.0, -58.0];
/// Samples along a cell's side.
const PARTS: usize = 2;
/// Input and output channels.
pub(crate) const VOLUME_INPUTS: usize = 4;
pub(crate) const VOLUME_OUTPUTS: usize = 1;

/// Shares of bone, 0..1, x fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct CoarseHead {
    /// One share a cell.
    pub share: Vec<f32>,
}

/// Place of a cell (x, y, z index, fractions allowed) in the mean frame, mm.
pub(crate) fn place(index: &Vector3<f64>) -> Vector3<f64> {
    Vector3::from(FIRST_MM) + index * CELL_MM
}

/// Cell index of a place of the mean frame.
pub(crate) fn cell(place: &Vector3<f64>) -> Vector3<f64> {
    (place - Vector3::from(FIRST_MM)) / CELL_MM
}

impl CoarseHead {
    /// Cells in the box.
    pub fn cells() -> usize {
        BOX_SIZE.iter().product()
    }

    /// A head in a pose near the one that was found. Beyond the scan there is no bone.
    pub fn new(skull: &Skull, jitter: &Jitter) -> Self {
        let turn = Rotation3::new(jitter.turn);
        let scales = skull.scales.component_mul(&jitter.log_scales.map(f64::exp));
        let [_, ny, nx] = BOX_SIZE;
        let one = |o: usize| -> f32 {
            let index = Vector3::new((o % nx) as f64, (o / nx % ny) as f64, (o / nx / ny) as f64);
            let part = |k: usize| (k as f64 + 0.5) / PARTS as f64 - 0.5;
            let hits = (0..PARTS.pow(3))
                .filter(|k| {
                    let offset = Vector3::new(part(k % PARTS), part(k / PARTS % PARTS), part(k / PARTS / PARTS));
                    let head = turn.inverse() * place(&(index + offset)).component_div(&scales) + jitter.shift_mm;
                    let lps = skull.frame.point_from_head(&head);
                    let at = skull.intensity.grid.index_from_lps(&lps);
                    skull.intensity.sample_index(&at, f32::NEG_INFINITY) >= skull.iso
                })
                .count();
            hits as f32 / PARTS.pow(3) as f32
        };
        Self { share: (0..Self::cells()).into_par_iter().map(one).collect() }
    }

    /// The found pose first, then `count − 1` poses near it.
    ///
    /// # Errors
    /// When cancelled.
    pub fn views(skull: &Skull, count: usize, seed: u64, progress: &Progress) -> Result<Vec<Self>, Cancelled> {
        Jitter::each(count, seed, progress, |jitter| Self::new(skull, jitter))
    }

    /// Heads as a file; `told` says of what they were made.
    pub fn pack(heads: &[Self], told: &str) -> Vec<u8> {
        let values = heads.iter().flat_map(|h| h.share.iter().copied()).collect();
        let array = Array { dims: vec![heads.len(), Self::cells()], values };
        pack(FILE, &told, &Arrays::from([(FILE.to_owned(), array)]))
    }

    /// Reads what [`CoarseHead::pack`] wrote.
    ///
    /// # Errors
    /// When the file is damaged or was made of something else than `told`.
    pub fn unpack(bytes: &[u8], told: &str) -> Result<Vec<Self>, WeightsError> {
        let (of, arrays): (String, _) = unpack(bytes, FILE)?;
        let array = arrays.get(FILE).filter(|a| of == told && a.dims.get(1) == Some(&Self::cells()));
        let array = array.ok_or_else(|| WeightsError::Shape { tensor: "what it was made of".to_owned() })?;
        Ok(array.values.chunks_exact(Self::cells()).map(|c| Self { share: c.to_vec() }).collect())
    }
}

const FILE: &str = "coarse heads";

/// The network's input, `[VOLUME_INPUTS][z][y][x]`: bone that is left, and where on the head.
pub(crate) fn volume_channels(left: &[f32]) -> Vec<f32> {
    let [_, ny, nx] = BOX_SIZE;
    let mut out = left.to_vec();
    for axis in 0..3 {
        out.extend((0..left.len()).map(|o| {
            let at = place(&Vector3::new((o % nx) as f64, (o / nx % ny) as f64, (o / nx / ny) as f64)) / 100.0;
            [at.x.abs(), at.y, at.z][axis] as f32
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{self, HeadParams};
    use crate::scan::{Scan, Voxels};

    #[test]
    fn a_head_lies_in_its_box_and_survives_its_file() {
        let made = phantom::head(&HeadParams::small(3), &Progress::new()).expect("a phantom");
        let scan = Scan::new(Voxels::Hu(made.scan), Vec::new());
        let skull = crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let head = CoarseHead::new(&skull, &Jitter::default());
        let at = |p: [f64; 3]| {
            let c = cell(&Vector3::from(p)).map(|v| v.round() as usize);
            head.share[(c.z * BOX_SIZE[1] + c.y) * BOX_SIZE[2] + c.x]
        };
        // Nothing at the centre, bone above it at the vault's height.
        assert_eq!(at([0.0, 0.0, 0.0]), 0.0);
        assert!((60..96).step_by(4).any(|z| at([0.0, 0.0, f64::from(z)]) > 0.5));
        let heads = CoarseHead::views(&skull, 2, 1, &Progress::new()).expect("two views");
        assert!(heads[0] == head && heads[1] != head);
        let bytes = CoarseHead::pack(&heads, "told");
        assert_eq!(CoarseHead::unpack(&bytes, "told"), Ok(heads));
        assert!(CoarseHead::unpack(&bytes, "other").is_err());
    }
}
