use super::{Folder, gzipped, hu, read_now};
use crate::scan::{Error, Scan};
use nalgebra::{Matrix3, Point3};

/// A header of either version and byte order, field by field.
pub(super) struct Made {
    second: bool,
    big: bool,
    bytes: Vec<u8>,
}

impl Made {
    pub(super) fn new(second: bool, big: bool) -> Self {
        let mut made = Self { second, big, bytes: vec![0; if second { 544 } else { 352 }] };
        made.int(0, 4, if second { 540 } else { 348 });
        let (magic_at, magic) = if second { (4, *b"n+2\0") } else { (344, *b"n+1\0") };
        made.bytes[magic_at..magic_at + 4].copy_from_slice(&magic);
        made.dim(&[3, 2, 3, 2]);
        made.kind(4);
        for (i, side) in [1.0, 0.5, 0.6, 1.2].into_iter().enumerate() {
            made.real(if second { 104 + 8 * i } else { 76 + 4 * i }, side);
        }
        if second {
            made.int(168, 8, 544);
        } else {
            made.real(108, 352.0);
        }
        made
    }

    fn int(&mut self, at: usize, width: usize, value: i64) {
        let mut bytes = value.to_le_bytes()[..width].to_vec();
        if self.big {
            bytes.reverse();
        }
        self.bytes[at..at + width].copy_from_slice(&bytes);
    }

    fn real(&mut self, at: usize, value: f64) {
        let mut bytes = if self.second { value.to_le_bytes().to_vec() } else { (value as f32).to_le_bytes().to_vec() };
        if self.big {
            bytes.reverse();
        }
        self.bytes[at..at + bytes.len()].copy_from_slice(&bytes);
    }

    pub(super) fn dim(&mut self, dim: &[i64]) {
        for (i, &n) in dim.iter().enumerate() {
            if self.second { self.int(16 + 8 * i, 8, n) } else { self.int(40 + 2 * i, 2, n) }
        }
    }

    fn kind(&mut self, code: i64) {
        self.int(if self.second { 12 } else { 70 }, 2, code);
    }

    fn scaling(&mut self, slope: f64, intercept: f64) {
        let (s, i) = if self.second { (176, 184) } else { (112, 116) };
        self.real(s, slope);
        self.real(i, intercept);
    }

    fn codes(&mut self, qform: i64, sform: i64) {
        if self.second {
            self.int(344, 4, qform);
            self.int(348, 4, sform);
        } else {
            self.int(252, 2, qform);
            self.int(254, 2, sform);
        }
    }

    fn quaternion(&mut self, bcd: [f64; 3], offset: [f64; 3]) {
        let (at, width) = if self.second { (352, 8) } else { (256, 4) };
        for (i, v) in bcd.into_iter().chain(offset).enumerate() {
            self.real(at + width * i, v);
        }
    }

    fn srow(&mut self, rows: [[f64; 4]; 3]) {
        let (at, width) = if self.second { (400, 8) } else { (280, 4) };
        for (i, v) in rows.into_iter().flatten().enumerate() {
            self.real(at + width * i, v);
        }
    }

    fn with(&self, voxels: &[u8]) -> Vec<u8> {
        [&self.bytes, voxels].concat()
    }

    fn read(&self, voxels: &[u8]) -> Result<Scan, Error> {
        let folder = Folder::new();
        read_now(&folder.file("v.nii", self.with(voxels)))
    }
}

const VALUES: [i16; 12] = [-1000, 40, 0, 300, -7, 1200, 3, 4, 5, 6, 7, 3071];

fn words(big: bool) -> Vec<u8> {
    VALUES.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }).collect()
}

/// A file with 12 voxels for the never-panics test.
pub(super) fn small() -> Vec<u8> {
    Made::new(false, false).with(&words(false))
}

#[test]
fn both_versions_and_byte_orders_are_read_plain_and_packed() {
    for (second, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut made = Made::new(second, big);
        made.codes(0, 2);
        made.srow([[-0.5, 0.0, 0.0, 10.0], [0.0, -0.6, 0.0, -20.0], [0.0, 0.0, 1.2, 30.0]]);
        let folder = Folder::new();
        let bytes = made.with(&words(big));
        for path in [folder.file("v.nii", &bytes), folder.file("v.nii.gz", gzipped(&bytes))] {
            let scan = read_now(&path).unwrap();
            assert_eq!(hu(&scan), VALUES);
            assert!(scan.findings.is_empty(), "{:?}", scan.findings);
            let grid = scan.voxels.grid();
            assert_eq!(grid.origin_mm, Point3::new(-10.0, 20.0, 30.0));
            assert_eq!(grid.direction, Matrix3::identity());
            assert!(grid.spacing_mm.iter().zip([0.5, 0.6, 1.2]).all(|(a, b)| (a - b).abs() < 1e-7));
        }
    }
}

#[test]
fn the_qform_counts_where_the_sform_is_not_sure() {
    let quarter = std::f64::consts::FRAC_1_SQRT_2;
    let mut made = Made::new(true, false);
    // A quarter turn about z; in RAS x goes to y.
    made.quaternion([0.0, 0.0, quarter], [1.0, 2.0, 3.0]);
    made.srow([[0.5, 0.0, 0.0, 0.0], [0.0, 0.6, 0.0, 0.0], [0.0, 0.0, 1.2, 0.0]]);
    let expected_q = Matrix3::new(0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
    let expected_s = Matrix3::from_diagonal(&nalgebra::Vector3::new(-1.0, -1.0, 1.0));
    let cases = [(1, 0, true, false), (1, 2, true, true), (1, 1, false, true), (0, 2, false, false)];
    for (qform, sform, by_qform, differ) in cases {
        made.codes(qform, sform);
        let scan = made.read(&words(false)).unwrap();
        let grid = scan.voxels.grid();
        let expected = if by_qform { expected_q } else { expected_s };
        assert!((grid.direction - expected).amax() < 1e-12, "{qform} {sform}: {}", grid.direction);
        let origin = if by_qform { Point3::new(-1.0, -2.0, 3.0) } else { Point3::origin() };
        assert!((grid.origin_mm - origin).amax() < 1e-12);
        assert_eq!(scan.findings.iter().any(|f| f.message.contains("differ")), differ, "{qform} {sform}");
    }
    // A negative pixdim[0] turns the third axis round.
    made.codes(1, 0);
    made.real(104, -1.0);
    let grid = made.read(&words(false)).unwrap().voxels.grid().clone();
    assert!((grid.direction.column(2) + nalgebra::Vector3::z()).amax() < 1e-12);
}

#[test]
fn a_skewed_sform_of_the_scanner_is_set_straight_not_read_as_if_it_were() {
    // As a tilted gantry is written: the third axis leans against the second, and a qform beside it that cannot.
    let mut made = Made::new(true, false);
    made.srow([[-0.5, 0.0, 0.0, 0.0], [0.0, -0.6, 0.6, 0.0], [0.0, 0.0, 1.2, 0.0]]);
    // Not the step of the leaning axis, but the height of a slice, as some programs write it.
    made.real(128, 1.2);
    for (qform, sform, straight) in [(1, 1, true), (0, 1, true), (0, 2, true), (1, 2, false), (1, 4, false)] {
        made.codes(qform, sform);
        let scan = made.read(&words(false)).unwrap();
        let grid = scan.voxels.grid();
        let told = scan.findings.iter().any(|f| f.message.contains("lean by 26.6°"));
        assert_eq!((told, grid.size[1]), (straight, if straight { 4 } else { 3 }), "{qform} {sform}: {grid:?}");
        if straight {
            assert!(grid.spacing_mm.iter().zip([0.5, 0.6, 1.2]).all(|(a, b)| (a - b).abs() < 1e-9), "{grid:?}");
            // RAS rows rise against the lean: the second slice begins a row earlier.
            let at = |y: usize, z: usize| hu(&scan)[grid.offset(0, y, z)];
            assert_eq!([0, 1, 2, 3].map(|y| (at(y, 0), at(y, 1))), [(-1000, 3), (-1000, 5), (0, 7), (-7, -1000)]);
        }
    }
    // What no tilt makes is left to the qform.
    made.codes(1, 1);
    made.srow([[-0.5, 0.1, 0.0, 0.0], [0.0, -0.6, 0.0, 0.0], [0.0, 0.0, 1.2, 0.0]]);
    let scan = made.read(&words(false)).unwrap();
    assert!(scan.findings.iter().any(|f| f.message.contains("the qform was taken")), "{:?}", scan.findings);
}

#[test]
fn without_placement_the_user_is_told() {
    let scan = Made::new(false, false).read(&words(false)).unwrap();
    assert_eq!(scan.voxels.grid().direction, Matrix3::identity());
    assert!(scan.findings[0].message.contains("Check the sides"));
}

#[test]
fn slope_and_intercept_give_hu() {
    let mut made = Made::new(false, false);
    made.scaling(0.5, -10.0);
    let scan = made.read(&words(false)).unwrap();
    assert_eq!(hu(&scan)[..6], [-510, 10, -10, 140, -14, 590]);
    assert!(scan.findings.iter().any(|f| f.message.contains("rounded")));
    made.scaling(0.0, 5.0);
    assert_eq!(hu(&made.read(&words(false)).unwrap()), VALUES);
}

#[test]
fn metres_and_micrometres_become_millimetres() {
    let mut made = Made::new(false, false);
    for (i, side) in [1.0, 500.0, 600.0, 1200.0].into_iter().enumerate() {
        made.real(76 + 4 * i, side);
    }
    made.bytes[123] = 3;
    let spacing = made.read(&words(false)).unwrap().voxels.grid().spacing_mm;
    assert!(spacing.iter().zip([0.5, 0.6, 1.2]).all(|(a, b)| (a - b).abs() < 1e-6), "{spacing:?}");
}

#[test]
fn lies_and_foreign_kinds_are_refused() {
    let mut huge = Made::new(false, false);
    huge.dim(&[3, 30000, 30000, 30000]);
    let error = huge.read(&words(false)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("30000 × 30000 × 30000"), "{error}");
    let mut large = Made::new(false, false);
    large.dim(&[3, 500, 500, 500]);
    assert!(matches!(large.read(&words(false)), Err(Error::Truncated { expected: 250_000_000, found: 24, .. })));

    let mut made = Made::new(false, false);
    made.dim(&[4, 2, 3, 2, 5]);
    assert!(matches!(made.read(&words(false)), Err(Error::Unsupported { .. })));
    made.dim(&[3, 2, -3, 2]);
    assert!(matches!(made.read(&words(false)), Err(Error::Damaged { .. })));
    made.dim(&[9, 2, 3, 2]);
    assert!(matches!(made.read(&words(false)), Err(Error::Damaged { .. })));
    let mut colour = Made::new(false, false);
    colour.kind(128);
    assert!(matches!(colour.read(&words(false)), Err(Error::Unsupported { .. })));
    let mut pair = Made::new(false, false);
    pair.bytes[344..347].copy_from_slice(b"ni1");
    assert!(matches!(pair.read(&words(false)), Err(Error::Unsupported { .. })));
    let mut skewed = Made::new(false, false);
    skewed.codes(0, 1);
    skewed.srow([[0.5, 0.2, 0.0, 0.0], [0.0, 0.6, 0.0, 0.0], [0.0, 0.0, 1.2, 0.0]]);
    assert!(matches!(skewed.read(&words(false)), Err(Error::Unsupported { .. })));
    let mut short = Made::new(false, false);
    short.bytes.truncate(100);
    assert!(matches!(short.read(&[]), Err(Error::Damaged { .. })));
}
