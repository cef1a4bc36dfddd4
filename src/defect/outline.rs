//! The border of a mask on a map as one smooth closed curve.

use crate::skull::map::convolve;

/// The longest closed curve where the smoothed mask passes one half, as continuous (row, column), counter-clockwise
/// or clockwise as met; empty when there is none.
pub(super) fn outline(mask: &[u8], size: usize, sigma_px: f64) -> Vec<(f64, f64)> {
    let soft = convolve(&mask.iter().map(|&v| f32::from(v.min(1))).collect::<Vec<f32>>(), size, sigma_px);
    longest(trace(&soft, size, 0.5))
}

/// Marching squares: all closed level curves of a map (the border pixels count as outside).
fn trace(map: &[f32], size: usize, level: f32) -> Vec<Vec<(f64, f64)>> {
    let value = |r: usize, c: usize| {
        if r == 0 || c == 0 || r + 1 == size || c + 1 == size { 0.0 } else { map[r * size + c] }
    };
    // Edge numbers: 2·pixel for the edge to the right neighbour, 2·pixel + 1 for the edge to the one below.
    let mut next = vec![u32::MAX; 2 * size * size];
    for r in 0..size - 1 {
        for c in 0..size - 1 {
            let corner = [value(r, c), value(r, c + 1), value(r + 1, c + 1), value(r + 1, c)];
            let inside = corner.map(|v| v >= level);
            let edge =
                [2 * (r * size + c), 2 * (r * size + c + 1) + 1, 2 * ((r + 1) * size + c), 2 * (r * size + c) + 1];
            // Walk so that the inside lies on the right: each edge left from inside to outside goes to the next one
            // entered, and a saddle joins its inside corners when their mean is inside.
            let crossed: Vec<usize> = (0..4).filter(|&k| inside[k] != inside[(k + 1) % 4]).collect();
            let leaves = |k: usize| inside[k] && !inside[(k + 1) % 4];
            let join = corner.iter().sum::<f32>() / 4.0 >= level;
            for &k in crossed.iter().filter(|&&k| leaves(k)) {
                let step = if crossed.len() == 2 || !join { 3 } else { 1 };
                let mut to = (k + step) % 4;
                while !crossed.contains(&to) || leaves(to) {
                    to = (to + step) % 4;
                }
                next[edge[k]] = edge[to] as u32;
            }
        }
    }
    let point = |e: usize| {
        let (o, down) = (e / 2, e % 2 == 1);
        let (r, c) = (o / size, o % size);
        let a = value(r, c);
        let b = if down { value(r + 1, c) } else { value(r, c + 1) };
        let t = f64::from((level - a) / (b - a));
        if down { (r as f64 + t, c as f64) } else { (r as f64, c as f64 + t) }
    };
    let mut curves = Vec::new();
    for start in 0..next.len() {
        let mut curve = Vec::new();
        let mut e = start;
        while next[e] != u32::MAX {
            curve.push(point(e));
            let to = next[e] as usize;
            next[e] = u32::MAX;
            e = to;
        }
        if curve.len() > 2 && e == start {
            curves.push(curve);
        }
    }
    curves
}

fn longest(curves: Vec<Vec<(f64, f64)>>) -> Vec<(f64, f64)> {
    curves.into_iter().max_by(|a, b| shoelace(a).abs().total_cmp(&shoelace(b).abs())).unwrap_or_default()
}

/// Signed area of a polygon.
pub(super) fn shoelace(points: &[(f64, f64)]) -> f64 {
    let next = points.iter().cycle().skip(1);
    points.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0
}

/// A closed curve in space, smoothed by a moving Gaussian of `sigma_mm` along it and resampled to even steps near
/// `step_mm`.
pub(super) fn resampled(points: &[[f64; 3]], sigma_mm: f64, step_mm: f64) -> Vec<[f64; 3]> {
    let fine = even(points, step_mm / 4.0);
    if fine.len() < 12 {
        return fine;
    }
    let reach = (3.0 * sigma_mm / (step_mm / 4.0)).ceil() as isize;
    let weight: Vec<f64> =
        (-reach..=reach).map(|k| (-0.5 * (k as f64 * step_mm / 4.0 / sigma_mm).powi(2)).exp()).collect();
    let total: f64 = weight.iter().sum();
    let count = fine.len() as isize;
    let smooth: Vec<[f64; 3]> = (0..count)
        .map(|i| {
            std::array::from_fn(|a| {
                let at = |k: isize| fine[(i + k).rem_euclid(count) as usize][a];
                (-reach..=reach).zip(&weight).map(|(k, w)| w * at(k)).sum::<f64>() / total
            })
        })
        .collect();
    even(&smooth, step_mm)
}

/// Points at even steps along a closed curve.
fn even(points: &[[f64; 3]], step_mm: f64) -> Vec<[f64; 3]> {
    let gap = |a: &[f64; 3], b: &[f64; 3]| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
    let lengths: Vec<f64> = (0..points.len()).map(|i| gap(&points[i], &points[(i + 1) % points.len()])).collect();
    let total: f64 = lengths.iter().sum();
    let count = ((total / step_mm).round() as usize).max(3);
    let mut out = Vec::with_capacity(count);
    let (mut i, mut passed) = (0usize, 0.0);
    for k in 0..count {
        let target = total * k as f64 / count as f64;
        while i + 1 < points.len() && passed + lengths[i] < target {
            passed += lengths[i];
            i += 1;
        }
        let t = if lengths[i] > 0.0 { ((target - passed) / lengths[i]).clamp(0.0, 1.0) } else { 0.0 };
        let (a, b) = (&points[i], &points[(i + 1) % points.len()]);
        out.push(std::array::from_fn(|d| a[d] + (b[d] - a[d]) * t));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discs_outline_has_its_area() {
        let size = 81;
        let inside = |o: usize| (((o / size) as f64 - 40.0).powi(2) + ((o % size) as f64 - 38.0).powi(2)).sqrt() < 25.3;
        let mask: Vec<u8> = (0..size * size).map(|o| u8::from(inside(o))).collect();
        let curve = outline(&mask, size, 1.0);
        let area = shoelace(&curve).abs();
        assert!((area / (std::f64::consts::PI * 25.3 * 25.3) - 1.0).abs() < 0.005, "{area}");
        for (r, c) in &curve {
            let d = ((r - 40.0).powi(2) + (c - 38.0).powi(2)).sqrt();
            assert!((d - 25.3).abs() < 0.5, "{d}");
        }
    }

    #[test]
    fn a_saddle_does_not_break_the_curve() {
        let size = 12;
        let mut mask = vec![0u8; size * size];
        for (r, c) in [(3, 3), (3, 4), (4, 3), (4, 4), (5, 5), (5, 6), (6, 5), (6, 6)] {
            mask[r * size + c] = 1;
        }
        let curves = trace(&mask.iter().map(|&v| f32::from(v)).collect::<Vec<f32>>(), size, 0.5);
        assert_eq!(curves.len(), 1, "the mean of the saddle's corners is inside");
    }

    #[test]
    fn resampling_keeps_a_circle() {
        let circle: Vec<[f64; 3]> = (0..300)
            .map(|i| (i as f64 / 300.0 * std::f64::consts::TAU).sin_cos())
            .map(|(s, c)| [30.0 * c, 30.0 * s, 5.0])
            .collect();
        let points = resampled(&circle, 1.0, 1.0);
        assert_eq!(points.len(), 188);
        assert!(points.iter().all(|p| (p[0].hypot(p[1]) - 30.0).abs() < 0.05 && p[2] == 5.0));
    }
}
