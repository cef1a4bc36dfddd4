//! The written part judged by two independent programs: admesh and trimesh.

mod support;

use std::path::Path;
use std::process::Command;
use support::{calvaria, judges_python, sample, scratch};

/// Runs `design` and returns the written STL's path inside `out`.
fn design(scan: &Path, out: &Path) -> std::path::PathBuf {
    let status =
        calvaria().args(["design", "--quiet"]).arg(scan).arg("--out").arg(out).status().expect("the program runs");
    assert!(status.success(), "design ended with {status}");
    out.join("implant.stl")
}

fn judge_with_trimesh(stl: &Path) {
    let Some(python) = judges_python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/part_with_trimesh.py");
    let output = Command::new(python).arg(script).arg(stl).output().expect("the judge runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the judge's JSON");
    assert_eq!(verdict["watertight"], true, "{verdict}");
    assert_eq!(verdict["winding_consistent"], true, "{verdict}");
    assert_eq!(verdict["bodies"], 1, "{verdict}");
    assert!(verdict["volume_mm3"].as_f64().is_some_and(|v| v > 500.0), "{verdict}");
}

/// The 3MF beside it is the same part, and says its unit.
fn judge_3mf(stl: &Path) {
    let Some(python) = judges_python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/part_as_3mf.py");
    let output =
        Command::new(python).arg(script).arg(stl.with_extension("3mf")).arg(stl).output().expect("the judge runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the judge's JSON");
    assert_eq!(verdict["unit"], "millimeter", "{verdict}");
    assert_eq!(verdict["model_type"], "application/vnd.ms-package.3dmanufacturing-3dmodel+xml", "{verdict}");
    assert!(verdict["metadata"]["Description"].as_str().is_some_and(|d| d.contains("LPS")), "{verdict}");
    for sound in ["built", "watertight", "winding_consistent", "triangles_equal"] {
        assert_eq!(verdict[sound], true, "{sound}: {verdict}");
    }
}

fn judge_with_admesh(stl: &Path) {
    let output = match Command::new("admesh").arg(stl).output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: admesh as judge of the part ({error})");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "Label : before  after": nothing may have needed a repair.
    let figure = |label: &str| -> f64 {
        let line = text
            .lines()
            .find(|l| l.contains(label))
            .unwrap_or_else(|| panic!("admesh says nothing of {label}: {text}"));
        let after = line.split(label).nth(1).and_then(|rest| rest.split(':').nth(1)).unwrap_or_default();
        after.split_whitespace().next().and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no figure in {line}"))
    };
    for fault in [
        "Total disconnected facets",
        "Degenerate facets",
        "Edges fixed",
        "Facets removed",
        "Facets added",
        "Facets reversed",
        "Backwards edges",
    ] {
        assert_eq!(figure(fault), 0.0, "{fault}: {text}");
    }
    assert_eq!(figure("Number of parts"), 1.0, "{text}");
    assert!(figure("Volume") > 500.0, "{text}");
}

#[test]
fn the_phantoms_part_is_watertight_manifold_and_one_body() {
    let folder = scratch("exported_part_phantom");
    let head = folder.join("head.nrrd");
    let made = calvaria()
        .args(["phantom", "--quiet", "--seed", "3", "--defect", "left-parietal,30", "--out"])
        .arg(&head)
        .status()
        .expect("the program runs");
    assert!(made.success());
    let stl = design(&head, &folder.join("out"));
    judge_with_admesh(&stl);
    judge_with_trimesh(&stl);
    judge_3mf(&stl);
}

#[test]
fn the_samples_part_is_watertight_manifold_and_one_body() {
    let Some(scan) = sample() else { return };
    let folder = scratch("exported_part_sample");
    let stl = design(&scan, &folder.join("out"));
    judge_with_admesh(&stl);
    judge_with_trimesh(&stl);
    judge_3mf(&stl);
}
