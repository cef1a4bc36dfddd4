//! Volumes as NRRD: gzip, LPS, the same bytes for the same volume.

use super::atomic::{WriteError, write_atomically};
use crate::geometry::{Grid, Volume};
use flate2::{Compression, GzBuilder};
use std::io::{self, Write};
use std::path::Path;

/// Voxel values an NRRD file is written of.
pub trait NrrdVoxel: Copy {
    /// The header's name of the type.
    const TYPE: &'static str;
    /// Appends the value's bytes, little-endian.
    fn append(values: &[Self], bytes: &mut Vec<u8>);
}

impl NrrdVoxel for u8 {
    const TYPE: &'static str = "uint8";
    fn append(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(values);
    }
}

impl NrrdVoxel for i16 {
    const TYPE: &'static str = "int16";
    fn append(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
}

/// Writes a volume to a stream; the same volume gives the same bytes.
pub fn write_nrrd<T: NrrdVoxel>(volume: &Volume<T>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(header(&volume.grid, T::TYPE).as_bytes())?;
    // No time and no name in the gzip header: the bytes depend on the voxels alone.
    let mut packed = GzBuilder::new().mtime(0).write(out, Compression::new(6));
    let mut bytes = Vec::with_capacity(1 << 18);
    for chunk in volume.data.chunks(1 << 16) {
        bytes.clear();
        T::append(chunk, &mut bytes);
        packed.write_all(&bytes)?;
    }
    packed.finish().map(|_| ())
}

/// Writes a volume to a file, whole or not at all.
pub fn save_nrrd<T: NrrdVoxel>(path: &Path, volume: &Volume<T>) -> Result<(), WriteError> {
    write_atomically(path, |out| write_nrrd(volume, out))
}

fn header(grid: &Grid, kind: &str) -> String {
    let [x, y, z] = grid.size;
    let steps = grid.lps_from_index_matrix();
    let vector = |v: [f64; 3]| format!("({},{},{})", number(v[0]), number(v[1]), number(v[2]));
    let directions: Vec<String> = (0..3).map(|axis| vector(steps.column(axis).into_owned().into())).collect();
    format!(
        "NRRD0004\ntype: {kind}\ndimension: 3\nspace: left-posterior-superior\nsizes: {x} {y} {z}\n\
         space directions: {}\nkinds: domain domain domain\nendian: little\nencoding: gzip\n\
         space origin: {}\n\n",
        directions.join(" "),
        vector(grid.origin_mm.into()),
    )
}

/// The shortest text that reads back as the same number; −0 is written 0.
fn number(value: f64) -> String {
    format!("{}", value + 0.0)
}
