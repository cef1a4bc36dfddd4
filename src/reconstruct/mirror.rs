use super::sheet::Sheet;
use super::tables::Tables;
use super::trust::Trust;
use crate::geometry::Disc;
use crate::skull::THICKNESS_MM;
use nalgebra::{Matrix3, Matrix6, Rotation3, Vector3, Vector6};
use rayon::prelude::*;

/// What the other side's rays saw, laid over the patch: pixel i holds the ray mirrored across x = 0.
pub(crate) struct OtherSide {
    /// Outer radius, mm; finite everywhere (filled from the nearest seen pixel).
    pub outer: Vec<f32>,
    /// Inner radius, mm, as `outer`.
    pub inner: Vec<f32>,
    /// Bone seen there, whole, and not too near to an opening.
    pub seen: Vec<bool>,
}

/// Bone of the other side is believed only this far from what is open there, mm.
const GUARD_MM: f32 = 4.0;
/// Openings of the other side smaller than this across (foramina, pores) are bridged, mm.
const PORE_MM: f32 = 1.2;

/// Where the surface is steeper than this (cosine to the ray) it goes over into an orbit or a sinus: no vault there.
const LEAST_SLANT: f64 = 0.5;

impl OtherSide {
    /// From raw mirrored rays (NaN where no bone) and the places that are open on the other side.
    pub fn new(sheet: &Sheet, outer: &[f32], inner: &[f32], open: &[bool]) -> Self {
        let whole: Vec<bool> = (0..outer.len())
            .map(|i| !open[i] && outer[i].is_finite() && THICKNESS_MM.contains(&(outer[i] - inner[i])))
            .collect();
        let outer = sheet.fill_from(outer, &whole);
        let inner = sheet.fill_from(inner, &whole);
        // An opening that a disc of the pore's radius cannot enter is no opening.
        let from_whole = sheet.distance_mm(&whole);
        let deep: Vec<bool> = from_whole.iter().map(|&d| d > PORE_MM).collect();
        let normals = sheet.normals(&outer);
        let cliff: Vec<bool> = (0..outer.len()).map(|i| normals[i].dot(&sheet.directions[i]) < LEAST_SLANT).collect();
        let (to_open, to_cliff) = (sheet.distance_mm(&deep), sheet.distance_mm(&cliff));
        let seen = to_open.iter().zip(&to_cliff).map(|(&o, &c)| o > GUARD_MM && c > GUARD_MM).collect();
        Self { outer, inner, seen }
    }
}

impl OtherSide {
    pub fn tables(&self) -> Tables {
        let thickness = self.outer.iter().zip(&self.inner).map(|(o, i)| o - i).collect();
        Tables { outer: self.outer.clone(), thickness }
    }
}

/// A small rigid motion in the head frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Motion {
    rotation: Matrix3<f64>,
    shift_mm: Vector3<f64>,
}

impl Motion {
    const STILL: Self =
        Self { rotation: Matrix3::new(1., 0., 0., 0., 1., 0., 0., 0., 1.), shift_mm: Vector3::new(0., 0., 0.) };

    fn apply(&self, p: &Vector3<f64>) -> Vector3<f64> {
        self.rotation * p + self.shift_mm
    }

    fn undo(&self, p: &Vector3<f64>) -> Vector3<f64> {
        self.rotation.tr_mul(&(p - self.shift_mm))
    }
}

/// Rounds of the registration, and its robust cut-off from the first to the last, mm (J. W. Tukey's biweight).
const ROUNDS: usize = 24;
const CUT_MM: [f64; 2] = [8.0, 2.5];
/// Weight of staying put against all points: the skull is round and slides along itself if nothing holds it.
const STAY: f64 = 0.003;

/// Moves the mirrored outer surface onto the trusted rim: point to plane, Gauss–Newton, `distance_mm` from the missing part.
pub(crate) fn register(
    sheet: &Sheet,
    disc: &Disc,
    outer_mm: &[f32],
    trust: &Trust,
    distance_mm: &[f32],
    other: &OtherSide,
) -> Motion {
    let rim: Vec<bool> =
        (0..outer_mm.len()).map(|i| trust.outer[i] && distance_mm[i] <= super::predict::REACH_MM).collect();
    let target = sheet.fill_from(&sheet.smooth_where(outer_mm, &rim, 1.5), &rim);
    let normals = sheet.normals(&target);
    let step = (3.0 / sheet.pixel_mm).round().max(1.0) as usize;
    let points: Vec<Vector3<f64>> = (0..outer_mm.len())
        .filter(|&i| sheet.on_lattice(i, step))
        .filter(|&i| other.seen[i] && distance_mm[i] <= super::predict::REACH_MM + 8.0)
        .map(|i| sheet.directions[i] * other.outer[i] as f64)
        .collect();
    let mut motion = Motion::STILL;
    let radius = sheet.pixel_mm / disc.pixel();
    for round in 0..ROUNDS {
        let cut = CUT_MM[0] + (CUT_MM[1] - CUT_MM[0]) * (round as f64 / (ROUNDS as f64 * 0.6)).min(1.0);
        let (mut normal, mut right, mut total) = (Matrix6::<f64>::zeros(), Vector6::<f64>::zeros(), 0.0);
        for point in &points {
            let y = motion.apply(point);
            let Some(pixel) = disc.nearest(&y).filter(|&p| rim[p]) else { continue };
            let (row, column) = disc.position(&y);
            let n = &normals[pixel];
            let error = (y.norm() - disc.sample_at(&target, row, column) as f64) * n.dot(&y) / y.norm();
            if error.abs() >= cut {
                continue;
            }
            let weight = (1.0 - (error / cut).powi(2)).powi(2);
            let turn = y.cross(n);
            let jacobian = Vector6::new(turn.x, turn.y, turn.z, n.x, n.y, n.z);
            normal += jacobian * jacobian.transpose() * weight;
            right += jacobian * (error * weight);
            total += weight;
        }
        if total < 20.0 {
            return Motion::STILL;
        }
        for k in 0..6 {
            normal[(k, k)] += STAY * total * if k < 3 { radius * radius } else { 1.0 };
        }
        let Some(step) = normal.cholesky().map(|c| c.solve(&-right)) else { return motion };
        let turn = Rotation3::from_scaled_axis(Vector3::new(step[0], step[1], step[2])).into_inner();
        motion = Motion {
            rotation: turn * motion.rotation,
            shift_mm: turn * motion.shift_mm + Vector3::new(step[3], step[4], step[5]),
        };
        if step.norm() < 1e-7 {
            break;
        }
    }
    motion
}

/// The mirrored side after a motion, as maps over the patch again.
pub(crate) struct Moved {
    /// Outer radius and thickness on the domain, mm.
    pub tables: Tables,
    /// Whether bone was seen there.
    pub seen: Vec<bool>,
}

/// Resamples the moved surfaces: r along û with |T⁻¹(r û)| equal to the mirrored map there, by fixed point.
pub(crate) fn resample(sheet: &Sheet, disc: &Disc, other: &OtherSide, motion: &Motion, domain: &[bool]) -> Moved {
    let cast = |i: usize, map: &[f32]| -> (f64, Vector3<f64>) {
        let direction = &sheet.directions[i];
        let mut radius = map[i] as f64;
        let mut source = motion.undo(&(direction * radius));
        for _ in 0..6 {
            let (row, column) = disc.position(&source);
            radius += disc.sample_at(map, row, column) as f64 - source.norm();
            source = motion.undo(&(direction * radius));
        }
        (radius, source)
    };
    let all: Vec<(f32, f32, bool)> = (0..domain.len())
        .into_par_iter()
        .map(|i| {
            if !domain[i] {
                return (0.0, 0.0, false);
            }
            let (outer, source) = cast(i, &other.outer);
            let (inner, _) = cast(i, &other.inner);
            let seen = disc.nearest(&source).is_some_and(|p| other.seen[p]);
            (outer as f32, (outer - inner) as f32, seen)
        })
        .collect();
    Moved {
        tables: Tables { outer: all.iter().map(|v| v.0).collect(), thickness: all.iter().map(|v| v.1).collect() },
        seen: all.iter().map(|v| v.2).collect(),
    }
}
