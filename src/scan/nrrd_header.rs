//! The text header of an NRRD file: https://teem.sourceforge.net/nrrd/format.html

use super::error::Error;
use super::samples::SampleType;
use nalgebra::{Matrix3, Point3, Vector3};
use std::collections::BTreeMap;
use std::path::Path;

/// How the voxel bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
    Ascii,
}

/// What the header says, as far as a volume needs it.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) sample: SampleType,
    pub(super) big_endian: bool,
    pub(super) encoding: Encoding,
    pub(super) size: [u64; 3],
    /// Steps along the index axes, LPS mm.
    pub(super) steps_mm: Matrix3<f64>,
    pub(super) origin_mm: Point3<f64>,
    /// The `data file` field of a detached header.
    pub(super) data_file: Option<String>,
    pub(super) line_skip: u64,
    /// `None` for −1: the voxels are the last bytes of the file.
    pub(super) byte_skip: Option<u64>,
    /// What the header leaves open, in words for the user.
    pub(super) notes: Vec<String>,
}

/// Parses the lines before the empty line.
pub(super) fn parse(text: &str, path: &Path) -> Result<Header, Error> {
    let fields = fields(text);
    let damaged = |what: String| Error::damaged(path, what);
    let need =
        |name: &str| fields.get(name).map(String::as_str).ok_or_else(|| damaged(format!("the header has no `{name}`")));

    let (sample, bytes) = sample_type(path, need("type")?)?;
    let encoding = encoding(path, need("encoding")?)?;
    let big_endian = match fields.get("endian").map(|e| e.to_ascii_lowercase()) {
        Some(e) if e == "big" => true,
        Some(e) if e == "little" => false,
        Some(e) => return Err(damaged(format!("`endian: {e}` is neither little nor big"))),
        None if bytes == 1 || encoding == Encoding::Ascii => false,
        None => return Err(damaged("the header has no `endian` for values of several bytes".to_owned())),
    };

    let sizes: Vec<u64> = list(need("sizes")?).ok_or_else(|| damaged("`sizes` are not whole numbers".to_owned()))?;
    let dimension: usize =
        need("dimension")?.parse().map_err(|_| damaged("`dimension` is not a whole number".to_owned()))?;
    if sizes.len() != dimension {
        return Err(damaged(format!("`dimension` is {dimension}, but `sizes` has {} numbers", sizes.len())));
    }
    let axes = spatial_axes(path, &sizes, fields.get("space directions").map(String::as_str))?;
    let size = axes.map(|a| sizes[a]);

    let mut notes = Vec::new();
    // Signs and units of the axes of space in one: what takes the header's numbers to LPS mm.
    let unit_mm = units_mm(path, &fields, "space units", 3, &mut notes)?;
    let flip = space_flip(&fields, &mut notes).component_mul(&Vector3::new(unit_mm[0], unit_mm[1], unit_mm[2]));
    let (steps_mm, origin_mm) = match fields.get("space directions") {
        Some(text) => {
            let vectors = vectors(text).filter(|v| v.len() == dimension);
            let vectors = vectors.ok_or_else(|| damaged("`space directions` cannot be read".to_owned()))?;
            let mut steps = Matrix3::zeros();
            for (column, &axis) in axes.iter().enumerate() {
                let step = vectors[axis].ok_or_else(|| damaged("an axis of space has no direction".to_owned()))?;
                steps.set_column(column, &flip.component_mul(&step));
            }
            (steps, origin(path, &fields, &flip)?.unwrap_or_else(Point3::origin))
        }
        None => without_directions(path, &fields, &axes, dimension, &flip, &mut notes)?,
    };

    let line_skip = match fields.get("line skip") {
        Some(text) => text.parse().map_err(|_| damaged("`line skip` is not a whole number".to_owned()))?,
        None => 0,
    };
    let byte_skip = match fields.get("byte skip").map(String::as_str) {
        Some("-1") if encoding == Encoding::Raw => None,
        Some(text) => Some(text.parse().map_err(|_| damaged("`byte skip` is not a whole number".to_owned()))?),
        None => Some(0),
    };
    Ok(Header {
        sample,
        big_endian,
        encoding,
        size,
        steps_mm,
        origin_mm,
        data_file: fields.get("data file").cloned(),
        line_skip,
        byte_skip,
        notes,
    })
}

/// Field names (lower case, the older spellings joined) and their values. Comments and `key:=value` pairs are left out.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for line in text.lines().skip(1) {
        let line = line.trim();
        if line.starts_with('#') || line.contains(":=") {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = match name.trim().to_ascii_lowercase().as_str() {
            "datafile" => "data file".to_owned(),
            "lineskip" => "line skip".to_owned(),
            "byteskip" => "byte skip".to_owned(),
            "axismins" => "axis mins".to_owned(),
            "centers" => "centerings".to_owned(),
            other => other.to_owned(),
        };
        fields.insert(name, value.trim().to_owned());
    }
    fields
}

fn sample_type(path: &Path, name: &str) -> Result<(SampleType, usize), Error> {
    let name = name.to_ascii_lowercase();
    let sample = match name.as_str() {
        "signed char" | "int8" | "int8_t" => SampleType::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => SampleType::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => SampleType::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => SampleType::U16,
        "int" | "signed int" | "int32" | "int32_t" => SampleType::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => SampleType::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => SampleType::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => SampleType::U64,
        "float" => SampleType::F32,
        "double" => SampleType::F64,
        _ => return Err(Error::unsupported(path, format!("values of type `{name}`"), "save it as int16 or uint8")),
    };
    Ok((sample, sample.bytes()))
}

fn encoding(path: &Path, name: &str) -> Result<Encoding, Error> {
    match name.to_ascii_lowercase().as_str() {
        "raw" => Ok(Encoding::Raw),
        "gzip" | "gz" => Ok(Encoding::Gzip),
        "txt" | "text" | "ascii" => Ok(Encoding::Ascii),
        other => Err(Error::unsupported(path, format!("the encoding `{other}`"), "save it with gzip or raw encoding")),
    }
}

/// The three axes of space: all, or those left when axes of length one (or without direction and length one) go.
fn spatial_axes(path: &Path, sizes: &[u64], directions: Option<&str>) -> Result<[usize; 3], Error> {
    let directed = directions.and_then(vectors).filter(|v| v.len() == sizes.len());
    let kept: Vec<usize> = (0..sizes.len())
        .filter(|&axis| sizes.len() <= 3 || directed.as_ref().map_or(sizes[axis] > 1, |d| d[axis].is_some()))
        .collect();
    let dropped: u64 = (0..sizes.len()).filter(|a| !kept.contains(a)).fold(1, |n, a| n.saturating_mul(sizes[a]));
    match <[usize; 3]>::try_from(kept) {
        Ok(axes) if dropped == 1 => Ok(axes),
        _ => {
            let shape = sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ");
            Err(Error::unsupported(path, format!("{shape} values are not one 3-D volume"), "save one volume of it"))
        }
    }
}

/// Signs that take the header's space to LPS. Spaces without a known relation are taken as LPS (so does ITK).
fn space_flip(fields: &BTreeMap<String, String>, notes: &mut Vec<String>) -> Vector3<f64> {
    let space = fields.get("space").map(|s| s.to_ascii_lowercase());
    match space.as_deref() {
        Some("left-posterior-superior" | "lps") => Vector3::new(1.0, 1.0, 1.0),
        Some("right-anterior-superior" | "ras") => Vector3::new(-1.0, -1.0, 1.0),
        Some("left-anterior-superior" | "las") => Vector3::new(1.0, -1.0, 1.0),
        other => {
            let said = other.map_or("names no space".to_owned(), |s| format!("names the space `{s}`"));
            notes.push(format!(
                "The header {said}, which says nothing of left and right; it is taken as left-posterior-superior. \
                 Check the sides."
            ));
            Vector3::new(1.0, 1.0, 1.0)
        }
    }
}

fn origin(path: &Path, fields: &BTreeMap<String, String>, flip: &Vector3<f64>) -> Result<Option<Point3<f64>>, Error> {
    let Some(text) = fields.get("space origin") else { return Ok(None) };
    match vectors(text).as_deref() {
        Some([Some(origin)]) => Ok(Some(flip.component_mul(origin).into())),
        _ => Err(Error::damaged(path, "`space origin` cannot be read")),
    }
}

/// Millimetres in the units of `count` axes, from a field of quoted names; without it lengths are mm.
fn units_mm(
    path: &Path,
    fields: &BTreeMap<String, String>,
    name: &str,
    count: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<f64>, Error> {
    let Some(text) = fields.get(name) else { return Ok(vec![1.0; count]) };
    let units: Vec<&str> = text.split('"').skip(1).step_by(2).map(str::trim).collect();
    if units.len() != count {
        return Err(Error::damaged(path, format!("`{name}` does not name {count} units")));
    }
    let mut unknown = None;
    let all = units.iter().map(|unit| match unit.to_lowercase().as_str() {
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" | "" | "???" => 1.0,
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => 10.0,
        "m" | "meter" | "meters" | "metre" | "metres" => 1e3,
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre" | "micrometres" => {
            1e-3
        }
        _ => {
            unknown = unknown.or(Some(*unit));
            1.0
        }
    });
    let all = all.collect();
    if let Some(unit) = unknown {
        notes.push(format!(
            "The header gives lengths in `{unit}`, which is no known unit; they are taken as mm. Check the size."
        ));
    }
    Ok(all)
}

/// Steps and origin from `spacings` and `axis mins`, as teem and ITK take them.
fn without_directions(
    path: &Path,
    fields: &BTreeMap<String, String>,
    axes: &[usize; 3],
    dimension: usize,
    flip: &Vector3<f64>,
    notes: &mut Vec<String>,
) -> Result<(Matrix3<f64>, Point3<f64>), Error> {
    let numbers = |name: &str| -> Result<Option<Vec<f64>>, Error> {
        let Some(text) = fields.get(name) else { return Ok(None) };
        let all = list::<f64>(text).filter(|l| l.len() == dimension);
        all.map(Some).ok_or_else(|| Error::damaged(path, format!("`{name}` does not have {dimension} numbers")))
    };
    let unit_mm = units_mm(path, fields, "units", dimension, notes)?;
    let in_mm = |all: Vec<f64>| all.iter().zip(&unit_mm).map(|(v, mm)| v * mm).collect::<Vec<f64>>();
    let spacings = numbers("spacings")?.map(in_mm);
    let spacing = axes.map(|a| spacings.as_ref().map_or(f64::NAN, |s| s[a]));
    if spacing.iter().any(|s| s.is_nan()) {
        return Err(Error::VoxelSize {
            path: path.to_owned(),
            what: "the header has neither `space directions` nor `spacings`, so the voxel size is unknown".to_owned(),
        });
    }
    if spacing.iter().any(|s| *s <= 0.0) {
        return Err(Error::VoxelSize {
            path: path.to_owned(),
            what: format!("`spacings` {spacing:?} are not all above 0, so the sides of the head are unknown"),
        });
    }
    notes.push("The header has no directions; the axes are taken as left, posterior and superior.".to_owned());
    let at_node: Vec<&str> = fields.get("centerings").map(|c| c.split_whitespace().collect()).unwrap_or_default();
    let at_node = |axis: usize| at_node.get(axis).is_some_and(|c| c.eq_ignore_ascii_case("node"));
    let mins = numbers("axis mins")?.map(in_mm);
    let origin = match (origin(path, fields, flip)?, mins) {
        (Some(origin), _) => origin,
        // A minimum is the border of the first cell; its centre is half a step further.
        (None, Some(mins)) if axes.iter().all(|&a| mins[a].is_finite()) => {
            Point3::from(Vector3::from_fn(|i, _| mins[axes[i]] + if at_node(axes[i]) { 0.0 } else { 0.5 * spacing[i] }))
        }
        _ => Point3::origin(),
    };
    Ok((Matrix3::from_diagonal(&Vector3::from(spacing)), origin))
}

/// Numbers between spaces; `None` when one is none.
fn list<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// `(x,y,z)` or `none`, in a row; `None` when the text is anything else.
fn vectors(text: &str) -> Option<Vec<Option<Vector3<f64>>>> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('(') {
            let (inside, after) = after.split_once(')')?;
            let numbers: Vec<f64> = inside.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
            let [x, y, z] = numbers.try_into().ok()?;
            all.push(Some(Vector3::new(x, y, z)));
            rest = after.trim_start();
        } else {
            rest = rest.strip_prefix("none")?.trim_start();
            all.push(None);
        }
    }
    Some(all)
}
