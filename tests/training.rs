//! The promises of training: killed and gone on with, the same bits; bad folders refused with one message; the
//! convolution equal to scipy's, value and gradients.

mod support;

use calvaria::export::nrrd::save_nrrd;
use calvaria::geometry::{Grid, Progress, Random, Volume};
use calvaria::network::{Activation, convolve};
use calvaria::phantom::{self, HeadParams};
use candle_core::{Device, Tensor, Var};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const RECIPE: &str = "steps = 60\nbatch = 2\nwidths = [8, 12]\nviews = 1\ncheckpoint_every = 3\nvalidate_every = 20\n";

/// A folder of small phantom heads, the last with a hole when asked.
fn heads(folder: &Path, count: u64, hole: bool) {
    for seed in 0..count {
        let params = HeadParams::small(100 + seed);
        let params = if hole && seed + 1 == count { params.with_defect("left-parietal", 30.0) } else { params };
        let made = phantom::head(&params, &Progress::new()).expect("a phantom");
        save_nrrd(&folder.join(format!("head{seed}.nrrd")), &made.scan).expect("written");
    }
}

fn training(data: &Path, out: &Path) -> Command {
    let recipe = data.with_extension("toml");
    std::fs::write(&recipe, RECIPE).expect("a recipe");
    let mut command = support::calvaria();
    command.args(["train", "detector", "--data"]).arg(data).arg("--recipe").arg(recipe).arg("--out").arg(out);
    command
}

fn word(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_training_killed_again_and_again_ends_with_the_same_bytes() {
    let folder = support::scratch("network-kill");
    let data = folder.join("heads");
    std::fs::create_dir(&data).expect("a folder");
    heads(&data, 4, false);
    let (whole, broken) = (folder.join("whole"), folder.join("broken"));
    let output = training(&data, &whole).output().expect("the program starts");
    assert!(output.status.success(), "{}", word(&output));
    let mut kills = 0;
    while kills < 4 {
        let mark = || std::fs::metadata(broken.join("checkpoint.safetensors")).and_then(|m| m.modified()).ok();
        let before = mark();
        let mut child =
            training(&data, &broken).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let start = Instant::now();
        while mark() == before && start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert_ne!(mark(), before, "no checkpoint within two minutes");
        kills += 1;
    }
    assert!(!broken.join("detector.safetensors").exists(), "it ended before it was killed");
    let output = training(&data, &broken).env("RAYON_NUM_THREADS", "1").output().expect("the program starts");
    assert!(output.status.success() && word(&output).contains("going on from step"), "{}", word(&output));
    for file in ["detector.safetensors", "checkpoint.safetensors", "curve.csv", "curve.png"] {
        let read = |of: &Path| std::fs::read(of.join(file)).expect("a file");
        assert!(read(&whole) == read(&broken), "{file} differs");
    }
    // Another recipe is not mixed with this training.
    std::fs::write(data.with_extension("toml"), RECIPE.replace("60", "61")).expect("a recipe");
    let mut other = support::calvaria();
    other.args(["train", "detector", "--data"]).arg(&data).arg("--recipe").arg(data.with_extension("toml"));
    let output = other.arg("--out").arg(&broken).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(word(&output).contains("another recipe"), "{}", word(&output));
}

#[test]
fn folders_that_cannot_be_trained_on_are_refused_with_one_message() {
    let folder = support::scratch("network-bad");
    let [empty, one, mixed] = ["empty", "one", "mixed"].map(|name| folder.join(name));
    for data in [&empty, &one, &mixed] {
        std::fs::create_dir(data).expect("a folder");
    }
    heads(&one, 1, false);
    heads(&mixed, 3, true);
    let chest = phantom::chest(1, &Progress::new()).expect("a chest");
    save_nrrd(&mixed.join("chest.nrrd"), &chest).expect("written");
    for (data, wanted) in [(&empty, "holds no volume"), (&one, "at least two"), (&mixed, "not whole skulls")] {
        let out = folder.join("out");
        let output = training(data, &out).arg("--quiet").output().expect("the program starts");
        let said = word(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(wanted) && said.lines().count() == 1, "{said}");
        assert!(!out.join("checkpoint.safetensors").exists());
    }
    // Implants that complete no skull of the folder, or lie beside theirs.
    let [grown, implants] = ["grown", "implants"].map(|name| folder.join(name));
    std::fs::create_dir(&grown).expect("a folder");
    std::fs::create_dir(&implants).expect("a folder");
    heads(&grown, 2, false);
    let grid = Grid::axis_aligned([8; 3], [1.0; 3], [900.0, 0.0, 0.0].into());
    let implant = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(o % 8 > 2)).collect());
    for (name, wanted) in [("strange", "is called strange"), ("head0", "0 of its 320 voxels lie in the skull")] {
        save_nrrd(&implants.join(format!("{name}.nrrd")), &implant).expect("written");
        let output = training(&grown, &folder.join("out")).arg("--quiet").arg("--implants").arg(&implants).output();
        let said = word(&output.expect("the program starts"));
        assert!(said.contains(wanted) && said.lines().count() == 1, "{said}");
        std::fs::remove_file(implants.join(format!("{name}.nrrd"))).expect("removed");
    }
    // A list of other skulls: what was to be left out would be learned from.
    let list = folder.join("list.txt");
    std::fs::write(&list, "set/head0 set/head1\n").expect("a list");
    for option in ["--leave-out", "--validation"] {
        let output = training(&grown, &folder.join("out")).arg("--quiet").arg(option).arg(&list).output();
        let said = word(&output.expect("the program starts"));
        assert!(said.contains("none of its 2 names") && said.lines().count() == 1, "{said}");
    }
    let said = word(&training(&mixed, &folder.join("out")).arg("--quiet").output().expect("the program starts"));
    assert!(said.contains("chest:") && said.contains("head2: it has a left-parietal opening"), "{said}");
    let output = training(&mixed, &one.join("head0.nrrd/out")).arg("--quiet").output().expect("the program starts");
    assert_eq!((output.status.code(), word(&output).lines().count()), (Some(5), 1), "{}", word(&output));
}

/// The numbers of a kept tensor of a head.
fn kept(file: &Path, tensor: &str) -> Vec<f32> {
    let bytes = std::fs::read(file).expect("what was kept of a head");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let data = file.tensor(tensor).expect("the tensor").data();
    data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn a_completed_head_teaches_but_not_where_it_was_completed() {
    let folder = support::scratch("network-implants");
    let [data, implants] = ["heads", "implants"].map(|name| folder.join(name));
    std::fs::create_dir(&data).expect("a folder");
    std::fs::create_dir(&implants).expect("a folder");
    heads(&data, 2, false);
    // The whole of one head was made, of the other nothing.
    let head = phantom::head(&HeadParams::small(100), &Progress::new()).expect("a phantom").scan;
    save_nrrd(&implants.join("head0.nrrd"), &head.map(|v| u8::from(v >= 300))).expect("written");
    let recipe = folder.join("short.toml");
    std::fs::write(&recipe, "steps = 2\nbatch = 1\nwidths = [8, 12]\nviews = 1\nvalidate_every = 2\n")
        .expect("a recipe");
    // What a network is to learn: the last two of the map network's fourteen maps, the volume network's whole bone.
    for (network, seen, tensor, truth) in [("map", "cuts", "maps", 2.0 / 14.0), ("volume", "volumes", "whole", 1.0)] {
        let out = folder.join(network);
        let mut command = support::calvaria();
        command.args(["train", network, "--data"]).arg(&data).arg("--implants").arg(&implants);
        let output = command.arg("--recipe").arg(&recipe).arg("--out").arg(&out).output().expect("the program starts");
        assert!(output.status.success(), "{}", word(&output));
        assert!(out.join(format!("{network}.safetensors")).exists());
        let told = |name: &str| {
            let values = kept(&out.join(seen).join(name).with_extension("safetensors"), tensor);
            let from = ((1.0 - truth) * values.len() as f64).round() as usize;
            // A cell beside bone that was made may hold a sliver of it.
            let bone = |v: &&f32| v.is_finite() && (network == "map" || **v > 0.5);
            values[from..].iter().filter(bone).count()
        };
        assert_eq!(told("head0"), 0, "{network}: bone that was made is told");
        assert!(told("head1") > 1000, "{network}: a grown head tells {} values", told("head1"));
        // The same skulls without their implants are another training.
        let mut command = support::calvaria();
        command.args(["train", network, "--data"]).arg(&data).arg("--recipe").arg(&recipe).arg("--out").arg(&out);
        let said = word(&command.output().expect("the program starts"));
        assert!(said.contains("other skulls"), "{said}");
    }
}

#[test]
fn the_convolution_equals_scipys() {
    let Some(python) = support::judges_python() else { return };
    let noise = |seed: u64, count: usize| -> Vec<f32> {
        let mut random = Random::new(seed, 0);
        (0..count).map(|_| random.normal() as f32).collect()
    };
    let cases = [
        ([2, 3, 5, 6, 7], [4, 3, 3, 3, 3], 1),
        ([1, 2, 6, 5, 8], [3, 2, 3, 3, 3], 2),
        ([2, 3, 1, 9, 10], [5, 3, 1, 3, 3], 2),
        ([1, 4, 3, 4, 5], [2, 4, 1, 1, 1], 1),
    ];
    for (n, (x_shape, w_shape, stride)) in cases.into_iter().enumerate() {
        let folder = support::scratch(&format!("network-scipy-{n}"));
        let var = |seed: u64, dims: &[usize]| {
            Var::from_tensor(&Tensor::from_vec(noise(seed, dims.iter().product()), dims, &Device::Cpu).expect("noise"))
                .expect("a variable")
        };
        let (x, weight, bias) = (var(1, &x_shape), var(2, &w_shape), var(3, &w_shape[..1]));
        let out = convolve(&x, &weight, &bias, stride, Activation::None).expect("a value");
        let pull = Tensor::from_vec(noise(4, out.elem_count()), out.dims(), &Device::Cpu).expect("noise");
        let gradients = (&out * &pull).and_then(|p| p.sum_all()?.backward()).expect("gradients");
        let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        for (name, tensor) in [("x", &*x), ("weight", &*weight), ("bias", &*bias), ("pull", &pull)] {
            std::fs::write(folder.join(name), bytemuck::cast_slice::<f32, u8>(&values(tensor))).expect("written");
        }
        let case = serde_json::json!({ "x": x_shape, "weight": w_shape, "stride": stride });
        std::fs::write(folder.join("case.json"), case.to_string()).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/convolve_with_scipy.py");
        let judged = Command::new(&python).arg(script).arg(&folder).output().expect("the judge starts");
        assert!(judged.status.success(), "{}", word(&judged));
        let of = |var: &Var| gradients.get(var).expect("a gradient").clone();
        for (name, ours) in [("out", out), ("by_x", of(&x)), ("by_weight", of(&weight)), ("by_bias", of(&bias))] {
            let theirs: Vec<f64> = bytemuck::pod_collect_to_vec(&std::fs::read(folder.join(name)).expect("a file"));
            let ours = values(&ours);
            let most = theirs.iter().fold(0f64, |m, v| m.max(v.abs()));
            let far = ours.iter().zip(&theirs).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(ours.len() == theirs.len() && far < 2e-6 * most, "case {n} {name}: {far} of {most}");
            println!("case {n} {name}: {far:.1e} of {most:.1}");
        }
    }
}
