use super::inject_vault::VaultMap;
use super::random::{mix, noise, stream, texture};
use crate::geometry::{Volume, distance_to_set_mm, largest_component};
use crate::skull::map::{convolve, filled, flat};
use nalgebra::{Rotation3, Vector3};

/// Width of the noise that bends a patch's outline, mm.
const BEND_MM: f64 = 13.0;
/// How strongly, as a share of the radius (two standard deviations).
const BEND: f64 = 0.35;
/// Width of the finer noise on the outline, mm.
const FINE_MM: f64 = 5.0;
/// Largest corner cylinder of a box, mm.
const CYLINDER_MM: f64 = 7.0;

/// No box goes deeper below its middle (the outer surface of a large one falls away by this), mm.
const DEEPEST_MM: f64 = 65.0;

/// What stands at a place of the vault: centre on the outer surface, axis outward, two axes across.
pub(super) struct Frame {
    centre: Vector3<f64>,
    /// Rows: across, across, outward.
    own_from_head: Rotation3<f64>,
}

impl Frame {
    pub(super) fn new(map: &VaultMap, towards: &Vector3<f64>, turn: f64) -> Self {
        let centre = towards * f64::from(map.disc.sample(&map.outer_mm, towards));
        let outward = map.normal_at(&centre);
        let seed = if outward.z.abs() < 0.9 { Vector3::z() } else { Vector3::y() };
        let (u, v) = (seed.cross(&outward).normalize(), outward.cross(&seed.cross(&outward).normalize()));
        let (s, c) = turn.sin_cos();
        let (a, b) = (u * c + v * s, v * c - u * s);
        let rows = nalgebra::Matrix3::from_rows(&[a.transpose(), b.transpose(), outward.transpose()]);
        Self { centre, own_from_head: Rotation3::from_matrix_unchecked(rows) }
    }
}

/// A body whose size is still open.
pub(super) enum Body {
    /// Walls along the outward axis, `aspect` times as long as wide, with a cylinder along each corner.
    Box { aspect: f64 },
    /// A cube turned about its middle.
    Cube { turn: Rotation3<f64> },
    /// A ball.
    Ball,
}

impl Body {
    /// Whether a place of its own frame lies in a body of a size (half width, mm).
    fn holds(&self, p: &Vector3<f64>, size_mm: f64) -> bool {
        match self {
            Body::Ball => p.norm() <= size_mm,
            Body::Cube { turn } => (turn * p).amax() <= size_mm,
            Body::Box { aspect } => {
                let half = [size_mm * aspect.sqrt(), size_mm / aspect.sqrt()];
                let across = [p.x.abs(), p.y.abs()];
                // The far side of the head lies in the walls' extension.
                if p.z < -DEEPEST_MM {
                    return false;
                }
                let corner = (across[0] - half[0]).hypot(across[1] - half[1]);
                (across[0] <= half[0] && across[1] <= half[1]) || corner <= CYLINDER_MM.min(0.3 * half[1])
            }
        }
    }
}

/// Which pixels a hole takes of the outer surface, and how its walls go on below.
pub(super) struct Opening {
    map: VaultMap,
    region: Vec<f32>,
    walls: Walls,
}

enum Walls {
    /// Signed distance to the outline on the outer surface, mm (negative within), and the tangent of the lean.
    Slanted {
        distance_mm: Vec<f32>,
        tangent: f64,
        fray_mm: f64,
        seed: u64,
    },
    Solid {
        frame: Frame,
        body: Body,
        size_mm: f64,
    },
}

impl Opening {
    /// A region of the map with leaning walls.
    pub(super) fn slanted(map: VaultMap, region: &Volume<u8>, bevel_deg: f64, fray_mm: f64, seed: u64) -> Self {
        let (inside, outside) = (distance_to_set_mm(&region.map(|v| u8::from(v == 0))), distance_to_set_mm(region));
        let unit = map.disc.pixel() as f32;
        // Between a pixel within and one without lies the outline: half a pixel off both centres.
        let distance_mm = (0..region.data.len())
            .map(|o| {
                let pixels = if region.data[o] != 0 { 0.5 - inside.data[o] } else { outside.data[o] - 0.5 };
                pixels * unit * map.outer_mm[o]
            })
            .collect();
        let walls = Walls::Slanted { distance_mm, tangent: bevel_deg.to_radians().tan(), fray_mm, seed };
        Self { region: region.data.iter().map(|&v| f32::from(v)).collect(), map, walls }
    }

    /// A body as large as takes the area; `None` when none does.
    pub(super) fn solid(map: VaultMap, frame: Frame, body: Body, area_cm2: f64) -> Option<Self> {
        let points: Vec<Option<Vector3<f64>>> = (0..map.disc.len())
            .map(|o| map.point(o).filter(|_| map.allowed[o]).map(|p| frame.own_from_head * (p - frame.centre)))
            .collect();
        let held =
            |size_mm: f64| -> Vec<bool> { points.iter().map(|p| p.is_some_and(|p| body.holds(&p, size_mm))).collect() };
        let area =
            |size_mm: f64| held(size_mm).iter().zip(&map.area_mm2).filter(|(h, _)| **h).map(|(_, a)| a).sum::<f64>();
        let (mut low, mut high) = (1.0, 110.0);
        if area(high) < area_cm2 * 100.0 {
            return None;
        }
        for _ in 0..30 {
            let middle = (low + high) / 2.0;
            if area(middle) < area_cm2 * 100.0 { low = middle } else { high = middle }
        }
        let region = held(high).iter().map(|&h| f32::from(u8::from(h))).collect();
        Some(Self { region, map, walls: Walls::Solid { frame, body, size_mm: high } })
    }

    /// Area of the outer surface it takes, cm².
    pub(super) fn area_cm2(&self) -> f64 {
        self.region.iter().zip(&self.map.area_mm2).map(|(r, a)| f64::from(*r) * a).sum::<f64>() / 100.0
    }

    /// Middle of what it takes of the outer surface, head frame, mm.
    pub(super) fn centre(&self) -> Vector3<f64> {
        let taken = (0..self.region.len()).filter(|&o| self.region[o] > 0.5).filter_map(|o| self.map.point(o));
        let middle = taken.fold(Vector3::zeros(), |sum, p| sum + p);
        let direction = middle.try_normalize(1e-9).unwrap_or_else(Vector3::z);
        direction * f64::from(self.map.disc.sample(&self.map.outer_mm, &direction))
    }

    /// Whether a point of the head (mm) is taken.
    pub(super) fn holds(&self, head: &Vector3<f64>) -> bool {
        if head.norm() < 20.0 || !self.map.covers(head) || !self.map.in_shell(head) {
            return false;
        }
        match &self.walls {
            Walls::Slanted { distance_mm, tangent, fray_mm, seed } => {
                let (foot, below) = self.map.foot(head);
                let mut wall = f64::from(self.map.disc.sample(distance_mm, &foot)) + below.max(0.0) * tangent;
                if *fray_mm > 0.0 {
                    wall += fray_mm * texture(*seed, head.x / 4.0, head.y / 4.0, head.z / 4.0);
                }
                wall <= 0.0
            }
            Walls::Solid { frame, body, size_mm } => {
                let (row, column) = self.map.disc.position(head);
                let pixel = row.round() as usize * self.map.disc.size + column.round() as usize;
                self.map.allowed[pixel] && body.holds(&(frame.own_from_head * (head - frame.centre)), *size_mm)
            }
        }
    }
}

/// An irregular region about the map's middle: an ellipse along the surface (aspect 0.7 to 1.4), bent by smooth noise,
/// of the area asked for, in one piece and without holes. `None` where the vault has not the room.
pub(super) fn patch_region(map: &VaultMap, area_cm2: f64, seed: u64) -> Option<Volume<u8>> {
    let size = map.disc.size;
    let mut random = stream(seed, 43);
    let aspect = random.between(0.7, 1.4);
    let turn = random.between(0.0, std::f64::consts::TAU);
    let radius_mm = (area_cm2 * 100.0 / std::f64::consts::PI).sqrt();
    let pixel_mm = map.disc.pixel() * f64::from(map.outer_mm[map.disc.len() / 2 + size / 2]);
    let (bend, fine) =
        (smooth_noise(seed, 1, size, BEND_MM / pixel_mm), smooth_noise(seed, 2, size, FINE_MM / pixel_mm));
    let along = arc_lengths(map);
    let (s, c) = turn.sin_cos();
    let f: Vec<f64> = (0..map.disc.len())
        .map(|o| {
            let middle = (size - 1) as f64 / 2.0;
            let (v, u) = ((o / size) as f64 - middle, (o % size) as f64 - middle);
            let flat = u.hypot(v).max(1e-9);
            let arc = along[o] / flat;
            let (x, y) = ((u * c + v * s) * arc * aspect, (v * c - u * s) * arc / aspect);
            x.hypot(y) / radius_mm * (1.0 + 0.5 * BEND * bend[o]) + 0.08 * fine[o] * (20.0 / radius_mm).min(1.0)
        })
        .collect();
    let region = |limit: f64| {
        let within = (0..f.len()).map(|o| u8::from(f[o] < limit && map.allowed[o])).collect();
        filled(&largest_component(&flat(size, within), false))
    };
    let area = |r: &Volume<u8>| r.data.iter().zip(&map.area_mm2).filter(|(v, _)| **v != 0).map(|(_, a)| a).sum::<f64>();
    let wanted = area_cm2 * 100.0;
    let (mut low, mut high) = (0.0, 3.0);
    if area(&region(high)) < wanted {
        return None;
    }
    for _ in 0..22 {
        let middle = (low + high) / 2.0;
        if area(&region(middle)) < wanted { low = middle } else { high = middle }
    }
    Some(region(high))
}

/// White noise under a Gaussian, scaled to a standard deviation of 1.
fn smooth_noise(seed: u64, stream: u64, size: usize, sigma_px: f64) -> Vec<f64> {
    let seed = mix(seed ^ mix(stream + 70));
    let white: Vec<f32> = (0..size * size).map(|o| noise(seed, o as u64) as f32).collect();
    let smooth = convolve(&white, size, sigma_px);
    let n = smooth.len() as f64;
    let mean = smooth.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let spread = (smooth.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-12);
    smooth.iter().map(|&v| (f64::from(v) - mean) / spread).collect()
}

/// Length of the way over the outer surface from the map's middle to each pixel, along great circles, mm.
fn arc_lengths(map: &VaultMap) -> Vec<f64> {
    const ANGLES: usize = 720;
    let size = map.disc.size;
    let middle = (size - 1) as f64 / 2.0;
    let steps = (middle * std::f64::consts::SQRT_2).ceil() as usize + 2;
    let rows: Vec<Vec<f64>> = (0..ANGLES)
        .map(|k| {
            let (s, c) = (std::f64::consts::TAU * k as f64 / ANGLES as f64).sin_cos();
            let point = |step: usize| {
                let (row, column) = (middle + s * step as f64, middle + c * step as f64);
                let radius = f64::from(map.disc.sample_at(&map.outer_mm, row, column));
                map.disc.direction(row, column).map(|d| d * radius)
            };
            let mut sum = 0.0;
            let mut lengths = vec![0.0];
            for step in 1..steps {
                sum += match (point(step - 1), point(step)) {
                    (Some(a), Some(b)) => (b - a).norm(),
                    _ => f64::from(map.outer_mm[0]) * map.disc.pixel(),
                };
                lengths.push(sum);
            }
            lengths
        })
        .collect();
    (0..map.disc.len())
        .map(|o| {
            let (v, u) = ((o / size) as f64 - middle, (o % size) as f64 - middle);
            let angle = v.atan2(u).rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU * ANGLES as f64;
            let (k, r) = (angle as usize % ANGLES, u.hypot(v));
            let (part, step) = (angle.fract(), r as usize);
            let at = |k: usize| rows[k][step] + (rows[k][step + 1] - rows[k][step]) * r.fract();
            at(k) + (at((k + 1) % ANGLES) - at(k)) * part
        })
        .collect()
}
