//! The slim bar over the views: the tool in the hand, the grey window, reset.

use super::action::Action;
use super::commands::Command;
use super::theme;
use super::tools::{Tool, Tools};
use crate::view::PRESETS;
use egui::{Button, RichText, Ui};

/// The command of each tool.
pub fn command_of(tool: Tool) -> Command {
    match tool {
        Tool::Cross => Command::ToolCross,
        Tool::Window => Command::ToolWindow,
        Tool::Measure => Command::ToolMeasure,
        Tool::PaintIn => Command::ToolPaintIn,
        Tool::PaintOut => Command::ToolPaintOut,
        Tool::Rim => Command::ToolRim,
    }
}

/// The presets on keys, in the order of their keys, by their place in [`PRESETS`].
pub const WINDOWS: [(Command, usize); 5] = [
    (Command::WindowBone, 0),
    (Command::WindowBrain, 1),
    (Command::WindowSoft, 2),
    (Command::WindowTemporal, 3),
    (Command::WindowWide, 5),
];

/// Draws the bar.
pub fn show(ui: &mut Ui, tools: &Tools, busy: bool, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = theme::HALF;
        for tool in Tool::ALL {
            let command = command_of(tool);
            let words = match tool {
                Tool::Window => "Window",
                Tool::Measure => "Measure",
                _ => command.label(),
            };
            let button = Button::selectable(tools.tool == tool, RichText::new(words).size(13.0));
            if ui.add(button).on_hover_text(command.hint()).clicked() {
                actions.push(Action::Do(command));
            }
            if tool == Tool::Measure {
                ui.separator();
            }
        }
        ui.separator();
        let now = PRESETS.iter().find(|(_, w)| *w == tools.window).map_or("own", |(name, _)| *name);
        ui.menu_button(RichText::new(format!("Grey: {now}")).size(13.0), |ui| {
            for (command, _) in WINDOWS {
                let button = Button::new(command.label()).shortcut_text(command.key_text());
                if ui.add(button).clicked() {
                    actions.push(Action::Do(command));
                    ui.close();
                }
            }
        });
        let reset = Button::new(RichText::new("Reset views").size(13.0)).frame_when_inactive(false);
        if ui.add(reset).on_hover_text(Command::ResetView.hint()).clicked() {
            actions.push(Action::Do(Command::ResetView));
        }
        if busy {
            ui.add_space(theme::GRID);
            ui.add(egui::Spinner::new().size(14.0).color(p.info));
        }
    });
}
