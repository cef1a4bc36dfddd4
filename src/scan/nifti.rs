//! NIfTI volumes in one file (.nii, .nii.gz), placed in space as ITK places them.

use super::assemble;
use super::error::Error;
use super::gzip::{self, Gunzip};
use super::nifti_header::{self, Header};
use super::place;
use super::samples::{Layout, checked_count, has_more, read_samples};
use super::{Finding, Scan};
use crate::geometry::Progress;
use nalgebra::{Matrix3, Point3, Vector3};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

/// The code of a frame that is the scanner's own.
const SCANNER: i32 = 1;

/// Reads the volume; the header's claims are checked against the file's length before memory is taken.
pub(super) fn read(path: &Path, progress: &Progress) -> Result<Scan, Error> {
    progress.report(0.0, "reading the header")?;
    let fail = |e: io::Error| Error::io(path, &e);
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(fail)?);
    let stored = file.get_ref().metadata().map_err(fail)?.len();
    let packed = file.fill_buf().map_err(fail)?.starts_with(&gzip::MAGIC);
    let mut source: Box<dyn Read> = if packed { Box::new(Gunzip::new(file)) } else { Box::new(file) };

    let mut bytes = vec![0; 4];
    let short = || Error::damaged(path, "the file ends inside its header");
    let mut exact = |bytes: &mut [u8]| match source.read_exact(bytes) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(short()),
        other => other.map_err(fail),
    };
    exact(&mut bytes)?;
    let length = nifti_header::length([bytes[0], bytes[1], bytes[2], bytes[3]]);
    bytes.resize(length.ok_or_else(|| Error::UnknownFormat(path.to_owned()))?, 0);
    exact(&mut bytes[4..])?;
    let header = nifti_header::parse(&bytes, path)?;

    let can_hold = if packed { stored.saturating_mul(gzip::MAX_RATIO) } else { stored };
    let can_hold = can_hold.saturating_sub(header.offset);
    let count = checked_count(path, header.size, header.sample.bytes() as u64, can_hold, packed)?;
    let skip = header.offset - bytes.len() as u64; // never negative: see the header's `offset`
    let mut findings = Vec::new();
    let (slope, intercept) = scaling(&header, path)?;
    let layout = Layout { sample: header.sample, big_endian: header.big_endian, count, slope, intercept };
    if io::copy(&mut source.by_ref().take(skip), &mut io::sink()).map_err(fail)? < skip {
        return Err(Error::Truncated { path: path.to_owned(), expected: layout.bytes(), found: 0 });
    }
    let (steps_mm, origin_mm) = steps(&header, path, &mut findings)?;
    let size = header.size.map(|s| s as usize); // the product was checked to fit
    let place = place::from_steps(path, size, &steps_mm, origin_mm)?;

    let collector = read_samples(&mut source, &layout, path, &progress.part(0.0, 0.95))?;
    if has_more(&mut source, path, layout.bytes())? {
        findings.push(Finding::new("The file holds more bytes than its header says; the rest is left out."));
    }
    progress.report(0.97, "checking voxels")?;
    assemble::scan(place, collector, findings, path)
}

/// HU = slope · stored + intercept; a slope of 0 (or none) means that stored values count as they are.
fn scaling(header: &Header, path: &Path) -> Result<(f64, f64), Error> {
    if header.slope == 0.0 || !header.slope.is_finite() {
        return Ok((1.0, 0.0));
    }
    if !header.intercept.is_finite() {
        return Err(Error::damaged(path, "the intercept of the voxel values is not a number"));
    }
    Ok((header.slope, header.intercept))
}

/// Steps along the index axes and origin, LPS mm: the rule of ITK 5.4 (`NiftiImageIO`), voxel sides from `pixdim`.
///
/// The sform counts when it is free of skew and either the only one, or the scanner's own frame, or equal to the
/// qform; otherwise the qform counts; without either the axes are taken as LPS from the origin. Otherwise than in ITK an
/// sform whose third axis leans counts too, with its own voxel sides, where it is the scanner's own frame or the only one:
/// so a tilted gantry is written, and the qform beside it, which can hold no skew, would shear the head.
fn steps(header: &Header, path: &Path, findings: &mut Vec<Finding>) -> Result<(Matrix3<f64>, Point3<f64>), Error> {
    let mut sides = Vector3::new(header.pixdim[1], header.pixdim[2], header.pixdim[3]).abs() * header.unit_mm;
    if header.qform_code <= 0 && header.sform_code <= 0 {
        findings.push(Finding::new(
            "The header does not say where left and front are; the axes are taken as left, posterior and superior. \
             Check the sides.",
        ));
        return Ok((Matrix3::from_diagonal(&sides), Point3::origin()));
    }
    let (q_turn, q_offset) = (qform(header), Vector3::from(header.qoffset));
    let s_matrix = Matrix3::from_fn(|row, column| header.srow[row][column]);
    let s_offset = Vector3::from_fn(|row, _| header.srow[row][3]);
    let s_turn = unit_columns(&s_matrix);
    let s_is_rigid = s_turn.is_some_and(|turn| (turn * turn.transpose() - Matrix3::identity()).amax() <= 1e-4);

    let agree = || {
        s_turn.is_some_and(|turn| (turn - q_turn).amax() <= 1e-4)
            && (0..3).all(|axis| (s_matrix.column(axis).norm() - header.pixdim[axis + 1].abs()).abs() <= 1e-4)
            && (s_offset - q_offset).amax() <= 1e-4
    };
    let s_is_tilted = s_turn.is_some_and(|turn| place::straightened(&turn).is_some());
    let by_sform = header.sform_code > 0
        && s_turn.is_some()
        && (header.qform_code <= 0
            || header.sform_code == SCANNER && (s_is_rigid || s_is_tilted)
            || s_is_rigid && agree());
    let (turn, offset) = match s_turn {
        Some(turn) if by_sform => (turn, s_offset),
        _ if header.qform_code > 0 => (q_turn, q_offset),
        _ => {
            return Err(Error::damaged(path, "the sform is no placement in space and there is no qform"));
        }
    };
    if header.qform_code > 0 && header.sform_code > 0 && !agree() {
        let used = if by_sform { "sform" } else { "qform" };
        findings.push(Finding::new(format!(
            "The header's two placements in space (sform, qform) differ; the {used} was taken. Check the sides."
        )));
    }
    if by_sform && s_is_tilted {
        // Programs differ in what pixdim holds for a leaning axis: its step, or the height of a slice.
        sides = Vector3::from_fn(|axis, _| s_matrix.column(axis).norm()) * header.unit_mm;
    } else if by_sform && (0..3).any(|axis| (s_matrix.column(axis).norm() * header.unit_mm - sides[axis]).abs() > 1e-3)
    {
        findings.push(Finding::new(
            "The header's voxel sides (pixdim) differ from those of its sform; pixdim was taken. Check the size.",
        ));
    }
    // RAS to LPS.
    let flip = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    Ok((flip * turn * Matrix3::from_diagonal(&sides), Point3::from(flip * offset * header.unit_mm)))
}

/// The rotation of the quaternion, third axis turned round when `pixdim[0]` is negative (NIfTI-1, method 2).
fn qform(header: &Header) -> Matrix3<f64> {
    let [mut b, mut c, mut d] = header.quaternion;
    let rest = 1.0 - (b * b + c * c + d * d);
    let a = if rest < 1e-7 {
        // Half a turn, but for rounding.
        let length = (b * b + c * c + d * d).sqrt();
        (b, c, d) = (b / length, c / length, d / length);
        0.0
    } else {
        rest.sqrt()
    };
    let hand = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    #[rustfmt::skip]
    let turn = Matrix3::new(
        a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c) * hand,
        2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b) * hand,
        2.0 * (b * d - a * c), 2.0 * (c * d + a * b), (a * a + d * d - c * c - b * b) * hand,
    );
    turn
}

/// Columns at unit length; `None` when one has no length or is not finite.
fn unit_columns(matrix: &Matrix3<f64>) -> Option<Matrix3<f64>> {
    let columns: Option<Vec<_>> = (0..3).map(|axis| matrix.column(axis).into_owned().try_normalize(1e-12)).collect();
    columns.map(|c| Matrix3::from_columns(&c)).filter(|m| m.iter().all(|v| v.is_finite()))
}
