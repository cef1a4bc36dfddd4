use super::canvas::{Canvas, INK, WHITE, tick_step, width};
use super::map::colour;
use super::plots::five_numbers;
use super::*;
use crate::evaluate::{Judge, Outcome, Truth, summarise};
use crate::geometry::{Grid, Volume};

#[test]
fn text_is_as_wide_as_said_and_stays_within() {
    let mut canvas = Canvas::new(200, 40);
    canvas.text(10, 10, "DSC 0.93 ≤ 1 mm", INK);
    let inked = |x: u32| (0..40).any(|y| canvas.at(x, y) != WHITE);
    let last = (0..200).rev().find(|x| inked(*x)).expect("some ink");
    let end = 10 + width("DSC 0.93 ≤ 1 mm") as u32;
    assert!(last < end + 2 && last + 4 > end, "{last} {end}");
    assert!((0..9).all(|x| !inked(x)));
    // Beyond the edges nothing happens.
    canvas.text(-50, -5, "far away", INK);
    canvas.fill([190, 30], [400, 90], INK);
    assert_eq!(canvas.at(199, 39), INK);
}

#[test]
fn ticks_are_round_and_boxes_hold_half_of_the_values() {
    assert!((tick_step(0.2, 6.0) - 0.05).abs() < 1e-12);
    assert!((tick_step(7.0, 6.0) - 2.0).abs() < 1e-12);
    let values: Vec<f64> = (0..=8).map(f64::from).chain([30.0]).collect();
    let five = five_numbers(&values);
    assert_eq!(five.quartiles, [2.25, 4.5, 6.75]);
    assert_eq!(five.whiskers, [0.0, 8.0]);
}

#[test]
fn colours_tell_proud_from_deep() {
    let (proud, deep, right) = (colour(2.0).0, colour(-2.0).0, colour(0.0).0);
    assert!(proud[0] > proud[2] && deep[2] > deep[0] && right.iter().all(|v| *v == right[0]));
    assert_eq!(colour(4.0), colour(3.0));
    assert_ne!(colour(10.0), colour(3.0));
}

/// A slab with a hole and a plug one voxel proud.
fn outcome() -> (Outcome, Truth, Volume<u8>, Vec<crate::evaluate::OuterPoint>) {
    let grid = Grid::axis_aligned([80, 80, 40], [1.0; 3], Default::default());
    let make = |f: &dyn Fn([usize; 3]) -> bool| {
        Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(f(grid.index(o)))).collect::<Vec<u8>>())
    };
    let hole = |p: [usize; 3]| p[..2].iter().all(|v| (30..50).contains(v));
    let truth = Truth {
        // A floor far below makes the slab's upper face the outer one.
        defective: make(&|p| (20..26).contains(&p[2]) && !hole(p) || p[2] < 2),
        implant: make(&|p| (20..26).contains(&p[2]) && hole(p)),
    };
    let predicted = make(&|p| (20..27).contains(&p[2]) && hole(p));
    let verdict = Judge::new(&truth.defective, &truth.implant).judge(&predicted);
    let outcome = Outcome {
        name: "a/b".to_owned(),
        skull: "b".to_owned(),
        kind: String::new(),
        method: "auto".to_owned(),
        failure: None,
        defects: 1,
        heads_left_out: 0,
        reckoned_with: String::new(),
        findings: Vec::new(),
        in_band: None,
        read_seconds: 0.0,
        prepare_seconds: 0.0,
        complete_seconds: 0.0,
        score_seconds: 0.0,
        scores: verdict.scores,
    };
    (outcome, truth, predicted, verdict.outer)
}

#[test]
fn a_case_shows_both_outlines_and_its_error() {
    let (outcome, truth, predicted, outer) = outcome();
    let canvas = super::case::draw(&outcome, &truth, &predicted, &outer);
    let pixels = |wanted: [u8; 3]| {
        (0..1100).flat_map(|x| (60..300).map(move |y| (x, y))).filter(|&(x, y)| canvas.at(x, y).0 == wanted).count()
    };
    assert!(pixels([0, 140, 70]) > 50, "true outline");
    assert!(pixels([215, 30, 60]) > 500, "predicted outline");
    assert!(pixels([196, 196, 200]) > 5000, "bone");
    // One voxel proud, in the map beyond the three slices.
    let proud = (845..1090).filter(|&x| canvas.at(x, 180).0[0] > canvas.at(x, 180).0[2] + 60).count();
    assert!(proud > 150, "{proud}");
    let bytes = super::case(&outcome, &truth, &predicted, &outer);
    assert!(image::load_from_memory(&bytes).is_ok());
    // A failure has a picture too.
    let nothing = predicted.map(|_| 0u8);
    let failed = Outcome { failure: Some("no defect was found".to_owned()), ..outcome };
    assert!(!super::case(&failed, &truth, &nothing, &[]).is_empty());
}

#[test]
fn plots_stand_for_any_number_of_cases() {
    let (outcome, ..) = outcome();
    let methods = ["auto".to_owned(), "none".to_owned()];
    let draw = |outcomes: &[Outcome]| super::plots::draw(outcomes, &summarise(outcomes, &methods, &[]));
    let (one, none) = (draw(std::slice::from_ref(&outcome)), draw(&[]));
    let inked = |c: &Canvas| {
        (0..1120).flat_map(|x| (0..660).map(move |y| (x, y))).filter(|&(x, y)| c.at(x, y) != WHITE).count()
    };
    assert!(inked(&one) > inked(&none));
    assert!(image::load_from_memory(&plots(&[outcome], &summarise(&[], &methods, &[]))).is_ok());
}

#[test]
fn alternatives_stand_side_by_side_on_one_scale() {
    use crate::reconstruct::test_head::TestHead;
    let head = TestHead {
        outer: |_| 85.0,
        inner: |_| 79.0,
        towards: nalgebra::Vector3::new(0.7, 0.2, 0.6).normalize(),
        half_deg: 13.5,
    };
    let compared = crate::reconstruct::compare(&head.skull(1.0), &head.defect(), &crate::geometry::Progress::new());
    let mut comparison = compared.expect("a whole rim");
    let count = comparison.alternatives.len();
    assert!(count > 5, "{:?}", comparison.skipped);
    // The second stands 4 mm proud: its map is red, the first has no colour.
    comparison.alternatives[1].difference_mm.fill(4.0);
    comparison.alternatives[1].p95_mm = 4.0;
    let canvas = super::alternatives::draw(&comparison);
    let [r, g, b] = canvas.at(14 + 115 + 244, 14 + 18 + 115).0;
    assert!(r > g + 40 && r > b + 40, "{r} {g} {b}");
    let [r, _, b] = canvas.at(14 + 115, 14 + 18 + 115).0;
    assert!(r.abs_diff(b) < 6, "{r} {b}");
    assert!(image::load_from_memory(&alternatives(&comparison)).is_ok());
}
