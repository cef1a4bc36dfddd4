//! The defective skull and what was taken from it, of any two of the three volumes, once they fit each other.

use super::crop::{bounding_box, crop, margin};
use crate::geometry::{Volume, distance_to_set_mm};

/// Grids written by different programs differ in the last digits.
const SAME_GRID: f64 = 1e-3;
/// Voxels that may lie where they should not: rounding of other programs.
const STRAY: f64 = 0.01;
/// An implant farther from all bone than this belongs to another skull, mm.
const NEAR_MM: f64 = 5.0;

/// A case's volumes, on one grid, apart, neither empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The bone that is left; nonzero is bone.
    pub defective: Volume<u8>,
    /// The bone that was taken.
    pub implant: Volume<u8>,
}

/// Which two of the three volumes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Defective skull = complete − implant.
    CompleteImplant,
    /// Implant = complete − defective skull.
    CompleteDefective,
    /// As they are.
    DefectiveImplant,
}

/// Why two volumes are no case.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum TruthError {
    /// Two grids.
    #[error("its two volumes lie on different grids; resample one onto the other's")]
    Grids,
    /// Nothing in a file.
    #[error("its {0} is empty: no voxel is set")]
    Empty(&'static str),
    /// A part that is no part.
    #[error("the {0} is no part of its complete skull ({1:.0} % of it lie outside); are the names mixed up?")]
    Stray(&'static str, f64),
    /// Two bodies in one place.
    #[error("the implant overlaps its skull ({0:.0} % of it); are the names mixed up, or is this a complete skull?")]
    Overlap(f64),
    /// Another place.
    #[error("the implant lies {0} mm and more away from its skull; are the names mixed up?")]
    Elsewhere(f64),
    /// Nothing is missing.
    #[error("nothing was removed from this skull")]
    Nothing,
}

/// Puts two volumes together; the first is the one named first.
///
/// # Errors
/// See [`TruthError`].
pub fn truth(pair: Pair, mut first: Volume<u8>, mut second: Volume<u8>) -> Result<Truth, TruthError> {
    let names = match pair {
        Pair::CompleteImplant => ["complete skull", "implant"],
        Pair::CompleteDefective => ["complete skull", "defective skull"],
        Pair::DefectiveImplant => ["defective skull", "implant"],
    };
    if !first.grid.matches(&second.grid, SAME_GRID) {
        return Err(TruthError::Grids);
    }
    for (volume, name) in [(&first, names[0]), (&second, names[1])] {
        if volume.data.iter().all(|&v| v == 0) {
            return Err(TruthError::Empty(name));
        }
    }
    let size = second.data.iter().filter(|&&v| v != 0).count() as f64;
    let shared = first.data.iter().zip(&second.data).filter(|(a, b)| **a != 0 && **b != 0).count() as f64;
    let less = |from: &mut Volume<u8>, by: &Volume<u8>| {
        from.data.iter_mut().zip(&by.data).for_each(|(f, b)| *f = u8::from(*f != 0 && *b == 0));
    };
    let made = match pair {
        Pair::CompleteImplant | Pair::CompleteDefective => {
            let outside = 1.0 - shared / size;
            if outside > STRAY {
                return Err(TruthError::Stray(names[1], outside * 100.0));
            }
            less(&mut first, &second);
            if pair == Pair::CompleteImplant {
                Truth { defective: first, implant: second }
            } else {
                Truth { defective: second, implant: first }
            }
        }
        Pair::DefectiveImplant => {
            if shared / size > STRAY {
                return Err(TruthError::Overlap(shared / size * 100.0));
            }
            less(&mut second, &first);
            Truth { defective: first, implant: second }
        }
    };
    match farthest_from_bone(&made) {
        None => Err(TruthError::Nothing),
        Some(false) => Err(if made.defective.data.iter().all(|&v| v == 0) {
            TruthError::Empty("defective skull")
        } else {
            TruthError::Elsewhere(NEAR_MM)
        }),
        Some(true) => Ok(made),
    }
}

/// Whether some of the implant lies near bone; `None` without an implant.
fn farthest_from_bone(made: &Truth) -> Option<bool> {
    let (low, high) = bounding_box(&[&made.implant], margin(&made.implant.grid, NEAR_MM))?;
    let (bone, part) = (crop(&made.defective, low, high), crop(&made.implant, low, high));
    if bone.data.iter().all(|&v| v == 0) {
        return Some(false);
    }
    let distances = distance_to_set_mm(&bone);
    Some(distances.data.iter().zip(&part.data).any(|(d, p)| *p != 0 && f64::from(*d) <= NEAR_MM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    fn slab(x: std::ops::Range<usize>) -> Volume<u8> {
        let grid = Grid::axis_aligned([40, 8, 8], [1.0; 3], Default::default());
        let within = |o: usize| x.contains(&grid.index(o)[0]) && (2..6).contains(&grid.index(o)[2]);
        Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(within(o))).collect::<Vec<u8>>())
    }

    #[test]
    fn any_two_tell_the_third() {
        let wanted = Truth { defective: slab(0..10), implant: slab(10..15) };
        let whole = slab(0..15);
        assert_eq!(truth(Pair::CompleteImplant, whole.clone(), slab(10..15)), Ok(wanted.clone()));
        assert_eq!(truth(Pair::CompleteDefective, whole, slab(0..10)), Ok(wanted.clone()));
        assert_eq!(truth(Pair::DefectiveImplant, slab(0..10), slab(10..15)), Ok(wanted));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let none = slab(0..0);
        let both = |a: Volume<u8>, b: Volume<u8>| truth(Pair::DefectiveImplant, a, b).expect_err("refused");
        assert_eq!(both(slab(0..10), none.clone()), TruthError::Empty("implant"));
        assert_eq!(both(none.clone(), slab(0..10)), TruthError::Empty("defective skull"));
        assert_eq!(both(slab(0..10), slab(8..12)), TruthError::Overlap(50.0));
        assert_eq!(both(slab(0..10), slab(20..25)), TruthError::Elsewhere(5.0));
        let mut other = slab(10..15);
        other.grid.spacing_mm = [2.0; 3];
        assert_eq!(both(slab(0..10), other), TruthError::Grids);
        let part = |a, b| truth(Pair::CompleteImplant, a, b).expect_err("refused");
        assert_eq!(part(slab(0..10), slab(5..15)), TruthError::Stray("implant", 50.0));
        assert_eq!(part(slab(0..10), slab(0..10)), TruthError::Empty("defective skull"));
        assert_eq!(truth(Pair::CompleteDefective, slab(0..10), slab(0..10)), Err(TruthError::Nothing));
    }
}
