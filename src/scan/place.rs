//! Where stored slices lie in space, and the straight, even grid a scan is given.

use super::Finding;
use super::assemble::{self, MAX_SHEAR_DEG};
use super::error::Error;
use super::repair::Repair;
use super::samples::checked_count;
use crate::geometry::Grid;
use nalgebra::{Matrix3, Point3, Vector3};
use std::path::Path;

/// A slice may lie off its place in an even row by this share of the row's step: less is rounding.
const EVEN_TOLERANCE: f64 = 0.05;
/// Gaps may differ by this share before one counts as wide.
const GAP_TOLERANCE: f64 = 0.05;
/// Gaps wider than this between narrower ones leave too much of a head unseen, mm; vertex slices of 10 mm are met.
const MAX_GAP_MM: f64 = 12.0;
/// Gantries tilt by up to 30°; what leans further is no tilt.
const MAX_LEAN_DEG: f64 = 45.0;
/// A slice farther than this from the line of the others is shifted, mm: less is rounding.
const ASIDE_TOLERANCE_MM: f64 = 0.5;
/// No scanner's coordinates go so far, mm.
const NOWHERE_MM: f64 = 1e7;
/// Shifted slices need more room than the stored ones; a head's need no more than this many times theirs.
const MOST_ROOM: usize = 4;

/// The grid a scan is given, and how its stored slices come onto it.
pub(super) struct Place {
    /// The grid of the scan as read.
    pub(super) grid: Grid,
    /// `None` where the stored voxels lie on the grid as they are.
    pub(super) repair: Option<Repair>,
    /// What the repair means for the user.
    pub(super) findings: Vec<Finding>,
}

impl From<Grid> for Place {
    fn from(grid: Grid) -> Self {
        Self { grid, repair: None, findings: Vec::new() }
    }
}

/// Slices as they lie in space.
pub(super) struct Slices {
    /// Pixels along a row and along a column.
    pub(super) size: [usize; 2],
    /// Distance of pixels along a row and along a column, mm.
    pub(super) spacing_mm: [f64; 2],
    /// Unit LPS directions along a row and along a column, perpendicular.
    pub(super) axes: [Vector3<f64>; 2],
    /// Unit LPS normal, whichever hand.
    pub(super) normal: Vector3<f64>,
    /// LPS position of each slice's first pixel, mm, at rising heights along the normal.
    pub(super) positions_mm: Vec<Point3<f64>>,
}

impl Slices {
    /// The grid of these slices: their own where they lie evenly one above the other, else a straight one.
    ///
    /// # Errors
    /// Slices that repeat, lie nowhere or aside of the others' line, lean by more than a gantry can, or leave a part of
    /// the head out.
    pub(super) fn place(&self, path: &Path) -> Result<Place, Error> {
        let refuse = |what: String, next: &str| Error::Series { path: path.to_owned(), what, next: next.to_owned() };
        let [x, y] = self.spacing_mm;
        // What pixels measure is checked before slices are placed by it.
        assemble::checked_sides(path, [x, y, x])?;
        if self.positions_mm.iter().any(|p| !p.iter().all(|v| v.abs() < NOWHERE_MM)) {
            return Err(refuse("a slice has no usable position".to_owned(), "export the scan again from its source"));
        }
        let (first, last) = (self.positions_mm[0], self.positions_mm[self.positions_mm.len() - 1]);
        let heights: Vec<f64> = self.positions_mm.iter().map(|p| self.normal.dot(&(p - first))).collect();
        let height = heights[heights.len() - 1];
        let gaps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (low, high) = gaps.iter().fold((f64::INFINITY, 0f64), |(low, high), &gap| (low.min(gap), high.max(gap)));
        if low < 1e-3 {
            return Err(refuse(
                "several slices lie at the same place (repeated or contrast phases)".to_owned(),
                "choose a folder with one phase of the scan",
            ));
        }
        let line = last - first;
        let lean = self.normal.cross(&line).norm().atan2(height).to_degrees();
        if lean > MAX_LEAN_DEG {
            return Err(refuse(
                format!("the slices lean by {lean:.0}°, more than a gantry tilts"),
                "resample the scan to perpendicular axes",
            ));
        }
        let aside = self.positions_mm.iter().zip(&heights).map(|(p, h)| (p - first - line * (h / height)).norm());
        if let Some(most) = aside.max_by(f64::total_cmp).filter(|&most| most > ASIDE_TOLERANCE_MM) {
            return Err(refuse(
                format!("a slice lies {most:.1} mm aside of the others"),
                "export the series again from its source, or resample it",
            ));
        }

        let mean = height / gaps.len() as f64;
        let off = heights.iter().enumerate().map(|(i, h)| (h - i as f64 * mean).abs()).fold(0.0, f64::max);
        let uneven = off > EVEN_TOLERANCE * mean;
        if uneven && high > MAX_GAP_MM {
            return Err(refuse(
                format!("slices lie up to {high:.1} mm apart, so a part of the head is missing"),
                "export the complete series",
            ));
        }
        let tilted = lean > MAX_SHEAR_DEG;
        // Without a tilt the third axis is the line itself, rounding and all, and no slice is shifted.
        let third = if tilted { self.normal } else { line.normalize() };
        let along = if tilted { height } else { line.norm() };
        let size = [self.size[0], self.size[1], heights.len()];
        let direction = Matrix3::from_columns(&[self.axes[0], self.axes[1], third]);
        if !uneven && !tilted {
            return assemble::checked_grid(path, size, [x, y, along / gaps.len() as f64], first, direction)
                .map(Place::from);
        }

        let steps = if uneven { (height / step_mm(&gaps)).round().max(1.0) } else { gaps.len() as f64 };
        let places = self.positions_mm.iter().zip(&heights).map(|(p, h)| {
            let shift = |axis: usize| {
                if tilted { self.axes[axis].dot(&(p - first)) / self.spacing_mm[axis] } else { 0.0 }
            };
            [shift(0), shift(1), h / height * steps]
        });
        let (repair, start, straight) = Repair::new(self.size, places.collect());
        let room = |n: [usize; 3]| n[0].saturating_mul(n[1]);
        if room(straight) > room(size).saturating_mul(MOST_ROOM) {
            return Err(refuse(
                "the slices are shifted by more than their own size".to_owned(),
                "resample the scan to perpendicular axes",
            ));
        }
        checked_count(path, straight.map(|n| n as u64), 1, u64::MAX, true)?;
        let origin = first + self.axes[0] * (start[0] * x) + self.axes[1] * (start[1] * y);
        let grid = assemble::checked_grid(path, straight, [x, y, along / steps], origin, direction)?;
        let mut findings = Vec::new();
        if tilted {
            findings.push(Finding::new(format!(
                "The slices lean by {lean:.1}° (gantry tilt); each was shifted back to where its position says it was taken."
            )));
        }
        if uneven {
            findings.push(about_gaps(&gaps, &self.positions_mm, &self.normal, height / steps));
        }
        Ok(Place { grid, repair: Some(repair), findings })
    }
}

/// Steps along the index axes (columns, LPS mm) and origin → a place; a third axis that leans is straightened.
pub(super) fn from_steps(
    path: &Path,
    size: [usize; 3],
    steps_mm: &Matrix3<f64>,
    origin_mm: Point3<f64>,
) -> Result<Place, Error> {
    let spacing_mm = [0, 1, 2].map(|axis| steps_mm.column(axis).norm());
    let direction = Matrix3::from_fn(|row, axis| steps_mm[(row, axis)] / spacing_mm[axis]);
    if size[2] > 1
        && let Some(normal) = straightened(&direction)
    {
        let positions_mm = (0..size[2]).map(|k| origin_mm + steps_mm.column(2) * k as f64).collect();
        let axes = [0, 1].map(|axis| direction.column(axis).into_owned());
        let spacing_mm = [spacing_mm[0], spacing_mm[1]];
        return Slices { size: [size[0], size[1]], spacing_mm, axes, normal, positions_mm }.place(path);
    }
    assemble::checked_grid(path, size, spacing_mm, origin_mm, direction).map(Place::from)
}

/// The unit normal on which a third axis that leans as a gantry tilts can be set upright; `None` where it does not lean,
/// or leans further, or the other two axes are skewed themselves.
pub(super) fn straightened(direction: &Matrix3<f64>) -> Option<Vector3<f64>> {
    let [a, b, third] = [0, 1, 2].map(|axis| direction.column(axis).into_owned());
    let normal = a.cross(&b).try_normalize(1e-6).filter(|n| n.iter().all(|v| v.is_finite()))?;
    let normal = normal * third.dot(&normal).signum();
    let lean = normal.dot(&third).clamp(-1.0, 1.0).acos().to_degrees();
    let square = assemble::shear_deg(direction, 0, 1) <= MAX_SHEAR_DEG;
    (square && lean > MAX_SHEAR_DEG && lean <= MAX_LEAN_DEG).then_some(normal)
}

/// The step at which uneven slices are filled in, mm: that of the nearest two, unless these nearly meet.
fn step_mm(gaps: &[f64]) -> f64 {
    let low = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    low.max(usual_mm(gaps) / 2.0)
}

/// The usual gap, mm: the lower median.
fn usual_mm(gaps: &[f64]) -> f64 {
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// What uneven slices mean, in words for the user.
fn about_gaps(gaps: &[f64], positions_mm: &[Point3<f64>], normal: &Vector3<f64>, step: f64) -> Finding {
    let usual = usual_mm(gaps);
    let (low, high) = gaps.iter().fold((f64::INFINITY, 0f64), |(low, high), &gap| (low.min(gap), high.max(gap)));
    let wide: Vec<usize> = (0..gaps.len()).filter(|&i| gaps[i] > usual * (1.0 + GAP_TOLERANCE)).collect();
    // Whole multiples of the usual gap, each alone: slices were lost there. Several in a row are thick slices.
    let multiple = |i: usize| (gaps[i] / usual).round();
    let lost = !wide.is_empty()
        && low >= usual * (1.0 - GAP_TOLERANCE)
        && wide.windows(2).all(|pair| pair[1] > pair[0] + 1)
        && wide.iter().all(|&i| multiple(i) >= 2.0 && (gaps[i] / usual - multiple(i)).abs() < 0.1);
    if !lost {
        return Finding::new(format!(
            "The slices lie unevenly, {low:.2} to {high:.2} mm apart; between them the scan was filled in every {step:.2} mm. \
             Shape is coarse where they are wide apart."
        ));
    }
    let n: f64 = wide.iter().map(|&i| multiple(i) - 1.0).sum();
    let missing = if n == 1.0 { "1 slice is missing".to_owned() } else { format!("{n} slices are missing") };
    let axis = normal.iamax();
    let name = ["x", "y", "z"][axis];
    let between = |&i: &usize| {
        let (a, b) = (positions_mm[i][axis], positions_mm[i + 1][axis]);
        format!("{:.1} to {:.1}", a.min(b), a.max(b))
    };
    let places: Vec<String> = wide.iter().take(5).map(between).collect();
    let more = if wide.len() > 5 { " and elsewhere" } else { "" };
    Finding::new(format!(
        "{missing} ({usual:.2} mm apart elsewhere, up to {high:.2} mm here: {name} = {} mm{more}); what lies between was \
         filled in from the neighbours. Look at these places before you trust them.",
        places.join(", ")
    ))
}
