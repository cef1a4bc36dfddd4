//! The binary header of NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes), either byte order.
//! https://nifti.nimh.nih.gov/nifti-1 and https://nifti.nimh.nih.gov/nifti-2

use super::error::Error;
use super::samples::SampleType;
use std::path::Path;

/// Bytes of a NIfTI-1 header.
const FIRST: usize = 348;
/// Bytes of a NIfTI-2 header.
const SECOND: usize = 540;

/// What the header says, as far as a volume needs it. Frames are RAS, lengths in the header's unit.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) big_endian: bool,
    pub(super) sample: SampleType,
    pub(super) size: [u64; 3],
    /// Where the voxels begin, bytes.
    pub(super) offset: u64,
    /// `pixdim[0..4]`: the handedness sign and the voxel sides.
    pub(super) pixdim: [f64; 4],
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    /// Quaternion b, c, d.
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    /// Rows of the affine.
    pub(super) srow: [[f64; 4]; 3],
    /// Millimetres in the header's unit of length.
    pub(super) unit_mm: f64,
}

/// How many bytes the header has, from its first four; `None` when it is no NIfTI header.
pub(super) fn length(first: [u8; 4]) -> Option<usize> {
    [FIRST, SECOND].into_iter().find(|&n| {
        let size = n as u32;
        first == size.to_le_bytes() || first == size.to_be_bytes()
    })
}

/// Parses a header of [`length`] bytes.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Header, Error> {
    let second = bytes.len() == SECOND;
    let size_field = (bytes.len() as u32).to_le_bytes();
    let fields = Fields { bytes, big_endian: !bytes.starts_with(&size_field) };
    let magic = if second { &bytes[4..8] } else { &bytes[344..348] };
    match magic {
        b"n+1\0" | b"n+2\0" => {}
        b"ni1\0" | b"ni2\0" => {
            let next = "save it as one .nii or .nii.gz file";
            return Err(Error::unsupported(path, "a NIfTI header without its voxels (.hdr/.img pair)", next));
        }
        _ => return Err(Error::unsupported(path, "an ANALYZE header or no NIfTI at all", "save it as NIfTI or NRRD")),
    }

    let (dim_at, pixdim_at, type_at) = if second { (16, 104, 12) } else { (40, 76, 70) };
    let dim: [i64; 8] =
        std::array::from_fn(|i| if second { fields.i64(dim_at + 8 * i) } else { fields.i16(dim_at + 2 * i).into() });
    let pixdim: [f64; 4] = std::array::from_fn(|i| fields.real(second, pixdim_at, i));
    let dimensions = usize::try_from(dim[0]).ok().filter(|n| (1..=7).contains(n));
    let dimensions = dimensions.ok_or_else(|| Error::damaged(path, format!("{} dimensions", dim[0])))?;
    let shape = &dim[1..=dimensions];
    let text = || shape.iter().map(i64::to_string).collect::<Vec<_>>().join(" × ");
    if shape.iter().any(|&n| n < 1) {
        return Err(Error::damaged(path, format!("the header claims {} voxels", text())));
    }
    if dimensions < 3 || shape[3..].iter().any(|&n| n != 1) {
        return Err(Error::unsupported(
            path,
            format!("{} values are not one 3-D volume", text()),
            "save one volume of it",
        ));
    }

    let offset = if second { fields.i64(168) as f64 } else { fields.f32(108) };
    if !(0.0..9e15).contains(&offset) {
        return Err(Error::damaged(path, format!("the voxels are said to begin at byte {offset}")));
    }
    let (slope, intercept) =
        if second { (fields.f64(176), fields.f64(184)) } else { (fields.f32(112), fields.f32(116)) };
    let (qform_code, sform_code) =
        if second { (fields.i32(344), fields.i32(348)) } else { (fields.i16(252).into(), fields.i16(254).into()) };
    let (quaternion_at, qoffset_at, srow_at) = if second { (352, 376, 400) } else { (256, 268, 280) };
    let units = if second { fields.i32(500) } else { i32::from(bytes[123]) };
    Ok(Header {
        big_endian: fields.big_endian,
        sample: sample_type(path, fields.i16(type_at))?,
        size: [shape[0] as u64, shape[1] as u64, shape[2] as u64],
        // A single file's voxels cannot begin inside its header.
        offset: (offset as u64).max(bytes.len() as u64),
        pixdim,
        slope,
        intercept,
        qform_code,
        sform_code,
        quaternion: std::array::from_fn(|i| fields.real(second, quaternion_at, i)),
        qoffset: std::array::from_fn(|i| fields.real(second, qoffset_at, i)),
        srow: std::array::from_fn(|row| std::array::from_fn(|i| fields.real(second, srow_at, 4 * row + i))),
        unit_mm: match units & 7 {
            1 => 1e3,
            3 => 1e-3,
            _ => 1.0,
        },
    })
}

fn sample_type(path: &Path, code: i16) -> Result<SampleType, Error> {
    Ok(match code {
        2 => SampleType::U8,
        4 => SampleType::I16,
        8 => SampleType::I32,
        16 => SampleType::F32,
        64 => SampleType::F64,
        256 => SampleType::I8,
        512 => SampleType::U16,
        768 => SampleType::U32,
        1024 => SampleType::I64,
        1280 => SampleType::U64,
        other => {
            let what = format!("voxels of NIfTI type {other} (colour, complex or wider numbers)");
            return Err(Error::unsupported(path, what, "save it as int16 or uint8"));
        }
    })
}

/// Numbers at places of the header; the header's length is checked by the caller.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn word<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut word: [u8; N] = self.bytes[at..at + N].try_into().expect("a slice of N bytes");
        if self.big_endian {
            word.reverse();
        }
        word
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.word(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.word(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.word(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f32::from_le_bytes(self.word(at)).into()
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.word(at))
    }

    /// The `i`-th of the real numbers that begin at a place: f32 in the first version, f64 in the second.
    fn real(&self, second: bool, at: usize, i: usize) -> f64 {
        if second { self.f64(at + 8 * i) } else { self.f32(at + 4 * i) }
    }
}
