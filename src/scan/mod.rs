//! Files → a volume in HU on an LPS grid, with findings. The only room (with `export`) that knows file formats.

mod assemble;
mod collect;
mod dicom;
mod error;
mod format;
mod gzip;
mod inv3;
mod nifti;
mod nifti_header;
mod nrrd;
mod nrrd_header;
mod other_series;
mod place;
mod repair;
mod samples;
mod stl;
mod summary;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use format::Format;
pub use other_series::OtherSeries;
pub use stl::read_stl;
pub use summary::{VolumeSummary, inspect};

use crate::geometry::{Grid, Progress, Volume};
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
    /// What else could have been read where this was.
    pub other_series: Vec<OtherSeries>,
}

impl Scan {
    /// A scan with its hash computed (also for volumes made in the program).
    pub fn new(voxels: Voxels, findings: Vec<Finding>) -> Self {
        let hash = assemble::hash(&voxels);
        Self { voxels, findings, hash, other_series: Vec::new() }
    }

    /// Voxels made in the program whose hash nobody asks for.
    pub fn unnamed(voxels: Voxels) -> Self {
        Self { voxels, findings: Vec::new(), hash: String::new(), other_series: Vec::new() }
    }
}

/// Something noticed that does not stop the work.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// What was noticed, to what, and what it means for the user; one or two sentences, no path, no name.
    pub message: String,
}

impl Finding {
    /// A finding with its message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Whether this thread is decoding pixels in somebody else's code: a panic there comes back as an [`Error`], so a panic
/// hook need not tell it.
pub fn is_decoding() -> bool {
    dicom::is_decoding()
}

/// Reads a file (NRRD, NIfTI-1/2, .inv3, one DICOM file) or a folder (a DICOM series, or a single volume).
pub fn read(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    read_as(path, progress).map(|(scan, _, _)| scan)
}

/// Reads a scan and says what it was read from: the file of a folder's single volume, else the path itself.
pub fn read_as(path: &Path, progress: &Progress) -> Result<(Scan, Format, PathBuf), Error> {
    let kind = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    let read = if kind.is_dir() {
        read_folder(path, progress)?
    } else if !kind.is_file() {
        return Err(Error::unsupported(path, "neither a file nor a folder", "choose the scan itself"));
    } else if kind.len() == 0 {
        return Err(Error::damaged(path, "the file is empty"));
    } else {
        read_file(path, progress)?
    };
    progress.report(1.0, "scan read")?;
    Ok(read)
}

fn read_file(path: &Path, progress: &Progress) -> Result<(Scan, Format, PathBuf), Error> {
    let Some(format) = format::of_file(path)? else {
        return Err(if has_ending(path, &["dcm", "dicom"]) {
            Error::NotDicom(path.to_owned())
        } else {
            Error::UnknownFormat(path.to_owned())
        });
    };
    let scan = match format {
        Format::Nrrd => nrrd::read(path, progress),
        Format::Nifti => nifti::read(path, progress),
        Format::Inv3 => inv3::read(path, progress),
        Format::Dicom => dicom::read_file(path, progress),
    }?;
    Ok((scan, format, path.to_owned()))
}

fn read_folder(path: &Path, progress: &Progress) -> Result<(Scan, Format, PathBuf), Error> {
    if let Some(scan) = dicom::read_folder(path, progress)? {
        return Ok((scan, Format::Dicom, path.to_owned()));
    }
    let volumes = volumes_below(path);
    match volumes.as_slice() {
        [] => Err(Error::EmptyFolder(path.to_owned())),
        [one] => read_file(one, progress),
        several => Err(Error::SeveralVolumes { path: path.to_owned(), count: several.len() }),
    }
}

/// Files below a folder whose names say that they hold a volume, sorted.
fn volumes_below(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let named = |path: &Path| {
        has_ending(path, &["nrrd", "nhdr", "nii", "inv3"])
            || (has_ending(path, &["gz"]) && path.file_stem().is_some_and(|stem| has_ending(Path::new(stem), &["nii"])))
    };
    files.filter(|f| f.file_type().is_file() && named(f.path())).map(|f| f.into_path()).collect()
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|have| endings.iter().any(|e| have.eq_ignore_ascii_case(e)))
}
