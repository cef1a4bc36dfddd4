//! The real window under Xvfb, driven by injected input (xdotool): a scan opened by its path, the road run, a slider
//! moved, a distance measured, the part exported. Pictures for the eye go to `target/look/`.

mod support;

use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::Progress;
use calvaria::phantom::{HeadParams, head};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{calvaria, scratch};

/// A display of our own and the program on it.
struct Desk {
    server: Child,
    program: Option<Child>,
    display: String,
    layout: PathBuf,
    home: PathBuf,
    runtime: PathBuf,
    /// The window's number on the display.
    window: String,
}

fn has(program: &str) -> bool {
    Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl Desk {
    /// `None`, and a word, where the tools are missing.
    fn new(name: &str) -> Option<Self> {
        for tool in ["Xvfb", "xdotool"] {
            if !has(tool) {
                println!("skipped: the real window ({tool} is not installed)");
                return None;
            }
        }
        let folder = scratch(name);
        let said = folder.join("display");
        let file = fs::File::create(&said).expect("a file");
        let server = Command::new("Xvfb")
            // A server that loses its last client starts anew, and refuses who comes in between: xdotool comes and goes.
            .args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-noreset"])
            .stdout(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut desk = Self {
            server,
            program: None,
            display: String::new(),
            layout: folder.join("layout.json"),
            home: folder.join("home"),
            runtime: folder.join("runtime"),
            window: String::new(),
        };
        fs::create_dir_all(&desk.runtime).expect("a folder");
        let number = desk.until("Xvfb", 20, || {
            fs::read_to_string(&said).ok().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
        });
        desk.display = format!(":{number}");
        Some(desk)
    }

    fn start(&mut self, arguments: &[&str]) {
        let mut command = calvaria();
        command.args(arguments).env("DISPLAY", &self.display).env("CALVARIA_HOME", &self.home);
        command.env("CALVARIA_TEST_LAYOUT_FILE", &self.layout).env("XDG_RUNTIME_DIR", &self.runtime);
        command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        self.program = Some(command.spawn().expect("the program starts"));
        let id = self.until("the window", 60, || {
            let found = self.xdotool(&["search", "--name", "^Calvaria$"]);
            found.lines().last().map(str::to_owned).filter(|id| !id.is_empty())
        });
        self.until("the first frame", 60, || self.read());
        self.window = id;
        self.focus();
        std::thread::sleep(Duration::from_millis(300));
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool")
            .args(arguments)
            .env("DISPLAY", &self.display)
            .stderr(Stdio::null())
            .output()
            .expect("xdotool");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn until<T>(&self, what: &str, seconds: u64, ready: impl Fn() -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = ready() {
                return found;
            }
            let facts = self.read().map(|l| l["facts"].to_string()).unwrap_or_default();
            assert!(since.elapsed() < Duration::from_secs(seconds), "{what} did not happen; {facts}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn read(&self) -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(&self.layout).ok()?).ok()
    }

    fn fact(&self, pointer: &str) -> Value {
        let layout = self.until("the layout", 10, || self.read());
        layout["facts"].pointer(pointer).cloned().unwrap_or_default()
    }

    /// Where a control is, x0 y0 x1 y1 in pixels; a role tells a slider from its label.
    fn rect(&self, name: &str, role: Option<&str>) -> [f64; 4] {
        self.until(&format!("a control called {name}"), 30, || {
            let layout = self.read()?;
            let control = layout["controls"]
                .as_array()?
                .iter()
                .find(|c| c["name"] == name && c["disabled"] == false && role.is_none_or(|role| c["role"] == role))?;
            let mut rect = [0.0; 4];
            for (v, given) in rect.iter_mut().zip(control["rect"].as_array()?) {
                *v = given.as_f64()?;
            }
            Some(rect)
        })
    }

    fn move_to(&self, x: f64, y: f64) {
        self.xdotool(&["mousemove", &format!("{x:.0}"), &format!("{y:.0}")]);
        std::thread::sleep(Duration::from_millis(120));
    }

    fn click_at(&self, x: f64, y: f64) {
        self.move_to(x, y);
        self.xdotool(&["click", "1"]);
        std::thread::sleep(Duration::from_millis(200));
    }

    /// Without a window manager nobody gives the window the keyboard.
    fn focus(&self) {
        self.until("the keyboard's focus", 20, || {
            let has = self.xdotool(&["getwindowfocus"]).trim() == self.window;
            if !has {
                self.xdotool(&["windowfocus", &self.window]);
            }
            has.then_some(())
        });
    }

    fn key(&self, key: &str) {
        self.focus();
        self.xdotool(&["key", key]);
        std::thread::sleep(Duration::from_millis(250));
    }

    fn type_text(&self, text: &str) {
        self.focus();
        self.xdotool(&["type", "--delay", "8", text]);
        std::thread::sleep(Duration::from_millis(300));
    }

    /// A picture for the eye, where `import` is installed.
    fn look(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
        fs::create_dir_all(&folder).expect("a folder");
        std::thread::sleep(Duration::from_millis(600));
        let file = folder.join(format!("{name}.png"));
        let made = Command::new("import").args(["-window", "root"]).arg(&file).env("DISPLAY", &self.display).status();
        if !made.is_ok_and(|s| s.success()) {
            println!("skipped: picture {name} (import is not installed)");
        }
    }

    fn step(&self, step: &str, seconds: u64) {
        self.until(step, seconds, || {
            let state = self.fact(&format!("/steps/{step}"));
            assert_ne!(state, "failed", "{step} failed");
            let done = state.as_str().is_some_and(|s| s.starts_with("done"));
            (done && self.fact("/busy") == false).then_some(())
        });
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.program.iter_mut().chain([&mut self.server]) {
            // It may be gone already; nothing else is to be done.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_scan_becomes_an_exported_part_by_keys_and_mouse() {
    let Some(mut desk) = Desk::new("window") else { return };
    let folder = scratch("window-files");
    let scan = folder.join("head.nrrd");
    let made = calvaria().args(["phantom", "--quiet", "--defect", "left-parietal,25", "--out"]).arg(&scan).status();
    assert!(made.expect("calvaria phantom runs").success());

    desk.start(&[]);
    desk.key("ctrl+o");
    desk.rect("Path of the scan", None);
    desk.type_text(&scan.display().to_string());
    desk.look("1-open");
    desk.key("Return");
    desk.step("scan", 60);
    desk.look("2-scan");

    desk.key("ctrl+Return");
    desk.step("implant", 180);
    desk.look("3-implant");

    // The methods side by side, by their key.
    desk.key("v");
    desk.until("the comparison", 120, || {
        let shown = desk.read()?["controls"].as_array()?.iter().any(|c| c["name"] == "In use: auto");
        shown.then_some(())
    });
    desk.until("the whole comparison in view", 20, || {
        let [_, _, _, bottom] = desk.rect("Close", Some("Button"));
        (bottom < 900.0).then_some(())
    });
    desk.look("3b-methods");
    desk.key("Escape");
    desk.key("ctrl+5");

    // The thickness slider, dragged to the right.
    let [x0, y0, x1, y1] = desk.rect("Thickness", Some("Slider"));
    let before = desk.fact("/thickness_mm").as_f64().expect("a thickness");
    let (y, at) = ((y0 + y1) / 2.0, |share: f64| x0 + (x1 - x0) * share);
    desk.move_to(at(0.28), y);
    desk.xdotool(&["mousedown", "1"]);
    for share in [0.32, 0.38, 0.44, 0.5] {
        desk.move_to(at(share), y);
    }
    desk.xdotool(&["mouseup", "1"]);
    desk.until("a thicker part", 30, || (desk.fact("/thickness_mm").as_f64()? > before + 1.0).then_some(()));
    desk.step("implant", 60);
    desk.look("4-thicker");

    // A distance over a third of the axial view.
    desk.key("m");
    let [x0, y0, x1, y1] = desk.rect("Axial view", None);
    let (from, to) = (x0 + (x1 - x0) / 3.0, x0 + 2.0 * (x1 - x0) / 3.0);
    desk.click_at(from, (y0 + y1) / 2.0);
    desk.until("the first end", 60, || (desk.fact("/measuring") == true).then_some(()));
    desk.click_at(to, (y0 + y1) / 2.0);
    let length = desk.until("a measured distance", 60, || desk.fact("/measures_mm/0").as_f64());
    let scale = desk.fact("/axial_mm_per_pixel").as_f64().expect("a scale");
    let expected = (to.round() - from.round()) * scale;
    assert!((length - expected).abs() <= 2.0 * scale, "{length} mm against {expected} mm on the screen");
    desk.look("5-measured");

    let out = folder.join("part");
    desk.key("ctrl+e");
    desk.rect("Folder to write into", None);
    desk.key("ctrl+a");
    desk.type_text(&out.display().to_string());
    desk.key("Return");
    desk.step("export", 120);
    desk.look("6-exported");
    let stl = fs::read(out.join("implant.stl")).expect("implant.stl");
    assert!(!stl.starts_with(b"solid"));
    let triangles = u32::from_le_bytes(stl[80..84].try_into().expect("four bytes")) as usize;
    assert!(triangles > 1000);
    assert_eq!(stl.len(), 84 + 50 * triangles);
    for name in ["implant.nrrd", "complete.nrrd", "skull.stl", "report.json", "recipe.toml"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let recipe = fs::read_to_string(out.join("recipe.toml")).expect("recipe.toml");
    let thickness = desk.fact("/thickness_mm").as_f64().expect("a thickness");
    assert!(recipe.contains(&format!("thickness_mm = {thickness}")), "the slider's value is in the recipe: {recipe}");

    let pause = desk.fact("/longest_pause_ms").as_f64().expect("a pause");
    println!("longest pause outside drawing: {pause:.1} ms ({})", desk.fact("/longest_pause_was"));
    assert!(pause < 50.0, "{pause} ms in {}", desk.fact("/longest_pause_was"));
}

#[test]
fn without_a_display_the_headless_command_is_offered() {
    let mut command = calvaria();
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    let output = command.output().expect("the program runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if cfg!(all(unix, not(target_os = "macos"))) {
        assert!(said.contains("calvaria design"), "{said}");
    }
}

#[test]
fn ten_phantoms_are_labelled_by_keys_alone() {
    let Some(mut desk) = Desk::new("label") else { return };
    let folder = scratch("label-files");
    for i in 0..10 {
        let mut params = HeadParams::small(100 + i);
        if i % 2 == 0 {
            params = params.with_defect("right-parietal", 30.0);
        }
        let made = head(&params, &Progress::new()).expect("a phantom");
        save_nrrd(&folder.join(format!("{i:02}.nrrd")), &made.scan).expect("written");
    }
    desk.start(&["label", &folder.display().to_string(), "--by", "tester"]);
    for i in 0..10 {
        desk.until("the scan's surface", 60, || {
            let at = desk.fact("/position") == i;
            (at && desk.fact("/shown") == true).then_some(())
        });
        if i == 2 {
            desk.look("7-label");
        }
        // Every question that applies gets an answer; one of several needs Enter to go on. On a busy machine a key may
        // come before the window is ready for it, and its answer be drawn late: it is pressed again when nothing came of it.
        let asked = || ["/position", "/group", "/labelled"].map(|pointer| desk.fact(pointer));
        let since = Instant::now();
        while desk.fact("/position") == i && desk.fact("/labelled") != 10 {
            assert!(since.elapsed() < Duration::from_secs(90), "scan {i} is not labelled; {:?}", asked());
            let before = asked();
            let present = desk.fact("/group") == "present";
            let many = desk.fact("/many") == true;
            desk.key(if present && i % 2 == 1 { "2" } else { "1" });
            if many {
                desk.key("Return");
            }
            let pressed = Instant::now();
            while asked() == before && pressed.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    desk.until("ten labels", 60, || (desk.fact("/labelled") == 10).then_some(()));
    desk.look("8-labelled");
    let text = fs::read_to_string(folder.join("labels.json")).expect("labels.json");
    let labels: Value = serde_json::from_str(&text).expect("JSON");
    let scans = labels["scans"].as_object().expect("scans");
    assert_eq!(scans.len(), 10);
    for (i, (name, label)) in scans.iter().enumerate() {
        assert_eq!(name, &format!("{i:02}.nrrd"));
        assert_eq!(label["tags"]["present"], if i % 2 == 0 { "yes" } else { "no" }, "{name}");
        assert_eq!(label["by"], "tester");
    }
}
