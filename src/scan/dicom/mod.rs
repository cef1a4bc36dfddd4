//! A straightforward DICOM series: one CT, single-frame slices, evenly spaced, no tilt.

mod decode;
mod guard;
mod header;
mod series;

use super::assemble;
use super::error::Error;
use super::{Finding, Scan};
use crate::geometry::Progress;
use header::Slice;
use rayon::prelude::*;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads the series a DICOM file belongs to, from the file's own folder.
pub(super) fn read_file(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if header::is_directory_file(path)? {
        return read_folder(folder, progress)?.ok_or_else(|| Error::EmptyFolder(folder.to_owned()));
    }
    let own = header::read(path)?;
    if !own.is_ct() {
        let modality = own.modality.unwrap_or_else(|| "unknown".to_owned());
        return Err(Error::Modality { path: path.to_owned(), modality });
    }
    if own.is_overview {
        return Err(series::only_overviews(path));
    }
    let mut read = headers(&dicom_files(folder, 1, progress)?, progress)?;
    read.images.retain(|s| s.group() == own.group() && !s.is_overview);
    read_slices(read, Vec::new(), path, progress)
}

/// Reads the CT series with most slices below a folder; `None` when there is no DICOM file at all.
pub(super) fn read_folder(folder: &Path, progress: &Progress) -> Result<Option<Scan>, Error> {
    let files = dicom_files(folder, usize::MAX, progress)?;
    if files.is_empty() {
        return Ok(None);
    }
    let mut read = headers(&files, progress)?;
    if read.images.is_empty() {
        return Err(read.first_error.unwrap_or_else(|| Error::EmptyFolder(folder.to_owned())));
    }
    let chosen = series::choose(std::mem::take(&mut read.images), folder)?;
    read.images = chosen.slices;
    read_slices(read, chosen.findings, folder, progress).map(Some)
}

/// DICOM files (by their mark at byte 128) down to a depth, sorted by name.
fn dicom_files(folder: &Path, depth: usize, progress: &Progress) -> Result<Vec<PathBuf>, Error> {
    progress.report(0.0, "looking for DICOM files")?;
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).max_depth(depth).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // A folder below that may not be looked into (`System Volume Information` on a stick) is not the scan's.
            Err(e) if e.depth() > 0 => continue,
            Err(e) => return Err(Error::Unreadable { path: folder.to_owned(), why: e.to_string() }),
        };
        if entry.file_type().is_file() && has_mark(entry.path()) {
            files.push(entry.into_path());
        }
        progress.check()?;
    }
    Ok(files)
}

fn has_mark(path: &Path) -> bool {
    let mut head = [0u8; 132];
    let read = std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut head));
    read.is_ok() && head[128..] == *b"DICM"
}

/// Headers of a folder's files.
struct Headers {
    /// Images, in the order of the files.
    images: Vec<Slice>,
    /// Files whose headers cannot be read.
    unreadable: usize,
    first_error: Option<Error>,
}

fn headers(files: &[PathBuf], progress: &Progress) -> Result<Headers, Error> {
    let done = AtomicUsize::new(0);
    let read: Vec<Result<Slice, Error>> = files
        .par_iter()
        .map(|path| {
            let n = done.fetch_add(1, Ordering::Relaxed);
            progress.report(0.3 * n as f32 / files.len() as f32, "reading slice headers")?;
            header::read(path)
        })
        .collect();
    let mut headers = Headers { images: Vec::with_capacity(read.len()), unreadable: 0, first_error: None };
    for result in read {
        match result {
            // A DICOMDIR and its like have neither kind nor pixels.
            Ok(slice) if slice.modality.is_none() && slice.rows == 0 => {}
            Ok(slice) => headers.images.push(slice),
            Err(Error::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(error) => {
                headers.unreadable += 1;
                headers.first_error = headers.first_error.or(Some(error));
            }
        }
    }
    Ok(headers)
}

/// Sorted, checked and decoded slices as one volume.
fn read_slices(read: Headers, mut findings: Vec<Finding>, path: &Path, progress: &Progress) -> Result<Scan, Error> {
    let stacked = series::stack(read.images, path);
    let (slices, grid) = stacked.map_err(|error| match (error, read.first_error) {
        // A damaged file may be what makes the gap.
        (Error::Series { path, what, next }, Some(damaged)) => {
            let what = format!("{what} ({} files were left out, the first: {damaged})", read.unreadable);
            Error::Series { path, what, next }
        }
        (error, _) => error,
    })?;
    if read.unreadable > 0 {
        let n = read.unreadable;
        findings.push(Finding::new(format!(
            "{n} damaged or unreadable DICOM files were left out; the slices are even without them."
        )));
    }
    let collector = decode::voxels(&slices, &grid, path, &progress.part(0.3, 0.95))?;
    progress.report(0.97, "checking voxels")?;
    assemble::scan(grid, collector, findings)
}
