//! The middle while there is nothing to show: the empty start, loading, a scan that did not open.

use super::action::Action;
use super::commands::Command;
use super::recent;
use super::theme::{self, GRID};
use super::widgets::{accent_button, big_button, hint};
use crate::case::{Case, Recent, StepKind, StepState};
use egui::{Align2, CornerRadius, Frame, Margin, Rect, RichText, Stroke, StrokeKind, Ui, UiBuilder, vec2};

/// Draws the middle of an empty case.
pub fn show(ui: &mut Ui, rect: Rect, case: &Case, cases: &[Recent], actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    ui.painter().rect_filled(rect, 0.0, p.ground);
    let size = vec2(460.0_f32.min(rect.width() - 32.0), 420.0_f32.min(rect.height() - 16.0));
    let place = Align2::CENTER_CENTER.align_size_within_rect(size, rect);
    ui.scope_builder(UiBuilder::new().max_rect(place), |ui| match case.state(StepKind::Scan) {
        StepState::Running { fraction, message } => loading(ui, fraction, &message, actions),
        StepState::Failed { message, next } => failed(ui, &message, &next, case, actions),
        _ => empty(ui, cases, actions),
    });
}

fn empty(ui: &mut Ui, cases: &[Recent], actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    ui.vertical_centered(|ui| {
        ui.label(RichText::new("From a head CT to a printable implant").text_style(egui::TextStyle::Heading));
        ui.add_space(GRID);
        let drop = Frame::new().fill(p.panel).corner_radius(CornerRadius::same(10)).inner_margin(Margin::same(24));
        let inner = drop.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new("Drop a scan here").size(16.0).family(theme::semibold()));
            hint(ui, "NRRD, NIfTI, InVesalius, or a DICOM folder");
            ui.add_space(GRID);
            if accent_button(ui, "Open…", true).on_hover_text(Command::Open.hint()).clicked() {
                actions.push(Action::Do(Command::Open));
            }
        });
        let stroke = Stroke::new(1.0, p.weak.gamma_multiply(0.6));
        ui.painter().rect_stroke(inner.response.rect, 10.0, stroke, StrokeKind::Inside);
        ui.add_space(2.0 * GRID);
        hint(ui, "No scan at hand?");
        if ui.button("Open the sample").on_hover_text(Command::OpenSample.hint()).clicked() {
            actions.push(Action::Do(Command::OpenSample));
        }
        recent::show(ui, cases, 5, actions);
    });
}

fn loading(ui: &mut Ui, fraction: f32, message: &str, actions: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space(120.0);
        ui.label(RichText::new("Reading the scan").text_style(egui::TextStyle::Heading));
        let message = if message.is_empty() { "opening" } else { message };
        hint(ui, format!("{message} · {:.0} %", fraction * 100.0));
        ui.add_space(GRID);
        ui.add(egui::ProgressBar::new(fraction).desired_width(280.0).desired_height(6.0).fill(theme::palette(ui).info));
        ui.add_space(GRID);
        if ui.button("Stop").clicked() {
            actions.push(Action::Do(Command::Stop));
        }
    });
}

fn failed(ui: &mut Ui, message: &str, next: &str, case: &Case, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    let frame = Frame::new()
        .fill(p.panel)
        .stroke(Stroke::new(1.0, p.error))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(20));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let title =
            if case.missing_scan().is_some() { "Where is the scan of this case?" } else { "This scan did not open" };
        ui.label(RichText::new(title).text_style(egui::TextStyle::Heading).color(p.error));
        ui.label(super::road::sentence(message));
        ui.label(RichText::new(next).color(p.weak));
        ui.add_space(GRID);
        let words = if case.missing_scan().is_some() { "Locate scan…" } else { "Open another scan…" };
        if big_button(ui, words, true).clicked() {
            actions.push(Action::Do(Command::Next));
        }
    });
}
