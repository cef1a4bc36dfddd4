//! The road as the window walks it: jobs, stale steps, live sliders, cancel, export; and never a long wait.

mod support;

use calvaria::case::{
    BUNDLE_FILES, Case, Comparing, Edit, Home, Outcome, Recipe, SideBySide, StepKind, StepState, findings, run_all,
};
use calvaria::geometry::Progress;
use calvaria::{export, phantom, scan};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use support::scratch;

/// A small head with a hole, as a file.
fn head() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = scratch("session-head").join("head.nrrd");
        let params = phantom::HeadParams::small(3).with_defect("left-parietal", 30.0);
        let made = phantom::head(&params, &Progress::new()).expect("a phantom");
        export::nrrd::save_nrrd(&path, &made.scan).expect("written");
        path
    })
    .clone()
}

fn open(name: &str) -> Case {
    let home = Home::at(&scratch(name).join("home"));
    Case::open(home, Arc::new(|| {}), &head()).expect("a scan opens")
}

/// Polls as a window would until nothing is at work; gives the longest time a poll took.
fn settle(case: &mut Case) -> Duration {
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    while case.is_busy() {
        assert!(began.elapsed() < Duration::from_secs(120), "the job does not end");
        let before = Instant::now();
        case.poll();
        longest = longest.max(before.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    longest
}

/// The same road without jobs.
fn directly(recipe: &Recipe) -> Outcome {
    let scan = Arc::new(scan::read(&head(), &Progress::new()).expect("read"));
    run_all(scan, recipe, &[], &Progress::new()).expect("a part")
}

fn is_current(case: &Case, step: StepKind) -> bool {
    case.state(step).is_current()
}

#[test]
fn the_window_and_the_pure_road_give_the_same_part() {
    let mut case = open("session-same");
    case.run_all();
    let longest = settle(&mut case);
    for step in &StepKind::ALL[..5] {
        assert!(is_current(&case, *step), "{step}: {:?}", case.state(*step));
    }
    assert_eq!(case.next_step(), Some(StepKind::Export));
    let part = case.results().part.clone().expect("a part");
    assert!(part.implant.mesh == directly(case.recipe()).part.implant.mesh);
    println!("longest poll {:.1} ms", longest.as_secs_f64() * 1e3);
    assert!(longest < Duration::from_millis(50), "the window waited {longest:?}");
}

#[test]
fn a_slider_shapes_the_part_anew_and_the_last_value_wins() {
    let mut case = open("session-slider");
    case.run_all();
    settle(&mut case);
    let mut longest = Duration::ZERO;
    for i in 0..40 {
        let before = Instant::now();
        case.drag("implant.thickness_mm", &json!(3.0 + 0.05 * f64::from(i))).expect("in range");
        case.poll();
        longest = longest.max(before.elapsed());
        std::thread::sleep(Duration::from_millis(2));
    }
    let before = Instant::now();
    case.end_drag();
    longest = longest.max(before.elapsed());
    settle(&mut case);
    assert!(is_current(&case, StepKind::Implant) && is_current(&case, StepKind::Reconstruct));
    let mut recipe = Recipe::default();
    recipe.assign("implant.thickness_mm=4.95").expect("in range");
    assert_eq!(*case.recipe(), recipe);
    assert!(case.results().part.as_ref().expect("a part").implant.mesh == directly(&recipe).part.implant.mesh);
    println!("longest wait of a drag {:.1} ms", longest.as_secs_f64() * 1e3);
    assert!(longest < Duration::from_millis(50), "the slider waited {longest:?}");
    case.undo();
    settle(&mut case);
    assert!(
        case.results().part.as_ref().expect("a part").implant.mesh == directly(&Recipe::default()).part.implant.mesh
    );
}

#[test]
fn a_change_makes_that_step_and_the_later_ones_stale_and_keeps_their_results() {
    let mut case = open("session-stale");
    case.run_all();
    settle(&mut case);
    case.set("defect.min_area_cm2", &json!(3.0)).expect("in range");
    assert!(!case.is_busy(), "only the part is shaped without being asked for");
    assert!(is_current(&case, StepKind::Skull));
    for step in [StepKind::Defect, StepKind::Reconstruct, StepKind::Implant] {
        assert_eq!(case.state(step), StepState::Stale);
        assert!(case.results().has(step), "the old {step} is still shown");
    }
    assert_eq!(case.next_step(), Some(StepKind::Defect));
    case.run_all();
    settle(&mut case);
    assert_eq!(case.next_step(), Some(StepKind::Export));
}

#[test]
fn a_change_while_steps_run_ends_with_the_part_of_the_last_recipe() {
    let mut recipe = Recipe::default();
    recipe.assign("reconstruct.method=smooth").expect("a method");
    recipe.assign("implant.thickness_mm=3").expect("in range");
    let expected = directly(&recipe);
    for wait_ms in [0, 150] {
        let mut case = open(&format!("session-change-{wait_ms}"));
        case.run_all();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(wait_ms) {
            case.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
        case.set("reconstruct.method", &json!("smooth")).expect("a method");
        case.set("implant.thickness_mm", &json!(3.0)).expect("in range");
        settle(&mut case);
        if !is_current(&case, StepKind::Implant) {
            // The road had ended before the change: nothing was at work that could begin again.
            case.run_all();
            settle(&mut case);
        }
        let part = case.results().part.clone().expect("a part");
        assert!(part.implant.mesh == expected.part.implant.mesh, "after {wait_ms} ms");
    }
}

#[test]
fn cancel_stops_soon_and_is_no_failure() {
    let mut case = open("session-cancel");
    case.run_all();
    case.poll();
    case.cancel();
    let began = Instant::now();
    settle(&mut case);
    assert!(began.elapsed() < Duration::from_secs(2), "cancelled after {:?}", began.elapsed());
    assert!(StepKind::ALL.iter().all(|&s| !matches!(case.state(s), StepState::Failed { .. })));
    assert!(case.next_step() < Some(StepKind::Export));
    case.run_all();
    settle(&mut case);
    assert_eq!(case.next_step(), Some(StepKind::Export));
}

#[test]
fn export_runs_what_is_missing_writes_all_and_becomes_stale_with_the_next_change() {
    let mut case = open("session-export");
    settle(&mut case);
    let out = scratch("session-export-out").join("part");
    assert!(case.export(
        &out,
        Some(Box::new(|results| {
            assert!(results.part.is_some());
            Ok(b"picture".to_vec())
        }))
    ));
    settle(&mut case);
    let written = case.exported().expect("written").clone();
    assert_eq!(written.files.iter().map(|f| &*f.name).collect::<Vec<_>>(), BUNDLE_FILES);
    assert!(written.files.iter().all(|f| out.join(&f.name).is_file()));
    assert_eq!(case.next_step(), None);
    case.set("implant.thickness_mm", &json!(5.0)).expect("in range");
    assert_eq!(case.state(StepKind::Export), StepState::Stale);
    settle(&mut case);

    let blocked = scratch("session-export-blocked").join("file");
    std::fs::write(&blocked, "x").expect("written");
    assert!(case.export(&blocked, None));
    settle(&mut case);
    assert!(matches!(case.state(StepKind::Export), StepState::Failed { .. }));
    assert_eq!(std::fs::read(Path::new(&blocked)).expect("still there"), b"x");
}

/// Polls until the methods are compared.
fn compared(case: &mut Case) -> Arc<SideBySide> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(120), "the comparison does not end");
        case.poll();
        match case.comparing() {
            Comparing::Done(both) => return both,
            Comparing::Running { .. } => std::thread::sleep(Duration::from_millis(1)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_methods_are_compared_beside_the_road_and_a_drawn_shape_comes_back_with_the_case() {
    let mut case = open("session-compare");
    assert!(!case.can_compare());
    case.compare();
    assert!(matches!(case.comparing(), Comparing::Nothing));
    case.run_to(StepKind::Reconstruct);
    settle(&mut case);
    let before = case.results().reconstruction.clone().expect("completed");
    case.compare();
    assert!(matches!(case.comparing(), Comparing::Running { .. }));
    case.cancel_comparison();
    assert!(matches!(case.comparing(), Comparing::Nothing), "cancelled");
    case.compare();
    let both = compared(&mut case);
    let comparison = &both.comparison;
    assert_eq!(both.reliefs.len(), comparison.alternatives.len());
    assert!(comparison.alternatives.len() + comparison.skipped.len() == 8, "{:?}", comparison.skipped);
    assert!(
        comparison.alternatives[0].completion.outer_mm == before.completion.outer_mm,
        "the reference is the road's"
    );
    assert_eq!(case.alternative_in_use(comparison), Some(0));
    // A drawn shape, taken, is the recipe's, and a case that comes back gives it again.
    let drawn = comparison.alternatives.iter().position(|a| a.name() == "plausible 3").expect("drawn");
    assert_eq!(case.use_alternative(drawn).as_deref(), Some("plausible 3"));
    case.run_to(StepKind::Reconstruct);
    settle(&mut case);
    assert_eq!(case.alternative_in_use(comparison), Some(drawn));
    let taken = case.results().reconstruction.clone().expect("completed");
    assert!(taken.completion.outer_mm == comparison.alternatives[drawn].completion.outer_mm);
    assert!(taken.completion.outer_mm != before.completion.outer_mm);
    assert!(matches!(case.state(StepKind::Reconstruct), StepState::Finding { .. }), "it is not the most likely shape");
    let (home, id) = (case.home().clone(), case.id().expect("kept").to_owned());
    // The defect changes: what was compared is another hole.
    case.set("defect.min_area_cm2", &json!(3.0)).expect("in range");
    assert!(!case.can_compare());
    case.run_to(StepKind::Defect);
    settle(&mut case);
    assert!(matches!(case.comparing(), Comparing::Nothing));
    case.undo().expect("an undo");
    drop(case);
    let mut back = Case::restore(home, Arc::new(|| {}), &id).expect("the case comes back");
    back.run_to(StepKind::Reconstruct);
    settle(&mut back);
    let again = back.results().reconstruction.clone().expect("completed");
    assert!(again.completion.outer_mm == taken.completion.outer_mm);
}

#[test]
fn the_network_looks_once_at_a_head_and_its_words_stand_at_the_defect() {
    let mut case = open("session-network");
    case.run_to(StepKind::Defect);
    settle(&mut case);
    let body = case.results().skull.clone().expect("a skull");
    let defects = case.results().defects.clone().expect("defects");
    let said = calvaria::network::detector::findings(&body.skull, body.opinion(), &defects);
    assert_eq!(*case.results().defect_findings, said);
    // A rim drawn where bone is whole: the network does not see it as missing, and sees the true hole.
    let towards = nalgebra::Vector3::new(-0.5, 0.3, 0.8).normalize();
    let side = towards.cross(&nalgebra::Vector3::x()).normalize();
    let around = |i: usize| {
        let turn = nalgebra::Rotation3::new(towards * (std::f64::consts::TAU * i as f64 / 24.0));
        body.skull.point_at(&(towards + turn * side * 0.27).normalize(), 85.0).into()
    };
    case.add_edits(vec![Edit::rim((0..24).map(around).collect())]);
    case.run_to(StepKind::Defect);
    settle(&mut case);
    let said = case.results().defect_findings.clone();
    assert!(said.iter().any(|f| f.message.contains("network")), "{said:?}");
    match case.state(StepKind::Defect) {
        StepState::Finding { finding, .. } => assert!(finding.contains("network"), "{finding}"),
        other => panic!("{other:?}"),
    }
    assert!(
        findings(case.results()).iter().any(|(step, f)| *step == StepKind::Defect && f.message.contains("network"))
    );
}
