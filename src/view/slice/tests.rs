use super::*;
use crate::geometry::Grid;
use nalgebra::{Matrix3, Rotation3};

/// HU that grow by 2 a mm to the left, 3 to the back and 5 up.
fn gradient(grid: Grid) -> Volume<f32> {
    let value = |o: usize| {
        let i = grid.index(o);
        let p = grid.lps_from_index(&Vector3::new(i[0] as f64, i[1] as f64, i[2] as f64));
        expected(&p)
    };
    let data = (0..grid.len()).map(value).collect();
    Volume::new(grid, data)
}

fn expected(p: &Point3<f64>) -> f32 {
    (2.0 * p.x + 3.0 * p.y + 5.0 * p.z) as f32
}

fn oblique_flipped() -> Grid {
    // Rows run to the front and slices down, as some scanners write them, and the whole is turned a little.
    let flip = Matrix3::from_diagonal(&Vector3::new(1.0, -1.0, -1.0));
    let turn = Rotation3::from_euler_angles(0.2, -0.1, 0.15);
    Grid::new([40, 50, 30], [1.0, 0.8, 1.5], Point3::new(-20.0, 25.0, 18.0), turn.matrix() * flip).unwrap()
}

#[test]
fn a_slice_of_a_gradient_is_the_gradient() {
    for grid in [oblique_flipped(), Grid::axis_aligned([40, 50, 30], [1.0, 0.8, 1.5], Point3::new(-20.0, -20.0, -22.0))]
    {
        let volume = gradient(grid);
        let (low, high) = volume.grid.bounds_mm();
        let middle = nalgebra::center(&low, &high);
        for plane in Plane::ALL {
            let view = SliceView { plane, centre_mm: middle, mm_per_pixel: 0.7, size_px: [90, 110] };
            let image = reslice(&volume, &view);
            let mut inside = 0;
            for y in 0..110 {
                for x in 0..90 {
                    let p = view.lps([x as f64 + 0.5, y as f64 + 0.5]);
                    let found = image.values[y * 90 + x];
                    let probed = probe(&volume, &p);
                    if let Some(probed) = probed {
                        inside += 1;
                        assert!((found - expected(&p)).abs() < 2e-3, "{plane:?} {x} {y}: {found}");
                        assert!((probed - found).abs() < 2e-3);
                    }
                }
            }
            assert!(inside > 1000, "{plane:?}: {inside} pixels inside");
        }
    }
}

#[test]
fn outside_is_black_and_a_border_slice_is_kept() {
    let volume = gradient(Grid::axis_aligned([10, 10, 10], [1.0; 3], Point3::new(0.1, 0.1, 0.1)));
    let view = SliceView::fitted(Plane::Axial, volume.grid.bounds_mm(), Point3::new(5.0, 5.0, 0.1), [20, 20]);
    let image = reslice(&volume, &view);
    assert!(image.values.iter().all(|v| !v.is_nan()), "the first slice and its border belong to the volume");
    let beyond = reslice(&volume, &view.moved(-0.5));
    assert!(beyond.values.iter().all(|v| v.is_nan()));
    assert_eq!(beyond.rgba(&WindowLevel::default())[..8], [0, 0, 0, 255, 0, 0, 0, 255]);
    assert_eq!(probe(&volume, &Point3::new(0.0, 5.0, 5.0)), None);
}

#[test]
fn the_patients_right_is_on_the_left_and_sagittal_looks_from_the_left() {
    let centre_mm = Point3::new(3.0, -4.0, 5.0);
    let pixel = |plane, d: [f64; 3]| {
        let view = SliceView { plane, centre_mm, mm_per_pixel: 0.5, size_px: [200, 100] };
        view.pixel(&(centre_mm + Vector3::from(d))).0
    };
    assert_eq!(pixel(Plane::Axial, [-10.0, 0.0, 0.0]), [80.0, 50.0]);
    assert_eq!(pixel(Plane::Axial, [0.0, -10.0, 0.0]), [100.0, 30.0]);
    assert_eq!(pixel(Plane::Coronal, [-10.0, 0.0, 0.0]), [80.0, 50.0]);
    assert_eq!(pixel(Plane::Coronal, [0.0, 0.0, 10.0]), [100.0, 30.0]);
    assert_eq!(pixel(Plane::Sagittal, [0.0, -10.0, 0.0]), [80.0, 50.0]);
    assert_eq!(pixel(Plane::Sagittal, [0.0, 0.0, 10.0]), [100.0, 30.0]);
}

#[test]
fn a_bright_voxel_at_the_patients_right_is_drawn_on_the_left() {
    let grid = oblique_flipped();
    let marker = Point3::new(-12.0, 3.0, -2.0);
    let near = |o: usize| {
        let i = grid.index(o);
        let p = grid.lps_from_index(&Vector3::new(i[0] as f64, i[1] as f64, i[2] as f64));
        if (p - marker).norm() < 3.0 { 1000i16 } else { 0 }
    };
    let data = (0..grid.len()).map(near).collect();
    let volume = Volume::new(grid, data);
    for plane in [Plane::Axial, Plane::Coronal] {
        let mut centre_mm = Point3::new(0.0, 3.0, -2.0);
        centre_mm[plane.axis()] = marker[plane.axis()];
        let view = SliceView { plane, centre_mm, mm_per_pixel: 0.5, size_px: [80, 80] };
        let image = reslice(&volume, &view);
        let bright: Vec<usize> = (0..6400).filter(|&o| image.values[o] > 500.0).collect();
        let mean_x = bright.iter().map(|o| (o % 80) as f64 + 0.5).sum::<f64>() / bright.len() as f64;
        assert!((mean_x - (40.0 - 24.0)).abs() < 1.0, "{plane:?}: mean column {mean_x}");
    }
}

#[test]
fn pixels_and_lps_are_inverse_and_zoom_keeps_the_point() {
    for plane in Plane::ALL {
        let view = SliceView { plane, centre_mm: Point3::new(1.0, 2.0, 3.0), mm_per_pixel: 0.3, size_px: [300, 200] };
        let p = view.lps([17.25, 190.5]);
        let (pixel, off) = view.pixel(&p);
        assert!((pixel[0] - 17.25).abs() < 1e-9 && (pixel[1] - 190.5).abs() < 1e-9 && off.abs() < 1e-12);
        assert!((view.moved(4.0).pixel(&p).1 + 4.0).abs() < 1e-12);
        let zoomed = view.zoomed_at(2.5, [17.25, 190.5]).pixel(&p).0;
        assert!((zoomed[0] - 17.25).abs() < 1e-9 && (zoomed[1] - 190.5).abs() < 1e-9);
        let panned = view.panned(5.0, -3.0).pixel(&p).0;
        assert!((panned[0] - 22.25).abs() < 1e-9 && (panned[1] - 187.5).abs() < 1e-9);
    }
}
