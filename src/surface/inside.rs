//! Which voxels are inside, one bit each.

use rayon::prelude::*;

/// A voxel value a surface can be cut from: compared in its own type, so that no volume is converted whole.
pub trait Scalar: Copy + Into<f32> + Send + Sync {
    /// Sets bit `x` of `words` (64 a word, all zero before) where `row[x]` is inside; NaN never is.
    fn mark(row: &[Self], iso: f32, inside_above: bool, words: &mut [u64]);
}

impl Scalar for f32 {
    fn mark(row: &[f32], iso: f32, inside_above: bool, words: &mut [u64]) {
        if inside_above { mark_with(row, words, |v| v >= iso) } else { mark_with(row, words, |v| v < iso) }
    }
}

macro_rules! whole_number {
    ($($kind:ty),*) => {$(
        impl Scalar for $kind {
            fn mark(row: &[$kind], iso: f32, inside_above: bool, words: &mut [u64]) {
                // v ≥ iso is v ≥ ⌈iso⌉ for whole numbers; beyond the type's range it is always or never so.
                let least = iso.ceil();
                if least.is_nan() {
                    return;
                }
                if least > <$kind>::MAX as f32 {
                    return mark_with(row, words, |_| !inside_above);
                }
                let least = least.max(<$kind>::MIN as f32) as $kind;
                if inside_above {
                    mark_with(row, words, |v| v >= least)
                } else {
                    mark_with(row, words, |v| v < least)
                }
            }
        }
    )*};
}

whole_number!(u8, i8, u16, i16);

#[inline(always)]
fn mark_with<T: Copy>(row: &[T], words: &mut [u64], inside: impl Fn(T) -> bool) {
    let (blocks, rest) = row.as_chunks::<64>();
    for (block, word) in blocks.iter().zip(words.iter_mut()) {
        // Bytes first: compilers turn this loop into wide compares.
        let mut bytes = [0u8; 64];
        for (byte, &v) in bytes.iter_mut().zip(block) {
            *byte = u8::from(inside(v));
        }
        for (k, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
            // The product moves the lowest bit of byte i to bit 56 + i, without a carry.
            *word |= (u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * k);
        }
    }
    for (k, &v) in rest.iter().enumerate() {
        words[blocks.len()] |= u64::from(inside(v)) << k;
    }
}

/// The inside bits of a volume, with a border of outside voxels around it when `pad` is 1.
pub(super) struct Inside {
    /// Voxels along each axis, border included.
    pub size: [usize; 3],
    /// Voxels of border on each side, 0 or 1.
    pub pad: usize,
    /// Words a row.
    pub words: usize,
    bits: Vec<u64>,
}

impl Inside {
    pub fn new<T: Scalar>(size: [usize; 3], values: &[T], iso: f32, inside_above: bool, pad: usize) -> Self {
        let padded = size.map(|n| n + 2 * pad);
        let words = padded[0].div_ceil(64);
        let mut bits = vec![0u64; words * padded[1] * padded[2]];
        bits.par_chunks_mut(words * padded[1]).enumerate().for_each(|(z, layer)| {
            if z < pad || z >= pad + size[2] {
                return;
            }
            for y in 0..size[1] {
                let from = size[0] * (y + size[1] * (z - pad));
                let row = &mut layer[(y + pad) * words..(y + pad + 1) * words];
                T::mark(&values[from..from + size[0]], iso, inside_above, row);
                if pad == 1 {
                    let mut carry = 0;
                    for word in row {
                        (*word, carry) = (*word << 1 | carry, *word >> 63);
                    }
                }
            }
        });
        Self { size: padded, pad, words, bits }
    }

    /// The words of one row.
    #[inline]
    pub fn row(&self, y: usize, z: usize) -> &[u64] {
        let from = self.words * (y + self.size[1] * z);
        &self.bits[from..from + self.words]
    }

    /// Bits of word `w` at which a cell (or an edge along x) starts: all but the row's last voxel.
    #[inline]
    pub fn starts(&self, w: usize) -> u64 {
        let left = (self.size[0] - 1).saturating_sub(64 * w);
        if left >= 64 { u64::MAX } else { (1 << left) - 1 }
    }
}

/// The word one voxel further along x: bit x of the result is bit x + 1 of the row.
#[inline]
pub(super) fn shifted(row: &[u64], w: usize) -> u64 {
    row[w] >> 1 | row.get(w + 1).copied().unwrap_or(0) << 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_equal_the_plain_comparison_in_every_type() {
        let (nx, ny, nz) = (131, 3, 2);
        let values: Vec<i16> = (0..nx * ny * nz).map(|i| ((i * 7919) % 613) as i16 - 300).collect();
        let floats: Vec<f32> = values.iter().map(|&v| f32::from(v)).collect();
        for iso in [0.0f32, 0.5, -17.0, -299.5, 1e9, -1e9, 312.0] {
            for above in [true, false] {
                for pad in [0, 1] {
                    let a = Inside::new([nx, ny, nz], &values, iso, above, pad);
                    let b = Inside::new([nx, ny, nz], &floats, iso, above, pad);
                    assert_eq!(a.bits, b.bits, "iso {iso} above {above} pad {pad}");
                    for (i, &v) in values.iter().enumerate() {
                        let (x, y, z) = (i % nx + pad, i / nx % ny + pad, i / (nx * ny) + pad);
                        assert_eq!(a.row(y, z)[x / 64] >> (x % 64) & 1 == 1, (f32::from(v) >= iso) == above);
                    }
                }
            }
        }
    }
}
