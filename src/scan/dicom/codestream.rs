//! A look at JPEG 2000 codestreams before they are decoded: the decoder takes the memory a stream claims, whatever the
//! DICOM header beside it says. ITU-T T.800, A.5.1 (SIZ) and I.4 (boxes).

use crate::scan::error::Error;
use dicom_dictionary_std::uids;
use std::path::Path;

/// Start of a codestream and the marker that always follows it.
const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// The first box of a JP2 file, which some writers put around the stream.
const SIGNATURE: [u8; 12] = *b"\0\0\0\x0CjP  \r\n\x87\n";
/// From the start to the first component's fields, these included.
const HEADER: usize = 45;
/// A slice of 512 × 512 in tiles of 16 × 16; each takes some kilobytes of the decoder.
const MAX_TILES: u64 = 1024;

/// What a stream says of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// They may be below zero.
    pub(super) signed: bool,
}

/// Whether pixels of a transfer syntax go to the JPEG 2000 decoder (high throughput and part 2 too).
pub(super) fn is_one(syntax: &str) -> bool {
    [
        uids::JPEG2000_LOSSLESS,
        uids::JPEG2000,
        uids::JPEG2000MC_LOSSLESS,
        uids::JPEG2000MC,
        uids::HTJ2K_LOSSLESS,
        uids::HTJ2K_LOSSLESS_RPCL,
        uids::HTJ2K,
    ]
    .contains(&syntax)
}

/// Refuses pixels that are not streams of one grey image each of so many columns and rows; what the first says. A frame's
/// stream may be cut into several fragments; each that begins one is looked at.
pub(super) fn check(fragments: &[Vec<u8>], size: [usize; 2], path: &Path) -> Result<Stream, Error> {
    let first = check_one(fragments.first().map_or(&[][..], Vec::as_slice), size, path)?;
    for other in fragments.iter().skip(1).filter(|f| f.starts_with(&START) || f.starts_with(&SIGNATURE)) {
        check_one(other, size, path)?;
    }
    Ok(first)
}

/// The codestream itself: all of the fragment, or what a JP2 file's first `jp2c` box holds.
fn codestream(fragment: &[u8]) -> Option<&[u8]> {
    if !fragment.starts_with(&SIGNATURE) {
        return Some(fragment);
    }
    let mut rest = fragment;
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        let kind = rest.get(4..8)?;
        let (header, length) = match length {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?),
            n => (8, n as usize),
        };
        if kind == b"jp2c" {
            return rest.get(header..);
        }
        rest = rest.get(length.max(header)..)?;
    }
}

fn check_one(fragment: &[u8], [columns, rows]: [usize; 2], path: &Path) -> Result<Stream, Error> {
    let damaged = |what: String| Error::damaged(path, what);
    let stream = codestream(fragment).filter(|s| s.starts_with(&START));
    let stream = stream.ok_or_else(|| damaged("its pixels are no JPEG 2000 stream".to_owned()))?;
    let fields = stream.get(..HEADER);
    let fields = fields.ok_or_else(|| damaged("its JPEG 2000 stream ends inside its header".to_owned()))?;
    // After the segment's length and the profile: eight whole numbers of four bytes.
    let number = |i: usize| u32::from_be_bytes(std::array::from_fn(|k| fields[8 + 4 * i + k]));
    let [right, bottom, left, top, tile_width, tile_height, tile_left, tile_top] = std::array::from_fn(number);
    let components = u16::from_be_bytes([fields[40], fields[41]]);
    let [depth, step_x, step_y] = [fields[42], fields[43], fields[44]];
    let size = [right.saturating_sub(left) as usize, bottom.saturating_sub(top) as usize];
    if size != [columns, rows] {
        let [x, y] = size;
        return Err(damaged(format!("its JPEG 2000 stream is {x} × {y} pixels, its header {columns} × {rows}")));
    }
    if components != 1 {
        return Err(Error::unsupported(path, "a colour image", "choose the folder of the CT's slices"));
    }
    let tiles = |end: u32, start: u32, side: u32| u64::from(end.saturating_sub(start)).div_ceil(u64::from(side.max(1)));
    let all = tiles(right, tile_left, tile_width) * tiles(bottom, tile_top, tile_height);
    if (step_x, step_y) != (1, 1) || tile_width == 0 || tile_height == 0 || all > MAX_TILES {
        return Err(damaged(format!("its JPEG 2000 stream is not of whole pixels in at most {MAX_TILES} tiles")));
    }
    Ok(Stream { signed: depth & 0x80 != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream's beginning: image, offset, tile, tile offset, components, steps.
    fn stream(numbers: [u32; 8], components: u16, steps: [u8; 2]) -> Vec<u8> {
        let mut bytes = [&START[..], &[0, 41, 0, 0]].concat();
        numbers.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        bytes.extend(components.to_be_bytes());
        bytes.extend([15, steps[0], steps[1], 0xFF, 0x52]);
        bytes
    }

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(8 + content.len() as u32).to_be_bytes(), kind, content].concat()
    }

    fn said(fragments: &[Vec<u8>]) -> String {
        check(fragments, [400, 300], Path::new("slice")).map_or_else(|e| e.to_string(), |s| format!("{s:?}"))
    }

    const GOOD: [u32; 8] = [400, 300, 0, 0, 400, 300, 0, 0];
    const HUGE: [u32; 8] = [60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0];

    #[test]
    fn a_stream_is_of_its_slice_or_refused_before_it_takes_memory() {
        let one = |numbers, components, steps| said(&[stream(numbers, components, steps)]);
        assert!(one(GOOD, 1, [1, 1]).contains("signed: false"));
        assert!(one([410, 305, 10, 5, 128, 128, 0, 0], 1, [1, 1]).contains("signed: false"));
        assert!(one(HUGE, 1, [1, 1]).contains("60000 × 60000"));
        assert!(one([0, 300, 400, 0, 400, 300, 0, 0], 1, [1, 1]).contains("0 × 300"));
        assert!(one(GOOD, 3, [1, 1]).contains("colour"));
        assert!(one(GOOD, 1, [2, 1]).contains("whole pixels"));
        assert!(one([400, 300, 0, 0, 8, 8, 0, 0], 1, [1, 1]).contains("1024 tiles"));
        assert!(one([400, 300, 0, 0, 0, 300, 0, 0], 1, [1, 1]).contains("1024 tiles"));
        assert!(said(&[stream(GOOD, 1, [1, 1])[..30].to_vec()]).contains("ends inside"));
        assert!(said(&[b"no stream".to_vec()]).contains("no JPEG 2000"));
        assert!(said(&[]).contains("no JPEG 2000"));
        let mut signed = stream(GOOD, 1, [1, 1]);
        signed[42] |= 0x80;
        assert!(said(&[signed]).contains("signed: true"));
    }

    #[test]
    fn every_frame_is_looked_at_and_only_the_stream_of_a_file_in_the_pixels() {
        let (good, huge) = (stream(GOOD, 1, [1, 1]), stream(HUGE, 1, [1, 1]));
        let file = |inside: &[u8]| [&SIGNATURE[..], &boxed(b"ftyp", b"jp2 "), &boxed(b"jp2c", inside)].concat();
        assert!(said(&[file(&good)]).contains("signed"));
        assert!(said(&[good.clone(), b"the rest of the first".to_vec(), good.clone()]).contains("signed"));
        for second in [huge.clone(), file(&huge)] {
            assert!(said(&[good.clone(), second]).contains("60000 × 60000"));
        }
        // A good stream in another box stands before the true one.
        let decoy = [&SIGNATURE[..], &boxed(b"uuid", &good), &boxed(b"jp2c", &huge)].concat();
        assert!(said(&[decoy]).contains("60000 × 60000"));
        let endless = [&SIGNATURE[..], &[0, 0, 0, 0], b"uuid"].concat();
        assert!(said(&[endless]).contains("no JPEG 2000"));
        let none = [&SIGNATURE[..], &[0, 0, 0, 2], b"uuid"].concat();
        assert!(said(&[none]).contains("no JPEG 2000"));
    }
}
