//! Surfaces of bodies with known topology and volume.

use super::*;
use crate::geometry::{Grid, Mesh, Volume};
use nalgebra::{Matrix3, Point3, Rotation3, Vector3};
use proptest::prelude::*;
use std::f64::consts::PI;

/// Values of a signed distance on a grid of `n`³ voxels of 0.8 × 0.5 × 1.1 mm turned by `direction`; centre in the middle.
fn field(n: usize, direction: Matrix3<f64>, distance: impl Fn(Vector3<f64>) -> f64) -> Volume<f32> {
    let spacing = [0.8, 0.5, 1.1];
    let grid = Grid::new([n; 3], spacing, Point3::new(-70.0, 30.0, 12.0), direction).expect("a proper grid");
    let middle = Vector3::repeat((n - 1) as f64 / 2.0 + 0.137);
    let value = |o: usize| {
        let i = grid.index(o).map(|v| v as f64);
        distance((Vector3::from(i) - middle).component_mul(&Vector3::from(spacing))) as f32
    };
    let data = (0..grid.len()).map(value).collect();
    Volume::new(grid, data)
}

fn sphere(radius: f64) -> impl Fn(Vector3<f64>) -> f64 {
    move |p| p.norm() - radius
}

fn assert_part(mesh: &Mesh) -> MeshReport {
    let report = check_mesh(mesh);
    assert!(report.closed && report.manifold && report.oriented && report.degenerate_triangles == 0, "{report:?}");
    // What a reader of an STL sees: equal positions are one vertex.
    let welded = check_mesh(&weld(mesh));
    assert_eq!((welded.vertices, welded.manifold, welded.euler), (report.vertices, true, report.euler), "{welded:?}");
    report
}

#[test]
fn spheres_are_closed_and_outward_for_every_direction_matrix() {
    let radius = 8.0f64;
    let exact = 4.0 / 3.0 * PI * radius.powi(3);
    for flips in 0..8 {
        let sign = |axis: usize| if flips >> axis & 1 == 1 { -1.0 } else { 1.0 };
        let turn = Rotation3::from_euler_angles(0.3, -0.2, 1.1).into_inner();
        for turn in [Matrix3::identity(), turn] {
            let direction = turn * Matrix3::from_diagonal(&Vector3::from_fn(|axis, _| sign(axis)));
            let body = field(48, direction, sphere(radius));
            for inside_above in [false, true] {
                let values: Vec<f32> = body.data.iter().map(|v| if inside_above { -v } else { *v }).collect();
                let report = assert_part(&isosurface(&body.grid, &values, 0.0, inside_above));
                assert_eq!((report.euler, report.components), (2, 1));
                // Linear interpolation of a convex distance and flat triangles both stay inside of the sphere, by at
                // most (h² + d²)/(8 r) with the longest grid edge h and the cell's diagonal d.
                let depth = (1.1f64.powi(2) + 0.8f64.powi(2) + 0.5f64.powi(2) + 1.1f64.powi(2)) / (8.0 * radius);
                let lost = exact - report.volume_mm3;
                assert!(lost > 0.0 && lost < 4.0 * PI * radius * radius * depth, "{lost} of {exact}");
                // The other way round the same surface bounds the outside: normals turn.
                let turned = isosurface(&body.grid, &values, 0.0, !inside_above);
                assert!((turned.volume_mm3() + report.volume_mm3).abs() < 0.02 * exact);
            }
        }
    }
}

#[test]
fn vertices_lie_on_the_sphere_in_lps() {
    let body = field(48, Rotation3::from_euler_angles(0.1, 0.4, -0.7).into_inner(), sphere(8.0));
    let centre = body.grid.lps_from_index(&Vector3::repeat(23.5 + 0.137));
    for p in isosurface(&body.grid, &body.data, 0.0, false).positions {
        let r = (Point3::from(p.map(f64::from)) - centre).norm();
        // Linear interpolation of a distance errs by up to h²/(8 r) = 0.019 mm for h = 1.1 mm, and by the kept fraction.
        assert!((r - 8.0).abs() < 0.03, "{r}");
    }
}

#[test]
fn a_torus_has_one_handle() {
    let (big, small) = (7.0f64, 2.5f64);
    let torus = move |p: Vector3<f64>| ((p.x.hypot(p.y) - big).powi(2) + p.z * p.z).sqrt() - small;
    let report = assert_part(&manifold_isosurface(&field(56, Matrix3::identity(), torus), 0.0));
    assert_eq!((report.euler, report.components), (0, 1));
    let exact = 2.0 * PI * PI * big * small * small;
    let coarse = 1.0 - report.volume_mm3 / exact;
    // Second order: a body twice as large on the same spacing loses a quarter of the share.
    let twice = assert_part(&manifold_isosurface(&field(100, Matrix3::identity(), |p| 2.0 * torus(p / 2.0)), 0.0));
    let fine = 1.0 - twice.volume_mm3 / (8.0 * exact);
    assert!((0.2..0.3).contains(&(fine / coarse)) && fine < 0.01, "{fine} after {coarse}");
}

#[test]
fn a_cube_mask_keeps_its_volume_and_may_fill_the_whole_grid() {
    let grid = Grid::axis_aligned([70, 6, 5], [0.5, 1.0, 2.0], Point3::new(1.0, 2.0, 3.0));
    let inner = |o: usize| {
        let [x, y, z] = grid.index(o);
        u8::from((1..69).contains(&x) && (1..5).contains(&y) && (1..4).contains(&z))
    };
    let mask: Vec<u8> = (0..grid.len()).map(inner).collect();
    let report = assert_part(&isosurface(&grid, &mask, 0.5, true));
    assert_eq!(report.euler, 2);
    // Flat faces half a voxel beyond the mask: 68 × 4 × 3 voxels less the chamfer of edges (a triangle of legs ½ in the
    // cross-section) and corners (⅙ more precisely than needed here).
    assert_eq!(report.size_mm, [34.0, 4.0, 6.0]);
    let voxels = report.volume_mm3;
    let (lx, ly, lz) = (68.0, 4.0, 3.0);
    // Per edge of length l: ⅛ l cut off, less at the 8 corners, where each chamfer ends half a voxel early and a
    // tetrahedron-cut cube remains 1/48 of its half-voxel cube's 1/8.
    let edges = 4.0 * (lx - 1.0 + ly - 1.0 + lz - 1.0) / 8.0;
    let corners = 8.0 * (1.0 / 8.0 - 1.0 / 48.0);
    assert!((voxels - (lx * ly * lz - edges - corners)).abs() < 1e-6, "{voxels}");

    let full = vec![1u8; grid.len()];
    assert!(isosurface(&grid, &full, 0.5, true).triangles.is_empty());
    let report = assert_part(&closed_isosurface(&grid, &full, 0.5, true));
    assert_eq!((report.euler, report.size_mm), (2, [35.0, 6.0, 10.0]));
}

#[test]
fn ties_at_the_iso_value_leave_no_flat_triangle() {
    let grid = Grid::axis_aligned([40; 3], [1.0; 3], Default::default());
    let value = |o: usize| (grid.index(o).iter().map(|&v| (v as i16 - 20).abs()).max().unwrap_or(0) - 9) * 100;
    let values: Vec<i16> = (0..grid.len()).map(value).collect();
    assert!(values.contains(&0));
    for above in [true, false] {
        assert_part(&closed_isosurface(&grid, &values, 0.0, above));
    }
}

#[test]
fn single_layers_and_missing_values_do_not_break() {
    let flat = Grid::axis_aligned([5, 4, 1], [1.0; 3], Default::default());
    assert!(isosurface(&flat, &[1i16; 20], 0.0, true).triangles.is_empty());
    assert_part(&closed_isosurface(&flat, &[1i16; 20], 0.0, true));
    let grid = Grid::axis_aligned([6; 3], [1.0; 3], Default::default());
    let mut values = vec![1.0f32; grid.len()];
    values[grid.offset(2, 2, 2)] = f32::NAN;
    values[grid.offset(3, 3, 3)] = f32::INFINITY;
    values[grid.offset(4, 4, 4)] = f32::NEG_INFINITY;
    for above in [true, false] {
        let mesh = closed_isosurface(&grid, &values, 0.0, above);
        assert!(mesh.positions.iter().flatten().all(|c| c.is_finite()));
        assert_part(&mesh);
    }
    assert!(isosurface(&grid, &values, f32::NAN, true).triangles.is_empty());
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let body = field(70, Matrix3::identity(), |p| (p * 0.9).map(f64::sin).sum() + 0.1 * p.x);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| closed_isosurface(&body.grid, &body.data, 0.05, true))
    };
    let (one, two) = (run(1), run(2));
    assert!(one.triangles.len() > 10_000);
    assert!(one == two);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn noise_is_closed_and_manifold(
        size in (1usize..9, 1usize..7, 1usize..7),
        wide in prop::bool::ANY,
        above in prop::bool::ANY,
        seed in any::<u64>(),
    ) {
        let size = [size.0 + if wide { 61 } else { 0 }, size.1, size.2];
        let grid = Grid::axis_aligned(size, [0.5, 0.7, 1.0], Default::default());
        let mut state = seed | 1;
        let values: Vec<i16> = (0..grid.len()).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few values: many ties.
            (state >> 60) as i16 - 8
        }).collect();
        let mesh = closed_isosurface(&grid, &values, 0.0, above);
        if values.iter().any(|&v| (v >= 0) == above) {
            assert_part(&mesh);
        } else {
            prop_assert!(mesh.triangles.is_empty());
        }
        let open = check_mesh(&isosurface(&grid, &values, 0.0, above));
        prop_assert!(open.crowded_edges == 0 && open.oriented && open.degenerate_triangles == 0);
    }
}
