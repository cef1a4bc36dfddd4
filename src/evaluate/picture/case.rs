use super::canvas::{Canvas, FAINT, INK, LINE, WHITE};
use super::map::error_map;
use crate::evaluate::crop::{bounding_box, crop, margin};
use crate::evaluate::{Outcome, OuterPoint, Truth};
use crate::geometry::Volume;
use image::Rgb;

/// Side of a slice's panel, pixels.
const SIDE: i32 = 270;
/// Between panels, pixels.
const GAP: i32 = 8;
/// Shown around the implants, mm.
const AROUND_MM: f64 = 14.0;
const BONE: Rgb<u8> = Rgb([196, 196, 200]);
const TRUE: Rgb<u8> = Rgb([0, 140, 70]);
const PREDICTED: Rgb<u8> = Rgb([215, 30, 60]);

/// One case as PNG: three slices through the true implant with both outlines, and the outer error as a map.
pub fn case(outcome: &Outcome, truth: &Truth, predicted: &Volume<u8>, outer: &[OuterPoint]) -> Vec<u8> {
    draw(outcome, truth, predicted, outer).png()
}

pub(super) fn draw(outcome: &Outcome, truth: &Truth, predicted: &Volume<u8>, outer: &[OuterPoint]) -> Canvas {
    let top = 2 * LINE + GAP;
    let mut canvas = Canvas::new((4 * SIDE + 5 * GAP + 70) as u32, (top + SIDE + LINE + GAP) as u32);
    let s = &outcome.scores;
    let outer_mm = s.outer.map_or_else(String::new, |f| format!(", outer {:.2} mm", f.mean_mm));
    let figures = format!("DSC {:.3}, bDSC {:.3}, HD95 {:.2} mm{outer_mm}", s.dice, s.border_dice, s.hausdorff95_mm);
    canvas.text(GAP, 4, &format!("{}, {}: {figures}", outcome.method, outcome.name), INK);
    canvas.text(GAP, 4 + LINE, "true implant", TRUE);
    canvas.text(GAP + 90, 4 + LINE, "predicted implant", PREDICTED);
    if let Some(why) = &outcome.failure {
        canvas.text(GAP + 220, 4 + LINE, why, INK);
    }
    let around = margin(&truth.implant.grid, AROUND_MM);
    if let Some((low, high)) = bounding_box(&[&truth.implant], around) {
        let cut = |v: &Volume<u8>| crop(v, low, high);
        let volumes = [cut(&truth.defective), cut(&truth.implant), cut(predicted)];
        let at = middle(&volumes[1]);
        for normal in 0..3 {
            let left = GAP + normal as i32 * (SIDE + GAP);
            slice(&mut canvas, [left, top], &volumes, 2 - normal, at[2 - normal]);
        }
    }
    error_map(&mut canvas, [GAP + 3 * (SIDE + GAP), top], SIDE, outer);
    canvas
}

/// A voxel of the mask near its mean place.
fn middle(mask: &Volume<u8>) -> [usize; 3] {
    let mut sum = [0usize; 4];
    for o in (0..mask.data.len()).filter(|&o| mask.data[o] != 0) {
        let at = mask.grid.index(o);
        sum = [sum[0] + at[0], sum[1] + at[1], sum[2] + at[2], sum[3] + 1];
    }
    std::array::from_fn(|k| sum[k] / sum[3].max(1))
}

/// A slice across one index axis: bone filled, both implants outlined, with a bar of 20 mm.
fn slice(canvas: &mut Canvas, [left, top]: [i32; 2], volumes: &[Volume<u8>; 3], normal: usize, at: usize) {
    let grid = &volumes[0].grid;
    let (across, up) = [(1, 2), (0, 2), (0, 1)][normal];
    let length = |k: usize| grid.size[k] as f64 * grid.spacing_mm[k];
    let px_per_mm = f64::from(SIDE) / length(across).max(length(up));
    // Up is up: against the slices' order for those that are stored from the vertex down; the front is above.
    let turned = if up == 2 { grid.direction[(2, 2)] > 0.0 } else { grid.direction[(1, 1)] < 0.0 };
    let voxel = |x: i32, y: i32| -> Option<[usize; 3]> {
        let place = |v: i32, k: usize| -> Option<usize> {
            let mm = (f64::from(v) + 0.5) / px_per_mm - (f64::from(SIDE) / px_per_mm - length(k)) / 2.0;
            let index = (mm / grid.spacing_mm[k]).floor();
            (index >= 0.0 && index < grid.size[k] as f64).then_some(index as usize)
        };
        let mut index = [0; 3];
        index[normal] = at;
        index[across] = place(x, across)?;
        index[up] = place(if turned { SIDE - 1 - y } else { y }, up)?;
        Some(index)
    };
    let set = |volume: &Volume<u8>, x: i32, y: i32| voxel(x, y).is_some_and(|p| volume.at(p[0], p[1], p[2]) != 0);
    for y in 0..SIDE {
        for x in 0..SIDE {
            if set(&volumes[0], x, y) {
                canvas.set(left + x, top + y, BONE);
            }
        }
    }
    for (volume, colour) in [(&volumes[1], TRUE), (&volumes[2], PREDICTED)] {
        for y in 0..SIDE {
            for x in 0..SIDE {
                let inside = set(volume, x, y);
                if inside && [(1, 0), (-1, 0), (0, 1), (0, -1)].iter().any(|(dx, dy)| !set(volume, x + dx, y + dy)) {
                    canvas.set(left + x, top + y, colour);
                }
            }
        }
    }
    canvas.frame([left, top], [left + SIDE - 1, top + SIDE - 1], FAINT);
    let bar = (20.0 * px_per_mm).round() as i32;
    let y = top + SIDE - 8;
    canvas.fill([left + 7, y - 2], [left + 7 + bar, y + 2], WHITE);
    canvas.fill([left + 8, y - 1], [left + 6 + bar, y + 1], INK);
    canvas.text(left + 14 + bar, y - 10, "20 mm", INK);
    canvas.text(left, top + SIDE + 2, ["sagittal", "coronal", "axial"][normal], INK);
}
