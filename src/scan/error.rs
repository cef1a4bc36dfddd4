use crate::geometry::{Cancelled, GridError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a scan was refused: what happened, to which file, what the user can do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing at that path.
    #[error("{0}: no such file or folder; check the path")]
    Missing(PathBuf),
    /// The operating system would not let us read.
    #[error("{path}: cannot be read ({why}); check that the file is complete and that you may read it")]
    Unreadable { path: PathBuf, why: String },
    /// A folder without any file that could be a scan.
    #[error(
        "{0}: the folder holds no scan; choose a folder with a CT's DICOM files, or a .nrrd, .nhdr, .nii, .nii.gz or .inv3 file"
    )]
    EmptyFolder(PathBuf),
    /// A folder with several scans, none of them DICOM.
    #[error("{path}: the folder holds {count} volumes; open one of them by its file")]
    SeveralVolumes { path: PathBuf, count: usize },
    /// Not one of the formats read here.
    #[error("{0}: not a scan in a known format; NRRD, NIfTI, InVesalius projects (.inv3) and DICOM are read")]
    UnknownFormat(PathBuf),
    /// Named like DICOM, but its content is something else.
    #[error("{0}: named like a DICOM file, but its content is not DICOM; export the scan again from its source")]
    NotDicom(PathBuf),
    /// Fewer bytes than the header promises.
    #[error(
        "{path}: the file ends early: {expected} bytes of voxels expected, {found} found; copy or export it again from its source"
    )]
    Truncated { path: PathBuf, expected: u64, found: u64 },
    /// A header claims more than the file can hold, or more than is read here.
    #[error("{path}: the header claims {claimed}, {why}; the header is damaged or the file is not a head scan")]
    TooLarge { path: PathBuf, claimed: String, why: String },
    /// The content contradicts its format.
    #[error("{path}: damaged: {what}; copy or export it again from its source")]
    Damaged { path: PathBuf, what: String },
    /// A valid file of a kind that is not read.
    #[error("{path}: {what}; {next}")]
    Unsupported { path: PathBuf, what: String, next: String },
    /// A part of a multi-part file is not there.
    #[error("{path}: the part `{part}` is missing; save the project again in its program")]
    MissingPart { path: PathBuf, part: String },
    /// Another kind of image than CT.
    #[error("{path}: the images are of modality {modality}; a CT is needed, for bone is found by Hounsfield units")]
    Modality { path: PathBuf, modality: String },
    /// Slices that do not form one regular volume.
    #[error("{path}: {what}; {next}")]
    Series { path: PathBuf, what: String, next: String },
    /// A grid that cannot be a head scan's.
    #[error("{path}: {what}; correct the spacing in the file's header or export the scan again")]
    VoxelSize { path: PathBuf, what: String },
    /// Size, spacing or directions do not make a grid.
    #[error("{path}: {source}; correct the file's header or export the scan again")]
    Geometry { path: PathBuf, source: GridError },
    /// The machine has not enough memory.
    #[error("{path}: {bytes} bytes of memory are needed and could not be had; close other programs or crop the scan")]
    Memory { path: PathBuf, bytes: u64 },
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Error {
    /// The error for a failed call to the operating system.
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            // Damaged compressed data comes as InvalidInput or InvalidData from the decoder.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::damaged(path, error.to_string()),
            _ => Self::Unreadable { path: path.to_owned(), why: error.to_string() },
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn unsupported(path: &Path, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), what: what.into(), next: next.into() }
    }
}
