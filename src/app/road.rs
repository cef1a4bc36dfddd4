//! The left column: the steps with state and key figure, the chosen one's parameters, the one big button.

use super::action::Action;
use super::commands::Command;
use super::theme::{self, GRID, HALF};
use super::tools::{Tool, Tools};
use super::widgets::{big_button, gap, hint, note, parameter, section, state_mark, state_word};
use crate::case::{Case, StepKind, StepState};
use egui::{Button, CornerRadius, Frame, Margin, RichText, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, vec2};

const NUMBERS: [&str; 6] = ["①", "②", "③", "④", "⑤", "⑥"];

/// Draws the column. `chosen` is the step whose parameters are open.
pub fn show(ui: &mut Ui, case: &Case, chosen: Option<StepKind>, tools: &Tools, actions: &mut Vec<Action>) {
    let next = case.next_step();
    egui::Panel::bottom("next").frame(Frame::new().inner_margin(Margin::symmetric(0, 8))).show(ui, |ui| {
        let (text, enabled) = match next {
            _ if tools.holds_rim() => ("Close the rim".to_owned(), !case.is_busy()),
            Some(step) => (next_words(step, case), !case.is_busy()),
            None => ("Export again…".to_owned(), !case.is_busy()),
        };
        if big_button(ui, &text, enabled).on_hover_text(Command::Next.hint()).clicked() {
            actions.push(Action::Do(Command::Next));
        }
        ui.horizontal(|ui| {
            let runnable = !case.is_busy() && next.is_some_and(|s| s > StepKind::Scan && s < StepKind::Export);
            let half = (ui.available_width() - GRID) / 2.0;
            let run = ui.add_enabled(runnable, Button::new("Run all").min_size(vec2(half, theme::CONTROL)));
            if run.on_hover_text(Command::RunAll.hint()).clicked() {
                actions.push(Action::Do(Command::RunAll));
            }
            let stop = ui.add_enabled(case.is_busy(), Button::new("Cancel").min_size(vec2(half, theme::CONTROL)));
            if stop.on_hover_text("Stop the running step; results so far stay.").clicked() {
                actions.push(Action::Do(Command::Stop));
            }
        });
    });
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = HALF;
        for step in StepKind::ALL {
            row(ui, case, step, chosen == Some(step), next == Some(step), actions);
            if chosen == Some(step) {
                details(ui, case, step, tools, actions);
            }
        }
        ui.add_space(GRID);
    });
}

/// What the big button says.
pub fn next_words(step: StepKind, case: &Case) -> String {
    match (step, case.missing_scan()) {
        (StepKind::Scan, Some(_)) => "Locate scan…".to_owned(),
        (StepKind::Scan, None) if case.can_read_on() => "Read the scan".to_owned(),
        _ => step.action().to_owned(),
    }
}

fn figure(state: &StepState) -> String {
    match state {
        StepState::NotRun => "not run yet".to_owned(),
        StepState::Stale => "stale: something before it changed".to_owned(),
        StepState::Running { fraction, message } => {
            let message = if message.is_empty() { "working" } else { message };
            format!("{message} · {:.0} %", fraction * 100.0)
        }
        StepState::Done { figure } | StepState::Finding { figure, .. } => figure.clone(),
        StepState::Failed { .. } => "did not work".to_owned(),
    }
}

fn row(ui: &mut Ui, case: &Case, step: StepKind, chosen: bool, next: bool, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    let state = case.state(step);
    let fill = if chosen { p.chosen } else { p.panel };
    let frame = Frame::new().fill(fill).corner_radius(CornerRadius::same(theme::ROUND)).inner_margin(Margin {
        left: 10,
        right: 10,
        top: 7,
        bottom: 7,
    });
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            state_mark(ui, &state);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                let ink = if next || chosen { p.text } else { p.text.gamma_multiply(0.92) };
                let title = format!("{} {}", NUMBERS[step.index()], step.label());
                let family = if next || chosen { theme::semibold() } else { egui::FontFamily::Proportional };
                ui.add(egui::Label::new(RichText::new(title).family(family).color(ink)).selectable(false));
                let text = RichText::new(figure(&state)).size(theme::SMALL).color(p.weak);
                ui.add(egui::Label::new(text).selectable(false).truncate());
            });
        });
        if let StepState::Running { fraction, .. } = state {
            let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 3.0), Sense::hover());
            ui.painter().rect_filled(rect, 1.5, p.line);
            let done = egui::Rect::from_min_size(rect.min, vec2(rect.width() * fraction.clamp(0.0, 1.0), 3.0));
            ui.painter().rect_filled(done, 1.5, p.info);
        }
    });
    let rect = inner.response.rect;
    let response = ui.interact(rect, ui.scope_id().with(("step", step.name())), Sense::click());
    let name = format!("{}: {}", step.label(), state_word(&state));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    if response.hovered() && !chosen {
        ui.painter().rect_stroke(rect, theme::ROUND as f32, Stroke::new(1.0, p.line), egui::StrokeKind::Inside);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, theme::ROUND as f32, Stroke::new(1.5, p.accent), egui::StrokeKind::Inside);
    }
    if response.clicked() {
        actions.push(Action::Choose(step));
    }
}

fn details(ui: &mut Ui, case: &Case, step: StepKind, tools: &Tools, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    Frame::new().inner_margin(Margin { left: 14, right: 6, top: 4, bottom: 10 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = HALF;
        match case.state(step) {
            StepState::Failed { message, next } => {
                let message = sentence(&message);
                note(ui, p.error, "This did not work", &format!("{message}\n{next}"));
                ui.add_space(HALF);
            }
            StepState::Finding { finding, .. } => {
                note(ui, p.warn, "To know", &finding);
                ui.add_space(HALF);
            }
            _ => {}
        }
        for setting in case.recipe().specs().iter().filter(|s| s.step == step && case.recipe().applies(&s.path())) {
            parameter(ui, setting, true, actions);
        }
        match step {
            StepKind::Scan => scan(ui, case, actions),
            StepKind::Defect => corrections(ui, case, tools, actions),
            StepKind::Reconstruct => compare_button(ui, case, actions),
            StepKind::Export => export(ui, case),
            _ => {}
        }
        if case.recipe().specs().iter().any(|s| s.step == step && s.is_changed()) {
            gap(ui);
            if ui.button("Reset all").on_hover_text(Command::ResetStep.hint()).clicked() {
                actions.push(Action::Do(Command::ResetStep));
            }
        }
    });
}

fn scan(ui: &mut Ui, case: &Case, actions: &mut Vec<Action>) {
    match &case.results().scan {
        Some(scan) => {
            let grid = scan.voxels.grid();
            let (low, high) = grid.bounds_mm();
            let size = high - low;
            hint(ui, format!("{:.0} × {:.0} × {:.0} mm of patient", size.x, size.y, size.z));
        }
        None => {
            hint(ui, "NRRD, NIfTI, InVesalius or a DICOM folder.");
        }
    }
    gap(ui);
    if ui.button("Open another…").clicked() {
        actions.push(Action::Do(Command::Open));
    }
    // The other series of the scan's folder, each to be read instead.
    let others = case.results().scan.as_ref().map_or(&[][..], |scan| &scan.other_series);
    if !others.is_empty() {
        section(ui, "Other series here");
    }
    for series in others {
        hint(ui, series.to_string());
        let name = series.file.file_name().unwrap_or_default().to_string_lossy();
        let button =
            ui.button("Read this one").on_hover_text(format!("Opens {name} and the slices that belong to it."));
        if button.clicked() {
            actions.push(Action::Open(series.file.clone()));
        }
    }
}

/// Offers the methods side by side.
pub fn compare_button(ui: &mut Ui, case: &Case, actions: &mut Vec<Action>) {
    let button = Button::new(Command::Compare.label());
    if ui.add_enabled(case.can_compare(), button).on_hover_text(Command::Compare.hint()).clicked() {
        actions.push(Action::Do(Command::Compare));
    }
}

fn corrections(ui: &mut Ui, case: &Case, tools: &Tools, actions: &mut Vec<Action>) {
    section(ui, "Correct by hand");
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = HALF;
        for (tool, command, word) in [
            (Tool::PaintIn, Command::ToolPaintIn, "Paint in"),
            (Tool::PaintOut, Command::ToolPaintOut, "Paint out"),
            (Tool::Rim, Command::ToolRim, "Draw rim"),
        ] {
            let response = ui.add(Button::selectable(tools.tool == tool, word)).on_hover_text(command.hint());
            if response.clicked() {
                actions.push(Action::Do(if tools.tool == tool { Command::ToolCross } else { command }));
            }
        }
    });
    if tools.tool.corrects() {
        hint(ui, tools.tool.hint());
    }
    if tools.tool.paints() {
        hint(ui, format!("Brush radius {:.0} mm", tools.brush_mm));
    }
    let count = case.edits().len();
    if count > 0 {
        ui.horizontal(|ui| {
            hint(ui, format!("{count} correction{}", if count == 1 { "" } else { "s" }));
            if ui.button("Clear").on_hover_text(Command::ClearCorrections.hint()).clicked() {
                actions.push(Action::Do(Command::ClearCorrections));
            }
        });
    }
}

fn export(ui: &mut Ui, case: &Case) {
    let p = *theme::palette(ui);
    match case.exported() {
        Some(written) => {
            hint(ui, "Written to");
            ui.label(written.folder.display().to_string());
            for file in &written.files {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(&file.name).size(theme::SMALL));
                    ui.label(RichText::new(bytes(file.bytes)).size(theme::SMALL).color(p.weak));
                });
            }
        }
        None => {
            hint(
                ui,
                "3MF and STL of the part, STL of the skull, masks, report, recipe and a picture, into a folder of your choice.",
            );
        }
    }
}

/// A file's length as people read it.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// An error's text as a sentence; a path at its beginning stays as it is.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let path = text.split(": ").next().is_some_and(|first| first != text && first.contains(['/', '\\', '.']));
    let first = chars.next();
    let mut sentence: String =
        if path { first.into_iter().collect() } else { first.map(|c| c.to_uppercase().collect()).unwrap_or_default() };
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sentences() {
        assert_eq!([bytes(12), bytes(12_345), bytes(12_345_678)], ["12 B", "12 kB", "12.3 MB"]);
        assert_eq!(sentence("no bone: only 1 cm³"), "No bone: only 1 cm³.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence("lab/empty.nii: the file is empty"), "lab/empty.nii: the file is empty.");
    }
}
