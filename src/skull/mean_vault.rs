//! The mean vault of many heads, shipped in `assets/atlas`: what is expected where.

use super::map::{flat, mirrored};
use super::{InUse, Shipped};
use crate::geometry::{Disc, dilate};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use nalgebra::Vector3;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

/// Half width of the map: directions up to 137° from the vertex.
pub(crate) const RHO_MAX: f64 = 1.86;
/// Pixels a side of the shipped map.
pub(crate) const SIZE: usize = 240;

const MAGIC: &[u8; 8] = b"CALVAULT";
const VERSION: u32 = 1;
const HEADER: usize = 8 + 4 + 4 + 8 + 4 + 4 + 32;

/// The mean vault of many heads, shipped in `assets/atlas`: what is expected where. Mirror-symmetric about x = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanVault {
    /// Directions about +z of the mean frame.
    pub disc: Disc,
    /// Mean outer radius, mm of the mean frame, a value a pixel (filled everywhere).
    pub outer_mm: Vec<f32>,
    /// Mean thickness between inner and outer table, mm.
    pub thickness_mm: Vec<f32>,
    /// Standard deviation of the outer radius between heads, mm.
    pub outer_sd_mm: Vec<f32>,
    /// Standard deviation of the thickness between heads, mm.
    pub thickness_sd_mm: Vec<f32>,
    /// Share of heads with plausible bone here, 0..1.
    pub share: Vec<f32>,
    /// Where a closed vault is expected in every head (not orbits, not the base).
    pub vault: Vec<bool>,
    /// The vault and up to 12 mm around it where heads still have outer bone at nearly the same radius (brow, outer
    /// wall of the frontal sinus): a hole may reach here. Made from the maps above, not stored.
    pub closed: Vec<bool>,
    /// Bone name of each pixel: 0 none, 1 frontal, 2 parietal, 3 temporal, 4 occipital (symmetric).
    pub bone: Vec<u8>,
    /// Heads the mean was made of.
    pub heads: u32,
}

/// Why a mean vault cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Not one of our files, or of another version.
    #[error("not an atlas file of version {VERSION}; make it again with `calvaria atlas`")]
    Format,
    /// Shortened or changed.
    #[error("the atlas file is damaged (its hash does not fit); copy it again, or make it again with `calvaria atlas`")]
    Damaged,
    /// Heads measured against another mean.
    #[error(
        "the heads were measured against another mean vault; measure them again with `calvaria atlas heads`, without --add"
    )]
    OtherMean,
}

const SHIPPED: &[u8] = include_bytes!("../../assets/atlas/mean_vault.bin");

static VAULT: Shipped<MeanVault> = Shipped::new(SHIPPED, read_shipped);

fn read_shipped(bytes: &[u8]) -> MeanVault {
    MeanVault::from_bytes(bytes).expect("the shipped file is checked by a test")
}

impl MeanVault {
    /// The mean vault that is reckoned with: the shipped one, or the site's own.
    pub fn in_use() -> &'static MeanVault {
        &MeanVault::file().value
    }

    /// The same with its file.
    pub fn file() -> &'static InUse<MeanVault> {
        VAULT.in_use()
    }

    /// The one that ships, whichever is in use.
    pub fn shipped() -> MeanVault {
        read_shipped(SHIPPED)
    }

    /// Puts a site's own ([`MeanVault::of_site`]) in the place of the shipped one; `false` where that is in use already.
    pub fn replace(file: Vec<u8>, vault: MeanVault) -> bool {
        VAULT.replace(file, vault)
    }

    /// Reads a site's own file.
    ///
    /// # Errors
    /// See [`VaultError`]; also where it is of another size than this program's maps.
    pub fn of_site(bytes: &[u8]) -> Result<Self, VaultError> {
        let vault = Self::from_bytes(bytes)?;
        let fits = vault.disc.size == SIZE && (vault.disc.rho_max - RHO_MAX).abs() < 1e-9;
        if fits { Ok(vault) } else { Err(VaultError::Format) }
    }

    /// SHA-256 of the file it makes.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// The same in hex.
    pub fn hash_word(&self) -> String {
        self.hash().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Mean outer radius in a direction of the mean frame, mm.
    pub fn outer_at(&self, direction: &Vector3<f64>) -> f64 {
        f64::from(self.disc.sample(&self.outer_mm, direction))
    }

    /// Pixel nearest to a direction of the mean frame, `None` beyond the map.
    pub fn pixel(&self, direction: &Vector3<f64>) -> Option<usize> {
        self.disc.nearest(direction)
    }

    /// Whether a closed vault is expected in a direction of the mean frame.
    pub fn in_vault(&self, direction: &Vector3<f64>) -> bool {
        self.pixel(direction).is_some_and(|o| self.vault[o])
    }

    /// Whether outer bone is expected in a direction of the mean frame, in the vault or just beyond it.
    pub fn is_closed(&self, direction: &Vector3<f64>) -> bool {
        self.pixel(direction).is_some_and(|o| self.closed[o])
    }

    /// The file's bytes: header with hash, then the map's left half (the rest is its mirror), packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut raw = Vec::new();
        let half = self.disc.size / 2;
        let rows = || (0..self.disc.size).flat_map(move |r| (0..half).map(move |c| (r, c)));
        for map in [&self.outer_mm, &self.thickness_mm] {
            let mut before = 0u16;
            for (r, c) in rows() {
                let value = (f64::from(map[r * self.disc.size + c]) * 50.0).round().clamp(0.0, 65535.0) as u16;
                raw.extend(value.wrapping_sub(before).to_le_bytes());
                before = value;
            }
        }
        for (map, unit) in [(&self.outer_sd_mm, 20.0), (&self.thickness_sd_mm, 50.0), (&self.share, 255.0)] {
            let mut before = 0u8;
            for (r, c) in rows() {
                let value = (f64::from(map[r * self.disc.size + c]) * unit).round().clamp(0.0, 255.0) as u8;
                raw.push(value.wrapping_sub(before));
                before = value;
            }
        }
        raw.extend(rows().map(|(r, c)| {
            let o = r * self.disc.size + c;
            self.bone[o] | u8::from(self.vault[o]) << 7
        }));
        // Writing into memory cannot fail.
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(&raw).and_then(|()| encoder.finish()).expect("memory takes every byte");
        let mut out = Vec::with_capacity(HEADER + packed.len());
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend((self.disc.size as u32).to_le_bytes());
        out.extend(self.disc.rho_max.to_le_bytes());
        out.extend(self.heads.to_le_bytes());
        out.extend((raw.len() as u32).to_le_bytes());
        out.extend(Sha256::digest(&raw));
        out.extend(packed);
        out
    }

    /// Reads what [`MeanVault::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        if bytes.len() < HEADER || &bytes[..8] != MAGIC {
            return Err(VaultError::Format);
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let size = word(12) as usize;
        let rho_max = f64::from_bits(u64::from(word(16)) | u64::from(word(20)) << 32);
        let (heads, length) = (word(24), word(28) as usize);
        let half = size / 2;
        if word(8) != VERSION || !(8..=1024).contains(&size) || !size.is_multiple_of(2) || length != size * half * 8 {
            return Err(VaultError::Format);
        }
        let mut raw = Vec::with_capacity(length);
        let mut decoder = ZlibDecoder::new(&bytes[HEADER..]).take(length as u64 + 1);
        decoder.read_to_end(&mut raw).map_err(|_| VaultError::Damaged)?;
        if raw.len() != length || Sha256::digest(&raw).as_slice() != &bytes[32..64] || !(0.1..=2.0).contains(&rho_max) {
            return Err(VaultError::Damaged);
        }
        let count = size * half;
        let wide = |plane: usize| {
            let mut before = 0u16;
            let bytes = raw[plane * 2 * count..(plane + 1) * 2 * count].as_chunks::<2>().0;
            let value = bytes.iter().map(|b| {
                before = before.wrapping_add(u16::from_le_bytes(*b));
                f32::from(before) / 50.0
            });
            whole(&value.collect::<Vec<f32>>(), size)
        };
        let narrow = |plane: usize, unit: f32| {
            let mut before = 0u8;
            let from = (4 + plane) * count;
            let value = raw[from..from + count].iter().map(|b| {
                before = before.wrapping_add(*b);
                f32::from(before) / unit
            });
            whole(&value.collect::<Vec<f32>>(), size)
        };
        let flags = whole(&raw[7 * count..8 * count], size);
        let vault: Vec<bool> = flags.iter().map(|f| f & 0x80 != 0).collect();
        let (outer_sd_mm, share) = (narrow(0, 20.0), narrow(2, 255.0));
        Ok(Self {
            disc: Disc::about_z(size, rho_max),
            outer_mm: wide(0),
            thickness_mm: wide(1),
            thickness_sd_mm: narrow(1, 50.0),
            closed: closed(&vault, &share, &outer_sd_mm, size),
            outer_sd_mm,
            share,
            vault,
            bone: flags.iter().map(|f| f & 0x7f).collect(),
            heads,
        })
    }
}

/// See [`MeanVault::closed`].
pub(crate) fn closed(vault: &[bool], share: &[f32], outer_sd_mm: &[f32], size: usize) -> Vec<bool> {
    const BEYOND_PX: f64 = 9.0;
    let near = dilate(&flat(size, vault.iter().map(|&v| u8::from(v)).collect()), BEYOND_PX);
    (0..vault.len())
        .map(|o| vault[o] || (near.data[o] != 0 && share[o] > 0.9 && outer_sd_mm[o] > 0.0 && outer_sd_mm[o] < 6.0))
        .collect()
}

/// The whole map of its left half.
fn whole<T: Copy + Default>(half: &[T], size: usize) -> Vec<T> {
    let width = size / 2;
    let mut left = vec![T::default(); size * size];
    for row in 0..size {
        left[row * size..row * size + width].copy_from_slice(&half[row * width..(row + 1) * width]);
    }
    let right = mirrored(&left, size);
    (0..left.len()).map(|o| if o % size < width { left[o] } else { right[o] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> MeanVault {
        let size = 16;
        let map = |f: &dyn Fn(f32, f32) -> f32| -> Vec<f32> {
            (0..256).map(|o| f((o / 16) as f32, ((o % 16) as f32 - 7.5).abs())).collect()
        };
        MeanVault {
            disc: Disc::about_z(size, 1.72),
            outer_mm: map(&|r, c| 80.0 + r * 0.5 - c),
            thickness_mm: map(&|r, c| 6.0 + 0.1 * r + 0.02 * c),
            outer_sd_mm: map(&|r, _| 1.0 + 0.1 * r),
            thickness_sd_mm: map(&|_, c| 0.5 + 0.02 * c),
            share: map(&|r, _| r / 15.0),
            vault: (0..256).map(|o| o / 16 > 3).collect(),
            closed: vec![true; 256],
            bone: (0..256).map(|o| (o / 64) as u8).collect(),
            heads: 3,
        }
    }

    #[test]
    fn a_vault_survives_its_file() {
        let vault = small();
        let back = MeanVault::from_bytes(&vault.to_bytes()).expect("just written");
        let near = |a: &[f32], b: &[f32], by: f32| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= by);
        assert!(near(&vault.outer_mm, &back.outer_mm, 0.011));
        assert!(near(&vault.thickness_mm, &back.thickness_mm, 0.011));
        assert!(near(&vault.outer_sd_mm, &back.outer_sd_mm, 0.026));
        assert!(near(&vault.share, &back.share, 0.003));
        assert_eq!((&vault.vault, &vault.bone, vault.heads), (&back.vault, &back.bone, back.heads));
        assert_eq!(back.to_bytes(), MeanVault::from_bytes(&back.to_bytes()).expect("again").to_bytes());
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = small().to_bytes();
        let mut flipped = bytes.clone();
        flipped[40] ^= 1;
        assert!(matches!(MeanVault::from_bytes(&flipped), Err(VaultError::Damaged)));
        assert!(MeanVault::from_bytes(&bytes[..bytes.len() - 9]).is_err());
        assert!(matches!(MeanVault::from_bytes(b"nonsense"), Err(VaultError::Format)));
    }

    #[test]
    fn the_shipped_vault_is_whole_and_symmetric() {
        let vault = MeanVault::in_use();
        assert_eq!(vault.disc.size, SIZE);
        assert!(vault.heads >= 25);
        assert_eq!(mirrored(&vault.outer_mm, SIZE), vault.outer_mm);
        let inside: Vec<usize> = (0..vault.vault.len()).filter(|&o| vault.vault[o]).collect();
        assert!(inside.iter().all(|&o| (50.0..120.0).contains(&vault.outer_mm[o]) && vault.bone[o] != 0));
        assert!(inside.iter().all(|&o| (0.5..15.0).contains(&vault.thickness_mm[o])));
        let area_cm2: f64 =
            inside.iter().map(|&o| f64::from(vault.outer_mm[o]).powi(2) * vault.disc.pixel_sr() / 100.0).sum();
        assert!((400.0..800.0).contains(&area_cm2), "{area_cm2}");
        assert!(vault.to_bytes().len() < 300_000);
    }
}
