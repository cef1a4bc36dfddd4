//! A DICOM series: one CT, a file a slice or a file with them all; uneven gaps and a tilted gantry are set straight by position.

mod codestream;
mod decode;
mod guard;
mod header;
mod series;

pub(super) use decode::is_decoding;

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
    let slices = header::read(path)?;
    // Of a file with several stacks the largest counts, as of a folder.
    let like = |s: &Slice| slices.iter().filter(|other| other.group() == s.group()).count();
    let own = slices.iter().rev().max_by_key(|s| like(s));
    let Some(own) = own else { return Err(Error::EmptyFolder(path.to_owned())) };
    if !own.is_ct() {
        let modality = own.modality.clone().unwrap_or_else(|| "unknown".to_owned());
        return Err(Error::Modality { path: path.to_owned(), modality });
    }
    if own.is_overview {
        return Err(series::only_overviews(path));
    }
    let found = dicom_files(folder, 1, progress)?;
    let mut read = headers(&found.files, progress)?;
    read.images.retain(|s| s.is_ct() && !s.is_overview);
    let (images, others) = std::mem::take(&mut read.images).into_iter().partition(|s| s.group() == own.group());
    read.images = images;
    let mut scan = read_slices(read, found.findings(), path, progress)?;
    scan.other_series = series::groups(others).iter().filter_map(|slices| series::told(slices)).collect();
    Ok(scan)
}

/// Reads the CT series with most slices below a folder; `None` when there is no DICOM file at all.
pub(super) fn read_folder(folder: &Path, progress: &Progress) -> Result<Option<Scan>, Error> {
    let found = dicom_files(folder, usize::MAX, progress)?;
    if found.files.is_empty() {
        return Ok(None);
    }
    let mut read = headers(&found.files, progress)?;
    if read.images.is_empty() {
        return Err(read.first_error.unwrap_or_else(|| Error::EmptyFolder(folder.to_owned())));
    }
    let chosen = series::choose(std::mem::take(&mut read.images), folder)?;
    read.images = chosen.slices;
    let findings = found.findings().into_iter().chain(chosen.findings).collect();
    let mut scan = read_slices(read, findings, folder, progress)?;
    scan.other_series = chosen.others;
    Ok(Some(scan))
}

/// The DICOM files of a folder.
struct Found {
    files: Vec<PathBuf>,
    /// Files named as slices are that are empty, cut off before the mark, or may not be read.
    lost: usize,
}

impl Found {
    /// A lost slice at an end leaves the others even: nothing else would tell.
    fn findings(&self) -> Vec<Finding> {
        let word = |n| {
            Finding::new(format!(
                "{n} files that may be slices are empty, cut off or may not be read, and were left out: the scan may end too early."
            ))
        };
        (self.lost > 0).then(|| word(self.lost)).into_iter().collect()
    }
}

/// DICOM files (by their mark at byte 128) down to a depth, sorted by name.
fn dicom_files(folder: &Path, depth: usize, progress: &Progress) -> Result<Found, Error> {
    progress.report(0.0, "looking for DICOM files")?;
    let mut found = Found { files: Vec::new(), lost: 0 };
    for entry in walkdir::WalkDir::new(folder).max_depth(depth).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // A folder below that may not be looked into (`System Volume Information` on a stick) is not the scan's.
            Err(e) if e.depth() > 0 => continue,
            Err(e) => return Err(Error::Unreadable { path: folder.to_owned(), why: e.to_string() }),
        };
        if entry.file_type().is_dir() {
            continue;
        }
        match mark(entry.path()) {
            Mark::Dicom if entry.file_type().is_file() => found.files.push(entry.into_path()),
            Mark::Lost if named_as_a_slice(entry.path()) => found.lost += 1,
            _ => {}
        }
        progress.check()?;
    }
    Ok(found)
}

/// What the first bytes of a file say.
enum Mark {
    Dicom,
    Other,
    /// There are none to read.
    Lost,
}

fn mark(path: &Path) -> Mark {
    let mut head = [0u8; 132];
    match std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut head)) {
        Ok(()) if head[128..] == *b"DICM" => Mark::Dicom,
        Ok(()) => Mark::Other,
        Err(_) => Mark::Lost,
    }
}

/// Slices end in `.dcm`, `.ima` or a number, or in nothing.
fn named_as_a_slice(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    !hidden
        && ending.is_none_or(|e| ["dcm", "dicom", "ima"].contains(&e.as_str()) || e.bytes().all(|b| b.is_ascii_digit()))
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
    let read: Vec<Result<Vec<Slice>, Error>> = files
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
            Ok(slices) => headers.images.extend(slices.into_iter().filter(|s| s.modality.is_some() || s.rows > 0)),
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
    let (slices, place) = stacked.map_err(|error| match (error, read.first_error) {
        // A damaged file may be what makes the gap.
        (Error::Series { path, what, next }, Some(damaged)) => {
            let what = format!("{what} ({} files were left out, the first: {damaged})", read.unreadable);
            Error::Series { path, what, next }
        }
        (error, _) => error,
    })?;
    if read.unreadable > 0 {
        let n = read.unreadable;
        let even = if place.repair.is_none() { "; the slices are even without them" } else { "" };
        findings.push(Finding::new(format!("{n} damaged or unreadable DICOM files were left out{even}.")));
    }
    let collector = decode::voxels(&slices, path, &progress.part(0.3, 0.95))?;
    progress.report(0.97, "checking voxels")?;
    assemble::scan(place, collector, findings, path)
}
