use super::*;
use crate::case::CaseFile;
use crate::export::nrrd::save_nrrd;
use crate::geometry::{Grid, Volume};
use nalgebra::Point3;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn silent() -> Wake {
    Arc::new(|| {})
}

/// A user's folder, and a scan (far too small for a head, but a scan) in a folder of its own.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> Home {
        Home::at(&self.root.path().join("home"))
    }

    fn scan(&self, name: &str, value: i16) -> PathBuf {
        let path = self.root.path().join(name);
        let grid = Grid::axis_aligned([8, 8, 8], [1.0; 3], Point3::origin());
        let data = (0..grid.len()).map(|i| (i % 97) as i16 * 20 + value).collect();
        save_nrrd(&path, &Volume::new(grid, data)).unwrap();
        path
    }

    fn open(&self, path: &Path) -> Case {
        let mut case = Case::open(self.home(), silent(), path).unwrap();
        settle(&mut case);
        case
    }

    /// The case as it comes back after the program was killed.
    fn back(&self, id: &str) -> Case {
        let mut case = Case::restore(self.home(), silent(), id).unwrap();
        settle(&mut case);
        case
    }
}

/// Polls until no job is at work.
fn settle(case: &mut Case) {
    let began = Instant::now();
    while case.is_busy() {
        assert!(began.elapsed() < Duration::from_secs(60), "the job does not end");
        case.poll();
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn thickness(case: &Case) -> f64 {
    case.recipe().implant.thickness_mm
}

#[test]
fn a_scan_is_read_by_a_job_and_names_the_case_by_its_hash() {
    let world = World::new();
    let case = world.open(&world.scan("Mueller_Hans.nrrd", 0));
    assert!(case.state(StepKind::Scan).is_current(), "{:?}", case.state(StepKind::Scan));
    assert_eq!(case.next_step(), Some(StepKind::Skull));
    let hash = &case.results().scan.as_ref().unwrap().hash;
    assert_eq!(case.name(), format!("Case {}", &hash[..6]));
}

#[test]
fn the_kept_case_holds_no_path_and_no_name() {
    let world = World::new();
    let mut case = world.open(&world.scan("Mueller_Hans.nrrd", 0));
    case.set("implant.thickness_mm", &json!(5.0)).unwrap();
    let saved = world.root.path().join("mine.calvaria");
    case.save_as(&saved).unwrap();
    for file in [world.home().case_file(case.id().unwrap()), saved] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains("Mueller") && !text.contains("/") && !text.contains("\\"), "{text}");
        assert!(text.contains("thickness_mm = 5.0"));
    }
}

#[test]
fn every_edit_is_back_after_a_restart() {
    let world = World::new();
    let mut case = world.open(&world.scan("a.nrrd", 0));
    case.set("implant.thickness_mm", &json!(5.5)).unwrap();
    let stroke = vec![Edit::paint([1.0, 2.0, 0.1 + 0.2], 4.0, true)];
    case.add_edits(stroke.clone());
    let id = case.id().unwrap().to_owned();
    drop(case);
    let back = world.back(&id);
    assert_eq!((thickness(&back), back.edits()), (5.5, [Edit { defect: Some(0), ..stroke[0].clone() }].as_slice()));
    assert!(back.state(StepKind::Scan).is_current());
}

#[test]
fn a_broken_autosave_falls_back_on_the_copy_before_it() {
    let world = World::new();
    let mut case = world.open(&world.scan("a.nrrd", 0));
    case.set("implant.thickness_mm", &json!(5.5)).unwrap();
    let id = case.id().unwrap().to_owned();
    let kept = world.home().kept_file(&id);
    let began = Instant::now();
    while !std::fs::read_to_string(&kept).is_ok_and(|t| t.contains("5.5")) {
        assert!(began.elapsed() < Duration::from_secs(20), "the synced copy does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::fs::write(world.home().case_file(&id), "format = \"calv").unwrap();
    assert_eq!(thickness(&world.back(&id)), 5.5);
}

#[test]
fn a_scan_that_moved_is_asked_for_and_only_the_right_one_is_taken() {
    let world = World::new();
    let path = world.scan("a.nrrd", 0);
    let case = world.open(&path);
    let id = case.id().unwrap().to_owned();
    let hash = case.results().scan.as_ref().unwrap().hash.clone();
    drop(case);
    let moved = world.root.path().join("elsewhere.nrrd");
    std::fs::rename(&path, &moved).unwrap();
    let mut back = world.back(&id);
    assert_eq!(back.missing_scan(), Some(hash.as_str()));
    assert!(matches!(back.state(StepKind::Scan), StepState::Failed { .. }));
    back.locate_scan(&world.scan("other.nrrd", 5));
    settle(&mut back);
    assert_eq!(back.missing_scan(), Some(hash.as_str()));
    assert!(back.results().scan.is_none());
    back.locate_scan(&moved);
    settle(&mut back);
    assert!(back.missing_scan().is_none() && back.state(StepKind::Scan).is_current());
    drop(back);
    assert!(world.back(&id).state(StepKind::Scan).is_current(), "the new place is remembered");
}

#[test]
fn opening_a_scan_again_makes_a_new_case_only_when_the_old_one_was_worked_on() {
    let world = World::new();
    let path = world.scan("a.nrrd", 0);
    let first = world.open(&path).id().unwrap().to_owned();
    let mut second = world.open(&path);
    assert_eq!(second.id(), Some(first.as_str()));
    second.set("implant.thickness_mm", &json!(5.0)).unwrap();
    drop(second);
    let third = world.open(&path);
    assert_ne!(third.id(), Some(first.as_str()));
    assert_eq!(thickness(&third), 4.0);
    assert_eq!(world.home().recent().len(), 2);
}

#[test]
fn a_case_open_in_another_window_is_copied_and_never_written_over() {
    let world = World::new();
    let path = world.scan("a.nrrd", 0);
    let mut case = world.open(&path);
    case.set("implant.thickness_mm", &json!(5.0)).unwrap();
    let file = world.root.path().join("mine.calvaria");
    case.save_as(&file).unwrap();
    let id = case.id().unwrap().to_owned();
    // Its own window opens it again as it is.
    assert!(!world.back(&id).is_copy());
    drop(case);
    // A lock belongs to its open file: this stands for another window.
    let other = std::fs::File::open(world.home().case_file(&id).with_file_name("open.lock")).unwrap();
    other.lock().unwrap();
    let mut copy = world.back(&id);
    assert!(copy.is_copy() && copy.id() != Some(id.as_str()) && copy.saved_to().is_none());
    assert_eq!(thickness(&copy), 5.0);
    copy.set("implant.thickness_mm", &json!(7.0)).unwrap();
    assert_eq!(world.home().load(&id).unwrap().recipe.implant.thickness_mm, 5.0);
    assert!(matches!(copy.save(), Err(SaveError::NoPlace)), "the other window's file is not its own");
    drop(other);
    assert!(!world.back(&id).is_copy());
}

#[test]
fn a_kept_case_whose_scan_cannot_be_read_asks_where_it_is() {
    let world = World::new();
    let path = world.scan("a.nrrd", 0);
    let id = world.open(&path).id().unwrap().to_owned();
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "no scan any more").unwrap();
    let mut back = world.back(&id);
    assert!(back.missing_scan().is_some() && !back.can_read_on());
    let moved = world.root.path().join("moved.nrrd");
    std::fs::write(&moved, good).unwrap();
    back.locate_scan(&moved);
    settle(&mut back);
    assert!(back.state(StepKind::Scan).is_current());
}

#[test]
fn a_reading_that_was_stopped_can_go_on() {
    let world = World::new();
    let mut case = Case::open(world.home(), silent(), &world.scan("a.nrrd", 0)).unwrap();
    case.cancel();
    settle(&mut case);
    // The read may have been over before it was stopped.
    if !case.state(StepKind::Scan).is_current() {
        assert!(case.can_read_on());
        case.run_to(StepKind::Scan);
        settle(&mut case);
    }
    assert!(case.state(StepKind::Scan).is_current());
}

#[test]
fn a_folders_single_volume_is_remembered_itself() {
    let world = World::new();
    let folder = world.root.path().join("patient");
    std::fs::create_dir_all(folder.join("part")).unwrap();
    std::fs::copy(world.scan("a.nrrd", 0), folder.join("a.nrrd")).unwrap();
    let id = world.open(&folder).id().unwrap().to_owned();
    // An export beside it makes the folder hold several volumes.
    std::fs::copy(world.scan("b.nrrd", 3), folder.join("part/implant.nrrd")).unwrap();
    assert!(world.back(&id).state(StepKind::Scan).is_current());
}

#[test]
fn a_saved_case_opens_with_what_was_done_after_the_save() {
    let world = World::new();
    let mut case = world.open(&world.scan("a.nrrd", 0));
    assert!(matches!(case.save(), Err(SaveError::NoPlace)));
    case.set("implant.thickness_mm", &json!(5.0)).unwrap();
    let file = world.root.path().join("mine");
    case.save_as(&file).unwrap();
    assert!(case.is_saved());
    let file = file.with_extension("calvaria");
    case.set("implant.thickness_mm", &json!(6.0)).unwrap();
    assert!(!case.is_saved());
    drop(case);
    let mut again = world.open(&file);
    assert_eq!(thickness(&again), 6.0);
    again.save().unwrap();
    assert_eq!(CaseFile::read(&file).unwrap().recipe.implant.thickness_mm, 6.0);
}

#[test]
fn a_saved_case_changed_by_someone_else_wins_over_the_autosave() {
    let world = World::new();
    let mut case = world.open(&world.scan("a.nrrd", 0));
    let file = world.root.path().join("mine.calvaria");
    case.save_as(&file).unwrap();
    drop(case);
    let text = std::fs::read_to_string(&file).unwrap().replace("thickness_mm = 4.0", "thickness_mm = 7.0");
    std::fs::write(&file, text).unwrap();
    assert_eq!(thickness(&world.open(&file)), 7.0);
}

#[test]
fn case_files_of_another_kind_or_time_are_refused() {
    let world = World::new();
    let file = world.root.path().join("x.calvaria");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Case::open(world.home(), silent(), &file).err().expect("refused").to_string()
    };
    assert!(refused("hello").contains("not a Calvaria case"));
    assert!(refused("format = \"other\"\nversion = 1\n").contains("not a Calvaria case"));
    assert!(refused("format = \"calvaria-case\"\nversion = 9\n").contains("newer"));
    let good = CaseFile::new("n".to_owned(), None, Recipe::default(), Vec::new(), Vec::new()).to_text();
    assert!(refused(&good.replace("thickness_mm = 4.0", "thickness_mm = 400.0")).contains("thickness_mm"));
    assert!(refused(&good.replace("thickness_mm", "thicknes")).contains("thicknes"));
}

#[test]
fn a_drag_is_one_change_and_one_that_returns_is_none() {
    let world = World::new();
    let mut case = Case::new(world.home(), silent());
    for v in [4.5, 5.0, 6.0] {
        case.drag("implant.thickness_mm", &json!(v)).unwrap();
    }
    case.end_drag();
    assert_eq!(case.undo_name().as_deref(), Some("thickness 4 → 6 mm"));
    case.undo().unwrap();
    assert_eq!(thickness(&case), 4.0);
    assert!(case.undo().is_none());
    case.redo().unwrap();
    case.drag("implant.thickness_mm", &json!(7.0)).unwrap();
    case.drag("implant.thickness_mm", &json!(6.0)).unwrap();
    case.end_drag();
    assert_eq!(case.undo_name().as_deref(), Some("thickness 4 → 6 mm"));
}

#[test]
fn a_refused_value_changes_nothing() {
    let world = World::new();
    let mut case = Case::new(world.home(), silent());
    assert!(case.set("implant.thickness_mm", &json!(99)).is_err());
    assert!(case.set("implant.nothing", &json!(1)).is_err());
    assert!(case.undo_name().is_none());
    assert_eq!(*case.recipe(), Recipe::default());
}

#[test]
fn a_step_that_fails_says_what_happened_and_what_to_do() {
    let world = World::new();
    let mut case = world.open(&world.scan("a.nrrd", -1000));
    case.run_all();
    settle(&mut case);
    match case.state(StepKind::Skull) {
        StepState::Failed { message, next } => assert!(!message.is_empty() && !next.is_empty()),
        other => panic!("an empty block is no head, yet {other:?}"),
    }
    assert_eq!(case.state(StepKind::Defect), StepState::NotRun);
}

#[derive(Clone, Debug)]
enum Act {
    Set(usize, f64),
    Drag(usize, Vec<f64>),
    Paint(Vec<[f64; 3]>),
    Clear,
    Recipe(Box<Recipe>),
    Undo,
    Redo,
}

fn any_act() -> impl Strategy<Value = Act> {
    let share = 0.0..=1.0f64;
    prop_oneof![
        (0..100usize, share.clone()).prop_map(|(i, v)| Act::Set(i, v)),
        (0..100usize, proptest::collection::vec(share, 1..4)).prop_map(|(i, v)| Act::Drag(i, v)),
        proptest::collection::vec(proptest::array::uniform3(-100.0..100.0f64), 1..4).prop_map(Act::Paint),
        Just(Act::Clear),
        crate::case::recipe::tests::any_recipe().prop_map(|r| Act::Recipe(Box::new(r))),
        Just(Act::Undo),
        Just(Act::Redo),
    ]
}

/// The parameter of a number (any), and the value at a share of its range.
fn setting(index: usize, share: f64) -> (String, Value) {
    use crate::parameter::ParameterKind;
    let all = Recipe::default().specs();
    let s = &all[index % all.len()];
    let value = match s.spec.kind {
        ParameterKind::Number { min, max, .. } => json!(min + (max - min) * share),
        ParameterKind::Whole { min, max } => json!(min + ((max - min) as f64 * share) as i64),
        ParameterKind::Choice(words) => json!(words[((words.len() - 1) as f64 * share) as usize]),
        ParameterKind::Switch => json!(share > 0.5),
    };
    (s.path(), value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn undoing_everything_gives_the_beginning_and_redoing_it_the_end(acts in proptest::collection::vec(any_act(), 1..24)) {
        let world = World::new();
        let mut case = Case::new(world.home(), silent());
        for act in acts {
            match act {
                Act::Set(i, v) => { let (path, value) = setting(i, v); case.set(&path, &value).unwrap(); }
                Act::Drag(i, vs) => {
                    for v in vs { let (path, value) = setting(i, v); case.drag(&path, &value).unwrap(); }
                    case.end_drag();
                }
                Act::Paint(points) => case.add_edits(points.into_iter()
                    .map(|centre_mm| Edit::paint(centre_mm, 5.0, true)).collect()),
                Act::Clear => case.clear_edits(),
                Act::Recipe(recipe) => case.set_recipe("open recipe", *recipe),
                Act::Undo => { case.undo(); }
                Act::Redo => { case.redo(); }
            }
        }
        while case.redo().is_some() {}
        let end = (case.recipe().clone(), case.edits().to_vec());
        let mut steps = 0;
        while case.undo().is_some() { steps += 1; }
        prop_assert_eq!(case.recipe(), &Recipe::default());
        prop_assert!(case.edits().is_empty());
        for _ in 0..steps { prop_assert!(case.redo().is_some()); }
        prop_assert_eq!(&(case.recipe().clone(), case.edits().to_vec()), &end);
        // What is on disk is what is in memory.
        if let Some(id) = case.id().map(str::to_owned) {
            let file = world.home().load(&id).unwrap();
            prop_assert_eq!((file.recipe, file.edits), end);
        }
    }
}
