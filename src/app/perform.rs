//! What commands and panels' wishes do.

use super::action::Action;
use super::commands::Command;
use super::dialogs::{PathForm, Purpose};
use super::help::Finder;
use super::layers::scene_of;
use super::middle::Pane;
use super::road::sentence;
use super::toolbar::WINDOWS;
use super::tools::Tool;
use super::window::{Overlay, Window, set_theme};
use crate::case::{Case, Preview, Sample, SaveError, StepKind, Theme, find_sample};
use crate::view::{LayerKind, PRESETS, StandardView, preview};
use nalgebra::Point3;
use std::path::Path;

impl Window {
    /// Whether a command can do something now.
    pub(super) fn enabled(&self, command: Command) -> bool {
        let has_scan = self.case.results().scan.is_some();
        let has_skull = self.case.results().skull.is_some();
        match command {
            Command::Save | Command::SaveAs => self.case.id().is_some() || has_scan,
            Command::Export => self.case.results().part.is_some() && !self.case.is_busy(),
            Command::Undo => self.case.undo_name().is_some(),
            Command::Redo => self.case.redo_name().is_some(),
            Command::ResetStep => self.chosen.is_some(),
            Command::ClearCorrections => !self.case.edits().is_empty(),
            Command::RunAll => has_scan && !self.case.is_busy(),
            Command::Compare => self.case.can_compare(),
            Command::ToolPaintIn | Command::ToolPaintOut | Command::ToolRim => has_skull,
            Command::ClearMeasures => !self.tools.measures.is_empty(),
            Command::SliceUp
            | Command::SliceDown
            | Command::ToolWindow
            | Command::ToolMeasure
            | Command::WindowBone
            | Command::WindowBrain
            | Command::WindowSoft
            | Command::WindowTemporal
            | Command::WindowWide
            | Command::ResetView => has_scan,
            _ => true,
        }
    }

    /// Carries out one wish.
    pub(super) fn perform(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Do(command) => self.command(ctx, command),
            Action::Choose(step) => self.chosen = if self.chosen == Some(step) { None } else { Some(step) },
            Action::Open(path) => self.open(&path),
            Action::Restore(_) if self.is_writing() => {}
            Action::Restore(id) => match Case::restore(self.case.home().clone(), self.wake.clone(), &id) {
                Ok(case) => self.take_case(case),
                Err(e) => self.say_bad(sentence(&e.to_string())),
            },
            Action::Locate(path) => {
                self.overlay = Overlay::None;
                self.case.locate_scan(&path);
            }
            Action::Export(folder) => self.export(&folder),
            Action::SaveAs(path) => match self.case.save_as(&path) {
                Ok(()) => {
                    self.overlay = Overlay::None;
                    let shown = self.case.saved_to().unwrap_or(&path).display().to_string();
                    self.say(format!("Saved to {shown}"));
                }
                Err(e) => self.say_bad(sentence(&e.to_string())),
            },
            Action::Set(path, value) => {
                if let Err(e) = self.case.set(&path, &value) {
                    self.say_bad(sentence(&e.to_string()));
                }
            }
            Action::Drag(path, value) => {
                if let Err(e) = self.case.drag(&path, &value) {
                    self.say_bad(sentence(&e.to_string()));
                }
            }
            Action::EndDrag => self.case.end_drag(),
            Action::Reset(path) => {
                if let Err(e) = self.case.reset(&path) {
                    self.say_bad(sentence(&e.to_string()));
                }
            }
            Action::Correct(edits) => self.correct(edits),
            Action::Layer(change) => self.bodies.apply(change),
            Action::UseAlternative(at) => {
                if let Some(name) = self.case.use_alternative(at) {
                    self.say(format!("The reconstruction is now {name}"));
                    self.bring_up_to_date();
                }
            }
            Action::Close => self.close(),
        }
    }

    fn correct(&mut self, edits: Vec<crate::case::Edit>) {
        if !edits.is_empty() {
            self.case.add_edits(edits);
            self.case.run_to(StepKind::Defect);
        }
    }

    fn ask(&mut self, purpose: Purpose, suggestion: String) {
        self.overlay = Overlay::Path(Box::new(PathForm::new(purpose, suggestion, &self.case)));
    }

    fn command(&mut self, ctx: &egui::Context, command: Command) {
        let now = ctx.input(|i| i.time);
        match command {
            Command::NewCase if self.is_writing() => {}
            Command::NewCase => {
                self.take_case(Case::new(self.case.home().clone(), self.wake.clone()));
                self.recent = self.case.home().recent();
            }
            Command::Open => self.ask(Purpose::Open, String::new()),
            Command::OpenSample => self.sample(),
            Command::Save => match self.case.save() {
                Ok(()) => self.say("Saved"),
                Err(SaveError::NoPlace) => self.command(ctx, Command::SaveAs),
                Err(e) => self.say_bad(sentence(&e.to_string())),
            },
            Command::SaveAs => {
                let suggestion = suggested("Calvaria", &format!("{}.calvaria", self.file_name()));
                self.ask(Purpose::SaveAs, suggestion);
            }
            Command::Export => {
                let before = self.case.exported().map(|w| w.folder.display().to_string());
                let suggestion = before.unwrap_or_else(|| suggested("Calvaria", &self.file_name()));
                self.ask(Purpose::Export, suggestion);
            }
            Command::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Command::Undo | Command::Redo => {
                let name = if command == Command::Undo { self.case.undo() } else { self.case.redo() };
                if let Some(name) = name {
                    self.say(format!("{}: {name}", if command == Command::Undo { "Undone" } else { "Done again" }));
                }
                self.bring_up_to_date();
            }
            Command::ResetStep => self.reset_step(),
            Command::ClearCorrections => {
                self.case.clear_edits();
                self.bring_up_to_date();
            }
            Command::Next => self.next(ctx),
            Command::RunAll => {
                self.case.run_all();
                self.chosen = Some(StepKind::Implant);
            }
            Command::Compare => {
                self.case.compare();
                self.chosen = Some(StepKind::Reconstruct);
                self.overlay = Overlay::Alternatives(Box::default());
            }
            Command::Stop => self.stop(),
            Command::StepScan => self.chosen = Some(StepKind::Scan),
            Command::StepSkull => self.chosen = Some(StepKind::Skull),
            Command::StepDefect => self.chosen = Some(StepKind::Defect),
            Command::StepReconstruct => self.chosen = Some(StepKind::Reconstruct),
            Command::StepImplant => self.chosen = Some(StepKind::Implant),
            Command::StepExport => self.chosen = Some(StepKind::Export),
            Command::ResetView => {
                self.views.slices.iter_mut().for_each(super::slices::Slice::reset);
                self.views.stage.reset(self.bounds(), now);
            }
            Command::ViewFront => self.views.stage.look(StandardView::Front, self.bounds(), now),
            Command::ViewBack => self.views.stage.look(StandardView::Back, self.bounds(), now),
            Command::ViewLeft => self.views.stage.look(StandardView::Left, self.bounds(), now),
            Command::ViewRight => self.views.stage.look(StandardView::Right, self.bounds(), now),
            Command::ViewTop => self.views.stage.look(StandardView::Top, self.bounds(), now),
            Command::ViewBottom => self.views.stage.look(StandardView::Bottom, self.bounds(), now),
            Command::MaximiseView => {
                let pane = self.views.hovered.unwrap_or(Pane::Stage);
                self.views.toggle_alone(pane);
            }
            Command::FoldSides => self.sides = !self.sides,
            Command::LayerSkull => self.toggle(LayerKind::Skull),
            Command::LayerReconstruction => self.toggle(LayerKind::Reconstruction),
            Command::LayerImplant => self.toggle(LayerKind::Implant),
            Command::LayerRim => self.toggle(LayerKind::Rim),
            Command::SliceUp | Command::SliceDown => {
                let steps = if command == Command::SliceUp { 1 } else { -1 };
                if let Some(scan) = &self.case.results().scan {
                    self.views.cross = self.views.active_slice().stepped(scan, self.views.cross, steps);
                }
            }
            Command::WindowBone
            | Command::WindowBrain
            | Command::WindowSoft
            | Command::WindowTemporal
            | Command::WindowWide => {
                if let Some((_, preset)) = WINDOWS.iter().find(|(c, _)| *c == command) {
                    self.tools.window = PRESETS[*preset].1;
                }
            }
            Command::ToolCross => self.tool(Tool::Cross),
            Command::ToolWindow => self.tool(Tool::Window),
            Command::ToolMeasure => self.tool(Tool::Measure),
            Command::ToolPaintIn => self.tool(Tool::PaintIn),
            Command::ToolPaintOut => self.tool(Tool::PaintOut),
            Command::ToolRim => self.tool(Tool::Rim),
            Command::BrushBigger => self.tools.brush_mm = (self.tools.brush_mm + 1.0).min(40.0),
            Command::BrushSmaller => self.tools.brush_mm = (self.tools.brush_mm - 1.0).max(1.0),
            Command::ClearMeasures => {
                self.tools.measures.clear();
                self.bodies.mark(self.tools.marks());
            }
            Command::Theme => {
                let dark = ctx.theme() == egui::Theme::Dark;
                self.settings.theme = if dark { Theme::Light } else { Theme::Dark };
                set_theme(ctx, self.settings.theme);
                self.keep_settings();
            }
            Command::Find => self.overlay = Overlay::Find(Finder::default()),
            Command::Keys => self.overlay = Overlay::Keys,
            Command::About => self.overlay = Overlay::About,
        }
    }

    fn tool(&mut self, tool: Tool) {
        self.tools.take(tool);
        self.bodies.mark(self.tools.marks());
        if tool.corrects() {
            self.chosen = Some(StepKind::Defect);
        }
    }

    fn toggle(&mut self, kind: LayerKind) {
        let mut change = self.bodies.shown(kind);
        change.visible = !change.visible;
        self.bodies.apply(change);
    }

    fn bounds(&self) -> (Point3<f64>, Point3<f64>) {
        let scan = || self.case.results().scan.as_ref().map(|s| s.voxels.grid().bounds_mm());
        self.bodies.bounds_mm.or_else(scan).unwrap_or_else(|| self.bodies.scene.bounds_mm())
    }

    /// The next sensible thing.
    fn next(&mut self, ctx: &egui::Context) {
        if self.tools.tool == Tool::Rim
            && let Some(rim) = self.tools.end_rim()
        {
            self.tool(Tool::Cross);
            self.correct(vec![rim]);
            return;
        }
        match self.case.next_step() {
            Some(StepKind::Scan) if self.case.missing_scan().is_some() => self.ask(Purpose::Locate, String::new()),
            // Its reading was stopped.
            Some(StepKind::Scan) if self.case.can_read_on() => self.case.run_to(StepKind::Scan),
            Some(StepKind::Scan) => self.command(ctx, Command::Open),
            Some(StepKind::Export) | None => self.command(ctx, Command::Export),
            Some(step) => {
                self.case.run_to(step);
                self.chosen = Some(step);
            }
        }
    }

    /// A name for this case's files: its own, for a scan may have several cases.
    fn file_name(&self) -> String {
        self.case.id().map_or_else(|| file_name(self.case.name()), str::to_owned)
    }

    /// Closes what lies over the window; a comparison nobody waits for any more is stopped.
    fn close(&mut self) {
        if matches!(self.overlay, Overlay::Alternatives(_)) {
            self.case.cancel_comparison();
        }
        self.overlay = Overlay::None;
    }

    /// Esc: the nearest thing that can be left.
    fn stop(&mut self) {
        if !matches!(self.overlay, Overlay::None) {
            self.close();
        } else if self.tools.tool != Tool::Cross {
            self.tool(Tool::Cross);
        } else if self.case.is_busy() {
            self.case.cancel();
            self.say("Stopping…");
        } else {
            self.toast = None;
            self.views.arrangement.alone = None;
        }
    }

    /// After undo and the like: what was on screen is made anew, as far as it was.
    fn bring_up_to_date(&mut self) {
        let results = self.case.results();
        let reached = StepKind::ALL.into_iter().rev().find(|s| *s != StepKind::Export && results.has(*s));
        if let Some(step) = reached {
            self.case.run_to(step);
        }
    }

    fn reset_step(&mut self) {
        let Some(step) = self.chosen else { return };
        let defaults = crate::case::Recipe::default();
        let mut recipe = self.case.recipe().clone();
        for setting in defaults.specs().iter().filter(|s| s.step == step) {
            if let Err(e) = recipe.set(&setting.path(), &setting.default) {
                log::warn!("reset: {e}"); // a default that its own table refuses is a fault of that table
            }
        }
        self.case.set_recipe(&format!("reset {}", step.label().to_lowercase()), recipe);
        self.bring_up_to_date();
    }

    fn sample(&mut self) {
        match find_sample(self.case.home()) {
            Sample::Real(path) => self.open(&path),
            Sample::Phantom(path) if path.is_file() => self.open(&path),
            Sample::Phantom(_) => self.say_bad(
                "The sample is not installed (Debian package invesalius-examples); `calvaria phantom --out F.nrrd` makes a head to open.",
            ),
        }
    }

    fn export(&mut self, folder: &Path) {
        if let Some(why) = self.case.cannot_export_to(folder) {
            self.say_bad(sentence(&why));
            return;
        }
        let draw: Preview = Box::new(|results| {
            let picture = preview(&scene_of(results), results.part_middle_mm()).map_err(|e| e.to_string())?;
            picture.png().map_err(|e| e.to_string())
        });
        if self.case.export(folder, Some(draw)) {
            self.overlay = Overlay::None;
            self.chosen = Some(StepKind::Export);
        } else {
            self.say_bad("Another step is still running. Wait for it, or cancel it.");
        }
    }
}

/// A name without signs that paths dislike.
fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.trim_matches('-').to_owned()
}

/// A path in the user's documents.
fn suggested(folder: &str, name: &str) -> String {
    let user = directories::UserDirs::new();
    let base = user.as_ref().and_then(|u| u.document_dir().or(Some(u.home_dir())));
    base.map_or_else(|| name.to_owned(), |base| base.join(folder).join(name).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(file_name("Case 3f2a9c"), "case-3f2a9c");
        assert_eq!(file_name("Reading…"), "reading");
    }
}
