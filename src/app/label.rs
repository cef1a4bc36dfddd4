//! The labelling window: the skull large, tags as big rows with their digit, everything by key.

use super::background::{Background, Polled};
use super::layers::Bodies;
use super::layout_file::LayoutFile;
use super::stage::Stage;
use super::theme::{self, GRID, HALF};
use super::tools::Tools;
use super::utc::now_utc;
use super::widgets::{hint, key_cap, note};
use super::window::set_theme;
use crate::case::{Home, Scan, Settings, read_scan};
use crate::geometry::{Mesh, Progress};
use crate::library::{Action, Choose, Group, LabelFolder, LabelState, Outcome, Vocabulary};
use crate::view::{StandardView, SurfaceMaker, lighter_mesh};
use eframe::egui_wgpu::wgpu;
use egui::{
    CentralPanel, CornerRadius, Frame, Key, Margin, Modifiers, Panel, RichText, Role, ScrollArea, Sense, Stroke, Ui,
    WidgetInfo, vec2,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Bone for looking at: the default of the skull step.
const BONE_HU: f64 = 300.0;

/// Scans read ahead of the one on screen.
const AHEAD: usize = 2;

/// Meshes kept, the one on screen and its neighbours.
const KEPT: usize = 6;

/// Triangles a moving view on a slow adapter draws.
const LIGHT_TRIANGLES: usize = 60_000;

/// What a key does here, for the list at the bottom and for pressing.
const KEYS: &[(Key, Modifiers, &str, Wish)] = &[
    (Key::Enter, Modifiers::NONE, "next question", Wish::Do(Action::Confirm)),
    (Key::Backspace, Modifiers::NONE, "back", Wish::Do(Action::Back)),
    (Key::Delete, Modifiers::NONE, "clear answer", Wish::Do(Action::Clear)),
    (Key::ArrowRight, Modifiers::NONE, "next scan", Wish::Do(Action::Next)),
    (Key::ArrowLeft, Modifiers::NONE, "scan before", Wish::Do(Action::Previous)),
    (Key::Space, Modifiers::NONE, "next unlabelled", Wish::Do(Action::Skip)),
    (Key::Z, Modifiers::COMMAND, "undo", Wish::Do(Action::Undo)),
    (Key::U, Modifiers::NONE, "", Wish::Do(Action::Undo)),
    (Key::F, Modifiers::NONE, "front", Wish::Look(StandardView::Front)),
    (Key::B, Modifiers::NONE, "back side", Wish::Look(StandardView::Back)),
    (Key::L, Modifiers::NONE, "left", Wish::Look(StandardView::Left)),
    (Key::R, Modifiers::NONE, "right", Wish::Look(StandardView::Right)),
    (Key::T, Modifiers::NONE, "top", Wish::Look(StandardView::Top)),
    (Key::F8, Modifiers::NONE, "light or dark", Wish::Theme),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    Do(Action),
    Look(StandardView),
    Theme,
}

/// A scan's surface and its lighter twin for a moving view.
type Surfaces = (Arc<Mesh>, Option<Arc<Mesh>>);

/// One scan's surface, on its way or there.
enum Loaded {
    Working(Background<Result<Surfaces, String>>, Progress),
    Ready(Arc<Mesh>, Option<Arc<Mesh>>),
    Failed(String),
}

/// The labelling window.
pub struct LabelWindow {
    folder: LabelFolder,
    stage: Stage,
    bodies: Bodies,
    maker: Arc<SurfaceMaker>,
    tools: Tools,
    loaded: BTreeMap<String, Loaded>,
    shown: Option<String>,
    trouble: Option<String>,
    target_format: Option<wgpu::TextureFormat>,
    settings: Settings,
}

impl LabelWindow {
    /// Opens a folder for labelling, with the labels of a reading where one is named.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        home: &Home,
        dir: &Path,
        reading: Option<&str>,
        vocabulary: Option<&Path>,
        by: &str,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        theme::install(&cc.egui_ctx);
        if let Some(file) = LayoutFile::from_environment() {
            cc.egui_ctx.add_plugin(file);
        }
        let settings = Settings::load(home);
        set_theme(&cc.egui_ctx, settings.theme);
        let vocabulary = vocabulary.map(Vocabulary::read).transpose()?;
        let gpu = cc.wgpu_render_state.as_ref();
        if let Some(gpu) = gpu {
            gpu.device.on_uncaptured_error(Arc::new(|e: wgpu::Error| log::error!("graphics: {e}")));
        }
        let maker = Arc::new(gpu.map_or_else(SurfaceMaker::on_cpu, |g| SurfaceMaker::new(&g.device, &g.queue)));
        Ok(Self {
            folder: LabelFolder::open_reading(dir, reading, vocabulary, by)?,
            stage: Stage::default(),
            bodies: Bodies::new(maker.clone()),
            maker,
            tools: Tools::default(),
            loaded: BTreeMap::new(),
            shown: None,
            trouble: None,
            target_format: gpu.map(|g| g.target_format),
            settings,
        })
    }

    /// Whether the current scan's surface is on screen.
    pub fn is_shown(&self) -> bool {
        self.shown.as_deref() == self.folder.session().scan()
    }

    /// The labels as they are.
    pub fn folder(&self) -> &LabelFolder {
        &self.folder
    }

    fn wish(&mut self, ctx: &egui::Context, wish: Wish) {
        match wish {
            Wish::Do(action) => self.apply(action),
            Wish::Look(view) => {
                if let Some(bounds) = self.bodies.bounds_mm {
                    self.stage.look(view, bounds, ctx.input(|i| i.time));
                }
            }
            Wish::Theme => {
                let dark = ctx.theme() == egui::Theme::Dark;
                self.settings.theme = if dark { crate::case::Theme::Light } else { crate::case::Theme::Dark };
                set_theme(ctx, self.settings.theme);
            }
        }
    }

    fn apply(&mut self, action: Action) {
        // Nobody answers for what was not seen.
        if matches!(action, Action::Digit(_)) && !self.is_shown() {
            let read = self.folder.session().scan().and_then(|scan| self.loaded.get(scan));
            self.trouble = Some(match read {
                Some(Loaded::Failed(_)) => {
                    "This scan cannot be read: it gets no answers. → goes to the next.".to_owned()
                }
                _ => "This scan is still being read: answer when it is on screen.".to_owned(),
            });
            return;
        }
        match self.folder.apply(action, &now_utc()) {
            Ok(Outcome::Changed | Outcome::Moved) => self.trouble = None,
            Ok(Outcome::Nothing) => {}
            Err(e) => self.trouble = Some(super::road::sentence(&e.to_string())),
        }
    }

    fn keys(&mut self, ctx: &egui::Context) {
        let pressed: Vec<Wish> = ctx.input(|i| {
            let wish = |e: &egui::Event| match e {
                egui::Event::Key { key, physical_key, pressed: true, repeat, modifiers } => {
                    let held = Modifiers { command: modifiers.command || modifiers.ctrl, ..Modifiers::NONE };
                    let named = KEYS.iter().find(|(k, m, ..)| k == key && m.command == held.command);
                    let digit = [Some(*key), *physical_key].into_iter().flatten().find_map(digit_of);
                    let wish = match (named, digit) {
                        (Some((.., wish)), _) => Some(*wish),
                        (None, Some(d)) if !held.command && !modifiers.alt => Some(Wish::Do(Action::Digit(d))),
                        _ => None,
                    };
                    // A key that is held walks on through the scans, but answers nothing that was not looked at.
                    wish.filter(|w| !repeat || matches!(w, Wish::Do(Action::Next | Action::Previous)))
                }
                _ => None,
            };
            i.events.iter().filter_map(wish).collect()
        });
        for wish in pressed {
            self.wish(ctx, wish);
        }
    }

    /// Reads the scan on screen first, then those that follow.
    fn load(&mut self, ctx: &egui::Context) {
        for loaded in self.loaded.values_mut() {
            if let Loaded::Working(job, _) = loaded {
                match job.poll() {
                    Polled::Ready(Ok((mesh, light))) => *loaded = Loaded::Ready(mesh, light),
                    Polled::Ready(Err(why)) => *loaded = Loaded::Failed(why),
                    Polled::Gone => *loaded = Loaded::Failed("The scan could not be read.".to_owned()),
                    Polled::Working => {}
                }
            }
        }
        let session = self.folder.session();
        let Some(current) = session.scan().map(str::to_owned) else { return };
        let wanted: Vec<String> =
            std::iter::once(current.clone()).chain(session.upcoming(AHEAD).iter().cloned()).collect();
        // One at a time, so that the one on screen is not slowed down by those behind it, nor by those stepped past.
        self.loaded.retain(|scan, loaded| match loaded {
            Loaded::Working(_, progress) if !wanted.contains(scan) => {
                progress.cancel();
                false
            }
            _ => true,
        });
        let busy = self.loaded.values().any(|l| matches!(l, Loaded::Working(..)));
        let next = wanted.iter().find(|s| !self.loaded.contains_key(*s)).cloned();
        if let Some(scan) = next
            && (!busy || scan == current)
        {
            let (path, maker) = (self.folder.path_of(&scan), self.maker.clone());
            let progress = Progress::new();
            let at_work = progress.clone();
            let job = Background::start(ctx, "label", move || surface_of(&path, &maker, &at_work));
            self.loaded.insert(scan, Loaded::Working(job, progress));
            if self.loaded.len() > KEPT
                && let Some(old) = self.loaded.keys().find(|s| !wanted.contains(s)).cloned()
            {
                self.loaded.remove(&old);
            }
        }
        if self.shown.as_ref() != Some(&current) {
            match self.loaded.get(&current) {
                Some(Loaded::Ready(mesh, light)) => {
                    self.bodies.show_bone(mesh.clone(), light.clone());
                    self.stage.forget();
                    self.shown = Some(current);
                    // It was told to wait for this.
                    self.trouble = None;
                }
                _ => {
                    self.bodies.hide_bone();
                    self.shown = None;
                }
            }
        }
        if let Some(bounds) = self.bodies.bounds_mm {
            self.stage.frame_once(bounds);
        }
    }

    fn facts(&self, ctx: &egui::Context) {
        let Some(plugin) = ctx.plugin_opt::<LayoutFile>() else { return };
        let tally = self.folder.session().progress();
        plugin.lock().facts = json!({
            "position": self.folder.session().position(),
            "group": self.folder.session().group().id,
            "many": self.folder.session().group().choose == Choose::Many,
            "labelled": tally.done,
            "total": tally.total,
            "shown": self.is_shown(),
        });
    }

    fn top(&self, ui: &mut Ui) {
        let p = *theme::palette(ui);
        let session = self.folder.session();
        let tally = session.progress();
        ui.horizontal_centered(|ui| {
            ui.label(RichText::new("Calvaria").size(15.0).family(theme::semibold()).color(p.accent));
            ui.add_space(GRID);
            let place = format!("Scan {} of {}", session.position() + 1, tally.total);
            ui.label(RichText::new(place).family(theme::semibold()));
            hint(ui, session.scan().unwrap_or_default());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(format!("{} of {} labelled", tally.done, tally.total));
                let (rect, response) =
                    ui.allocate_exact_size(vec2(ui.available_width().min(320.0), 8.0), Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, "Labelled scans"));
                ui.painter().rect_filled(rect, 4.0, p.line);
                let share = tally.done as f32 / tally.total.max(1) as f32;
                let done = egui::Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
                ui.painter().rect_filled(done, 4.0, p.ok);
            });
        });
    }

    fn tags(&self, ui: &mut Ui) -> Option<Action> {
        let session = self.folder.session();
        let tags = session.tags();
        let mut asked = None;
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            if session.state(session.position()) == LabelState::Done {
                note(ui, theme::palette(ui).ok, "", "Labelled. Space goes to the next scan without a label.");
                ui.add_space(HALF);
            }
            for (i, group) in session.vocabulary().groups.iter().enumerate() {
                let current = i == session.group_position();
                if !group.applies(&tags) {
                    continue;
                }
                asked = asked.or(self.group(ui, i, group, current));
                ui.add_space(HALF);
            }
        });
        asked
    }

    fn group(&self, ui: &mut Ui, place: usize, group: &Group, current: bool) -> Option<Action> {
        let p = *theme::palette(ui);
        let tags = self.folder.session().tags();
        let answers = group.tags.iter().filter(|t| tags.has(&group.id, &t.id)).map(|t| t.label.as_str());
        let answer = answers.collect::<Vec<_>>().join(", ");
        if !current {
            let words = if answer.is_empty() { "–".to_owned() } else { answer };
            let frame = Frame::new().fill(p.panel).corner_radius(theme::ROUND).inner_margin(Margin::symmetric(12, 6));
            let inner = frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal(|ui| {
                    ui.add(egui::Label::new(RichText::new(&group.label).color(p.weak)).selectable(false));
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.add(egui::Label::new(RichText::new(words)).selectable(false).truncate());
                    });
                });
            });
            let response = ui.interact(inner.response.rect, ui.scope_id().with(&group.id), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &group.label));
            return response.clicked().then_some(Action::Group(place));
        }
        let mut asked = None;
        let frame = Frame::new()
            .fill(p.card)
            .stroke(Stroke::new(1.5, p.accent))
            .corner_radius(CornerRadius::same(8))
            .inner_margin(Margin::same(12));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(RichText::new(&group.label).text_style(egui::TextStyle::Heading));
                hint(ui, if group.choose == Choose::Many { "several, then Enter" } else { "one" });
            });
            ui.spacing_mut().item_spacing.y = HALF;
            for tag in &group.tags {
                let chosen = tags.has(&group.id, &tag.id);
                let row = Frame::new()
                    .fill(if chosen { p.chosen } else { p.card })
                    .corner_radius(theme::ROUND)
                    .inner_margin(Margin::symmetric(10, 7));
                let inner = row.show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    ui.horizontal(|ui| {
                        key_cap(ui, &tag.key.to_string());
                        let text = RichText::new(&tag.label).size(16.0);
                        let text = if chosen { text.family(theme::semibold()).color(p.accent) } else { text };
                        ui.add(egui::Label::new(text).selectable(false));
                    });
                });
                let response = ui.interact(inner.response.rect, ui.scope_id().with(&tag.id), Sense::click());
                response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &tag.label));
                if response.hovered() && !chosen {
                    let line = Stroke::new(1.0, p.weak);
                    ui.painter().rect_stroke(inner.response.rect, 6.0, line, egui::StrokeKind::Inside);
                }
                if response.clicked() {
                    asked = Some(Action::Digit(tag.key));
                }
            }
        });
        asked
    }

    fn keys_line(ui: &mut Ui) {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = HALF;
            key_cap(ui, "0–9");
            hint(ui, "answer");
            for (key, modifiers, words, _) in KEYS.iter().filter(|k| !k.2.is_empty()) {
                ui.add_space(HALF);
                key_cap(ui, &key_words(*key, *modifiers));
                hint(ui, *words);
            }
        });
    }

    fn stage(&mut self, ui: &mut Ui) {
        let rect = ui.max_rect();
        let (_, _) = self.stage.show(ui, rect, "3-D view", &mut self.bodies, &self.tools, self.target_format);
        let p = *theme::palette(ui);
        let current = self.folder.session().scan().unwrap_or_default();
        let words = match self.loaded.get(current) {
            Some(Loaded::Ready(..)) => None,
            Some(Loaded::Failed(why)) => Some((why.clone(), p.error)),
            _ => Some(("Reading…".to_owned(), p.on_stage)),
        };
        if let Some((words, colour)) = words {
            let galley = ui.painter().layout(words, egui::FontId::proportional(16.0), colour, rect.width() * 0.7);
            let at = egui::Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size());
            ui.painter().galley(at.min, galley, colour);
        }
    }
}

/// Reads a scan and cuts its bone, beside the window's thread.
fn surface_of(
    path: &Path,
    maker: &SurfaceMaker,
    progress: &Progress,
) -> Result<(Arc<Mesh>, Option<Arc<Mesh>>), String> {
    let scan: Scan = read_scan(path, progress).map_err(|e| super::road::sentence(&e.to_string()))?;
    let (mesh, _) = super::layers::bare_bone(maker, &scan, BONE_HU);
    if mesh.triangles.is_empty() {
        return Err("There is no bone in this scan.".to_owned());
    }
    let light = (mesh.triangles.len() > 2 * LIGHT_TRIANGLES).then(|| Arc::new(lighter_mesh(&mesh, LIGHT_TRIANGLES)));
    Ok((Arc::new(mesh), light))
}

fn digit_of(key: Key) -> Option<u8> {
    let digits =
        [Key::Num0, Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    digits.iter().position(|k| *k == key).map(|d| d as u8)
}

fn key_words(key: Key, modifiers: Modifiers) -> String {
    super::commands::key_text(&egui::KeyboardShortcut::new(modifiers, key))
}

impl eframe::App for LabelWindow {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.keys(ctx);
        self.load(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let p = *theme::palette(ui);
        let dark = ui.visuals().dark_mode;
        self.bodies.set_theme(if dark { crate::view::Theme::Dark } else { crate::view::Theme::Light });
        let bar = Frame::new().fill(p.panel).inner_margin(Margin::symmetric(16, 6));
        Panel::top("progress").frame(bar).exact_size(48.0).show(ui, |ui| self.top(ui));
        Panel::bottom("keys").frame(bar).exact_size(40.0).show(ui, Self::keys_line);
        let side = Frame::new().fill(p.panel).inner_margin(Margin::same(16));
        let asked = Panel::right("tags").frame(side).default_size(380.0).size_range(300.0..=520.0).show(ui, |ui| {
            if let Some(trouble) = &self.trouble {
                note(ui, p.error, "Not kept", trouble);
                ui.add_space(GRID);
            }
            self.tags(ui)
        });
        CentralPanel::default().frame(Frame::NONE).show(ui, |ui| self.stage(ui));
        if let Some(action) = asked.inner {
            self.apply(action);
        }
        self.facts(ui.ctx());
    }
}
