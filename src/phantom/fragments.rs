//! Loose bone left in a defect, as surgeons leave it.

use super::random::{mix, stream, texture};
use crate::geometry::Volume;
use nalgebra::Vector3;

/// Half sizes of a piece, mm.
const HALF_MM: [f64; 2] = [2.5, 6.0];
/// Draws of a place a piece.
const DRAWS: u64 = 200;

/// Gives `count` lumps of the implant back to the bone; each touches nothing but the gap where there is room for it.
/// Returns how many found room.
pub(super) fn leave_fragments(defective: &mut Volume<u8>, implant: &mut Volume<u8>, count: u32, seed: u64) -> u32 {
    let grid = implant.grid.clone();
    let places: Vec<usize> = (0..implant.data.len()).filter(|&o| implant.data[o] != 0).collect();
    let mut random = stream(seed, 44);
    let mut left = 0;
    for n in 0..u64::from(count) {
        let half_mm = random.between(HALF_MM[0], HALF_MM[1]);
        let room = |o: &usize| {
            let reach = grid.spacing_mm.map(|s| ((half_mm + 1.5) / s).ceil() as i64);
            around(&grid.index(*o), reach, &grid.size).all(|p| {
                let away = distance_mm(&grid.index(*o), &p, &grid.spacing_mm);
                away > half_mm + 1.5 || defective.at(p[0], p[1], p[2]) == 0
            })
        };
        let draw = |k: u64| {
            let bits = mix(seed ^ mix(n << 32 | k));
            places.get(((u128::from(bits) * places.len() as u128) >> 64) as usize).copied()
        };
        let Some(middle) = (0..DRAWS).filter_map(draw).find(room) else { continue };
        let reach = grid.spacing_mm.map(|s| (half_mm / s).ceil() as i64);
        for p in around(&grid.index(middle), reach, &grid.size) {
            let at = Vector3::from_fn(|k, _| p[k] as f64 * grid.spacing_mm[k] / 3.0);
            let lump = half_mm * (0.8 + 0.2 * texture(seed ^ n, at.x, at.y, at.z));
            let o = grid.offset(p[0], p[1], p[2]);
            if implant.data[o] != 0 && distance_mm(&grid.index(middle), &p, &grid.spacing_mm) <= lump {
                implant.data[o] = 0;
                defective.data[o] = 1;
            }
        }
        left += 1;
    }
    left
}

fn distance_mm(a: &[usize; 3], b: &[usize; 3], spacing_mm: &[f64; 3]) -> f64 {
    (0..3).map(|k| ((a[k] as f64 - b[k] as f64) * spacing_mm[k]).powi(2)).sum::<f64>().sqrt()
}

/// Voxels of a box about one, within the grid.
fn around(middle: &[usize; 3], reach: [i64; 3], size: &[usize; 3]) -> impl Iterator<Item = [usize; 3]> + use<> {
    let range = |k: usize| {
        let at = middle[k] as i64;
        (at - reach[k]).max(0) as usize..=((at + reach[k]).min(size[k] as i64 - 1)) as usize
    };
    let (xs, ys, zs) = (range(0), range(1), range(2));
    zs.flat_map(move |z| {
        let xs = xs.clone();
        ys.clone().flat_map(move |y| xs.clone().map(move |x| [x, y, z]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Grid, label_components};

    #[test]
    fn loose_lumps_of_the_implant_stay_and_nothing_is_lost() {
        let grid = Grid::axis_aligned([80, 80, 12], [1.0; 3], Default::default());
        let slab = |o: usize| (3..9).contains(&grid.index(o)[2]);
        let hole = |o: usize| grid.index(o)[..2].iter().all(|v| (10..70).contains(v));
        let make = |f: &dyn Fn(usize) -> bool| {
            Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(f(o))).collect::<Vec<u8>>())
        };
        let (mut bone, mut part) = (make(&|o| slab(o) && !hole(o)), make(&|o| slab(o) && hole(o)));
        let whole: Vec<u8> = bone.data.iter().zip(&part.data).map(|(a, b)| a + b).collect();
        assert_eq!(leave_fragments(&mut bone, &mut part, 3, 9), 3);
        assert!(bone.data.iter().zip(&part.data).zip(&whole).all(|((a, b), w)| a + b == *w));
        let pieces = label_components(&bone, false);
        assert_eq!(pieces.sizes.len(), 4, "the slab and three loose pieces: {:?}", pieces.sizes);
        // No room: nothing is left, and nothing is changed.
        let (mut none, before) = (part.map(|_| 0u8), bone.clone());
        assert_eq!(leave_fragments(&mut bone, &mut none, 3, 9), 0);
        assert_eq!(bone, before);
    }
}
