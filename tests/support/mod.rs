//! What the integration tests share: the program, folders of their own, the real scans where they are.
#![allow(dead_code, reason = "each test file uses the part it needs")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The built program, with a user's folder of its own so that no test touches a real user's cases.
pub fn calvaria() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calvaria"));
    command.env("CALVARIA_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("home"));
    command
}

/// An empty folder for one test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("an old test folder can be removed");
    }
    std::fs::create_dir_all(&folder).expect("a test folder can be made");
    folder
}

/// The interpreter that has the judges' packages, or a word that they are skipped.
pub fn judges_python() -> Option<PathBuf> {
    let python = std::env::var_os("CALVARIA_JUDGES").map(PathBuf::from);
    if python.is_none() {
        println!("skipped: judges in Python (CALVARIA_JUDGES names no interpreter)");
    }
    python
}

/// The folder of real scans and skulls, or a word that its tests are skipped.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("CALVARIA_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: real scans (no ../shared/data and no CALVARIA_DATA)");
    None
}

/// A folder that the data's zipped scans were unpacked into, or a word that it is skipped.
pub fn unpacked_scan(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scans").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {name} (not unpacked under target/scans; ./check does it)");
    None
}

/// The sample CT with the real defect, or a word that it is skipped.
pub fn sample() -> Option<PathBuf> {
    let file = std::env::var_os("CALVARIA_SAMPLE").map(PathBuf::from).filter(|f| f.is_file());
    if file.is_none() {
        println!("skipped: the sample CT (CALVARIA_SAMPLE names no file; ./check fetches it)");
    }
    file
}
