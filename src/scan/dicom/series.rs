//! Which slices make the volume, in which order, on which grid.

use super::header::Slice;
use crate::scan::error::Error;
use crate::scan::place::{Place, Slices};
use crate::scan::{Finding, OtherSeries};
use nalgebra::{Point3, Vector3};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Slices of one volume, and which others were left.
pub(super) struct Chosen {
    pub(super) slices: Vec<Slice>,
    pub(super) findings: Vec<Finding>,
    pub(super) others: Vec<OtherSeries>,
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
    let mut groups = groups(slices);
    let most = groups.iter().map(Vec::len).max().unwrap_or(0);
    let chosen = groups.iter().position(|slices| slices.len() == most).unwrap_or(0);
    let chosen = groups.remove(chosen);
    let others: Vec<OtherSeries> = groups.iter().filter_map(|slices| told(slices)).collect();
    let mut findings = Vec::new();
    if let Some(read) = told(&chosen).filter(|_| !others.is_empty()) {
        let left: Vec<String> = others.iter().map(OtherSeries::to_string).collect();
        findings.push(Finding::new(format!(
            "The folder holds {} CT series or parts; the one with most slices was read ({read}). Left out: {}. To read \
             another, open one of its files.",
            others.len() + 1,
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
    Ok(Chosen { slices: chosen, findings, others })
}

/// Slices by the volume that they belong to, in the order of the series' UIDs.
pub(super) fn groups(slices: Vec<Slice>) -> Vec<Vec<Slice>> {
    let mut groups: BTreeMap<_, Vec<Slice>> = BTreeMap::new();
    for slice in slices {
        let (series, rows, columns, numbers) = slice.group();
        groups.entry((series.to_owned(), rows, columns, numbers)).or_default().push(slice);
    }
    groups.into_values().collect()
}

/// What a user is told of a series; `None` of none.
pub(super) fn told(slices: &[Slice]) -> Option<OtherSeries> {
    let first = slices.first()?;
    let normal = first.frame().map(|[_, _, normal]| normal);
    let heights: Option<Vec<f64>> =
        normal.and_then(|n| slices.iter().map(|s| s.position_mm.map(|p| n.dot(&p.coords))).collect());
    let gap = |heights: Vec<f64>| {
        let (low, high) = heights.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        (high - low) / (heights.len() - 1) as f64
    };
    Some(OtherSeries {
        file: first.path.clone(),
        slices: slices.len(),
        plane: normal.map(plane),
        gap_mm: heights.filter(|h| h.len() > 1).map(gap).filter(|gap| *gap > 0.0),
        pixels: [first.columns, first.rows],
        pixel_mm: first.spacing_mm,
        kernel: first.kernel.clone(),
    })
}

/// The plane of slices with this normal; tilted by up to 30° (a gantry's) it keeps its name.
fn plane(normal: Vector3<f64>) -> &'static str {
    let axis = normal.iamax();
    if normal[axis].abs() < 0.866 { "oblique" } else { ["sagittal", "coronal", "axial"][axis] }
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
