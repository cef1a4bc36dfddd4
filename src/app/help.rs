//! Search over all commands, the list of keys, About.

use super::action::Action;
use super::commands::{Command, Group, key_text, search};
use super::theme::{self, GRID, HALF};
use super::widgets::{dialog_frame, hint, key_cap, section};
use crate::case::atlas_line;
use egui::{Button, Grid, Id, Key, Modal, RichText, Role, ScrollArea, TextEdit, WidgetInfo, vec2};

/// The search field and where the arrow keys are.
#[derive(Default)]
pub struct Finder {
    text: String,
    at: usize,
}

impl Finder {
    /// Draws the search; a chosen command closes it.
    pub fn show(&mut self, ctx: &egui::Context, enabled: &dyn Fn(Command) -> bool, actions: &mut Vec<Action>) {
        let area = Modal::default_area(Id::unique("finder")).anchor(egui::Align2::CENTER_TOP, vec2(0.0, 80.0));
        let response = Modal::new(Id::unique("finder")).area(area).frame(dialog_frame(ctx)).show(ctx, |ui| {
            ui.set_width(480.0);
            let (up, down, enter) = ui.input_mut(|i| {
                let mut take = |k| i.consume_key(egui::Modifiers::NONE, k);
                (take(Key::ArrowUp), take(Key::ArrowDown), take(Key::Enter))
            });
            let edit =
                TextEdit::singleline(&mut self.text).hint_text("Type what you want to do").desired_width(f32::INFINITY);
            let response = ui.add(edit.margin(egui::Margin::symmetric(8, 6)));
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find a command"));
            response.request_focus();
            let found: Vec<Command> = search(&self.text).into_iter().filter(|c| *c != Command::Find).collect();
            if response.changed() {
                self.at = 0;
            }
            let last = found.len().min(10).saturating_sub(1);
            self.at = if down {
                self.at + 1
            } else if up {
                self.at.saturating_sub(1)
            } else {
                self.at
            }
            .min(last);
            ui.add_space(HALF);
            ui.spacing_mut().item_spacing.y = 2.0;
            for (i, command) in found.iter().copied().take(10).enumerate() {
                let button = Button::selectable(i == self.at, command.label())
                    .shortcut_text(command.key_text())
                    .min_size(vec2(ui.available_width(), theme::CONTROL));
                let clicked = ui.add_enabled(enabled(command), button).on_hover_text(command.spec().tooltip).clicked();
                if clicked || (enter && i == self.at && enabled(command)) {
                    actions.push(Action::Close);
                    actions.push(Action::Do(command));
                }
            }
            if found.is_empty() {
                hint(ui, "No command has these words.");
            }
        });
        if response.should_close() {
            actions.push(Action::Close);
        }
    }
}

/// The list of every command with its keys.
pub fn keys(ctx: &egui::Context, actions: &mut Vec<Action>) {
    let response = Modal::new(Id::unique("keys")).frame(dialog_frame(ctx)).show(ctx, |ui| {
        ui.set_width((ctx.content_rect().width() - 96.0).min(860.0));
        ui.label(RichText::new("Keys").text_style(egui::TextStyle::Heading));
        hint(ui, "Slices: wheel next slice · right drag zoom · middle or Shift drag pan.   3-D: left drag turn · right drag or wheel zoom · middle or Shift drag pan.");
        ui.add_space(GRID);
        let height = (ctx.content_rect().height() - 220.0).max(160.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            ui.columns(2, |columns| {
            for (i, group) in Group::ALL.into_iter().enumerate() {
                // The three long menus fill the second column.
                let ui = &mut columns[usize::from(i >= 3 && i != 6)];
                section(ui, group.label());
                Grid::new(group.label()).num_columns(2).min_col_width(150.0).spacing(vec2(16.0, 5.0)).show(ui, |ui| {
                    for command in Command::ALL.iter().copied().filter(|c| c.spec().group == group) {
                        ui.horizontal(|ui| {
                            for k in command.spec().keys {
                                key_cap(ui, &key_text(k));
                            }
                        });
                        ui.label(command.label()).on_hover_text(command.spec().tooltip);
                        ui.end_row();
                    }
                });
            }
            });
        });
        ui.add_space(GRID);
        if ui.button("Close").clicked() {
            actions.push(Action::Close);
        }
    });
    if response.should_close() {
        actions.push(Action::Close);
    }
}

/// Version, purpose, licences.
pub fn about(ctx: &egui::Context, engine: &str, actions: &mut Vec<Action>) {
    let response = Modal::new(Id::unique("about")).frame(dialog_frame(ctx)).show(ctx, |ui| {
        ui.set_width(460.0);
        let p = *theme::palette(ui);
        ui.label(RichText::new("Calvaria").size(26.0).family(theme::semibold()).color(p.accent));
        ui.label(format!("Version {}", env!("CARGO_PKG_VERSION")));
        ui.add_space(GRID);
        ui.label("From a head CT to a printable cranial implant.");
        ui.label(RichText::new("For research and design review, not a medical device.").family(theme::semibold()));
        ui.add_space(GRID);
        hint(ui, "Everything stays on this machine: nothing is sent anywhere.");
        hint(ui, engine);
        hint(ui, atlas_line());
        section(ui, "Licences");
        hint(ui, "Calvaria: Apache License 2.0");
        hint(ui, "Typeface: a subset of Inter, SIL Open Font License 1.1");
        hint(ui, "Window and drawing: egui and wgpu, MIT or Apache 2.0");
        ui.add_space(GRID);
        if ui.button("Close").clicked() {
            actions.push(Action::Close);
        }
    });
    if response.should_close() {
        actions.push(Action::Close);
    }
}
