//! Scores of many predictions against one truth: what depends on the truth alone is made once.

use super::crop::{bounding_box, crop, margin};
use super::faces::{Faces, OuterPoint, TrueFaces};
use super::overlap::{dice, dice_within};
use super::scores::{Scores, without_voxels};
use super::surface_distance::Surface;
use crate::geometry::{Field, Volume, distance_to_set_mm};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// The border band reaches this far from the defective skull, mm.
const BAND_MM: f64 = 10.0;
/// Around both implants the figures need this much room, mm.
const ROOM_MM: f64 = BAND_MM + 2.0;
/// Predictions that stray no farther than this from the true implant share its distances, mm.
const SLACK_MM: f64 = 6.0;

/// One true implant in its skull. The volumes lie on one grid with orthogonal axes; nonzero is set.
pub struct Judge<'a> {
    defective: &'a Volume<u8>,
    truth: &'a Volume<u8>,
    /// A place inside the head, index times spacing.
    middle_mm: Vector3<f64>,
    /// `None` for an empty truth.
    near: Option<Near>,
}

/// What is known of the truth within a box of voxels.
struct Near {
    low: [usize; 3],
    high: [usize; 3],
    bone: Volume<u8>,
    truth: Volume<u8>,
    voxels: usize,
    to_bone: Field,
    surface: Surface,
    faces: TrueFaces,
}

/// What is said of one prediction.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The figures.
    pub scores: Scores,
    /// Points of the true outer face, LPS mm, with the prediction's distance.
    pub outer: Vec<OuterPoint>,
}

impl<'a> Judge<'a> {
    /// Looks at the truth.
    pub fn new(defective: &'a Volume<u8>, truth: &'a Volume<u8>) -> Self {
        let middle_mm = middle_mm(defective);
        let bounds = bounding_box(&[truth], margin(&truth.grid, ROOM_MM + SLACK_MM));
        let near = bounds.map(|(low, high)| Near::new(defective, truth, low, high, &middle_mm));
        Self { defective, truth, middle_mm, near }
    }

    /// Scores an implant mask on the same grid.
    pub fn judge(&self, predicted: &Volume<u8>) -> Verdict {
        let Some((low, high)) = bounding_box(&[self.truth, predicted], margin(&self.truth.grid, ROOM_MM)) else {
            return Verdict { scores: without_voxels(), outer: Vec::new() };
        };
        let held = |n: &&Near| (0..3).all(|k| n.low[k] <= low[k] && n.high[k] >= high[k]);
        match self.near.as_ref().filter(held) {
            Some(near) => near.judge(predicted),
            None => Near::new(self.defective, self.truth, low, high, &self.middle_mm).judge(predicted),
        }
    }
}

/// Scores one implant mask. All three volumes lie on one grid with orthogonal axes; nonzero is set.
pub fn score(defective: &Volume<u8>, truth: &Volume<u8>, predicted: &Volume<u8>) -> Scores {
    Judge::new(defective, truth).judge(predicted).scores
}

impl Near {
    fn new(
        defective: &Volume<u8>,
        truth: &Volume<u8>,
        low: [usize; 3],
        high: [usize; 3],
        middle_mm: &Vector3<f64>,
    ) -> Self {
        let (bone, truth) = (crop(defective, low, high), crop(truth, low, high));
        let to_bone = distance_to_set_mm(&bone);
        let centre = middle_mm - Vector3::from_fn(|k, _| low[k] as f64 * truth.grid.spacing_mm[k]);
        Self {
            low,
            high,
            voxels: count(&truth),
            surface: Surface::new(&truth),
            faces: TrueFaces::new(&bone, &truth, &to_bone, &centre),
            bone,
            truth,
            to_bone,
        }
    }

    fn judge(&self, predicted: &Volume<u8>) -> Verdict {
        let grid = &predicted.grid;
        let part = crop(predicted, self.low, self.high);
        let (p, g) = (count(&part), self.voxels);
        let distances = Surface::new(&part).distances(&self.surface);
        let faces = if p > 0 && g > 0 { self.faces.compare(&self.bone, &part) } else { Faces::default() };
        let voxel_mm3 = grid.voxel_mm3();
        let scores = Scores {
            dice: dice(&part, &self.truth),
            border_dice: dice_within(&self.to_bone, &part, &self.truth, BAND_MM),
            hausdorff_mm: distances.hausdorff(),
            hausdorff95_mm: distances.hausdorff95(),
            hausdorff95_max_mm: distances.hausdorff95_max(),
            mean_distance_mm: distances.mean(),
            within_half_mm: distances.share_within(0.5),
            within_1mm: distances.share_within(1.0),
            within_2mm: distances.share_within(2.0),
            volume_error: if g == 0 { f64::INFINITY } else { p as f64 / g as f64 - 1.0 },
            true_mm3: g as f64 * voxel_mm3,
            predicted_mm3: p as f64 * voxel_mm3,
            outer: faces.outer,
            inner: faces.inner,
            rim_curvature_per_mm2: faces.rim_curvature_per_mm2,
            empty: false,
        };
        // From index times spacing in the crop to LPS.
        let corner = grid.lps_from_index(&Vector3::from_fn(|k, _| self.low[k] as f64));
        let turn: Matrix3<f64> = grid.direction;
        let lps = |p: &OuterPoint| OuterPoint {
            at_mm: corner.coords + turn * p.at_mm,
            normal: turn * p.normal,
            error_mm: p.error_mm,
        };
        Verdict { scores, outer: faces.points.iter().map(lps).collect() }
    }
}

fn count(mask: &Volume<u8>) -> usize {
    mask.data.iter().filter(|&&v| v != 0).count()
}

/// Mean place of the bone (index times spacing): inside the head, near enough to its middle to tell outer from inner.
fn middle_mm(bone: &Volume<u8>) -> Vector3<f64> {
    let [nx, ny, _] = bone.grid.size;
    let slices = bone.data.par_chunks(nx * ny).enumerate().step_by(4).map(|(z, slice)| {
        let mut sum = [0u64; 4];
        for (y, line) in slice.chunks(nx).enumerate().step_by(4) {
            for (x, _) in line.iter().enumerate().filter(|(_, v)| **v != 0) {
                sum = [sum[0] + x as u64, sum[1] + y as u64, sum[2] + z as u64, sum[3] + 1];
            }
        }
        sum
    });
    let sum = slices.reduce(|| [0; 4], |a, b| std::array::from_fn(|k| a[k] + b[k]));
    let count = sum[3].max(1) as f64;
    Vector3::from_fn(|k, _| sum[k] as f64 / count * bone.grid.spacing_mm[k])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    /// A shell with a cap, the cap, and a prediction `shift` mm farther out, with a far speck when asked.
    fn shells(shift: f64, speck: bool) -> [Volume<u8>; 3] {
        let grid = Grid::axis_aligned([110, 110, 70], [0.8, 0.8, 1.0], Default::default());
        let place = |o: usize| {
            let [x, y, z] = grid.index(o);
            Vector3::new(x as f64 * 0.8 - 43.6, y as f64 * 0.8 - 43.6, z as f64 - 10.0)
        };
        let make = |inner: f64, outer: f64, cap: bool| {
            let bone =
                |p: Vector3<f64>| (inner..=outer).contains(&p.norm()) && (p.xy().norm() < 14.0 && p.z > 0.0) == cap;
            Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(bone(place(o)))).collect::<Vec<u8>>())
        };
        let mut predicted = make(34.0 + shift, 40.0 + shift, true);
        if speck {
            predicted.data[0] = 1;
        }
        [make(34.0, 40.0, false), make(34.0, 40.0, true), predicted]
    }

    #[test]
    fn sharing_the_truth_changes_no_figure() {
        let [bone, truth, near] = shells(0.7, false);
        let [_, _, far] = shells(0.7, true);
        let judge = Judge::new(&bone, &truth);
        assert!(judge.near.is_some());
        for predicted in [&near, &far, &truth] {
            // Judged alone, on exactly the box that both implants need.
            let (low, high) = bounding_box(&[&truth, predicted], margin(&truth.grid, ROOM_MM)).expect("voxels");
            let alone = Near::new(&bone, &truth, low, high, &judge.middle_mm).judge(predicted);
            let shared = judge.judge(predicted);
            assert_eq!(shared.scores.dice, alone.scores.dice);
            assert_eq!(shared.scores.border_dice, alone.scores.border_dice);
            assert!((shared.scores.hausdorff95_mm - alone.scores.hausdorff95_mm).abs() < 1e-12);
            assert!((shared.scores.mean_distance_mm - alone.scores.mean_distance_mm).abs() < 1e-12);
            let (a, b) = (shared.scores.outer.expect("a face"), alone.scores.outer.expect("a face"));
            assert!((a.mean_mm - b.mean_mm).abs() < 1e-5, "{a:?} {b:?}");
        }
        assert!(judge.judge(&far).scores.hausdorff_mm > 30.0);
        let nothing = truth.map(|_| 0u8);
        assert_eq!(judge.judge(&nothing).scores.dice, 0.0);
        assert!(Judge::new(&bone, &nothing).judge(&nothing).scores.empty);
        // The outer points lie on the ball in space.
        let verdict = judge.judge(&near);
        let radius = |p: &OuterPoint| (p.at_mm - Vector3::new(43.6, 43.6, 10.0)).norm();
        assert!(verdict.outer.iter().all(|p| (radius(p) - 40.0).abs() < 0.6 && (p.error_mm - 0.7).abs() < 0.6));
    }
}
