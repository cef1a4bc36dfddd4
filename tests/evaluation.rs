//! The manual's promise: defects of known truth are cut, methods are scored on them, an interrupted run goes on.

mod support;

use calvaria::evaluate;
use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::{Grid, Progress, Volume};
use calvaria::phantom::{
    self, Disturbance, HeadParams, InjectKind, InjectParams, Injected, ListRow, disturb, inject, parse_list,
    protocol_b, sha256,
};
use calvaria::scan::{Scan, Voxels};
use calvaria::skull::{self, Skull};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// A whole phantom skull and what the program finds in it.
fn head() -> &'static (Volume<u8>, Skull) {
    static HEAD: OnceLock<(Volume<u8>, Skull)> = OnceLock::new();
    HEAD.get_or_init(|| {
        let made = phantom::head(&HeadParams::small(11), &Progress::new()).expect("a phantom");
        let scan = Scan::unnamed(Voxels::Mask(made.complete.clone()));
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
    // Implants that were not kept by the first run are made by the second.
    let implant = fix.join("scores/implant/smooth/001.nrrd");
    assert!(!implant.exists());
    evaluate_tree(&fix, &fix.join("scores"), &["--keep"]);
    assert!(implant.exists());
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

#[test]
fn the_commands_explain_themselves() {
    for command in ["evaluate", "inject", "disturb"] {
        let help = support::calvaria().args([command, "--help"]).output().expect("the program runs");
        assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Examples:"), "{command}");
    }
    let wrong = support::calvaria().args(["inject", "x.nrrd", "--out", "y", "--area", "900"]).output().expect("runs");
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn skullbreaks_kinds_have_rows_of_their_own() {
    let folder = support::scratch("evaluation-skullbreak");
    let (complete, _) = head();
    save(&folder.join("complete_skull/007.nrrd"), complete);
    for (kind, seed) in [("frontoorbital", 3), ("random_1", 5), ("random_2", 6)] {
        let made = cut(InjectKind::Patch, 30.0, seed);
        save(&folder.join("defective_skull").join(kind).join("007.nrrd"), &made.defective);
        save(&folder.join("implant").join(kind).join("007.nrrd"), &made.implant);
    }
    let out = folder.join("scores");
    let (code, summary, errors) = evaluate_tree(&folder, &out, &[]);
    assert_eq!(code, Some(0), "{errors}");
    let rows: Vec<_> = summary["by_kind"].as_array().expect("rows").iter().map(|r| (&r["kind"], &r["cases"])).collect();
    assert_eq!(rows, [(&Value::from("frontoorbital"), &Value::from(1)), (&Value::from("random"), &Value::from(2))]);
    assert_eq!(summary["all"][0]["skulls"], 1, "three defects of one head");
    // Box plots, and the best, median and worst case as pictures.
    for picture in ["plots.png", "pictures/smooth-best.png", "pictures/smooth-median.png", "pictures/smooth-worst.png"]
    {
        let bytes = fs::read(out.join(picture)).unwrap_or_else(|e| panic!("{picture}: {e}"));
        assert!(image::load_from_memory(&bytes).is_ok_and(|p| p.width() > 500), "{picture}");
    }
}

#[test]
fn what_does_not_fit_is_refused_in_a_line_each() {
    let (complete, _) = head();
    let made = cut(InjectKind::Sphere, 20.0, 4);
    let empty = complete.map(|_| 0u8);
    let mut far = empty.clone();
    far.data[0] = 1;
    let faults = [
        ("empty", &made.defective, &empty, "empty_implant.nrrd: the mask is empty"),
        ("nothing", &empty, &made.implant, "nothing_defective.nrrd: the mask is empty"),
        ("overlap", complete, &made.implant, "the implant overlaps its skull"),
        ("elsewhere", &made.defective, &far, "away from its skull"),
    ];
    let folder = support::scratch("evaluation-misfits");
    for (name, defective, implant, _) in &faults {
        save(&folder.join(format!("{name}_defective.nrrd")), defective);
        save(&folder.join(format!("{name}_implant.nrrd")), implant);
    }
    let (code, _, errors) = evaluate_tree(&folder, &folder.join("scores"), &[]);
    assert_eq!(code, Some(3), "{errors}");
    for (name, _, _, word) in &faults {
        assert_eq!(
            errors.lines().filter(|l| l.contains(&format!(": {name}: ")) && l.contains(word)).count(),
            1,
            "{errors}"
        );
    }
    assert!(errors.contains("none of 4 cases could be read") && !folder.join("scores/table.md").exists(), "{errors}");
}

#[test]
fn another_organ_is_no_skull() {
    let scan = phantom::chest(3, &Progress::new()).expect("a chest");
    let bone = scan.map(|hu| u8::from(hu >= 300));
    let most = bone.grid.size[2] / 2 * bone.grid.size[0] * bone.grid.size[1];
    let part = |lower: bool| {
        let kept = bone.data.iter().enumerate().map(|(o, &v)| v * u8::from((o < most) == lower));
        Volume::new(bone.grid.clone(), kept.collect::<Vec<u8>>())
    };
    let folder = support::scratch("evaluation-chest");
    save(&folder.join("data/1_defective.nrrd"), &part(true));
    save(&folder.join("data/1_implant.nrrd"), &part(false));
    let out = folder.join("scores");
    let (code, _, errors) = evaluate_tree(&folder.join("data"), &out, &[]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("no skull in any of 1 cases"), "{errors}");
    assert!(!out.join("table.md").exists() && !out.join("cases").exists(), "nothing is written");
    save(&folder.join("whole/001.nrrd"), &bone);
    let mut command = support::calvaria();
    command.arg("inject").arg(folder.join("whole")).arg("--out").arg(folder.join("cut"));
    let cut = command.output().expect("the program runs");
    assert_eq!(cut.status.code(), Some(3), "{}", String::from_utf8_lossy(&cut.stderr));
    assert!(!folder.join("cut/injected.csv").exists() && !folder.join("cut/complete_skull").exists());
}

#[test]
fn a_list_makes_the_same_defects_again_or_says_that_it_cannot() {
    let folder = support::scratch("evaluation-list");
    save(&folder.join("whole/007.nrrd"), &head().0);
    let run = |out: &str, more: &[&str]| {
        let mut command = support::calvaria();
        command.args(["inject", "--quiet"]).args(more).arg("--out").arg(folder.join(out)).arg(folder.join("whole"));
        let done = command.output().expect("the program runs");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let asked = ["--holes", "2", "--fray", "1.5", "--fragments", "2", "--base", "35", "--area", "45", "--seed", "5"];
    assert_eq!(run("a", &asked).0, Some(0));
    let table = fs::read_to_string(folder.join("a/injected.csv")).expect("a table");
    let list = folder.join("a/injected.csv");
    assert_eq!(run("b", &["--list", list.to_str().expect("a name")]).0, Some(0));
    for file in ["injected.csv", "implant/patch_1/007.nrrd", "complete_skull/patch_1/007.nrrd"] {
        let read = |out: &str| fs::read(folder.join(out).join(file)).expect(file);
        assert!(read("a") == read("b"), "{file}");
    }
    // The shortened scan is scored against its own complete skull.
    let (code, summary, errors) = evaluate_tree(&folder.join("a"), &folder.join("scores"), &[]);
    assert_eq!((code, &summary["all"][0]["cases"]), (Some(0), &Value::from(1)), "{errors}");
    // A hash that differs.
    let hash = table.trim().rsplit(',').next().expect("a hash");
    let changed = folder.join("changed.csv");
    fs::write(&changed, table.replace(hash, &"0".repeat(64))).expect("written");
    let (code, errors) = run("c", &["--list", changed.to_str().expect("a name")]);
    assert!(code == Some(3) && errors.contains("the mask made is not the listed one"), "{errors}");
    assert!(!folder.join("c/injected.csv").exists() && !folder.join("c/implant").exists());
}

#[test]
fn disturbed_cases_are_scored_against_their_clean_ones() {
    let folder = support::scratch("evaluation-disturbed");
    let made = cut(InjectKind::Patch, 50.0, 5);
    let data = folder.join("data");
    save(&data.join("complete_skull/007.nrrd"), &head().0);
    save(&data.join("implant/007.nrrd"), &made.implant);
    let (code, _, errors) = evaluate_tree(&data, &folder.join("clean"), &[]);
    assert_eq!(code, Some(0), "{errors}");
    let run = |out: &str, list: Option<&Path>| {
        let mut command = support::calvaria();
        command.arg("disturb").arg("--out").arg(folder.join(out)).arg(&data);
        if let Some(list) = list {
            command.arg("--list").arg(list);
        }
        command.output().expect("the program runs")
    };
    assert!(run("c", None).status.success());
    let table = folder.join("c/disturbed.csv");
    let text = fs::read_to_string(&table).expect("a table");
    assert_eq!(text.lines().count(), 8, "{text}");
    assert!(run("again", Some(&table)).status.success());
    let other = folder.join("other.csv");
    fs::write(&other, text.replace(",mirror,2076,", ",mirror,9999,")).expect("written");
    assert_eq!(run("never", Some(&other)).status.code(), Some(3));
    let clean = folder.join("clean");
    let more = ["--clean", clean.to_str().expect("a name")];
    let (code, summary, errors) = evaluate_tree(&folder.join("c"), &folder.join("scores"), &more);
    assert_eq!(code, Some(0), "{errors}");
    let made = text.lines().filter(|l| !l.contains("skipped")).count() - 1;
    let losses = summary["losses"].as_array().expect("rows");
    assert_eq!((&losses[0]["cases"], losses.len()), (&Value::from(made), made + 1));
    let mirror = losses.iter().find(|l| l["kind"] == "mirror").expect("a row");
    assert!(mirror["mean"].as_f64().expect("a number").abs() < 0.03, "a mirrored head is as easy: {mirror}");
    // One disturbance a case: seven cases meet all seven.
    let in_turn =
        support::calvaria().args(["disturb", "--in-turn", "--out"]).args([folder.join("t"), folder.join("c")]).output();
    assert!(in_turn.expect("the program runs").status.success());
    let table = fs::read_to_string(folder.join("t/disturbed.csv")).expect("a table");
    let met: BTreeSet<&str> = table.lines().skip(1).filter_map(|l| l.split(',').nth(1)).collect();
    assert_eq!((table.lines().count(), met.len()), (made + 1, made), "{table}");
}

/// Protocol B's committed list: two of its defects are made again.
#[test]
fn the_committed_test_set_is_made_again() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/splits/protocol-b.csv"));
    let rows = parse_list(&text.expect("the list")).expect("a list");
    assert_eq!(rows.len(), 150);
    for row in &rows {
        let number: u64 = row.skull.parse().expect("a number");
        let asked = protocol_b(number).into_iter().find(|(kind, _)| *kind == row.kind).expect("the kind");
        assert_eq!(asked.1, row.params, "{} {}", row.skull, row.kind);
    }
    let Some(data) = support::real_data() else { return };
    for (skull, kind) in [("043", "010-040cm2_1"), ("088", "150-250cm2_2")] {
        let row = rows.iter().find(|r| r.skull == skull && r.kind == kind).expect("a row");
        let made = made_again(&data, row);
        assert_eq!(Some(sha256(&made.implant)), row.implant_sha256, "{skull} {kind}");
    }
}

/// A defect of protocol B in its skull.
fn made_again(data: &Path, row: &ListRow) -> Injected {
    let file = data.join("skullfix/training_set/complete_skull").join(format!("{}.nrrd", row.skull));
    let scan = calvaria::scan::read(&file, &Progress::new()).expect("a skull");
    let mut found = skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
    row.place.expect("a pose").put(&mut found);
    let Voxels::Mask(complete) = scan.voxels else { panic!("a mask") };
    inject(&complete, &found, &row.params, &Progress::new()).expect("room for it")
}

/// Protocol C's list of protocol B: one disturbance a case, in turn, seeds by the rule, and one of its cases is made again.
#[test]
fn the_committed_disturbed_irregular_cases_are_made_again() {
    let list = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/splits").join(name);
        fs::read_to_string(path).expect("the list")
    };
    let (defects, text) = (parse_list(&list("protocol-b.csv")).expect("a list"), list("protocol-c-of-b.csv"));
    let kinds: BTreeSet<&str> = defects.iter().map(|d| d.kind.as_str()).collect();
    let rows: Vec<Vec<&str>> =
        text.lines().filter(|l| !l.starts_with('#')).skip(1).map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), defects.len());
    for (i, row) in rows.iter().enumerate() {
        let what = Disturbance::ALL[i % Disturbance::ALL.len()];
        let (kind, skull) = row[0].split_once('/').expect("a kind and a skull");
        let place = kinds.iter().position(|k| *k == kind).expect("a kind of the list") as u64;
        let seed = what.seed(1000 * place + skull.parse::<u64>().expect("a number"));
        assert_eq!((row[1], row[2]), (what.word(), seed.to_string().as_str()), "{row:?}");
    }
    let Some(data) = support::real_data() else { return };
    let row = rows.iter().find(|r| r[0] == "040-080cm2_1/043").expect("a row");
    let defect = defects.iter().find(|d| d.skull == "043" && d.kind == "040-080cm2_1").expect("a defect");
    let cut = made_again(&data, defect);
    let what = Disturbance::Base;
    assert_eq!(row[1], what.word());
    let seed = row[2].parse().expect("a seed");
    let made = disturb(&cut.defective, &cut.implant, what, seed, &Progress::new()).expect("a case");
    assert_eq!([row[5], row[6]], [sha256(&made.implant), sha256(&made.defective)]);
}

/// Protocol C's committed list: seeds by the rule, and two of its cases are made again.
#[test]
fn the_committed_disturbed_cases_are_made_again() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/splits/protocol-c.csv"));
    let text = text.expect("the list");
    let rows: Vec<Vec<&str>> =
        text.lines().filter(|l| !l.starts_with('#')).skip(1).map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), 15 * Disturbance::ALL.len());
    for row in &rows {
        let what = Disturbance::ALL.into_iter().find(|d| d.word() == row[1]).expect("a disturbance");
        assert_eq!(row[2], what.seed(row[0].parse().expect("a number")).to_string(), "{row:?}");
    }
    let Some(data) = support::real_data() else { return };
    let read = |role: &str| {
        let file = data.join("skullfix/training_set").join(role).join("043.nrrd");
        match calvaria::scan::read(&file, &Progress::new()).expect("a skull").voxels {
            Voxels::Mask(mask) => mask,
            Voxels::Hu(_) => panic!("a mask"),
        }
    };
    let truth = evaluate::truth(evaluate::Pair::CompleteImplant, read("complete_skull"), read("implant"));
    let truth = truth.expect("a case");
    for what in [Disturbance::Base, Disturbance::Fragments] {
        let row = rows.iter().find(|r| r[0] == "043" && r[1] == what.word()).expect("a row");
        let made = disturb(&truth.defective, &truth.implant, what, what.seed(43), &Progress::new()).expect("a case");
        assert_eq!([row[5], row[6]], [sha256(&made.implant), sha256(&made.defective)], "{}", what.word());
    }
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
