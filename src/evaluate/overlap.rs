use super::crop::{bounding_box, crop, margin};
use crate::geometry::{Field, Volume, distance_to_set_mm};
use rayon::prelude::*;

/// Distances are kept in single precision; lattice distances nearer to a limit than this are the limit itself.
const ROUNDING_MM: f64 = 1e-5;

/// Dice overlap of two masks: 1 when both are empty, 0 when one is.
pub fn dice(a: &Volume<u8>, b: &Volume<u8>) -> f64 {
    let one = |(a, b): (&[u8], &[u8])| Overlap::of(a.iter().zip(b).map(|(&a, &b)| (a != 0, b != 0)));
    a.data.par_chunks(1 << 20).zip(b.data.par_chunks(1 << 20)).map(one).reduce(Overlap::default, Overlap::plus).dice()
}

/// Dice overlap within `distance_mm` of the defective skull (its voxel centres), as the challenge's organisers score it.
pub fn border_dice(defective: &Volume<u8>, a: &Volume<u8>, b: &Volume<u8>, distance_mm: f64) -> f64 {
    let Some((low, high)) = bounding_box(&[a, b], margin(&a.grid, distance_mm)) else { return 1.0 };
    let to_bone = distance_to_set_mm(&crop(defective, low, high));
    dice_within(&to_bone, &crop(a, low, high), &crop(b, low, high), distance_mm)
}

/// As [`border_dice`] for a distance that is known already.
pub(super) fn dice_within(to_bone: &Field, a: &Volume<u8>, b: &Volume<u8>, distance_mm: f64) -> f64 {
    let near = |d: f32| f64::from(d) <= distance_mm + ROUNDING_MM;
    let pairs = a.data.iter().zip(&b.data).zip(&to_bone.data).filter(|(_, d)| near(**d));
    Overlap::of(pairs.map(|((&a, &b), _)| (a != 0, b != 0))).dice()
}

/// Voxels in both masks, and in either counted twice where they share it.
#[derive(Clone, Copy, Default)]
struct Overlap {
    both: usize,
    sum: usize,
}

impl Overlap {
    fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        pairs.fold(Self::default(), |o, (a, b)| Self {
            both: o.both + usize::from(a && b),
            sum: o.sum + usize::from(a) + usize::from(b),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self { both: self.both + other.both, sum: self.sum + other.sum }
    }

    fn dice(self) -> f64 {
        if self.sum == 0 { 1.0 } else { 2.0 * self.both as f64 / self.sum as f64 }
    }
}
