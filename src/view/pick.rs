use super::{LayerKind, Ray, Scene, Shape};
use crate::geometry::Mesh;
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

/// What a ray meets first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The layer it belongs to.
    pub kind: LayerKind,
    /// Where, LPS mm.
    pub point_mm: Point3<f64>,
    /// Unit normal of the triangle met, as the mesh winds it.
    pub normal: Vector3<f64>,
    /// Distance from the ray's origin, mm.
    pub distance_mm: f64,
}

/// The nearest surface of the drawn layers a ray meets (both sides of it count); lines are not picked.
/// Looks at every triangle: some ms a million.
pub fn pick(scene: &Scene, ray: &Ray) -> Option<Hit> {
    let mut best: Option<Hit> = None;
    for layer in scene.layers.iter().filter(|l| l.is_drawn()) {
        let Shape::Mesh { full, .. } = &layer.shape else { continue };
        let Some((distance_mm, triangle)) = nearest(full, ray) else { continue };
        if best.is_none_or(|b| distance_mm < b.distance_mm) {
            let t = &full.triangles[triangle];
            let a = full.corner(t, 0);
            let normal = (full.corner(t, 1) - a).cross(&(full.corner(t, 2) - a)).normalize();
            let point_mm = ray.origin + ray.direction * distance_mm;
            best = Some(Hit { kind: layer.kind, point_mm, normal, distance_mm });
        }
    }
    best
}

/// Distance and number of the nearest triangle in front; of equal ones the first.
fn nearest(mesh: &Mesh, ray: &Ray) -> Option<(f64, usize)> {
    const CHUNK: usize = 16_384;
    let closer = |a: (f64, usize), b: (f64, usize)| if b.0 < a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a };
    let found = mesh
        .triangles
        .par_chunks(CHUNK)
        .enumerate()
        .filter_map(|(chunk, triangles)| {
            let hits = triangles.iter().enumerate();
            let hits = hits.filter_map(|(i, t)| Some((meet(mesh, t, ray)?, chunk * CHUNK + i)));
            hits.reduce(closer)
        })
        .collect::<Vec<_>>();
    found.into_iter().reduce(closer)
}

/// Distance along the ray to a triangle. Source: T. Möller, B. Trumbore, Fast, Minimum Storage Ray/Triangle
/// Intersection (1997).
#[inline]
fn meet(mesh: &Mesh, triangle: &[u32; 3], ray: &Ray) -> Option<f64> {
    let a = mesh.corner(triangle, 0);
    let (e1, e2) = (mesh.corner(triangle, 1) - a, mesh.corner(triangle, 2) - a);
    let p = ray.direction.cross(&e2);
    let determinant = e1.dot(&p);
    if determinant.abs() < 1e-14 {
        return None;
    }
    let inverse = 1.0 / determinant;
    let from_a = ray.origin.coords - a;
    let u = from_a.dot(&p) * inverse;
    // A hair of slack, so that no ray slips between two triangles.
    if !(-1e-9..=1.0 + 1e-9).contains(&u) {
        return None;
    }
    let q = from_a.cross(&e1);
    let v = ray.direction.dot(&q) * inverse;
    if v < -1e-9 || u + v > 1.0 + 1e-9 {
        return None;
    }
    let distance = e2.dot(&q) * inverse;
    (distance > 0.0).then_some(distance)
}

#[cfg(test)]
mod tests;
