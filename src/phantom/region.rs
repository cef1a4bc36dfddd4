//! The places of the vault a hole can be asked for, and the outlines it can have.

use super::Error;
use crate::geometry::Random;
use nalgebra::Vector3;

/// Regions of the vault with the direction of their middle: azimuth from the front towards the named side, and
/// elevation, both in degrees of the head frame. From labelled bones of one skull laid on the average vault.
const REGIONS: [(&str, f64, f64); 4] =
    [("frontal", 26.0, 22.0), ("parietal", 108.0, 42.0), ("temporal", 94.0, -12.0), ("occipital", 152.0, 1.0)];

/// Midline directions: azimuth 0 is the front, 180 the back.
const BILATERAL: [(&str, f64, f64); 3] = [("frontal", 0.0, 26.0), ("parietal", 180.0, 66.0), ("occipital", 180.0, 3.0)];

/// Every region name that can be cut.
pub fn region_names() -> Vec<String> {
    let sided = ["left", "right"].iter().flat_map(|side| REGIONS.iter().map(move |(r, ..)| format!("{side}-{r}")));
    sided.chain(BILATERAL.iter().map(|(r, ..)| format!("bilateral-{r}"))).collect()
}

/// Unit direction (head frame: x left, y back, z up) of the middle of a region.
pub fn region_direction(name: &str) -> Result<Vector3<f64>, Error> {
    let unknown = || Error::Region { name: name.to_owned(), known: region_names().join(", ") };
    let (side, region) = name.split_once('-').ok_or_else(unknown)?;
    let (table, sign): (&[_], _) = match side {
        "left" => (&REGIONS, 1.0),
        "right" => (&REGIONS, -1.0),
        "bilateral" => (&BILATERAL, 1.0),
        _ => return Err(unknown()),
    };
    let (_, azimuth, elevation) = table.iter().find(|(r, ..)| *r == region).ok_or_else(unknown)?;
    let (a, e) = (azimuth.to_radians() * sign, elevation.to_radians());
    Ok(Vector3::new(e.cos() * a.sin(), -e.cos() * a.cos(), e.sin()))
}

/// The outline of a hole, seen along its axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outline {
    /// Round.
    Circle,
    /// Ellipse, 1.45 times as long as wide.
    Oval,
    /// Square with rounded corners.
    Square,
    /// Rectangle, 1.6 times as long as wide, with rounded corners.
    Rectangle,
    /// Triangle of equal sides with rounded corners.
    Triangle,
    /// Trapezoid with rounded corners.
    Trapezoid,
    /// A wavy oval as a surgeon's saw leaves it; the waves come from the seed.
    Irregular,
}

impl Outline {
    /// Distance from the middle to the outline in `count` directions (equal angles, counter-clockwise), in units
    /// of its own size; the hole's area decides the size.
    pub(super) fn profile(self, random: &mut Random, count: usize) -> Vec<f64> {
        let turn = random.signed() * std::f64::consts::PI;
        let waves: [f64; 8] = std::array::from_fn(|_| random.signed());
        let angle = |i: usize| std::f64::consts::TAU * i as f64 / count as f64;
        let polygon = |corners: &[[f64; 2]]| (0..count).map(|i| ray_to_polygon(angle(i) + turn, corners)).collect();
        let ellipse =
            |a: f64, ratio: f64| 1.0 / ((a - turn).cos().powi(2) / ratio + (a - turn).sin().powi(2) * ratio).sqrt();
        let profile: Vec<f64> = match self {
            Outline::Circle => vec![1.0; count],
            Outline::Oval => (0..count).map(|i| ellipse(angle(i), 1.45)).collect(),
            Outline::Square => polygon(&[[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]),
            Outline::Rectangle => polygon(&[[1.6, 1.0], [-1.6, 1.0], [-1.6, -1.0], [1.6, -1.0]]),
            Outline::Triangle => polygon(&[[1.0, -0.577], [0.0, 1.155], [-1.0, -0.577]]),
            Outline::Trapezoid => polygon(&[[1.5, -0.8], [0.7, 0.9], [-0.7, 0.9], [-1.5, -0.8]]),
            Outline::Irregular => {
                let wave = |a: f64| {
                    (0..4)
                        .map(|k| 0.07 * waves[2 * k] * (a * (k + 2) as f64 + 3.0 * waves[2 * k + 1]).cos())
                        .sum::<f64>()
                };
                (0..count).map(|i| ellipse(angle(i), 1.2) * (1.0 + wave(angle(i)))).collect()
            }
        };
        round_corners(profile)
    }
}

/// Distance from the origin to a polygon around it along a direction.
fn ray_to_polygon(angle: f64, corners: &[[f64; 2]]) -> f64 {
    let (s, c) = angle.sin_cos();
    let mut best = f64::INFINITY;
    for i in 0..corners.len() {
        let (a, b) = (corners[i], corners[(i + 1) % corners.len()]);
        let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
        let crossing = c * ey - s * ex;
        if crossing.abs() > 1e-12 {
            let along = (a[0] * ey - a[1] * ex) / crossing;
            let on_edge = (a[0] * s - a[1] * c) / crossing;
            if along > 0.0 && (-1e-9..=1.0 + 1e-9).contains(&on_edge) {
                best = best.min(along);
            }
        }
    }
    best
}

/// A running mean over ±5°: saws do not turn on the spot.
fn round_corners(profile: Vec<f64>) -> Vec<f64> {
    let n = profile.len();
    let reach = n / 72;
    let mean =
        |i: usize| (0..=2 * reach).map(|k| profile[(i + n + k - reach) % n]).sum::<f64>() / (2 * reach + 1) as f64;
    (0..n).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_direction_on_its_side() {
        for name in region_names() {
            let d = region_direction(&name).unwrap();
            assert!((d.norm() - 1.0).abs() < 1e-12);
            let expected = if name.starts_with("left") {
                1
            } else if name.starts_with("right") {
                -1
            } else {
                0
            };
            let side = if d.x.abs() < 1e-9 { 0 } else { d.x.signum() as i32 };
            assert_eq!(side, expected, "{name}");
        }
        for name in ["left", "frontal", "left-nose", "bilateral-temporal", ""] {
            assert!(region_direction(name).is_err(), "{name}");
        }
    }

    #[test]
    fn outlines_go_once_around_the_middle() {
        use Outline::*;
        for outline in [Circle, Oval, Square, Rectangle, Triangle, Trapezoid, Irregular] {
            for seed in 0..10 {
                let profile = outline.profile(&mut crate::phantom::random::stream(seed, 9), 360);
                assert_eq!(profile.len(), 360);
                let (low, high) = profile.iter().fold((f64::MAX, 0f64), |(l, h), &v| (l.min(v), h.max(v)));
                assert!(low > 0.3 && high < 2.5 && high / low < 3.2, "{outline:?}: {low}..{high}");
            }
        }
    }
}
