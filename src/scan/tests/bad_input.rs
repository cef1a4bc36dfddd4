use super::inv3::project;
use super::{Folder, gzipped, read_now};
use super::{dicom, nifti};
use crate::geometry::Progress;
use crate::scan::{Error, read};
use proptest::prelude::*;
use std::path::Path;

const NRRD: &str = "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 20 20 20\n\
                    space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\n";

fn nrrd(encoding: &str) -> Vec<u8> {
    let voxels: Vec<u8> = (0..8000).flat_map(|i: i16| (i % 977 - 500).to_le_bytes()).collect();
    let data = if encoding == "gzip" { gzipped(&voxels) } else { voxels };
    [format!("{NRRD}encoding: {encoding}\n\n").as_bytes(), &data].concat()
}

#[test]
fn what_is_not_there_or_no_scan_is_refused_by_name() {
    let folder = Folder::new();
    let missing = folder.path().join("none.nrrd");
    assert!(matches!(read_now(&missing), Err(Error::Missing(path)) if path == missing));
    assert!(matches!(read_now(folder.path()), Err(Error::EmptyFolder(_))));
    let text = folder.file("notes.dcm", "this is not a scan\n");
    assert!(matches!(read_now(&text), Err(Error::NotDicom(_))));
    assert!(matches!(read_now(folder.path()), Err(Error::EmptyFolder(_))));
    assert!(matches!(read_now(&folder.file("a.txt", "hello")), Err(Error::UnknownFormat(_))));
    assert!(read_now(&folder.file("empty.nrrd", "")).is_err_and(|e| e.to_string().contains("the file is empty")));
    assert!(matches!(read_now(&folder.file("a.gz", gzipped(b"hello"))), Err(Error::UnknownFormat(_))));
}

#[test]
fn a_folder_may_hold_one_volume_but_not_two() {
    let folder = Folder::new();
    folder.file("deep/below/a.nrrd", nrrd("gzip"));
    assert!(read_now(folder.path()).is_ok());
    folder.file("b.nrrd", nrrd("raw"));
    assert!(matches!(read_now(folder.path()), Err(Error::SeveralVolumes { count: 2, .. })));
}

#[test]
fn a_truncated_file_says_what_was_expected_and_found() {
    let folder = Folder::new();
    let raw = nrrd("raw");
    let error = read_now(&folder.file("raw.nrrd", &raw[..raw.len() - 1000])).unwrap_err();
    assert!(matches!(error, Error::Truncated { expected: 16000, found: 15000, .. }), "{error}");
    let gzip = nrrd("gzip");
    let error = read_now(&folder.file("gzip.nrrd", &gzip[..gzip.len() - 200])).unwrap_err();
    assert!(matches!(error, Error::Truncated { expected: 16000, .. }), "{error}");
    assert!(error.to_string().contains("gzip.nrrd"));
}

#[test]
fn a_huge_claim_is_refused_before_memory_is_taken() {
    let folder = Folder::new();
    for (sizes, encoding) in [
        ("30000 30000 30000", "raw"),
        ("30000 30000 30000", "gzip"),
        ("1000 1000 1000", "raw"),
        ("1000 1000 1000", "gzip"),
        ("4294967296 4294967296 4294967296", "gzip"),
        ("1000 1000 1000", "ascii"),
    ] {
        let text = NRRD.replace("20 20 20", sizes) + &format!("encoding: {encoding}\n\n");
        let error = read_now(&folder.file("huge.nrrd", text)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. } | Error::Truncated { .. }), "{sizes} {encoding}: {error}");
    }
}

#[test]
fn an_impossible_grid_is_refused() {
    let folder = Folder::new();
    let with = |old: &str, new: &str| {
        let text = String::from_utf8_lossy(&nrrd("raw")[..NRRD.len() + 15]).replace(old, new);
        read_now(&folder.file("v.nrrd", [text.as_bytes(), &nrrd("raw")[NRRD.len() + 15..]].concat())).unwrap_err()
    };
    assert!(matches!(with("(0,0,1)", "(0,0,0)"), Error::VoxelSize { .. }));
    assert!(matches!(with("(0,0,1)", "(0,0,1000)"), Error::VoxelSize { .. }));
    assert!(matches!(with("(0,0,1)", "(0,0,nan)"), Error::Geometry { .. }));
    let lost = with("(0,0,1)", "(0,0,1)\nspace origin: (0,nan,0)").to_string();
    assert!(lost.contains("position of the first voxel"), "{lost}");
    assert!(matches!(with("(0,0,1)", "(0,1,0)"), Error::Geometry { .. }));
    assert!(matches!(with("(0,1,0)", "(0.3,1,0)"), Error::Unsupported { .. }));
    assert!(matches!(with("(0,0,1)", "(0,1.3,1)"), Error::Unsupported { .. }));
    assert!(matches!(with("20 20 20", "8000 1 1"), Error::Unsupported { .. }));
    assert!(matches!(with("20 20 20", "0 20 20"), Error::Damaged { .. }));
    assert!(matches!(with("type: short", "type: block"), Error::Unsupported { .. }));
    assert!(matches!(with("endian: little", "endian: middle"), Error::Damaged { .. }));
    assert!(matches!(with("encoding: raw", "encoding: bz2"), Error::Unsupported { .. }));
}

#[test]
fn a_cancelled_read_stops() {
    let folder = Folder::new();
    let path = folder.file("v.nrrd", nrrd("gzip"));
    let progress = Progress::new();
    progress.cancel();
    assert!(matches!(read(&path, &progress), Err(Error::Cancelled(_))));
}

fn never_panics(bytes: &[u8], folder: &Folder) {
    // Whatever it says, it must say it: a panic fails the test.
    let _ = read_now(&folder.file("v", bytes));
}

fn inv3_bytes() -> Vec<u8> {
    let folder = Folder::new();
    let plist = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>matrix</key><dict><key>dtype</key>\
                 <string>int16</string><key>filename</key><string>m</string><key>shape</key><array>\
                 <integer>4</integer><integer>4</integer><integer>4</integer></array></dict><key>spacing</key>\
                 <array><real>1</real><real>1</real><real>1</real></array></dict></plist>";
    let matrix: Vec<u8> = (0..128u8).collect();
    let entries: [(&str, &[u8]); 2] = [("main.plist", plist.as_bytes()), ("m", &matrix)];
    let path = project(&folder, "p.inv3", &entries, false);
    assert!(read_now(&path).is_ok());
    std::fs::read(Path::new(&path)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_never_panic(
        which in 0usize..5,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = Folder::new();
        let mut bytes = match which { 0 => nrrd("raw"), 1 => nrrd("gzip"), 2 => nifti::small(), 3 => dicom::small(), _ => inv3_bytes() };
        for (place, value) in flips {
            // Mostly the head: that is where the claims are.
            let reach = if value % 2 == 0 { bytes.len().min(if which == 3 { 1200 } else { 400 }) } else { bytes.len() };
            let place = place.index(reach);
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if which == 3 {
            folder.file("whole", dicom::small());
        }
        never_panics(&bytes, &folder);
    }
}
