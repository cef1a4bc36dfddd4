//! A look at a JPEG 2000 codestream before it is decoded: the decoder takes the memory the stream claims, whatever the
//! DICOM header beside it says. ITU-T T.800, A.5.1 (SIZ).

use crate::scan::error::Error;
use dicom_dictionary_std::uids;
use std::path::Path;

/// Start of the codestream and the marker that always follows it.
const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// Some files carry a JP2 file in their pixels; its boxes before the stream are a few hundred bytes.
const BOXES: usize = 1 << 14;
/// Bytes of the marker segment up to the first component's fields.
const SEGMENT: usize = 42;

/// Whether pixels of a transfer syntax are a JPEG 2000 codestream (with high throughput or without).
pub(super) fn is_one(syntax: &str) -> bool {
    [uids::JPEG2000_LOSSLESS, uids::JPEG2000, uids::HTJ2K_LOSSLESS, uids::HTJ2K_LOSSLESS_RPCL, uids::HTJ2K]
        .contains(&syntax)
}

/// Refuses pixels that are not streams of one grey image each of so many columns and rows. A frame's stream may be cut
/// into several fragments; each that begins one is looked at.
pub(super) fn check(fragments: &[Vec<u8>], size: [usize; 2], path: &Path) -> Result<(), Error> {
    let first = fragments.first().map_or(&[][..], Vec::as_slice);
    check_one(first, size, path)?;
    let mut others = fragments.iter().skip(1).filter(|f| f.starts_with(&START));
    others.try_for_each(|f| check_one(f, size, path))
}

fn check_one(stream: &[u8], [columns, rows]: [usize; 2], path: &Path) -> Result<(), Error> {
    let damaged = |what: String| Error::damaged(path, what);
    let near = &stream[..stream.len().min(BOXES)];
    let start = near.windows(START.len()).position(|w| w == START);
    let start = start.ok_or_else(|| damaged("its pixels are no JPEG 2000 stream".to_owned()))?;
    let segment = &stream[start + START.len()..];
    let fields = segment.get(..SEGMENT - START.len() + 3);
    let fields = fields.ok_or_else(|| damaged("its JPEG 2000 stream ends inside its header".to_owned()))?;
    // After the segment's length and the profile: eight whole numbers of four bytes.
    let number = |i: usize| u32::from_be_bytes(std::array::from_fn(|k| fields[4 + 4 * i + k]));
    let [right, bottom, left, top, tile_width, tile_height, tile_left, tile_top] = std::array::from_fn(number);
    let components = u16::from_be_bytes([fields[36], fields[37]]);
    let (step_x, step_y) = (fields[39], fields[40]);
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
    // The standard numbers tiles by 16 bits.
    if (step_x, step_y) != (1, 1) || tile_width == 0 || tile_height == 0 || all > 65_535 {
        return Err(damaged("its JPEG 2000 stream is not of whole pixels in countable tiles".to_owned()));
    }
    Ok(())
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

    fn said(stream: &[u8]) -> String {
        check_one(stream, [400, 300], Path::new("slice")).map_or_else(|e| e.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn a_stream_is_of_its_slice_or_refused_before_it_takes_memory() {
        let good = [400, 300, 0, 0, 400, 300, 0, 0];
        assert_eq!(said(&stream(good, 1, [1, 1])), "fine");
        assert_eq!(said(&[&[0; 85][..], &stream(good, 1, [1, 1])].concat()), "fine", "in the boxes of a JP2 file");
        assert_eq!(said(&stream([410, 305, 10, 5, 128, 128, 0, 0], 1, [1, 1])), "fine");
        assert!(said(&stream([60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0], 1, [1, 1])).contains("60000 × 60000"));
        assert!(said(&stream([0, 300, 400, 0, 400, 300, 0, 0], 1, [1, 1])).contains("0 × 300"));
        assert!(said(&stream(good, 3, [1, 1])).contains("colour"));
        assert!(said(&stream(good, 1, [2, 1])).contains("whole pixels"));
        assert!(said(&stream([400, 300, 0, 0, 1, 1, 0, 0], 1, [1, 1])).contains("countable"));
        assert!(said(&stream([400, 300, 0, 0, 0, 300, 0, 0], 1, [1, 1])).contains("countable"));
        assert!(said(&stream(good, 1, [1, 1])[..30]).contains("ends inside"));
        assert!(said(b"no stream").contains("no JPEG 2000"));
    }
}
