//! Pictures of the panels and clicks on them, without a display: the window drawn by egui's test harness.

mod support;

use calvaria::app::{LabelWindow, Window};
use calvaria::case::{Comparing, Home, Start, StepKind};
use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::Progress;
use calvaria::phantom::{HeadParams, head};
use egui::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};
use support::scratch;

/// A window of a small, fixed size; the figures that differ from machine to machine are masked.
fn window(name: &str, theme: egui::Theme, start: Option<Start>) -> Harness<'static, Window> {
    let home = Home::at(&scratch(name));
    let builder = Harness::builder().with_size([1000.0, 640.0]).with_theme(theme).wgpu();
    let mut harness = builder.build_eframe(move |cc| {
        let window = match start {
            Some(start) => Window::new(cc, home, start),
            None => Window::empty(cc, home),
        };
        cc.egui_ctx.set_theme(theme);
        window.expect("a window")
    });
    harness.mask(egui::Rect::from_min_max(egui::pos2(560.0, 612.0), egui::pos2(1000.0, 640.0)));
    harness.run_steps(4);
    harness
}

/// Steps until a condition holds; the jobs work meanwhile.
fn wait(harness: &mut Harness<'_, Window>, what: &str, ready: impl Fn(&Window) -> bool) {
    let since = Instant::now();
    while !ready(harness.state()) {
        assert!(since.elapsed() < Duration::from_secs(120), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    harness.run_steps(4);
}

/// A picture for the eye.
fn look(harness: &mut Harness<'_, Window>, name: &str) {
    harness.run_steps(2);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
    std::fs::create_dir_all(&folder).expect("a folder");
    let picture = harness.render().expect("the window is drawn");
    picture.save(folder.join(format!("{name}.png"))).expect("written");
}

fn small_head(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("head.nrrd");
    let made = head(&HeadParams::small(3).with_defect("left-parietal", 30.0), &Progress::new()).expect("a phantom");
    save_nrrd(&file, &made.scan).expect("written");
    file
}

/// A window with the small head's part on screen, and the head's folder.
fn designed(name: &str) -> (Harness<'static, Window>, std::path::PathBuf) {
    let folder = scratch(name);
    let start = Start::Open(small_head(&folder));
    let mut harness = window(&format!("{name}-home"), egui::Theme::Dark, Some(start));
    wait(&mut harness, "the scan", |w| w.case().state(StepKind::Scan).is_current());
    harness.get_by_label("Run all").click();
    harness.run_steps(2);
    wait(&mut harness, "the part", |w| w.case().state(StepKind::Implant).is_current() && !w.case().is_busy());
    (harness, folder)
}

#[test]
fn the_empty_start_shows_where_to_drop() {
    window("empty-dark", egui::Theme::Dark, None).snapshot("empty_dark");
}

#[test]
fn the_empty_start_in_the_light_theme() {
    window("empty-light", egui::Theme::Light, None).snapshot("empty_light");
}

#[test]
fn a_typed_path_that_is_not_there_is_refused_in_the_dialog() {
    let mut harness = window("typed", egui::Theme::Dark, None);
    harness.get_all_by_label("Open…").next().expect("the button").click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::TextInput, "Path of the scan").type_text("/no/such/scan.nrrd");
    harness.run_steps(2);
    harness.get_by_label("Open").click();
    harness.run_steps(3);
    harness.get_by_label_contains("nothing is there");
}

#[test]
fn the_figure_follows_the_chosen_defect() {
    let folder = scratch("two-defects");
    let file = folder.join("head.nrrd");
    let two = HeadParams::small(3).with_defect("left-parietal", 30.0).with_defect("right-frontal", 15.0);
    save_nrrd(&file, &head(&two, &Progress::new()).expect("a phantom").scan).expect("written");
    let mut harness = window("two-defects-home", egui::Theme::Dark, Some(Start::Open(file)));
    let settled = |w: &Window| w.case().state(StepKind::Defect).is_current() && !w.case().is_busy();
    wait(&mut harness, "the scan", |w| w.case().state(StepKind::Scan).is_current());
    for _ in 0..2 {
        harness.key_press(egui::Key::Enter);
        harness.run_steps(2);
        wait(&mut harness, "the step", |w| !w.case().is_busy());
    }
    wait(&mut harness, "the defects", settled);
    let region = |w: &Window, i: usize| w.case().results().defects.as_ref().expect("found")[i].region.replace('-', " ");
    let figure = |w: &Window| format!("{:?}", w.case().state(StepKind::Defect));
    let first = region(harness.state(), 0);
    assert!(figure(harness.state()).contains(&format!("figure: \"{first}")), "{}", figure(harness.state()));
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Num3);
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::Slider, "Which defect").set_value_accesskit(1.0);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(2);
    wait(&mut harness, "the other defect", settled);
    let second = region(harness.state(), 1);
    let figure = figure(harness.state());
    assert!(
        figure.contains(&format!("figure: \"{second}")) && figure.contains(&format!("Also found: {first}")),
        "{figure}"
    );
    look(&mut harness, "second-defect");
}

#[test]
fn an_export_over_the_scan_itself_is_refused() {
    let folder = scratch("over-scan");
    let file = folder.join("complete.nrrd");
    std::fs::rename(small_head(&folder), &file).expect("moved");
    let bytes = std::fs::read(&file).expect("the scan");
    let mut harness = window("over-scan-home", egui::Theme::Dark, Some(Start::Open(file.clone())));
    wait(&mut harness, "the scan", |w| w.case().state(StepKind::Scan).is_current());
    harness.get_by_label("Run all").click();
    harness.run_steps(2);
    wait(&mut harness, "the part", |w| w.case().state(StepKind::Implant).is_current() && !w.case().is_busy());
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::E);
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::TextInput, "Folder to write into").click();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.get_by_role_and_label(Role::TextInput, "Folder to write into").type_text(&folder.display().to_string());
    harness.run_steps(2);
    // Once for the file that is there, once for good.
    for word in ["holds complete.nrrd already", "this is the scan of the case"] {
        harness.get_by_role_and_label(Role::Button, "Export").click();
        harness.run_steps(3);
        harness.get_by_label_contains(word);
    }
    assert!(!harness.state().case().is_busy() && std::fs::read(&file).expect("still there") == bytes);
}

/// An axial series of slices 8 × 8, 2 mm apart.
fn series(folder: &Path, uid: &str, slices: u16) {
    use dicom_core::{DataElement, PrimitiveValue, VR, dicom_value};
    use dicom_dictionary_std::{tags, uids};
    for slice in 0..slices {
        let mut object = dicom_object::InMemDicomObject::new_empty();
        for (tag, vr, text) in [
            (tags::SERIES_INSTANCE_UID, VR::UI, uid),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("0\\0\\{}", 2 * slice)),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "1\\1"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        ] {
            object.put(DataElement::new(tag, vr, text));
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, 8),
            (tags::COLUMNS, 8),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            object.put(DataElement::new(tag, VR::US, dicom_value!(U16, [value])));
        }
        let pixels = (0..64u16).map(|i| 10 * i).collect();
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels)));
        let meta = dicom_object::FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid("1.2.3.4");
        let file = folder.join(format!("{uid}-{slice}.dcm"));
        object.with_meta(meta).expect("a file").write_to_file(file).expect("written");
    }
}

#[test]
fn another_series_of_the_folder_is_a_click_away() {
    let folder = scratch("two-series");
    series(&folder, "1.2.3", 6);
    series(&folder, "1.2.4", 4);
    let mut harness = window("two-series-home", egui::Theme::Dark, Some(Start::Open(folder)));
    let slices = |w: &Window| w.case().results().scan.as_ref().map(|scan| scan.voxels.grid().size[2]);
    wait(&mut harness, "the larger series", |w| slices(w) == Some(6));
    harness.get_by_label("4 axial slices 2 mm apart, 8 × 8 pixels of 1 mm");
    look(&mut harness, "two-series");
    harness.get_by_label("Read this one").click();
    harness.run_steps(2);
    wait(&mut harness, "the smaller series", |w| slices(w) == Some(4));
    harness.get_by_label("6 axial slices 2 mm apart, 8 × 8 pixels of 1 mm");
}

#[test]
fn a_file_that_is_no_scan_becomes_a_card_with_the_next_step() {
    let folder = scratch("refused");
    let file = folder.join("notes.nrrd");
    std::fs::write(&file, "no scan at all").expect("a file");
    let mut harness = window("refused-home", egui::Theme::Dark, Some(Start::Open(file)));
    wait(&mut harness, "the refusal", |w| {
        matches!(w.case().state(StepKind::Scan), calvaria::case::StepState::Failed { .. })
    });
    harness.get_by_label("This scan did not open");
    harness.get_by_label("Open another scan…");
}

#[test]
fn the_list_of_keys_and_the_search_open_by_key() {
    let mut harness = window("keys", egui::Theme::Dark, None);
    harness.key_press(egui::Key::F1);
    harness.run_steps(3);
    harness.snapshot("keys");
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::TextInput, "Find a command").type_text("about");
    harness.run_steps(3);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    harness.get_by_label("For research and design review, not a medical device.");
}

#[test]
fn a_head_goes_down_the_road_by_clicks_and_the_slider_changes_the_part() {
    let (mut harness, _) = designed("road");
    let before = harness.state().case().results().part.clone().expect("a part");
    harness.get_by_role_and_label(Role::Slider, "Thickness").set_value_accesskit(6.0);
    harness.run_steps(2);
    wait(&mut harness, "the new part", |w| w.case().state(StepKind::Implant).is_current() && !w.case().is_busy());
    let after = harness.state().case().results().part.clone().expect("a part");
    assert!(after.implant.mesh.volume_mm3() > 1.2 * before.implant.mesh.volume_mm3());
    let undo = harness.state().case().undo_name().expect("an undo");
    assert!(undo.contains("thickness 4 → 6 mm"), "{undo}");
    let pulse = harness.state().pulse();
    println!("longest time outside drawing: {:?} ({})", pulse.longest, pulse.longest_was);
    assert!(pulse.longest < Duration::from_millis(50), "{:?} in {}", pulse.longest, pulse.longest_was);
}

/// A panel that is looked at changes nothing, and a value between a slider's steps stays as it was typed.
#[test]
fn showing_the_parameters_changes_none() {
    let folder = scratch("shown");
    let file = small_head(&folder);
    let mut harness = window("shown-home", egui::Theme::Dark, Some(Start::Open(file)));
    wait(&mut harness, "the scan", |w| w.case().state(StepKind::Scan).is_current());
    for key in [egui::Key::Num2, egui::Key::Num3, egui::Key::Num4, egui::Key::Num5] {
        harness.key_press_modifiers(egui::Modifiers::COMMAND, key);
        harness.run_steps(6);
        assert_eq!(harness.state().case().undo_name(), None, "{key:?}");
    }
    assert_eq!(harness.state().case().recipe(), &calvaria::case::Recipe::default());
    // Typed values are one change each, however many digits.
    for (key, label, typed, path, number) in [
        (egui::Key::Num2, "Bone threshold value", "226", "skull.threshold_hu", 226.0),
        (egui::Key::Num5, "Clearance to bone value", "0.35", "implant.clearance_mm", 0.35),
    ] {
        harness.key_press_modifiers(egui::Modifiers::COMMAND, key);
        harness.run_steps(4);
        harness.get_by_label(label).click();
        harness.run_steps(3);
        harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        harness.run_steps(2);
        harness.event(egui::Event::Text(typed.to_owned()));
        harness.run_steps(3);
        assert!(harness.state().case().recipe().get(path).expect("a value") != number, "{label} is still being typed");
        harness.key_press(egui::Key::Enter);
        harness.run_steps(8);
        assert_eq!(harness.state().case().recipe().get(path).expect("a value"), number, "{label}");
        harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
        harness.run_steps(6);
        let default = calvaria::case::Recipe::default().get(path).expect("a default");
        assert_eq!(harness.state().case().recipe().get(path).expect("a value"), default, "one undo takes {label} back");
        assert_eq!(harness.state().case().undo_name(), None);
    }
}

#[test]
fn one_click_of_the_brush_is_a_correction() {
    let (mut harness, _) = designed("dab");
    harness.key_press(egui::Key::A);
    harness.run_steps(4);
    harness.get_by_label("3-D view").click();
    harness.run_steps(4);
    let edits = harness.state().case().edits().to_vec();
    assert!(edits.len() == 1 && edits[0].defect == Some(0), "{edits:?}");
}

#[test]
fn an_export_is_not_cut_off_and_what_lies_in_its_folder_is_asked_about() {
    let (mut harness, folder) = designed("export-kept");
    let out = folder.join("out");
    std::fs::create_dir_all(&out).expect("a folder");
    std::fs::write(out.join("implant.stl"), "somebody's").expect("written");
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::E);
    harness.run_steps(4);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    harness.event(egui::Event::Text(out.display().to_string()));
    harness.run_steps(3);
    harness.get_by_label("Export").click();
    harness.run_steps(3);
    harness.get_by_label_contains("holds implant.stl already");
    assert!(!harness.state().case().is_busy());
    harness.get_by_label("Export").click();
    harness.step();
    harness.step();
    assert!(harness.state().case().is_exporting());
    let id = harness.state().case().id().map(str::to_owned);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::N);
    harness.step();
    harness.step();
    assert_eq!(harness.state().case().id().map(str::to_owned), id, "the case stays until its files are there");
    wait(&mut harness, "the export", |w| w.case().state(StepKind::Export).is_current());
    assert!(std::fs::metadata(out.join("implant.stl")).expect("the part").len() > 1000);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::N);
    harness.run_steps(3);
    assert_eq!(harness.state().case().id(), None);
}

/// A held key sends itself again and again; only a finger that came down anew answers.
#[test]
fn a_held_digit_answers_once() {
    let folder = scratch("held-digit");
    let file = small_head(&folder);
    for name in ["b.nrrd", "c.nrrd"] {
        std::fs::copy(&file, folder.join(name)).expect("a copy");
    }
    let home = Home::at(&scratch("held-digit-home"));
    let builder = Harness::builder().with_size([1000.0, 640.0]).wgpu();
    let mut harness =
        builder.build_eframe(move |cc| LabelWindow::new(cc, &home, &folder, None, None, "tester").expect("a folder"));
    let place = |harness: &Harness<'_, LabelWindow>| {
        let session = harness.state().folder().session();
        (session.position(), session.group_position())
    };
    let press = |harness: &mut Harness<'_, LabelWindow>, key: egui::Key, pressed: bool| {
        harness.event(egui::Event::Key {
            key,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: egui::Modifiers::NONE,
        });
        harness.step();
    };
    harness.step();
    let before = place(&harness);
    // What is not on screen yet is not answered.
    assert!(!harness.state().is_shown());
    press(&mut harness, egui::Key::Num2, true);
    press(&mut harness, egui::Key::Num2, false);
    assert_eq!(place(&harness), before);
    harness.get_by_label_contains("still being read");
    let since = Instant::now();
    while !harness.state().is_shown() {
        assert!(since.elapsed() < Duration::from_secs(60), "the scan is not shown");
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    harness.step();
    assert!(harness.query_by_label_contains("still being read").is_none());
    press(&mut harness, egui::Key::Num2, true);
    let answered = place(&harness);
    assert_ne!(answered, before);
    // Without a release between them: the key is held.
    (0..8).for_each(|_| press(&mut harness, egui::Key::Num2, true));
    assert_eq!(place(&harness), answered);
    press(&mut harness, egui::Key::Num2, false);
    press(&mut harness, egui::Key::Num2, true);
    assert_ne!(place(&harness), answered);
    // A held arrow walks on.
    (0..4).for_each(|_| press(&mut harness, egui::Key::ArrowLeft, true));
    assert_eq!(place(&harness).0, 0);
    (0..2).for_each(|_| press(&mut harness, egui::Key::ArrowRight, true));
    assert_eq!(place(&harness).0, 2);
}

/// Whether the part of a method and a drawn shape is finished.
fn part_of(window: &Window, method: &str, shape_draw: u32) -> bool {
    let case = window.case();
    let is = |path: &str, value: &serde_json::Value| case.recipe().get(path).is_ok_and(|v| v == *value);
    is("reconstruct.method", &method.into())
        && is("reconstruct.shape_draw", &shape_draw.into())
        && case.state(StepKind::Implant).is_current()
        && !case.is_busy()
}

#[test]
fn the_methods_stand_side_by_side_and_one_is_taken() {
    let folder = scratch("methods");
    let file = small_head(&folder);
    let mut harness = window("methods-home", egui::Theme::Light, Some(Start::Open(file)));
    wait(&mut harness, "the scan", |w| w.case().state(StepKind::Scan).is_current());
    harness.key_press(egui::Key::V);
    harness.run_steps(2);
    assert!(matches!(harness.state().case().comparing(), Comparing::Nothing), "there is no defect yet");
    harness.get_by_label("Run all").click();
    harness.run_steps(2);
    wait(&mut harness, "the part", |w| w.case().state(StepKind::Implant).is_current() && !w.case().is_busy());
    harness.key_press(egui::Key::V);
    harness.run_steps(2);
    harness.get_by_label("Stop comparing");
    wait(&mut harness, "the comparison", |w| matches!(w.case().comparing(), Comparing::Done(_)));
    look(&mut harness, "methods-light");
    harness.get_by_label("In use: auto");
    for name in ["kriging", "tps", "smooth", "plausible 1", "plausible 2", "plausible 3"] {
        harness.get_by_label(&format!("Use this: {name}"));
        harness.get_by_label_contains(&format!("Map of {name}"));
    }
    harness.get_by_label("Use this: mirror").click();
    wait(&mut harness, "the mirrored part", |w| part_of(w, "mirror", 0));
    harness.get_by_label("In use: mirror");
    let done = harness.state().case().results().reconstruction.clone().expect("a reconstruction");
    let Comparing::Done(both) = harness.state().case().comparing() else { panic!("the comparison stays") };
    let shown = both.comparison.alternatives.iter().find(|a| a.name() == "mirror").expect("mirror is compared");
    assert!(done.completion.outer_mm == shown.completion.outer_mm, "what was shown is what is taken");
    assert_eq!(harness.state().case().undo_name().as_deref(), Some("use mirror"));
    // One change back, and a drawn shape is one change too.
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    wait(&mut harness, "the default", |w| part_of(w, "auto", 0));
    harness.get_by_label("In use: auto");
    harness.get_by_label("Use this: plausible 2").scroll_to_me();
    harness.run_steps(4);
    harness.get_by_label("Use this: plausible 2").click();
    wait(&mut harness, "the drawn part", |w| part_of(w, "auto", 2));
    harness.get_by_label("Close").click();
    harness.run_steps(3);
    look(&mut harness, "drawn-light");
    harness.get_all_by_label("Compare methods…").next().expect("offered beside the finding");
}
