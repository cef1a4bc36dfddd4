//! Injected defects as lines of a table: what was asked, where the head lay, what came out. A line is enough to make
//! the same defect again and to know that it is the same.

use super::inject::{InjectKind, InjectParams, Injected};
use crate::geometry::{HeadFrame, Volume};
use crate::skull::Skull;
use nalgebra::{Point3, Rotation3, Vector3};
use sha2::{Digest, Sha256};
use std::fmt;

/// The table's first line.
const COLUMNS: &str = "skull,kind,shape,seed,asked_cm2,options,pose,area_cm2,bevel_deg,cuts,removed_mm3,implant_sha256";

/// Where a head lies and how large it is, in numbers that survive a table: the pose found today cuts the same defect
/// when a later program finds another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Middle of the vault, LPS mm; axis times angle of the frame (rad); head size against the mean along its axes.
    numbers: [f64; 9],
}

impl Place {
    /// The place the program found, rounded as it is written.
    pub fn of(skull: &Skull) -> Self {
        let turn = Rotation3::from_matrix_unchecked(skull.frame.head_from_lps).scaled_axis();
        let numbers = [skull.frame.centre_mm.coords, turn, skull.scales];
        let mut all = numbers.iter().flat_map(|v| v.iter().copied());
        Self { numbers: std::array::from_fn(|_| (all.next().unwrap_or(0.0) * 1e6).round() / 1e6) }
    }

    /// The skull at this place.
    pub fn put(&self, skull: &mut Skull) {
        let three = |k: usize| Vector3::from_column_slice(&self.numbers[k..k + 3]);
        let head_from_lps = Rotation3::from_scaled_axis(three(3)).into_inner();
        skull.frame = HeadFrame { centre_mm: Point3::from(three(0)), head_from_lps };
        skull.scales = three(6);
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<f64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let numbers: [f64; 9] = words.try_into().ok()?;
        numbers.iter().all(|v| v.is_finite()).then_some(Self { numbers })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.numbers.iter().map(|v| format!("{v}")).collect();
        f.write_str(&words.join(" "))
    }
}

/// A defect to be made, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRow {
    /// The complete skull's name.
    pub skull: String,
    /// Folder of its files, its kind in tables.
    pub kind: String,
    /// What is cut.
    pub params: InjectParams,
    /// Where the head lay; `None` to take the place the program finds.
    pub place: Option<Place>,
    /// SHA-256 of the implant's voxels (0 and 1, x fastest) in hexadecimal; `None` when it is not known.
    pub implant_sha256: Option<String>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ListError {
    /// Another table.
    #[error("not a list of defects; its first line has to be {COLUMNS}")]
    Columns,
    /// A cell that says nothing.
    #[error("line {line}: {what} cannot be read; see the program's own injected.csv")]
    Line { line: usize, what: &'static str },
    /// No line.
    #[error("the list names no defect")]
    Empty,
}

/// The table's first line, with its end.
pub fn columns() -> String {
    format!("{COLUMNS}\n")
}

/// Reads a table as [`ListRow::line`] writes its lines. Lines that begin with `#` are comments.
///
/// # Errors
/// See [`ListError`].
pub fn parse_list(text: &str) -> Result<Vec<ListRow>, ListError> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.starts_with('#') && !l.trim().is_empty());
    if lines.next().is_none_or(|(_, l)| l.trim() != COLUMNS) {
        return Err(ListError::Columns);
    }
    let rows: Vec<ListRow> = lines.map(|(i, l)| row(i + 1, l.trim())).collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(ListError::Empty) } else { Ok(rows) }
}

fn row(line: usize, text: &str) -> Result<ListRow, ListError> {
    let wrong = |what: &'static str| ListError::Line { line, what };
    let cells: Vec<&str> = text.split(',').collect();
    let &[skull, kind, shape, seed, asked, options, place, _, _, _, _, hash] = cells.as_slice() else {
        return Err(wrong("the number of cells"));
    };
    let shape = SHAPES.iter().find(|s| s.0 == shape).ok_or_else(|| wrong("the shape"))?.1;
    let asked: f64 = asked.parse().map_err(|_| wrong("the asked area"))?;
    let mut params = InjectParams::new(shape, asked, seed.parse().map_err(|_| wrong("the seed"))?);
    for option in options.split(' ').filter(|o| !o.is_empty()) {
        set(&mut params, option).ok_or_else(|| wrong("an option"))?;
    }
    let inner = |name: &str| !name.is_empty() && !name.split('/').any(|p| p.is_empty() || p == "..");
    if !inner(skull) || !inner(kind) || skull.contains('\\') || kind.contains('\\') {
        return Err(wrong("skull or kind"));
    }
    Ok(ListRow {
        skull: skull.to_owned(),
        kind: kind.to_owned(),
        params,
        place: if place.is_empty() { None } else { Some(Place::parse(place).ok_or_else(|| wrong("the pose"))?) },
        implant_sha256: (!hash.is_empty()).then(|| hash.to_lowercase()),
    })
}

const SHAPES: [(&str, InjectKind); 4] = [
    ("box", InjectKind::Box),
    ("cube", InjectKind::Cube),
    ("sphere", InjectKind::Sphere),
    ("patch", InjectKind::Patch),
];

impl InjectKind {
    /// The word that names it in folders and tables.
    pub fn word(self) -> &'static str {
        SHAPES.iter().find(|s| s.1 == self).map_or("", |s| s.0)
    }
}

fn set(params: &mut InjectParams, option: &str) -> Option<()> {
    let (name, value) = option.split_once('=')?;
    match name {
        "holes" => params.holes = value.parse().ok()?,
        "fray" => params.fray_mm = value.parse().ok()?,
        "fragments" => params.fragments = value.parse().ok()?,
        "vertex" => params.vertex_mm = value.parse().ok()?,
        "base" => params.base_mm = Some(value.parse().ok()?),
        _ => return None,
    }
    Some(())
}

fn options(params: &InjectParams) -> String {
    let mut words = Vec::new();
    if params.holes > 0 {
        words.push(format!("holes={}", params.holes));
    }
    if params.fray_mm > 0.0 {
        words.push(format!("fray={}", params.fray_mm));
    }
    if params.fragments > 0 {
        words.push(format!("fragments={}", params.fragments));
    }
    if params.vertex_mm > 0.0 {
        words.push(format!("vertex={}", params.vertex_mm));
    }
    words.extend(params.base_mm.map(|mm| format!("base={mm}")));
    words.join(" ")
}

/// The hash that names a mask's voxels.
pub fn sha256(mask: &Volume<u8>) -> String {
    Sha256::digest(&mask.data).iter().map(|b| format!("{b:02x}")).collect()
}

impl ListRow {
    /// The table's line, with its end, for what was made.
    pub fn line(&self, made: &Injected) -> String {
        let params = &self.params;
        let area_cm2: f64 = made.cuts.iter().map(|c| c.area_cm2).sum();
        let bevel_deg = made.cuts.first().map_or(0.0, |c| c.bevel_deg);
        let removed = made.implant.data.iter().filter(|v| **v != 0).count() as f64 * made.implant.grid.voxel_mm3();
        format!(
            "{},{},{},{},{},{},{},{area_cm2:.2},{bevel_deg:.1},{},{removed:.0},{}\n",
            self.skull,
            self.kind,
            params.kind.word(),
            params.seed,
            params.area_cm2,
            options(params),
            self.place.map_or_else(String::new, |p| p.to_string()),
            made.cuts.len(),
            sha256(&made.implant)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    #[test]
    fn a_line_tells_all_that_is_needed_again() {
        let params = InjectParams {
            holes: 2,
            fray_mm: 1.5,
            fragments: 3,
            vertex_mm: 25.0,
            base_mm: Some(30.5),
            ..InjectParams::new(InjectKind::Patch, 81.125, 1431)
        };
        let numbers = [1.25, -30.000001, 7.0, 0.1, -0.02, 3.0, 1.01, 0.99, 1.0];
        let row = ListRow {
            skull: "set/043".to_owned(),
            kind: "080-150cm2_1".to_owned(),
            params,
            place: Some(Place { numbers }),
            implant_sha256: None,
        };
        let grid = Grid::axis_aligned([2, 2, 2], [1.0; 3], Default::default());
        let implant = Volume::new(grid, vec![0, 1, 0, 0, 0, 0, 0, 0]);
        let made = Injected { defective: implant.clone(), implant, cuts: Vec::new() };
        let text = format!("# a comment\n{}{}", columns(), row.line(&made));
        let read = parse_list(&text).expect("just written");
        let hash = sha256(&made.implant);
        assert_eq!(read, [ListRow { implant_sha256: Some(hash.clone()), ..row }]);
        // printf '\0\1\0\0\0\0\0\0' | sha256sum
        assert_eq!(hash, "2e22fd435060cd5d3cf5e3ef39f79e198b35bd2c4af31974db36601b3a2f4c91");
    }

    #[test]
    fn what_is_no_list_is_said() {
        assert_eq!(parse_list("a,b\n1,2\n"), Err(ListError::Columns));
        assert_eq!(parse_list(&columns()), Err(ListError::Empty));
        let line = |text: &str| parse_list(&format!("{}{text}\n", columns()));
        let wrong = |what| Err(ListError::Line { line: 2, what });
        assert_eq!(line("1,2"), wrong("the number of cells"));
        assert_eq!(line("043,a,star,1,40,,,,,,,"), wrong("the shape"));
        assert_eq!(line("043,a,box,1,40,holes,,,,,,"), wrong("an option"));
        assert_eq!(line("043,a,box,1,40,,1 2 3,,,,,"), wrong("the pose"));
        assert_eq!(line("../043,a,box,1,40,,,,,,,"), wrong("skull or kind"));
        assert!(line("043,a,box,1,40,,,,,,,").is_ok());
    }
}
