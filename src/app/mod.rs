//! The window: egui panels over a case and its views. Computes nothing itself; every step runs in the case's jobs.

mod action;
mod alternatives;
mod background;
mod commands;
mod dialogs;
mod figures;
mod help;
mod incoming;
mod label;
mod layers;
mod layout_file;
mod menu;
mod middle;
mod perform;
mod pulse;
mod recent;
mod road;
mod slices;
mod stage;
mod status;
mod theme;
mod toolbar;
mod tools;
mod utc;
mod welcome;
mod widgets;
mod window;

use crate::case::{Home, HomeError, Start};
use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew, wgpu};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use commands::{Command, Group, Spec, key_table, key_text};
pub use label::LabelWindow;
pub use layers::scene_of;
pub use pulse::Pulse;
pub use window::Window;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No screen to draw on.
    #[error(
        "there is no display here, so no window can open; `calvaria design SCAN --out DIR` does the same without one"
    )]
    NoDisplay,
    /// No graphics driver answers.
    #[error(
        "no graphics driver answers ({0}); install one (mesa-vulkan-drivers draws in software), or use `calvaria design SCAN --out DIR`"
    )]
    NoGraphics(String),
    /// The window system refused.
    #[error("the window could not open: {0}; `calvaria design SCAN --out DIR` works without one")]
    Window(String),
    /// No place for cases.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// Opens the window and returns when it is closed; `trouble` is said first.
pub fn run(start: Start, trouble: Option<String>) -> Result<(), Error> {
    if !has_display() {
        return Err(Error::NoDisplay);
    }
    let home = Home::find()?;
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Calvaria")
            .with_app_id("calvaria")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([900.0, 600.0])
            .with_drag_and_drop(true),
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: graphics(),
        persist_window: false,
        ..Default::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        Ok(match start {
            Start::Label { dir, labels, reading, by } => {
                Box::new(LabelWindow::new(cc, &home, &dir, reading.as_deref(), labels.as_deref(), &by)?)
            }
            start => Box::new(Window::new(cc, home, start)?.saying(trouble)),
        })
    });
    // Some window systems panic instead of saying that a library is missing.
    match catch_unwind(AssertUnwindSafe(|| eframe::run_native("Calvaria", options, create))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(eframe::Error::Wgpu(e))) => Err(Error::NoGraphics(e.to_string())),
        Ok(Err(e)) => Err(Error::Window(e.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it stopped by itself");
            Err(Error::Window(text.to_owned()))
        }
    }
}

/// The adapter's own limits: the usual ones are too small for a head.
fn graphics() -> WgpuConfiguration {
    let setup = WgpuSetupCreateNew {
        device_descriptor: Arc::new(|adapter: &wgpu::Adapter| wgpu::DeviceDescriptor {
            label: Some("calvaria"),
            required_limits: adapter.limits(),
            ..Default::default()
        }),
        ..WgpuSetupCreateNew::without_display_handle()
    };
    WgpuConfiguration { wgpu_setup: WgpuSetup::CreateNew(setup), ..Default::default() }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].iter().any(|v| std::env::var_os(v).is_some_and(|v| !v.is_empty()))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn has_display() -> bool {
    true
}
