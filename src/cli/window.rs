use super::arguments::Open;
use super::failure::Failure;
use super::output;
use crate::case::{Home, Sample, Start, find_sample};

/// The window without a command: the last case, else the sample, else the phantom (made when it is not there yet).
pub fn first(quiet: bool) -> Result<Start, Failure> {
    check_display("calvaria design SCAN --out DIR")?;
    let home = Home::find().map_err(|e| Failure::Write(e.to_string()))?;
    if home.recent().is_empty()
        && let Sample::Phantom(path) = find_sample(&home)
        && !path.is_file()
    {
        output::note(quiet, "no sample scan is installed; making a phantom");
        // Without it the window opens empty, which is no reason not to open it.
        if let Err(failure) = super::phantom::sample(&path) {
            output::complain(&failure.to_string());
        }
    }
    Ok(Start::Default)
}

/// The window on a scan or case.
pub fn open(arguments: &Open) -> Result<Start, Failure> {
    let path = &arguments.path;
    if !path.exists() {
        return Err(Failure::Refused(format!("{}: no such file or folder; check the path", path.display())));
    }
    check_display(&format!("calvaria design {} --out DIR", path.display()))?;
    Ok(Start::Open(path.clone()))
}

/// Says so when there is no display, and what to do instead.
pub fn check_display(instead: &str) -> Result<(), Failure> {
    if has_display() {
        return Ok(());
    }
    Err(Failure::NoWindow(format!(
        "no display: neither DISPLAY nor WAYLAND_DISPLAY is set, so no window can be opened; without a window: {instead}"
    )))
}

#[cfg(all(unix, not(target_os = "macos")))]
fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].iter().any(|v| std::env::var_os(v).is_some_and(|v| !v.is_empty()))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn has_display() -> bool {
    true
}
