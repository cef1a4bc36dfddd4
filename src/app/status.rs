//! The line at the bottom: position, HU, window, what draws and computes, memory.

use super::slices::{Probe, words};
use super::theme;
use super::tools::{Tool, Tools};
use crate::case::{Case, Voxels};
use crate::view::{PRESETS, SurfaceWay};
use eframe::egui_wgpu::wgpu;
use egui::{Align, Layout, RichText, Ui};
use std::time::Instant;

/// Which way surfaces are cut and which adapter draws.
pub fn engine(adapter: Option<&wgpu::AdapterInfo>, way: Option<&SurfaceWay>) -> String {
    let Some(info) = adapter else { return "CPU: marching cubes".to_owned() };
    let name = info.name.split(" (").next().unwrap_or_default();
    let software = info.device_type == wgpu::DeviceType::Cpu;
    match way {
        Some(SurfaceWay::Cpu(_)) => format!("CPU: marching cubes · drawn by {name}"),
        None if software => format!("CPU: marching cubes · drawn by {name}"),
        _ => format!("GPU: {name}"),
    }
}

/// Memory of this process, asked for at most once a second.
#[derive(Default)]
pub struct Memory {
    last: Option<(Instant, u64)>,
}

impl Memory {
    /// Megabytes in memory; `None` where the system does not say.
    pub fn megabytes(&mut self) -> Option<u64> {
        if self.last.is_none_or(|(at, _)| at.elapsed().as_millis() > 1000) {
            self.last = resident_bytes().map(|bytes| (Instant::now(), bytes / 1_000_000));
        }
        self.last.map(|(_, mb)| mb)
    }
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<u64> {
    None
}

/// Draws the line.
pub fn show(ui: &mut Ui, case: &Case, tools: &Tools, probe: Option<Probe>, engine: &str, memory: Option<u64>) {
    let p = *theme::palette(ui);
    let small = |text: String| RichText::new(text).size(theme::SMALL);
    // In a narrow window the figure that matters least gives way.
    let memory = memory.filter(|_| ui.available_width() >= 1100.0);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 16.0;
        match probe {
            Some(probe) => {
                ui.label(small(words(&probe.at)).color(p.text));
                if let Some(value) = probe.value {
                    ui.label(small(value_words(case, value)).color(p.text));
                }
            }
            None => {
                let hint = if tools.tool == Tool::Cross {
                    "Point at a slice to read position and HU"
                } else {
                    tools.tool.hint()
                };
                ui.label(small(hint.to_owned()).color(p.weak));
            }
        }
        if case.results().scan.as_ref().is_some_and(|s| matches!(s.voxels, Voxels::Hu(_))) {
            ui.label(small(window_words(tools)).color(p.weak));
        }
        if let Some(trouble) = case.autosave_trouble() {
            ui.label(small(format!("Not kept on disk: {trouble}")).color(p.error));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 16.0;
            if let Some(mb) = memory {
                ui.label(small(format!("{mb} MB")).color(p.weak));
            }
            ui.label(small(engine.to_owned()).color(p.weak));
            ui.label(small("For research, not a medical device".to_owned()).color(p.weak));
        });
    });
}

fn value_words(case: &Case, value: f32) -> String {
    match case.results().scan.as_ref().map(|s| &s.voxels) {
        Some(Voxels::Mask(_)) => if value >= 0.5 { "bone" } else { "not bone" }.to_owned(),
        _ => format!("{value:.0} HU"),
    }
}

fn window_words(tools: &Tools) -> String {
    let w = tools.window;
    let name = PRESETS.iter().find(|(_, preset)| *preset == w).map(|(name, _)| *name);
    let name = name.map_or_else(|| "own window".to_owned(), |n| format!("{n} window"));
    format!("{name} {:.0}/{:.0}", w.window_hu, w.level_hu)
}
