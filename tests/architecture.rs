//! Keeps the import table of ARCHITECTURE.md: who may speak of whom.

use std::fs;
use std::path::Path;

/// Room, rooms it may import, outside crates it must not import.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("geometry", &[], &["egui", "eframe", "wgpu", "three_d", "dicom_object", "image"]),
    ("surface", &["geometry"], &["egui", "eframe", "wgpu", "three_d"]),
    ("scan", &["geometry"], WINDOW),
    ("skull", &["geometry", "parameter", "surface", "scan"], WINDOW),
    ("defect", &["geometry", "parameter", "surface", "scan", "skull"], WINDOW),
    ("reconstruct", &["geometry", "parameter", "surface", "scan", "skull", "defect", "network"], WINDOW),
    ("implant", &["geometry", "parameter", "surface", "scan", "skull", "defect", "reconstruct"], WINDOW),
    ("export", &["geometry", "parameter", "surface", "scan", "skull", "defect", "reconstruct", "implant"], WINDOW),
    ("network", &["geometry", "scan", "skull", "defect"], WINDOW),
    ("train", &["geometry", "scan", "skull", "defect", "reconstruct", "network"], WINDOW),
    ("phantom", &["geometry", "scan", "skull"], WINDOW),
    (
        "evaluate",
        &["geometry", "parameter", "surface", "scan", "skull", "defect", "reconstruct", "implant", "phantom"],
        WINDOW,
    ),
    ("library", &["geometry", "scan", "export", "phantom"], WINDOW),
    (
        "case",
        &[
            "geometry",
            "parameter",
            "surface",
            "scan",
            "skull",
            "defect",
            "reconstruct",
            "implant",
            "export",
            "phantom",
            "library",
            "network",
        ],
        WINDOW,
    ),
    ("view", &["geometry", "surface"], &["egui", "eframe", "dicom_object"]),
    ("app", &["geometry", "parameter", "case", "view", "library"], &["dicom_object", "flate2", "tar", "plist"]),
    (
        "cli",
        &[
            "geometry",
            "parameter",
            "surface",
            "scan",
            "skull",
            "defect",
            "reconstruct",
            "implant",
            "export",
            "phantom",
            "evaluate",
            "library",
            "network",
            "train",
            "case",
            "view",
        ],
        &["egui", "eframe"],
    ),
];

const WINDOW: &[&str] = &["egui", "eframe", "wgpu", "three_d"];

/// The words after `crate::` in a line of code.
fn rooms_spoken_of(line: &str) -> impl Iterator<Item = String> + '_ {
    line.match_indices("crate::").filter_map(|(at, found)| {
        let rest = &line[at + found.len()..];
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        (!word.is_empty()).then_some(word)
    })
}

/// The lines of a file without what is compiled for tests alone, which may use phantoms from anywhere: a `#[cfg(test)]`
/// holds for the next item, to its semicolon or to the brace that closes at its own depth.
fn outside_of_tests(text: &str) -> Vec<&str> {
    let (mut kept, mut skipping) = (Vec::new(), None::<usize>);
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        match skipping {
            Some(from) if depth == from => {
                let ends = line.trim_end().ends_with(';') || line.trim_end().ends_with('}');
                skipping = (!ends).then_some(from);
            }
            Some(_) => {}
            None if line.trim() == "#[cfg(test)]" => skipping = Some(depth),
            None => kept.push(line),
        }
    }
    kept
}

fn check_folder(folder: &Path, room: &str, may: &[&str], must_not: &[&str], faults: &mut Vec<String>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("the room's folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            // A room's own tests may use phantoms and writers from anywhere.
            if path.file_name().is_some_and(|n| n != "tests") {
                check_folder(&path, room, may, must_not, faults);
            }
            continue;
        }
        if path.extension().is_none_or(|e| e != "rs") || path.file_name().is_some_and(|n| n == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        for line in outside_of_tests(&text).into_iter().filter(|l| !l.trim_start().starts_with("//")) {
            for word in rooms_spoken_of(line) {
                let is_room = ROOMS.iter().any(|r| r.0 == word) || word == "parameter";
                if is_room && word != room && !may.contains(&word.as_str()) {
                    faults.push(format!("{}: {room} must not import {word}: {}", path.display(), line.trim()));
                }
            }
            for outside in must_not {
                if line.contains(&format!("{outside}::")) {
                    faults.push(format!("{}: {room} must not import {outside}: {}", path.display(), line.trim()));
                }
            }
        }
    }
}

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for (room, may, must_not) in ROOMS {
        check_folder(&source.join(room), room, may, must_not, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_stands_in_the_table_and_in_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for entry in fs::read_dir(root.join("src")).expect("src") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            assert!(ROOMS.iter().any(|r| r.0 == name), "{name} is not in the import table");
            assert!(page.contains(&format!("`{name}/`")), "{name}/ is not described in ARCHITECTURE.md");
        }
    }
}

#[test]
fn a_forbidden_import_is_noticed() {
    let words: Vec<_> = rooms_spoken_of("use crate::case::Recipe; let x = crate::view::y;").collect();
    assert_eq!(words, ["case", "view"]);
    let folder = std::env::temp_dir().join(format!("calvaria-architecture-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    let text = "#[cfg(test)]\nmod tests;\nuse crate::app::Window;\n#[cfg(test)]\nfn only_here() {\n    crate::view::y();\n}\n\
                use egui::Ui;\n";
    fs::write(folder.join("bad.rs"), text).expect("a file");
    let mut faults = Vec::new();
    check_folder(&folder, "geometry", &[], &["egui"], &mut faults);
    fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(faults.len(), 2);
}
