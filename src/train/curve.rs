//! The learning curve as a table and as a picture.

use super::trainer::CurvePoint;
use std::fmt::Write as _;

/// One line a look at the validation samples.
pub fn curve_csv(curve: &[CurvePoint]) -> String {
    let mut out = String::from("step,loss,validation\n");
    for p in curve {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{},{},{}", p.step, p.loss, p.validation);
    }
    out
}

/// Width and height of the picture.
pub const CURVE_SIZE: [u32; 2] = [720, 400];

const LEFT: f64 = 64.0;
const RIGHT: f64 = 704.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 368.0;
const INK: [u8; 3] = [40, 44, 52];
const LINE: [u8; 3] = [215, 219, 225];
const TRAINING: [u8; 3] = [150, 160, 175];
const VALIDATION: [u8; 3] = [200, 80, 30];

/// RGB pixels: loss in grey and validation in orange over steps, the loss on a logarithmic scale.
pub fn curve_picture(curve: &[CurvePoint]) -> Vec<u8> {
    let [width, height] = CURVE_SIZE;
    let mut picture = Canvas { rgb: vec![255; (width * height * 3) as usize] };
    let values = curve.iter().flat_map(|p| [p.loss, p.validation]).filter(|v| v.is_finite() && *v > 0.0);
    let (mut low, mut high) = values.fold((f64::INFINITY, 0f64), |(l, h), v| (l.min(v.into()), h.max(v.into())));
    if low > high {
        (low, high) = (0.1, 1.0);
    }
    let (low, high) = ((low * 0.9).ln(), (high * 1.1).ln());
    let last = curve.last().map_or(1, |p| p.step).max(1) as f64;
    let at = |step: f64, value: f64| {
        [LEFT + (RIGHT - LEFT) * step / last, BOTTOM - (BOTTOM - TOP) * (value.ln() - low) / (high - low)]
    };
    for i in 0..=4 {
        let value = (low + (high - low) * f64::from(i) / 4.0).exp();
        let [_, y] = at(0.0, value);
        picture.line([LEFT, y], [RIGHT, y], LINE);
        picture.write(&short(value), [6.0, y - 5.0]);
        let step = (last * f64::from(i) / 4.0).round();
        let [x, _] = at(step, low.exp());
        let text = short(step);
        picture.write(&text, [x - 4.0 * text.len() as f64, BOTTOM + 10.0]);
    }
    type Height = fn(&CurvePoint) -> f32;
    let lines: [(Height, [u8; 3]); 2] = [(|p| p.loss, TRAINING), (|p| p.validation, VALIDATION)];
    for (value, colour) in lines {
        let points: Vec<[f64; 2]> = curve
            .iter()
            .filter(|p| value(p).is_finite() && value(p) > 0.0)
            .map(|p| at(p.step as f64, value(p).into()))
            .collect();
        for pair in points.windows(2) {
            picture.line(pair[0], pair[1], colour);
        }
    }
    picture.rgb
}

/// Three digits that matter.
fn short(value: f64) -> String {
    if value == 0.0 || value >= 100.0 {
        return format!("{value:.0}");
    }
    let digits = (2.0 - value.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

struct Canvas {
    rgb: Vec<u8>,
}

impl Canvas {
    fn put(&mut self, x: f64, y: f64, colour: [u8; 3]) {
        let [width, height] = CURVE_SIZE;
        if x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height) {
            let o = 3 * (y as usize * width as usize + x as usize);
            self.rgb[o..o + 3].copy_from_slice(&colour);
        }
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: [u8; 3]) {
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0);
        for i in 0..=steps as usize {
            let t = i as f64 / steps;
            let (x, y) = (from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t);
            self.put(x, y, colour);
            self.put(x, y + 1.0, colour);
        }
    }

    fn write(&mut self, text: &str, at: [f64; 2]) {
        for (i, letter) in text.chars().enumerate() {
            for (row, bits) in digit(letter).iter().enumerate() {
                for column in 0..3 {
                    if bits >> (2 - column) & 1 == 1 {
                        let (x, y) = (at[0] + (4 * i + column) as f64 * 2.0, at[1] + row as f64 * 2.0);
                        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                            self.put(x + dx, y + dy, INK);
                        }
                    }
                }
            }
        }
    }
}

/// Rows of a digit, 3×5.
fn digit(letter: char) -> [u8; 5] {
    match letter {
        '0' => [0b111, 0b101, 0b101, 0b101, 0b111],
        '1' => [0b010, 0b110, 0b010, 0b010, 0b111],
        '2' => [0b111, 0b001, 0b111, 0b100, 0b111],
        '3' => [0b111, 0b001, 0b011, 0b001, 0b111],
        '4' => [0b101, 0b101, 0b111, 0b001, 0b001],
        '5' => [0b111, 0b100, 0b111, 0b001, 0b111],
        '6' => [0b111, 0b100, 0b111, 0b101, 0b111],
        '7' => [0b111, 0b001, 0b010, 0b010, 0b010],
        '8' => [0b111, 0b101, 0b111, 0b101, 0b111],
        '9' => [0b111, 0b101, 0b111, 0b001, 0b111],
        _ => [0, 0, 0, 0, 0b010],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_a_look_and_the_picture_its_two_lines() {
        let curve: Vec<CurvePoint> = (1..=5u16)
            .map(|i| CurvePoint { step: i.into(), loss: 1.0 / f32::from(i), validation: 0.9 / f32::from(i) })
            .collect();
        assert_eq!(curve_csv(&curve).lines().count(), 6);
        assert!(curve_csv(&curve).contains("\n2,0.5,0.45\n"));
        let picture = curve_picture(&curve);
        let of = |colour: [u8; 3]| picture.chunks_exact(3).filter(|p| **p == colour).count();
        assert!(of(TRAINING) > 300 && of(VALIDATION) > 300 && of(INK) > 100);
        // Nothing to draw is no failure.
        assert!(!curve_picture(&[]).is_empty());
    }
}
