use crate::scan::error::Error;
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, OpenFileOptions};
use nalgebra::{Point3, Vector3};
use std::path::{Path, PathBuf};

/// What a slice's header says, without its pixels.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) path: PathBuf,
    pub(super) modality: String,
    /// Series Instance UID: groups slices, never shown.
    series: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) frames: usize,
    /// ORIGINAL\PRIMARY\LOCALIZER and the like are no slices.
    pub(super) is_localizer: bool,
    /// LPS position of the first pixel's centre, mm.
    pub(super) position_mm: Option<Point3<f64>>,
    /// LPS directions along a row (rising column) and along a column (rising row).
    pub(super) orientation: Option<[Vector3<f64>; 2]>,
    /// Distance between columns (x) and rows (y), mm.
    pub(super) spacing_mm: Option<[f64; 2]>,
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

impl Slice {
    /// What slices of one volume have in common: series, size, orientation (to a thousandth), pixel size.
    pub(super) fn group(&self) -> (&str, usize, usize, [i64; 8]) {
        let thousandth = |v: f64| (v * 1000.0).round() as i64;
        let mut numbers = [i64::MIN; 8];
        if let Some(axes) = &self.orientation {
            axes.iter().flat_map(|a| a.iter()).zip(&mut numbers).for_each(|(v, n)| *n = thousandth(*v));
        }
        if let Some([x, y]) = self.spacing_mm {
            (numbers[6], numbers[7]) = (thousandth(x), thousandth(y));
        }
        (&self.series, self.rows, self.columns, numbers)
    }

    /// Unit normal of the slice (row × column direction), LPS.
    pub(super) fn normal(&self) -> Option<Vector3<f64>> {
        let [row, column] = self.orientation?;
        row.cross(&column).try_normalize(1e-6)
    }
}

/// Whether the file is a DICOMDIR: a list of files, no image.
pub(super) fn is_directory_file(path: &Path) -> Result<bool, Error> {
    let meta = dicom_object::FileMetaTable::from_reader(skip_preamble(path).map_err(|e| Error::io(path, &e))?);
    // A file whose meta group is broken is no DICOMDIR; reading it as an image says what is wrong.
    Ok(meta
        .is_ok_and(|m| m.media_storage_sop_class_uid.trim_end_matches('\0') == uids::MEDIA_STORAGE_DIRECTORY_STORAGE))
}

fn skip_preamble(path: &Path) -> std::io::Result<std::io::BufReader<std::fs::File>> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = std::io::BufReader::new(std::fs::File::open(path)?);
    file.seek(SeekFrom::Start(128))?;
    Ok(file)
}

/// Reads a header up to the pixels.
pub(super) fn read(path: &Path) -> Result<Slice, Error> {
    let object = OpenFileOptions::new()
        .read_until(tags::PIXEL_DATA)
        .open_file(path)
        .map_err(|e| Error::damaged(path, format!("its DICOM header cannot be read ({})", root(&e))))?;
    let modality = text(&object, tags::MODALITY).unwrap_or_else(|| "unknown".to_owned()).to_uppercase();
    let whole = |tag| numbers::<1>(&object, tag).map(|[n]| n.max(0.0) as usize);
    let orientation = numbers::<6>(&object, tags::IMAGE_ORIENTATION_PATIENT)
        .map(|v| [Vector3::new(v[0], v[1], v[2]), Vector3::new(v[3], v[4], v[5])]);
    Ok(Slice {
        modality,
        series: text(&object, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
        rows: whole(tags::ROWS).unwrap_or(0),
        columns: whole(tags::COLUMNS).unwrap_or(0),
        frames: whole(tags::NUMBER_OF_FRAMES).unwrap_or(1),
        is_localizer: text(&object, tags::IMAGE_TYPE).is_some_and(|t| t.to_uppercase().contains("LOCALIZER")),
        position_mm: numbers::<3>(&object, tags::IMAGE_POSITION_PATIENT).map(Point3::from),
        orientation,
        // Pixel Spacing gives the distance between rows first.
        spacing_mm: numbers::<2>(&object, tags::PIXEL_SPACING)
            .map(|[between_rows, between_columns]| [between_columns, between_rows]),
        slope: numbers::<1>(&object, tags::RESCALE_SLOPE).map_or(1.0, |[v]| v),
        intercept: numbers::<1>(&object, tags::RESCALE_INTERCEPT).map_or(0.0, |[v]| v),
        path: path.to_owned(),
    })
}

/// The innermost cause of an error: the outer ones only name the file again.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn text(object: &DefaultDicomObject, tag: Tag) -> Option<String> {
    let value = object.element_opt(tag).ok()??.to_str().ok()?.trim_matches(['\0', ' ']).to_owned();
    Some(value).filter(|v| !v.is_empty())
}

fn numbers<const N: usize>(object: &DefaultDicomObject, tag: Tag) -> Option<[f64; N]> {
    let values = object.element_opt(tag).ok()??.to_multi_float64().ok()?;
    let first: [f64; N] = values.get(..N)?.try_into().ok()?;
    first.iter().all(|v| v.is_finite()).then_some(first)
}
