//! What a file is, told from its first bytes; names are not trusted.

use super::error::Error;
use super::gzip::{self, Gunzip};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The formats a scan is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Format {
    /// NRRD, with its data inside or beside it.
    Nrrd,
    /// NIfTI-1 or NIfTI-2 in one file, plain or gzipped.
    Nifti,
    /// A project of InVesalius.
    Inv3,
    /// A series of DICOM files.
    Dicom,
}

impl Format {
    /// The format's name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nrrd => "NRRD",
            Self::Nifti => "NIfTI",
            Self::Inv3 => "InVesalius project",
            Self::Dicom => "DICOM series",
        }
    }
}

/// Bytes needed to tell: a tar's mark ends at 263, a NIfTI-2's size field lies at 0, DICOM's mark at 128.
const HEAD: u64 = 512;

/// The format of a file, `None` when it is none of ours.
pub(super) fn of_file(path: &Path) -> Result<Option<Format>, Error> {
    let head = head(path)?;
    if let Some(format) = of_plain(&head) {
        return Ok(Some(format));
    }
    if head.starts_with(&gzip::MAGIC) {
        let mut inner = Vec::new();
        // The head of a gzip file is cut, so an early end is expected; what was decoded before it counts.
        let _ = Gunzip::new(&head[..]).take(HEAD).read_to_end(&mut inner);
        if let Some(format) = of_plain(&inner) {
            return Ok(Some(format).filter(|f| matches!(f, Format::Nifti | Format::Inv3)));
        }
    }
    Ok(None)
}

fn head(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let mut head = Vec::new();
    file.take(8 * HEAD).read_to_end(&mut head).map_err(|e| Error::io(path, &e))?;
    Ok(head)
}

fn of_plain(head: &[u8]) -> Option<Format> {
    if head.starts_with(b"NRRD00") {
        return Some(Format::Nrrd);
    }
    if head.get(128..132) == Some(b"DICM") {
        return Some(Format::Dicom);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(Format::Inv3);
    }
    let first = head.get(..4)?;
    let is_size = |size: u32| first == size.to_le_bytes() || first == size.to_be_bytes();
    if is_size(348) || is_size(540) {
        return Some(Format::Nifti);
    }
    None
}
