use super::{Folder, gzipped, hu, read_now};
use crate::export::nrrd::{save_nrrd, write_nrrd};
use crate::geometry::{Grid, Volume};
use crate::scan::{Scan, Voxels};
use nalgebra::{Matrix3, Point3, Rotation3, Vector3};
use proptest::prelude::*;

/// A 2 × 3 × 2 volume of int16 with the given extra header lines.
fn header(fields: &str) -> String {
    format!("NRRD0004\n# comment: no\nkey:=value: no\ndimension: 3\nsizes: 2 3 2\n{fields}\n")
}

const VALUES: [i16; 12] = [-1000, 40, 0, 300, -7, 1200, 3, 4, 5, 6, 7, 3071];
const LPS: &str =
    "space: left-posterior-superior\nspace directions: (0.5,0,0) (0,0.6,0) (0,0,1.2)\nspace origin: (-10,20,30)\n";

fn little() -> Vec<u8> {
    VALUES.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn read_bytes(header: &str, data: &[u8]) -> Scan {
    let folder = Folder::new();
    let path = folder.file("v.nrrd", [header.as_bytes(), data].concat());
    read_now(&path).unwrap()
}

#[test]
fn every_encoding_and_byte_order_gives_the_same_voxels() {
    let plain = read_bytes(&header(&format!("type: short\nendian: little\nencoding: raw\n{LPS}")), &little());
    assert_eq!(hu(&plain), VALUES);
    let grid = plain.voxels.grid();
    assert_eq!((grid.size, grid.spacing_mm), ([2, 3, 2], [0.5, 0.6, 1.2]));
    assert_eq!(grid.origin_mm, Point3::new(-10.0, 20.0, 30.0));
    assert_eq!(grid.direction, Matrix3::identity());

    let big: Vec<u8> = VALUES.iter().flat_map(|v| v.to_be_bytes()).collect();
    let float: Vec<u8> = VALUES.iter().flat_map(|&v| f32::from(v).to_le_bytes()).collect();
    let double: Vec<u8> = VALUES.iter().flat_map(|&v| f64::from(v).to_be_bytes()).collect();
    let long: Vec<u8> = VALUES.iter().flat_map(|&v| i64::from(v).to_le_bytes()).collect();
    let int: Vec<u8> = VALUES.iter().flat_map(|&v| i32::from(v).to_be_bytes()).collect();
    let text = VALUES.map(|v| v.to_string()).join(" ");
    let forms = [
        ("type: int16\nendian: big\nencoding: raw\n", big),
        ("type: int16\nendian: little\nencoding: gzip\n", gzipped(&little())),
        ("type: float\nendian: little\nencoding: gz\n", gzipped(&float)),
        ("type: double\nendian: big\nencoding: raw\n", double),
        ("type: long long int\nendian: little\nencoding: raw\n", long),
        ("type: int\nendian: big\nencoding: raw\n", int),
        ("type: short\nencoding: ascii\n", text.into_bytes()),
        ("type: short\nendian: little\nencoding: raw\nbyte skip: 3\n", [&b"abc"[..], &little()].concat()),
        ("type: short\nendian: little\nencoding: raw\nbyte skip: -1\n", [&b"abcdef"[..], &little()].concat()),
        ("type: short\nendian: little\nencoding: raw\nline skip: 1\n", [&b"skipped\n"[..], &little()].concat()),
    ];
    for (fields, data) in forms {
        let scan = read_bytes(&header(&format!("{fields}{LPS}")), &data);
        assert_eq!(scan.hash, plain.hash, "{fields}");
        assert!(scan.findings.is_empty(), "{fields}: {:?}", scan.findings);
    }
}

#[test]
fn spaces_are_turned_to_lps() {
    let directions = "space directions: (1,0,0) (0,0.8,0.6) (0,-0.6,0.8)\nspace origin: (1,2,3)\n";
    let fields =
        |space: &str| header(&format!("type: short\nendian: little\nencoding: raw\nspace: {space}\n{directions}"));
    for (space, flip) in [
        ("left-posterior-superior", [1.0, 1.0, 1.0]),
        ("RAS", [-1.0, -1.0, 1.0]),
        ("right-anterior-superior", [-1.0, -1.0, 1.0]),
        ("LAS", [1.0, -1.0, 1.0]),
    ] {
        let scan = read_bytes(&fields(space), &little());
        let grid = scan.voxels.grid();
        assert_eq!(grid.origin_mm, Point3::new(flip[0], 2.0 * flip[1], 3.0), "{space}");
        let expected =
            Matrix3::from_diagonal(&Vector3::from(flip)) * Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.8, -0.6, 0.0, 0.6, 0.8);
        assert!((grid.direction - expected).amax() < 1e-15, "{space}");
    }
    let scan = read_bytes(&fields("scanner-xyz"), &little());
    assert!(scan.findings[0].message.contains("scanner-xyz"));
}

#[test]
fn lengths_are_in_the_units_the_header_names() {
    let fields = "type: short\nendian: little\nencoding: raw\nspace: RAS\n";
    let directions = "space directions: (0.05,0,0) (0,0.06,0) (0,0,0.12)\nspace origin: (1,2,3)\n";
    let scan = read_bytes(&header(&format!("{fields}{directions}space units: \"cm\" \"cm\" \"cm\"\n")), &little());
    let grid = scan.voxels.grid();
    assert_eq!(grid.origin_mm, Point3::new(-10.0, -20.0, 30.0));
    assert!(grid.spacing_mm.iter().zip([0.5, 0.6, 1.2]).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", grid.spacing_mm);
    assert_eq!(scan.findings, []);

    let fields = "type: short\nendian: little\nencoding: raw\nspace: LPS\n";
    let spacings = "spacings: 500 600 1200\naxis mins: 0 0 0\nunits: \"um\" \"micron\" \"µm\"\n";
    let grid = read_bytes(&header(&format!("{fields}{spacings}")), &little()).voxels.grid().clone();
    assert!(grid.spacing_mm.iter().zip([0.5, 0.6, 1.2]).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", grid.spacing_mm);
    assert!((grid.origin_mm - Point3::new(0.25, 0.3, 0.6)).amax() < 1e-12, "{}", grid.origin_mm);

    let inches = read_bytes(&header(&format!("{fields}{LPS}space units: \"mm\" \"mm\" \"inch\"\n")), &little());
    assert!(inches.findings[0].message.contains("`inch`"), "{:?}", inches.findings);
    let folder = Folder::new();
    let two = header(&format!("{fields}{LPS}space units: \"mm\" \"mm\"\n"));
    let file = folder.file("v.nrrd", [two.into_bytes(), little()].concat());
    assert!(read_now(&file).is_err_and(|e| e.to_string().contains("does not name 3 units")));
}

#[test]
fn without_directions_the_spacings_count() {
    let scan = read_bytes(
        &header("type: short\nendian: little\nencoding: raw\nspacings: 0.5 0.6 1.2\naxis mins: 1 2 3\n"),
        &little(),
    );
    let grid = scan.voxels.grid();
    assert_eq!(grid.spacing_mm, [0.5, 0.6, 1.2]);
    assert_eq!(grid.origin_mm, Point3::new(1.25, 2.3, 3.6));
    assert!(scan.findings.iter().any(|f| f.message.contains("left, posterior and superior")));
}

#[test]
fn spacings_below_zero_would_mirror_the_head_and_are_refused() {
    let folder = Folder::new();
    let head = header("type: short\nendian: little\nencoding: raw\nspacings: -0.5 0.6 1.2\n");
    let file = folder.file("v.nrrd", [head.into_bytes(), little()].concat());
    assert!(read_now(&file).is_err_and(|e| e.to_string().contains("not all above 0")));
}

#[test]
fn a_fourth_axis_of_length_one_is_left_out() {
    let head = "NRRD0005\ntype: short\ndimension: 4\nsizes: 1 2 3 2\nendian: little\nencoding: raw\nspace: LPS\n\
                space directions: none (1,0,0) (0,1,0) (0,0,1)\n\n";
    assert_eq!(hu(&read_bytes(head, &little())), VALUES);
}

#[test]
fn voxels_lie_beside_a_detached_header() {
    let fields = |file: &str| header(&format!("type: short\nendian: little\nencoding: raw\n{LPS}data file: {file}\n"));
    let folder = Folder::new();
    folder.file("v.raw", little());
    assert_eq!(hu(&read_now(&folder.file("one.nhdr", fields("v.raw"))).unwrap()), VALUES);
    for (slice, bytes) in little().chunks(12).enumerate() {
        folder.file(&format!("s{:02}.raw", slice + 1), bytes);
    }
    assert_eq!(hu(&read_now(&folder.file("many.nhdr", fields("s%02d.raw 1 2 1"))).unwrap()), VALUES);
    // A skip of -1 counts from the end of each file.
    for (slice, bytes) in little().chunks(12).enumerate() {
        folder.file(&format!("e{}.raw", slice + 1), [b"a head of its own", bytes].concat());
    }
    let ends = fields("e%d.raw 1 2 1").replace("encoding: raw", "encoding: raw\nbyte skip: -1");
    assert_eq!(hu(&read_now(&folder.file("ends.nhdr", ends)).unwrap()), VALUES);
    let listed = fields("LIST").trim_end().to_owned() + "\ns01.raw\ns02.raw\n";
    assert_eq!(hu(&read_now(&folder.file("list.nhdr", listed)).unwrap()), VALUES);
}

#[test]
fn more_data_than_said_is_a_finding() {
    let head = header(&format!("type: short\nendian: little\nencoding: raw\n{LPS}"));
    let scan = read_bytes(&head, &[little(), vec![0; 4]].concat());
    assert!(scan.findings[0].message.contains("more bytes"));
}

#[test]
fn two_values_are_a_mask() {
    let head = header(&format!("type: uint8\nencoding: gzip\n{LPS}"));
    let scan = read_bytes(&head, &gzipped(&[0, 255, 255, 0, 0, 0, 0, 0, 0, 255, 0, 0]));
    let Voxels::Mask(mask) = scan.voxels else { panic!("a mask") };
    assert_eq!(mask.data, [0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn the_same_volume_is_written_as_the_same_bytes() {
    let grid = Grid::axis_aligned([4, 3, 2], [0.4, 0.4, 0.625], Point3::new(-1.0, -0.0, 1e-3));
    let volume = Volume::new(grid, (0..24).map(|i| (i % 5 == 0) as u8).collect());
    let bytes = || {
        let mut out = Vec::new();
        write_nrrd(&volume, &mut out).unwrap();
        out
    };
    assert_eq!(bytes(), bytes());
    assert!(!String::from_utf8_lossy(&bytes()).contains("-0,"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_small_volume_comes_back(
        size in prop::array::uniform3(2usize..6),
        spacing in prop::array::uniform3(0.05f64..5.0),
        origin in prop::array::uniform3(-500f64..500.0),
        turn in prop::array::uniform3(-3f64..3.0),
        seed in any::<u32>(),
    ) {
        let direction = Rotation3::new(Vector3::from(turn)).into_inner();
        let grid = Grid::new(size, spacing, Point3::from(origin), direction).unwrap();
        let mut state = seed;
        let mut next = || { state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); (state >> 16) as i16 };
        let volume = Volume::new(grid.clone(), (0..grid.len()).map(|_| next()).collect());
        let folder = Folder::new();
        let path = folder.path().join("v.nrrd");
        save_nrrd(&path, &volume).unwrap();
        let scan = read_now(&path).unwrap();
        prop_assert!(scan.voxels.grid().matches(&grid, 1e-12));
        prop_assert_eq!(hu(&scan), &volume.data[..]);

        let mask = volume.map(|v| u8::from(v > 0));
        save_nrrd(&path, &mask).unwrap();
        if let Voxels::Mask(back) = read_now(&path).unwrap().voxels {
            prop_assert_eq!(back.data, mask.data);
        } else {
            prop_assert!(mask.data.iter().all(|&v| v == mask.data[0]), "two values make a mask");
        }
    }
}
