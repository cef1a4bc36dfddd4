//! A program killed during edits loses at most the last one.

use calvaria::case::{Case, Home};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const CHILD: &str = "CALVARIA_TEST_EDIT_UNTIL_KILLED";

/// The value of the n-th edit: a thickness that differs from the one before and after it.
fn nth(n: u64) -> f64 {
    2.0 + (n % 900) as f64 / 100.0
}

/// The child: edits without pause and says after each that it was made.
#[test]
fn edit_until_killed() {
    let Some(root) = std::env::var_os(CHILD) else { return };
    let mut case = Case::new(Home::at(Path::new(&root)), Arc::new(|| {}));
    for n in 1u64.. {
        case.set("implant.thickness_mm", &nth(n).into()).expect("in range");
        println!("\nedit {n}");
    }
}

#[test]
fn ten_kills_lose_at_most_the_last_edit() {
    for round in 0..10u64 {
        let root = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "edit_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, root.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test starts itself");
        let wanted = 5 + round * 13;
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut said = 0;
        let mut lines = out.lines();
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(n) = line.strip_prefix("edit ") {
                said = n.parse().expect("a number");
            }
            if said >= wanted {
                break;
            }
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        // What it said before it died counts as made.
        for line in lines.map_while(Result::ok) {
            said = line.strip_prefix("edit ").and_then(|n| n.parse().ok()).unwrap_or(said);
        }
        assert!(said >= wanted, "round {round}: only {said} edits were made");
        let home = Home::at(root.path());
        let id = home.recent().first().expect("the case is on the list").id.clone();
        let case = Case::restore(home, Arc::new(|| {}), &id).expect("the case comes back");
        let back = case.recipe().implant.thickness_mm;
        assert!(back == nth(said) || back == nth(said + 1), "round {round}: {back} after edit {said} ({})", nth(said));
    }
}
