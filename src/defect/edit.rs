//! The user's corrections: painted shadows and drawn rims.

use super::describe::describe;
use super::local::{Local, PIXEL_MM};
use super::survey::seen;
use super::{Defect, EditKind, Error};
use crate::geometry::{Volume, label_components};
use crate::skull::Skull;
use nalgebra::Vector3;

/// The defect after all corrections, in order; its map is cast anew where they reach beyond it.
pub(super) fn edited(skull: &Skull, before: Option<&Defect>, edits: &[EditKind]) -> Result<Defect, Error> {
    let mut reach: Vec<Vector3<f64>> = Vec::new();
    if let Some(defect) = before {
        reach.extend(defect.rim_mm.iter().map(|p| seen(skull, p).0));
    }
    for edit in edits {
        match edit {
            EditKind::Paint { centre_mm, add: true, .. } => reach.push(seen(skull, centre_mm).0),
            EditKind::Paint { .. } => {}
            EditKind::Rim { points_mm } => reach.extend(points_mm.iter().map(|p| seen(skull, p).0)),
        }
    }
    let local = Local::around(skull, &reach, PIXEL_MM);
    let was = |o: usize| {
        let (Some(defect), Some(d)) = (before, local.directions[o]) else { return false };
        let (row, column) = defect.patch.disc.position(&d);
        let last = defect.patch.disc.size as f64 - 0.5;
        row > -0.5
            && column > -0.5
            && row < last
            && column < last
            && defect.patch.hole[row.round() as usize * defect.patch.disc.size + column.round() as usize]
    };
    let mut hole = local.mask(was);
    for edit in edits {
        match edit {
            EditKind::Paint { centre_mm, radius_mm, add } => {
                let (axis, far) = seen(skull, centre_mm);
                let cosine = (1.0 - (radius_mm / far).clamp(0.0, 1.0).powi(2)).sqrt();
                for (out, d) in hole.data.iter_mut().zip(&local.directions) {
                    if d.is_some_and(|d| d.dot(&axis) >= cosine) {
                        *out = u8::from(*add);
                    }
                }
            }
            EditKind::Rim { points_mm } => hole = inside_curve(skull, &local, points_mm),
        }
    }
    let pieces = label_components(&hole, true);
    let largest = pieces.sizes.iter().enumerate().max_by_key(|&(i, &n)| (n, usize::MAX - i)).map(|(i, _)| i as u32 + 1);
    let largest = largest.ok_or(Error::EmptyEdit)?;
    let hole = pieces.labels.map(|l| u8::from(l == largest));
    let surface = local.continued(&hole);
    describe(skull, local, &hole, &surface).ok_or(Error::EmptyEdit)
}

/// Pixels inside a closed curve drawn on the bone, by the even–odd rule on the map.
fn inside_curve(skull: &Skull, local: &Local, points_mm: &[[f64; 3]]) -> Volume<u8> {
    let corners: Vec<(f64, f64)> = points_mm.iter().map(|p| local.disc.position(&seen(skull, p).0)).collect();
    let size = local.disc.size;
    local.mask(|o| {
        let (row, column) = ((o / size) as f64, (o % size) as f64);
        let mut inside = false;
        for (i, a) in corners.iter().enumerate() {
            let b = corners[(i + 1) % corners.len()];
            if (a.0 > row) != (b.0 > row) && column < a.1 + (row - a.0) / (b.0 - a.0) * (b.1 - a.1) {
                inside = !inside;
            }
        }
        inside
    })
}
