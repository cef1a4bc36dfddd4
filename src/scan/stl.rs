//! STL meshes, binary and text, for looking at: equal corners become one vertex.

use super::error::Error;
use crate::geometry::Mesh;
use std::collections::HashMap;
use std::path::Path;

/// Bytes before the triangles of a binary STL: text, then their number.
const HEADER: usize = 84;
/// Normal, three corners, two attribute bytes.
const TRIANGLE: usize = 50;

/// Reads an STL file; corners with exactly equal coordinates are welded, in the order met. Units are taken as mm.
pub fn read_stl(path: &Path) -> Result<Mesh, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    let claimed = bytes.get(80..HEADER).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let is_text = bytes.trim_ascii_start().starts_with(b"solid");
    match claimed {
        // The length decides: many binary files begin with `solid` as well.
        Some(n) if bytes.len() == HEADER + n * TRIANGLE => read_binary(&bytes[HEADER..], path),
        _ if is_text => read_text(&bytes, path),
        Some(n) if bytes.len() > HEADER + n * TRIANGLE && n > 0 => {
            read_binary(&bytes[HEADER..HEADER + n * TRIANGLE], path)
        }
        Some(n) => Err(Error::Truncated {
            path: path.to_owned(),
            expected: (n * TRIANGLE) as u64,
            found: (bytes.len() - HEADER) as u64,
        }),
        None => Err(Error::damaged(path, "too short to be an STL mesh")),
    }
}

fn read_binary(triangles: &[u8], path: &Path) -> Result<Mesh, Error> {
    let mut welder = Welder::default();
    for triangle in triangles.chunks_exact(TRIANGLE) {
        let number = |i: usize| {
            let b = &triangle[12 + 4 * i..16 + 4 * i];
            f32::from_le_bytes([b[0], b[1], b[2], b[3]])
        };
        let corner = |k: usize| [number(3 * k), number(3 * k + 1), number(3 * k + 2)];
        welder.triangle([corner(0), corner(1), corner(2)], path)?;
    }
    Ok(welder.mesh)
}

fn read_text(bytes: &[u8], path: &Path) -> Result<Mesh, Error> {
    let text = String::from_utf8_lossy(bytes);
    let mut welder = Welder::default();
    let mut corners = Vec::with_capacity(3);
    let mut words = text.split_ascii_whitespace();
    let mut ended = false;
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_str() {
            "vertex" => {
                let mut number = || words.next().and_then(|w| w.parse::<f32>().ok());
                let corner = (number(), number(), number());
                let (Some(x), Some(y), Some(z)) = corner else {
                    return Err(Error::damaged(path, "a vertex of the text STL has no three numbers"));
                };
                corners.push([x, y, z]);
            }
            "endfacet" => {
                let three = <[[f32; 3]; 3]>::try_from(std::mem::take(&mut corners))
                    .map_err(|_| Error::damaged(path, "a facet of the text STL has not three vertices"))?;
                welder.triangle(three, path)?;
            }
            "endsolid" => ended = true,
            _ => {}
        }
    }
    if !ended {
        return Err(Error::damaged(path, "the text STL ends without `endsolid`"));
    }
    Ok(welder.mesh)
}

#[derive(Default)]
struct Welder {
    mesh: Mesh,
    known: HashMap<[u32; 3], u32>,
}

impl Welder {
    fn triangle(&mut self, corners: [[f32; 3]; 3], path: &Path) -> Result<(), Error> {
        if corners.iter().flatten().any(|v| !v.is_finite()) {
            return Err(Error::damaged(path, "a corner of the mesh is not a finite number"));
        }
        let indices = corners.map(|corner| {
            // −0.0 and 0.0 are one place.
            let key = corner.map(|v| (v + 0.0).to_bits());
            *self.known.entry(key).or_insert_with(|| {
                self.mesh.positions.push(corner.map(|v| v + 0.0));
                (self.mesh.positions.len() - 1) as u32
            })
        });
        self.mesh.triangles.push(indices);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_text_mesh_is_welded() {
        let facet = |a: &str, b: &str, c: &str| {
            format!("facet normal 0 0 1\nouter loop\nvertex {a}\nvertex {b}\nvertex {c}\nendloop\nendfacet\n")
        };
        let text =
            format!("solid x\n{}{}endsolid x\n", facet("0 0 0", "1 0 0", "0 1 0"), facet("1 0 0", "1 1e0 0", "-0 1 0"));
        let mesh = read_stl(file(text.as_bytes()).path()).unwrap();
        assert_eq!(mesh.positions.len(), 4);
        assert_eq!(mesh.triangles, [[0, 1, 2], [1, 3, 2]]);
    }

    #[test]
    fn broken_meshes_are_refused() {
        let cut = "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0";
        assert!(matches!(read_stl(file(cut.as_bytes()).path()), Err(Error::Damaged { .. })));
        let mut short = vec![0u8; HEADER + 70];
        short[80] = 2;
        let error = read_stl(file(&short).path()).unwrap_err().to_string();
        assert!(error.contains("100 bytes") && error.contains("70 found"), "{error}");
        assert!(matches!(read_stl(file(b"hello").path()), Err(Error::Damaged { .. })));
    }
}
