use super::guard;
use crate::scan::error::Error;
use dicom_core::{PrimitiveValue, Tag};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{InMemDicomObject, OpenFileOptions};
use nalgebra::{Point3, Vector3};
use std::path::{Path, PathBuf};

/// What a slice's header says, without its pixels.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) path: PathBuf,
    /// `CT`, `MR` and so on; `None` in files that are no images.
    pub(super) modality: Option<String>,
    /// Series Instance UID: groups slices, never shown.
    series: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) frames: usize,
    /// Which frame of its file it is, where the file describes each of its frames.
    pub(super) frame: Option<u32>,
    /// Bytes an uncompressed pixel takes; `None` where pixels are compressed.
    pub(super) pixel_bytes: Option<u64>,
    /// Overview images (localizers) and screenshots are no slices.
    pub(super) is_overview: bool,
    /// LPS position of the first pixel's centre, mm.
    pub(super) position_mm: Option<Point3<f64>>,
    /// LPS directions along a row (rising column) and along a column (rising row).
    pub(super) orientation: Option<[Vector3<f64>; 2]>,
    /// Distance between columns (x) and rows (y), mm.
    pub(super) spacing_mm: Option<[f64; 2]>,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// The scanner's word for the reconstruction kernel.
    pub(super) kernel: Option<String>,
}

impl Slice {
    pub(super) fn is_ct(&self) -> bool {
        self.modality.as_deref() == Some("CT")
    }

    /// What slices of one volume have in common: series, size, orientation (to a thousandth), pixel size, and how many
    /// frames their files hold that say nothing of themselves.
    pub(super) fn group(&self) -> (&str, usize, usize, [i64; 9]) {
        let thousandth = |v: f64| (v * 1000.0).round() as i64;
        let mut numbers = [i64::MIN; 9];
        numbers[8] = if self.frame.is_some() { 1 } else { self.frames as i64 };
        if let Some(axes) = &self.orientation {
            axes.iter().flat_map(|a| a.iter()).zip(&mut numbers).for_each(|(v, n)| *n = thousandth(*v));
        }
        if let Some([x, y]) = self.spacing_mm {
            (numbers[6], numbers[7]) = (thousandth(x), thousandth(y));
        }
        (&self.series, self.rows, self.columns, numbers)
    }

    /// Unit directions along a row and along a column, and their normal, LPS; `None` where they are not perpendicular
    /// unit vectors but for rounding.
    pub(super) fn frame(&self) -> Option<[Vector3<f64>; 3]> {
        let [row, column] = self.orientation?;
        let off = (row.norm() - 1.0).abs().max((column.norm() - 1.0).abs()).max(row.dot(&column).abs());
        (off < 0.01).then(|| [row, column, row.cross(&column).normalize()])
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

/// Reads a header up to the pixels: one slice, or those of an enhanced file, which describes each of its frames.
pub(super) fn read(path: &Path) -> Result<Vec<Slice>, Error> {
    guard::check(path).or_else(|error| match error {
        // Cut pixels are told when they are decoded: the header alone can still say what the file is.
        Error::Truncated { .. } => Ok(()),
        other => Err(other),
    })?;
    let object = OpenFileOptions::new()
        .read_until(tags::PIXEL_DATA)
        .open_file(path)
        .map_err(|e| Error::damaged(path, format!("its DICOM header cannot be read ({})", root(&e))))?;
    let whole = |tag| numbers::<1>(&object, tag).map(|[n]| n.max(0.0) as usize);
    let slice = Slice {
        modality: text(&object, tags::MODALITY).map(|m| m.to_uppercase()),
        series: text(&object, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
        rows: whole(tags::ROWS).unwrap_or(0),
        columns: whole(tags::COLUMNS).unwrap_or(0),
        frames: whole(tags::NUMBER_OF_FRAMES).unwrap_or(1),
        frame: None,
        pixel_bytes: is_plain(object.meta().transfer_syntax())
            .then(|| whole(tags::BITS_ALLOCATED).map_or(1, |bits| (bits as u64 / 8).max(1))),
        is_overview: is_overview(&object),
        position_mm: position(&object),
        orientation: orientation(&object),
        spacing_mm: spacing(&object),
        slope: numbers::<1>(&object, tags::RESCALE_SLOPE).map_or(1.0, |[v]| v),
        intercept: numbers::<1>(&object, tags::RESCALE_INTERCEPT).map_or(0.0, |[v]| v),
        kernel: kernel(&object),
        path: path.to_owned(),
    };
    let each = items(&object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    if each.is_empty() {
        return Ok(vec![slice]);
    }
    if each.len() != slice.frames {
        let (frames, described) = (slice.frames, each.len());
        return Err(Error::damaged(path, format!("it has {frames} frames, and describes {described}")));
    }
    let shared = items(&object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    Ok((0..).zip(each).map(|(frame, own)| of_frame(&slice, frame, [Some(own), shared])).collect())
}

/// A frame as its functional groups describe it, its own before those it shares with the others (PS3.3 C.7.6.16).
fn of_frame(file: &Slice, frame: u32, groups: [Option<&InMemDicomObject>; 2]) -> Slice {
    let group = |sequence| groups.iter().flatten().find_map(|g| items(g, sequence).first());
    let values = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    let value = |tag| values.and_then(|g| numbers::<1>(g, tag)).map(|[v]| v);
    Slice {
        frame: Some(frame),
        position_mm: group(tags::PLANE_POSITION_SEQUENCE).and_then(position),
        orientation: group(tags::PLANE_ORIENTATION_SEQUENCE).and_then(orientation),
        spacing_mm: group(tags::PIXEL_MEASURES_SEQUENCE).and_then(spacing),
        slope: value(tags::RESCALE_SLOPE).unwrap_or(file.slope),
        intercept: value(tags::RESCALE_INTERCEPT).unwrap_or(file.intercept),
        kernel: group(tags::CT_RECONSTRUCTION_SEQUENCE).and_then(kernel).or_else(|| file.kernel.clone()),
        ..file.clone()
    }
}

fn position(object: &InMemDicomObject) -> Option<Point3<f64>> {
    numbers::<3>(object, tags::IMAGE_POSITION_PATIENT).map(Point3::from)
}

fn orientation(object: &InMemDicomObject) -> Option<[Vector3<f64>; 2]> {
    numbers::<6>(object, tags::IMAGE_ORIENTATION_PATIENT)
        .map(|v| [Vector3::new(v[0], v[1], v[2]), Vector3::new(v[3], v[4], v[5])])
}

/// Pixel Spacing gives the distance between rows first.
fn spacing(object: &InMemDicomObject) -> Option<[f64; 2]> {
    numbers::<2>(object, tags::PIXEL_SPACING).map(|[between_rows, between_columns]| [between_columns, between_rows])
}

/// The kernel's word in one line; it may have parts (`Br64\3`).
fn kernel(object: &InMemDicomObject) -> Option<String> {
    let told: String = text(object, tags::CONVOLUTION_KERNEL)?
        .chars()
        .map(|c| if c == '\\' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(32)
        .collect();
    Some(told.trim().to_owned()).filter(|k| !k.is_empty())
}

/// The items of a sequence; none where there is no such sequence.
fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.element_opt(tag).ok().flatten().and_then(|e| e.items()).unwrap_or_default()
}

/// Whether a transfer syntax leaves pixels as they are.
fn is_plain(syntax: &str) -> bool {
    // Retired, but old archives are full of it.
    const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
    let syntax = syntax.trim_end_matches('\0');
    [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN].contains(&syntax)
}

fn is_overview(object: &InMemDicomObject) -> bool {
    let class = text(object, tags::SOP_CLASS_UID);
    class.as_deref() == Some(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        || text(object, tags::IMAGE_TYPE).is_some_and(|t| t.to_uppercase().contains("LOCALIZER"))
}

/// The innermost cause of an error: the outer ones only name the file again.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let element = object.element_opt(tag).ok()??;
    // Elements whose kind the writer did not know come as bytes.
    let value = match element.value().primitive() {
        Some(PrimitiveValue::U8(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => element.to_str().ok()?.into_owned(),
    };
    let value = value.trim_matches(['\0', ' ']).to_owned();
    Some(value).filter(|v| !v.is_empty())
}

fn numbers<const N: usize>(object: &InMemDicomObject, tag: Tag) -> Option<[f64; N]> {
    let values = object.element_opt(tag).ok()??.to_multi_float64().ok()?;
    let first: [f64; N] = values.get(..N)?.try_into().ok()?;
    first.iter().all(|v| v.is_finite()).then_some(first)
}
