//! Random openings on the networks' map: smooth, frayed, posterior boxes, round burr holes.

use crate::geometry::Disc;
use crate::geometry::Random;
use crate::network::expected;
use nalgebra::Vector3;

/// An outline about a direction: its radius as a function of the angle, and how its walls lean.
pub(super) struct Hole {
    disc: Disc,
    /// Radius on the hole's own map at even angles.
    radius: Vec<f64>,
    /// mm a unit of the map.
    unit_mm: f64,
    /// Tangent of the walls' lean; positive walls narrow inwards.
    pub lean: f64,
}

/// Angles at which an outline is kept.
const ANGLES: usize = 256;

impl Hole {
    /// An irregular opening of an area, elastically bent.
    pub fn irregular(random: &mut Random, towards: &Vector3<f64>, area_cm2: f64) -> Self {
        let aspect = random.between(0.6, 1.6);
        let mut waves = Vec::new();
        for k in 1..=24 {
            // Long waves bend the outline by about a third, short ones fray it.
            let strength = if k <= 5 { 0.16 / f64::from(k).sqrt() } else { 0.12 / f64::from(k) };
            waves.push((f64::from(k), random.normal() * strength, random.between(0.0, std::f64::consts::TAU)));
        }
        let turn = random.between(0.0, std::f64::consts::TAU);
        Self::new(random, towards, area_cm2, |angle| {
            let (s, c) = (angle - turn).sin_cos();
            let ellipse = 1.0 / ((c / aspect).powi(2) + (s * aspect).powi(2)).sqrt();
            let bent: f64 = waves.iter().map(|(k, by, phase)| by * (k * angle + phase).cos()).sum();
            ellipse * bent.exp().clamp(0.35, 2.5)
        })
    }

    /// A rounded box.
    pub fn boxed(random: &mut Random, towards: &Vector3<f64>, area_cm2: f64) -> Self {
        let (aspect, power) = (random.between(0.7, 1.4), random.between(3.0, 9.0));
        let turn = random.between(0.0, std::f64::consts::TAU);
        Self::new(random, towards, area_cm2, |angle| {
            let (s, c) = (angle - turn).sin_cos();
            ((c / aspect).abs().powf(power) + (s * aspect).abs().powf(power)).powf(-1.0 / power)
        })
    }

    /// A burr hole.
    pub fn round(random: &mut Random, towards: &Vector3<f64>, radius_mm: f64) -> Self {
        Self::new(random, towards, std::f64::consts::PI * radius_mm * radius_mm / 100.0, |_| 1.0)
    }

    fn new(random: &mut Random, towards: &Vector3<f64>, area_cm2: f64, radius: impl Fn(f64) -> f64) -> Self {
        let unit_mm = f64::from(expected().disc.sample(&expected().outer_mm, towards));
        let mut radius: Vec<f64> =
            (0..ANGLES).map(|i| radius(i as f64 / ANGLES as f64 * std::f64::consts::TAU)).collect();
        // The map keeps areas: ½ ∫ r² dφ.
        let area = radius.iter().map(|r| r * r).sum::<f64>() * std::f64::consts::PI / ANGLES as f64;
        let wanted = area_cm2 * 100.0 / (unit_mm * unit_mm);
        radius.iter_mut().for_each(|r| *r *= (wanted / area).sqrt());
        let lean = random.between(-20.0, 35.0).to_radians().tan();
        Self { disc: Disc::about(towards, 3, 1.0), radius, unit_mm, lean }
    }

    /// About the distance of a direction to the outline, mm, negative within.
    pub fn distance_mm(&self, direction: &Vector3<f64>) -> f64 {
        // A disc of three pixels and half width 1: a pixel is a unit of the map.
        let (row, column) = self.disc.position(direction);
        let (v, u) = (row - 1.0, column - 1.0);
        let at = v.atan2(u).rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU * ANGLES as f64;
        let (i, t) = (at as usize % ANGLES, at.fract());
        let (a, b) = (self.radius[i], self.radius[(i + 1) % ANGLES]);
        let outline = a + (b - a) * t;
        // Across the outline, not along the radius.
        let slope = (b - a) * ANGLES as f64 / std::f64::consts::TAU / outline.max(1e-9);
        (u.hypot(v) - outline) * self.unit_mm / (1.0 + slope * slope).sqrt()
    }
}

/// Share of posterior boxes over the midline, as SkullFix cut them, and their areas, cm².
const BOXES: f64 = 0.25;
const BOX_CM2: std::ops::Range<f64> = 35.0..120.0;

/// In a share of the draws a posterior box.
pub(super) fn posterior_box(random: &mut Random) -> Option<Hole> {
    random.chance(BOXES).then(|| {
        let towards = Vector3::new(0.25 * random.normal(), random.between(0.3, 1.0), random.between(0.1, 1.0));
        let area_cm2 = random.between(BOX_CM2.start, BOX_CM2.end);
        Hole::boxed(random, &towards.normalize(), area_cm2)
    })
}

/// A direction of the mean frame evenly drawn where a hole may be.
pub(super) fn anywhere(random: &mut Random) -> Vector3<f64> {
    let expected = expected();
    loop {
        let z = random.between(-0.75, 1.0);
        let turn = random.between(0.0, std::f64::consts::TAU);
        let side = (1.0 - z * z).sqrt();
        let direction = Vector3::new(side * turn.cos(), side * turn.sin(), z);
        let (row, column) = expected.disc.position(&direction);
        let inside = |v: f64| v >= 0.0 && v.round() < expected.size() as f64;
        if inside(row)
            && inside(column)
            && expected.closed[row.round() as usize * expected.size() + column.round() as usize] > 0.5
        {
            return direction;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_holds_its_area() {
        let expected = expected();
        for (seed, area_cm2) in [(1, 8.0), (2, 60.0), (3, 150.0)] {
            let mut random = Random::new(seed, 0);
            let hole = Hole::irregular(&mut random, &Vector3::z(), area_cm2);
            let r = f64::from(expected.disc.sample(&expected.outer_mm, &Vector3::z()));
            let inside = (0..expected.disc.len())
                .filter_map(|o| expected.directions[o])
                .filter(|d| hole.distance_mm(d) < 0.0)
                .count() as f64;
            let found = inside * expected.disc.pixel_sr() * r * r / 100.0;
            assert!((found / area_cm2 - 1.0).abs() < 0.08, "{found} {area_cm2}");
        }
        let burr = Hole::round(&mut Random::new(4, 0), &Vector3::z(), 7.0);
        assert!((burr.distance_mm(&Vector3::z()) + 7.0).abs() < 0.05);
        // Its own pixel is closed by more than half; the finer map may differ at the border.
        let closed = (0..100).filter(|i| MeanVault::in_use().is_closed(&anywhere(&mut Random::new(9, *i)))).count();
        assert!(closed > 90, "{closed}");
    }

    use crate::skull::MeanVault;
}
