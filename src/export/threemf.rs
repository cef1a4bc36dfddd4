//! 3MF in LPS millimetres: what STL leaves out, unit and topology, stands in the file.

use super::atomic::{WriteError, write_atomically};
use crate::geometry::Mesh;
use std::io::{self, Cursor, Write};
use std::path::Path;
use threemf::model::{Build, Item, Metadata, Model, Object, Resources, Triangle, Triangles, Unit, Vertex, Vertices};

/// Writes a mesh as 3MF to a stream; `part` says what it is (`implant`, `skull`). The same mesh gives the same bytes.
pub fn write_3mf(mesh: &Mesh, part: &str, out: &mut dyn Write) -> io::Result<()> {
    // The shortest number that is the same single: what STL holds, and no digits beyond.
    let number = |v: f32| v.to_string().parse().unwrap_or_else(|_| f64::from(v));
    let vertex = |p: &[f32; 3]| Vertex { x: number(p[0]), y: number(p[1]), z: number(p[2]) };
    let triangle = |t: &[u32; 3]| Triangle { v1: t[0] as usize, v2: t[1] as usize, v3: t[2] as usize };
    let body = threemf::Mesh {
        vertices: Vertices { vertex: mesh.positions.iter().map(vertex).collect() },
        triangles: Triangles { triangle: mesh.triangles.iter().map(triangle).collect() },
    };
    let metadata = |name: &str, value: &str| Metadata { name: name.to_owned(), value: Some(value.to_owned()) };
    let model = Model {
        // No material is used, and readers may refuse an extension that they do not know.
        xmlns_m: None,
        unit: Unit::Millimeter,
        metadata: vec![
            metadata("Title", part),
            metadata("Application", concat!("Calvaria ", env!("CARGO_PKG_VERSION"))),
            metadata("Description", "frame LPS: x to the patient's left, y to the back, z up; not a medical device"),
        ],
        resources: Resources {
            object: vec![Object { id: 1, name: Some(part.to_owned()), mesh: Some(body), ..Object::default() }],
            basematerials: None,
        },
        build: Build { item: vec![Item { objectid: 1, transform: None, partnumber: None }] },
        ..Model::default()
    };
    let mut package = Cursor::new(Vec::new());
    threemf::write(&mut package, model).map_err(io::Error::other)?;
    out.write_all(package.get_ref())
}

/// Writes a mesh to a 3MF file, whole or not at all.
pub fn save_3mf(path: &Path, mesh: &Mesh, part: &str) -> Result<(), WriteError> {
    write_atomically(path, |out| write_3mf(mesh, part, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_comes_back_to_the_last_bit_with_its_unit() {
        let mesh = Mesh {
            positions: vec![[0.1, -1e-7, 0.0], [123.456, 0.0, 0.0], [0.0, 2.000_000_2, 0.0], [0.0, 0.0, -3.3e6]],
            triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
        };
        let mut bytes = Vec::new();
        write_3mf(&mesh, "implant", &mut bytes).unwrap();
        let models = threemf::read(Cursor::new(&bytes)).unwrap();
        let [model] = models.as_slice() else { panic!("one model") };
        assert!(matches!(model.unit, Unit::Millimeter));
        assert_eq!(model.metadata[0].value.as_deref(), Some("implant"));
        let body = model.resources.object[0].mesh.as_ref().unwrap();
        let positions: Vec<[f32; 3]> =
            body.vertices.vertex.iter().map(|v| [v.x as f32, v.y as f32, v.z as f32]).collect();
        assert_eq!(positions, mesh.positions);
        let triangles: Vec<[u32; 3]> =
            body.triangles.triangle.iter().map(|t| [t.v1 as u32, t.v2 as u32, t.v3 as u32]).collect();
        assert_eq!(triangles, mesh.triangles);
        // The first entry's date (offset 12): 1 January 1980, whatever the clock says.
        assert_eq!(bytes[10..14], [0, 0, 0x21, 0], "no time in the file");
    }
}
