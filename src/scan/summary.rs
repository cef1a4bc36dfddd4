use super::{Error, Finding, Format, OtherSeries, Scan, Voxels, assemble, read_as};
use crate::geometry::Progress;
use std::path::Path;

/// What a volume is, for people and programs (`inspect`): no name, and no path but one of each other series.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct VolumeSummary {
    /// Where it was read from.
    pub format: Format,
    /// `mask` or `HU`.
    pub kind: &'static str,
    /// Voxels along the index axes.
    pub size: [usize; 3],
    /// Voxel sides, mm.
    pub spacing_mm: [f64; 3],
    /// LPS position of the first voxel's centre, mm.
    pub origin_mm: [f64; 3],
    /// LPS direction matrix, row by row; its columns are the index axes.
    pub direction: [[f64; 3]; 3],
    /// Smallest and largest value (HU; 0 and 1 for a mask).
    pub range: [i16; 2],
    /// Voxels of a mask that are 1; `None` for HU.
    pub bone_voxels: Option<usize>,
    /// What was noticed while reading.
    pub findings: Vec<Finding>,
    /// The CT series that were not read, with a file of each to open instead.
    pub other_series: Vec<OtherSeries>,
    /// The scan's hash, hex.
    pub hash: String,
}

impl VolumeSummary {
    /// The summary of a scan already read.
    pub fn new(scan: &Scan, format: Format) -> Self {
        let grid = scan.voxels.grid();
        let (kind, range, bone_voxels) = match &scan.voxels {
            Voxels::Mask(volume) => ("mask", (0, 1), Some(volume.data.iter().filter(|&&v| v != 0).count())),
            Voxels::Hu(volume) => ("HU", assemble::range(&volume.data), None),
        };
        Self {
            format,
            kind,
            size: grid.size,
            spacing_mm: grid.spacing_mm,
            origin_mm: grid.origin_mm.into(),
            direction: std::array::from_fn(|row| std::array::from_fn(|axis| grid.direction[(row, axis)])),
            range: range.into(),
            bone_voxels,
            findings: scan.findings.clone(),
            other_series: scan.other_series.clone(),
            hash: scan.hash.clone(),
        }
    }
}

/// Reads a volume as [`super::read`] does and says what it is.
pub fn inspect(path: &Path, progress: &Progress) -> Result<VolumeSummary, Error> {
    let (scan, format, _) = read_as(path, progress)?;
    Ok(VolumeSummary::new(&scan, format))
}
