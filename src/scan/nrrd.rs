//! NRRD volumes, voxels inside the file (.nrrd) or beside it (.nhdr); raw, gzip and text encodings.

use super::assemble;
use super::collect::Collector;
use super::error::Error;
use super::gzip::{self, Gunzip};
use super::nrrd_header::{self, Encoding, Header};
use super::place;
use super::samples::{Layout, checked_count, has_more, read_samples};
use super::{Finding, Scan};
use crate::geometry::Progress;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A header is some hundred bytes; one without end is none.
const MAX_HEADER: u64 = 1 << 20;

/// Reads the volume; the header's claims are checked against the file's length before memory is taken.
pub(super) fn read(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    progress.report(0.0, "reading the header")?;
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(|e| Error::io(path, &e))?);
    let (text, header_bytes) = header_text(&mut file, path)?;
    let header = nrrd_header::parse(&text, path)?;
    let files = match &header.data_file {
        Some(field) => data_files(path, field, &text)?,
        None => Vec::new(),
    };
    let stored = if files.is_empty() {
        length(path)?.saturating_sub(header_bytes)
    } else {
        files.iter().try_fold(0u64, |n, f| Ok::<_, Error>(n.saturating_add(length(f)?)))?
    };

    let bytes_a_voxel = header.sample.bytes() as u64;
    let count = match header.encoding {
        Encoding::Raw => checked_count(path, header.size, bytes_a_voxel, stored, false)?,
        Encoding::Gzip => {
            checked_count(path, header.size, bytes_a_voxel, stored.saturating_mul(gzip::MAX_RATIO), true)?
        }
        // A digit and a space a value.
        Encoding::Ascii => checked_count(path, header.size, 1, stored.div_ceil(2), false)?,
    };
    let layout = Layout::plain(header.sample, header.big_endian, count);
    let mut source: Box<dyn Read> = if files.is_empty() {
        unpack(file, &header, layout.bytes(), path)?
    } else {
        // Each holds its share: a skip of -1 counts from the end of one file.
        let total = layout.bytes() / files.len() as u64;
        Box::new(Pieces { header: header.clone(), total, waiting: files.into(), current: None })
    };

    let step = progress.part(0.0, 0.95);
    let mut findings: Vec<Finding> = header.notes.iter().map(Finding::new).collect();
    let collector = if header.encoding == Encoding::Ascii {
        read_text(&mut source, &layout, path, &step)?
    } else {
        let collector = read_samples(&mut source, &layout, path, &step)?;
        if has_more(&mut source, path, layout.bytes())? {
            findings.push(Finding::new("The file holds more bytes than its header says; the rest is left out."));
        }
        collector
    };
    progress.report(0.97, "checking voxels")?;
    let size = header.size.map(|s| s as usize); // the product was checked to fit
    let place = place::from_steps(path, size, &header.steps_mm, header.origin_mm)?;
    assemble::scan(place, collector, findings, path)
}

/// The lines up to the empty line (or the end, for a detached header), and how many bytes they are.
fn header_text(file: &mut impl BufRead, path: &Path) -> Result<(String, u64), Error> {
    let mut text = String::new();
    let mut bytes = 0u64;
    let mut list_follows = false;
    loop {
        let mut line = Vec::new();
        let n = file.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line).map_err(|e| Error::io(path, &e))?;
        bytes += n as u64;
        if bytes > MAX_HEADER {
            return Err(Error::damaged(path, "the header has no end"));
        }
        let line = String::from_utf8_lossy(&line);
        // After `data file: LIST` everything is file names; an empty line there ends nothing.
        if n == 0 || (line.trim().is_empty() && !list_follows) {
            return Ok((text, bytes));
        }
        list_follows |= line.to_ascii_lowercase().replace(' ', "").starts_with("datafile:list");
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn length(path: &Path) -> Result<u64, Error> {
    Ok(std::fs::metadata(path).map_err(|e| Error::io(path, &e))?.len())
}

/// The files a detached header names: one, a `LIST`, or a printf pattern with first, last and step.
fn data_files(path: &Path, field: &str, text: &str) -> Result<Vec<PathBuf>, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let words: Vec<&str> = field.split_whitespace().collect();
    if words.first().is_some_and(|w| w.eq_ignore_ascii_case("list")) {
        let after = text.lines().skip_while(|l| !l.to_ascii_lowercase().replace(' ', "").starts_with("datafile:list"));
        return Ok(after.skip(1).filter(|l| !l.trim().is_empty()).map(|l| folder.join(l.trim())).collect());
    }
    if let [pattern, first, last, step, ..] = words[..]
        && pattern.contains('%')
    {
        let number = |word: &str| word.parse::<i64>().ok();
        let names = match (number(first), number(last), number(step)) {
            (Some(first), Some(last), Some(step)) => numbered(pattern, first, last, step),
            _ => None,
        };
        let names = names.ok_or_else(|| Error::damaged(path, format!("`data file: {field}` cannot be read")))?;
        return Ok(names.into_iter().map(|n| folder.join(n)).collect());
    }
    Ok(vec![folder.join(field)])
}

/// `slice%03d.raw` from `first` to `last`.
fn numbered(pattern: &str, first: i64, last: i64, step: i64) -> Option<Vec<String>> {
    let (before, rest) = pattern.split_once('%')?;
    let (format, after) = rest.split_once('d')?;
    let width: usize = if format.is_empty() { 0 } else { format.parse().ok()? };
    let zeros = format.starts_with('0');
    let steps = last.checked_sub(first)?.checked_div(step)?;
    if !(0..100_000).contains(&steps) || width > 20 {
        return None;
    }
    let name =
        |n: i64| if zeros { format!("{before}{n:0width$}{after}") } else { format!("{before}{n:width$}{after}") };
    Some((0..=steps).map(|i| name(first + i * step)).collect())
}

/// The voxel bytes of one file, after the skips of the header and unzipped.
fn unpack(mut file: BufReader<File>, header: &Header, total: u64, path: &Path) -> Result<Box<dyn Read>, Error> {
    let fail = |e: io::Error| Error::io(path, &e);
    for _ in 0..header.line_skip {
        if file.skip_until(b'\n').map_err(fail)? == 0 {
            return Err(Error::Truncated { path: path.to_owned(), expected: total, found: 0 });
        }
    }
    let Some(skip) = header.byte_skip else {
        let start = file.get_ref().metadata().map_err(fail)?.len().checked_sub(total);
        let short = || Error::Truncated { path: path.to_owned(), expected: total, found: length(path).unwrap_or(0) };
        file.seek(SeekFrom::Start(start.ok_or_else(short)?)).map_err(fail)?;
        return Ok(Box::new(file));
    };
    // Bytes are skipped in the decompressed stream.
    let mut source: Box<dyn Read> =
        if header.encoding == Encoding::Gzip { Box::new(Gunzip::new(file)) } else { Box::new(file) };
    if io::copy(&mut source.by_ref().take(skip), &mut io::sink()).map_err(fail)? < skip {
        return Err(Error::Truncated { path: path.to_owned(), expected: total, found: 0 });
    }
    Ok(source)
}

/// Several data files, one after the other.
struct Pieces {
    header: Header,
    /// Bytes of one piece.
    total: u64,
    waiting: VecDeque<PathBuf>,
    current: Option<Box<dyn Read>>,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(current) = &mut self.current {
                let n = current.read(out)?;
                if n > 0 || out.is_empty() {
                    return Ok(n);
                }
            }
            let Some(next) = self.waiting.pop_front() else { return Ok(0) };
            let file = BufReader::with_capacity(1 << 18, File::open(&next)?);
            self.current = Some(unpack(file, &self.header, self.total, &next).map_err(io::Error::other)?);
        }
    }
}

/// Values written as text between white space or commas.
fn read_text(source: &mut dyn Read, layout: &Layout, path: &Path, progress: &Progress) -> Result<Collector, Error> {
    let mut collector = Collector::with_capacity(layout.count, path)?;
    let mut reader = BufReader::with_capacity(1 << 16, source);
    let mut word = Vec::new();
    let mut values = Vec::new();
    let mut read = 0usize;
    let mut at_end = false;
    while !at_end && read < layout.count {
        let piece = reader.fill_buf().map_err(|e| Error::io(path, &e))?;
        at_end = piece.is_empty();
        let length = piece.len();
        // The end of the file closes the last word as a space would.
        let bytes = piece.iter().copied().chain(at_end.then_some(b' '));
        for byte in bytes {
            if !byte.is_ascii_whitespace() && byte != b',' {
                word.push(byte);
                if word.len() > 64 {
                    return Err(Error::damaged(path, "a value of the text data is too long to be a number"));
                }
            } else if !word.is_empty() && read < layout.count {
                let number = std::str::from_utf8(&word).ok().and_then(|w| w.parse::<f64>().ok());
                values.push(number.ok_or_else(|| {
                    Error::damaged(
                        path,
                        format!("`{}` in the text data is not a number", String::from_utf8_lossy(&word)),
                    )
                })?);
                read += 1;
                word.clear();
            }
        }
        reader.consume(length);
        collector.push(&values)?;
        values.clear();
        progress.report(read as f32 / layout.count as f32, "reading voxels")?;
    }
    if read < layout.count {
        let (wanted, found) = (layout.count, read);
        return Err(Error::damaged(path, format!("the text data ends early: {wanted} values expected, {found} found")));
    }
    Ok(collector)
}
