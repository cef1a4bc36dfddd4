//! The manual speaks of every parameter and every command, with the program's own words.

use calvaria::app::Command;
use calvaria::case::Recipe;
use std::fs;
use std::path::Path;

fn manual() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manual.md")).expect("docs/manual.md")
}

#[test]
fn every_parameter_is_in_the_manual() {
    let manual = manual();
    for setting in Recipe::default().specs() {
        assert!(manual.contains(&format!("`{}`", setting.path())), "{} is missing in docs/manual.md", setting.path());
    }
}

#[test]
fn every_command_stands_in_the_key_table_as_the_program_says_it() {
    let manual = manual();
    for command in Command::ALL {
        let spec = command.spec();
        let row = format!("| {} | {} |", spec.label, spec.tooltip);
        assert!(manual.contains(&row), "docs/manual.md lacks: {row}");
        let line = manual.lines().find(|l| l.ends_with(&row)).expect("the row just found");
        let key = command.key_text();
        assert!(line.contains(&key), "{}: the program says {key}, the manual {line}", spec.label);
    }
}

#[test]
fn every_picture_of_the_manual_is_there() {
    let manual = manual();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let pictures: Vec<&str> = manual.split("](images/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() >= 3);
    for picture in pictures {
        assert!(folder.join("images").join(picture).is_file(), "docs/images/{picture} is missing");
    }
}
