//! Holes that go on where the scan ends: of these only a part is seen.

use super::Defect;
use crate::scan::Finding;
use crate::skull::Skull;
use nalgebra::{Point3, Vector3};

/// This far beyond the rim, along the surface, the scan must hold the bone beside the hole, mm.
const BESIDE_MM: f64 = 4.0;
/// More of the rim than this at the scan's end is worth a word.
const MUCH: f64 = 0.03;

/// A word for each hole that the scan's end cuts through.
pub(super) fn findings(skull: &Skull, defects: &[Defect]) -> Vec<Finding> {
    let word = |defect: &Defect| {
        let share = share_at_end(skull, defect);
        (share > MUCH).then(|| {
            Finding::new(format!(
                "The {} hole goes on beyond the scan: {:.0} % of its rim lie where the scan ends. Its size is that of what is \
                 seen, and completed bone and part end there; take a scan that holds the whole hole.",
                defect.region,
                100.0 * share
            ))
        })
    };
    defects.iter().filter_map(word).collect()
}

/// Share of the rim beside which the scan ends. A head that lies against the end of its scan with a whole hole has none:
/// beside its rim the surface bends away from the end.
fn share_at_end(skull: &Skull, defect: &Defect) -> f64 {
    let rim: Vec<Point3<f64>> = defect.rim_mm.iter().map(|&p| p.into()).collect();
    let ends = |i: usize| {
        let (before, here, after) = (rim[(i + rim.len() - 1) % rim.len()], rim[i], rim[(i + 1) % rim.len()]);
        let up = here - skull.frame.centre_mm;
        let Some(across) = (after - before).cross(&up).try_normalize(1e-9) else { return false };
        let inwards = |by: &Vector3<f64>| {
            let head = skull.frame.head_from_point(&(here + by));
            head.try_normalize(1e-9).is_some_and(|d| defect.patch.holds(&d))
        };
        // The rim is rounded: a hole's corner is looked for on both sides.
        let beside = if inwards(&across) { -across } else { across };
        !skull.scanned(&(here + beside * BESIDE_MM), 0.0)
    };
    (0..rim.len()).filter(|&i| ends(i)).count() as f64 / rim.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Grid, Volume};
    use crate::reconstruct::test_head::TestHead;
    use std::sync::Arc;

    /// A sphere of 85 mm with a hole of 20° half width, and a scan that ends `end_mm` left of its middle and `above_mm`
    /// over it.
    fn skull(end_mm: f64, above_mm: f64) -> (Skull, Defect) {
        let head = TestHead { outer: |_| 85.0, inner: |_| 79.0, towards: Vector3::new(0.0, 0.0, 1.0), half_deg: 20.0 };
        let frame = TestHead::frame();
        let axes = frame.head_from_lps.transpose();
        let (low, high) = (Vector3::new(-100.0, -100.0, 0.0), Vector3::new(end_mm, 100.0, 85.0 + above_mm));
        let size = std::array::from_fn(|k| (high[k] - low[k]).round() as usize + 1);
        let grid = Grid::new(size, [1.0; 3], frame.point_from_head(&low), axes).expect("a grid");
        let mut defect = head.defect();
        let rim = |i: usize| {
            let (turn, half) = ((i as f64).to_radians(), head.half_deg.to_radians());
            let direction = Vector3::new(turn.cos() * half.sin(), turn.sin() * half.sin(), half.cos());
            frame.point_from_head(&(direction * 85.0)).into()
        };
        defect.rim_mm = (0..360).map(rim).collect();
        let skull = Skull { intensity: Arc::new(Volume::filled(grid, 0)), ..head.skull(4.0) };
        (skull, defect)
    }

    #[test]
    fn a_hole_at_the_scan_s_end_is_told_and_one_that_touches_it_from_within_is_not() {
        // The rim's circle has a radius of 85 sin 20° = 29.1 mm; 4 mm beside it lie at 32.8 mm where the surface bends.
        let (whole, defect) = skull(90.0, 5.0);
        assert!(findings(&whole, std::slice::from_ref(&defect)).is_empty());
        // The scan ends at the hole's outermost surface: nothing of the bone beside it is missing.
        let (tight, defect) = skull(90.0, -2.0);
        assert!(findings(&tight, std::slice::from_ref(&defect)).is_empty());
        let (cut, defect) = skull(20.0, 5.0);
        let share = share_at_end(&cut, &defect);
        // Points 4 mm outside lie at 32.9 mm times the cosine of the turn: beyond 20 mm over acos(20 / 32.9) of half a turn.
        let expected = (20.0_f64 / 32.9).acos().to_degrees() / 180.0;
        assert!((share - expected).abs() < 0.01, "{share} {expected}");
        let [told] = findings(&cut, &[defect]).try_into().expect("one finding");
        assert!(told.message.contains("left-parietal") && told.message.contains("29 %"), "{}", told.message);
    }
}
