//! InVesalius projects (.inv3): a tar, mostly gzipped, with `main.plist` and a raw matrix of HU, z y x.
//!
//! InVesalius flips every slice on import, so row 0 is posterior: the index axes point left, anterior and superior,
//! and the LPS direction is diag(1, −1, 1). The project keeps no origin; voxel (0, 0, 0) is put at (0, 0, 0).

use super::assemble;
use super::error::Error;
use super::gzip::{self, Gunzip};
use super::samples::{Layout, SampleType, checked_count, read_samples};
use super::{Finding, Scan};
use crate::geometry::Progress;
use nalgebra::{Matrix3, Point3, Vector3};
use plist::{Dictionary, Value};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Cursor, Read};
use std::path::Path;

/// A main.plist is a few kilobytes; anything beyond this is no such thing.
const MAX_PLIST: u64 = 1 << 20;

/// What main.plist says of the matrix.
struct Matrix {
    file: String,
    sample: SampleType,
    size: [u64; 3],
    spacing_mm: [f64; 3],
}

/// Reads the project's matrix; its masks and surfaces are not looked at.
pub(super) fn read(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    progress.report(0.0, "reading the project")?;
    let matrix = with_entry(path, "main.plist", false, |entry, size| {
        let mut text = Vec::new();
        entry.take(MAX_PLIST).read_to_end(&mut text).map_err(|e| Error::io(path, &e))?;
        if (text.len() as u64) < size.min(MAX_PLIST) {
            return Err(Error::Truncated { path: path.to_owned(), expected: size, found: text.len() as u64 });
        }
        let value = Value::from_reader(Cursor::new(text))
            .map_err(|e| Error::damaged(path, format!("main.plist is not a property list ({e})")))?;
        describe(path, &value)
    })?;
    with_entry(path, &matrix.file, true, |entry, entry_bytes| {
        let count = checked_count(path, matrix.size, matrix.sample.bytes() as u64, entry_bytes, false)?;
        let layout = Layout::plain(matrix.sample, false, count);
        let collector = read_samples(entry, &layout, path, &progress.part(0.0, 0.95))?;
        progress.report(0.97, "checking voxels")?;
        let size = matrix.size.map(|s| s as usize); // the product was checked to fit
        let direction = Matrix3::from_diagonal(&Vector3::new(1.0, -1.0, 1.0));
        let grid = assemble::checked_grid(path, size, matrix.spacing_mm, Point3::origin(), direction)?;
        let mut findings = Vec::new();
        if entry_bytes > layout.bytes() {
            findings
                .push(Finding::new("The project's matrix holds more bytes than its shape says; the rest is left out."));
        }
        assemble::scan(grid.into(), collector, findings, path)
    })
}

/// Calls `use_entry(content, size)` on the entry whose last name is `name`; `to_the_end` reads what follows too, for a
/// gzip's checksum stands at its end.
fn with_entry<T>(
    path: &Path,
    name: &str,
    to_the_end: bool,
    use_entry: impl FnOnce(&mut dyn Read, u64) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(|e| Error::io(path, &e))?);
    let packed = file.fill_buf().map_err(|e| Error::io(path, &e))?.starts_with(&gzip::MAGIC);
    let content: Box<dyn Read> = if packed { Box::new(Gunzip::new(file)) } else { Box::new(file) };
    let mut archive = tar::Archive::new(content);
    let broken = |e: &std::io::Error| Error::damaged(path, format!("the archive cannot be read to `{name}` ({e})"));
    for entry in archive.entries().map_err(|e| broken(&e))? {
        let mut entry = entry.map_err(|e| broken(&e))?;
        let found = entry.path().is_ok_and(|p| p.file_name().is_some_and(|n| n == name));
        if found && entry.header().entry_type().is_file() {
            let size = entry.size();
            let used = use_entry(&mut entry, size)?;
            drop(entry);
            if to_the_end {
                let rest = std::io::copy(&mut archive.into_inner(), &mut std::io::sink());
                rest.map_err(|e| Error::damaged(path, format!("the archive is damaged ({e})")))?;
            }
            return Ok(used);
        }
    }
    Err(Error::MissingPart { path: path.to_owned(), part: name.to_owned() })
}

fn describe(path: &Path, value: &Value) -> Result<Matrix, Error> {
    let lacks = |what: &str| Error::damaged(path, format!("main.plist has no usable {what}"));
    let main = value.as_dictionary().ok_or_else(|| lacks("content"))?;
    if let Some(modality) = main.get("modality").and_then(Value::as_string)
        && modality.to_uppercase().starts_with("MR")
    {
        return Err(Error::Modality { path: path.to_owned(), modality: "MR".to_owned() });
    }
    let matrix = main.get("matrix").and_then(Value::as_dictionary).ok_or_else(|| lacks("`matrix`"))?;
    let file = matrix.get("filename").and_then(Value::as_string).ok_or_else(|| lacks("matrix `filename`"))?;
    let kind = matrix.get("dtype").and_then(Value::as_string).ok_or_else(|| lacks("matrix `dtype`"))?;
    let sample = match kind {
        "int16" => SampleType::I16,
        "uint16" => SampleType::U16,
        "uint8" => SampleType::U8,
        "int8" => SampleType::I8,
        "int32" => SampleType::I32,
        "float32" => SampleType::F32,
        "float64" => SampleType::F64,
        other => {
            return Err(Error::unsupported(path, format!("a matrix of `{other}` values"), "export the scan as NIfTI"));
        }
    };
    let [z, y, x] = numbers(matrix, "shape").ok_or_else(|| lacks("matrix `shape`"))?;
    if [x, y, z].iter().any(|&n| n < 0.0 || n.fract() != 0.0) {
        return Err(lacks("matrix `shape`"));
    }
    let spacing_mm = numbers(main, "spacing").ok_or_else(|| lacks("`spacing`"))?;
    Ok(Matrix { file: file.to_owned(), sample, size: [x as u64, y as u64, z as u64], spacing_mm })
}

/// Three numbers, written as integers or reals.
fn numbers(dictionary: &Dictionary, key: &str) -> Option<[f64; 3]> {
    let array = dictionary.get(key)?.as_array()?;
    let number = |v: &Value| v.as_real().or_else(|| v.as_signed_integer().map(|i| i as f64));
    let all: Vec<f64> = array.iter().map(number).collect::<Option<_>>()?;
    all.try_into().ok()
}
