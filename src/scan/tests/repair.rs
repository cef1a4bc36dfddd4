//! Tilted and uneven slices of a field with a known value everywhere: what is read must lie where the field says.

use crate::scan::place::{Place, Slices};
use crate::scan::{Error, Finding};
use nalgebra::{Point3, Rotation3, Vector3};
use std::path::Path;

/// Two soft balls off each other, HU at an LPS position (mm): smooth enough that slices 1 mm apart hold them.
fn field(p: &Point3<f64>) -> f64 {
    let ball = |at: [f64; 3], width: f64| (-(p - Point3::from(at)).norm_squared() / (2.0 * width * width)).exp();
    -1000.0 + 1500.0 * ball([1.0, -2.0, 20.0], 9.0) + 900.0 * ball([8.0, 6.0, 12.0], 6.0)
}

/// Slices of 80 × 70 pixels at the given heights, the gantry tilted about the first axis, the table moving along z.
fn slices(heights_mm: &[f64], tilt_deg: f64) -> Slices {
    let turn = Rotation3::from_axis_angle(&Vector3::x_axis(), tilt_deg.to_radians());
    let axes = [turn * Vector3::x(), turn * Vector3::y()];
    let normal = turn * Vector3::z();
    let spacing_mm = [0.8, 0.9];
    // Heights are measured along the normal; the table goes along z.
    let centre = |h: &f64| Point3::new(0.0, 0.0, h / normal.z);
    let corner = axes[0] * (39.5 * spacing_mm[0]) + axes[1] * (34.5 * spacing_mm[1]);
    let positions_mm = heights_mm.iter().map(|h| centre(h) - corner).collect();
    Slices { size: [80, 70], spacing_mm, axes, normal, positions_mm }
}

fn stored(slices: &Slices) -> Vec<i16> {
    let [columns, rows] = slices.size;
    let pixel = |i: usize| {
        let (x, y, z) = (i % columns, i / columns % rows, i / (columns * rows));
        let along = |axis: usize, n: usize| slices.axes[axis] * (n as f64 * slices.spacing_mm[axis]);
        field(&(slices.positions_mm[z] + along(0, x) + along(1, y))).round() as i16
    };
    (0..columns * rows * slices.positions_mm.len()).map(pixel).collect()
}

fn place(slices: &Slices) -> Place {
    slices.place(Path::new("series")).unwrap()
}

fn words(findings: &[Finding]) -> String {
    findings.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join(" ")
}

/// Mean and largest difference between what is read and the field, over voxels some pixel tells of.
fn error_hu(slices: &Slices) -> (f64, f64) {
    const OUTSIDE: i16 = -2000;
    let place = place(slices);
    let repair = place.repair.expect("these slices need it");
    let straight = repair.apply(&stored(slices), OUTSIDE, |v| v.round() as i16, Path::new("series")).unwrap();
    assert_eq!(straight.len(), place.grid.len());
    let told: Vec<f64> = straight
        .iter()
        .enumerate()
        .filter(|(_, v)| **v != OUTSIDE)
        .map(|(i, &v)| {
            let index = Vector3::from(place.grid.index(i).map(|n| n as f64));
            (f64::from(v) - field(&place.grid.lps_from_index(&index))).abs()
        })
        .collect();
    // What is shifted out of a slice's frame is made up for by the frame being larger: nearly all pixels remain.
    let [columns, rows] = slices.size;
    let volume = |n: usize, side: [f64; 3]| n as f64 * side.iter().product::<f64>();
    let before = (slices.positions_mm.len() - 1) as f64 / slices.positions_mm.len() as f64
        * volume(columns * rows * slices.positions_mm.len(), [0.8, 0.9, 1.0]);
    let height = slices.normal.dot(&(slices.positions_mm.last().unwrap() - slices.positions_mm[0]));
    let after = volume(told.len(), place.grid.spacing_mm);
    let expected = before * height / (slices.positions_mm.len() - 1) as f64;
    assert!((after / expected - 1.0).abs() < 0.08, "{after} mm³ of {expected}");
    (told.iter().sum::<f64>() / told.len() as f64, told.iter().fold(0.0, |a: f64, &b| a.max(b)))
}

fn even(n: usize, step: f64) -> Vec<f64> {
    (0..n).map(|i| i as f64 * step).collect()
}

#[test]
fn a_tilted_gantry_is_set_straight_either_way() {
    for tilt in [18.5, -18.5, 30.0] {
        let slices = slices(&even(40, 1.0), tilt);
        let (mean, most) = error_hu(&slices);
        assert!(mean < 0.5 && most < 12.0, "{tilt}°: {mean} HU, at most {most}");
        let found = place(&slices);
        assert!(words(&found.findings).contains(&format!("lean by {:.1}°", tilt.abs())), "{:?}", found.findings);
        assert!((found.grid.direction.determinant() - 1.0).abs() < 1e-12);
        assert_eq!(found.grid.spacing_mm[..2], [0.8, 0.9]);
        // Whole pixels of room: the first slice's first pixel is still on the grid.
        let index = found.grid.index_from_lps(&slices.positions_mm[0]);
        assert!(index.iter().all(|v| (v - v.round()).abs() < 1e-9), "{index}");
    }
    // Left as it is stored, the head would be sheared: the test can fail.
    let tilted = slices(&even(40, 1.0), 18.5);
    let grid = place(&slices(&even(40, 1.0), 0.0)).grid;
    let worst = stored(&tilted).iter().enumerate().fold(0.0, |worst: f64, (i, &v)| {
        let index = Vector3::from(grid.index(i).map(|n| n as f64));
        worst.max((f64::from(v) - field(&grid.lps_from_index(&index))).abs())
    });
    assert!(worst > 300.0, "{worst}");
}

#[test]
fn uneven_slices_are_filled_in_by_their_heights() {
    // As scanners do: thin at the base, thick at the vertex, and two that nearly meet between.
    let mut heights = even(20, 1.0);
    heights.extend((0..8).map(|i| 19.3 + 2.5 * f64::from(i)));
    // Below half a degree no slice is shifted, but the third axis leans with them.
    for tilt in [0.0, 0.45, 15.0] {
        let slices = slices(&heights, tilt);
        let (mean, most) = error_hu(&slices);
        assert!(mean < 3.0 && most < 60.0, "{tilt}°: {mean} HU, at most {most}");
        let word = words(&place(&slices).findings);
        assert!(word.contains("unevenly, 0.30 to 2.50 mm apart"), "{word}");
        assert_eq!(word.contains("gantry"), tilt > 1.0, "{word}");
    }
}

#[test]
fn thick_slices_in_a_row_are_not_lost_ones_and_rounded_places_are_even() {
    let mut heights = even(20, 1.0);
    heights.extend((0..8).map(|i| 21.0 + 2.0 * f64::from(i)));
    let word = words(&place(&slices(&heights, 0.0)).findings);
    assert!(word.contains("unevenly, 1.00 to 2.00 mm"), "{word}");
    let rounded: Vec<f64> = even(300, 0.3125).iter().map(|h| (h * 100.0).round() / 100.0).collect();
    let found = place(&slices(&rounded, 0.0));
    assert!(found.repair.is_none() && found.findings.is_empty(), "{:?}", found.findings);
    // One that nearly repeats another does not make the grid finer than half the usual step.
    let mut heights = even(40, 1.0);
    heights.insert(21, 20.01);
    assert_eq!(place(&slices(&heights, 0.0)).grid.size[2], 79);
}

#[test]
fn lost_slices_are_told_with_their_place() {
    let mut heights = even(40, 1.0);
    heights.drain(17..19);
    let slices = slices(&heights, 0.0);
    let found = place(&slices);
    assert_eq!((found.grid.size[2], found.grid.spacing_mm[2]), (40, 1.0));
    let word = words(&found.findings);
    assert!(word.contains("2 slices are missing") && word.contains("3.00 mm here: z = 16.0 to 19.0 mm"), "{word}");
    // Slices that are there are not touched.
    let pixels = stored(&slices);
    let straight = found.repair.unwrap().apply(&pixels, 0, |v| v.round() as i16, Path::new("series")).unwrap();
    let area = 80 * 70;
    assert_eq!(straight[..17 * area], pixels[..17 * area]);
    assert_eq!(straight[19 * area..], pixels[17 * area..]);
}

#[test]
fn even_slices_are_left_alone_to_the_last_micrometre() {
    let mut slices = slices(&even(40, 1.0), 0.0);
    for (i, position) in slices.positions_mm.iter_mut().enumerate() {
        // Rounded positions, and a table that runs 0.1° aside.
        position.y += 0.0017 * i as f64;
        position.z = (position.z * 100.0).round() / 100.0;
    }
    let found = place(&slices);
    assert!(found.repair.is_none() && found.findings.is_empty(), "{:?}", found.findings);
    let last = found.grid.lps_from_index(&Vector3::new(0.0, 0.0, 39.0));
    assert!((last - slices.positions_mm[39]).norm() < 1e-9, "the line of the positions is the third axis");
}

#[test]
fn what_cannot_be_one_volume_is_refused() {
    let refused = |slices: &Slices| match slices.place(Path::new("series")) {
        Err(error @ Error::Series { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(|p| p.grid)),
    };
    let mut heights = even(20, 1.0);
    heights.extend([40.0, 41.0]);
    assert!(refused(&slices(&heights, 0.0)).contains("21.0 mm apart"));
    assert!(refused(&slices(&[0.0, 1.0, 1.0, 2.0], 0.0)).contains("same place"));
    assert!(refused(&slices(&even(10, 1.0), 50.0)).contains("more than a gantry tilts"));
    // Even slices may be thick.
    assert_eq!(place(&slices(&even(10, 15.0), 0.0)).grid.spacing_mm[2], 15.0);
    let mut nowhere = slices(&even(10, 1.0), 10.0);
    nowhere.positions_mm[4].x = 1e308;
    assert!(refused(&nowhere).contains("no usable position"));
    // A few pixels in hundreds of leaning slices would take the memory of a scan of as many pixels a side.
    let mut few = slices(&even(300, 1.0), 30.0);
    (few.size, few.spacing_mm) = ([2, 2], [0.05, 0.05]);
    assert!(refused(&few).contains("more than their own size"));
    let mut aside = slices(&even(10, 1.0), 10.0);
    aside.positions_mm[4].x += 5.0;
    assert!(refused(&aside).contains("5.0 mm aside"));
}

#[test]
fn a_mask_stays_a_mask() {
    let slices = slices(&even(40, 1.0), 20.0);
    let mask: Vec<u8> = stored(&slices).iter().map(|&v| u8::from(v > 0)).collect();
    let found = place(&slices);
    let straight = found.repair.unwrap().apply(&mask, 0, |v| u8::from(v >= 0.5), Path::new("series")).unwrap();
    let (mut bone, mut read) = (0, 0);
    for (i, &v) in straight.iter().enumerate() {
        let p = found.grid.lps_from_index(&Vector3::from(found.grid.index(i).map(|n| n as f64)));
        let truth = field(&p) > 0.0;
        (bone, read) = (bone + usize::from(truth), read + usize::from(v));
        if truth != (v == 1) {
            // A pixel's half diagonal from the surface a mask tells nothing.
            let slope = Vector3::from_fn(|axis, _| field(&(p + Vector3::ith(axis, 0.1))) - field(&p)).norm() / 0.1;
            assert!(field(&p).abs() < 0.6 * slope, "{p}: {} HU, {slope} HU/mm", field(&p));
        }
    }
    assert!(bone > 1000 && bone.abs_diff(read) * 100 < bone, "{read} of {bone}");
}
