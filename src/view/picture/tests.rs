use super::*;
use crate::geometry::Mesh;
use crate::view::{Background, LayerKind, StandardView, Theme, pick};
use nalgebra::{Point3, Vector3};
use std::sync::Arc;

const SIZE: [u32; 2] = [400, 300];

/// An icosphere-like ball: a lattice of longitudes and latitudes, outward normals.
fn ball(centre: [f64; 3], radius: f64, steps: u32) -> Arc<Mesh> {
    let mut mesh = Mesh::default();
    for lat in 0..=steps {
        for lon in 0..2 * steps {
            let (st, ct) = (std::f64::consts::PI * f64::from(lat) / f64::from(steps)).sin_cos();
            let (sp, cp) = (std::f64::consts::PI * f64::from(lon) / f64::from(steps)).sin_cos();
            let n = Vector3::new(st * cp, st * sp, ct);
            mesh.positions.push(std::array::from_fn(|k| (centre[k] + radius * n[k]) as f32));
        }
    }
    let at = |lat: u32, lon: u32| lat * 2 * steps + lon % (2 * steps);
    for lat in 0..steps {
        for lon in 0..2 * steps {
            let (a, b, c, d) = (at(lat, lon), at(lat + 1, lon), at(lat + 1, lon + 1), at(lat, lon + 1));
            mesh.triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    Arc::new(mesh)
}

fn scene_of(layers: &[(LayerKind, Arc<Mesh>)]) -> Scene {
    let mut scene = Scene::new(Theme::Dark);
    scene.background = Background { centre: [0.0; 3], corner: [0.0; 3] };
    for (kind, mesh) in layers {
        scene.set_mesh(*kind, mesh.clone(), None);
    }
    scene
}

/// A studio, or `None` (and a line that says so) where there is no adapter.
fn studio(quality: Quality) -> Option<Studio> {
    match Studio::new(quality) {
        Ok(studio) => Some(studio),
        Err(PictureError::Gpu(why @ GpuError::NoAdapter(_))) => {
            println!("skipped: {why}");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

fn is_drawn(pixel: [u8; 4]) -> bool {
    pixel[..3].iter().any(|&v| v > 12)
}

fn drawn_count(picture: &Picture) -> usize {
    (0..picture.height)
        .flat_map(|y| (0..picture.width).map(move |x| (x, y)))
        .filter(|&(x, y)| is_drawn(picture.at(x, y)))
        .count()
}

/// Pixels a ball's outline covers when it is looked at in the middle: a circle of angle asin(r/d).
fn disc_px(radius: f64, camera: &Camera) -> f64 {
    let angle = (radius / camera.distance_mm).asin().tan();
    let half = (camera.field_of_view_deg.to_radians() / 2.0).tan();
    let r = angle / half * f64::from(SIZE[1]) / 2.0;
    std::f64::consts::PI * r * r
}

#[test]
fn a_ball_covers_the_pixels_it_should_at_both_qualities() {
    for quality in [Quality::BEST, Quality::FAST] {
        let Some(mut studio) = studio(quality) else { return };
        let camera = Camera { azimuth_deg: 25.0, elevation_deg: 10.0, ..Camera::default() };
        let scene = scene_of(&[(LayerKind::Skull, ball([0.0; 3], 80.0, 96))]);
        let picture = studio.picture(&scene, &camera, SIZE).unwrap();
        let expected = disc_px(80.0, &camera);
        let found = drawn_count(&picture) as f64;
        // An outline of 2πr pixels, each at most half a pixel off (samples add up to a half on the outside).
        let slack = (expected * std::f64::consts::PI).sqrt() * 2.0 * 0.5;
        assert!((found - expected).abs() < slack, "{quality:?}: {found} pixels, expected {expected:.0} ± {slack:.0}");
    }
}

#[test]
fn depth_in_the_middle_is_the_balls_nearest_point() {
    let Some(mut studio) = studio(Quality::FAST) else { return };
    let camera = Camera::default();
    let mesh = ball([0.0; 3], 80.0, 128);
    let scene = scene_of(&[(LayerKind::Skull, mesh.clone())]);
    studio.picture(&scene, &camera, SIZE).unwrap();
    let mut encoder = studio.gpu.device.create_command_encoder(&Default::default());
    let texture = studio.renderer.depth_texture().unwrap();
    let read = Readback::record(&studio.gpu.device, &mut encoder, texture);
    studio.gpu.queue.submit([encoder.finish()]);
    let bytes = read.bytes(&studio.gpu).unwrap();
    let depth: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let (_, projection) = camera.matrices(SIZE, mesh.bounds_mm().unwrap());
    for pixel in [[200usize, 150usize], [230, 140], [170, 190]] {
        let z = depth[pixel[1] * SIZE[0] as usize + pixel[0]];
        let found = f64::from(projection[(2, 3)] / (z + projection[(2, 2)]));
        let ray = camera.ray([pixel[0] as f64 + 0.5, pixel[1] as f64 + 0.5], SIZE);
        let hit = pick(&scene, &ray).unwrap();
        let expected = -(hit.point_mm - camera.eye_mm()).dot(&camera.axes().2);
        let from_middle = hit.point_mm.coords.norm();
        assert!((from_middle - 80.0).abs() < 0.1, "{pixel:?}: picked {from_middle} mm from the ball's middle");
        assert!((found - expected).abs() < 0.05, "{pixel:?}: {found} mm, picked {expected} mm");
    }
    assert_eq!(depth[0], 1.0, "the background is at the far end");
}

#[test]
fn a_marker_at_the_patients_right_appears_on_the_left_of_the_front_view() {
    let Some(mut studio) = studio(Quality::BEST) else { return };
    let scene = scene_of(&[
        (LayerKind::Skull, ball([0.0; 3], 60.0, 32)),
        (LayerKind::Implant, ball([-75.0, 0.0, 0.0], 10.0, 24)),
    ]);
    let camera = Camera::standard(StandardView::Front, scene.bounds_mm(), SIZE);
    let picture = studio.picture(&scene, &camera, SIZE).unwrap();
    let centre = camera.pixel(&Point3::new(-75.0, 0.0, 0.0), SIZE).unwrap().0;
    assert!(centre[0] < 100.0);
    let [r, g, b, _] = picture.at(centre[0] as u32, centre[1] as u32).map(u32::from);
    assert!(g > r + 30 && b > r + 30, "blue-green marker expected, found {r} {g} {b}");
    let bone = picture.at(210, 150).map(u32::from);
    assert!(bone[0] > bone[2], "bone is warm: {bone:?}");
}

#[test]
fn a_translucent_layer_lets_what_lies_behind_shine_through() {
    let Some(mut studio) = studio(Quality::BEST) else { return };
    let camera = Camera::default();
    let [inside, around] = [ball([0.0; 3], 30.0, 48), ball([0.0; 3], 60.0, 48)];
    let shot = |studio: &mut Studio, opacity: f32, behind: bool| {
        let mut scene = scene_of(&[(LayerKind::Reconstruction, around.clone())]);
        if behind {
            scene.set_mesh(LayerKind::Implant, inside.clone(), None);
        }
        scene.layer_mut(LayerKind::Reconstruction).opacity = opacity;
        let picture = studio.picture(&scene, &camera, SIZE).unwrap();
        picture.at(200, 150).map(i32::from)
    };
    let opaque = shot(&mut studio, 1.0, true);
    assert_eq!(opaque, shot(&mut studio, 1.0, false), "an opaque layer hides what lies behind");
    let veiled = shot(&mut studio, 0.5, true);
    let alone = shot(&mut studio, 0.5, false);
    assert!(veiled[2] > alone[2] + 30, "blue shines through: {veiled:?} against {alone:?}");
    assert!(alone[0] > 60 && alone[0] < opaque[0], "half amber over black: {alone:?} against {opaque:?}");
    let none = shot(&mut studio, 0.0, false);
    assert!(none[0] < 3, "a layer of no opacity is not drawn: {none:?}");
}

#[test]
fn a_line_has_its_width_and_a_hidden_one_is_a_hint() {
    let Some(mut studio) = studio(Quality::BEST) else { return };
    let camera = Camera::default();
    let mut scene = scene_of(&[]);
    let across = |y: f32| crate::view::Polyline { points: vec![[-60.0, y, 0.0], [60.0, y, 0.0]], closed: false };
    scene.set_lines(LayerKind::Rim, vec![across(0.0)]);
    scene.layer_mut(LayerKind::Rim).width_px = 5.0;
    let bright = |p: &Picture| (0..SIZE[1]).filter(|&y| p.at(200, y)[0] > 120).count();
    let picture = studio.picture(&scene, &camera, SIZE).unwrap();
    assert!((4..=6).contains(&bright(&picture)), "{} pixels", bright(&picture));
    // The same line inside of a ball shows through faintly only.
    scene.set_mesh(LayerKind::Skull, ball([0.0; 3], 40.0, 48), None);
    let hidden = studio.picture(&scene, &camera, SIZE).unwrap();
    let without = {
        scene.clear(LayerKind::Rim);
        studio.picture(&scene, &camera, SIZE).unwrap()
    };
    let change = i32::from(hidden.at(200, 150)[1]) - i32::from(without.at(200, 150)[1]);
    assert!((-60..=-3).contains(&change), "green changed by {change}");
}

#[test]
fn a_moving_view_draws_the_light_mesh_on_a_slow_adapter_only() {
    let Some(mut studio) = studio(Quality::FAST) else { return };
    let full = ball([0.0; 3], 60.0, 64);
    let light = Arc::new(crate::view::lighter_mesh(&full, 2000));
    assert!(light.triangles.len() <= 2000 && light.triangles.len() > 500, "{}", light.triangles.len());
    let mut scene = scene_of(&[]);
    scene.set_mesh(LayerKind::Skull, full.clone(), Some(light.clone()));
    scene.moving = true;
    let moving = studio.picture(&scene, &Camera::default(), SIZE).unwrap();
    assert_eq!(studio.renderer.drawn_triangles(), light.triangles.len());
    scene.moving = false;
    let still = studio.picture(&scene, &Camera::default(), SIZE).unwrap();
    assert_eq!(studio.renderer.drawn_triangles(), full.triangles.len());
    let (a, b) = (drawn_count(&moving) as f64, drawn_count(&still) as f64);
    assert!((a / b - 1.0).abs() < 0.04, "the light mesh has about the same outline: {a} and {b} pixels");
}

#[test]
fn blit_copies_the_picture_into_another_format() {
    let Some(mut studio) = studio(Quality::FAST) else { return };
    let format = wgpu::TextureFormat::Bgra8Unorm;
    let mut renderer = Renderer::with_quality(&studio.gpu.device, &studio.gpu.queue, format, Quality::FAST);
    let scene = scene_of(&[(LayerKind::Skull, ball([0.0; 3], 60.0, 32))]);
    let expected = studio.picture(&scene, &Camera::default(), SIZE).unwrap();
    let target = studio.gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: SIZE[0], height: SIZE[1], depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let mut encoder = studio.gpu.device.create_command_encoder(&Default::default());
    renderer.render(&studio.gpu.device, &studio.gpu.queue, &mut encoder, SIZE, &Camera::default(), &scene);
    {
        let view = target.create_view(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::RED), store: wgpu::StoreOp::Store },
            })],
            ..Default::default()
        });
        renderer.blit(&mut pass);
    }
    let read = Readback::record(&studio.gpu.device, &mut encoder, &target);
    studio.gpu.queue.submit([encoder.finish()]);
    let bytes = read.bytes(&studio.gpu).unwrap();
    let swapped: Vec<u8> = bytes.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0], p[3]]).collect();
    let worst = swapped.iter().zip(&expected.rgba).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(1), "largest difference {worst:?}");
}

#[test]
fn sizes_nobody_can_draw_are_refused() {
    let Some(mut studio) = studio(Quality::FAST) else { return };
    let scene = scene_of(&[]);
    for size in [[0, 10], [10, 0], [1 << 20, 10]] {
        let refused = studio.picture(&scene, &Camera::default(), size);
        assert!(matches!(refused, Err(PictureError::Size { .. })), "{size:?}: {refused:?}");
    }
    assert_eq!(studio.picture(&scene, &Camera::default(), [7, 3]).unwrap().rgba.len(), 84);
}

#[test]
fn a_picture_survives_png() {
    let picture =
        Picture { width: 3, height: 2, rgba: (0..24).map(|i| if i % 4 == 3 { 255 } else { i * 9 }).collect() };
    let back = image::load_from_memory(&picture.png().unwrap()).unwrap().into_rgba8();
    assert_eq!((back.width(), back.height(), back.into_raw()), (3, 2, picture.rgba));
}
