//! Pixels of slices → HU, slices in parallel.

use super::codestream;
use super::guard;
use super::header::{self, Slice};
use crate::geometry::Progress;
use crate::scan::collect::{Collector, reserve};
use crate::scan::error::Error;
use crate::scan::samples::checked_count;
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, OpenFileOptions};
use dicom_pixeldata::{DecodedPixelData, PixelDecoder as _, PixelRepresentation};
use rayon::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Decodes every slice, one after the other in the order given; never none.
pub(super) fn voxels(slices: &[Slice], path: &Path, progress: &Progress) -> Result<Collector, Error> {
    let count = believed_count(slices, path)?;
    let area = count / slices.len();
    if slices[0].pixel_bytes.is_none() {
        // What compressed pixels hold is known by decoding one: before memory is taken for all.
        pixels(&open(&slices[0].path)?, &slices[0])?;
    }
    let mut data: Vec<i16> = reserve(count, path)?;
    data.resize(count, 0);
    // A file with several slices is opened once.
    let with_frames: BTreeSet<&Path> = slices.iter().filter(|s| s.frames > 1).map(|s| &*s.path).collect();
    let shared = with_frames.into_iter().map(|p| Ok((p, open(p)?))).collect::<Result<BTreeMap<_, _>, Error>>()?;
    let done = AtomicUsize::new(0);
    let counts = data
        .par_chunks_mut(area)
        .zip(slices)
        .map(|(out, slice)| {
            let n = done.fetch_add(1, Ordering::Relaxed);
            progress.report(n as f32 / slices.len() as f32, "decoding slices")?;
            match shared.get(slice.path.as_path()) {
                Some(object) => Ok(pixels(object, slice)?.fill(slice, out)),
                None => Ok(pixels(&open(&slice.path)?, slice)?.fill(slice, out)),
            }
        })
        .collect::<Result<Vec<Counts>, Error>>()?;
    let rounded: u64 = counts.iter().map(|c| c.rounded).sum();
    let clipped: u64 = counts.iter().map(|c| c.clipped).sum();
    Collector::from_hu(data, rounded, clipped, path)
}

/// The number of voxels, where the files can hold what their headers claim: nothing is allocated before.
fn believed_count(slices: &[Slice], path: &Path) -> Result<usize, Error> {
    let size = [slices[0].columns, slices[0].rows, slices.len()].map(|n| n as u64);
    for slice in slices {
        let Some(bytes) = slice.pixel_bytes else { continue };
        let found = std::fs::metadata(&slice.path).map_err(|e| Error::io(&slice.path, &e))?.len();
        let frames = if slice.frame.is_some() { slice.frames as u64 } else { 1 };
        let expected = (size[0] * size[1]).saturating_mul(bytes).saturating_mul(frames);
        if expected > found {
            return Err(Error::Truncated { path: slice.path.clone(), expected, found });
        }
    }
    checked_count(path, size, 1, u64::MAX, true)
}

/// Values of a slice that are not as in the file.
struct Counts {
    rounded: u64,
    clipped: u64,
}

fn open(path: &Path) -> Result<DefaultDicomObject, Error> {
    guard::check(path)?;
    OpenFileOptions::new()
        .read_to(tags::PIXEL_DATA)
        .open_file(path)
        .map_err(|e| Error::damaged(path, format!("the DICOM file cannot be read ({})", header::root(&e))))
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a decoder: a panic there is caught and told as an error, and needs no message of its own.
pub(in crate::scan) fn is_decoding() -> bool {
    DECODING.get()
}

/// A slice's pixels as stored, as many as its header says at least.
struct Pixels<'a> {
    decoded: DecodedPixelData<'a>,
    bits: Bits,
}

fn pixels<'a>(object: &'a DefaultDicomObject, slice: &Slice) -> Result<Pixels<'a>, Error> {
    let path = &slice.path;
    let syntax = object.meta().transfer_syntax().trim_end_matches('\0').to_owned();
    let refuse = |why: String| {
        let what = format!("its pixels (transfer syntax {syntax}) cannot be decoded ({why})");
        Error::unsupported(path, what, "export the scan uncompressed")
    };
    let mut signed = false;
    if codestream::is_one(&syntax) {
        let pixels = object.element(tags::PIXEL_DATA).ok();
        let fragments = pixels.and_then(|e| e.fragments()).unwrap_or_default();
        signed = codestream::check(fragments, [slice.columns, slice.rows], path)?.signed;
    }
    // The decoders are others' code for others' formats: what a damaged stream does to one must not end the program.
    DECODING.set(true);
    let decoded = catch_unwind(AssertUnwindSafe(|| object.decode_pixel_data_frame(slice.frame.unwrap_or(0))));
    DECODING.set(false);
    let decoded = decoded.map_err(|_| refuse("the stream is damaged".to_owned()))?;
    let decoded = decoded.map_err(|e| refuse(header::root(&e)))?;
    if decoded.samples_per_pixel() != 1 {
        return Err(Error::unsupported(path, "a colour image", "choose the folder of the CT's slices"));
    }
    let mut bits = Bits::of(&decoded, path)?;
    // Where the stream's own sign and the header's differ, values below zero are what both can mean.
    bits.signed |= signed;
    let expected = (slice.columns * slice.rows * bits.bytes) as u64;
    let found = decoded.data().len() as u64;
    if found < expected {
        return Err(Error::Truncated { path: path.clone(), expected, found });
    }
    Ok(Pixels { decoded, bits })
}

impl Pixels<'_> {
    /// HU of as many pixels as there is room for.
    fn fill(&self, slice: &Slice, out: &mut [i16]) -> Counts {
        let (bits, bytes) = (&self.bits, self.decoded.data());
        let mut counts = Counts { rounded: 0, clipped: 0 };
        let mut put = |out: &mut i16, stored: i32| {
            let value = f64::from(stored) * slice.slope + slice.intercept;
            let nearest = value.round();
            counts.clipped += u64::from(!(-32768.0..=32767.0).contains(&nearest));
            counts.rounded += u64::from(nearest != value);
            *out = nearest as i16;
        };
        if bits.bytes == 1 {
            out.iter_mut().zip(bytes).for_each(|(out, &b)| put(out, bits.value(u16::from(b))));
        } else {
            let words = bytes.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]]));
            out.iter_mut().zip(words).for_each(|(out, w)| put(out, bits.value(w)));
        }
        counts
    }
}

/// Where in a stored word the value sits.
struct Bits {
    bytes: usize,
    stored: u32,
    high: u32,
    signed: bool,
}

impl Bits {
    fn of(pixels: &DecodedPixelData, path: &Path) -> Result<Self, Error> {
        let (allocated, stored) = (u32::from(pixels.bits_allocated()), u32::from(pixels.bits_stored()));
        let high = u32::from(pixels.high_bit());
        if !matches!(allocated, 8 | 16) || stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            return Err(Error::unsupported(
                path,
                format!("{stored} of {allocated} bits a pixel"),
                "export the scan with 16-bit pixels",
            ));
        }
        let signed = pixels.pixel_representation() == PixelRepresentation::Signed;
        Ok(Self { bytes: (allocated / 8) as usize, stored, high, signed })
    }

    /// The value without what other programs keep in the unused bits.
    fn value(&self, word: u16) -> i32 {
        let shifted = u32::from(word) << (31 - self.high);
        if self.signed { (shifted as i32) >> (32 - self.stored) } else { (shifted >> (32 - self.stored)) as i32 }
    }
}
