//! What an input has that the methods were not made for: noise, and holes that reach where no vault is.

use super::rim::sheet_of;
use crate::defect::Patch;
use crate::scan::Finding;

/// Bone between these distances of the hole is looked at, mm.
const BESIDE_MM: std::ops::Range<f32> = 4.0..20.0;
/// Shape is what is left after smoothing by this, mm; the rest is texture and noise.
const SHAPE_MM: f64 = 2.5;
/// This near to where no vault is expected, mm, a rim is not a vault's.
const OFF_VAULT_MM: f32 = 4.0;

/// Rougher bone than this is worth a word, mm. Around 240 holes in SkullFix heads it is 0.06 to 0.17 mm but for three, in
/// slices of 2 to 3 mm 0.14 to 0.36.
const ROUGH_MM: f64 = 0.2;
/// Share of the border off the vault that is worth a word.
const MUCH_OFF: f64 = 0.1;

/// What the user should know of the input at a hole.
pub(super) fn findings(patch: &Patch) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(rough_mm) = roughness_mm(patch).filter(|&mm| mm > ROUGH_MM) {
        findings.push(Finding::new(format!(
            "The bone around the hole is rough by {rough_mm:.2} mm (noise, thick slices, or a threshold that cuts into it): \
             rim and walls are seen less well than in the heads that the methods were made with; look at them on the slices."
        )));
    }
    let off = share_off_vault(patch);
    if off > MUCH_OFF {
        findings.push(Finding::new(format!(
            "{:.0} % of the hole's border lies where no closed vault is expected (orbit, brow, lower edge of the temple, base): \
             there the completed bone is least sure, and orbit and cheek-bone it does not complete; look at it on the slices.",
            100.0 * off
        )));
    }
    findings
}

/// Mean distance of the outer table's rays to its own shape beside the hole, mm; `None` where there is no bone.
fn roughness_mm(patch: &Patch) -> Option<f64> {
    let sheet = sheet_of(patch);
    let to_hole = sheet.distance_mm(&patch.hole);
    let known: Vec<bool> = (0..patch.hole.len())
        .map(|i| patch.vault[i] && patch.outer_mm[i].is_finite() && to_hole[i] >= BESIDE_MM.start)
        .collect();
    let shape = sheet.smooth_where(&patch.outer_mm, &known, SHAPE_MM);
    let off: Vec<f64> = (0..known.len())
        .filter(|&i| known[i] && BESIDE_MM.contains(&to_hole[i]))
        .map(|i| f64::from((patch.outer_mm[i] - shape[i]).abs()))
        .collect();
    (!off.is_empty()).then(|| off.iter().sum::<f64>() / off.len() as f64)
}

/// Share of the hole's border that lies where the atlas expects no vault (orbit, face, base).
fn share_off_vault(patch: &Patch) -> f64 {
    let sheet = sheet_of(patch);
    let outside: Vec<bool> = patch.hole.iter().map(|h| !h).collect();
    let off: Vec<bool> = patch.vault.iter().map(|v| !v).collect();
    let (to_rim, to_off) = (sheet.distance_mm(&outside), sheet.distance_mm(&off));
    let border: Vec<usize> = (0..off.len()).filter(|&i| patch.hole[i] && to_rim[i] <= 1.0).collect();
    border.iter().filter(|&&i| to_off[i] <= OFF_VAULT_MM).count() as f64 / border.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Disc, Random};
    use nalgebra::Vector3;

    /// A sphere of 85 mm with a round hole; `rough_mm` of noise on its rays, no vault beyond `vault_to_mm` to one side.
    fn patch(rough_mm: f64, vault_to_mm: f64) -> Patch {
        let disc = Disc::about(&Vector3::z(), 161, 0.6);
        let mut random = Random::new(4, 4);
        let at: Vec<Vector3<f64>> = (0..disc.len())
            .map(|o| disc.direction((o / 161) as f64, (o % 161) as f64).unwrap_or(-Vector3::z()))
            .collect();
        let hole: Vec<bool> = at.iter().map(|d| d.z.acos() * 85.0 < 20.0).collect();
        let ray = |open: &bool| if *open { f32::NAN } else { (85.0 + rough_mm * random.normal()) as f32 };
        let outer_mm: Vec<f32> = hole.iter().map(ray).collect();
        let inner_mm = outer_mm.iter().map(|o| o - 6.0).collect();
        let vault = at.iter().map(|d| d.x.asin() * 85.0 < vault_to_mm).collect();
        Patch { disc, hole, inner_mm, outer_mm, vault }
    }

    #[test]
    fn a_smooth_vault_calls_for_no_word_and_noise_and_a_missing_vault_for_one_each() {
        assert!(findings(&patch(0.0, 90.0)).is_empty());
        let rough_mm = roughness_mm(&patch(0.4, 90.0)).expect("bone");
        assert!((rough_mm - 0.4 * 0.8).abs() < 0.04, "{rough_mm}");
        let [rough] = findings(&patch(0.4, 90.0)).try_into().expect("one finding");
        assert!(rough.message.contains("rough by 0.3"), "{}", rough.message);
        // The border of a hole of 20 mm lies beyond 12 − 4 mm of its middle over 2·acos(8 / 20) of the turn: 37 %.
        let share = share_off_vault(&patch(0.0, 12.0));
        assert!((share - 0.37).abs() < 0.03, "{share}");
        let [off] = findings(&patch(0.0, 12.0)).try_into().expect("one finding");
        assert!(off.message.contains("border lies where no closed vault"), "{}", off.message);
    }
}
