use crate::geometry::Disc;
use crate::reconstruct::sheet::Sheet;
use nalgebra::Vector3;

/// A star-shaped surface: one radius a direction from the head's centre, with its normals.
pub(crate) struct StarSurface<'a> {
    disc: &'a Disc,
    /// Radius and outward normal of each pixel, side by side for one look-up.
    pixels: Vec<[f32; 4]>,
}

/// Steps of the foot-point search, and when it stands still, mm.
const STEPS: usize = 16;
const STILL_MM: f64 = 0.01;
/// No surface is taken for steeper than this (cosine to the ray): a cliff has no depth.
const LEAST_SLANT: f64 = 0.5;
/// Longest step of it, mm.
const LONGEST_MM: f64 = 3.0;

impl<'a> StarSurface<'a> {
    /// The surface at `radius_mm` along each direction of the map.
    pub fn new(disc: &'a Disc, sheet: &Sheet, radius_mm: &[f32]) -> Self {
        let normals = sheet.normals(radius_mm);
        let pixels = radius_mm.iter().zip(&normals).map(|(&r, n)| [r, n.x as f32, n.y as f32, n.z as f32]).collect();
        Self { disc, pixels }
    }

    /// Surface point and unit normal along a direction (any length), bilinear between pixels.
    #[inline]
    pub fn at(&self, direction: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
        let (row, column) = self.disc.position(direction);
        let last = (self.disc.size - 1) as f64;
        let (row, column) = (row.clamp(0.0, last), column.clamp(0.0, last));
        let (r, c) = ((row as usize).min(self.disc.size - 2), (column as usize).min(self.disc.size - 2));
        let (fr, fc) = ((row - r as f64) as f32, (column - c as f64) as f32);
        let first = r * self.disc.size + c;
        let (p00, p01) = (&self.pixels[first], &self.pixels[first + 1]);
        let (p10, p11) = (&self.pixels[first + self.disc.size], &self.pixels[first + self.disc.size + 1]);
        let mixed: [f64; 4] = std::array::from_fn(|k| {
            let top = p00[k] + (p01[k] - p00[k]) * fc;
            let bottom = p10[k] + (p11[k] - p10[k]) * fc;
            (top + (bottom - top) * fr) as f64
        });
        let normal = Vector3::new(mixed[1], mixed[2], mixed[3]);
        let normal = normal.try_normalize(1e-9).unwrap_or_else(|| direction.normalize());
        (direction * (mixed[0] / direction.norm()), normal)
    }

    /// Distance along the ray shortened by the surface's slant, with the right sign; and the surface point there.
    #[inline]
    pub fn rough_distance(&self, point: &Vector3<f64>) -> (f64, Vector3<f64>) {
        let (on, normal) = self.at(point);
        let radius = point.norm();
        ((radius - on.norm()) * (normal.dot(point) / radius).max(LEAST_SLANT), on)
    }

    /// Signed distance to the surface, negative below it. `foot` is where the search starts (a neighbour's foot
    /// point) and where it ended.
    ///
    /// Fixed point: step in the tangent plane towards the query's projection, then along the ray back to the surface.
    /// It contracts by distance/radius of curvature each step.
    #[inline]
    pub fn signed_distance(&self, point: &Vector3<f64>, foot: &mut Vector3<f64>) -> f64 {
        let (mut on, mut normal) = self.at(foot);
        for _ in 0..STEPS {
            let away = point - on;
            let along = away - normal * away.dot(&normal);
            let length = along.norm();
            if length < STILL_MM {
                *foot = on;
                return (point - on).dot(&normal);
            }
            // A long step on a crooked surface leads astray.
            (on, normal) = self.at(&(on + along * (LONGEST_MM / length).min(1.0)));
        }
        // No foot point found: the surface is too crooked for this depth.
        let (rough, on) = self.rough_distance(point);
        *foot = on;
        rough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ellipsoid off the head's centre, whose distance is checked against a dense search.
    #[test]
    fn distances_to_an_ellipsoid_equal_a_dense_search() {
        let disc = Disc::about(&Vector3::new(0.3, -0.5, 0.8), 221, 0.65);
        let sheet = Sheet::new(&disc, 85.0);
        let axes = Vector3::new(72.0, 95.0, 80.0);
        let radius: Vec<f32> = sheet.directions.iter().map(|d| (1.0 / d.component_div(&axes).norm()) as f32).collect();
        let surface = StarSurface::new(&disc, &sheet, &radius);
        let centre = disc.frame_from_disc.column(2).into_owned();
        let side = disc.frame_from_disc.column(0).into_owned();
        for tilt in [0.0, 0.1, -0.2] {
            let direction = (centre + side * tilt).normalize();
            let (on, _) = surface.at(&direction);
            for depth in [-12.0, -6.0, -1.0, 0.0, 2.0] {
                let point = on + direction * depth;
                let mut foot = point;
                let found = surface.signed_distance(&point, &mut foot);
                // Dense search over the map, refined twice.
                let (mut best, mut around, mut reach) = (f64::INFINITY, disc.position(&point), 40.0);
                for _ in 0..4 {
                    let (r0, c0) = around;
                    for i in -20..=20 {
                        for j in -20..=20 {
                            let (r, c) = (r0 + i as f64 * reach / 20.0, c0 + j as f64 * reach / 20.0);
                            let Some(d) = disc.direction(r, c) else { continue };
                            let distance = (surface.at(&d).0 - point).norm();
                            if distance < best {
                                best = distance;
                                around = (r, c);
                            }
                        }
                    }
                    reach /= 8.0;
                }
                assert!((found.abs() - best).abs() < 0.005, "{found} against {best} at depth {depth}");
                assert!(depth == 0.0 || found.signum() == depth.signum());
            }
        }
    }
}
