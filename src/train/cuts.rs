//! Holes cut into whole heads and completed by the program itself, the head left out of the atlas: training samples that
//! are what the program will see.

use super::holes::{Hole, anywhere, posterior_box};
use crate::defect::{self, CutHead, Table};
use crate::geometry::{Cancelled, Progress, Random};
use crate::network::map::{MapStart, Residual};
use crate::reconstruct::{self, Completion, CutAnswer};
use crate::skull::{self, Skull};
use nalgebra::Vector3;

/// A hole in a whole head: what the program sees of it, what it makes of it, and the truth.
pub(crate) struct Cut {
    /// The whole skull in the pose in which it is found without the missing bone.
    pub skull: Skull,
    /// The hole and its surroundings, and the whole head's rays on the same map.
    pub head: CutHead,
    /// The field's answer, this head left out of the atlas.
    pub completion: Completion,
    /// What the map network is shown of it; `None` where too little bone is left for the field.
    pub start: Option<MapStart>,
    /// The whole head on the network's sheet, NaN where it has no bone of the vault.
    pub truth: Residual,
}

impl Cut {
    /// Whether the bone at a place of the mean frame, mm, is what was taken: between the whole head's tables, and not
    /// between those that are left.
    pub fn takes(&self, place: &Vector3<f64>) -> bool {
        let head = place.component_div(&self.skull.scales);
        let Some(pixel) = self.head.patch.disc.nearest(&head) else { return false };
        let radius = head.norm() as f32;
        let within = |inner: f32, outer: f32, margin: f32| radius >= inner - margin && radius <= outer + margin;
        let CutHead { patch, inner_mm, outer_mm } = &self.head;
        let (inner, outer) = (patch.inner_mm[pixel], patch.outer_mm[pixel]);
        let untouched = inner == inner_mm[pixel] && outer == outer_mm[pixel];
        !untouched && within(inner_mm[pixel], outer_mm[pixel], BESIDE_MM) && !within(inner, outer, 0.0)
    }
}

/// Bone this near to a taken table goes with it, mm.
const BESIDE_MM: f32 = 1.5;
/// Rays are this far apart, mm: the program's are half as far, and take four times as long.
const PIXEL_MM: f64 = 1.0;
/// Areas of the holes, cm²; evenly drawn in their root, so that the large ones, which are hard, are many.
const AREA_CM2: std::ops::Range<f64> = 3.0..250.0;
/// Thinner remains of bone are lost, mm.
const LEAST_MM: f64 = 0.4;
/// Walls steeper than this (tangent of their lean) are no slopes to speak of.
const UPRIGHT: f64 = 0.01;

/// Names the streams of a head's cuts.
const CUTS: u64 = 0x3A9_0002;

/// What `make` makes of `count` holes cut into a head; fewer where twice as many tries do not give them.
pub(super) fn each_cut<T>(
    skull: &Skull,
    count: usize,
    seed: u64,
    progress: &Progress,
    mut make: impl FnMut(Cut, &mut Random) -> Option<T>,
) -> Result<Vec<T>, Cancelled> {
    // Every head its own holes, whatever it is called.
    let seed = seed ^ CUTS ^ skull.scales.x.to_bits() ^ skull.scales.y.to_bits().rotate_left(17);
    let mut made = Vec::new();
    for number in 0..2 * count as u64 {
        if made.len() == count {
            break;
        }
        let part = progress.part(made.len() as f32 / count as f32, (made.len() + 1) as f32 / count as f32);
        let mut random = Random::new(seed, number);
        if let Some(cut) = cut(skull, &mut random, &part)? {
            made.extend(make(cut, &mut random));
        }
    }
    Ok(made)
}

/// Cuts one hole, drawn from `random`, and completes it. `None` where the search finds no hole or the method no rim.
pub(crate) fn cut(skull: &Skull, random: &mut Random, progress: &Progress) -> Result<Option<Cut>, Cancelled> {
    let own = reconstruct::own_heads(skull);
    let hole = outline(random);
    cut_along(skull, &hole, &own, progress)
}

/// What a saw leaves of a ray of the head.
pub(super) type Left<'a> = dyn Fn(&Vector3<f64>, Table) -> Table + 'a;

/// Cuts a hole along an outline drawn on the whole head, and completes it.
fn cut_along(whole: &Skull, hole: &Hole, own: &[usize], progress: &Progress) -> Result<Option<Cut>, Cancelled> {
    progress.report(0.0, "cutting a hole")?;
    let Some((skull, head, answer)) = opened(whole, hole, |skull, head, left| {
        reconstruct::complete_cut(skull, head, left, own, &progress.part(0.3, 1.0))
    }) else {
        return Ok(None);
    };
    match answer {
        Ok(CutAnswer { completion, start, truth }) => Ok(Some(Cut { skull, head, completion, start, truth })),
        Err(reconstruct::Error::Cancelled(cancelled)) => Err(cancelled),
        Err(_) => Ok(None),
    }
}

/// What `make` makes of a head with a hole along an outline, in the pose in which it is found without the missing bone;
/// `None` where the search finds no hole.
pub(super) fn opened<T>(
    whole: &Skull,
    hole: &Hole,
    make: impl FnOnce(&Skull, &CutHead, &Left) -> T,
) -> Option<(Skull, CutHead, T)> {
    let drawn = |p: &Vector3<f64>| whole.mean_direction(&p.normalize()).0;
    let skull = skull::found_without(whole, &|p| hole.distance_mm(&drawn(p)) < 0.0);
    let left = |d: &Vector3<f64>, table: Table| {
        if table.outer_mm.is_nan() {
            return table;
        }
        let outer = skull.point_at(d, f64::from(table.outer_mm));
        left(hole, &drawn(&whole.frame.head_from_point(&outer)), table)
    };
    let head = defect::cut(&skull, &left, PIXEL_MM)?;
    let made = make(&skull, &head, &left);
    Some((skull, head, made))
}

/// A hole as surgeons, accidents and test sets leave them.
pub(super) fn outline(random: &mut Random) -> Hole {
    if let Some(hole) = posterior_box(random) {
        return hole;
    }
    let area_cm2 = random.between(AREA_CM2.start.sqrt(), AREA_CM2.end.sqrt()).powi(2);
    let towards = anywhere(random);
    Hole::irregular(random, &towards, area_cm2)
}

/// What a saw along the hole's leaning walls leaves of a ray: a wall that narrows inwards takes the outer table first,
/// one that widens the inner.
fn left(hole: &Hole, direction: &Vector3<f64>, table: Table) -> Table {
    const NOTHING: Table = Table { inner_mm: f32::NAN, outer_mm: f32::NAN };
    let thickness = f64::from(table.outer_mm - table.inner_mm);
    let away = hole.distance_mm(direction);
    let widest = 1.5 * thickness;
    if thickness.is_nan() || away > widest {
        return table;
    }
    if away < 0.0 {
        // The wall is met this deep below the outer table.
        let deep = if hole.lean > UPRIGHT { -away / hole.lean } else { thickness };
        return if thickness - deep < LEAST_MM {
            NOTHING
        } else {
            Table { outer_mm: table.outer_mm - deep as f32, ..table }
        };
    }
    let stands = if hole.lean < -UPRIGHT { away / -hole.lean } else { thickness };
    if stands >= thickness {
        table
    } else if stands < LEAST_MM {
        NOTHING
    } else {
        Table { inner_mm: table.outer_mm - stands as f32, ..table }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::network::expected;
    use crate::phantom::{self, HeadParams};
    use crate::scan::{self, Scan, Voxels};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Instant;

    /// The names in a list of `assets/splits`.
    pub(in crate::train) fn listed(list: &str) -> Vec<String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/splits").join(list);
        let text = std::fs::read_to_string(file).expect("a list");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
    }

    /// A whole skull of the data folder, or a word that it is skipped.
    pub(in crate::train) fn whole(name: &str) -> Option<Skull> {
        let folder = std::env::var_os("CALVARIA_DATA")
            .map(PathBuf::from)
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
        let file = folder.join(format!("skullfix/training_set/complete_skull/{name}.nrrd"));
        if !file.is_file() {
            println!("skipped: {name} (no ../shared/data and no CALVARIA_DATA)");
            return None;
        }
        let scan = scan::read(&file, &Progress::new()).expect("a mask");
        Some(crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head"))
    }

    #[test]
    fn walls_take_the_table_they_lean_to() {
        let mut random = Random::new(3, 0);
        let mut hole = Hole::round(&mut random, &Vector3::z(), 20.0);
        let table = Table { inner_mm: 80.0, outer_mm: 86.0 };
        let at = |hole: &Hole, away: f64| {
            let unit_mm = f64::from(expected().disc.sample(&expected().outer_mm, &Vector3::z()));
            let angle = 2.0 * ((20.0 + away) / unit_mm / 2.0).asin();
            let d = Vector3::new(angle.sin(), 0.0, angle.cos());
            (hole.distance_mm(&d), left(hole, &d, table))
        };
        hole.lean = 0.5;
        let (away, kept) = at(&hole, -2.0);
        assert!((kept.outer_mm - 86.0 - (away / 0.5) as f32).abs() < 1e-4 && kept.inner_mm == 80.0, "{kept:?}");
        assert!(at(&hole, -4.0).1.outer_mm.is_nan() && at(&hole, 1.0).1 == table);
        hole.lean = -0.5;
        let (away, kept) = at(&hole, 2.0);
        assert!((kept.inner_mm - 86.0 + (away / 0.5) as f32).abs() < 1e-4 && kept.outer_mm == 86.0, "{kept:?}");
        assert!(at(&hole, -1.0).1.outer_mm.is_nan() && at(&hole, 5.0).1 == table);
    }

    /// The same hole in a phantom, and in the phantom with other bone where the hole will be.
    #[test]
    fn nothing_of_the_missing_bone_reaches_the_network() {
        let made = phantom::head(&HeadParams::small(3), &Progress::new()).expect("a phantom");
        let scan = Scan::new(Voxels::Hu(made.scan), Vec::new());
        let whole = crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let hole = Hole::irregular(&mut Random::new(6, 1), &Vector3::new(0.7, 0.1, 0.7).normalize(), 45.0);
        // The pose is each one's own, found without the missing bone.
        let mut other = whole.clone();
        let mut intensity = (*other.intensity).clone();
        let mut changed = 0;
        for o in 0..intensity.data.len() {
            let [x, y, z] = intensity.grid.index(o);
            let lps = intensity.grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64));
            let head = whole.frame.head_from_point(&lps);
            let (d, _) = whole.mean_direction(&head);
            if head.norm() > 50.0 && hole.distance_mm(&d) < -10.0 {
                // Rough bone instead of smooth.
                intensity.data[o] = if (x + y + z) % 3 == 0 { 1500 } else { -1000 };
                changed += 1;
            }
        }
        other.intensity = Arc::new(intensity);
        let see = |skull: Skull| {
            let cut = cut_along(&skull, &hole, &[], &Progress::new()).expect("not cancelled").expect("a hole");
            (cut.start.expect("bone around it").channels(), cut.truth.outer_mm)
        };
        let ((seen, truth), (seen_other, truth_other)) = (see(whole), see(other));
        assert!(changed > 1000 && truth != truth_other);
        assert!(seen == seen_other, "the network is shown what is missing");
    }

    /// What a cut head's pose is worth: that of the whole head is laid over the mean with the missing bone.
    #[test]
    fn a_cut_head_is_seen_in_the_pose_in_which_the_program_finds_it() {
        let Some(skull) = whole("000") else { return };
        let hole = Hole::irregular(&mut Random::new(6, 2), &Vector3::new(0.5, 0.3, 0.8).normalize(), 180.0);
        let drawn = |p: &Vector3<f64>| hole.distance_mm(&skull.mean_direction(&p.normalize()).0) < 0.0;
        let seen = skull::found_without(&skull, &drawn);
        let mut mask = skull.mask();
        for o in (0..mask.data.len()).filter(|&o| skull.intensity.data[o] > 0) {
            let [x, y, z] = mask.grid.index(o);
            let lps = mask.grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64));
            let head = skull.frame.head_from_point(&lps);
            if head.norm() > 50.0 && drawn(&head) {
                mask.data[o] = 0;
            }
        }
        let scan = Scan::new(Voxels::Mask(mask), Vec::new());
        let found = crate::skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let apart = |other: &Skull| {
            let turn = other.frame.head_from_lps * found.frame.head_from_lps.transpose();
            let turn_deg = (0.5 * (turn.trace() - 1.0)).min(1.0).acos().to_degrees();
            let shift_mm = (other.frame.centre_mm - found.frame.centre_mm).norm();
            [turn_deg, shift_mm, 100.0 * (other.scales - found.scales).amax()]
        };
        let (ours, whole) = (apart(&seen), apart(&skull));
        println!("from the found pose (deg, mm, %): without the bone {ours:.3?}, the whole head's {whole:.3?}");
        assert!(
            whole.iter().sum::<f64>() > 0.5 && (0..3).all(|k| ours[k] < 0.15 + 0.25 * whole[k]),
            "{ours:?} {whole:?}"
        );
    }

    #[test]
    fn a_head_is_known_again_and_its_holes_are_completed_without_it() {
        // 042 is 011 once more; 002 is held out.
        for (name, known) in [("011", true), ("042", true), ("002", false)] {
            let Some(skull) = whole(name) else { return };
            assert_eq!(reconstruct::own_heads(&skull).len(), usize::from(known), "{name}");
            if name == "042" {
                continue;
            }
            let (mut made, mut sums) = (0, [0f64; 2]);
            let start = Instant::now();
            for i in 0..6 {
                let mut random = Random::new(5, i);
                let Some(cut) = cut(&skull, &mut random, &Progress::new()).expect("not cancelled") else { continue };
                let hole: Vec<usize> = (0..cut.head.patch.hole.len())
                    .filter(|&o| cut.head.patch.hole[o] && cut.head.outer_mm[o].is_finite())
                    .collect();
                let error = |ours: &[f32], truth: &[f32]| {
                    hole.iter().map(|&o| f64::from((ours[o] - truth[o]).abs())).sum::<f64>() / hole.len() as f64
                };
                let errors = [
                    error(&cut.completion.outer_mm, &cut.head.outer_mm),
                    error(&cut.completion.inner_mm, &cut.head.inner_mm),
                ];
                // Nothing of the missing bone is left in what the program sees: but for a wall's foot, no ray.
                let seen = hole.iter().filter(|&&o| cut.head.patch.outer_mm[o].is_finite()).count();
                assert!(seen * 3 < hole.len(), "{seen} of {}", hole.len());
                assert!(errors[0] < 2.5 && errors[1] < 3.0, "{name} {i}: {errors:?}");
                sums = [sums[0] + errors[0], sums[1] + errors[1]];
                made += 1;
            }
            println!(
                "{name}: {made} holes, mean error {:.2} / {:.2} mm, {:.2} s a hole",
                sums[0] / f64::from(made),
                sums[1] / f64::from(made),
                start.elapsed().as_secs_f64() / 6.0
            );
            assert!(made >= 4 && sums[0] / f64::from(made) < 1.0, "{made} {sums:?}");
        }
    }
}
