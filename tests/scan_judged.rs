//! Volumes equal SimpleITK's, voxel by voxel and in geometry. `CALVARIA_JUDGES` names a Python with SimpleITK.
//! And awkward real files are read or refused with a message, never worse.

use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::Progress;
use calvaria::scan::{Error, Voxels, read};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reads each path with SimpleITK and with ours; lengths in mm and directions agree to `tolerance`.
fn compare(python: &Path, paths: &[PathBuf], tolerance: f64) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/read_with_simpleitk.py");
    let output = Command::new(python).arg(&script).args(paths).output().expect("the judge starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = std::str::from_utf8(&output.stdout).expect("JSON").lines().collect();
    assert_eq!(lines.len(), paths.len());
    for (path, line) in paths.iter().zip(lines) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let theirs: serde_json::Value = serde_json::from_str(line).expect("one line of JSON");
        let scan = read(path, &Progress::new()).unwrap_or_else(|e| panic!("{e}"));
        let grid = scan.voxels.grid();
        let numbers =
            |key: &str| -> Vec<f64> { theirs[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
        let close = |what: &str, ours: &[f64]| {
            let far = numbers(what).iter().zip(ours).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far <= tolerance, "{name}: {what} differs by {far}: {:?}, ours {ours:?}", numbers(what));
        };
        close("size", &grid.size.map(|s| s as f64));
        close("spacing", &grid.spacing_mm);
        close("origin", grid.origin_mm.coords.as_slice());
        close("direction", grid.direction.transpose().as_slice());
        let mut sha = Sha256::new();
        match &scan.voxels {
            Voxels::Hu(v) => v.data.chunks(4096).for_each(|c| sha.update(bytemuck::cast_slice(c))),
            Voxels::Mask(v) => v.data.iter().for_each(|&m| sha.update(i16::from(m).to_le_bytes())),
        }
        let ours: String = sha.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(theirs["sha256"].as_str(), Some(ours.as_str()), "{name}: voxels differ");
        println!("equal: {name}");
    }
}

/// The judge's Python, or `None` after saying that the test is skipped.
fn judges(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os("CALVARIA_JUDGES").map(PathBuf::from).filter(|p| p.is_file());
    if python.is_none() {
        println!("skipped: {test}: CALVARIA_JUDGES names no Python");
    }
    python
}

/// A path of the data folder, or `None` after saying that the test is skipped.
fn data(test: &str, path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CALVARIA_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let found = Some(folder.join(path)).filter(|p| p.exists());
    if found.is_none() {
        println!("skipped: {test}: no {path} in the data folder");
    }
    found
}

#[test]
fn written_volumes_equal_simpleitk() {
    let Some(python) = judges("written_volumes_equal_simpleitk") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/write_volumes.py");
    let made = Command::new(&python).arg(script).arg(folder.path()).output().expect("the judge starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let files = std::fs::read_dir(folder.path()).expect("the folder").map(|f| f.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|f| f.extension().is_some_and(|e| e != "raw")).collect();
    files.sort();
    assert!(files.len() > 50, "{}", files.len());
    // NIfTI keeps its placement in 32 bits: a tenth of a micrometre at 100 mm.
    let named = |f: &PathBuf, part: &str| f.to_string_lossy().contains(part);
    let (nifti, nrrd): (Vec<PathBuf>, _) = files.into_iter().partition(|f| named(f, ".nii"));
    compare(&python, &nrrd, 1e-9);
    let (second, first): (Vec<PathBuf>, _) = nifti.into_iter().partition(|f| named(f, "-2.nii"));
    compare(&python, &first, 2e-5);
    // SimpleITK reads no NIfTI-2: each such file must be read as its twin in the first version is.
    for path in second {
        let twin = PathBuf::from(path.to_string_lossy().replace("-2.nii", "-1.nii"));
        let scan = |p: &Path| read(p, &Progress::new()).unwrap_or_else(|e| panic!("{e}")).voxels;
        let (Voxels::Hu(ours), Voxels::Hu(theirs)) = (scan(&path), scan(&twin)) else { panic!("HU") };
        assert!(ours.grid.matches(&theirs.grid, 2e-5), "{}: {:?}, {:?}", path.display(), ours.grid, theirs.grid);
        assert_eq!(ours.data, theirs.data);
    }
}

#[test]
fn skullfix_masks_equal_simpleitk() {
    let test = "skullfix_masks_equal_simpleitk";
    let Some(python) = judges(test) else { return };
    let Some(folder) = data(test, "skullfix/training_set/complete_skull") else { return };
    let files = ["000.nrrd", "005.nrrd"].map(|f| folder.join(f));
    compare(&python, &files, 1e-9);
}

#[test]
fn labels_equal_simpleitk() {
    let test = "labels_equal_simpleitk";
    let Some(python) = judges(test) else { return };
    let Some(file) = data(test, "bone-labels/bodyparts3d_skull_labels.nrrd") else { return };
    compare(&python, &[file], 1e-9);
}

#[test]
fn a_dicom_series_equals_simpleitk() {
    let test = "a_dicom_series_equals_simpleitk";
    let Some(python) = judges(test) else { return };
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scans/visible-human-male-ct/head");
    if !unpacked.is_dir() {
        println!("skipped: {test}: no target/scans/visible-human-male-ct");
        return;
    }
    compare(&python, &[unpacked], 1e-9);
}

#[test]
fn compressed_pixels_equal_simpleitk() {
    let test = "compressed_pixels_equal_simpleitk";
    let Some(python) = judges(test) else { return };
    let Some(hard) = data(test, "dicom-hard") else { return };
    let files: Vec<PathBuf> = [
        "transfer-syntaxes-nema-ct/CT1_J2KI.dcm",
        "transfer-syntaxes-nema-ct/CT1_J2KR.dcm",
        "transfer-syntaxes-nema-ct/CT1_JPLL.dcm",
        "transfer-syntaxes-nema-ct/CT1_RLE.dcm",
        "transfer-syntaxes-nema-ct/CT2_J2KI.dcm",
        "transfer-syntaxes-nema-ct/CT2_J2KR.dcm",
        "derived-from-CT1/CT1_deflated.dcm",
        "derived-from-CT1/CT1_explicit_big_endian.dcm",
        "derived-from-CT1/CT1_htj2k_lossless.dcm",
        "derived-from-CT1/CT1_jpeg_lossless_p14.dcm",
        "j2k-oddities/693_J2KI.dcm",
        "j2k-oddities/693_J2KR.dcm",
        "j2k-oddities/ELSCINT1_JP2vsJ2K.dcm",
        "j2k-oddities/J2K_pixelrep_mismatch.dcm",
        "j2k-oddities/TOSHIBA_J2K_OpenJPEGv2Regression.dcm",
        "j2k-oddities/TOSHIBA_J2K_SIZ0_PixRep1.dcm",
    ]
    .map(|f| hard.join(f))
    .to_vec();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/series_of_one_slice.py");
    // Its header denies the sign that its stream has: SimpleITK takes air for 65,000, and is no judge of it.
    let unsigned = hard.join("j2k-oddities/TOSHIBA_J2K_SIZ1_PixRep0.dcm");
    let all = files.iter().chain([&unsigned]);
    let made = Command::new(&python).arg(script).arg(folder.path()).args(all).output().expect("the judge starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let hash = |name: &str| read(&folder.path().join(name), &Progress::new()).unwrap_or_else(|e| panic!("{e}")).hash;
    assert_eq!(
        hash("TOSHIBA_J2K_SIZ1_PixRep0"),
        hash("TOSHIBA_J2K_SIZ0_PixRep1"),
        "the same slice, the header's sign mended"
    );
    let series = files.iter().map(|f| folder.path().join(f.file_stem().expect("a name")));
    compare(&python, &series.collect::<Vec<_>>(), 1e-6);
}

#[test]
fn tilted_and_uneven_series_lie_where_their_positions_say() {
    let test = "tilted_and_uneven_series_lie_where_their_positions_say";
    let Some(python) = judges(test) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (series, size, words) in [
        ("gantry-tilt-ge", [512, 611, 73], vec!["lean by 18.5°", "unevenly, 1.08 to 7.00 mm"]),
        ("gantry-tilt-philips-neg", [512, 600, 54], vec!["lean by 18.5°"]),
    ] {
        let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scans").join(series);
        if !unpacked.is_dir() {
            println!("skipped: {test}: no target/scans/{series}");
            continue;
        }
        let scan = read(&unpacked, &Progress::new()).unwrap_or_else(|e| panic!("{e}"));
        let told: String = scan.findings.iter().map(|f| f.message.as_str()).collect();
        assert!(words.iter().all(|w| told.contains(w)), "{series}: {told}");
        let Voxels::Hu(volume) = &scan.voxels else { panic!("HU") };
        assert_eq!(volume.grid.size, size, "{series}");
        let path = folder.path().join(format!("{series}.nrrd"));
        save_nrrd(&path, volume).expect("the volume is written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/tilted_with_pydicom.py");
        let output = Command::new(&python).arg(&script).arg(&unpacked).arg(&path).output().expect("the judge starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
        let number = |key: &str| said[key].as_f64().expect("a number");
        println!("{series}: {said}");
        assert!(number("voxels") > 5000.0, "{series}: {said}");
        // A cubic and a line differ by some HU at edges; a sheared head by far more.
        assert!(number("far") < 15.0 && number("sheared") > 10.0 * number("far"), "{series}: {said}");
    }
}

#[test]
fn awkward_dicom_files_are_read_or_refused() {
    let Some(folder) = data("awkward_dicom_files_are_read_or_refused", "dicom-hard") else { return };
    let mut refused = 0;
    for entry in walkdir::WalkDir::new(&folder).sort_by_file_name() {
        let path = entry.expect("the data folder is readable").into_path();
        match read(&path, &Progress::new()) {
            Ok(scan) => assert_eq!(scan.hash.len(), 64),
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                // A DICOMDIR or a slice may be refused for its folder.
                let named = path.ancestors().take(2).filter_map(Path::file_name);
                assert!(named.into_iter().any(|n| text.contains(&*n.to_string_lossy())), "{text}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
    for mr in ["MR_small_implicit.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm", "MR_small_RLE.dcm"] {
        let error = read(&folder.join("wrong-modality").join(mr), &Progress::new()).unwrap_err();
        assert!(matches!(&error, Error::Modality { modality, .. } if modality == "MR"), "{error}");
    }
    // SimpleITK reads the same values; it keeps the frames' order, so its third axis runs the other way.
    let enhanced =
        read(&folder.join("multiframe/eCT_Supplemental.dcm"), &Progress::new()).unwrap_or_else(|e| panic!("{e}"));
    let Voxels::Hu(frames) = &enhanced.voxels else { panic!("HU") };
    assert_eq!((frames.grid.size, frames.data.iter().max()), ([512, 512, 2], Some(&172)));
    assert_eq!(frames.grid.origin_mm, nalgebra::Point3::new(99.5, -301.5, -149.0));
    let error = read(&folder.join("wrong-modality"), &Progress::new()).unwrap_err();
    assert!(matches!(error, Error::Modality { .. }), "{error}");
}
