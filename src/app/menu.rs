//! The bar at the top: menus from the command table, the case's name, search, theme, help.

use super::action::Action;
use super::commands::{Command, Group};
use super::theme;
use crate::case::Case;
use egui::{Align, Button, Layout, RichText, Ui};

/// Draws the bar. `enabled` says what can be done now.
pub fn show(ui: &mut Ui, case: &Case, enabled: &dyn Fn(Command) -> bool, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    egui::MenuBar::new().ui(ui, |ui| {
        ui.label(RichText::new("Calvaria").size(15.0).family(theme::semibold()).color(p.accent));
        ui.add_space(theme::GRID);
        for group in Group::ALL {
            ui.menu_button(group.label(), |ui| {
                ui.set_min_width(232.0);
                for command in Command::ALL.iter().copied().filter(|c| c.spec().group == group) {
                    let button = Button::new(words(command, case)).shortcut_text(command.key_text());
                    if ui.add_enabled(enabled(command), button).on_hover_text(command.spec().tooltip).clicked() {
                        actions.push(Action::Do(command));
                        ui.close();
                    }
                    if ends_group(command) {
                        ui.separator();
                    }
                }
            });
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut quick = |ui: &mut Ui, text: &str, command: Command| {
                let button = Button::new(RichText::new(text).color(p.weak)).frame_when_inactive(false);
                if ui.add(button).on_hover_text(command.hint()).clicked() {
                    actions.push(Action::Do(command));
                }
            };
            quick(ui, "?", Command::Keys);
            let dark = ui.visuals().dark_mode;
            quick(ui, if dark { "Light" } else { "Dark" }, Command::Theme);
            quick(ui, "Find a command  Ctrl+K", Command::Find);
            let saved = if case.id().is_some() { "kept" } else { "" };
            ui.with_layout(Layout::top_down(Align::Center).with_cross_align(Align::Center), |ui| {
                ui.horizontal_centered(|ui| {
                    ui.add_space((ui.available_width() - 160.0).max(0.0) / 2.0);
                    ui.label(RichText::new(case.name()).family(theme::semibold()));
                    ui.label(RichText::new(saved).size(theme::SMALL).color(p.weak))
                        .on_hover_text("Every change is kept at once in your data folder.");
                });
            });
        });
    });
}

/// "Undo thickness 4 → 5 mm" says what it takes back.
fn words(command: Command, case: &Case) -> String {
    let named = match command {
        Command::Undo => case.undo_name(),
        Command::Redo => case.redo_name(),
        _ => None,
    };
    named.map_or_else(|| command.label().to_owned(), |name| format!("{} {name}", command.label()))
}

/// Where a menu has a line.
fn ends_group(command: Command) -> bool {
    matches!(
        command,
        Command::OpenSample
            | Command::SaveAs
            | Command::Export
            | Command::Redo
            | Command::Stop
            | Command::ResetView
            | Command::ViewBottom
            | Command::FoldSides
            | Command::LayerRim
            | Command::SliceDown
            | Command::ToolMeasure
            | Command::ToolRim
            | Command::BrushSmaller
    )
}
