//! The slim bar over the views: the tool in the hand, the grey window, reset.

use super::action::Action;
use super::commands::Command;
use super::theme;
use super::tools::{Tool, Tools};
use crate::view::PRESETS;
use egui::{Button, FontId, RichText, Ui};

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

/// One thing in the bar.
#[derive(Clone, Copy)]
enum Entry {
    Tool(Tool),
    Grey,
    Reset,
}

impl Entry {
    fn words(self, tools: &Tools) -> String {
        match self {
            Entry::Tool(Tool::Window) => "Window".to_owned(),
            Entry::Tool(Tool::Measure) => "Measure".to_owned(),
            Entry::Tool(tool) => command_of(tool).label().to_owned(),
            Entry::Grey => {
                let now = PRESETS.iter().find(|(_, w)| *w == tools.window).map_or("own", |(name, _)| *name);
                format!("Grey: {now}")
            }
            Entry::Reset => "Reset views".to_owned(),
        }
    }

    fn show(self, ui: &mut Ui, tools: &Tools, actions: &mut Vec<Action>) {
        let words = RichText::new(self.words(tools)).size(SIZE);
        match self {
            Entry::Tool(tool) => {
                let command = command_of(tool);
                if ui.add(Button::selectable(tools.tool == tool, words)).on_hover_text(command.hint()).clicked() {
                    actions.push(Action::Do(command));
                }
            }
            Entry::Grey => {
                ui.menu_button(words, |ui| {
                    for (command, _) in WINDOWS {
                        let button = Button::new(command.label()).shortcut_text(command.key_text());
                        if ui.add(button).clicked() {
                            actions.push(Action::Do(command));
                            ui.close();
                        }
                    }
                });
            }
            Entry::Reset => {
                let reset = Button::new(words).frame_when_inactive(false);
                if ui.add(reset).on_hover_text(Command::ResetView.hint()).clicked() {
                    actions.push(Action::Do(Command::ResetView));
                }
            }
        }
    }
}

const SIZE: f32 = 13.0;

/// Draws the bar; what does not fit into its width stands under "More".
pub fn show(ui: &mut Ui, tools: &Tools, busy: bool, actions: &mut Vec<Action>) {
    let p = *theme::palette(ui);
    let entries: Vec<Entry> = Tool::ALL.into_iter().map(Entry::Tool).chain([Entry::Grey, Entry::Reset]).collect();
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = theme::HALF;
        let width = |words: String| {
            let galley = ui.painter().layout_no_wrap(words, FontId::proportional(SIZE), p.text);
            galley.size().x + 2.0 * ui.spacing().button_padding.x + theme::HALF
        };
        let spare = if busy { 4.0 * theme::GRID } else { 2.0 * theme::GRID };
        let room = ui.available_width() - spare;
        let widths: Vec<f32> = entries.iter().map(|e| width(e.words(tools))).collect();
        let fit = how_many_fit(&widths, room, width("More".to_owned()));
        for (i, entry) in entries.iter().take(fit).enumerate() {
            if matches!(entry, Entry::Tool(Tool::PaintIn) | Entry::Grey) && i > 0 {
                ui.separator();
            }
            entry.show(ui, tools, actions);
        }
        if fit < entries.len() {
            ui.menu_button(RichText::new("More").size(SIZE), |ui| {
                for entry in &entries[fit..] {
                    entry.show(ui, tools, actions);
                }
            });
        }
        if busy {
            ui.add_space(theme::GRID);
            ui.add(egui::Spinner::new().size(14.0).color(p.info));
        }
    });
}

/// How many of these widths fit side by side, with a menu of the rest beside them where not all do.
fn how_many_fit(widths: &[f32], room: f32, more: f32) -> usize {
    if widths.iter().sum::<f32>() <= room {
        return widths.len();
    }
    let fits = |n: &usize| widths[..*n].iter().sum::<f32>() + more <= room;
    (0..widths.len()).rev().find(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_under_more() {
        let widths = [50.0, 60.0, 70.0];
        assert_eq!(how_many_fit(&widths, 180.0, 30.0), 3);
        assert_eq!(how_many_fit(&widths, 179.0, 30.0), 2);
        assert_eq!(how_many_fit(&widths, 139.0, 30.0), 1);
        assert_eq!(how_many_fit(&widths, 10.0, 30.0), 0);
    }
}
