//! `design` on the sample as a whole process: wall time and peak memory, and the sliders' time on the same case.
//! Targets: under 20 s and 1.5 GiB on two cores; a new mesh for thickness and λ3 within 60 ms.
//!
//! There is no rival: no free program makes the part from the scan without a hand. Run with
//! `cargo bench --bench design`; CALVARIA_SAMPLE names the sample (./check --full sets it).

mod process;

use calvaria::geometry::Progress;
use calvaria::{defect, implant, reconstruct, scan, skull};
use std::path::{Path, PathBuf};
use std::time::Instant;

const RUNS: usize = 3;

fn main() {
    let Some(sample) = std::env::var_os("CALVARIA_SAMPLE").map(PathBuf::from).filter(|f| f.is_file()) else {
        println!("skipped: design on the sample (CALVARIA_SAMPLE names no file)");
        return;
    };
    whole_process(&sample);
    sliders(&sample);
}

/// The program from start to exit, as a user waits for it.
fn whole_process(sample: &Path) {
    let out = std::env::temp_dir().join(format!("calvaria-bench-{}", std::process::id()));
    let arguments = ["design".as_ref(), "--quiet".as_ref(), sample.as_os_str(), "--out".as_ref(), out.as_os_str()];
    for run in 1..=RUNS {
        println!("design on the sample, run {run}: {:.2} s", process::seconds(&arguments));
    }
    process::say_memory(process::peak_memory_mib(&arguments));
    std::fs::remove_dir_all(&out).ok();
}

/// `implant::shape` on the prepared case, as a dragged slider calls it.
fn sliders(sample: &Path) {
    let progress = Progress::new();
    let scan = scan::read(sample, &progress).expect("the sample is read");
    let skull = skull::segment(&scan, &skull::Params::default(), &progress).expect("a skull");
    let found = defect::detect(&skull, &[], &defect::Params::default(), &progress).expect("the search runs");
    let completion =
        reconstruct::complete(&skull, &found[0], &reconstruct::Params::default(), &progress).expect("a completion");
    let design = implant::prepare(&skull, &completion, &progress).expect("a design box");
    let time = |name: &str, params: Vec<implant::Params>| {
        let mut times: Vec<f64> = params
            .iter()
            .map(|p| {
                let start = Instant::now();
                let part = implant::shape(&design, p, &progress).expect("a part");
                assert!(!part.mesh.triangles.is_empty());
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{name}: median {:.1} ms, worst {:.1} ms of {}",
            times[times.len() / 2],
            times[times.len() - 1],
            times.len()
        );
    };
    println!("design box: {:?} voxels of {:?} mm", design.grid.size, design.grid.spacing_mm);
    let base = implant::Params::default();
    let thickness =
        (0..20).map(|i| implant::Params { thickness_mm: 3.0 + 0.1 * f64::from(i), ..base.clone() }).collect();
    time("thickness_mm slider", thickness);
    let scaled = |i: i32| implant::Params {
        thickness_mode: implant::ThicknessMode::Scaled,
        lambda3: 0.95 + 0.005 * f64::from(i),
        ..base.clone()
    };
    time("lambda3 slider", (0..20).map(scaled).collect());
}
