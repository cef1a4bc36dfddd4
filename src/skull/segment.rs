//! Bone, its pieces, and which of them are the skull.

use super::find::{Head, find_head};
use super::mean_vault::MeanVault;
use super::occupancy::{FULL, bounds, occupancy};
use super::pose::Pose;
use super::{Error, Params, Skull};
use crate::geometry::{Components, Progress, Volume, label_components};
use crate::scan::{Finding, Scan, Voxels};
use nalgebra::Vector3;
use std::sync::Arc;

/// Less bone than this is no head, cm³ (a whole skull has 500 and more, a few slices of one 40).
const LEAST_BONE_CM3: f64 = 25.0;
/// A skull's shortest horizontal extent, mm.
const LEAST_EXTENT_MM: f64 = 90.0;
/// A mask's value of bone and its level, in `Skull::intensity`.
const MASK_BONE: i16 = 1000;
const MASK_ISO: f32 = 500.0;
/// What dropped voxels are pressed to: water, far below any threshold.
const PRESSED: i16 = 0;
/// With less of the vault within the scan the user is told.
const LEAST_SCANNED: f64 = 0.97;
/// A head this much smaller or larger than the mean one, geometric mean of the axes, is none like the atlas': three
/// deviations of 69 adults (3.8 %; the smallest is 8 % smaller, the largest 9 % larger).
const STRANGE_SIZE: f64 = 1.12;
/// A head this much longer or shorter along one axis than along the two others is found in a wrong pose or on wrong
/// slices: four deviations of 69 adults (4 %). Of 250 skulls, cut and defective ones, the most was 1.145.
const STRANGE_LENGTH: f64 = 1.18;
/// Cosine of the angle from which on a head is turned or tilted farther than people lie (75°).
const LYING: f64 = 0.26;
/// Loose pieces smaller than this are not worth a word, cm³.
const NAMED_CM3: f64 = 0.05;

/// See [`super::segment`].
pub(super) fn segment(scan: &Scan, params: &Params, progress: &Progress) -> Result<Skull, Error> {
    progress.report(0.0, "Finding bone")?;
    let (values, iso) = match &scan.voxels {
        Voxels::Hu(volume) => (volume.clone(), params.threshold_hu as f32),
        Voxels::Mask(mask) => (mask.map(|v| if v != 0 { MASK_BONE } else { 0 }), MASK_ISO),
    };
    let bone = values.map(|v| u8::from(f32::from(v) >= iso));
    let cm3 = values.grid.voxel_mm3() / 1000.0;
    let found_cm3 = bone.data.iter().map(|&v| u64::from(v)).sum::<u64>() as f64 * cm3;
    if found_cm3 < LEAST_BONE_CM3 {
        return Err(match scan.voxels {
            Voxels::Hu(_) => Error::NoBone { found_cm3, threshold_hu: params.threshold_hu },
            Voxels::Mask(_) => Error::SmallMask { found_cm3 },
        });
    }
    check_extent(&bone)?;
    progress.report(0.15, "Sorting out what is not skull")?;
    let pieces = label_components(&bone, false);
    drop(bone);
    let mut keep = vec![false; pieces.sizes.len() + 1];
    keep[largest(&pieces.sizes)] = true;
    let mut intensity = pressed(&values, &pieces, &keep);
    progress.report(0.45, "Finding the head's axes")?;
    let mean = MeanVault::in_use();
    let is_mask = matches!(scan.voxels, Voxels::Mask(_));
    let smooth = |intensity: &Volume<i16>| {
        if is_mask { occupancy(&intensity.map(|v| u8::from(f32::from(v) >= MASK_ISO))) } else { None }
    };
    let mut soft = smooth(&intensity);
    let head = match &soft {
        Some(shares) => find_head(shares, f32::from(FULL) / 2.0, &values.grid, mean),
        None => find_head(&intensity, iso, &values.grid, mean),
    };
    let head = head.ok_or_else(|| Error::NotAHead("no bone surface was met around its middle".to_owned()))?;
    check_head(&head)?;
    progress.report(0.9, "Looking at loose pieces")?;
    let flaps = loose_vault_pieces(&pieces, &keep, &head, mean);
    if !flaps.is_empty() {
        flaps.iter().for_each(|&label| keep[label] = true);
        intensity = pressed(&values, &pieces, &keep);
        soft = smooth(&intensity);
    }
    let pieces = about_pieces(&pieces.sizes, &keep, flaps.len(), cm3);
    progress.report(1.0, "Skull found")?;
    Ok(Skull {
        intensity: Arc::new(intensity),
        smooth: soft.map(Arc::new),
        iso,
        frame: head.fit.pose.frame(),
        scales: head.fit.pose.scales,
        inlier_share: head.fit.inlier_share,
        residual_mm: head.fit.residual_mm,
        pieces,
        findings: doubts(&head),
    })
}

/// What to say of a head that is drawn out or pressed along one of its axes, `None` of a usual one.
fn stretched(scales: &Vector3<f64>) -> Option<String> {
    let logs = scales.map(f64::ln);
    // How much longer the head is along each axis than along the two others.
    let longer = logs.map(|log| (logs.sum() - log) / 2.0 - log);
    let axis = longer.abs().imax();
    if longer[axis].abs() < STRANGE_LENGTH.ln() {
        return None;
    }
    let what = ["wide", "long", "high"][axis];
    Some(format!(
        "The head is found {:.2} times as {what} against its other axes as the adults of the atlas: its axes are unsure, or \
         the voxels' size is wrong; check the midsagittal plane and the distance of the slices.",
        longer[axis].exp()
    ))
}

/// What to say of a head that does not lie in the scan as the scan's axes say, `None` where it does: people tilt and
/// turn their heads, but no scanner sees the vertex below or the face where the occiput should be.
fn lying(pose: &Pose) -> Option<String> {
    let lps = |head_axis: Vector3<f64>| pose.rotation.tr_mul(&head_axis);
    let (vertex, face) = (lps(Vector3::z()), lps(-Vector3::y()));
    if vertex.z > LYING && face.y < -LYING {
        return None;
    }
    Some(format!(
        "The head does not lie as the scan's axes say: its vertex points to {}, its face to {}. If the axes are wrong, \
         left and right may be exchanged as well; check the sides with the source before a part is made.",
        side(&vertex),
        side(&face)
    ))
}

/// The LPS axis a direction is nearest to, in words.
fn side(lps: &Vector3<f64>) -> &'static str {
    let words = [["the right", "the left"], ["anterior", "posterior"], ["inferior", "superior"]];
    let axis = lps.abs().imax();
    words[axis][usize::from(lps[axis] > 0.0)]
}

/// Number (from 1) of the largest piece, the first of equal ones.
fn largest(sizes: &[usize]) -> usize {
    sizes.iter().enumerate().max_by_key(|&(i, &n)| (n, usize::MAX - i)).map_or(0, |(i, _)| i + 1)
}

fn check_extent(bone: &Volume<u8>) -> Result<(), Error> {
    let Some((low, high)) = bounds(bone) else { return Ok(()) };
    let mut extent: [f64; 3] = std::array::from_fn(|a| (high[a] - low[a]) as f64 * bone.grid.spacing_mm[a]);
    extent.sort_by(f64::total_cmp);
    if extent[1] < LEAST_EXTENT_MM {
        let [a, b, c] = extent;
        return Err(Error::NotAHead(format!("its bone spans only {a:.0} × {b:.0} × {c:.0} mm; choose a head CT")));
    }
    Ok(())
}

/// Refuses what the mean vault does not fit: an inlier share of chance, or a closed vault nowhere.
fn check_head(head: &Head) -> Result<(), Error> {
    let Head { fit, covered, .. } = head;
    if fit.inlier_share < 0.5 || *covered < 0.35 || fit.residual_mm > 2.5 {
        return Err(Error::NotAHead(format!(
            "only {:.0} % of its bone surface fits a skull, and {:.0} % of a vault is there; choose a head CT, and check \
             its voxel size",
            fit.inlier_share * 100.0,
            covered * 100.0
        )));
    }
    Ok(())
}

/// The voxels with every piece that is not kept pressed to water, and the partial-volume halo around them too.
fn pressed(values: &Volume<i16>, pieces: &Components, keep: &[bool]) -> Volume<i16> {
    let mut out = values.clone();
    let size = values.grid.size;
    let labels = &pieces.labels.data;
    let kept = |o: usize| keep[labels[o] as usize];
    let strides = [1, size[0], size[0] * size[1]];
    for (o, &label) in labels.iter().enumerate() {
        if label == 0 || keep[label as usize] {
            continue;
        }
        out.data[o] = out.data[o].min(PRESSED);
        let p = values.grid.index(o);
        let range = |a: usize| p[a].saturating_sub(1)..=(p[a] + 1).min(size[a] - 1);
        for z in range(2) {
            for y in range(1) {
                for x in range(0) {
                    let q = values.grid.offset(x, y, z);
                    let at = [x, y, z];
                    // The skull's own halo stays: its surface is drawn from it.
                    let beside_skull = (0..3)
                        .any(|a| (at[a] > 0 && kept(q - strides[a])) || (at[a] + 1 < size[a] && kept(q + strides[a])));
                    if labels[q] == 0 && !beside_skull {
                        out.data[q] = out.data[q].min(PRESSED);
                    }
                }
            }
        }
    }
    out
}

/// Loose pieces of at least 0.3 cm³ that lie in the vault's shell: a replaced bone flap, a fragment.
fn loose_vault_pieces(pieces: &Components, keep: &[bool], head: &Head, mean: &MeanVault) -> Vec<usize> {
    let grid = &pieces.labels.grid;
    let least = (300.0 / grid.voxel_mm3()) as usize;
    let mut inside = vec![0usize; keep.len()];
    let matrix = grid.lps_from_index_matrix();
    for (o, &label) in pieces.labels.data.iter().enumerate() {
        let label = label as usize;
        if label == 0 || keep[label] || pieces.sizes[label - 1] < least {
            continue;
        }
        let [x, y, z] = grid.index(o);
        let lps = grid.origin_mm + matrix * Vector3::new(x as f64, y as f64, z as f64);
        let y = head.fit.pose.mean_from_lps(&lps);
        let depth = mean.outer_at(&y) - y.norm();
        inside[label] += usize::from((-3.0..14.0).contains(&depth) && mean.in_vault(&y));
    }
    (1..keep.len())
        .filter(|&l| !keep[l] && inside[l] as f64 > 0.8 * pieces.sizes[l - 1] as f64 && inside[l] > 0)
        .collect()
}

/// What became of loose pieces: a word on nearly every scan, and no doubt of what is found.
fn about_pieces(sizes: &[usize], keep: &[bool], flaps: usize, cm3: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |message: String| findings.push(Finding { message });
    let dropped: Vec<f64> =
        (1..keep.len()).filter(|&l| !keep[l]).map(|l| sizes[l - 1] as f64 * cm3).filter(|&v| v >= NAMED_CM3).collect();
    if !dropped.is_empty() {
        let (total, most) = (dropped.iter().sum::<f64>(), dropped.iter().copied().fold(0.0, f64::max));
        say(format!(
            "{} left out: {total:.1} cm³ together, the largest {most:.1} cm³ (head rest, jaw, vertebrae, fragments).",
            match dropped.len() {
                1 => "1 loose piece, not joined to the skull, was".to_owned(),
                n => format!("{n} loose pieces, not joined to the skull, were"),
            },
        ));
    }
    if flaps > 0 {
        say(format!(
            "{flaps} loose {} in the vault and kept as bone (a replaced bone flap or a fragment).",
            if flaps == 1 { "piece lies" } else { "pieces lie" }
        ));
    }
    findings
}

/// What makes the head's axes, its likeness to the atlas or the view of its vault unsure.
fn doubts(head: &Head) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |message: String| findings.push(Finding { message });
    if head.fit.inlier_share < 0.75 {
        say(format!(
            "The head's axes are unsure: only {:.0} % of the bone surface fits the mean vault; check the midsagittal plane.",
            head.fit.inlier_share * 100.0
        ));
    }
    if let Some(deg) = head.rival_deg {
        say(format!(
            "The head's axes are unsure: another pose, turned by {deg:.0}°, fits nearly as well; check the midsagittal plane."
        ));
    }
    if let Some(message) = lying(&head.fit.pose) {
        say(message);
    }
    let size = head.fit.pose.scales.product().cbrt();
    if (size.ln()).abs() > STRANGE_SIZE.ln() {
        let (by, what) = if size > 1.0 { (1.0 - 1.0 / size, "smaller") } else { (1.0 / size - 1.0, "larger") };
        say(format!(
            "The head is {:.0} % {what} than the adults of the atlas (a child's, or the wrong voxel size?): their shape and \
             thickness may not be its own; check the completed bone against the rim and the other side.",
            by * 100.0
        ));
    }
    if let Some(message) = stretched(&head.fit.pose.scales) {
        say(message);
    }
    if head.scanned < LEAST_SCANNED {
        say(format!(
            "{:.0} % of the vault lie beyond the scan; a defect that reaches there is seen only in part.",
            (1.0 - head.scanned) * 100.0
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point3, Rotation3};

    #[test]
    fn a_head_that_lies_is_told_and_a_tilted_one_is_not() {
        let turned = |axis: Vector3<f64>, deg: f64| {
            let rotation = Rotation3::new(axis * deg.to_radians()).into_inner();
            lying(&Pose { rotation, ..Pose::at(Point3::origin()) })
        };
        assert_eq!(turned(Vector3::x(), 60.0), None);
        assert_eq!(turned(Vector3::z(), -60.0), None);
        let upside_down = turned(Vector3::x(), 180.0).expect("told");
        assert!(upside_down.contains("vertex points to inferior, its face to posterior"), "{upside_down}");
        let on_an_ear = turned(Vector3::y(), 90.0).expect("told");
        assert!(on_an_ear.contains("vertex points to the right, its face to anterior"), "{on_an_ear}");
        assert!(turned(Vector3::z(), 180.0).is_some_and(|m| m.contains("face to posterior")));
    }

    #[test]
    fn a_stretched_head_is_told_and_a_merely_large_one_is_not() {
        assert_eq!(stretched(&Vector3::new(0.75, 0.74, 0.76)), None);
        assert_eq!(stretched(&Vector3::new(0.95, 1.05, 1.0)), None);
        let high = stretched(&Vector3::new(1.0, 1.0, 0.7)).expect("told");
        assert!(high.contains("1.43 times as high"), "{high}");
        let narrow = stretched(&Vector3::new(1.25, 1.0, 1.0)).expect("told");
        assert!(narrow.contains("0.80 times as wide"), "{narrow}");
    }
}
