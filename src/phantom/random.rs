//! The phantoms' numbers: a seed means the same head on every machine and in every version.

use crate::geometry::{Random, SPLITMIX_STEP, splitmix};

/// One step of SplitMix64 from a state.
#[inline]
pub(super) fn mix(state: u64) -> u64 {
    splitmix(state.wrapping_add(SPLITMIX_STEP))
}

/// The phantoms' stream of a seed; `number` separates uses of the same seed. The committed lists of defects and of
/// disturbed cases stand on these numbers.
pub(super) fn stream(seed: u64, number: u64) -> Random {
    Random::from_state(mix(seed ^ mix(number)).wrapping_add(SPLITMIX_STEP))
}

/// A nearly normal number (mean 0, standard deviation 1) belonging to a voxel: the sum of four uniform ones,
/// so that every thread finds the same noise without a shared state.
#[inline]
pub(super) fn noise(seed: u64, voxel: u64) -> f64 {
    let bits = mix(seed ^ voxel.wrapping_mul(0xD134_2543_DE82_EF95));
    let sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
    // Four uniforms on [0, 1): mean 2, variance 4/12.
    (sum as f64 / 65536.0 - 2.0 + 2.0 / 65536.0) * 3f64.sqrt()
}

/// Smooth random texture in about [−1, 1] with cells of one unit: trilinear value noise.
pub(super) fn texture(seed: u64, x: f64, y: f64, z: f64) -> f64 {
    let (bx, by, bz) = (x.floor(), y.floor(), z.floor());
    let (fx, fy, fz) = (x - bx, y - by, z - bz);
    let value = |dx: i64, dy: i64, dz: i64| {
        let key = (bx as i64 + dx) as u64 & 0xF_FFFF
            | ((by as i64 + dy) as u64 & 0xF_FFFF) << 20
            | ((bz as i64 + dz) as u64 & 0xF_FFFF) << 40;
        (mix(seed ^ key.wrapping_mul(0x2545_F491_4F6C_DD1D)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t * t * (3.0 - 2.0 * t);
    let row = |dy, dz| mix(value(0, dy, dz), value(1, dy, dz), fx);
    mix(mix(row(0, 0), row(1, 0), fy), mix(row(0, 1), row(1, 1), fy), fz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let n = 200_000;
        let values: Vec<f64> = (0..n).map(|i| noise(7, i)).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn streams_are_fixed_and_differ() {
        let first = |seed, number| stream(seed, number).bits();
        assert_eq!(first(3, 1), 0x93AD_2331_B6C2_F57F);
        assert_ne!(first(3, 1), first(3, 2));
        assert_ne!(first(3, 1), first(4, 1));
    }
}
