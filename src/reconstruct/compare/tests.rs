use super::*;
use crate::reconstruct::complete::complete_patch;
use crate::reconstruct::rim::Rim;
use crate::reconstruct::test_head::TestHead;
use crate::reconstruct::trust::Trust;
use nalgebra::Vector3;

fn sphere(half_deg: f64) -> TestHead {
    TestHead { outer: |_| 85.0, inner: |_| 79.0, towards: Vector3::new(0.7, 0.2, 0.6).normalize(), half_deg }
}

/// The other side bulges where this side is open, and no farther.
fn one_sided(d: &Vector3<f64>) -> f64 {
    85.0 + 5.0 * (-(d - Vector3::new(-0.7, 0.2, 0.6).normalize()).norm_squared() / 0.04).exp()
}

fn compared(head: &TestHead) -> Comparison {
    let patch = head.patch();
    let prior = Prior::of_shape(&sheet_of(&patch), |_| 85.0, 6.0);
    compare_patch(&patch, &head.other_side(&patch), &prior, &TestHead::frame(), &Progress::new()).expect("a whole rim")
}

/// A rim whose bone is known up to the hole, and a surface that leaves it by `step_mm` and `slope` a mm.
fn fitted(head: &TestHead, step_mm: f32, slope: f32) -> Option<RimFit> {
    let patch = head.patch();
    let sheet = sheet_of(&patch);
    let whole: Vec<bool> = patch.hole.iter().map(|h| !h).collect();
    let missing_mm = sheet.distance_mm(&patch.hole);
    let surface: Vec<f32> = missing_mm.iter().map(|d| 85.0 + step_mm + slope * d).collect();
    let rim = Rim {
        trust: Trust { outer: whole.clone(), inner: whole, missing: patch.hole.clone() },
        domain: missing_mm.iter().map(|&d| d <= 18.0).collect(),
        tables: Tables::zeros(patch.hole.len()),
        missing_mm,
    };
    rim_fit::rim_fit(&sheet, &patch, &rim, &surface)
}

#[test]
fn the_rim_fit_of_a_known_step_and_kink_is_what_it_is() {
    let head = sphere(14.0);
    let fit = fitted(&head, 0.0, 0.0).expect("bone all around");
    assert!(fit.step_mm < 1e-4 && fit.kink_deg < 1e-3 && fit.seen == 1.0, "{fit:?}");
    let fit = fitted(&head, -0.8, 0.0).expect("bone all around");
    assert!((fit.step_mm - 0.8).abs() < 1e-3 && fit.kink_deg < 0.01, "{fit:?}");
    let fit = fitted(&head, 0.3, 0.1).expect("bone all around");
    assert!((fit.step_mm - 0.3).abs() < 1e-3 && (fit.kink_deg - 0.1f64.atan().to_degrees()).abs() < 0.01, "{fit:?}");
}

#[test]
fn on_a_sphere_all_methods_agree_and_both_sides_are_alike() {
    let comparison = compared(&sphere(13.5));
    assert!(comparison.findings.is_empty() && comparison.skipped.is_empty(), "{:?}", comparison.skipped);
    let names: Vec<String> = comparison.alternatives.iter().map(Alternative::name).collect();
    let drawn = ["plausible 1", "plausible 2", "plausible 3"];
    assert_eq!(names, [["auto", "kriging", "tps", "mirror", "smooth"].as_slice(), &drawn].concat());
    for alternative in &comparison.alternatives {
        let rim = alternative.rim.expect("bone all around");
        let symmetry = alternative.symmetry_mm.expect("the other side is whole");
        let drawn = alternative.is_drawn();
        // At observed bone the field is known better than to the noise of one observation, the bone's texture of 0.4 mm.
        let most = if drawn { 0.4 } else { 0.1 };
        assert!(rim.step_mm < most && rim.seen == 1.0, "{}: {rim:?}", alternative.name());
        if !drawn {
            assert!(alternative.most_mm < 0.2 && symmetry < 0.1 && rim.kink_deg < 0.6, "{}", alternative.name());
        } else {
            assert!(alternative.most_mm > 0.05, "a drawn shape is another shape");
        }
        for (i, &difference) in alternative.difference_mm.iter().enumerate() {
            assert!(alternative.completion.hole[i] || difference == 0.0);
        }
    }
    assert_eq!(comparison.alternatives[0].most_mm, 0.0);
}

#[test]
fn figures_tell_which_shape_has_the_other_side_s_bulge() {
    let head = TestHead { outer: one_sided, inner: |_| 79.0, ..sphere(24.0) };
    let comparison = compared(&head);
    let of = |name: &str| comparison.alternatives.iter().find(|a| a.name() == name).expect("it gave an answer");
    let (smooth, mirror) = (of("smooth"), of("mirror"));
    let [a, b] = [smooth, mirror].map(|a| a.symmetry_mm.expect("the other side is whole"));
    assert!(a > 0.8 && b < 0.15, "smooth {a} mm from the other side, mirror {b} mm");
    // The difference is that of the completed surfaces, and the figures are its own.
    let auto = of("auto");
    for (i, &difference) in smooth.difference_mm.iter().enumerate().filter(|(i, _)| auto.completion.hole[*i]) {
        assert_eq!(difference, smooth.completion.outer_mm[i] - auto.completion.outer_mm[i]);
    }
    assert!(smooth.mean_mm <= smooth.p95_mm && smooth.p95_mm <= smooth.most_mm && smooth.most_mm > 0.0);
}

#[test]
fn a_method_too_far_from_the_reference_is_named_and_a_drawn_shape_is_not() {
    let mut comparison = compared(&sphere(13.5));
    assert!(disagreements(&comparison.alternatives).is_empty());
    comparison.alternatives[3].p95_mm = 4.25;
    comparison.alternatives[6].p95_mm = 9.0;
    let [finding] = disagreements(&comparison.alternatives).try_into().expect("one finding");
    let Finding { message } = finding;
    assert!(message.contains("mirror (4.2 mm)") && !message.contains("plausible"), "{message}");
}

#[test]
fn the_percentile_is_the_nearest_rank() {
    let values = (1..=100).map(|v| if v % 2 == 0 { v as f32 } else { -(v as f32) });
    assert_eq!(spread(values), (50.5, 95.0, 100.0));
    assert_eq!(spread(std::iter::once(-2.0)), (2.0, 2.0, 2.0));
    assert_eq!(spread(std::iter::empty()), (0.0, 0.0, 0.0));
}

#[test]
fn a_drawn_shape_leaves_the_intact_bone_alone_and_comes_again_from_its_number() {
    let head = sphere(16.0);
    let patch = head.patch();
    let prior = Prior::of_shape(&sheet_of(&patch), |_| 85.0, 6.0);
    let draw = |shape_draw| {
        let params = Params { shape_draw, ..Params::default() };
        let rays = head.other_side(&patch);
        complete_patch(&patch, rays, &prior, &TestHead::frame(), &params, &Progress::new()).expect("a whole rim")
    };
    let (likeliest, first, again) = (draw(0), draw(1), draw(1));
    assert_eq!(first.outer_mm, again.outer_mm);
    assert_eq!(first.uncertainty_mm, likeliest.uncertainty_mm);
    assert!(first.findings.iter().any(|f| f.message.contains("plausible shape 1")));
    let sheet = sheet_of(&patch);
    let away = sheet.distance_mm(&patch.hole);
    let (mut rim, mut inside) = (0.0f32, 0.0f32);
    for (i, &away_mm) in away.iter().enumerate() {
        let apart = (first.outer_mm[i] - likeliest.outer_mm[i]).abs();
        if away_mm > 6.0 {
            rim = rim.max(apart);
        } else if patch.hole[i] {
            inside = inside.max(apart);
        }
    }
    assert!(rim < 0.01 && inside > 0.1, "{rim} mm on the bone, {inside} mm in the hole");
    // A method without a field has no other shape.
    let plates = |shape_draw| {
        let params = Params { method: Method::Tps, shape_draw };
        let rays = head.other_side(&patch);
        complete_patch(&patch, rays, &prior, &TestHead::frame(), &params, &Progress::new()).expect("a whole rim")
    };
    assert_eq!(plates(0).outer_mm, plates(2).outer_mm);
}

#[test]
fn cancelling_ends_the_comparison() {
    let head = sphere(13.5);
    let patch = head.patch();
    let prior = Prior::of_shape(&sheet_of(&patch), |_| 85.0, 6.0);
    let progress = Progress::new();
    progress.cancel();
    let ended = compare_patch(&patch, &head.other_side(&patch), &prior, &TestHead::frame(), &progress);
    assert!(matches!(ended, Err(Error::Cancelled(_))));
}

#[test]
fn the_relief_shows_the_hole_upright_with_its_difference() {
    let head = sphere(14.0);
    let mut comparison = compared(&head);
    let alternative = &mut comparison.alternatives[0];
    // A difference that grows upwards.
    let disc = alternative.completion.disc.clone();
    for i in 0..disc.len() {
        let up = disc.direction((i / disc.size) as f64, (i % disc.size) as f64).expect("on the map").z;
        alternative.difference_mm[i] = up as f32;
    }
    let relief = alternative.relief(64);
    assert_eq!([relief.shade.len(), relief.difference_mm.len()], [64 * 64; 2]);
    // A hole of 2 · 85 · sin 14° = 41 mm and 9 mm of bone on both sides.
    assert!((relief.pixel_mm * 63.0 - 59.0).abs() < 2.0, "{}", relief.pixel_mm * 63.0);
    let at = |x: usize, y: usize| relief.difference_mm[y * 64 + x];
    assert!(at(0, 0).is_nan() && at(32, 2).is_nan());
    assert!(at(32, 20) > at(32, 44), "up is up");
    // A dome under light from the left above.
    assert!(relief.shade[20 * 64 + 20] > relief.shade[44 * 64 + 44]);
}
