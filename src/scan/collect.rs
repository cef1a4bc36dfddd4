//! Gathers voxel values as they are decoded: a mask while there are two distinct values, whole HU from the third on.

use super::Finding;
use super::error::Error;
use std::path::{Path, PathBuf};

/// What air measures; stands in for values that are not numbers.
const AIR_HU: f64 = -1024.0;

/// Voxels gathered so far.
#[derive(Debug)]
pub(super) struct Collector {
    path: PathBuf,
    capacity: usize,
    store: Store,
    first: Option<f64>,
    second: Option<f64>,
    rounded: u64,
    clipped: u64,
    not_numbers: u64,
}

#[derive(Debug)]
enum Store {
    /// At most two distinct values so far: 0 for the first met, 1 for the second.
    Few(Vec<u8>),
    /// Whole HU.
    Many(Vec<i16>),
}

/// What was gathered.
pub(super) enum Collected {
    Hu(Vec<i16>),
    /// 1 for the larger of two values.
    Mask(Vec<u8>),
}

impl Collector {
    /// An empty collector for `count` voxels; fails when the memory cannot be had.
    pub(super) fn with_capacity(count: usize, path: &Path) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            capacity: count,
            store: Store::Few(reserve(count, path)?),
            first: None,
            second: None,
            rounded: 0,
            clipped: 0,
            not_numbers: 0,
        })
    }

    /// Voxels decoded elsewhere to whole HU, with how many of them were rounded and clipped.
    pub(super) fn from_hu(data: Vec<i16>, rounded: u64, clipped: u64, path: &Path) -> Result<Self, Error> {
        let mut collector = Self::with_capacity(0, path)?;
        collector.capacity = data.len();
        collector.rounded = rounded;
        collector.clipped = clipped;
        let first = data.first().copied();
        let second = data.iter().copied().find(|&v| Some(v) != first);
        let is_mask = second.is_some() && data.iter().all(|&v| Some(v) == first || Some(v) == second);
        if is_mask {
            collector.first = first.map(f64::from);
            collector.second = second.map(f64::from);
            collector.store = Store::Few(data.iter().map(|&v| u8::from(Some(v) == second)).collect());
        } else {
            collector.store = Store::Many(data);
        }
        Ok(collector)
    }

    /// Takes values of any kind.
    pub(super) fn push(&mut self, values: &[f64]) -> Result<(), Error> {
        let mut rest = values;
        if let Store::Few(labels) = &mut self.store {
            let mut taken = 0;
            for &value in values {
                let value = if value.is_nan() {
                    self.not_numbers += 1;
                    AIR_HU
                } else {
                    value
                };
                if Some(value) == self.first {
                    labels.push(0);
                } else if Some(value) == self.second {
                    labels.push(1);
                } else if self.first.is_none() {
                    self.first = Some(value);
                    labels.push(0);
                } else if self.second.is_none() {
                    self.second = Some(value);
                    labels.push(1);
                } else {
                    break;
                }
                taken += 1;
            }
            rest = &values[taken..];
            if rest.is_empty() {
                return Ok(());
            }
            self.promote()?;
        }
        let Store::Many(hu) = &mut self.store else { return Ok(()) };
        for &value in rest {
            let whole = value as i16; // saturates
            if f64::from(whole) == value {
                hu.push(whole);
                continue;
            }
            let value = if value.is_nan() {
                self.not_numbers += 1;
                AIR_HU
            } else {
                value
            };
            hu.push(whole_hu(value, &mut self.rounded, &mut self.clipped));
        }
        Ok(())
    }

    /// Takes bytes that are values themselves; false (and nothing taken) when they are not of two known values.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        match &mut self.store {
            Store::Many(hu) => hu.extend(bytes.iter().map(|&b| i16::from(b))),
            Store::Few(labels) => {
                let (Some(first), Some(second)) = (self.first, self.second) else { return false };
                // Both came from bytes: this path is only taken for unscaled uint8.
                let (first, second) = (first as u8, second as u8);
                // Without an early exit, so that the compiler makes it wide.
                let foreign = bytes.iter().fold(0u8, |n, &b| n | u8::from((b != first) & (b != second)));
                if foreign != 0 {
                    return false;
                }
                labels.extend(bytes.iter().map(|&b| u8::from(b == second)));
            }
        }
        true
    }

    /// Takes 16-bit words that are HU already; false (and nothing taken) while the volume may still be a mask.
    pub(super) fn push_whole(&mut self, bytes: &[u8], big_endian: bool) -> bool {
        let Store::Many(hu) = &mut self.store else { return false };
        let words = bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        if big_endian {
            hu.extend(words.map(i16::from_be_bytes));
        } else {
            hu.extend(words.map(i16::from_le_bytes));
        }
        true
    }

    /// A third value came: labels become HU.
    fn promote(&mut self) -> Result<(), Error> {
        if let Store::Few(labels) = &self.store {
            let mut hu = reserve(self.capacity, &self.path)?;
            let values = [self.first.unwrap_or_default(), self.second.unwrap_or_default()];
            for &label in labels {
                hu.push(whole_hu(values[usize::from(label)], &mut self.rounded, &mut self.clipped));
            }
            self.store = Store::Many(hu);
        }
        Ok(())
    }

    /// The voxels, and what was noticed about their values.
    pub(super) fn finish(mut self) -> Result<(Collected, Vec<Finding>), Error> {
        if self.second.is_none() {
            self.promote()?;
        }
        let mut findings = Vec::new();
        let collected = match self.store {
            Store::Few(mut labels) => {
                let (a, b) = (self.first.unwrap_or_default(), self.second.unwrap_or_default());
                if b < a {
                    labels.iter_mut().for_each(|l| *l ^= 1);
                }
                if a.min(b) != 0.0 || a.max(b) != 1.0 {
                    let (low, high) = (a.min(b), a.max(b));
                    findings.push(Finding::new(format!(
                        "The volume holds two values, {low} and {high}; it is taken as a bone mask with {high} as bone."
                    )));
                }
                Collected::Mask(labels)
            }
            Store::Many(hu) => {
                let total = hu.len().max(1) as f64;
                let mut tell = |n: u64, what: &str| {
                    if n > 0 {
                        let percent = 100.0 * n as f64 / total;
                        findings.push(Finding::new(format!("{n} voxels ({percent:.2} %) {what}")));
                    }
                };
                tell(self.not_numbers, "are not numbers; they are taken as air (−1024 HU).");
                tell(self.rounded, "hold fractions of a HU; they were rounded to whole HU.");
                tell(self.clipped, "lie outside of −32768 to 32767; they were clipped to that range.");
                Collected::Hu(hu)
            }
        };
        Ok((collected, findings))
    }
}

fn whole_hu(value: f64, rounded: &mut u64, clipped: &mut u64) -> i16 {
    let nearest = value.round();
    if nearest < f64::from(i16::MIN) || nearest > f64::from(i16::MAX) {
        *clipped += 1;
    } else if nearest != value {
        *rounded += 1;
    }
    nearest as i16
}

/// An empty vector with room for `count` values, or the error that says how much memory was missing.
pub(super) fn reserve<T>(count: usize, path: &Path) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    values.try_reserve_exact(count).map_err(|_| Error::Memory { path: path.to_owned(), bytes })?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(values: &[f64]) -> (Collected, Vec<Finding>) {
        let mut collector = Collector::with_capacity(values.len(), Path::new("x")).unwrap();
        // In pieces of two, so that the third value comes in a later piece.
        values.chunks(2).for_each(|piece| collector.push(piece).unwrap());
        collector.finish().unwrap()
    }

    #[test]
    fn two_values_are_a_mask_whatever_they_are() {
        let (Collected::Mask(labels), findings) = gather(&[5.0, -0.25, 5.0, -0.25, -0.25]) else { panic!("a mask") };
        assert_eq!(labels, [1, 0, 1, 0, 0]);
        assert!(findings[0].message.contains("-0.25") && findings[0].message.contains('5'));
        let (Collected::Mask(labels), findings) = gather(&[0.0, 1.0, 1.0]) else { panic!("a mask") };
        assert_eq!((labels, findings.len()), (vec![0, 1, 1], 0));
    }

    #[test]
    fn the_third_value_makes_it_hu_rounded_and_clipped() {
        let (Collected::Hu(hu), findings) = gather(&[0.5, 0.5, -2.5, 40_000.0, f64::NAN, -1e9, 7.0]) else {
            panic!("HU")
        };
        assert_eq!(hu, [1, 1, -3, 32767, -1024, -32768, 7]);
        let text = findings.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("\n");
        assert!(text.contains("1 voxels (14.29 %) are not numbers"), "{text}");
        assert!(text.contains("3 voxels (42.86 %) hold fractions"), "{text}");
        assert!(text.contains("2 voxels (28.57 %) lie outside"), "{text}");
    }

    #[test]
    fn one_value_is_hu() {
        let (Collected::Hu(hu), _) = gather(&[3.0; 5]) else { panic!("HU") };
        assert_eq!(hu, [3; 5]);
    }

    #[test]
    fn bytes_take_the_short_way_only_when_it_is_sure() {
        let mut collector = Collector::with_capacity(8, Path::new("x")).unwrap();
        assert!(!collector.push_bytes(&[0, 1]));
        collector.push(&[0.0, 1.0]).unwrap();
        assert!(collector.push_bytes(&[1, 1, 0]));
        assert!(!collector.push_bytes(&[1, 2, 0]));
        collector.push(&[1.0, 2.0, 0.0]).unwrap();
        assert!(collector.push_bytes(&[200]));
        let (Collected::Hu(hu), _) = collector.finish().unwrap() else { panic!("HU") };
        assert_eq!(hu, [0, 1, 1, 1, 0, 1, 2, 0, 200]);
    }
}
