use super::{bounding_box, crop};
use crate::geometry::{Volume, distance_to_set_mm};

/// Dice overlap of two masks: 1 when both are empty, 0 when one is.
pub fn dice(a: &Volume<u8>, b: &Volume<u8>) -> f64 {
    overlap(a.data.iter().zip(&b.data).map(|(&a, &b)| (a != 0, b != 0)))
}

/// Dice overlap within `distance_mm` of the defective skull (its voxel centres), as the challenge's organisers score it.
pub fn border_dice(defective: &Volume<u8>, a: &Volume<u8>, b: &Volume<u8>, distance_mm: f64) -> f64 {
    let spacing = a.grid.spacing_mm;
    let margin = std::array::from_fn(|k| (distance_mm / spacing[k]).ceil() as usize + 1);
    let Some((low, high)) = bounding_box(&[a, b], margin) else { return 1.0 };
    let (a, b) = (crop(a, low, high), crop(b, low, high));
    let to_bone = distance_to_set_mm(&crop(defective, low, high));
    let in_band = |d: f32| d as f64 <= distance_mm;
    overlap(
        a.data
            .iter()
            .zip(&b.data)
            .zip(&to_bone.data)
            .filter(|(_, d)| in_band(**d))
            .map(|((&a, &b), _)| (a != 0, b != 0)),
    )
}

fn overlap(pairs: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut both, mut sum) = (0usize, 0usize);
    for (a, b) in pairs {
        both += usize::from(a && b);
        sum += usize::from(a) + usize::from(b);
    }
    if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
}
