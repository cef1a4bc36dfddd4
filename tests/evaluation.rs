//! The manual's promise: defects of known truth are cut, methods are scored on them, an interrupted run goes on.

mod support;

use calvaria::evaluate;
use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::{Grid, Progress, Volume};
use calvaria::phantom::{self, HeadParams, InjectKind, InjectParams, inject, protocol_b};
use calvaria::scan::{Scan, Voxels};
use calvaria::skull::{self, Skull};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// A whole phantom skull and what the program finds in it.
fn head() -> &'static (Volume<u8>, Skull) {
    static HEAD: OnceLock<(Volume<u8>, Skull)> = OnceLock::new();
    HEAD.get_or_init(|| {
        let made = phantom::head(&HeadParams::small(11), &Progress::new()).expect("a phantom");
        let scan = Scan { voxels: Voxels::Mask(made.complete.clone()), findings: Vec::new(), hash: String::new() };
        let skull = skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        (made.complete, skull)
    })
}

fn cut(kind: InjectKind, area_cm2: f64, seed: u64) -> phantom::Injected {
    let (complete, skull) = head();
    inject(complete, skull, &InjectParams::new(kind, area_cm2, seed), &Progress::new()).expect("room for it")
}

fn count(mask: &Volume<u8>) -> usize {
    mask.data.iter().filter(|v| **v != 0).count()
}

#[test]
fn what_is_cut_and_what_is_left_make_the_whole() {
    let (complete, _) = head();
    for (kind, area_cm2) in
        [(InjectKind::Patch, 60.0), (InjectKind::Box, 40.0), (InjectKind::Cube, 30.0), (InjectKind::Sphere, 25.0)]
    {
        let made = cut(kind, area_cm2, 5);
        for ((whole, left), part) in complete.data.iter().zip(&made.defective.data).zip(&made.implant.data) {
            assert_eq!(*whole, left + part, "{kind:?}");
        }
        assert!((made.cuts[0].area_cm2 / area_cm2 - 1.0).abs() < 0.05, "{kind:?}: {:?}", made.cuts);
        // Bone of a few millimetres under the area.
        let thickness_mm = count(&made.implant) as f64 * complete.grid.voxel_mm3() / (area_cm2 * 100.0);
        assert!((3.0..14.0).contains(&thickness_mm), "{kind:?}: {thickness_mm}");
    }
}

#[test]
fn a_seed_names_a_defect() {
    let (a, b, c) = (cut(InjectKind::Patch, 30.0, 8), cut(InjectKind::Patch, 30.0, 8), cut(InjectKind::Patch, 30.0, 9));
    assert_eq!(a.implant, b.implant);
    assert_ne!(a.implant, c.implant);
}

#[test]
fn the_fixed_set_has_two_of_each_size_and_its_own_seeds() {
    let set = protocol_b(43);
    assert_eq!(set.len(), 10);
    assert!(set.iter().enumerate().all(|(n, (_, p))| p.seed == 1000 + 430 + n as u64));
    assert_eq!(set.iter().filter(|(kind, _)| kind.starts_with("080-150cm2")).count(), 2);
    assert!(set.iter().all(|(kind, p)| {
        let number = |at: usize| kind[at..at + 3].parse::<f64>().expect("three digits");
        (number(0)..=number(4)).contains(&p.area_cm2)
    }));
    // The largest still fit onto the vault, and come out as large as asked.
    let (complete, skull) = head();
    for (kind, params) in &set[6..] {
        let made = inject(complete, skull, params, &Progress::new()).expect("room for it");
        assert!((made.cuts[0].area_cm2 / params.area_cm2 - 1.0).abs() < 0.05, "{kind}: {:?}", made.cuts);
    }
}

#[test]
fn walls_lean_as_asked() {
    let (complete, skull) = head();
    let with = |bevel: f64| {
        let params = InjectParams { bevel_deg: [bevel; 2], ..InjectParams::new(InjectKind::Patch, 40.0, 3) };
        count(&inject(complete, skull, &params, &Progress::new()).expect("room").implant)
    };
    let (inward, straight, outward) = (with(35.0), with(0.0), with(-20.0));
    assert!(inward < straight && straight < outward, "{inward} {straight} {outward}");
}

fn save(path: &Path, mask: &Volume<u8>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    save_nrrd(path, mask).expect("written");
}

fn evaluate_tree(data: &Path, out: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let run = support::calvaria()
        .args(["evaluate", "--json", "--method", "smooth", "--out"])
        .arg(out)
        .args(more)
        .arg(data)
        .output()
        .expect("the program runs");
    let errors = String::from_utf8_lossy(&run.stderr).into_owned();
    (run.status.code(), serde_json::from_slice(&run.stdout).unwrap_or(Value::Null), errors)
}

/// The mean of a figure in the first row.
fn mean(summary: &Value, key: &str) -> f64 {
    let figures = summary["all"][0]["figures"].as_array().expect("figures");
    figures.iter().find(|f| f["key"] == key).expect("the figure")["mean"].as_f64().expect("a number")
}

#[test]
fn all_three_layouts_are_scored_alike_and_a_run_goes_on() {
    let folder = support::scratch("evaluation-layouts");
    let (complete, _) = head();
    let made = cut(InjectKind::Box, 30.0, 5);
    let fix = folder.join("fix");
    save(&fix.join("complete_skull/001.nrrd"), complete);
    save(&fix.join("implant/001.nrrd"), &made.implant);
    let brk = folder.join("break");
    save(&brk.join("complete_skull/001.nrrd"), complete);
    save(&brk.join("defective_skull/random_1/001.nrrd"), &made.defective);
    let pairs = folder.join("pairs");
    save(&pairs.join("one_defective.nrrd"), &made.defective);
    save(&pairs.join("one_implant.nrrd"), &made.implant);
    let mut dice = Vec::new();
    for (data, name) in [(&fix, "001"), (&brk, "random_1/001"), (&pairs, "one")] {
        let out = data.join("scores");
        let (code, summary, errors) = evaluate_tree(data, &out, &[]);
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(summary["all"][0]["cases"], 1);
        dice.push(mean(&summary, "dice"));
        assert!(out.join("cases/smooth").join(format!("{name}.json")).is_file());
        assert!(["table.md", "cases.csv", "summary.json"].iter().all(|f| out.join(f).is_file()));
    }
    assert!(dice[0] > 0.7 && dice.iter().all(|d| *d == dice[0]), "{dice:?}");
    // The kept file is taken as it is; --fresh makes it again.
    let kept = fix.join("scores/cases/smooth/001.json");
    let mut changed: Value = serde_json::from_slice(&fs::read(&kept).expect("kept")).expect("JSON");
    changed["scores"]["dice"] = Value::from(0.25);
    fs::write(&kept, changed.to_string()).expect("written");
    let (_, summary, _) = evaluate_tree(&fix, &fix.join("scores"), &[]);
    assert_eq!(mean(&summary, "dice"), 0.25);
    let (_, summary, _) = evaluate_tree(&fix, &fix.join("scores"), &["--fresh"]);
    assert_eq!(mean(&summary, "dice"), dice[0]);
}

#[test]
fn what_cannot_be_scored_is_said_and_a_miss_counts_as_nothing() {
    let folder = support::scratch("evaluation-faults");
    let (complete, _) = head();
    let made = cut(InjectKind::Sphere, 20.0, 4);
    // A skull that lacks nothing the program could find: a few voxels of the base.
    let first = complete.data.iter().position(|&v| v != 0).expect("bone");
    let mut speck = Volume::filled(complete.grid.clone(), 0u8);
    speck.data[first] = 1;
    save(&folder.join("complete_skull/whole.nrrd"), complete);
    save(&folder.join("implant/whole.nrrd"), &speck);
    // Another grid.
    let other = Grid { spacing_mm: [1.0; 3], ..complete.grid.clone() };
    save(&folder.join("complete_skull/mixed.nrrd"), complete);
    save(&folder.join("implant/mixed.nrrd"), &Volume::new(other, made.implant.data.clone()));
    let (code, summary, errors) = evaluate_tree(&folder, &folder.join("scores"), &[]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("mixed: its two volumes lie on different grids"), "{errors}");
    assert_eq!(summary["all"][0]["failed"], serde_json::json!(["whole"]));
    assert_eq!(mean(&summary, "dice"), 0.0);
    let empty = support::scratch("evaluation-empty");
    save(&empty.join("lonely.nrrd"), &speck);
    let (code, _, errors) = evaluate_tree(&empty, &empty.join("scores"), &[]);
    assert!(code == Some(3) && errors.contains("no case found"), "{errors}");
    assert!(!empty.join("scores").exists());
}

#[test]
fn injected_skulls_are_read_back_by_evaluate() {
    let folder = support::scratch("evaluation-inject");
    save(&folder.join("whole/007.nrrd"), &head().0);
    let run = |out: &str| {
        let done = support::calvaria()
            .args(["inject", "--kind", "patch", "--area", "20..40", "--count", "2", "--seed", "3", "--out"])
            .arg(folder.join(out))
            .arg(folder.join("whole"))
            .output()
            .expect("the program runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::read_to_string(folder.join(out).join("injected.csv")).expect("a table")
    };
    assert_eq!(run("a"), run("b"));
    let (code, summary, errors) = evaluate_tree(&folder.join("a"), &folder.join("scores"), &[]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!((&summary["all"][0]["cases"], &summary["all"][0]["skulls"]), (&Value::from(2), &Value::from(1)));
}

/// A large case in three seconds on two cores; under load it says nothing, so it is run by hand:
/// `cargo test --release --test evaluation -- --ignored --nocapture`.
#[test]
#[ignore = "a timing means nothing while other tests run"]
fn a_case_of_512_cubed_is_scored_in_three_seconds() {
    let grid = Grid::axis_aligned([512; 3], [0.45, 0.45, 0.45], Default::default());
    let middle = 255.5 * 0.45;
    let shell = |inner: f64, outer: f64, hole: bool| {
        let data = (0..grid.len()).map(|o| {
            let p = grid.index(o).map(|v| v as f64 * 0.45 - middle);
            let r2: f64 = p.iter().map(|v| v * v).sum();
            let cap = p[2] > 0.7 * r2.sqrt();
            u8::from(r2 >= inner * inner && r2 <= outer * outer && cap == hole)
        });
        Volume::new(grid.clone(), data.collect::<Vec<u8>>())
    };
    let (defective, truth, part) = (shell(78.0, 85.0, false), shell(78.0, 85.0, true), shell(78.4, 85.5, true));
    let start = std::time::Instant::now();
    let scores = evaluate::score(&defective, &truth, &part);
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:.2} s for {:.0} cm³: {scores:#?}", scores.true_mm3 / 1000.0);
    let outer = scores.outer.expect("a face");
    assert!((outer.bias_mm - 0.5).abs() < 0.05, "{outer:?}");
    assert!(seconds < 3.0, "{seconds}");
}
