//! Bytes of any sample type → voxels, streaming: a two-valued volume never takes more than a byte a voxel.

use super::collect::Collector;
use super::error::Error;
use crate::geometry::Progress;
use std::io::{self, Read};
use std::path::Path;

/// How one voxel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl SampleType {
    /// Bytes a voxel.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// What the bytes of a volume mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) sample: SampleType,
    pub(super) big_endian: bool,
    /// Voxels to read.
    pub(super) count: usize,
    /// HU = slope · stored + intercept.
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

impl Layout {
    /// Stored values are HU already.
    pub(super) fn plain(sample: SampleType, big_endian: bool, count: usize) -> Self {
        Self { sample, big_endian, count, slope: 1.0, intercept: 0.0 }
    }

    /// Bytes of all voxels.
    pub(super) fn bytes(&self) -> u64 {
        self.count as u64 * self.sample.bytes() as u64
    }

    fn is_plain(&self) -> bool {
        self.slope == 1.0 && self.intercept == 0.0
    }
}

/// Voxels beyond this many are refused: no head CT has them (2³¹ is 2048 × 2048 × 512).
const MAX_VOXELS: u64 = 1 << 31;

/// The number of voxels of a claimed size, or why it cannot be true.
/// `can_hold` is the most bytes the file's content could be; nothing is allocated before this check.
pub(super) fn checked_count(
    path: &Path,
    size: [u64; 3],
    bytes_a_voxel: u64,
    can_hold: u64,
    compressed: bool,
) -> Result<usize, Error> {
    let claimed = format!("{} × {} × {} voxels", size[0], size[1], size[2]);
    let too_large = |why: String| Error::TooLarge { path: path.to_owned(), claimed: claimed.clone(), why };
    if size.contains(&0) {
        return Err(Error::damaged(path, format!("the header claims {claimed}")));
    }
    let count = size.iter().try_fold(1u64, |n, &s| n.checked_mul(s)).filter(|&n| n <= MAX_VOXELS);
    let count = count.ok_or_else(|| too_large(format!("more than the {MAX_VOXELS} read here")))?;
    let expected = count * bytes_a_voxel;
    if expected > can_hold {
        return Err(if compressed {
            too_large(format!("{expected} bytes, but so short a compressed file holds at most {can_hold}"))
        } else {
            Error::Truncated { path: path.to_owned(), expected, found: can_hold }
        });
    }
    if size.contains(&1) {
        return Err(Error::unsupported(path, format!("{claimed}: a single slice"), "a volume is needed"));
    }
    usize::try_from(count).map_err(|_| too_large("more than this machine can address".to_owned()))
}

const CHUNK: usize = 1 << 20;

/// Reads `layout.count` voxels from `source`, reporting progress and heeding cancel once a chunk.
pub(super) fn read_samples(
    source: &mut dyn Read,
    layout: &Layout,
    path: &Path,
    progress: &Progress,
) -> Result<Collector, Error> {
    let mut collector = Collector::with_capacity(layout.count, path)?;
    let total = layout.bytes();
    let mut buffer = vec![0u8; CHUNK];
    let mut scratch = Vec::with_capacity(CHUNK);
    let mut done = 0u64;
    while done < total {
        let want = (total - done).min(CHUNK as u64) as usize;
        let got = fill(source, &mut buffer[..want]).map_err(|e| Error::io(path, &e))?;
        if got < want {
            return Err(Error::Truncated { path: path.to_owned(), expected: total, found: done + got as u64 });
        }
        take(&buffer[..want], layout, &mut scratch, &mut collector)?;
        done += want as u64;
        progress.report(done as f32 / total as f32, "reading voxels")?;
    }
    Ok(collector)
}

/// Reads until the buffer is full or the source ends; a compressed stream cut short counts as its end.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match source.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// What stands behind the voxels: nothing, more bytes, or a stream whose checksum is wrong.
pub(super) fn has_more(source: &mut dyn Read, path: &Path, total: u64) -> Result<bool, Error> {
    let mut byte = [0];
    match source.read(&mut byte) {
        Ok(n) => Ok(n > 0),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(Error::damaged(
            path,
            format!("all {total} bytes of voxels are there, but the end of the compressed stream is cut off"),
        )),
        Err(e) => Err(Error::io(path, &e)),
    }
}

fn take(bytes: &[u8], layout: &Layout, scratch: &mut Vec<f64>, collector: &mut Collector) -> Result<(), Error> {
    if layout.is_plain() {
        if layout.sample == SampleType::U8 && collector.push_bytes(bytes) {
            return Ok(());
        }
        if layout.sample == SampleType::I16 && collector.push_whole(bytes, layout.big_endian) {
            return Ok(());
        }
    }
    scratch.clear();
    macro_rules! widen {
        ($type:ty) => {{
            const N: usize = size_of::<$type>();
            let word = |b: &[u8]| -> [u8; N] { b.try_into().expect("chunks_exact gives N bytes") };
            if layout.big_endian {
                scratch.extend(bytes.chunks_exact(N).map(|b| <$type>::from_be_bytes(word(b)) as f64));
            } else {
                scratch.extend(bytes.chunks_exact(N).map(|b| <$type>::from_le_bytes(word(b)) as f64));
            }
        }};
    }
    match layout.sample {
        SampleType::U8 => widen!(u8),
        SampleType::I8 => widen!(i8),
        SampleType::U16 => widen!(u16),
        SampleType::I16 => widen!(i16),
        SampleType::U32 => widen!(u32),
        SampleType::I32 => widen!(i32),
        SampleType::U64 => widen!(u64),
        SampleType::I64 => widen!(i64),
        SampleType::F32 => widen!(f32),
        SampleType::F64 => widen!(f64),
    }
    if !layout.is_plain() {
        for value in scratch.iter_mut() {
            *value = *value * layout.slope + layout.intercept;
        }
    }
    collector.push(scratch)
}
