//! Where stored slices lie in space, and the straight, even grid a scan is given.

use super::error::Error;
use super::repair::Repair;
use super::{Finding, assemble};
use crate::geometry::Grid;
use nalgebra::{Matrix3, Point3, Vector3};
use std::path::Path;

/// Gaps between slices may differ from their mean by this share before they count as uneven.
const GAP_TOLERANCE: f64 = 0.02;
/// The straight grid's slices are at most this many times as near as the stored ones are on average.
const MAX_FINER: f64 = 6.0;
/// Gaps wider than this leave too much of a head unseen, mm; slices of 10 mm are still met at the vertex.
const MAX_GAP_MM: f64 = 12.0;
/// The line of slice positions may lean from the slices' normal by this much before slices are shifted, degrees.
const LEAN_TOLERANCE_DEG: f64 = 0.5;
/// Gantries tilt by up to 30°; what leans further is no tilt.
const MAX_LEAN_DEG: f64 = 45.0;
/// A slice farther than this from the line of the others is shifted, mm: less is rounding.
const ASIDE_TOLERANCE_MM: f64 = 0.5;

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
    /// Slices that repeat, lie aside of the others' line, lean by more than a gantry can, or leave a part of the head out.
    pub(super) fn place(&self, path: &Path) -> Result<Place, Error> {
        let refuse = |what: String, next: &str| Error::Series { path: path.to_owned(), what, next: next.to_owned() };
        let [x, y] = self.spacing_mm;
        // What pixels measure is checked before slices are placed by it.
        assemble::checked_sides(path, [x, y, x])?;
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
        if high > MAX_GAP_MM {
            return Err(refuse(
                format!("slices lie up to {high:.1} mm apart, so a part of the head is missing"),
                "export the complete series",
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
        let uneven = high - mean > GAP_TOLERANCE * mean || mean - low > GAP_TOLERANCE * mean;
        let tilted = lean > LEAN_TOLERANCE_DEG;
        if !uneven && !tilted {
            let step = line / gaps.len() as f64;
            let direction = Matrix3::from_columns(&[self.axes[0], self.axes[1], step / step.norm()]);
            let size = [self.size[0], self.size[1], heights.len()];
            let spacing_mm = [self.spacing_mm[0], self.spacing_mm[1], step.norm()];
            return assemble::checked_grid(path, size, spacing_mm, first, direction).map(Place::from);
        }

        // As fine as the nearest two, unless these nearly meet: no slice is lost, and no memory.
        let step = height / (height / low.max(mean / MAX_FINER)).round().max(1.0);
        let places: Vec<[f64; 3]> = self
            .positions_mm
            .iter()
            .zip(&heights)
            .map(|(p, h)| {
                let along = |axis: usize| {
                    // What rounding left is no shift: moving a slice by it would only blur it.
                    if tilted { self.axes[axis].dot(&(p - first)) / self.spacing_mm[axis] } else { 0.0 }
                };
                [along(0), along(1), h / step]
            })
            .collect();
        let (repair, start, size) = Repair::new(self.size, places);
        let origin =
            first + self.axes[0] * (start[0] * self.spacing_mm[0]) + self.axes[1] * (start[1] * self.spacing_mm[1]);
        let direction = Matrix3::from_columns(&[self.axes[0], self.axes[1], self.normal]);
        let spacing_mm = [self.spacing_mm[0], self.spacing_mm[1], step];
        let grid = assemble::checked_grid(path, size, spacing_mm, origin, direction)?;
        let mut findings = Vec::new();
        if tilted {
            findings.push(Finding::new(format!(
                "The slices lean by {lean:.1}° (gantry tilt); each was shifted back to where its position says it was taken."
            )));
        }
        if uneven {
            findings.push(about_gaps(&gaps, &heights, step));
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
    let axes = [0, 1].map(|axis| direction.column(axis).into_owned());
    let third = direction.column(2).into_owned();
    let normal = axes[0].cross(&axes[1]).try_normalize(1e-6).map(|n| n * third.dot(&n).signum());
    let square = assemble::shear_deg(&direction, 0, 1) <= LEAN_TOLERANCE_DEG;
    let leans = |normal: &Vector3<f64>| {
        let lean = normal.dot(&third).clamp(-1.0, 1.0).acos().to_degrees();
        lean > LEAN_TOLERANCE_DEG && lean <= MAX_LEAN_DEG
    };
    let finite = steps_mm.iter().chain(origin_mm.iter()).all(|v| v.is_finite());
    match normal {
        Some(normal) if square && finite && size[2] > 1 && leans(&normal) => {
            let positions_mm = (0..size[2]).map(|k| origin_mm + steps_mm.column(2) * k as f64).collect();
            let size = [size[0], size[1]];
            Slices { size, spacing_mm: [spacing_mm[0], spacing_mm[1]], axes, normal, positions_mm }.place(path)
        }
        _ => assemble::checked_grid(path, size, spacing_mm, origin_mm, direction).map(Place::from),
    }
}

/// What uneven slices mean, in words for the user.
fn about_gaps(gaps: &[f64], heights: &[f64], step: f64) -> Finding {
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, usual, high) = (sorted[0], sorted[(sorted.len() - 1) / 2], sorted[sorted.len() - 1]);
    let wide: Vec<usize> = (0..gaps.len()).filter(|&i| gaps[i] > usual * (1.0 + GAP_TOLERANCE)).collect();
    // A few whole multiples of the usual gap: slices were lost there.
    let lost = !wide.is_empty()
        && low >= usual * (1.0 - GAP_TOLERANCE)
        && wide.iter().all(|&i| (gaps[i] / usual - (gaps[i] / usual).round()).abs() < 0.1);
    if lost {
        let n: f64 = wide.iter().map(|&i| (gaps[i] / usual).round() - 1.0).sum();
        let places: Vec<String> = wide.iter().take(5).map(|&i| format!("{:.0}", heights[i])).collect();
        let more = if wide.len() > 5 { " and more" } else { "" };
        return Finding::new(format!(
            "{n} slices are missing ({usual:.2} mm apart elsewhere, up to {high:.2} mm there, {} mm{more} above the first); \
             what lies between was filled in from the neighbours. Look at these places before you trust them.",
            places.join(", ")
        ));
    }
    Finding::new(format!(
        "The slices lie unevenly, {low:.2} to {high:.2} mm apart; between them the scan was filled in every {step:.2} mm. \
         Shape is coarse where they are wide apart."
    ))
}
