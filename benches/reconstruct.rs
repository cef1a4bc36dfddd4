//! `reconstruct` on test-set masks of 512 × 512 × about 250 voxels as a whole process, reading and writing included:
//! wall time and peak memory. Targets on two cores: under 6 s by `auto` and `map`, under 12 s by `volume`, and 2 GiB.
//!
//! There is no rival: the published networks need a graphics card. Run with
//! `cargo bench --profile release --bench reconstruct`; CALVARIA_DATA names the data (./check --full sets it).

mod process;

use std::path::PathBuf;

const METHODS: [&str; 3] = ["auto", "map", "volume"];

/// Test-set skulls of 252 or 253 slices.
const SKULLS: [&str; 5] = ["007", "012", "013", "015", "022"];

fn main() {
    let data = std::env::var_os("CALVARIA_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let folder = data.join("skullfix/test_set");
    if !folder.is_dir() {
        println!("skipped: reconstruct on the test set (CALVARIA_DATA names no folder with skullfix/test_set)");
        return;
    }
    let out = std::env::temp_dir().join(format!("calvaria-bench-{}", std::process::id()));
    for method in METHODS {
        let mut times = Vec::new();
        let mut memory = None;
        for name in SKULLS {
            let mask = folder.join(format!("{name}.nrrd"));
            let arguments = ["reconstruct".as_ref(), "--quiet".as_ref(), "--method".as_ref(), method.as_ref()];
            let arguments = [arguments.as_slice(), &[mask.as_os_str(), "--out".as_ref(), out.as_os_str()]].concat();
            let seconds = process::seconds(&arguments);
            println!("reconstruct on {name} by {method}: {seconds:.2} s");
            times.push(seconds);
            memory = memory.max(process::peak_memory_mib(&arguments).map(|mib| mib as u64));
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{method}: median {:.2} s, worst {:.2} s of {}",
            times[times.len() / 2],
            times[times.len() - 1],
            times.len()
        );
        process::say_memory(memory.map(|mib| mib as f64));
    }
    std::fs::remove_dir_all(&out).ok();
}
