//! What reaches the window from outside of its panels: keys, dropped files, the wish to close.

use super::action::Action;
use super::commands::Command;
use super::dialogs::Purpose;
use super::window::{Overlay, Window};
use crate::case::{StepKind, StepState};

impl Window {
    /// Whether an export is being written, which nothing may cut off; says so.
    pub(super) fn is_writing(&mut self) -> bool {
        let writing = self.case.is_exporting();
        if writing {
            self.say_bad("The part's files are still being written. Try again when they are there.");
        }
        writing
    }

    pub(super) fn keys(&mut self, ctx: &egui::Context) {
        if matches!(self.overlay, Overlay::Find(_) | Overlay::Path(_)) {
            return;
        }
        // A slow frame may hold several.
        while let Some(command) = Self::key(ctx) {
            if self.enabled(command) {
                self.actions.push(Action::Do(command));
            }
        }
    }

    /// The next command whose key was pressed, unless the key is for a field.
    fn key(ctx: &egui::Context) -> Option<Command> {
        let typing = ctx.text_edit_focused();
        let focused = ctx.egui_wants_keyboard_input();
        ctx.input_mut(|i| {
            let mut trial = i.clone();
            let command = Command::pressed(&mut trial)?;
            let spec = command.spec();
            let plain = spec.keys.iter().all(|k| !k.modifiers.command && !k.modifiers.alt);
            let function = spec.keys.iter().any(|k| k.logical_key >= egui::Key::F1);
            let field_key =
                matches!(command, Command::Next | Command::SliceUp | Command::SliceDown | Command::MaximiseView);
            // In a field these take back or delete what is being typed, not the case's work.
            let field_edit =
                matches!(command, Command::Undo | Command::Redo | Command::ResetStep | Command::ClearCorrections);
            if (typing && ((plain && !function) || field_edit)) || (focused && field_key) {
                return None;
            }
            *i = trial;
            Some(command)
        })
    }

    /// Closing waits for the files that are being written.
    pub(super) fn close_request(&mut self, ctx: &egui::Context) {
        if self.case.is_exporting() {
            if ctx.input(|i| i.viewport().close_requested()) {
                ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
                self.closing = true;
                self.say("The part's files are still being written; the window closes when they are there.");
            }
        } else if std::mem::take(&mut self.closing)
            && !matches!(self.case.state(StepKind::Export), StepState::Failed { .. })
        {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    pub(super) fn drops(&mut self, ctx: &egui::Context) {
        let Some(path) = ctx.input(|i| i.raw.dropped_files.first().map(|f| f.path().to_owned())) else { return };
        match &mut self.overlay {
            Overlay::Path(form) if form.purpose() != Purpose::Open => form.put(path),
            _ => self.actions.push(Action::Open(path)),
        }
    }
}
