//! The command line as the manual promises it: exit codes, one clear message for each bad input, nothing half-written.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use support::{calvaria, real_data, sample, scratch};

fn run(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = calvaria();
    arguments.iter().for_each(|a| {
        command.arg(a);
    });
    command.output().expect("the program starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program ends by itself")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The phantom with a hole, its truth beside it; made once.
fn phantom() -> (PathBuf, PathBuf) {
    static MADE: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = scratch("cli-phantom");
        let (scan, truth) = (folder.join("head.nrrd"), folder.join("complete.nrrd"));
        let made = run(&[&"phantom", &"--out", &scan, &"--truth", &truth, &"--defect", &"right-parietal,30"]);
        assert_eq!(code(&made), 0, "{}", errors(&made));
        (scan, truth)
    })
    .clone()
}

/// Runs `design` on a bad input: the exit code, exactly one message that says all of `words`, and nothing written.
fn refused(name: &str, scan: &Path, expected: i32, words: &[&str]) {
    let out = scratch(&format!("cli-refused-{name}")).join("out");
    let output = run(&[&"--quiet", &"design", &scan, &"--out", &out]);
    let message = errors(&output);
    assert_eq!(code(&output), expected, "{name}: {message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{name}: one message, not\n{message}");
    assert!(message.starts_with("calvaria: "), "{name}: {message}");
    for word in words {
        assert!(message.contains(word), "{name}: \"{word}\" is missing in: {message}");
    }
    assert!(text(&output).is_empty(), "{name}: {}", text(&output));
    assert!(!out.exists(), "{name}: something was written");
}

#[test]
fn bad_input_is_refused_with_one_message_and_nothing_is_written() {
    let folder = scratch("cli-bad");
    refused("missing", &folder.join("missing.nrrd"), 3, &["missing.nrrd", "no such file"]);

    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    refused("empty", &empty, 3, &["no scan"]);

    let dcm = folder.join("notes.dcm");
    std::fs::write(&dcm, "These are notes, not slices.\n").unwrap();
    refused("text", &dcm, 3, &["notes.dcm", "DICOM"]);

    let truncated = folder.join("truncated.nrrd");
    let bytes = std::fs::read(phantom().0).unwrap();
    std::fs::write(&truncated, &bytes[..bytes.len() / 2]).unwrap();
    refused("truncated", &truncated, 3, &["truncated.nrrd"]);

    let huge = folder.join("huge.nii");
    std::fs::write(&huge, nifti_of_30000_cubed()).unwrap();
    refused("huge", &huge, 3, &["huge.nii", "30000"]);

    let inv3 = folder.join("half.inv3");
    std::fs::write(&inv3, project_without_matrix()).unwrap();
    refused("inv3", &inv3, 3, &["half.inv3", "matrix.dat"]);
}

/// The scan under every name that a command may write to, and the labels under that of their table.
#[test]
fn what_is_read_is_never_written_over() {
    let folder = scratch("cli-kept");
    let (scan, _) = phantom();
    let scan = std::fs::read(scan).expect("the phantom");
    let kept = |file: &Path, output: Output| {
        assert_eq!(code(&output), 3, "{}", errors(&output));
        assert!(errors(&output).contains("this is what is read"), "{}", errors(&output));
        assert!(std::fs::read(file).expect("still there") == scan, "{}", file.display());
    };
    let file = folder.join("implant.nrrd");
    std::fs::write(&file, &scan).expect("written");
    kept(&file, run(&[&"mesh", &file, &"--out", &file]));
    kept(&file, run(&[&"design", &file, &"--out", &folder]));
    let below = folder.join("complete_skull");
    std::fs::create_dir_all(&below).expect("a folder");
    let file = below.join("a.nrrd");
    std::fs::rename(folder.join("implant.nrrd"), &file).expect("moved");
    kept(&file, run(&[&"reconstruct", &below, &"--out", &folder]));
    let same = folder.join("same.nrrd");
    assert_eq!(code(&run(&[&"phantom", &"--out", &same, &"--truth", &same])), 2);
    // By another spelling, and where it is not there yet.
    assert_eq!(code(&run(&[&"phantom", &"--out", &same, &"--truth", &folder.join("complete_skull/../same.nrrd")])), 2);
    let labels = below.join("labels.json");
    assert!(code(&run(&[&"label", &below, &"--export", &labels])) == 3 && !labels.exists());
    let stored = r#"{"version":1,"vocabulary":"full-1","scans":{}}"#;
    assert_eq!(code(&run(&[&"label", &below, &"--export", &below.join("t.csv")])), 0);
    std::fs::write(&labels, stored).expect("written");
    let output = run(&[&"label", &below, &"--export", &labels]);
    assert!(code(&output) == 3 && errors(&output).contains("this is what is read"), "{}", errors(&output));
    assert_eq!(std::fs::read_to_string(&labels).expect("still there"), stored);
}

#[test]
fn scans_that_are_no_head_are_refused() {
    let folder = scratch("cli-no-head");
    let chest = folder.join("chest.nrrd");
    assert_eq!(code(&run(&[&"phantom", &"--kind", &"chest", &"--out", &chest])), 0);
    refused("chest", &chest, 3, &["head"]);

    let water = folder.join("water.nrrd");
    let header = "NRRD0004\ntype: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 60 60 60\n\
                  space directions: (2,0,0) (0,2,0) (0,0,2)\nendian: little\nencoding: raw\nspace origin: (0,0,0)\n\n";
    let voxels = (0..60 * 60 * 60).flat_map(|i: i32| ((i % 40) as i16).to_le_bytes());
    std::fs::write(&water, header.bytes().chain(voxels).collect::<Vec<u8>>()).unwrap();
    refused("no bone", &water, 3, &["no bone", "threshold"]);

    if let Some(data) = real_data() {
        refused("mr", &data.join("dicom-hard/wrong-modality/MR_small_implicit.dcm"), 3, &["MR", "CT"]);
    }
}

/// A NIfTI-1 header of 348 bytes that claims 30000³ voxels, and a few bytes.
fn nifti_of_30000_cubed() -> Vec<u8> {
    let mut bytes = vec![0u8; 360];
    bytes[0..4].copy_from_slice(&348i32.to_le_bytes());
    for (i, d) in [3i16, 30000, 30000, 30000, 1, 1, 1, 1].iter().enumerate() {
        bytes[40 + 2 * i..42 + 2 * i].copy_from_slice(&d.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&4i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&16i16.to_le_bytes());
    for i in 0..4 {
        bytes[76 + 4 * i..80 + 4 * i].copy_from_slice(&1f32.to_le_bytes());
    }
    bytes[108..112].copy_from_slice(&352f32.to_le_bytes());
    bytes[344..348].copy_from_slice(b"n+1\0");
    bytes
}

/// An InVesalius project whose property list names a matrix that is not in it.
fn project_without_matrix() -> Vec<u8> {
    let plist = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>format_version</key><real>1.1</real>
<key>modality</key><string>CT</string>
<key>spacing</key><array><real>1.0</real><real>1.0</real><real>1.0</real></array>
<key>matrix</key><dict><key>filename</key><string>matrix.dat</string>
<key>shape</key><array><integer>20</integer><integer>20</integer><integer>20</integer></array>
<key>dtype</key><string>int16</string></dict>
</dict></plist>"#;
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(plist.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "main.plist", plist.as_bytes()).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn usage_errors_are_2_and_help_is_everywhere_with_examples() {
    for wrong in [&["design"][..], &["frobnicate"], &["design", "x", "--out", "y", "--wrong"], &["man", "nothing"]] {
        let output = calvaria().args(wrong).output().unwrap();
        assert_eq!(code(&output), 2, "{wrong:?}: {}", errors(&output));
    }
    let output = run(&[&"design", &"x.nrrd", &"--out", &"y", &"--set", &"implant.thickness=4"]);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("thickness_mm"), "the known names are said: {}", errors(&output));
    for command in [
        "open",
        "design",
        "reconstruct",
        "detect",
        "compare",
        "inspect",
        "mesh",
        "phantom",
        "label",
        "atlas",
        "completions",
        "man",
    ] {
        let output = run(&[&command, &"--help"]);
        assert_eq!(code(&output), 0);
        assert!(text(&output).contains("Examples:"), "{command}: {}", text(&output));
    }
    assert!(text(&run(&[&"--help"])).contains("not a medical device"));
}

#[test]
fn completions_and_manual_pages_come_from_the_same_definitions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&[&"completions", &shell]);
        assert!(code(&output) == 0 && text(&output).contains("reconstruct"), "{shell}");
    }
    let page = text(&run(&[&"man"]));
    assert!(page.contains(".TH") && page.contains("reconstruct"));
    assert!(text(&run(&[&"man", &"design"])).contains("thickness"));
}

#[test]
fn a_window_without_a_display_offers_the_headless_command() {
    let scan = phantom().0;
    let mut command = calvaria();
    command.args(["open".as_ref(), scan.as_os_str()]);
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    if cfg!(all(unix, not(target_os = "macos"))) {
        let output = command.output().unwrap();
        assert_eq!(code(&output), 1);
        assert!(errors(&output).contains("no display") && errors(&output).contains("calvaria design"));
    }
    assert_eq!(code(&run(&[&"open", &"/no/such/scan"])), 3);
}

const FILES: [&str; 7] =
    ["complete.nrrd", "implant.3mf", "implant.nrrd", "implant.stl", "recipe.toml", "report.json", "skull.stl"];

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n != "preview.png")
        .collect();
    names.sort();
    names
}

#[test]
fn design_writes_the_same_bytes_at_any_thread_count_and_from_its_own_recipe() {
    let scan = phantom().0;
    let folder = scratch("cli-design");
    let design = |threads: &str, out: &Path, more: &[&std::ffi::OsStr]| {
        let mut command: Command = calvaria();
        command.env("RAYON_NUM_THREADS", threads).args(["-q", "design"]).arg(&scan).arg("--out").arg(out).args(more);
        let output = command.output().unwrap();
        assert_eq!(code(&output), 0, "{}", errors(&output));
    };
    let (one, two, again) = (folder.join("one"), folder.join("two"), folder.join("again"));
    design("1", &one, &["--set".as_ref(), "implant.thickness_mm=3.5".as_ref()]);
    design("2", &two, &["--set".as_ref(), "implant.thickness_mm=3.5".as_ref()]);
    assert_eq!(names(&one), FILES);
    for name in FILES {
        assert!(std::fs::read(one.join(name)).unwrap() == std::fs::read(two.join(name)).unwrap(), "{name} differs");
    }
    design("2", &again, &["--recipe".as_ref(), one.join("recipe.toml").as_os_str()]);
    assert!(std::fs::read(one.join("implant.stl")).unwrap() == std::fs::read(again.join("implant.stl")).unwrap());

    let stl = std::fs::read(one.join("implant.stl")).unwrap();
    let header = String::from_utf8_lossy(&stl[..80]).into_owned();
    assert!(!header.starts_with("solid") && header.contains("mm") && header.contains("LPS"), "{header}");
    let report = std::fs::read_to_string(one.join("report.json")).unwrap();
    for word in ["not a medical device", "\"thickness_mm\": 3.5", "covers_defect", "sha256"] {
        assert!(report.contains(word), "{word} is not in the report");
    }
    let hidden = folder.to_string_lossy().into_owned();
    assert!(!report.contains(&hidden) && !report.contains("head.nrrd"), "a path is in the report");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for file in report["files"].as_array().unwrap() {
        use sha2::Digest;
        let bytes = std::fs::read(one.join(file["name"].as_str().unwrap())).unwrap();
        let hash: String = sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(file["sha256"], hash.as_str(), "{}", file["name"]);
    }
}

#[test]
fn design_of_a_healthy_head_is_4_and_writes_nothing() {
    let (_, healthy) = phantom();
    refused("healthy", &healthy, 4, &["no defect"]);
}

#[test]
fn detect_prints_the_promised_json() {
    let (scan, healthy) = phantom();
    let output = run(&[&"detect", &scan, &"--json"]);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let found: serde_json::Value = serde_json::from_str(&text(&output)).expect("JSON alone on the output");
    let defects = found["defects"].as_array().unwrap();
    assert_eq!(defects.len(), 1, "{found}");
    let keys: Vec<&str> = defects[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["region", "area_cm2", "shape", "rim_mm", "bounds_mm"]);
    assert_eq!(defects[0]["region"], "right-parietal");
    assert!((defects[0]["area_cm2"].as_f64().unwrap() - 30.0).abs() < 3.0, "{}", defects[0]["area_cm2"]);
    let output = run(&[&"detect", &healthy, &"--json"]);
    assert_eq!((code(&output), text(&output).trim()), (0, r#"{"defects":[]}"#));
}

#[test]
fn an_output_that_cannot_be_written_is_5() {
    let (scan, _) = phantom();
    let folder = scratch("cli-write");
    let file = folder.join("file");
    std::fs::write(&file, "x").unwrap();
    for out in [file.clone(), file.join("below")] {
        let output = run(&[&"-q", &"design", &scan, &"--out", &out]);
        assert_eq!(code(&output), 5, "{}", errors(&output));
        assert_eq!(errors(&output).trim_end().lines().count(), 1);
    }
    let output = run(&[&"-q", &"mesh", &scan, &"--out", &file.join("skull.stl")]);
    assert_eq!(code(&output), 5, "{}", errors(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

/// Mounts a file system for the test; `None` where that is not allowed.
#[cfg(target_os = "linux")]
fn mounted(folder: &Path, options: &str) -> Option<Mounted> {
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output().ok()?;
    if !status.status.success() {
        println!("skipped: a mount with {options} (not allowed here)");
        return None;
    }
    Some(Mounted(folder.to_owned()))
}

#[cfg(target_os = "linux")]
struct Mounted(PathBuf);

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_read_only_mount_leave_nothing() {
    let (scan, _) = phantom();
    for (name, options, word) in [("full", "size=2m", "no space"), ("read-only", "ro", "read-only")] {
        let folder = scratch(&format!("cli-mount-{name}"));
        let Some(_mount) = mounted(&folder, options) else { continue };
        let output = run(&[&"-q", &"design", &scan, &"--out", &folder.join("part")]);
        assert_eq!(code(&output), 5, "{name}: {}", errors(&output));
        assert!(errors(&output).contains(word), "{name}: {}", errors(&output));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{name}: something is left");
    }
}

#[test]
fn reconstruct_goes_through_a_folder_and_names_what_fails() {
    let (_, healthy) = phantom();
    let folder = scratch("cli-reconstruct");
    let masks = folder.join("masks");
    std::fs::create_dir_all(masks.join("sub")).unwrap();
    std::fs::copy(&healthy, masks.join("sub/001.nrrd")).unwrap();
    std::fs::write(masks.join("bad.nrrd"), "NRRD0004\n").unwrap();
    let out = folder.join("out");
    let output = run(&[&"-q", &"reconstruct", &masks, &"--out", &out, &"--method", &"smooth"]);
    assert_eq!(code(&output), 3, "{}", errors(&output));
    assert!(errors(&output).contains("bad.nrrd") && errors(&output).contains("1 of 2"), "{}", errors(&output));
    assert!(out.join("complete_skull/sub/001.nrrd").is_file() && out.join("implant/sub/001.nrrd").is_file());
    assert!(!out.join("complete_skull/bad.nrrd").exists());
    // Again into the same folder, now below the masks: what was written is no input.
    std::fs::remove_file(masks.join("bad.nrrd")).unwrap();
    let below = masks.join("done");
    for _ in 0..2 {
        let output = run(&[&"-q", &"reconstruct", &masks, &"--out", &below, &"--method", &"smooth", &"--json"]);
        let said: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
        assert_eq!((code(&output), said["files"].as_array().unwrap().len()), (0, 1), "{said}");
    }
    // A scan that is cut off says so.
    let cut = folder.join("cut");
    let inject = run(&[&"-q", &"inject", &healthy, &"--out", &cut, &"--vertex", &"35", &"--area", &"20"]);
    assert_eq!(code(&inject), 0, "{}", errors(&inject));
    let output = run(&[&"reconstruct", &cut.join("defective_skull"), &"--out", &folder.join("cut-done"), &"--json"]);
    assert!(text(&output).contains("findings") && errors(&output).contains("beyond the scan"), "{}", errors(&output));
    assert_eq!(code(&run(&[&"inject", &healthy, &"--out", &cut, &"--count", &"0"])), 2);
    assert_eq!(code(&run(&[&"evaluate", &cut, &"--out", &folder, &"--jobs", &"0"])), 2);
    assert_eq!(code(&run(&[&"reconstruct", &healthy, &"--out", &out, &"--method", &"magic"])), 2);
    assert_eq!(code(&run(&[&"reconstruct", &folder.join("nothing"), &"--out", &out])), 3);
}

#[test]
fn inspect_and_mesh_say_what_they_have() {
    let (scan, _) = phantom();
    let folder = scratch("cli-mesh");
    let stl = folder.join("skull.stl");
    assert_eq!(code(&run(&[&"-q", &"mesh", &scan, &"--hu", &"300", &"--out", &stl])), 0);
    let output = run(&[&"inspect", &stl, &"--json"]);
    let report: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(report["mesh"]["closed"], true, "{report}");
    let output = run(&[&"-q", &"inspect", &scan, &"--json"]);
    let report: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(report["volume"]["size"], serde_json::json!([200, 240, 224]));
    assert_eq!(code(&run(&[&"inspect", &folder.join("none.stl")])), 3);
}

#[test]
fn the_sample_has_its_defect_and_only_it() {
    let Some(sample) = sample() else { return };
    let output = run(&[&"detect", &sample, &"--json"]);
    let found: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
    let regions: Vec<_> = found["defects"].as_array().unwrap().iter().map(|d| d["region"].clone()).collect();
    assert_eq!(regions, ["right-frontal"], "{found}");
}

#[test]
fn a_part_that_fails_a_check_is_written_and_is_6() {
    let Some(sample) = sample() else { return };
    let out = scratch("cli-checks").join("part");
    // Walls of 6 mm in a bone of 0.6 of its thickness: more than there is room for.
    let mut line: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-q", &"design", &sample, &"--out", &out];
    let sets = ["thickness_mode=scaled", "lambda1=0.6", "lambda2=0.6", "lambda3=0.6", "min_wall_mm=6"];
    let sets = sets.map(|s| format!("--set=implant.{s}"));
    sets.iter().for_each(|s| line.push(s));
    let output = run(&line);
    assert_eq!(code(&output), 6, "{}", errors(&output));
    assert!(errors(&output).contains("a check failed: wall at least"), "{}", errors(&output));
    assert!(out.join("implant.stl").is_file() && out.join("report.json").is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_5_and_a_pipe_is_not_opened() {
    let (scan, _) = phantom();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has one");
    let output = calvaria().args(["inspect", "-q"]).arg(&scan).stdout(full).output().expect("the program starts");
    assert_eq!(code(&output), 5, "{}", errors(&output));
    assert!(errors(&output).contains("the standard output could not be written"), "{}", errors(&output));
    // A pipe nobody writes to would be waited for.
    let pipe = scratch("cli-pipe").join("scan.nrrd");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|s| s.success()) {
        refused("pipe", &pipe, 3, &["scan.nrrd", "neither a file nor a folder"]);
    }
}

#[test]
fn labels_are_written_as_a_table_without_a_window() {
    let folder = scratch("cli-label");
    std::fs::copy(phantom().1, folder.join("001.nrrd")).unwrap();
    let labels = r#"{"version":1,"vocabulary":"full-1","scans":{"001.nrrd":{"tags":{"present":"yes","location":["right-parietal"],"shape":"oval"},"by":"anna","at":"2026-01-02T03:04:05Z"}}}"#;
    std::fs::write(folder.join("labels.json"), labels).unwrap();
    let table = folder.join("labels.csv");
    let output = run(&[&"label", &folder, &"--export", &table]);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let text = std::fs::read_to_string(&table).unwrap();
    assert!(text.starts_with("scan,present,location,shape"), "{text}");
    assert!(text.contains("001.nrrd,yes,right-parietal,oval"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.join("labels.json")).unwrap(), labels, "the labels are as they were");
    assert_eq!(code(&run(&[&"label", &folder, &"--export", &folder.join("labels.doc")])), 2);
    // One reading agrees with nobody.
    let alone = run(&[&"label", &folder, &"--agreement"]);
    assert!(code(&alone) == 3 && errors(&alone).contains("--reading"), "{}", errors(&alone));
    std::fs::write(folder.join("labels-ben.json"), labels.replace("oval", "round").replace("anna", "ben")).unwrap();
    let both = run(&[&"label", &folder, &"--agreement"]);
    let text = String::from_utf8_lossy(&both.stdout).into_owned();
    assert_eq!(code(&both), 0, "{}", errors(&both));
    for word in
        ["labels and ben", "1 of 1 equal", "0 of 1 equal, kappa 0.00", "001.nrrd: shape oval (labels), round (ben)"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(code(&run(&[&"label", &folder.join("nothing")])), 3);
    std::fs::write(folder.join("labels.json"), "{").unwrap();
    assert_eq!(code(&run(&[&"label", &folder, &"--export", &table])), 3);
}

#[test]
fn compare_tells_the_methods_apart_in_words_numbers_and_a_picture() {
    let scan = phantom().0;
    let picture = scratch("cli-compare").join("methods.png");
    let output = run(&[&"-q", &"compare", &scan, &"--json", &"--picture", &picture]);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let said: serde_json::Value = serde_json::from_str(&text(&output)).expect("JSON");
    let all = said["alternatives"].as_array().expect("alternatives");
    let names: Vec<&str> = all.iter().filter_map(|a| a["name"].as_str()).collect();
    assert_eq!(names[0], "auto");
    assert!(names.contains(&"mirror") && names.contains(&"plausible 3"), "{names:?}");
    assert_eq!(all[0]["difference_mm"]["max"], 0.0);
    assert!(all[1..].iter().all(|a| a["difference_mm"]["max"].as_f64().is_some_and(|v| v > 0.0)));
    assert!(std::fs::read(&picture).expect("the picture").starts_with(b"\x89PNG"));
    let other = picture.with_extension("txt");
    assert_eq!(code(&run(&[&"compare", &scan, &"--picture", &other])), 2);
    assert!(!other.exists());
    // A drawn shape is a parameter like any other, with its range.
    assert_eq!(code(&run(&[&"compare", &scan, &"--set", &"reconstruct.shape_draw=4"])), 2);
    assert_eq!(code(&run(&[&"compare", &scan, &"--set", &"defect.index=9"])), 3);
}
