//! What the detector sees of a head.

use crate::network::seen::{NEAR_MM, Seen, expected};

/// Input channels.
pub(crate) const INPUTS: usize = 12;

/// `[INPUTS][size][size]`: residuals of the two tables and the thickness, whether there is bone, thin bone, whether it
/// was scanned; then the mean vault: thickness, two spreads, share, where a hole may be, and where on the head.
pub(crate) fn channels(seen: &Seen) -> Vec<f32> {
    let mean = expected();
    let (n, size) = (mean.disc.len(), mean.size());
    let mut out = vec![0f32; INPUTS * n];
    for o in 0..n {
        let bone = seen.outer_mm[o].is_finite();
        let thickness = seen.outer_mm[o] - seen.inner_mm[o];
        let own = |v: f32, by: f32| if bone { (v / by).clamp(-2.0, 2.0) } else { 0.0 };
        let middle = (size - 1) as f32 / 2.0;
        let values: [f32; INPUTS] = [
            own(seen.outer_mm[o] - mean.outer_mm[o], 6.0),
            own(seen.inner_mm[o] - (mean.outer_mm[o] - mean.thickness_mm[o]).max(mean.outer_mm[o] - NEAR_MM), 6.0),
            own(thickness - mean.thickness_mm[o], 4.0),
            f32::from(u8::from(bone)),
            seen.peak[o],
            seen.scanned[o],
            mean.thickness_mm[o] / 8.0,
            mean.outer_sd_mm[o] / 4.0,
            mean.thickness_sd_mm[o] / 3.0,
            mean.share[o],
            mean.closed[o],
            ((o / size) as f32 - middle) / middle,
        ];
        values.iter().enumerate().for_each(|(c, v)| out[c * n + o] = *v);
    }
    out
}
