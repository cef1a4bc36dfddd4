use super::*;
use crate::geometry::Grid;
use nalgebra::Vector3;

const RADIUS: f64 = 30.0;

/// An octahedron refined into a ball of the radius about (5, −3, 2).
fn ball(levels: usize) -> Mesh {
    let mut triangles: Vec<[Vector3<f64>; 3]> = Vec::new();
    for octant in 0..8 {
        let sign = |k: usize| if (octant >> k) & 1 == 0 { 1.0 } else { -1.0 };
        let (x, y, z) = (Vector3::x() * sign(0), Vector3::y() * sign(1), Vector3::z() * sign(2));
        let even = sign(0) * sign(1) * sign(2) > 0.0;
        triangles.push(if even { [x, y, z] } else { [x, z, y] });
    }
    for _ in 0..levels {
        triangles = triangles
            .iter()
            .flat_map(|&[a, b, c]| {
                let (ab, bc, ca) = ((a + b).normalize(), (b + c).normalize(), (c + a).normalize());
                [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
            })
            .collect();
    }
    let point = |p: &Vector3<f64>| (p * RADIUS + Vector3::new(5.0, -3.0, 2.0)).cast::<f32>().into();
    let positions = triangles.iter().flatten().map(point).collect();
    Mesh { positions, triangles: (0..triangles.len() as u32).map(|i| [3 * i, 3 * i + 1, 3 * i + 2]).collect() }
}

fn length_mm(segments: &[[Point3<f64>; 2]]) -> f64 {
    segments.iter().map(|[a, b]| (b - a).norm()).sum()
}

#[test]
fn cuts_of_a_ball_are_circles_and_the_index_finds_all_triangles() {
    let mesh = Arc::new(ball(5));
    let index = MeshIndex::new(mesh.clone());
    for (plane, middle) in [(Plane::Axial, 2.0), (Plane::Coronal, -3.0), (Plane::Sagittal, 5.0)] {
        for offset in [0.0, 0.013, -17.4, 29.0] {
            let segments = index.cut(plane, middle + offset);
            let r = (RADIUS * RADIUS - offset * offset).sqrt();
            let expected = 2.0 * std::f64::consts::PI * r;
            assert!((length_mm(&segments) - expected).abs() < 0.01 * expected + 0.2, "{plane:?} at {offset}");
            let every = (0..mesh.triangles.len() as u32)
                .filter_map(|t| cut_triangle(&mesh, t, plane.axis(), middle + offset))
                .count();
            assert_eq!(segments.len(), every);
        }
        assert!(index.cut(plane, middle + 30.5).is_empty() && index.cut(plane, f64::NAN).is_empty());
    }
    assert!(MeshIndex::new(Arc::new(Mesh::default())).cut(Plane::Axial, 0.0).is_empty());
}

#[test]
fn contours_close_even_through_vertices() {
    let index = MeshIndex::new(Arc::new(ball(3)));
    for offset in [0.0, 7.5] {
        let segments = index.cut(Plane::Axial, 2.0 + offset);
        let mut ends: Vec<[i64; 3]> = segments
            .iter()
            .filter(|[a, b]| (b - a).norm() > 1e-6)
            .flatten()
            .map(|p| [p.x, p.y, p.z].map(|v| (v * 1e4).round() as i64))
            .collect();
        ends.sort();
        assert!(ends.len() > 20);
        assert!(ends.chunks(2).all(|c| c.len() == 2 && c[0] == c[1]), "each end belongs to two segments");
    }
}

#[test]
fn mesh_and_volume_contours_lie_on_the_same_circle_in_pixels() {
    let view = SliceView {
        plane: Plane::Coronal,
        centre_mm: Point3::new(0.0, 7.0, 0.0),
        mm_per_pixel: 0.4,
        size_px: [220, 200],
    };
    let centre = view.pixel(&Point3::new(5.0, 7.0, 2.0)).0;
    let r = (RADIUS * RADIUS - 100.0f64).sqrt() / 0.4;
    let grid = Grid::axis_aligned([80, 80, 80], [1.0; 3], Point3::new(-35.0, -43.0, -38.0));
    let distance = |o: usize| {
        let i = grid.index(o);
        let p = grid.lps_from_index(&Vector3::new(i[0] as f64, i[1] as f64, i[2] as f64));
        ((p - Point3::new(5.0, -3.0, 2.0)).norm() - RADIUS) as f32
    };
    let data: Vec<f32> = (0..grid.len()).map(distance).collect();
    let field = Volume::new(grid, data);
    let from_mesh = contour_of_mesh(&MeshIndex::new(Arc::new(ball(5))), &view);
    let mut lists = vec![from_mesh];
    lists.extend([1, 2, 3].map(|step| contour_of_volume(&field, 0.0, &view, step)));
    for segments in lists {
        assert!(segments.len() > 30);
        for end in segments.iter().flatten() {
            let d = ((f64::from(end[0]) - centre[0]).powi(2) + (f64::from(end[1]) - centre[1]).powi(2)).sqrt();
            assert!((d - r).abs() < 0.25, "a corner at {d:.2} px from the middle, expected {r:.2}");
        }
        let length: f64 = segments.iter().map(|[a, b]| f64::from((b[0] - a[0]).hypot(b[1] - a[1]))).sum();
        assert!((length / (2.0 * std::f64::consts::PI * r) - 1.0).abs() < 0.01, "{length}");
    }
}
