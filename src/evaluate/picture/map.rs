use super::canvas::{Canvas, FAINT, INK, LINE, tick_step};
use crate::evaluate::OuterPoint;
use crate::evaluate::faces::FARTHEST_MM;
use image::Rgb;
use nalgebra::Vector3;

/// Full colour, mm.
const LIMIT_MM: f64 = 3.0;
/// Where no outer face was predicted.
const MISSING: Rgb<u8> = Rgb([20, 20, 20]);

/// The outer error seen from outside, along the mean normal, with its colours beside.
pub(super) fn error_map(canvas: &mut Canvas, [left, top]: [i32; 2], side: i32, outer: &[OuterPoint]) {
    canvas.frame([left, top], [left + side - 1, top + side - 1], FAINT);
    canvas.text(left, top + side + 2, "outer face, predicted − true, mm", INK);
    scale(canvas, [left + side + 8, top], side, LIMIT_MM);
    let sum = outer.iter().fold(Vector3::zeros(), |s, p| s + p.normal);
    let Some(towards) = sum.try_normalize(1e-9) else {
        canvas.text_middle(left + side / 2, top + side / 2 - LINE / 2, "no outer face", INK);
        return;
    };
    let upright = if towards.z.abs() < 0.8 { Vector3::z() } else { -Vector3::y() };
    let right = upright.cross(&towards).normalize();
    let up = towards.cross(&right);
    let flat: Vec<[f64; 3]> =
        outer.iter().map(|p| [right.dot(&p.at_mm), up.dot(&p.at_mm), towards.dot(&p.at_mm)]).collect();
    let range = |k: usize| flat.iter().fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p[k]), h.max(p[k])));
    let (across, along) = (range(0), range(1));
    let px_per_mm = f64::from(side - 12) / (across.1 - across.0).max(along.1 - along.0).max(10.0);
    let half = (px_per_mm * 0.4).ceil() as i32;
    let mut order: Vec<usize> = (0..flat.len()).collect();
    order.sort_by(|&a, &b| flat[a][2].total_cmp(&flat[b][2]));
    let middle = |range: (f64, f64)| (range.0 + range.1) / 2.0;
    for i in order {
        let x = left + side / 2 + ((flat[i][0] - middle(across)) * px_per_mm).round() as i32;
        let y = top + side / 2 - ((flat[i][1] - middle(along)) * px_per_mm).round() as i32;
        canvas.fill([x - half, y - half], [x + half, y + half], colour(outer[i].error_mm));
    }
    let bar = (20.0 * px_per_mm).round() as i32;
    canvas.fill([left + 8, top + side - 9], [left + 8 + bar, top + side - 7], INK);
    canvas.text(left + 14 + bar, top + side - 18, "20 mm", INK);
}

/// The colours of ± `limit_mm` with their figures.
pub(super) fn scale(canvas: &mut Canvas, [left, top]: [i32; 2], side: i32, limit_mm: f64) {
    let (from, to) = (top + 8, top + side - 9);
    for y in from..=to {
        let share = f64::from(y - from) / f64::from(to - from);
        canvas.fill([left, y], [left + 14, y], shared(1.0 - 2.0 * share));
    }
    canvas.frame([left, from], [left + 14, to], INK);
    let step = tick_step(2.0 * limit_mm, 6.0).max(1.0);
    let ticks = (limit_mm / step).floor() as i32;
    for mm in (-ticks..=ticks).map(|tick| (f64::from(tick) * step).round() as i32) {
        let y = from + ((limit_mm - f64::from(mm)) / (2.0 * limit_mm) * f64::from(to - from)).round() as i32;
        canvas.fill([left + 14, y], [left + 17, y], INK);
        let sign = if mm > 0 {
            "+"
        } else if mm < 0 {
            "−"
        } else {
            ""
        };
        canvas.text(left + 21, y - LINE / 2, &format!("{sign}{}", mm.abs()), INK);
    }
}

/// Red where the prediction stands proud, blue where it lies too deep, pale where it is right.
pub(super) fn colour(error_mm: f64) -> Rgb<u8> {
    if error_mm >= FARTHEST_MM {
        return MISSING;
    }
    shared(error_mm / LIMIT_MM)
}

/// The colour of a share of the scale, −1 to 1.
pub(super) fn shared(share: f64) -> Rgb<u8> {
    let share = share.clamp(-1.0, 1.0);
    let full = if share > 0.0 { [178.0, 24.0, 43.0] } else { [33.0, 102.0, 172.0] };
    // The middle half of the way is pale, so that a millimetre is seen.
    let strength = share.abs().powf(0.7);
    Rgb(full.map(|c: f64| (236.0 + (c - 236.0) * strength).round() as u8))
}
