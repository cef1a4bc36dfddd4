//! Skulls as they should not come: turned, coarse, cut off, noisy, with loose pieces, mirrored; truth and all.

use super::fragments::leave_fragments;
use super::partial::{extent, slices};
use super::random::{noise, stream};
use super::resample::{Sight, at_level, resampled};
use crate::geometry::{Cancelled, Grid, Progress, Volume};
use nalgebra::{Matrix3, Rotation3, Vector3};

/// A turned head keeps this much air around it, mm.
const AIR_MM: f64 = 8.0;
/// Box over which a shifted threshold sees the bone, mm.
const SOFT_MM: f64 = 1.5;
/// Share of the surface's voxels that flip.
const SALT: f64 = 0.01;
/// Less of the implant than this in view is no case.
const LEAST_SHARE: f64 = 0.5;

/// What is done to a skull and its implant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Turned by up to 45° about each axis.
    Rotation,
    /// Other voxels: 0.35 to 1.5 mm in plane, slices of 0.5 to 3 mm.
    Resampling,
    /// The upper 20 to 40 mm are out of view.
    Vertex,
    /// What lies 30 to 60 mm below the circumference and deeper is out of view.
    Base,
    /// The surface moved by up to 0.5 mm, one of a hundred of its voxels flipped.
    Noise,
    /// Three loose pieces of bone left in the defect.
    Fragments,
    /// Left and right exchanged.
    Mirror,
}

impl Disturbance {
    /// All, in the order of the test protocol.
    pub const ALL: [Self; 7] =
        [Self::Rotation, Self::Resampling, Self::Vertex, Self::Base, Self::Noise, Self::Fragments, Self::Mirror];

    /// The word that names it in folders and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Resampling => "resampling",
            Self::Vertex => "vertex",
            Self::Base => "base",
            Self::Noise => "noise",
            Self::Fragments => "fragments",
            Self::Mirror => "mirror",
        }
    }

    /// Protocol C's seed for a case: 2000 + 10 · `case` + the disturbance's place in [`Disturbance::ALL`].
    pub fn seed(self, case: u64) -> u64 {
        2000 + 10 * case + Self::ALL.iter().position(|d| *d == self).unwrap_or(0) as u64
    }
}

/// A disturbed case.
#[derive(Clone, Debug)]
pub struct Disturbed {
    /// The bone that is left.
    pub defective: Volume<u8>,
    /// The bone that was taken, what is in view of it.
    pub implant: Volume<u8>,
    /// What was drawn, in words: `yaw 12.3 pitch -4.0 roll 31.9`.
    pub drawn: String,
}

/// Why a case was not disturbed.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum DisturbError {
    /// The cut leaves less than half of the implant in view.
    #[error("only {:.0} % of the implant stay in view", share * 100.0)]
    OutOfView { share: f64 },
    /// No bone or no implant.
    #[error("the skull or the implant is empty")]
    Empty,
    /// Two grids.
    #[error("skull and implant lie on different grids")]
    Grids,
    /// No place for the loose pieces.
    #[error("the implant is too small for loose pieces in it")]
    NoRoom,
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Disturbs a defective skull and its implant together; the seed draws how much.
///
/// # Errors
/// See [`DisturbError`].
pub fn disturb(
    defective: &Volume<u8>,
    implant: &Volume<u8>,
    what: Disturbance,
    seed: u64,
    progress: &Progress,
) -> Result<Disturbed, DisturbError> {
    progress.report(0.0, what.word())?;
    if !defective.grid.matches(&implant.grid, 1e-3) {
        return Err(DisturbError::Grids);
    }
    let Some(head) = extent(defective) else { return Err(DisturbError::Empty) };
    let before = count(implant);
    if before == 0 {
        return Err(DisturbError::Empty);
    }
    let mut random = stream(seed, 45);
    let grid = &defective.grid;
    let cut = |kept: std::ops::Range<usize>, drawn: String| Disturbed {
        defective: slices(defective, &kept),
        implant: slices(implant, &kept),
        drawn,
    };
    let made = match what {
        Disturbance::Rotation => {
            let turns = [(); 3].map(|()| random.between(-45.0, 45.0));
            turned(defective, implant, turns)
        }
        Disturbance::Resampling => {
            let (in_plane, apart) = (random.between(0.35, 1.5), random.between(0.5, 3.0));
            on_other_voxels(defective, implant, [in_plane, in_plane, apart])
        }
        Disturbance::Vertex => {
            let mm = random.between(20.0, 40.0);
            cut(whole(defective, implant).without_vertex(grid, mm), format!("upper {mm:.1} mm"))
        }
        Disturbance::Base => {
            let mm = random.between(30.0, 60.0);
            cut(head.without_base(grid, mm), format!("{mm:.1} mm below"))
        }
        Disturbance::Noise => noisy(defective, implant, random.between(-0.5, 0.5), seed),
        Disturbance::Fragments => {
            let (mut bone, mut part) = (defective.clone(), implant.clone());
            let left = leave_fragments(&mut bone, &mut part, 3, seed);
            if left == 0 {
                return Err(DisturbError::NoRoom);
            }
            Disturbed { defective: bone, implant: part, drawn: format!("{left} pieces") }
        }
        Disturbance::Mirror => {
            let [bone, part] = [defective, implant].map(|v| {
                let rows = v.data.chunks(grid.size[0]).flat_map(|row| row.iter().rev().copied());
                Volume::new(grid.clone(), rows.collect())
            });
            Disturbed { defective: bone, implant: part, drawn: String::new() }
        }
    };
    progress.check()?;
    if matches!(what, Disturbance::Vertex | Disturbance::Base) {
        let share = count(&made.implant) as f64 / before as f64;
        if share < LEAST_SHARE {
            return Err(DisturbError::OutOfView { share });
        }
    }
    Ok(made)
}

fn count(mask: &Volume<u8>) -> usize {
    mask.data.iter().filter(|v| **v != 0).count()
}

/// The extent of the complete skull: a hole at the vertex does not lower it.
fn whole(defective: &Volume<u8>, implant: &Volume<u8>) -> super::partial::Extent {
    let data = defective.data.iter().zip(&implant.data).map(|(a, b)| a | b).collect();
    extent(&Volume::new(defective.grid.clone(), data)).expect("the caller found bone")
}

/// Yaw about z, then pitch about x, then roll about y, in degrees; the grid keeps its axes and holds all bone.
fn turned(defective: &Volume<u8>, implant: &Volume<u8>, turns_deg: [f64; 3]) -> Disturbed {
    let [yaw, pitch, roll] = turns_deg.map(f64::to_radians);
    let about = |axis, angle| Rotation3::from_axis_angle(&axis, angle);
    let turn = about(Vector3::y_axis(), roll) * about(Vector3::x_axis(), pitch) * about(Vector3::z_axis(), yaw);
    let old = &defective.grid;
    let middle = old.lps_from_index(&Vector3::from_fn(|k, _| (old.size[k] - 1) as f64 / 2.0));
    // Index box of the turned bone in the old axes.
    let index_from_index = old.index_from_lps_matrix() * turn.matrix() * old.lps_from_index_matrix();
    let centre = old.index_from_lps(&middle);
    let (mut low, mut high) = (Vector3::repeat(f64::MAX), Vector3::repeat(f64::MIN));
    for o in (0..defective.data.len()).filter(|&o| defective.data[o] != 0 || implant.data[o] != 0) {
        let p = old.index(o);
        let new = centre + index_from_index * (Vector3::from_fn(|k, _| p[k] as f64) - centre);
        (low, high) = (low.inf(&new), high.sup(&new));
    }
    let air = Vector3::from_fn(|k, _| (AIR_MM / old.spacing_mm[k]).ceil());
    let (low, high) = ((low - air).map(f64::floor), (high + air).map(f64::ceil));
    let grid = Grid {
        size: std::array::from_fn(|k| (high[k] - low[k]) as usize + 1),
        origin_mm: old.lps_from_index(&low),
        ..old.clone()
    };
    let back = old.index_from_lps_matrix() * turn.inverse().matrix() * old.lps_from_index_matrix();
    let sight = Sight { matrix: back, offset: centre + back * (low - centre), box_voxels: [0.0; 3] };
    let [bone, part] = resampled(defective, implant, &grid, &sight);
    let [yaw, pitch, roll] = turns_deg;
    Disturbed { defective: bone, implant: part, drawn: format!("yaw {yaw:.1} pitch {pitch:.1} roll {roll:.1}") }
}

fn on_other_voxels(defective: &Volume<u8>, implant: &Volume<u8>, spacing_mm: [f64; 3]) -> Disturbed {
    let old = &defective.grid;
    let steps: [f64; 3] = std::array::from_fn(|k| spacing_mm[k] / old.spacing_mm[k]);
    // The same field of view: the first voxel's outer faces coincide.
    let first = Vector3::from_fn(|k, _| (steps[k] - 1.0) / 2.0);
    let grid = Grid {
        size: std::array::from_fn(|k| ((old.size[k] as f64 / steps[k]).floor() as usize).max(1)),
        spacing_mm,
        origin_mm: old.lps_from_index(&first),
        ..old.clone()
    };
    let sight = Sight {
        matrix: Matrix3::from_diagonal(&Vector3::from(steps)),
        offset: first,
        // A finer voxel sees between the old ones; a coarser one sees all it covers.
        box_voxels: steps.map(|s| if s > 1.0 { s } else { 0.0 }),
    };
    let [bone, part] = resampled(defective, implant, &grid, &sight);
    let [x, _, z] = spacing_mm;
    Disturbed { defective: bone, implant: part, drawn: format!("{x:.2} x {z:.2} mm") }
}

fn noisy(defective: &Volume<u8>, implant: &Volume<u8>, shift_mm: f64, seed: u64) -> Disturbed {
    let grid = &defective.grid;
    // The share of the box within a flat surface that lies `shift_mm` farther in.
    let level = 0.5 - shift_mm / SOFT_MM;
    let [smooth, part] = at_level(defective, implant, grid.spacing_mm.map(|s| SOFT_MM / s), level);
    let [nx, ny, nz] = grid.size;
    let mut bone = smooth.clone();
    for (o, v) in bone.data.iter_mut().enumerate() {
        let p = grid.index(o);
        let edge = (0..3).any(|k| p[k] == 0 || p[k] + 1 == [nx, ny, nz][k]);
        if edge || part.data[o] != 0 {
            continue;
        }
        let here = smooth.data[o];
        let differs = |s: usize| smooth.data[o - s] != here || smooth.data[o + s] != here;
        if [1, nx, nx * ny].into_iter().any(differs) && noise(seed, o as u64) > salt_limit() {
            *v = 1 - here;
        }
    }
    Disturbed { defective: bone, implant: part, drawn: format!("shift {shift_mm:.2} mm") }
}

/// The value one of [`SALT`] of the noise lies above: with four uniforms the tail is (2 − v/√3)⁴/24.
fn salt_limit() -> f64 {
    3f64.sqrt() * (2.0 - (24.0 * SALT).powf(0.25))
}

#[cfg(test)]
mod tests;
