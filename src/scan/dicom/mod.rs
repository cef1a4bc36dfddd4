//! A straightforward DICOM series: one CT, single-frame slices, evenly spaced, no tilt.

mod decode;
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
    if own.modality != "CT" {
        return Err(Error::Modality { path: path.to_owned(), modality: own.modality });
    }
    let slices = headers(&dicom_files(folder, 1, progress)?, progress)?;
    let mates: Vec<Slice> = slices.into_iter().filter(|s| s.group() == own.group()).collect();
    read_slices(mates, path, Vec::new(), progress)
}

/// Reads the CT series with most slices below a folder; `None` when there is no DICOM file at all.
pub(super) fn read_folder(folder: &Path, progress: &Progress) -> Result<Option<Scan>, Error> {
    let files = dicom_files(folder, usize::MAX, progress)?;
    if files.is_empty() {
        return Ok(None);
    }
    let slices = headers(&files, progress)?;
    let chosen = series::choose(slices, folder)?;
    read_slices(chosen.slices, folder, chosen.findings, progress).map(Some)
}

/// DICOM files (by their mark at byte 128) down to a depth, sorted by name.
fn dicom_files(folder: &Path, depth: usize, progress: &Progress) -> Result<Vec<PathBuf>, Error> {
    progress.report(0.0, "looking for DICOM files")?;
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).max_depth(depth).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::Unreadable { path: folder.to_owned(), why: e.to_string() })?;
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

/// The headers of all image files, in the order of the files; what is no image or cannot be parsed is left out,
/// unless nothing else is there.
fn headers(files: &[PathBuf], progress: &Progress) -> Result<Vec<Slice>, Error> {
    let done = AtomicUsize::new(0);
    let read: Vec<Result<Slice, Error>> = files
        .par_iter()
        .map(|path| {
            let n = done.fetch_add(1, Ordering::Relaxed);
            progress.report(0.3 * n as f32 / files.len() as f32, "reading slice headers")?;
            header::read(path)
        })
        .collect();
    let mut slices = Vec::with_capacity(read.len());
    let mut first_error = None;
    for result in read {
        match result {
            Ok(slice) => slices.push(slice),
            Err(Error::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match first_error {
        Some(error) if slices.is_empty() => Err(error),
        _ => Ok(slices),
    }
}

/// Sorted, checked and decoded slices as one volume.
fn read_slices(slices: Vec<Slice>, path: &Path, findings: Vec<Finding>, progress: &Progress) -> Result<Scan, Error> {
    let (slices, grid) = series::stack(slices, path)?;
    let collector = decode::voxels(&slices, &grid, path, &progress.part(0.3, 0.95))?;
    progress.report(0.97, "checking voxels")?;
    assemble::scan(grid, collector, findings)
}
