//! Files made in the test, read back; and files that must be refused.

mod bad_input;
mod dicom;
mod inv3;
mod nifti;
mod nrrd;

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
