use super::*;
use crate::view::{Camera, Theme};
use std::sync::Arc;

/// A square of two triangles at y, facing the front.
fn wall(y: f32, half: f32) -> Arc<Mesh> {
    let positions = vec![[-half, y, -half], [half, y, -half], [half, y, half], [-half, y, half]];
    Arc::new(Mesh { positions, triangles: vec![[0, 1, 2], [0, 2, 3]] })
}

#[test]
fn the_nearest_drawn_surface_is_hit_where_it_should() {
    let mut scene = Scene::new(Theme::Dark);
    scene.set_mesh(LayerKind::Skull, wall(10.0, 200.0), None);
    scene.set_mesh(LayerKind::Implant, wall(-5.0, 20.0), None);
    let camera = Camera { azimuth_deg: 12.0, elevation_deg: 7.0, ..Camera::default() };
    let size = [640, 480];
    for expected in [Point3::new(3.0, -5.0, -7.0), Point3::new(-100.0, 10.0, 60.0), Point3::new(0.0, -5.0, 0.0)] {
        let pixel = camera.pixel(&expected, size).unwrap().0;
        let hit = pick(&scene, &camera.ray(pixel, size)).unwrap();
        assert!((hit.point_mm - expected).norm() < 1e-6, "{:?}", hit.point_mm);
        let kind = if expected.y < 0.0 { LayerKind::Implant } else { LayerKind::Skull };
        assert_eq!(hit.kind, kind);
        assert!((hit.normal + Vector3::y()).norm() < 1e-9, "the wall faces the front: {:?}", hit.normal);
    }
    scene.layer_mut(LayerKind::Implant).visible = false;
    let hit = pick(&scene, &camera.ray([320.0, 240.0], size)).unwrap();
    assert_eq!(hit.kind, LayerKind::Skull);
    let up = Ray { origin: Point3::new(0.0, -300.0, 0.0), direction: Vector3::z() };
    assert_eq!(pick(&scene, &up), None);
}
