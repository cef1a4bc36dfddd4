//! A site's own atlas and networks: taken where they fit, named in the report, refused where they do not.

mod support;

use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::Progress;
use calvaria::network::Weights;
use calvaria::phantom::{self, HeadParams};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

const HEADS: u64 = 6;

/// A folder of whole phantom skulls (`heads`) and one with a hole (`open.nrrd`), made once.
fn phantoms() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = support::scratch("models-phantoms");
        fs::create_dir(folder.join("heads")).expect("a folder");
        for seed in 0..HEADS {
            let made = phantom::head(&HeadParams::small(300 + seed), &Progress::new()).expect("a phantom");
            save_nrrd(&folder.join(format!("heads/head{seed}.nrrd")), &made.complete).expect("written");
        }
        let params = HeadParams::small(320).with_defect("left-parietal", 40.0);
        let made = phantom::head(&params, &Progress::new()).expect("a phantom");
        save_nrrd(&folder.join("open.nrrd"), &made.scan).expect("written");
        folder
    })
}

/// Runs the program with a folder of models, or none.
fn run(models: Option<&Path>, words: &[&str], paths: &[&Path]) -> Output {
    let mut command = support::calvaria();
    if let Some(folder) = models {
        command.arg("--models").arg(folder);
    }
    command.args(words).args(paths).output().expect("the program runs")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs what has to end well.
fn done(models: Option<&Path>, words: &[&str], paths: &[&Path]) -> Output {
    let output = run(models, words, paths);
    assert!(output.status.success(), "{words:?}: {}", errors(&output));
    output
}

/// Runs what has to be refused in one line with these words.
fn refused(models: Option<&Path>, words: &[&str], paths: &[&Path], expected: &[&str]) {
    let output = run(models, words, paths);
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(expected.iter().all(|word| said.contains(word)), "{said}");
}

/// `heads.bin` of the phantoms beside the shipped heads.
fn added(folder: &Path) -> PathBuf {
    let file = folder.join("heads.bin");
    done(None, &["atlas", "heads", "--quiet", "--add"], &[&phantoms().join("heads"), Path::new("--out"), &file]);
    file
}

fn report(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).expect("a report")).expect("JSON")
}

#[test]
fn heads_of_a_site_change_the_answer_and_stand_in_the_report() {
    let folder = support::scratch("models-heads");
    let models = folder.join("models");
    fs::create_dir(&models).expect("a folder");
    added(&models);
    let open = phantoms().join("open.nrrd");
    let (shipped, own) = (folder.join("shipped"), folder.join("own"));
    done(None, &["design", "--quiet", "--out"], &[&shipped, &open]);
    let said = done(Some(&models), &["design", "--out"], &[&own, &open]);
    assert!(errors(&said).contains("heads.bin of "), "{}", errors(&said));
    let of = |out: &Path, name: &str| {
        let report = report(out);
        let all = report["models"].as_array().expect("models").clone();
        all.into_iter().find(|m| m["name"] == name).expect("the file")
    };
    for name in ["mean_vault.bin", "detector.safetensors"] {
        assert_eq!(of(&shipped, name), of(&own, name));
    }
    let (theirs, ours) = (of(&shipped, "heads.bin"), of(&own, "heads.bin"));
    assert!(theirs["own"] == false && ours["own"] == true && theirs["sha256"] != ours["sha256"]);
    let part = |out: &Path| fs::read(out.join("complete.nrrd")).expect("the completed bone");
    assert!(part(&shipped) != part(&own), "the heads were not asked");
    // Heads that are there already are not counted twice.
    let twice = folder.join("twice.bin");
    let paths: [&Path; 3] = [&phantoms().join("heads"), Path::new("--out"), &twice];
    refused(Some(&models), &["atlas", "heads", "--quiet", "--add"], &paths, &["of 6 skulls 6 are there already"]);
    assert!(!twice.exists());
    // Adding to the shipped heads does not write over a file of others.
    let before = fs::read(models.join("heads.bin")).expect("the heads");
    let file = models.join("heads.bin");
    let paths: [&Path; 3] = [&phantoms().join("heads"), Path::new("--out"), &file];
    refused(None, &["atlas", "heads", "--quiet", "--add"], &paths, &["holds other heads", "--models"]);
    assert!(fs::read(&file).expect("the heads") == before);
    // The usual place is asked without a word of the user.
    let home = folder.join("home");
    fs::create_dir_all(home.join("data/models")).expect("a folder");
    fs::copy(models.join("heads.bin"), home.join("data/models/heads.bin")).expect("copied");
    let usual = folder.join("usual");
    let mut command = support::calvaria();
    let output = command.env("CALVARIA_HOME", &home).args(["design", "--quiet", "--out"]).arg(&usual).arg(&open);
    assert!(output.output().expect("the program runs").status.success());
    assert!(part(&usual) == part(&own));
}

#[test]
fn models_that_cannot_be_used_are_refused_in_a_line_and_nothing_is_written() {
    let folder = support::scratch("models-refused");
    let open = phantoms().join("open.nrrd");
    let out = folder.join("out");
    let with = |name: &str, bytes: &[u8], expected: &[&str]| {
        let models = support::scratch("models-refused-one");
        fs::write(models.join(name), bytes).expect("written");
        let words = [name, expected[0]];
        refused(Some(&models), &["design", "--quiet", "--out"], &[&out, &open], &words);
    };
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let asset = |name: &str| fs::read(assets.join(name)).expect("an asset");
    let mut heads = asset("atlas/heads.bin");
    let last = heads.len() - 40;
    heads[last] ^= 1;
    with("heads.bin", &heads, &["damaged"]);
    with("heads.bin", b"no heads", &["not an atlas file"]);
    with("mean_vault.bin", b"no vault", &["not an atlas file"]);
    let mut map = asset("models/map.safetensors");
    let last = map.len() - 3;
    map[last] ^= 1;
    with("map.safetensors", &map, &["damaged"]);
    with("volume.safetensors", &asset("models/map.safetensors"), &["of the map network"]);
    // A copy of what ships is what ships.
    let copy = support::scratch("models-copy");
    for name in ["atlas/mean_vault.bin", "models/detector.safetensors"] {
        fs::copy(assets.join(name), copy.join(Path::new(name).file_name().expect("a name"))).expect("copied");
    }
    done(Some(&copy), &["detect", "--quiet"], &[&open]);
    refused(Some(&folder.join("nowhere")), &["detect", "--quiet"], &[&open], &["no folder of models"]);
    refused(Some(&support::scratch("models-empty")), &["detect", "--quiet"], &[&open], &["none of mean_vault.bin"]);
    assert!(!out.exists());
}

#[test]
fn a_mean_vault_names_the_skull_or_folder_it_cannot_be_built_from() {
    let folder = support::scratch("models-build");
    let out = folder.join("mean_vault.bin");
    let build = |input: &Path, named: &str, next: &str| {
        let output = run(None, &["atlas", "build", "--quiet"], &[input, Path::new("--out"), &out]);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.contains(&format!("{named}: ")) && said.contains(next), "{said}");
        assert!(!said.contains("mean_vault.bin") && !out.exists(), "{said}");
    };
    // A scan among masks, and too few masks.
    build(&phantoms().join("open.nrrd"), "open.nrrd", "as 0 and 1, not the scan itself");
    build(&phantoms().join("heads/head0.nrrd"), "head0.nrrd", "at least 5 whole heads");
}

#[test]
fn a_mean_vault_of_a_site_asks_for_its_own_heads_and_networks() {
    let folder = support::scratch("models-vault");
    let models = folder.join("models");
    fs::create_dir(&models).expect("a folder");
    let (heads, open) = (phantoms().join("heads"), phantoms().join("open.nrrd"));
    let out_file = models.join("mean_vault.bin");
    done(None, &["atlas", "build", "--quiet"], &[&heads, Path::new("--out"), &out_file]);
    refused(Some(&models), &["detect", "--quiet"], &[&open], &["needs heads measured against it", "atlas heads"]);
    // The heads of another mean are no help.
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/atlas/heads.bin");
    fs::copy(assets, models.join("heads.bin")).expect("copied");
    refused(Some(&models), &["detect", "--quiet"], &[&open], &["heads.bin", "another mean vault"]);
    let file = models.join("heads.bin");
    done(Some(&models), &["atlas", "heads", "--quiet"], &[&heads, Path::new("--out"), &file]);
    let output = done(Some(&models), &["detect", "--json"], &[&open]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["defects"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["defects"][0]["region"], "left-parietal");
    // One that was trained beside it looks.
    let recipe = folder.join("recipe.toml");
    fs::write(&recipe, "steps = 1\nbatch = 1\nviews = 1\nwidths = [8]\n").expect("a recipe");
    let trained = folder.join("trained");
    let words = ["train", "detector", "--quiet", "--recipe", recipe.to_str().expect("a plain path"), "--data"];
    done(Some(&models), &words, &[&heads, Path::new("--out"), &trained]);
    let with = folder.join("with");
    fs::create_dir(&with).expect("a folder");
    for (from, name) in [(&models, "mean_vault.bin"), (&models, "heads.bin"), (&trained, "detector.safetensors")] {
        fs::copy(from.join(name), with.join(name)).expect("copied");
    }
    let output = done(Some(&with), &["detect", "--json"], &[&open]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("no second opinion"));
    // Beside the shipped vault the same file is refused.
    fs::remove_file(with.join("mean_vault.bin")).expect("removed");
    fs::remove_file(with.join("heads.bin")).expect("removed");
    refused(Some(&with), &["detect", "--quiet"], &[&open], &["detector.safetensors", "another mean vault"]);
    // No network was trained beside this vault: the user is told, and the methods that need one say so.
    assert!(found["findings"][0].as_str().expect("a word").contains("no second opinion"), "{found}");
    let out = folder.join("out");
    let words = ["design", "--quiet", "--set", "reconstruct.method=map", "--out"];
    refused(Some(&models), &words, &[&out, &open], &["the map network", "calvaria train map", "method auto"]);
    assert!(!out.exists());
    done(Some(&models), &["design", "--quiet", "--out"], &[&out, &open]);
    let report = fs::read_to_string(out.join("report.json")).expect("a report");
    assert!(report.contains("no map network trained beside it") && !report.contains("map.safetensors"), "{report}");
}

#[test]
fn fine_tuning_goes_on_from_the_network_in_use() {
    let folder = support::scratch("models-fine");
    let recipe = folder.join("recipe.toml");
    // One step too small to be seen: what comes out is what it began with.
    let text = "steps = 1\nbatch = 1\nviews = 1\nlearning_rate = 0.0000001\nweight_decay = 0.0\naverage = 0.0\n";
    let small = format!("{text}widths = [8]\n");
    let train = |out: &str, text: &str, more: &[&str]| {
        fs::write(&recipe, text).expect("a recipe");
        let out = folder.join(out);
        let told = ["train", "detector", "--quiet", "--recipe", recipe.to_str().expect("a plain path")];
        let paths: [&Path; 4] = [Path::new("--data"), &phantoms().join("heads"), Path::new("--out"), &out];
        done(None, &[&told, more].concat(), &paths);
        let bytes = fs::read(out.join("detector.safetensors")).expect("weights");
        Weights::from_bytes(&bytes, "detector").expect("weights")
    };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/detector.safetensors");
    let shipped = Weights::from_bytes(&fs::read(shipped).expect("an asset"), "detector").expect("weights");
    let (tuned, fresh) = (train("tuned", text, &["--fine-tune"]), train("fresh", &small, &[]));
    assert_eq!(tuned.about.shape, shipped.about.shape);
    assert_eq!(tuned.about.calibration, shipped.about.calibration);
    assert_ne!(fresh.about.shape, shipped.about.shape);
    let moved = tuned
        .arrays
        .iter()
        .flat_map(|(name, a)| a.values.iter().zip(&shipped.arrays[name].values).map(|(a, b)| (a - b).abs()));
    let moved: Vec<f32> = moved.collect();
    let most = moved.iter().copied().fold(0.0, f32::max);
    assert!(most > 0.0 && most < 1e-6, "{most}");
    assert_eq!(tuned.about.mean_vault, calvaria::skull::MeanVault::shipped().hash_word());
    // Its checkpoint is no checkpoint of a training that began with chance.
    let words = ["train", "detector", "--quiet", "--recipe", recipe.to_str().expect("a plain path")];
    let paths: [&Path; 4] = [Path::new("--data"), &phantoms().join("heads"), Path::new("--out"), &folder.join("tuned")];
    refused(None, &words, &paths, &["another recipe"]);
    // Nor does it change its size.
    let words = [&words[..], &["--fine-tune"]].concat();
    refused(None, &words, &paths, &["keeps its size"]);
}

#[test]
fn a_head_of_the_atlas_is_scored_without_itself_when_asked() {
    let folder = support::scratch("models-self");
    let models = folder.join("models");
    fs::create_dir(&models).expect("a folder");
    added(&models);
    let (whole, cut) = (phantoms().join("heads/head2.nrrd"), folder.join("cut"));
    done(None, &["inject", "--quiet", "--area", "60", "--seed", "4", "--out"], &[&cut, &whole]);
    // Into one folder: figures that were reckoned otherwise are made again. By the atlas alone: what the shipped network
    // learned from heads is nothing to phantoms.
    let evaluate = |more: &[&str]| -> Value {
        let words = [&["evaluate", "--quiet", "--json", "--method", "kriging"], more, &["--out"]].concat();
        let output = done(Some(&models), &words, &[&folder.join("scores"), &cut]);
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let (with, without) = (evaluate(&[]), evaluate(&["--leave-self-out"]));
    let dice = |summary: &Value| summary["all"][0]["figures"][0]["mean"].as_f64().expect("a number");
    assert_eq!((&with["all"][0]["without_self"], &without["all"][0]["without_self"]), (&0.into(), &1.into()));
    // Who was seen before is completed better.
    assert!(dice(&with) > dice(&without) && dice(&without) > 0.8, "{} {}", dice(&with), dice(&without));
    let table = fs::read_to_string(folder.join("scores/table.md")).expect("a table");
    assert!(table.contains("in 1 of 1 cases the head is one of the atlas'"), "{table}");
}
