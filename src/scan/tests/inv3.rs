use super::{Folder, gzipped, hu, read_now};
use crate::scan::Error;
use nalgebra::{Matrix3, Vector3};
use std::path::PathBuf;

fn plist(matrix: &str, modality: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
         <key>modality</key><string>{modality}</string>\
         <key>matrix</key><dict><key>dtype</key><string>int16</string>\
         <key>filename</key><string>{matrix}</string>\
         <key>shape</key><array><integer>2</integer><integer>3</integer><integer>4</integer></array></dict>\
         <key>spacing</key><array><real>0.5</real><real>0.5</real><integer>2</integer></array>\
         </dict></plist>"
    )
}

/// A project of the given entries, in their order.
pub(super) fn project(folder: &Folder, name: &str, entries: &[(&str, &[u8])], packed: bool) -> PathBuf {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, format!("tmpx/{name}"), *bytes).unwrap();
    }
    let bytes = archive.into_inner().unwrap();
    folder.file(name, if packed { gzipped(&bytes) } else { bytes })
}

fn matrix() -> (Vec<i16>, Vec<u8>) {
    let values: Vec<i16> = (0..24).map(|i| i * 100 - 1024).collect();
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    (values, bytes)
}

#[test]
fn a_project_is_read_whatever_the_order_of_its_parts() {
    let (values, bytes) = matrix();
    let plist = plist("matrix.dat", "CT");
    let folder = Folder::new();
    for packed in [true, false] {
        for entries in [
            [("main.plist", plist.as_bytes()), ("matrix.dat", &bytes[..])],
            [("matrix.dat", &bytes[..]), ("main.plist", plist.as_bytes())],
        ] {
            let scan = read_now(&project(&folder, "p.inv3", &entries, packed)).unwrap();
            assert_eq!(hu(&scan), values);
            let grid = scan.voxels.grid();
            assert_eq!((grid.size, grid.spacing_mm), ([4, 3, 2], [0.5, 0.5, 2.0]));
            assert_eq!(grid.direction, Matrix3::from_diagonal(&Vector3::new(1.0, -1.0, 1.0)));
        }
    }
}

#[test]
fn a_checksum_that_does_not_hold_is_damage() {
    let (_, bytes) = matrix();
    let plist = plist("matrix.dat", "CT");
    let folder = Folder::new();
    let file = project(&folder, "p.inv3", &[("main.plist", plist.as_bytes()), ("matrix.dat", &bytes)], true);
    let mut packed = std::fs::read(&file).unwrap();
    // The checksum stands in the last eight bytes, before the length.
    let at = packed.len() - 8;
    packed[at] ^= 1;
    std::fs::write(&file, packed).unwrap();
    let error = read_now(&file).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn a_missing_part_is_named() {
    let (_, bytes) = matrix();
    let plist = plist("matrix.dat", "CT");
    let folder = Folder::new();
    let without_matrix = project(&folder, "a.inv3", &[("main.plist", plist.as_bytes())], true);
    let error = read_now(&without_matrix).unwrap_err();
    assert!(matches!(&error, Error::MissingPart { part, .. } if part == "matrix.dat"), "{error}");
    assert!(error.to_string().contains("a.inv3") && error.to_string().contains("`matrix.dat` is missing"), "{error}");
    let without_plist = project(&folder, "b.inv3", &[("matrix.dat", &bytes)], true);
    assert!(matches!(read_now(&without_plist), Err(Error::MissingPart { part, .. }) if part == "main.plist"));
}

#[test]
fn a_short_matrix_and_an_mr_are_refused() {
    let (_, bytes) = matrix();
    let folder = Folder::new();
    let text = plist("matrix.dat", "CT");
    let short = project(&folder, "a.inv3", &[("main.plist", text.as_bytes()), ("matrix.dat", &bytes[..40])], true);
    assert!(matches!(read_now(&short), Err(Error::Truncated { expected: 48, found: 40, .. })));
    let text = plist("matrix.dat", "MRI");
    let mr = project(&folder, "b.inv3", &[("main.plist", text.as_bytes()), ("matrix.dat", &bytes)], true);
    assert!(matches!(read_now(&mr), Err(Error::Modality { .. })));
}
