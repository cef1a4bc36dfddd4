//! The program as a whole process, from start to exit, as a user waits for it.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Instant;

/// Wall time of a command of the program, s.
pub fn seconds<A: AsRef<OsStr>>(arguments: &[A]) -> f64 {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_calvaria")).args(arguments).status().expect("the program runs");
    assert!(status.success(), "it ended with {status}");
    start.elapsed().as_secs_f64()
}

/// Its largest resident set, MiB, from GNU time when that is there (no unsafe code for one figure).
pub fn peak_memory_mib<A: AsRef<OsStr>>(arguments: &[A]) -> Option<f64> {
    let program = ["-f", "%M", env!("CARGO_BIN_EXE_calvaria")];
    let result = Command::new("/usr/bin/time").args(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&result.stderr).into_owned();
    text.lines().last()?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Says a peak of memory, or that it is not known.
pub fn say_memory(mib: Option<f64>) {
    match mib {
        Some(mib) => println!("peak memory: {mib:.0} MiB"),
        None => println!("skipped: peak memory (not told by this system)"),
    }
}
