//! Binary STL in LPS millimetres.

use super::atomic::{WriteError, write_atomically};
use crate::geometry::Mesh;
use nalgebra::Vector3;
use std::io::{self, Write};
use std::path::Path;

/// What the 80 bytes before the triangles say: program, part, units, frame; no name and no date.
/// Readers take a file that begins with `solid` for a text STL, so ours never does.
fn header(part: &str) -> [u8; 80] {
    let mut header = [b' '; 80];
    let text = format!("Calvaria {part}; units mm, frame LPS; not a medical device");
    // A long part name must not push units and frame out.
    let text =
        if text.len() <= 80 { text } else { "Calvaria part; units mm, frame LPS; not a medical device".to_owned() };
    header[..text.len()].copy_from_slice(text.as_bytes());
    header
}

/// Writes a mesh as binary STL to a stream; `part` says in the header what it is (`implant`, `skull`).
/// The same mesh gives the same bytes.
pub fn write_stl(mesh: &Mesh, part: &str, out: &mut dyn Write) -> io::Result<()> {
    let count = u32::try_from(mesh.triangles.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "more triangles than STL can count"))?;
    out.write_all(&header(part))?;
    out.write_all(&count.to_le_bytes())?;
    for triangle in &mesh.triangles {
        let corners = [0, 1, 2].map(|k| mesh.corner(triangle, k));
        let across = (corners[1] - corners[0]).cross(&(corners[2] - corners[0]));
        let normal = across.try_normalize(0.0).unwrap_or_else(Vector3::zeros);
        let mut record = [0u8; 50];
        let numbers = normal.iter().chain(corners.iter().flat_map(|c| c.iter()));
        for (place, value) in record.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&(*value as f32).to_le_bytes());
        }
        out.write_all(&record)?;
    }
    Ok(())
}

/// Writes a mesh to a binary STL file, whole or not at all.
pub fn save_stl(path: &Path, mesh: &Mesh, part: &str) -> Result<(), WriteError> {
    write_atomically(path, |out| write_stl(mesh, part, out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::read_stl;

    fn tetrahedron() -> Mesh {
        Mesh {
            positions: vec![[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]],
            triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
        }
    }

    #[test]
    fn the_header_states_units_and_frame_and_is_binary() {
        let mut bytes = Vec::new();
        write_stl(&tetrahedron(), "implant", &mut bytes).unwrap();
        assert_eq!(bytes.len(), 84 + 4 * 50);
        let text = std::str::from_utf8(&bytes[..80]).unwrap();
        assert!(text.starts_with("Calvaria implant") && text.contains("units mm, frame LPS"), "{text}");
        let mut long = Vec::new();
        write_stl(&tetrahedron(), &"x".repeat(90), &mut long).unwrap();
        assert!(std::str::from_utf8(&long[..80]).unwrap().contains("units mm, frame LPS"));
    }

    #[test]
    fn a_mesh_comes_back_with_its_volume() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.stl");
        save_stl(&path, &tetrahedron(), "implant").unwrap();
        let mesh = read_stl(&path).unwrap();
        assert_eq!((mesh.positions.len(), mesh.triangles.len()), (4, 4));
        assert!((mesh.volume_mm3() - 1.5).abs() < 1e-6);
        assert!((tetrahedron().volume_mm3() - 1.5).abs() < 1e-6);
    }

    #[test]
    fn normals_point_outward() {
        let mut bytes = Vec::new();
        write_stl(&tetrahedron(), "implant", &mut bytes).unwrap();
        let number = |i: usize| f32::from_le_bytes(bytes[84 + 4 * i..88 + 4 * i].try_into().unwrap());
        assert_eq!([number(0), number(1), number(2)], [0.0, 0.0, -1.0]);
    }
}
