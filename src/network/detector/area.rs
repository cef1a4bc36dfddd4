//! How large an opening is: finer rays along its border, where a pixel is open by halves.

use crate::network::seen::expected;
use crate::skull::Skull;
use nalgebra::Vector3;

/// A pixel is cut into this many parts along each side (0.65 mm).
const PARTS: usize = 4;
/// Where the network is less sure than this that bone is missing, a part without bone is a suture, thin bone, or another
/// gap and not the opening.
const UNLIKELY: f32 = 0.12;
/// Where it is surer than this all around, the whole pixel is open.
const SURE: f32 = 0.97;
/// The outer table is missing where bone ends deeper than this below the surface stretched across the opening, mm.
const DEEP_MM: f32 = 0.6;

/// Share of each pixel of the networks' map whose outer table is missing, 0..1: the network says which opening it is
/// (`probability`), finer rays where it ends. `outer_mm` is the surface as it would be closed, mm of the mean frame.
pub(super) fn open_shares(skull: &Skull, probability: &[f32], outer_mm: &[f32]) -> Vec<f32> {
    let expected = expected();
    let (disc, size) = (&expected.disc, expected.size());
    let mut shares = vec![0f32; disc.len()];
    let mut parts: Vec<(usize, Vector3<f64>, f32)> = Vec::new();
    for row in 1..size - 1 {
        for column in 1..size - 1 {
            let o = row * size + column;
            let around =
                || [o - size, o, o + size].into_iter().flat_map(|m| probability[m - 1..=m + 1].iter().copied());
            if probability[o] == 0.0 || around().all(|p| p < UNLIKELY) {
                continue;
            }
            if around().all(|p| p > SURE) {
                shares[o] = 1.0;
                continue;
            }
            for k in 0..PARTS * PARTS {
                let part = |k: usize| (k as f64 + 0.5) / PARTS as f64 - 0.5;
                let (v, u) = (row as f64 + part(k / PARTS), column as f64 + part(k % PARTS));
                let Some(mean) = disc.direction(v, u) else { continue };
                if probability[o].max(disc.sample_at(probability, v, u)) >= UNLIKELY {
                    let head = mean.component_div(&skull.scales).normalize();
                    parts.push((o, head, disc.sample_at(outer_mm, v, u)));
                }
            }
        }
    }
    let rays: Vec<Vector3<f64>> = parts.iter().map(|p| p.1).collect();
    for ((o, head, surface_mm), hit) in parts.iter().zip(skull.cast(&rays)) {
        let outer = hit.outer_mm * skull.mean_direction(head).1 as f32;
        // No bone at all is NaN.
        if outer.is_nan() || outer < surface_mm - DEEP_MM {
            shares[*o] += 1.0 / (PARTS * PARTS) as f32;
        }
    }
    shares
}
