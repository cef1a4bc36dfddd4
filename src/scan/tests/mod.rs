//! Files made in the test, read back; and files that must be refused.

mod bad_input;
mod dicom;
mod inv3;
mod nifti;
mod nrrd;
mod repair;

use super::{Error, Scan, Voxels, read};
use crate::geometry::Progress;
use std::path::{Path, PathBuf};

/// A folder of its own that vanishes with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn read_now(path: &Path) -> Result<Scan, Error> {
    read(path, &Progress::new())
}

fn hu(scan: &Scan) -> &[i16] {
    match &scan.voxels {
        Voxels::Hu(volume) => &volume.data,
        Voxels::Mask(_) => panic!("HU expected, a mask read"),
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_summary_tells_what_a_volume_is() {
    let folder = Folder::new();
    let head = "NRRD0004\ntype: int8\ndimension: 3\nspace: LPS\nsizes: 2 2 2\n\
                space directions: (0.5,0,0) (0,-0.5,0) (0,0,2)\nspace origin: (1,2,3)\nencoding: raw\n\n";
    let path = folder.file("v.nrrd", [head.as_bytes(), &[251, 0, 1, 1, 1, 1, 0, 7]].concat());
    let summary = super::inspect(&path, &Progress::new()).unwrap();
    assert_eq!((summary.format, summary.kind, summary.bone_voxels), (super::Format::Nrrd, "HU", None));
    assert_eq!((summary.size, summary.range), ([2, 2, 2], [-5, 7]));
    assert_eq!((summary.spacing_mm, summary.origin_mm), ([0.5, 0.5, 2.0], [1.0, 2.0, 3.0]));
    assert_eq!(summary.direction, [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]);
    let text = serde_json::to_string(&summary).unwrap();
    assert!(!text.contains(&*folder.path().to_string_lossy()), "no path is shown: {text}");

    let mask = folder.file("m.nrrd", [head.as_bytes(), &[1, 0, 0, 0, 1, 0, 1, 0]].concat());
    let summary = super::inspect(&mask, &Progress::new()).unwrap();
    assert_eq!((summary.kind, summary.bone_voxels, summary.range), ("mask", Some(3), [0, 1]));
}

#[test]
fn the_hash_names_content_not_format() {
    use crate::geometry::{Grid, Volume};
    let grid = Grid::axis_aligned([2, 2, 2], [1.0; 3], nalgebra::Point3::origin());
    let hash = |grid: &Grid, value: i16| {
        Scan::new(Voxels::Hu(Volume::new(grid.clone(), vec![0, 1, 2, 3, 4, 5, 6, value])), Vec::new()).hash
    };
    assert_eq!(hash(&grid, 7), hash(&grid, 7));
    assert_ne!(hash(&grid, 7), hash(&grid, 8));
    let mut moved = grid.clone();
    moved.origin_mm.x = 1e-9;
    assert_ne!(hash(&grid, 7), hash(&moved, 7));
    moved.origin_mm.x = -0.0;
    assert_eq!(hash(&grid, 7), hash(&moved, 7));
}
