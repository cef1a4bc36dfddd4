//! How each head of the atlas differs from the mean vault, shipped in `assets/atlas`: what kriging and the shape
//! model learn from.

use super::map::{blur, fill_nearest};
use super::mean_vault::{MeanVault, RHO_MAX, SIZE};
use super::{InUse, Shipped, Skull, VaultError};
use crate::geometry::Disc;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use nalgebra::Vector3;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

const MAGIC: &[u8; 8] = b"CALHEADS";
const VERSION: u32 = 1;
const HEADER: usize = 8 + 4 + 4 + 8 + 4 + 4 + 32 + 32;
/// Pixels a side of a kept map: every second of the mean vault's.
const KEPT: usize = SIZE / 2;
/// Bone's texture below this is not shape, pixels of the mean vault's map (1.3 mm).
const SMOOTH_PX: f64 = 2.0;
/// A head differs from the mean by no more than this, mm.
const MOST_MM: f32 = 12.0;
/// Thickness of a calvaria between its tables, mm; a sinus or the base is thicker.
pub(crate) const THICKNESS_MM: std::ops::RangeInclusive<f32> = 0.8..=22.0;
/// Heads whose outer surfaces are nearer to each other than this on average are one head, mm.
pub const SAME_HEAD_MM: f32 = 0.35;
/// What is stored is whole steps of this, mm.
const STEP_MM: f32 = 0.04;
/// A direction where no bone of the vault was seen.
const UNKNOWN: i16 = i16::MIN;

/// One head's difference to the mean vault, mm of the mean frame, a value a pixel; `NaN` where no bone was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadMap {
    pub outer_mm: Vec<f32>,
    pub thickness_mm: Vec<f32>,
}

/// The heads of the atlas as differences to its mean vault.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadMaps {
    /// Directions about +z of the mean frame.
    pub disc: Disc,
    pub heads: Vec<HeadMap>,
    /// Hash of the mean vault they are differences to.
    vault_hash: [u8; 32],
}

impl HeadMap {
    /// Casts a whole skull along the directions of the mean frame. Texture below 2.6 mm is smoothed away.
    pub fn of(skull: &Skull) -> Self {
        let vault = MeanVault::in_use();
        let n = vault.disc.size;
        let pixels: Vec<(usize, Vector3<f64>)> = (0..vault.disc.len())
            .filter_map(|o| vault.disc.direction((o / n) as f64, (o % n) as f64).map(|d| (o, d)))
            .collect();
        let rays: Vec<Vector3<f64>> = pixels.iter().map(|(_, d)| d.component_div(&skull.scales).normalize()).collect();
        let (mut outer, mut thickness) = (vec![f32::NAN; n * n], vec![f32::NAN; n * n]);
        for (((o, _), ray), hit) in pixels.iter().zip(&rays).zip(skull.cast(&rays)) {
            let unit = skull.mean_direction(ray).1 as f32;
            let (far, thick) = (hit.outer_mm * unit, (hit.outer_mm - hit.inner_mm) * unit);
            let off = far - vault.outer_mm[*o];
            if THICKNESS_MM.contains(&thick) && off.abs() <= 1.5 * MOST_MM {
                outer[*o] = off.clamp(-MOST_MM, MOST_MM);
                thickness[*o] = thick - vault.thickness_mm[*o];
            }
        }
        let kept = |map: &[f32]| -> Vec<f32> {
            let known = map;
            let smooth = blur(map, n, SMOOTH_PX);
            let at = |r: usize, c: usize| {
                let four = [r * n + c, r * n + c + 1, (r + 1) * n + c, (r + 1) * n + c + 1];
                let seen = four.iter().filter(|&&o| known[o].is_finite()).count();
                if seen < 2 { f32::NAN } else { four.iter().map(|&o| smooth[o]).sum::<f32>() / 4.0 }
            };
            (0..KEPT * KEPT).map(|i| at(2 * (i / KEPT), 2 * (i % KEPT))).collect()
        };
        Self { outer_mm: kept(&outer), thickness_mm: kept(&thickness) }
    }

    /// Whether two maps are of one head: measured, the same head differs from its own map by 0.08 to 0.10 mm of outer
    /// radius on average, two heads by 0.6 mm and more (after their median difference is taken off).
    pub fn is_same(&self, other: &Self) -> bool {
        let mut apart: Vec<f32> =
            self.outer_mm.iter().zip(&other.outer_mm).map(|(a, b)| a - b).filter(|d| d.is_finite()).collect();
        if apart.len() < KEPT * KEPT / 8 {
            return false;
        }
        apart.sort_by(f32::total_cmp);
        let middle = apart[apart.len() / 2];
        apart.iter().map(|d| (d - middle).abs()).sum::<f32>() / (apart.len() as f32) < SAME_HEAD_MM
    }

    /// The map filled everywhere, from the nearest known pixel (0 when nothing is known).
    fn filled(&self) -> Self {
        let fill = |map: &[f32]| {
            let full = fill_nearest(map, KEPT);
            full.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect()
        };
        Self { outer_mm: fill(&self.outer_mm), thickness_mm: fill(&self.thickness_mm) }
    }
}

const SHIPPED: &[u8] = include_bytes!("../../assets/atlas/heads.bin");

// Who replaces the mean vault has to replace these as well: they are differences to it.
static HEADS: Shipped<HeadMaps> = Shipped::new(SHIPPED, |bytes| {
    HeadMaps::from_bytes(bytes, MeanVault::in_use()).expect("the shipped file is checked by a test").filled()
});

impl HeadMaps {
    /// The heads that are reckoned with, filled everywhere: the shipped ones, or the site's own.
    pub fn in_use() -> &'static HeadMaps {
        &HeadMaps::file().value
    }

    /// The same with their file.
    pub fn file() -> &'static InUse<HeadMaps> {
        HEADS.in_use()
    }

    /// Puts a site's own in the place of the shipped ones; `false` where those are in use already.
    pub fn replace(file: Vec<u8>, maps: HeadMaps) -> bool {
        HEADS.replace(file, maps.filled())
    }

    fn filled(self) -> Self {
        Self { heads: self.heads.iter().map(HeadMap::filled).collect(), ..self }
    }

    /// How many heads ship; `None` beside a mean vault to which they do not belong.
    pub fn shipped_count() -> Option<usize> {
        Some(HeadMaps::from_bytes(SHIPPED, MeanVault::in_use()).ok()?.heads.len())
    }

    /// No head at all.
    pub fn none() -> Self {
        Self { disc: Disc::about_z_halved(SIZE, RHO_MAX), heads: Vec::new(), vault_hash: [0; 32] }
    }

    /// Heads measured against a mean vault.
    pub fn new(heads: Vec<HeadMap>, vault: &MeanVault) -> Self {
        Self { disc: Disc::about_z_halved(SIZE, RHO_MAX), heads, vault_hash: vault.hash() }
    }

    /// The file's bytes: header with hashes, then all maps as whole steps, differences along rows, packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for head in &self.heads {
            for map in [&head.outer_mm, &head.thickness_mm] {
                let mut before = 0i16;
                for value in map {
                    let step = if value.is_finite() { (value / STEP_MM).round() as i16 } else { UNKNOWN };
                    let [l, h] = step.wrapping_sub(before).to_le_bytes();
                    low.push(l);
                    high.push(h);
                    before = step;
                }
            }
        }
        low.append(&mut high);
        // Writing into memory cannot fail.
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(&low).and_then(|()| encoder.finish()).expect("memory takes every byte");
        let mut out = Vec::with_capacity(HEADER + packed.len());
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend((self.disc.size as u32).to_le_bytes());
        out.extend(self.disc.rho_max.to_le_bytes());
        out.extend((self.heads.len() as u32).to_le_bytes());
        out.extend((low.len() as u32).to_le_bytes());
        out.extend(self.vault_hash);
        out.extend(Sha256::digest(&low));
        out.extend(packed);
        out
    }

    /// Reads what [`HeadMaps::to_bytes`] wrote; the heads must be differences to this very mean vault.
    pub fn from_bytes(bytes: &[u8], vault: &MeanVault) -> Result<Self, VaultError> {
        if bytes.len() < HEADER || &bytes[..8] != MAGIC {
            return Err(VaultError::Format);
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let size = word(12) as usize;
        let rho_max = f64::from_bits(u64::from(word(16)) | u64::from(word(20)) << 32);
        let (count, length) = (word(24) as usize, word(28) as usize);
        let disc = Disc::about_z_halved(SIZE, RHO_MAX);
        let expected = count.checked_mul(4 * KEPT * KEPT);
        if word(8) != VERSION || size != KEPT || rho_max != disc.rho_max || expected != Some(length) {
            return Err(VaultError::Format);
        }
        if bytes[32..64] != vault.hash() {
            return Err(VaultError::OtherMean);
        }
        let mut raw = Vec::with_capacity(length);
        let mut decoder = ZlibDecoder::new(&bytes[HEADER..]).take(length as u64 + 1);
        decoder.read_to_end(&mut raw).map_err(|_| VaultError::Damaged)?;
        if raw.len() != length || Sha256::digest(&raw).as_slice() != &bytes[64..96] {
            return Err(VaultError::Damaged);
        }
        let (low, high) = raw.split_at(length / 2);
        let map = |number: usize| -> Vec<f32> {
            let range = number * KEPT * KEPT..(number + 1) * KEPT * KEPT;
            let mut before = 0i16;
            low[range.clone()]
                .iter()
                .zip(&high[range])
                .map(|(&l, &h)| {
                    before = before.wrapping_add(i16::from_le_bytes([l, h]));
                    if before == UNKNOWN { f32::NAN } else { f32::from(before) * STEP_MM }
                })
                .collect()
        };
        let heads = (0..count).map(|k| HeadMap { outer_mm: map(2 * k), thickness_mm: map(2 * k + 1) }).collect();
        Ok(Self { disc, heads, vault_hash: vault.hash() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_heads() -> HeadMaps {
        let map = |f: &dyn Fn(usize) -> f32| (0..KEPT * KEPT).map(f).collect::<Vec<f32>>();
        let head = |k: f32| HeadMap {
            outer_mm: map(&|o| if o % 7 == 0 { f32::NAN } else { k * ((o % 60) as f32 * 0.1 - 3.0) }),
            thickness_mm: map(&|o| 0.02 * (o / KEPT) as f32 - k),
        };
        HeadMaps::new(vec![head(1.0), head(-2.5)], MeanVault::in_use())
    }

    #[test]
    fn heads_survive_their_file() {
        let maps = two_heads();
        let back = HeadMaps::from_bytes(&maps.to_bytes(), MeanVault::in_use()).expect("just written");
        for (a, b) in maps.heads.iter().zip(&back.heads) {
            for (a, b) in a.outer_mm.iter().chain(&a.thickness_mm).zip(b.outer_mm.iter().chain(&b.thickness_mm)) {
                assert_eq!(a.is_nan(), b.is_nan());
                assert!(a.is_nan() || (a - b).abs() <= 0.5001 * STEP_MM);
            }
        }
        assert_eq!(back.to_bytes(), maps.to_bytes());
    }

    #[test]
    fn damage_and_another_mean_are_noticed() {
        let bytes = two_heads().to_bytes();
        let mut flipped = bytes.clone();
        flipped[70] ^= 1;
        assert!(matches!(HeadMaps::from_bytes(&flipped, MeanVault::in_use()), Err(VaultError::Damaged)));
        assert!(HeadMaps::from_bytes(&bytes[..bytes.len() - 5], MeanVault::in_use()).is_err());
        assert!(matches!(HeadMaps::from_bytes(b"heads", MeanVault::in_use()), Err(VaultError::Format)));
        let mut other = MeanVault::in_use().clone();
        // A pixel of the left half: the right one is its mirror.
        other.outer_mm[4900] += 1.0;
        assert!(matches!(HeadMaps::from_bytes(&bytes, &other), Err(VaultError::OtherMean)));
    }

    #[test]
    fn the_shipped_heads_are_whole_and_differ_little_from_their_mean() {
        let maps = HeadMaps::in_use();
        assert!(maps.heads.len() >= 50);
        let vault = MeanVault::in_use();
        let inside: Vec<usize> =
            (0..KEPT * KEPT).filter(|i| vault.vault[2 * (i / KEPT) * SIZE + 2 * (i % KEPT)]).collect();
        for head in &maps.heads {
            assert!(head.outer_mm.iter().chain(&head.thickness_mm).all(|v| v.is_finite()));
            let mean = inside.iter().map(|&i| head.outer_mm[i].abs()).sum::<f32>() / inside.len() as f32;
            assert!(mean < 3.0, "{mean} mm");
        }
    }
}
