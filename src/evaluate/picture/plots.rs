use super::canvas::{Canvas, FAINT, INK, LINE, tick_step, width};
use crate::evaluate::surface_distance::percentile;
use crate::evaluate::{Measure, Outcome, Summary};
use image::Rgb;

const PANEL: [i32; 2] = [560, 330];
const SHOWN: [&str; 4] = ["dice", "border_dice", "hausdorff95_mm", "outer_mean_mm"];
const BOX: Rgb<u8> = Rgb([150, 185, 220]);
const OUTLIER: Rgb<u8> = Rgb([200, 60, 40]);

/// Box plots of the methods as PNG: overlap, border overlap, 95th percentile of the distance, outer error.
///
/// A box spans the quartiles with the median across, whiskers reach the last value within 1.5 box lengths, values
/// beyond are dots. A failure counts with an overlap of 0 and has no distance.
pub fn plots(outcomes: &[Outcome], summary: &Summary) -> Vec<u8> {
    draw(outcomes, summary).png()
}

pub(super) fn draw(outcomes: &[Outcome], summary: &Summary) -> Canvas {
    let mut canvas = Canvas::new((2 * PANEL[0]) as u32, (2 * PANEL[1]) as u32);
    for (i, key) in SHOWN.iter().enumerate() {
        let Some(measure) = Measure::ALL.iter().find(|m| m.key == *key) else { continue };
        let groups: Vec<(&str, Vec<f64>)> = summary
            .all
            .iter()
            .map(|row| {
                let own = outcomes.iter().filter(|o| o.method == row.method);
                let mut values: Vec<f64> = own.filter_map(|o| measure.value(o)).collect();
                values.sort_by(f64::total_cmp);
                (row.method.as_str(), values)
            })
            .collect();
        let at = [(i as i32 % 2) * PANEL[0], (i as i32 / 2) * PANEL[1]];
        panel(&mut canvas, at, measure.label, &groups);
    }
    canvas
}

/// Quartiles, whiskers and what lies beyond them, of sorted values.
pub(super) struct FiveNumbers {
    pub quartiles: [f64; 3],
    pub whiskers: [f64; 2],
}

pub(super) fn five_numbers(sorted: &[f64]) -> FiveNumbers {
    let quartiles = [25.0, 50.0, 75.0].map(|p| percentile(sorted, p));
    let reach = 1.5 * (quartiles[2] - quartiles[0]);
    let within = || sorted.iter().copied().filter(|v| *v >= quartiles[0] - reach && *v <= quartiles[2] + reach);
    let whiskers = [within().fold(quartiles[0], f64::min), within().fold(quartiles[2], f64::max)];
    FiveNumbers { quartiles, whiskers }
}

fn panel(canvas: &mut Canvas, [left, top]: [i32; 2], title: &str, groups: &[(&str, Vec<f64>)]) {
    let (x0, x1) = (left + 52, left + PANEL[0] - 12);
    let (y0, y1) = (top + 12 + LINE, top + PANEL[1] - 14 - LINE);
    canvas.text(x0, top + 6, title, INK);
    let values = || groups.iter().flat_map(|g| g.1.iter().copied());
    let (low, high) = values().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        canvas.text_middle((x0 + x1) / 2, (y0 + y1) / 2, "no value", INK);
        return;
    }
    let step = tick_step((high - low).max(0.02), 6.0);
    let (from, to) = ((low / step).floor() * step, (high / step).ceil().max((low / step).floor() + 1.0) * step);
    let y_of = |v: f64| y1 - ((v - from) / (to - from) * f64::from(y1 - y0)).round() as i32;
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    for k in 0..=((to - from) / step).round() as i32 {
        let value = from + f64::from(k) * step;
        canvas.fill([x0, y_of(value)], [x1, y_of(value)], FAINT);
        canvas.text_right(x0 - 6, y_of(value) - LINE / 2, &format!("{value:.decimals$}"), INK);
    }
    let room = f64::from(x1 - x0) / groups.len().max(1) as f64;
    for (i, (name, sorted)) in groups.iter().enumerate() {
        let x = x0 + (room * (i as f64 + 0.5)) as i32;
        let label = if f64::from(width(name)) < room { (*name).to_owned() } else { name.chars().take(5).collect() };
        canvas.text_middle(x, y1 + 6, &label, INK);
        if sorted.is_empty() {
            continue;
        }
        let five = five_numbers(sorted);
        let half = (room * 0.28).min(34.0) as i32;
        let [q1, median, q3] = five.quartiles.map(y_of);
        canvas.fill([x, y_of(five.whiskers[0])], [x, y_of(five.whiskers[1])], INK);
        for whisker in five.whiskers {
            canvas.fill([x - half / 2, y_of(whisker)], [x + half / 2, y_of(whisker)], INK);
        }
        canvas.fill([x - half, q3], [x + half, q1], BOX);
        canvas.frame([x - half, q3], [x + half, q1], INK);
        canvas.fill([x - half, median - 1], [x + half, median + 1], INK);
        for v in sorted.iter().filter(|v| **v < five.whiskers[0] || **v > five.whiskers[1]) {
            canvas.fill([x - 2, y_of(*v) - 2], [x + 2, y_of(*v) + 2], OUTLIER);
        }
    }
    canvas.fill([x0, y0], [x0, y1], INK);
    canvas.fill([x0, y1], [x1, y1], INK);
}
