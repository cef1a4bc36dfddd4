//! The shader against its twin on the CPU, on the adapter at hand.

use super::*;
use crate::geometry::Volume;
use crate::surface::{check_mesh, closed_isosurface, isosurface};
use crate::view::gpu::Gpu;
use nalgebra::{Matrix3, Point3, Rotation3};

/// A bumpy shell with noise in whole numbers (many of them equal to 300), turned and off the origin.
fn phantom(n: usize, direction: Matrix3<f64>) -> Volume<i16> {
    let grid = Grid::new([n, n, n], [0.7, 0.9, 1.25], Point3::new(-83.0, 41.0, -110.0), direction).expect("proper");
    let middle = (n - 1) as f32 / 2.0;
    let value = |o: usize| {
        let [x, y, z] = grid.index(o).map(|v| (v as f32 - middle) / middle);
        let r = (x * x + y * y / 1.2 + z * z).sqrt();
        let bump = 0.02 * (x * 19.0).sin() * (y * 23.0).cos() * (z * 17.0).sin();
        let noise = (o as u32).wrapping_mul(2_654_435_761) >> 25;
        let bone = (0.5 + 20.0 * (0.09 + bump - (r - 0.8).abs())).clamp(0.0, 1.0);
        (40.0 + 960.0 * bone) as i16 + noise as i16 - 64
    };
    let data: Vec<i16> = (0..grid.len()).map(value).collect();
    Volume::new(grid, data)
}

fn gpu() -> Option<Gpu> {
    match Gpu::request() {
        Ok(gpu) => {
            println!("adapter: {}", gpu.summary);
            Some(gpu)
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

fn assert_twins(ours: &Mesh, twin: &Mesh) {
    assert_eq!((ours.triangles.len(), ours.positions.len()), (twin.triangles.len(), twin.positions.len()));
    assert!(ours.triangles == twin.triangles, "the triangles are the same numbers in the same order");
    for (a, b) in ours.positions.iter().zip(&twin.positions) {
        let apart = (0..3).map(|k| (a[k] - b[k]).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-3, "{a:?} and {b:?}");
    }
}

#[test]
fn the_shader_cuts_what_the_cpu_cuts() {
    let Some(gpu) = gpu() else { return };
    let (device, queue) = (&gpu.device, &gpu.queue);
    let cubes = MarchingCubes::new(device).expect("the shaders compile");
    let left_handed = Rotation3::from_euler_angles(0.2, -0.4, 0.9).into_inner()
        * Matrix3::from_diagonal(&nalgebra::Vector3::new(1.0, -1.0, 1.0));
    for (n, direction) in [(128, Matrix3::identity()), (45, left_handed)] {
        let volume = phantom(n, direction);
        assert!(volume.data.contains(&300));
        let field = volume.map(f32::from);
        let voxels = GpuVoxels::whole(device, queue, &volume).expect("the volume fits");
        let real = GpuVoxels::real(device, queue, &field).expect("the field fits");
        for (inside_above, closed) in [(true, true), (false, false), (true, false)] {
            let cut = Cut { iso: 300.0, inside_above, closed };
            let way = if closed { closed_isosurface } else { isosurface };
            let twin = way(&volume.grid, &volume.data, 300.0, inside_above);
            assert!(twin.triangles.len() > 10_000);
            let ours = cubes.extract(device, queue, &voxels, &cut).expect("it is cut");
            assert_twins(&ours.read(device, queue).expect("it comes back"), &twin);
            if closed {
                let report = check_mesh(&ours.read(device, queue).expect("it comes back"));
                assert!(report.closed && report.manifold && report.volume_mm3 > 0.0);
            }
        }
        let cut = Cut { iso: 250.5, inside_above: true, closed: true };
        let ours = cubes.extract(device, queue, &real, &cut).expect("it is cut");
        let twin = closed_isosurface(&field.grid, &field.data, 250.5, true);
        assert_twins(&ours.read(device, queue).expect("it comes back"), &twin);
    }
}

#[test]
fn normals_point_outward_in_any_grid() {
    let Some(gpu) = gpu() else { return };
    let (device, queue) = (&gpu.device, &gpu.queue);
    let cubes = MarchingCubes::new(device).expect("the shaders compile");
    for flip in [1.0, -1.0] {
        let direction = Rotation3::from_euler_angles(0.5, 0.1, -0.3).into_inner()
            * Matrix3::from_diagonal(&nalgebra::Vector3::new(1.0, 1.0, flip));
        let grid = Grid::new([40; 3], [0.5, 1.0, 0.8], Point3::new(5.0, -60.0, 9.0), direction).expect("proper");
        let centre = grid.lps_from_index(&nalgebra::Vector3::repeat(19.6));
        let value = |o: usize| {
            let index = nalgebra::Vector3::from(grid.index(o).map(|v| v as f64));
            ((grid.lps_from_index(&index) - centre).norm() - 8.0) as f32
        };
        let field = Volume::new(grid.clone(), (0..grid.len()).map(value).collect());
        let voxels = GpuVoxels::real(device, queue, &field).expect("the field fits");
        let cut = Cut { iso: 0.0, inside_above: false, closed: true };
        let ball = cubes.extract(device, queue, &voxels, &cut).expect("it is cut");
        let mesh = ball.read(device, queue).expect("it comes back");
        assert!(mesh.volume_mm3() > 0.0);
        for (p, n) in mesh.positions.iter().zip(ball.read_normals(device, queue).expect("they come back")) {
            let outward = (Point3::from(p.map(f64::from)) - centre).normalize();
            let cosine = outward.dot(&nalgebra::Vector3::from(n.map(f64::from)));
            assert!(cosine > 0.995, "{p:?} {n:?}");
        }
    }
}

#[test]
fn an_empty_surface_is_empty_and_a_huge_one_is_refused() {
    let Some(gpu) = gpu() else { return };
    let (device, queue) = (&gpu.device, &gpu.queue);
    let cubes = MarchingCubes::new(device).expect("the shaders compile");
    let volume = phantom(20, Matrix3::identity());
    let voxels = GpuVoxels::whole(device, queue, &volume).expect("the volume fits");
    let cut = Cut { iso: 5000.0, inside_above: true, closed: true };
    let none = cubes.extract(device, queue, &voxels, &cut).expect("it is cut");
    assert_eq!((none.vertex_count, none.triangle_count), (0, 0));
    assert_eq!(none.read(device, queue), Ok(Mesh::default()));

    let side = device.limits().max_texture_dimension_3d as usize + 1;
    let long = Volume::filled(Grid::axis_aligned([side, 1, 1], [1.0; 3], Default::default()), 0i16);
    let refused = GpuVoxels::whole(device, queue, &long);
    assert!(matches!(refused, Err(GpuError::TooLarge { needed, .. }) if needed == side as u64), "{refused:?}");
    assert!(matches!(fits(&device.limits(), "it", u64::MAX), Err(GpuError::TooLarge { .. })));
}
