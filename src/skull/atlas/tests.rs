use super::*;
use crate::geometry::Grid;
use nalgebra::{Point3, Rotation3, Vector3};

/// A shell with a brow and an occiput, turned and stretched, as a mask.
fn head(turn: [f64; 3], stretch: [f64; 3], centre: [f64; 3]) -> Volume<u8> {
    let grid = Grid::axis_aligned([112, 130, 104], [2.0; 3], Point3::new(-112.0, -130.0, -70.0));
    let rotation = Rotation3::new(Vector3::from(turn));
    let inside = |o: usize| {
        let [x, y, z] = grid.index(o);
        let lps = grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64));
        let p = (rotation * (lps.coords - Vector3::from(centre))).component_div(&Vector3::from(stretch));
        let d = p.normalize();
        let e = Vector3::new(d.x / 72.0, d.y / 92.0, d.z / 78.0).norm();
        let outer = 1.0 / e + 5.0 * d.y.powi(3) - 4.0 * d.z * d.y + 3.0 * (3.0 * d.x.abs()).sin() * d.z;
        p.norm() < outer && p.norm() > outer - 7.0 && p.z > -40.0
    };
    Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(inside(o))).collect())
}

#[test]
fn heads_of_one_shape_give_its_radii_and_thickness() {
    let shapes: Vec<([f64; 3], [f64; 3], [f64; 3])> = (0..6)
        .map(|i| {
            let s = |k: usize| ((i * 7 + k * 3) % 5) as f64 / 2.0 - 1.0;
            let stretch = [1.0 + 0.03 * s(1), 1.0 + 0.03 * s(2), 1.0 + 0.03 * s(3)];
            ([0.06 * s(4), 0.05 * s(5), 0.04 * s(6)], stretch, [4.0 * s(7), 3.0 * s(8), 2.0 * s(9)])
        })
        .collect();
    let skulls = shapes.iter().map(|(t, s, c)| (format!("{t:?}"), Ok::<_, BuildError>(head(*t, *s, *c))));
    let built = build(skulls, 6, None, &Progress::new()).expect("six good heads");
    assert_eq!(built.used.len(), 6);
    assert!(built.residual_mm.iter().all(|&r| r < 0.5), "{:?}", built.residual_mm);
    let vault = &built.vault;
    assert!(vault.in_vault(&Vector3::z()) && vault.in_vault(&Vector3::new(0.6, 0.5, 0.6)));
    let middle = SIZE / 2 * SIZE + SIZE / 2;
    // The frame's size along one axis is free, only the mean over the three is held: so is the thickness along them.
    let along =
        [Vector3::x(), Vector3::y(), Vector3::z()].map(|d| f64::from(vault.disc.sample(&vault.thickness_mm, &d)));
    let mean = along.iter().product::<f64>().cbrt();
    assert!((mean - 7.0).abs() < 0.4, "{along:?}");
    let spread = vault.outer_sd_mm[middle];
    assert!(spread < 0.6, "{spread}");
    // The shape's own plane of symmetry became x = 0: left and right radii are equal before any averaging by pixels.
    let (left, right) = (Vector3::new(0.8, 0.1, 0.6), Vector3::new(-0.8, 0.1, 0.6));
    assert!((vault.outer_at(&left) - vault.outer_at(&right)).abs() < 1e-3);
}

#[test]
fn too_few_heads_are_refused() {
    let skulls = (0..2).map(|i| (i.to_string(), Ok::<_, BuildError>(head([0.0; 3], [1.0; 3], [0.0; 3]))));
    assert!(matches!(build(skulls, 2, None, &Progress::new()), Err(BuildError::TooFew { found: 2, given: 2 })));
}
