use super::canvas::{Canvas, FAINT, INK, LINE};
use super::map::{scale, shared};
use crate::reconstruct::{Alternative, Comparison};
use image::Rgb;

/// Side of a map, pixels, between them, and in a row.
const SIDE: i32 = 230;
const GAP: i32 = 14;
const ACROSS: usize = 4;
/// Lines of text below a map.
const LINES: i32 = 4;
const BONE: [f64; 3] = [226.0, 214.0, 192.0];

/// The methods at one hole as PNG: the outer surface of each from outside, coloured by its difference to the first, all
/// on one scale, with the figures below.
pub fn alternatives(comparison: &Comparison) -> Vec<u8> {
    draw(comparison).png()
}

pub(super) fn draw(comparison: &Comparison) -> Canvas {
    let all = &comparison.alternatives;
    let limit_mm = comparison.scale_mm();
    let rows = all.len().div_ceil(ACROSS).max(1) as i32;
    let (cell_w, cell_h) = (SIDE + GAP, SIDE + (LINES + 1) * LINE + GAP);
    let across = all.len().clamp(1, ACROSS) as i32;
    let mut canvas = Canvas::new((GAP + across * cell_w + 64) as u32, (GAP + rows * cell_h) as u32);
    for (i, alternative) in all.iter().enumerate() {
        let left = GAP + (i % ACROSS) as i32 * cell_w;
        let top = GAP + (i / ACROSS) as i32 * cell_h;
        canvas.text(left, top, &alternative.name(), INK);
        map(&mut canvas, [left, top + LINE], alternative, limit_mm);
        for (k, line) in figures(alternative, i == 0).iter().enumerate() {
            canvas.text(left, top + SIDE + LINE + 4 + k as i32 * LINE, line, INK);
        }
    }
    let left = GAP + across * cell_w;
    scale(&mut canvas, [left, GAP + LINE], SIDE, limit_mm);
    canvas.text(left, GAP, "mm", INK);
    canvas
}

fn figures(alternative: &Alternative, reference: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(rim) = alternative.rim {
        lines.push(format!("rim step {:.2} mm, kink {:.1}°", rim.step_mm, rim.kink_deg));
    }
    lines.extend(alternative.symmetry_mm.map(|mm| format!("from the other side {mm:.2} mm")));
    lines.push(match reference {
        true => "the reference".to_owned(),
        false => format!("95 % within {:.2} mm, most {:.2} mm", alternative.p95_mm, alternative.most_mm),
    });
    lines
}

fn map(canvas: &mut Canvas, [left, top]: [i32; 2], alternative: &Alternative, limit_mm: f64) {
    let relief = alternative.relief(SIDE as usize);
    for (i, (&shade, &difference)) in relief.shade.iter().zip(&relief.difference_mm).enumerate() {
        let (x, y) = ((i % relief.side) as i32, (i / relief.side) as i32);
        let base = match difference.is_nan() {
            true => BONE,
            false => shared(f64::from(difference) / limit_mm).0.map(f64::from),
        };
        canvas.set(left + x, top + y, Rgb(base.map(|c| (c * (0.25 + 0.75 * f64::from(shade))) as u8)));
    }
    canvas.frame([left, top], [left + SIDE - 1, top + SIDE - 1], FAINT);
    let bar = (20.0 / relief.pixel_mm).round() as i32;
    canvas.fill([left + 8, top + SIDE - 9], [left + 8 + bar, top + SIDE - 7], INK);
    canvas.text(left + 14 + bar, top + SIDE - 18, "20 mm", INK);
}
