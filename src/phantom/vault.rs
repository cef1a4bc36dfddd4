//! The braincase: outer radius and thickness in every direction, and the steps of the skull base.

use super::random::stream;
use super::shape::{meet, step};
use nalgebra::Vector3;

/// Outer radius (mm) of the braincase as a polynomial in y and z of the unit direction (x left, y back, z up),
/// seen from a point 75 mm below the vertex: row b holds the coefficients of yᵇ z⁰, yᵇ z¹, …, up to degree 6.
/// On the sphere x² = 1 − y² − z², so these are all left-right symmetric shapes of that degree. Fitted to the
/// Visible Human male CT (U.S. National Library of Medicine) with the width, length and height of an average
/// adult head, and rounded below like a skull base.
const RADIUS: [&[f64]; 7] = [
    &[66.29, 5.69, 28.63, 18.93, -63.79, -10.47, 32.65],
    &[12.66, -16.87, 21.37, 25.18, -29.03, 0.69],
    &[22.18, -17.1, -43.12, 13.56, 31.3],
    &[-31.71, 28.06, -5.33, -49.03],
    &[13.68, 17.42, -17.77],
    &[19.55, -8.72],
    &[-14.28],
];

/// Nodes along a side of each cube face of the direction table (2.8 mm apart at the vault).
const NODES: usize = 65;

/// One direction of the table.
#[derive(Clone, Copy, Default)]
struct Node {
    radius_mm: f64,
    thickness_mm: f64,
    /// Turns a radial difference into a distance: 1/√(1 + |∇r|²/r²).
    slope: f64,
}

/// What the braincase is at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct VaultAt {
    /// Signed distance to the outer surface, mm, negative inside.
    pub outer_mm: f64,
    /// Bone between outer and inner surface, mm.
    pub thickness_mm: f64,
}

/// The braincase of one head, in mm of the head frame before its three scales.
pub(super) struct Vault {
    table: Vec<Node>,
    floor: Vec<[f64; 2]>,
}

/// Skull-base table: 1 mm over x 0..100, y −120..120.
const FLOOR_SIZE: [usize; 2] = [101, 241];

impl Vault {
    /// The braincase of a seed: symmetric shape within about a millimetre and a half of the average, and less
    /// than a millimetre of difference between left and right.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = stream(seed, 1);
        let bend: [f64; 6] = std::array::from_fn(|_| 1.2 * random.signed());
        let skew: [f64; 3] = std::array::from_fn(|_| 0.5 * random.signed());
        let thickness = random.between(0.9, 1.12);
        let radius = |d: &Vector3<f64>| radius_mm(d, &bend, &skew);
        let mut table = vec![Node::default(); 6 * NODES * NODES];
        for (i, node) in table.iter_mut().enumerate() {
            let d = node_direction(i / (NODES * NODES), i / NODES % NODES, i % NODES);
            let r = radius(&d);
            // Two tangents of the sphere; differences over 0.01 rad.
            let u = if d.x.abs() < 0.8 { Vector3::x() } else { Vector3::y() }.cross(&d).normalize();
            let v = d.cross(&u);
            let slope = |t: &Vector3<f64>| {
                (radius(&(d + t * 0.01).normalize()) - radius(&(d - t * 0.01).normalize())) / 0.02 / r
            };
            let gradient = slope(&u).hypot(slope(&v));
            *node = Node {
                radius_mm: r,
                thickness_mm: thickness * thickness_mm(&d),
                slope: 1.0 / (1.0 + gradient * gradient).sqrt(),
            };
        }
        Self { table, floor: floor_table() }
    }

    /// Distance to the outer surface and thickness at a point (mm from the centre, not scaled).
    #[inline]
    pub(super) fn at(&self, p: &Vector3<f64>) -> VaultAt {
        let r = p.norm();
        if r < 1e-6 {
            return VaultAt { outer_mm: -60.0, thickness_mm: 6.0 };
        }
        let (face, row, column) = cube_position(p);
        let (i, j) = ((row as usize).min(NODES - 2), (column as usize).min(NODES - 2));
        let (fi, fj) = (row - i as f64, column - j as f64);
        let at = |i: usize, j: usize| &self.table[(face * NODES + i) * NODES + j];
        let (a, b, c, d) = (at(i, j), at(i, j + 1), at(i + 1, j), at(i + 1, j + 1));
        let blend = |f: fn(&Node) -> f64| {
            let (top, bottom) = (f(a) + (f(b) - f(a)) * fj, f(c) + (f(d) - f(c)) * fj);
            top + (bottom - top) * fi
        };
        VaultAt { outer_mm: (r - blend(|n| n.radius_mm)) * blend(|n| n.slope), thickness_mm: blend(|n| n.thickness_mm) }
    }

    /// Signed distances (mm) to the braincase's bone shell and to the cavity inside it; `p` not scaled.
    pub(super) fn shell_and_cavity(&self, p: &Vector3<f64>, at: &VaultAt) -> (f64, f64) {
        let [height, slope] = self.floor_at(p.x.abs(), p.y);
        // The base is thick in the midline (sphenoid body, clivus), thin elsewhere.
        let base_mm = 4.2 + 6.0 * step(16.0, 6.0, p.x.abs()) * step(-30.0, -16.0, p.y);
        let cavity = meet(at.outer_mm + at.thickness_mm, (height - p.z) * slope, 5.0);
        let body = meet(at.outer_mm, (height - base_mm - p.z) * slope, 3.0);
        (body.max(-cavity), cavity)
    }

    fn floor_at(&self, x: f64, y: f64) -> [f64; 2] {
        let (x, y) = (x.clamp(0.0, 99.99), (y + 120.0).clamp(0.0, 239.99));
        let (i, j) = (x as usize, y as usize);
        let (fx, fy) = (x - i as f64, y - j as f64);
        let at = |i: usize, j: usize, k: usize| self.floor[j * FLOOR_SIZE[0] + i][k];
        std::array::from_fn(|k| {
            let low = at(i, j, k) + (at(i + 1, j, k) - at(i, j, k)) * fx;
            let high = at(i, j + 1, k) + (at(i + 1, j + 1, k) - at(i, j + 1, k)) * fx;
            low + (high - low) * fy
        })
    }
}

fn radius_mm(d: &Vector3<f64>, bend: &[f64; 6], skew: &[f64; 3]) -> f64 {
    let mut sum = 0.0;
    for row in RADIUS.iter().rev() {
        sum = sum * d.y + row.iter().rev().fold(0.0, |s, c| s * d.z + c);
    }
    let (x, y, z) = (d.x, d.y, d.z);
    let symmetric = [y * z, y * y - z * z, y * (1.0 - 3.0 * z * z) / 2.0, y * y * y - z, 2.0 * x * x * z, x * x * y]
        .iter()
        .zip(bend)
        .map(|(a, b)| a * b)
        .sum::<f64>();
    sum + symmetric + skew[0] * x * y + skew[1] * x * z + skew[2] * x * (y * y - z * z)
}

/// Thickness of the average adult vault: 6–8 mm, thin at the temporal squama, thick at glabella and inion.
fn thickness_mm(d: &Vector3<f64>) -> f64 {
    let side = Vector3::new(d.x.abs(), d.y, d.z);
    let bump = |x: f64, y: f64, z: f64, width_deg: f64| {
        let cosine = side.dot(&Vector3::new(x, y, z).normalize()).clamp(-1.0, 1.0);
        (-(cosine.acos().to_degrees() / width_deg).powi(2)).exp()
    };
    let base = 6.2 + 0.9 * d.y * d.z + 0.7 * (-(d.x / 0.15).powi(2)).exp() * step(-0.3, 0.3, d.z);
    base - 3.3 * bump(0.97, -0.05, -0.28, 24.0) - 1.2 * bump(0.8, -0.6, -0.1, 18.0)
        + 6.5 * bump(0.1, -1.0, -0.17, 17.0)
        + 5.0 * bump(0.0, 0.95, -0.3, 16.0)
        + 1.2 * bump(0.6, 0.5, 0.62, 22.0)
        - 2.2 * step(-0.45, -0.75, d.z)
}

/// Height (mm) of the endocranial floor: anterior, middle and posterior fossa, sella, clivus, petrous ridge.
fn floor_mm(x: f64, y: f64) -> f64 {
    let anterior = -20.0 - 8.5 * (-(x / 9.0).powi(2)).exp();
    let middle = -41.0 + 11.0 * step(17.0, 8.0, x);
    let edge = -37.0 + 14.0 * (-(x / 11.0).powi(2)).exp();
    let front = anterior + (middle - anterior) * step(edge - 3.0, edge + 5.0, y);
    let ridge = 3.0 + 0.27 * x;
    let bump = 13.0 * (-((y - ridge) / 5.5).powi(2)).exp() * step(6.0, 14.0, x)
        + 6.0 * (-((y - 2.0) / 3.0).powi(2)).exp() * step(10.0, 5.0, x);
    let back = front + (-60.0 - front) * step(ridge + 1.0, ridge + 22.0, y);
    back + bump
}

fn floor_table() -> Vec<[f64; 2]> {
    let [nx, ny] = FLOOR_SIZE;
    let at = |i: usize, j: usize| {
        let (x, y) = (i as f64, j as f64 - 120.0);
        let gx = (floor_mm(x + 0.5, y) - floor_mm((x - 0.5).abs(), y)).abs();
        let gy = floor_mm(x, y + 0.5) - floor_mm(x, y - 0.5);
        [floor_mm(x, y), 1.0 / (1.0 + gx * gx + gy * gy).sqrt()]
    };
    (0..nx * ny).map(|o| at(o % nx, o / nx)).collect()
}

/// Unit direction of a table node; nodes on shared edges of the cube coincide, so the table has no seam.
fn node_direction(face: usize, row: usize, column: usize) -> Vector3<f64> {
    let (v, u) = (2.0 * row as f64 / (NODES - 1) as f64 - 1.0, 2.0 * column as f64 / (NODES - 1) as f64 - 1.0);
    let sign = if face.is_multiple_of(2) { 1.0 } else { -1.0 };
    match face / 2 {
        0 => Vector3::new(sign, u, v),
        1 => Vector3::new(u, sign, v),
        _ => Vector3::new(u, v, sign),
    }
    .normalize()
}

/// Face, row and column of a direction on the cube.
#[inline]
fn cube_position(d: &Vector3<f64>) -> (usize, f64, f64) {
    let a = d.abs();
    let (axis, u, v) = if a.x >= a.y && a.x >= a.z {
        (0, d.y / a.x, d.z / a.x)
    } else if a.y >= a.z {
        (1, d.x / a.y, d.z / a.y)
    } else {
        (2, d.x / a.z, d.y / a.z)
    };
    let scale = (NODES - 1) as f64 / 2.0;
    (2 * axis + usize::from(d[axis] < 0.0), (v + 1.0) * scale, (u + 1.0) * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer_radius(vault: &Vault, d: Vector3<f64>) -> f64 {
        let (mut low, mut high) = (20.0, 140.0);
        for _ in 0..50 {
            let middle = (low + high) / 2.0;
            if vault.at(&(d.normalize() * middle)).outer_mm < 0.0 { low = middle } else { high = middle }
        }
        low
    }

    #[test]
    fn an_adult_head_with_nearly_equal_sides() {
        for seed in 0..20 {
            let vault = Vault::new(seed);
            let at = |x, y, z| outer_radius(&vault, Vector3::new(x, y, z));
            let (length, height) = (at(0.0, -1.0, 0.0) + at(0.0, 1.0, 0.0), at(0.0, 0.0, 1.0));
            assert!((170.0..185.0).contains(&length), "length {length}");
            assert!((74.0..82.0).contains(&height), "vertex {height}");
            let width = 2.0
                * (0..60)
                    .map(|i| (i as f64).to_radians())
                    .map(|a| at(a.cos(), a.sin(), 0.2) * a.cos())
                    .fold(0.0, f64::max);
            assert!((136.0..158.0).contains(&width), "width {width}");
            for (y, z) in [(0.3, 0.2), (-0.7, 0.4), (0.5, 0.7), (0.8, -0.1)] {
                let difference = (at(0.6, y, z) - at(-0.6, y, z)).abs();
                assert!(difference <= 1.0, "left and right differ by {difference} mm");
            }
        }
    }

    #[test]
    fn distance_is_true_near_the_surface() {
        let vault = Vault::new(2);
        for d in [Vector3::new(0.4, -0.5, 0.6), Vector3::new(-0.9, 0.2, 0.1), Vector3::new(0.1, 0.9, 0.2)] {
            let p = d.normalize() * outer_radius(&vault, d);
            let gradient = Vector3::from_fn(|i, _| {
                let mut h = Vector3::zeros();
                h[i] = 0.5;
                vault.at(&(p + h)).outer_mm - vault.at(&(p - h)).outer_mm
            });
            assert!((gradient.norm() - 1.0).abs() < 0.03, "gradient {}", gradient.norm());
        }
    }
}
