//! Which slices make the volume, in which order, on which grid.

use super::header::Slice;
use crate::scan::Finding;
use crate::scan::error::Error;
use crate::scan::place::{Place, Slices};
use nalgebra::Point3;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Slices of one volume, and which others were left.
pub(super) struct Chosen {
    pub(super) slices: Vec<Slice>,
    pub(super) findings: Vec<Finding>,
}

/// The CT volume with most slices (the first by series UID among equals).
pub(super) fn choose(images: Vec<Slice>, folder: &Path) -> Result<Chosen, Error> {
    let (ct, other): (Vec<Slice>, Vec<Slice>) = images.into_iter().partition(Slice::is_ct);
    let (overviews, slices): (Vec<Slice>, Vec<Slice>) = ct.into_iter().partition(|s| s.is_overview);
    if slices.is_empty() {
        if other.is_empty() && overviews.is_empty() {
            return Err(Error::EmptyFolder(folder.to_owned()));
        }
        let all: BTreeSet<&str> = other.iter().filter_map(|s| s.modality.as_deref()).collect();
        if all.is_empty() {
            return Err(only_overviews(folder));
        }
        let modality = all.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::Modality { path: folder.to_owned(), modality });
    }
    let mut groups: BTreeMap<_, Vec<Slice>> = BTreeMap::new();
    for slice in slices {
        let (series, rows, columns, numbers) = slice.group();
        groups.entry((series.to_owned(), rows, columns, numbers)).or_default().push(slice);
    }
    let most = groups.values().map(Vec::len).max().unwrap_or(0);
    let mut chosen = Vec::new();
    let mut left = Vec::new();
    for slices in groups.into_values() {
        if chosen.is_empty() && slices.len() == most {
            chosen = slices;
        } else {
            left.push(format!("{} of {} × {} pixels", slices.len(), slices[0].columns, slices[0].rows));
        }
    }
    let mut findings = Vec::new();
    if !left.is_empty() {
        findings.push(Finding::new(format!(
            "The folder holds {} CT series or parts; the one with most slices ({most}) was read. Left out (slices): {}. \
             To read another, open one of its files.",
            left.len() + 1,
            left.join("; ")
        )));
    }
    if !overviews.is_empty() {
        let n = overviews.len();
        findings.push(Finding::new(format!("{n} overview images (localizers, screenshots) were left out.")));
    }
    if !other.is_empty() {
        findings.push(Finding::new(format!("{} DICOM files that are no CT were left out.", other.len())));
    }
    Ok(Chosen { slices: chosen, findings })
}

/// The error for images that are no slices.
pub(super) fn only_overviews(path: &Path) -> Error {
    Error::Series {
        path: path.to_owned(),
        what: "only overview images (localizers, screenshots), no slices".to_owned(),
        next: "choose the folder of the CT's slices".to_owned(),
    }
}

/// Slices sorted along their normal, and where they lie; refused when they do not make one volume.
pub(super) fn stack(slices: Vec<Slice>, path: &Path) -> Result<(Vec<Slice>, Place), Error> {
    let refuse = |what: String, next: &str| Error::Series { path: path.to_owned(), what, next: next.to_owned() };
    let Some(first) = slices.first() else { return Err(Error::EmptyFolder(path.to_owned())) };
    if first.frames > 1 && first.frame.is_none() {
        return Err(refuse(
            format!("a DICOM file of {} frames that does not say where each lies", first.frames),
            "export the scan as single slices or NIfTI",
        ));
    }
    if first.rows == 0 || first.columns == 0 {
        return Err(refuse("the DICOM files hold no images".to_owned(), "choose the folder of the CT's slices"));
    }
    if slices.len() < 2 {
        return Err(refuse(
            "the series has a single slice".to_owned(),
            "choose the folder with all slices of the scan",
        ));
    }
    let lacks = |what: &str| refuse(format!("a slice has no usable {what}"), "export the scan again from its source");
    let [row, column, normal] = first.frame().ok_or_else(|| lacks("orientation"))?;
    let spacing = first.spacing_mm.ok_or_else(|| lacks("pixel spacing"))?;
    let mut placed: Vec<(f64, Point3<f64>, Slice)> = Vec::with_capacity(slices.len());
    for slice in slices {
        let position = slice.position_mm.ok_or_else(|| lacks("position"))?;
        placed.push((normal.dot(&position.coords), position, slice));
    }
    // Equal heights keep the order of their names.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let place = Slices {
        size: [placed[0].2.columns, placed[0].2.rows],
        spacing_mm: spacing,
        axes: [row, column],
        normal,
        positions_mm: placed.iter().map(|p| p.1).collect(),
    }
    .place(path)?;
    Ok((placed.into_iter().map(|(_, _, slice)| slice).collect(), place))
}
