//! Files → a volume in HU on an LPS grid, with findings. The only room (with `export`) that knows file formats.

use crate::geometry::{Cancelled, Grid, Progress, Volume};
use std::path::{Path, PathBuf};

/// What a scan's voxels are.
#[derive(Clone, Debug, PartialEq)]
pub enum Voxels {
    /// CT numbers, whole Hounsfield units.
    Hu(Volume<i16>),
    /// A two-valued volume: 1 bone, 0 not.
    Mask(Volume<u8>),
}

impl Voxels {
    /// The grid the voxels lie on.
    pub fn grid(&self) -> &Grid {
        match self {
            Voxels::Hu(v) => &v.grid,
            Voxels::Mask(v) => &v.grid,
        }
    }
}

/// A scan as read: voxels, and what was noticed on the way.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The voxels on their LPS grid.
    pub voxels: Voxels,
    /// What the user should know (rounded values, clipped range, uneven slices), in the order met.
    pub findings: Vec<Finding>,
    /// SHA-256 of the voxels and grid, hex: names the scan without naming the file or the person.
    pub hash: String,
}

/// Something noticed that does not stop the work.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// What was noticed, to what, and what it means for the user; one or two sentences, no path, no name.
    pub message: String,
}

/// Why a scan was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing at that path.
    #[error("{0}: no such file or folder")]
    Missing(PathBuf),
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Reads a file (NRRD, NIfTI-1/2, .inv3, one DICOM file) or a folder (a DICOM series).
pub fn read(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    let _ = progress;
    Err(Error::Missing(path.to_owned()))
}
