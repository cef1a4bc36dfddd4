use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const NOW: &str = "2026-01-02T03:04:05Z";

/// A folder with empty files of these names.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    dir
}

fn dicom(path: &Path) {
    let mut bytes = vec![0u8; 128];
    bytes.extend(b"DICM and more");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn digits(folder: &mut LabelFolder, keys: &[u8]) {
    for &key in keys {
        folder.apply(Action::Digit(key), NOW).unwrap();
    }
}

fn session(scans: &[&str]) -> LabelSession {
    let scans = scans.iter().map(|s| (*s).to_owned()).collect();
    LabelSession::new(Vocabulary::full(), Labels::new("full-1"), scans, "anna")
}

#[test]
fn built_in_sets_are_read_and_named() {
    let (full, simple) = (Vocabulary::full(), Vocabulary::simple());
    assert_eq!((full.name.as_str(), simple.name.as_str()), ("full-1", "simple-1"));
    let sizes = |v: &Vocabulary| v.groups.iter().map(|g| g.tags.len()).collect::<Vec<_>>();
    assert_eq!(sizes(&full), [2, 10, 7, 2, 6]);
    assert_eq!(sizes(&simple), [2, 3, 4]);
    assert_eq!(Vocabulary::by_name("simple-1"), Some(simple));
    assert_eq!(Vocabulary::by_name("none"), None);
}

#[test]
fn a_vocabulary_with_a_mistake_is_refused_with_its_place() {
    let group = |body: &str| format!("name = \"mine\"\n[[group]]\nid = \"a\"\nlabel = \"A\"\nchoose = \"one\"\n{body}");
    let tags = |tags: &str| group(&format!("tags = [{tags}]"));
    let (x, y) = ("{ id = \"x\", label = \"X\", key = 1 }", "{ id = \"y\", label = \"Y\", key = 1 }");
    for (text, expected) in [
        ("name = \"mine\"".to_owned(), "group"),
        (tags(""), "no tag"),
        (tags(&format!("{x}, {y}")), "key 1 stands twice"),
        (tags(&format!("{x}, {}", x.replace('1', "2"))), "\"x\""),
        (tags(&x.replace('1', "11")), "not a digit"),
        (group(&format!("colour = 3\ntags = [{x}]")), "colour"),
        (tags(x).replace("one", "some"), "some"),
        (tags(x).replace("choose", "when = { group = \"b\", tag = \"x\" }\nchoose"), "no earlier group"),
        (tags(x).replace("\"mine\"", "\" \""), "no name"),
        (format!("{}\n{}", tags(x), tags(x).replace("name = \"mine\"\n", "")), "stands twice"),
    ] {
        let message = Vocabulary::parse("mine.toml", &text).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("mine.toml"), "{message}");
    }
    assert!(matches!(Vocabulary::read(Path::new("does/not/exist.toml")), Err(Error::Read { .. })));
}

#[test]
fn the_file_has_the_promised_form() {
    let dir = folder(&["sub/001.nrrd"]);
    let mut labels = LabelFolder::open(dir.path(), None, "anna").unwrap();
    digits(&mut labels, &[1, 4]);
    labels.apply(Action::Confirm, NOW).unwrap();
    digits(&mut labels, &[4]);
    let text = fs::read_to_string(dir.path().join(LABELS_FILE)).unwrap();
    let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        compact.to_string(),
        r#"{"version":1,"vocabulary":"full-1","scans":{"sub/001.nrrd":{"tags":{"present":"yes","location":["right-frontal"],"shape":"oval"},"by":"anna","at":"2026-01-02T03:04:05Z"}}}"#
    );
    assert_eq!(Labels::read(labels.file()).unwrap().as_ref(), Some(labels.session().labels()));
}

#[test]
fn a_walk_lists_scans_and_dicom_folders_sorted() {
    let dir = folder(&[
        "b/002.nii.gz",
        "b/001.NRRD",
        "a.nii",
        "case.inv3",
        "notes.txt",
        "labels.json",
        ".hidden/x.nrrd",
        "b/empty.dcm",
    ]);
    dicom(&dir.path().join("series/1/IM0001"));
    dicom(&dir.path().join("series/1/IM0002"));
    dicom(&dir.path().join("series/2/1.2.840.1"));
    dicom(&dir.path().join("dcm/a.dcm"));
    dicom(&dir.path().join("index/DICOMDIR"));
    let found = walk(dir.path()).unwrap();
    assert_eq!(found.scans, ["a.nii", "b/001.NRRD", "b/002.nii.gz", "case.inv3", "dcm", "series/1", "series/2"]);
    assert!(found.left_out.is_empty());
    dicom(&dir.path().join("0001.dcm"));
    let found = walk(dir.path()).unwrap();
    assert_eq!(found.scans[0], ".");
    fs::remove_file(dir.path().join(LABELS_FILE)).unwrap();
    let labels = LabelFolder::open(dir.path(), None, "").unwrap();
    assert_eq!(labels.path_of("."), dir.path());
    assert_eq!(labels.path_of("series/1"), dir.path().join("series").join("1"));
    assert!(matches!(walk(&dir.path().join("nowhere")), Err(Error::Read { .. })));
    let bare = folder(&["readme.md"]);
    assert!(matches!(LabelFolder::open(bare.path(), None, ""), Err(Error::NoScans { .. })));
}

#[test]
fn a_healthy_head_takes_two_digits_and_a_defect_five_keys() {
    let mut s = session(&["a", "b", "c"]);
    // No defect: place and shape are not asked.
    assert_eq!(s.apply(Action::Digit(2), NOW), Outcome::Changed);
    assert_eq!(s.group().id, "treatment");
    s.apply(Action::Digit(2), NOW);
    assert_eq!(s.state(0), LabelState::Done);
    assert_eq!(s.group().id, "information");
    assert_eq!(s.apply(Action::Confirm, NOW), Outcome::Moved);
    assert_eq!((s.scan(), s.group().id.as_str()), (Some("b"), "present"));
    for action in [Action::Digit(1), Action::Digit(4), Action::Confirm, Action::Digit(4), Action::Digit(1)] {
        s.apply(action, NOW);
    }
    assert_eq!(s.progress(), Tally { done: 2, started: 0, total: 3 });
    assert_eq!(s.upcoming(2), ["c"]);
}

#[test]
fn several_tags_switch_on_and_off_in_the_sets_order() {
    let mut s = session(&["a"]);
    s.apply(Action::Digit(1), NOW);
    for digit in [4, 1, 0, 4] {
        assert_eq!(s.apply(Action::Digit(digit), NOW), Outcome::Changed);
    }
    let words = s.tags().get("location").unwrap().words().to_vec();
    assert_eq!(words, ["left-parietal", "bilateral-parietal"]);
    s.apply(Action::Digit(1), NOW);
    s.apply(Action::Digit(0), NOW);
    assert_eq!(s.tags().get("location"), None, "the last one off leaves no empty list");
    assert_eq!(s.state(0), LabelState::Started);
}

#[test]
fn taking_the_defect_back_takes_its_place_and_shape_along() {
    let mut s = session(&["a"]);
    for action in
        [Action::Digit(1), Action::Digit(3), Action::Confirm, Action::Digit(5), Action::Group(0), Action::Digit(2)]
    {
        s.apply(action, NOW);
    }
    assert_eq!(s.tags().iter().map(|(g, _)| g.to_owned()).collect::<Vec<_>>(), ["present"]);
    assert_eq!(s.apply(Action::Group(1), NOW), Outcome::Nothing, "place is not asked of a healthy head");
    s.apply(Action::Undo, NOW);
    assert!(s.tags().has("location", "left-frontal") && s.tags().has("shape", "triangle"));
    assert_eq!(s.group().id, "present");
}

#[test]
fn moving_and_skipping() {
    let mut s = session(&["a", "b", "c"]);
    assert_eq!(s.apply(Action::Previous, NOW), Outcome::Nothing);
    assert_eq!(s.apply(Action::Digit(7), NOW), Outcome::Nothing, "no tag on that digit");
    s.apply(Action::Next, NOW);
    s.apply(Action::Digit(2), NOW);
    s.apply(Action::Digit(2), NOW);
    s.apply(Action::Previous, NOW);
    assert_eq!(s.scan(), Some("a"));
    s.apply(Action::Skip, NOW);
    assert_eq!(s.scan(), Some("c"), "b is labelled");
    s.apply(Action::Skip, NOW);
    assert_eq!(s.scan(), Some("a"), "around the end");
    assert_eq!(s.apply(Action::GoTo(9), NOW), Outcome::Nothing);
    s.apply(Action::GoTo(1), NOW);
    s.apply(Action::Group(3), NOW);
    s.apply(Action::Back, NOW);
    assert_eq!(s.group().id, "present", "back over groups that do not apply");
    s.apply(Action::Back, NOW);
    assert_eq!(s.scan(), Some("a"));
    s.apply(Action::GoTo(1), NOW);
    s.apply(Action::Clear, NOW);
    assert_eq!(s.state(1), LabelState::Started);
    assert!(!s.tags().has("present", "no") && s.tags().has("treatment", "no-intervention"));
    let mut empty = session(&[]);
    for action in [Action::Digit(1), Action::Next, Action::Skip, Action::Undo, Action::Clear, Action::Back] {
        assert_eq!(empty.apply(action, NOW), Outcome::Nothing);
    }
    assert_eq!(empty.apply(Action::Confirm, NOW), Outcome::Nothing);
}

#[test]
fn work_resumes_at_the_first_scan_left() {
    let dir = folder(&["1.nrrd", "2.nrrd", "3.nrrd"]);
    let mut labels = LabelFolder::open(dir.path(), None, "anna").unwrap();
    digits(&mut labels, &[2, 2]);
    labels.apply(Action::Next, NOW).unwrap();
    digits(&mut labels, &[1, 3]);
    drop(labels);
    let again = LabelFolder::open(dir.path(), None, "ben").unwrap();
    assert_eq!((again.session().scan(), again.session().group().id.as_str()), (Some("2.nrrd"), "shape"));
    assert_eq!(again.session().labels().scans["1.nrrd"].by, "anna");
}

#[test]
fn a_second_reading_is_blind_and_compared_by_group() {
    let dir = folder(&["1.nrrd", "2.nrrd", "3.nrrd"]);
    let vocabulary = Vocabulary::simple;
    let read = |reading: Option<&str>, present: [u8; 3]| {
        let mut labels = LabelFolder::open_reading(dir.path(), reading, Some(vocabulary()), "r").unwrap();
        assert!(labels.session().labels().scans.is_empty(), "nothing of the others is seen");
        for (position, digit) in present.into_iter().enumerate() {
            labels.apply(Action::GoTo(position), NOW).unwrap();
            labels.apply(Action::Group(0), NOW).unwrap();
            digits(&mut labels, &[digit]);
        }
    };
    read(None, [1, 2, 1]);
    read(Some("ben"), [1, 2, 2]);
    std::fs::write(dir.path().join("labels-not ours.json"), "{").unwrap();
    let found = readings(dir.path()).unwrap();
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["labels", "ben"]);
    let groups = compare_readings(&vocabulary(), [&found[0].1, &found[1].1]);
    let present = &groups[0];
    assert_eq!((present.group.as_str(), present.answers.len()), ("present", 3));
    assert_eq!(present.categories(), ([vec![1, 0, 1], vec![1, 0, 0]], 2));
    let conflicts: Vec<_> = present.conflicts().collect();
    assert_eq!(conflicts, [&("3.nrrd".to_owned(), ["yes".to_owned(), "no".to_owned()])]);
    assert!(groups[1..].iter().all(|g| g.answers.is_empty()));
    for name in ["", "../x", "a b"] {
        let refused = LabelFolder::open_reading(dir.path(), Some(name), None, "").err();
        assert!(matches!(refused, Some(Error::ReadingName { .. })), "{name}");
    }
}

#[test]
fn who_changes_anothers_answers_signs_beside_that_name() {
    let dir = folder(&["1.nrrd"]);
    for (by, digit, signed) in [("anna", 2, "anna"), ("ben", 1, "anna, ben"), ("anna", 2, "anna, ben")] {
        let mut labels = LabelFolder::open(dir.path(), None, by).unwrap();
        labels.apply(Action::Group(0), NOW).unwrap();
        digits(&mut labels, &[digit]);
        assert_eq!(labels.session().labels().scans["1.nrrd"].by, signed);
    }
}

#[test]
fn labels_of_scans_that_are_gone_and_members_of_others_are_kept() {
    let dir = folder(&["1.nrrd"]);
    let text = r#"{"version":1,"vocabulary":"full-1","project":"x","scans":{"gone.nrrd":{"tags":{"present":"no","mine":"z"},"by":"c","at":"t","seconds":4}}}"#;
    fs::write(dir.path().join(LABELS_FILE), text).unwrap();
    let mut labels = LabelFolder::open(dir.path(), None, "anna").unwrap();
    digits(&mut labels, &[2]);
    let value: serde_json::Value = serde_json::from_slice(&fs::read(labels.file()).unwrap()).unwrap();
    assert_eq!(value["project"], "x");
    assert_eq!(
        value["scans"]["gone.nrrd"].to_string(),
        r#"{"tags":{"present":"no","mine":"z"},"by":"c","at":"t","seconds":4}"#
    );
    assert_eq!(value["scans"]["1.nrrd"]["tags"]["present"], "no");
    labels.apply(Action::Undo, NOW).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&fs::read(labels.file()).unwrap()).unwrap();
    assert!(value["scans"].get("1.nrrd").is_none(), "undone, as if never labelled");
}

#[test]
fn a_torn_or_foreign_file_is_refused_and_left_alone() {
    let good = r#"{"version":1,"vocabulary":"full-1","scans":{}}"#;
    for text in [
        &good[..20],
        "",
        "[]",
        "{}",
        "null",
        "\u{0}\u{0}\u{0}",
        r#"{"version":2,"vocabulary":"full-1","scans":{}}"#,
        r#"{"version":"1","vocabulary":"full-1","scans":{}}"#,
        r#"{"version":1,"scans":{}}"#,
        r#"{"version":1,"vocabulary":"full-1","scans":[]}"#,
        r#"{"version":1,"vocabulary":"full-1","scans":{"a":{"tags":{"present":3}}}}"#,
    ] {
        let dir = folder(&["1.nrrd"]);
        let file = dir.path().join(LABELS_FILE);
        fs::write(&file, text).unwrap();
        let error = LabelFolder::open(dir.path(), None, "anna").err().expect("refused");
        assert!(matches!(error, Error::Foreign { .. }), "{text}: {error}");
        assert!(error.to_string().contains("labels.json"));
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn labels_of_another_vocabulary_are_refused_and_its_own_is_taken_up() {
    let dir = folder(&["1.nrrd"]);
    let mut labels = LabelFolder::open(dir.path(), Some(Vocabulary::simple()), "anna").unwrap();
    digits(&mut labels, &[2]);
    let before = fs::read(labels.file()).unwrap();
    let error = LabelFolder::open(dir.path(), Some(Vocabulary::full()), "anna").err().expect("refused");
    assert!(error.to_string().contains("\"simple-1\"") && error.to_string().contains("\"full-1\""), "{error}");
    assert_eq!(fs::read(labels.file()).unwrap(), before);
    let own = LabelFolder::open(dir.path(), None, "anna").unwrap();
    assert_eq!(own.session().vocabulary().name, "simple-1");
}

#[test]
fn a_file_changed_by_another_program_is_not_overwritten() {
    let dir = folder(&["1.nrrd"]);
    let mut labels = LabelFolder::open(dir.path(), None, "anna").unwrap();
    digits(&mut labels, &[1]);
    let theirs = r#"{"version":1,"vocabulary":"full-1","scans":{"x":{"tags":{},"by":"","at":""}}}"#;
    fs::write(labels.file(), theirs).unwrap();
    assert!(matches!(labels.apply(Action::Digit(3), NOW), Err(Error::Changed { .. })));
    assert_eq!(fs::read_to_string(labels.file()).unwrap(), theirs);
    assert!(labels.session().tags().get("location").is_none(), "the session stays as it was");
}

#[test]
fn what_a_kill_leaves_behind_is_neither_a_scan_nor_labels() {
    let dir = folder(&["1.nrrd"]);
    let mut labels = LabelFolder::open(dir.path(), None, "anna").unwrap();
    digits(&mut labels, &[1, 2]);
    // A kill between writing aside and renaming leaves half a file of this name.
    let whole = fs::read(labels.file()).unwrap();
    fs::write(dir.path().join(".calvaria-a1b2.part"), &whole[..whole.len() / 2]).unwrap();
    let again = LabelFolder::open(dir.path(), None, "anna").unwrap();
    assert_eq!(again.session().labels(), labels.session().labels());
    assert_eq!(again.session().scans(), ["1.nrrd"]);
}

#[test]
fn tables_hold_every_scan_of_the_folder_and_quote_what_needs_it() {
    let mut s = session(&["a,\"b\".nrrd", "c.nrrd"]);
    for action in [Action::Digit(1), Action::Digit(1), Action::Digit(4), Action::Confirm, Action::Digit(1)] {
        s.apply(action, NOW);
    }
    let csv = to_csv(s.labels(), s.vocabulary(), s.scans());
    assert_eq!(
        csv,
        "scan,present,location,shape,treatment,information,by,at\r\n\
         \"a,\"\"b\"\".nrrd\",yes,left-parietal;right-frontal,square,,,anna,2026-01-02T03:04:05Z\r\n\
         c.nrrd,,,,,,,\r\n"
    );
    let json: serde_json::Value = serde_json::from_str(&to_json(s.labels(), s.vocabulary(), s.scans())).unwrap();
    assert_eq!(json[0]["location"], serde_json::json!(["left-parietal", "right-frontal"]));
    assert_eq!(json[1]["shape"], serde_json::Value::Null);
    // A labelled scan that is gone stands last.
    assert_eq!(to_csv(s.labels(), s.vocabulary(), &["c.nrrd".to_owned()]).lines().count(), 3);
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0u8..10).prop_map(Action::Digit),
        2 => Just(Action::Confirm),
        1 => Just(Action::Clear),
        1 => Just(Action::Back),
        1 => Just(Action::Next),
        1 => Just(Action::Previous),
        1 => Just(Action::Skip),
        1 => (0usize..6).prop_map(Action::GoTo),
        1 => (0usize..7).prop_map(Action::Group),
        2 => Just(Action::Undo),
    ]
}

proptest! {
    #[test]
    fn any_keys_leave_valid_labels_and_undo_leads_back(actions in prop::collection::vec(any_action(), 0..120)) {
        let start = session(&["a", "b", "c", "d"]);
        let mut s = start.clone();
        for action in actions {
            let before = s.clone();
            let outcome = s.apply(action, NOW);
            prop_assert_eq!(outcome == Outcome::Changed, s.labels() != before.labels());
            prop_assert_eq!(outcome == Outcome::Nothing, s == before);
            let bytes = s.labels().to_bytes();
            prop_assert_eq!(&Labels::parse(&bytes).unwrap(), s.labels());
            prop_assert!(s.group().applies(&s.tags()), "the current group is one that is asked");
            for label in s.labels().scans.values() {
                for (group, value) in label.tags.iter() {
                    let group = s.vocabulary().groups.iter().find(|g| g.id == group).unwrap();
                    prop_assert!(group.applies(&label.tags));
                    prop_assert!(!value.words().is_empty());
                    prop_assert!(matches!((value, group.choose), (TagValue::One(_), Choose::One) | (TagValue::Many(_), Choose::Many)));
                    prop_assert!(value.words().iter().all(|w| group.tags.iter().any(|t| t.id == *w)));
                }
            }
        }
        while s.apply(Action::Undo, NOW) == Outcome::Changed {}
        prop_assert_eq!(s.labels(), start.labels());
    }
}
