//! Where to open, save or export: a typed path, always, and the system's dialog beside it where one answers.

use super::action::Action;
use super::background::{Background, Polled};
use super::recent;
use super::theme::{self, GRID};
use super::widgets::{accent_button, dialog_frame, hint, note};
use crate::case::{BUNDLE_FILES, Case, Recent, case_path};
use egui::{Id, Key, Modal, RichText, Role, TextEdit, Ui, WidgetInfo};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A scan or a case to open.
    Open,
    /// The scan of this case, which has moved.
    Locate,
    /// A file to save the case to.
    SaveAs,
    /// A folder to write the part into.
    Export,
}

impl Purpose {
    fn title(self) -> &'static str {
        match self {
            Purpose::Open => "Open a scan or a case",
            Purpose::Locate => "Where is the scan of this case?",
            Purpose::SaveAs => "Save the case",
            Purpose::Export => "Export the part",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Purpose::Open | Purpose::Locate => "Path of the scan",
            Purpose::SaveAs => "Path of the case file",
            Purpose::Export => "Folder to write into",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Purpose::Open | Purpose::Locate => "Open",
            Purpose::SaveAs => "Save",
            Purpose::Export => "Export",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Purpose::Open => {
                "A file (.nrrd, .nii, .nii.gz, .inv3, .dcm, .calvaria) or a folder with a DICOM series. You can also drop it onto the window."
            }
            Purpose::Locate => "The scan is no longer where it was. It is taken when its contents are the same.",
            Purpose::SaveAs => "Recipe, corrections and figures; the scan itself stays where it is.",
            Purpose::Export => {
                "implant.3mf, implant.stl, skull.stl, implant.nrrd, complete.nrrd, report.json, recipe.toml and preview.png. Millimetres, LPS."
            }
        }
    }
}

/// An open path dialog.
pub struct PathForm {
    purpose: Purpose,
    text: String,
    asked: Option<(Background<Option<PathBuf>>, Instant)>,
    trouble: Option<String>,
    fresh: bool,
    recent: Vec<Recent>,
    /// What this case itself wrote last: no question is asked before that is replaced.
    own: Option<PathBuf>,
    /// A path whose files the user was told of; the same answer again replaces them.
    warned: Option<PathBuf>,
}

/// A dialog that ends sooner than a person can answer was never shown.
const NO_DIALOG: Duration = Duration::from_millis(400);

impl PathForm {
    /// Asks for a path, with a suggestion.
    pub fn new(purpose: Purpose, suggestion: String, case: &Case) -> Self {
        let recent = if purpose == Purpose::Open { case.home().recent() } else { Vec::new() };
        let own = match purpose {
            Purpose::SaveAs => case.saved_to().map(Path::to_owned),
            Purpose::Export => case.exported().and_then(|w| std::path::absolute(&w.folder).ok()),
            Purpose::Open | Purpose::Locate => None,
        };
        Self { purpose, text: suggestion, asked: None, trouble: None, fresh: true, recent, own, warned: None }
    }

    /// What it asks for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Says why the last answer did not work.
    pub fn refuse(&mut self, why: String) {
        self.trouble = Some(why);
    }

    /// Takes a path from outside (a file dropped onto the window).
    pub fn put(&mut self, path: PathBuf) {
        self.text = path.display().to_string();
    }

    /// Draws the dialog.
    pub fn show(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        let response = Modal::new(Id::unique("path form")).frame(dialog_frame(ctx)).show(ctx, |ui| {
            ui.set_width(560.0);
            ui.label(RichText::new(self.purpose.title()).text_style(egui::TextStyle::Heading));
            hint(ui, self.purpose.help());
            ui.add_space(GRID);
            self.field(ui, actions);
            if let Some(trouble) = &self.trouble {
                ui.add_space(GRID);
                note(ui, theme::palette(ui).error, "", trouble);
            }
            recent::show(ui, &self.recent, 6, actions);
            ui.add_space(GRID);
            self.buttons(ui, actions);
        });
        if response.should_close() {
            actions.push(Action::Close);
        }
    }

    fn field(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let name = self.purpose.field();
        hint(ui, name);
        let edit =
            TextEdit::singleline(&mut self.text).desired_width(f32::INFINITY).margin(egui::Margin::symmetric(8, 6));
        let response = ui.add(edit);
        let text = self.text.clone();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::TextInput, true, name);
            info.current_text_value = Some(text.clone());
            info
        });
        if std::mem::take(&mut self.fresh) {
            response.request_focus();
        }
        if response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) {
            self.answer(actions);
        }
    }

    fn buttons(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        self.poll();
        ui.horizontal(|ui| {
            let waiting = self.asked.is_some();
            let choices: &[(&str, bool)] = match self.purpose {
                Purpose::Open | Purpose::Locate => &[("Choose file…", false), ("Choose folder…", true)],
                Purpose::SaveAs => &[("Choose place…", false)],
                Purpose::Export => &[("Choose folder…", true)],
            };
            for (words, folder) in choices {
                if ui.add_enabled(!waiting, egui::Button::new(*words)).clicked() {
                    self.asked = Some((self.ask(ui.ctx(), *folder), Instant::now()));
                }
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if accent_button(ui, self.purpose.button(), !self.text.trim().is_empty()).clicked() {
                    self.answer(actions);
                }
                if ui.add(egui::Button::new("Close").min_size(egui::vec2(80.0, 32.0))).clicked() {
                    actions.push(Action::Close);
                }
            });
        });
    }

    /// The system's dialog: made here (some systems insist on the window's thread), waited for elsewhere.
    fn ask(&self, ctx: &egui::Context, folder: bool) -> Background<Option<PathBuf>> {
        let dialog = rfd::AsyncFileDialog::new().set_title(self.purpose.title());
        let purpose = self.purpose;
        let chosen: std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match (purpose, folder) {
            (Purpose::SaveAs, _) => Box::pin(dialog.set_file_name("case.calvaria").save_file()),
            (_, true) => Box::pin(dialog.pick_folder()),
            (_, false) => Box::pin(dialog.pick_file()),
        };
        Background::start(ctx, "dialog", move || wait(chosen).map(|file| file.path().to_owned()))
    }

    fn poll(&mut self) {
        let Some((job, since)) = &self.asked else { return };
        match job.poll() {
            Polled::Working => return,
            Polled::Ready(Some(path)) => {
                self.text = path.display().to_string();
                self.trouble = None;
            }
            Polled::Ready(None) if since.elapsed() < NO_DIALOG => {
                self.trouble = Some("No file dialog answers on this system. Type the path above instead.".to_owned());
            }
            Polled::Ready(None) => {}
            Polled::Gone => self.trouble = Some("The file dialog failed. Type the path above instead.".to_owned()),
        }
        self.asked = None;
    }

    fn answer(&mut self, actions: &mut Vec<Action>) {
        let path = PathBuf::from(self.text.trim().trim_matches('"'));
        if path.as_os_str().is_empty() {
            return;
        }
        if matches!(self.purpose, Purpose::Open | Purpose::Locate) && !path.exists() {
            self.trouble = Some(format!("{}: nothing is there. Check the path.", path.display()));
            return;
        }
        if let Some(word) = loss(self.purpose, &path, self.own.as_deref())
            && self.warned.as_ref() != Some(&path)
        {
            self.trouble = Some(format!("{word} {} again to replace it.", self.purpose.button()));
            self.warned = Some(path);
            return;
        }
        self.trouble = None;
        actions.push(match self.purpose {
            Purpose::Open => Action::Open(path),
            Purpose::Locate => Action::Locate(path),
            Purpose::SaveAs => Action::SaveAs(path),
            Purpose::Export => Action::Export(path),
        });
    }
}

/// What would be lost by writing there, in words; `None` where nothing is, or only what is `own`.
fn loss(purpose: Purpose, path: &Path, own: Option<&Path>) -> Option<String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match purpose {
        Purpose::SaveAs => {
            let file = case_path(&path);
            let other = file.exists() && own != Some(&file);
            other.then(|| format!("{} is there already, and it is not this case's file. Press", file.display()))
        }
        Purpose::Export => {
            let there: Vec<&str> = BUNDLE_FILES.into_iter().filter(|name| path.join(name).exists()).collect();
            let other = !there.is_empty() && own != Some(&path);
            let (folder, files) = (path.display(), there.join(", "));
            other.then(|| format!("{folder} holds {files} already. Choose another folder, or press"))
        }
        Purpose::Open | Purpose::Locate => None,
    }
}

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_another_case_wrote_is_warned_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let lost = |purpose, path: &Path, own: Option<&Path>| loss(purpose, path, own).is_some();
        assert!(!lost(Purpose::SaveAs, &at("a"), None) && !lost(Purpose::Export, folder.path(), None));
        std::fs::write(at("a.calvaria"), "work").expect("written");
        std::fs::write(at(BUNDLE_FILES[1]), "a part").expect("written");
        // The ending is added as it is when the file is written.
        assert!(
            lost(Purpose::SaveAs, &at("a"), None) && lost(Purpose::SaveAs, &at("a.calvaria"), Some(&at("b.calvaria")))
        );
        assert!(!lost(Purpose::SaveAs, &at("a"), Some(&at("a.calvaria"))));
        assert!(
            lost(Purpose::Export, folder.path(), None) && !lost(Purpose::Export, folder.path(), Some(folder.path()))
        );
    }

    #[test]
    fn waiting_ends_when_another_thread_wakes() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut started = false;
        let future = std::future::poll_fn(move |cx| {
            if let Ok(v) = receiver.try_recv() {
                return Poll::Ready(v);
            }
            if !std::mem::replace(&mut started, true) {
                let (waker, sender) = (cx.waker().clone(), sender.clone());
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    sender.send(7).ok();
                    waker.wake();
                });
            }
            Poll::Pending
        });
        assert_eq!(wait(future), 7);
    }
}
