//! The window's state and one frame of it.

use super::action::Action;
use super::alternatives::Cards;
use super::commands::Command;
use super::dialogs::PathForm;
use super::help::{self, Finder};
use super::layers::Bodies;
use super::layout_file::LayoutFile;
use super::middle::{Arrangement, ViewEvent, Views};
use super::pulse::Pulse;
use super::slices::SliceEvent;
use super::stage::StageEvent;
use super::status::{self, Memory};
use super::tools::{Tool, Tools};
use super::{figures, menu, road, theme, toolbar, welcome};
use crate::case::{
    Case, Comparing, Defect, Home, Recent, Sample, Scan, Settings, Start, StepKind, StepState, Theme, Voxels, Wake,
    find_sample,
};
use crate::view::SurfaceMaker;
use eframe::egui_wgpu::wgpu;
use egui::{CentralPanel, Frame, Margin, Panel, RichText, Ui};
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What lies over the window.
pub(super) enum Overlay {
    /// Nothing.
    None,
    /// A path is asked for.
    Path(Box<PathForm>),
    /// Search over commands.
    Find(Finder),
    /// The methods side by side.
    Alternatives(Box<Cards>),
    /// The list of keys.
    Keys,
    /// About.
    About,
}

/// A word to the user that goes by itself.
pub(super) struct Toast {
    pub text: String,
    pub bad: bool,
    pub since: Instant,
}

/// How long a word stays, s.
const TOAST_S: f32 = 8.0;

/// What the window remembers of its arrangement.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Layout {
    views: Arrangement,
    sides: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { views: Arrangement::default(), sides: true }
    }
}

/// The program's window on one case.
pub struct Window {
    pub(super) case: Case,
    pub(super) views: Views,
    pub(super) bodies: Bodies,
    pub(super) tools: Tools,
    pub(super) overlay: Overlay,
    /// The step whose parameters are open.
    pub(super) chosen: Option<StepKind>,
    pub(super) sides: bool,
    pub(super) toast: Option<Toast>,
    pub(super) settings: Settings,
    pub(super) wake: Wake,
    pub(super) recent: Vec<Recent>,
    maker: Arc<SurfaceMaker>,
    adapter: Option<wgpu::AdapterInfo>,
    target_format: Option<wgpu::TextureFormat>,
    gpu_trouble: Arc<Mutex<Option<String>>>,
    memory: Memory,
    pulse: Pulse,
    pub(super) actions: Vec<Action>,
    /// What was shown last, to notice new results.
    seen: Seen,
    /// The window was asked to close while files were being written.
    pub(super) closing: bool,
}

#[derive(Default)]
struct Seen {
    scan: Option<Arc<Scan>>,
    defects: Option<Arc<Vec<Defect>>>,
    /// The defect that the views were turned to.
    defect: usize,
    failed: [bool; 6],
    exported: bool,
}

impl Window {
    /// The window on what it should show first.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        home: Home,
        start: Start,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut window = Self::empty(cc, home)?;
        match start {
            Start::Open(path) => window.open(&path),
            _ => window.first(),
        }
        Ok(window)
    }

    /// The window with a word on what went wrong before it opened.
    pub fn saying(mut self, trouble: Option<String>) -> Self {
        if let Some(text) = trouble {
            self.say_bad(text);
        }
        self
    }

    /// An empty window, whatever was open last.
    pub fn empty(
        cc: &eframe::CreationContext<'_>,
        home: Home,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        theme::install(&cc.egui_ctx);
        if let Some(file) = LayoutFile::from_environment() {
            cc.egui_ctx.add_plugin(file);
        }
        let settings = Settings::load(&home);
        set_theme(&cc.egui_ctx, settings.theme);
        let gpu_trouble = Arc::new(Mutex::new(None));
        let gpu = cc.wgpu_render_state.as_ref();
        if let Some(gpu) = gpu {
            let trouble = gpu_trouble.clone();
            // Without this a drawing error would end the program, and the case with it.
            gpu.device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
                log::error!("graphics: {e}");
                if let Ok(mut trouble) = trouble.lock() {
                    *trouble = Some(e.to_string());
                }
            }));
        }
        let info = gpu.map(|g| g.adapter.get_info());
        let maker = Arc::new(gpu.map_or_else(SurfaceMaker::on_cpu, |g| SurfaceMaker::new(&g.device, &g.queue)));
        let ctx = cc.egui_ctx.clone();
        let wake: Wake = Arc::new(move || ctx.request_repaint());
        let layout: Layout = serde_json::from_value(settings.layout.clone()).unwrap_or_default();
        let mut views = Views::new()?;
        views.arrangement = layout.views;
        Ok(Self {
            recent: home.recent(),
            case: Case::new(home, wake.clone()),
            views,
            bodies: Bodies::new(maker.clone()),
            maker,
            tools: Tools::default(),
            overlay: Overlay::None,
            chosen: Some(StepKind::Scan),
            sides: layout.sides,
            toast: None,
            settings,
            wake,
            adapter: info,
            target_format: gpu.map(|g| g.target_format),
            gpu_trouble,
            memory: Memory::default(),
            pulse: Pulse::default(),
            actions: Vec::new(),
            seen: Seen::default(),
            closing: false,
        })
    }

    /// What a start without a name shows: the last case, else the sample, else an empty window.
    fn first(&mut self) {
        if let Some(last) = self.recent.first() {
            match Case::restore(self.case.home().clone(), self.wake.clone(), &last.id) {
                Ok(case) => self.take_case(case),
                Err(e) => self.say_bad(road::sentence(&e.to_string())),
            }
            return;
        }
        match find_sample(self.case.home()) {
            Sample::Real(path) => self.open(&path),
            Sample::Phantom(path) if path.is_file() => self.open(&path),
            Sample::Phantom(_) => {}
        }
    }

    /// The longest time the window's thread was away from drawing.
    pub fn pulse(&self) -> Pulse {
        self.pulse
    }

    /// The case on screen.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Opens a scan or a case in the place of the present one.
    pub(super) fn open(&mut self, path: &Path) {
        if self.is_writing() {
            return;
        }
        match Case::open(self.case.home().clone(), self.wake.clone(), path) {
            Ok(case) => self.take_case(case),
            Err(e) => self.say_bad(road::sentence(&e.to_string())),
        }
    }

    /// Puts another case on screen; the old one was kept at every change.
    pub(super) fn take_case(&mut self, case: Case) {
        self.case = case;
        self.bodies = Bodies::new(self.maker.clone());
        self.tools = Tools::default();
        self.views.stage.forget();
        self.overlay = Overlay::None;
        self.chosen = Some(StepKind::Scan);
        self.seen = Seen::default();
        self.toast = None;
        if self.case.is_copy() {
            self.say("This case is open in another window. Here you work on a copy of it, which is kept apart.");
        }
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), bad: false, since: Instant::now() });
    }

    pub(super) fn say_bad(&mut self, text: impl Into<String>) {
        let text = text.into();
        match &mut self.overlay {
            Overlay::Path(form) => form.refuse(text),
            _ => self.toast = Some(Toast { text, bad: true, since: Instant::now() }),
        }
    }

    /// Notices what the jobs brought.
    fn follow(&mut self, ctx: &egui::Context) {
        self.case.poll();
        let results = self.case.results();
        let new_scan = match (&self.seen.scan, &results.scan) {
            (Some(a), Some(b)) => !Arc::ptr_eq(a, b),
            (None, Some(_)) => true,
            _ => false,
        };
        if new_scan && let Some(scan) = results.scan.clone() {
            let (low, high) = scan.voxels.grid().bounds_mm();
            self.views.cross = nalgebra::center(&low, &high);
            self.views.slices.iter_mut().for_each(super::slices::Slice::reset);
            self.seen.scan = Some(scan);
        }
        let preview = self.preview_hu();
        self.bodies.follow(self.case.results(), preview, ctx);
        if let Some(bounds) = self.bodies.bounds_mm {
            self.views.stage.frame_once(bounds);
        }
        let defects = self.case.results().defects.clone();
        let index = self.case.recipe().defect.index;
        let turned = self.seen.defects.is_some() && self.seen.defect == index;
        if let (false, Some(found), Some(bounds)) = (turned, &defects, self.bodies.bounds_mm)
            && let Some(defect) = found.get(index)
        {
            let [low, high] = defect.bounds_mm.map(nalgebra::Point3::from);
            let centre = nalgebra::center(&low, &high);
            self.views.cross = centre;
            self.views.stage.face(centre, bounds, ctx.input(|i| i.time));
            self.seen.defects.clone_from(&defects);
            self.seen.defect = index;
        }
        for step in StepKind::ALL {
            let failed = matches!(self.case.state(step), StepState::Failed { .. });
            if failed && !self.seen.failed[step.index()] {
                self.chosen = Some(step);
            }
            self.seen.failed[step.index()] = failed;
        }
        let exported = self.case.state(StepKind::Export).is_current();
        if exported && !self.seen.exported {
            self.chosen = Some(StepKind::Export);
            let said = self.case.exported().map(|w| format!("Wrote {} files to {}", w.files.len(), w.folder.display()));
            if let Some(text) = said {
                self.say(text);
            }
        }
        self.seen.exported = exported;
        if let Ok(mut trouble) = self.gpu_trouble.lock()
            && let Some(text) = trouble.take()
        {
            self.toast = Some(Toast { text: format!("Drawing trouble: {text}"), bad: true, since: Instant::now() });
        }
    }

    /// The threshold the bare bone is shown at: before there is a skull, and when its threshold has changed since.
    fn preview_hu(&self) -> Option<f64> {
        let hu = self.case.recipe().skull.threshold_hu;
        let changed = |iso: f32| (f64::from(iso) - hu).abs() > 1e-3;
        let is_hu = || self.case.results().scan.as_ref().is_some_and(|s| matches!(s.voxels, Voxels::Hu(_)));
        match &self.case.results().skull {
            None => Some(hu),
            Some(body) => (is_hu() && changed(body.skull.iso)).then_some(hu),
        }
    }

    /// What computes and draws, for the status line.
    fn engine(&self) -> String {
        status::engine(self.adapter.as_ref(), self.bodies.way.as_ref())
    }

    /// Writes the settings beside the window's thread.
    pub(super) fn keep_settings(&mut self) {
        let layout = Layout { views: self.views.arrangement, sides: self.sides };
        self.settings.layout = serde_json::to_value(layout).unwrap_or_default();
        let (settings, home) = (self.settings.clone(), self.case.home().clone());
        let write = move || {
            if let Err(e) = settings.save(&home) {
                log::warn!("settings: {e}");
            }
        };
        if let Err(e) = std::thread::Builder::new().name("calvaria-settings".to_owned()).spawn(write) {
            log::warn!("settings: {e}");
        }
    }

    fn facts(&self, ctx: &egui::Context) {
        let Some(plugin) = ctx.plugin_opt::<LayoutFile>() else { return };
        let states: serde_json::Map<String, serde_json::Value> = StepKind::ALL
            .into_iter()
            .map(|s| (s.name().to_owned(), json!(super::widgets::state_word(&self.case.state(s)))))
            .collect();
        plugin.lock().facts = json!({
            "steps": states,
            "comparing": matches!(self.case.comparing(), Comparing::Running { .. }),
            "busy": self.case.is_busy() || self.bodies.is_preparing(),
            "measures_mm": self.tools.measures.iter().map(super::tools::Measure::length_mm).collect::<Vec<_>>(),
            "measuring": self.tools.pending.is_some(),
            "axial_mm_per_pixel": self.views.slices[0].mm_per_pixel(),
            "thickness_mm": self.case.recipe().get("implant.thickness_mm").ok(),
            "longest_pause_ms": self.pulse.longest.as_secs_f64() * 1000.0,
            "longest_pause_was": self.pulse.longest_was,
        });
    }

    fn side(&mut self, ui: &mut Ui) {
        let frame = Frame::new().fill(theme::palette(ui).panel).inner_margin(Margin::same(12));
        if self.sides {
            let left = Panel::left("road").default_size(308.0).size_range(240.0..=440.0).frame(frame);
            left.show(ui, |ui| road::show(ui, &self.case, self.chosen, &self.tools, &mut self.actions));
            let right = Panel::right("figures").default_size(280.0).size_range(220.0..=420.0).frame(frame);
            right.show(ui, |ui| figures::show(ui, &self.case, &self.bodies, &self.tools, &mut self.actions));
        }
    }

    fn centre(&mut self, ui: &mut Ui) {
        let p = *theme::palette(ui);
        let scan = self.case.results().scan.clone();
        if scan.is_some() {
            let frame = Frame::new().fill(p.panel).inner_margin(Margin::symmetric(8, 3));
            Panel::top("tools").exact_size(38.0).frame(frame).show(ui, |ui| {
                toolbar::show(ui, &self.tools, self.case.is_busy(), &mut self.actions);
            });
        }
        let events = CentralPanel::default().frame(Frame::NONE).show(ui, |ui| {
            let rect = ui.max_rect();
            match &scan {
                Some(scan) => self.views.show(ui, rect, scan, &mut self.bodies, &self.tools, self.target_format),
                None => {
                    welcome::show(ui, rect, &self.case, &self.recent, &mut self.actions);
                    Vec::new()
                }
            }
        });
        for event in events.inner {
            self.view_event(event);
        }
    }

    fn view_event(&mut self, event: ViewEvent) {
        match event {
            ViewEvent::Slice(_, SliceEvent::Cross(at)) => self.views.cross = at,
            ViewEvent::Slice(plane, SliceEvent::Measure(at)) => {
                self.tools.measure(plane, at);
                self.bodies.mark(self.tools.marks());
            }
            ViewEvent::Slice(_, SliceEvent::Window(window)) => self.tools.window = window,
            ViewEvent::Slice(_, SliceEvent::Brush(at)) | ViewEvent::Stage(StageEvent::Brush(at)) => {
                self.tools.paint(at);
                self.bodies.mark(self.tools.marks());
            }
            ViewEvent::Slice(_, SliceEvent::BrushUp) | ViewEvent::Stage(StageEvent::BrushUp) => self.end_stroke(),
            ViewEvent::Slice(_, SliceEvent::Dab(at)) | ViewEvent::Stage(StageEvent::Dab(at)) => {
                self.tools.paint(at);
                self.end_stroke();
            }
            ViewEvent::Stage(StageEvent::Picked(at)) if self.tools.tool == Tool::Rim => {
                let closes = self.tools.rim.len() > 2 && crate::view::distance_mm(&self.tools.rim[0], &at) < 4.0;
                if closes {
                    self.actions.push(Action::Do(Command::Next));
                } else {
                    self.tools.rim.push(at);
                }
                self.bodies.mark(self.tools.marks());
            }
            ViewEvent::Stage(StageEvent::Picked(at)) => self.views.cross = at,
        }
    }

    fn end_stroke(&mut self) {
        let stroke = self.tools.end_stroke();
        self.bodies.mark(self.tools.marks());
        self.actions.push(Action::Correct(stroke));
    }

    fn over(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut overlay = std::mem::replace(&mut self.overlay, Overlay::None);
        let mut actions = std::mem::take(&mut self.actions);
        match &mut overlay {
            Overlay::None => {}
            Overlay::Path(form) => form.show(&ctx, &mut actions),
            Overlay::Find(finder) => finder.show(&ctx, &|c| self.enabled(c), &mut actions),
            Overlay::Alternatives(cards) => cards.show(&ctx, &self.case, &mut actions),
            Overlay::Keys => help::keys(&ctx, &mut actions),
            Overlay::About => help::about(&ctx, &self.engine(), &mut actions),
        }
        self.overlay = overlay;
        self.actions = actions;
        self.toast(ui);
        if ctx.input(|i| !i.raw.hovered_files.is_empty()) {
            let p = *theme::palette(ui);
            let painter = ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop")));
            let rect = ctx.content_rect();
            painter.rect_filled(rect, 0.0, p.ground.gamma_multiply(0.85));
            painter.rect_stroke(rect.shrink(16.0), 12.0, egui::Stroke::new(2.0, p.accent), egui::StrokeKind::Inside);
            let font = egui::FontId::new(22.0, theme::semibold());
            painter.text(rect.center(), egui::Align2::CENTER_CENTER, "Drop to open", font, p.text);
        }
    }

    fn toast(&mut self, ui: &mut Ui) {
        let Some(toast) = &self.toast else { return };
        let left = TOAST_S - toast.since.elapsed().as_secs_f32();
        if left <= 0.0 && !toast.bad {
            self.toast = None;
            return;
        }
        if !toast.bad {
            ui.ctx().request_repaint_after_secs(left.max(0.0) + 0.05);
        }
        let p = *theme::palette(ui);
        let mut close = false;
        egui::Area::new(egui::Id::unique("toast"))
            .anchor(egui::Align2::CENTER_BOTTOM, egui::vec2(0.0, -44.0))
            .order(egui::Order::Foreground)
            .show(ui.ctx(), |ui| {
                let stroke = egui::Stroke::new(1.0, if toast.bad { p.error } else { p.ok });
                let frame =
                    Frame::new().fill(p.card).stroke(stroke).corner_radius(8).inner_margin(Margin::symmetric(14, 8));
                frame.show(ui, |ui| {
                    ui.set_max_width(720.0);
                    ui.horizontal(|ui| {
                        ui.add(egui::Label::new(RichText::new(&toast.text).color(p.text)).wrap());
                        close = ui.button("OK").clicked();
                    });
                });
            });
        if close {
            self.toast = None;
        }
    }
}

/// Light, dark or as the system says.
pub(super) fn set_theme(ctx: &egui::Context, theme: Theme) {
    ctx.set_theme(match theme {
        Theme::System => egui::ThemePreference::System,
        Theme::Light => egui::ThemePreference::Light,
        Theme::Dark => egui::ThemePreference::Dark,
    });
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let mut pulse = self.pulse;
        pulse.measure("taking results", || self.follow(ctx));
        self.close_request(ctx);
        pulse.measure("keys", || {
            self.keys(ctx);
            self.drops(ctx);
        });
        self.pulse = pulse;
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let p = *theme::palette(ui);
        let dark = ui.visuals().dark_mode;
        self.bodies.set_theme(if dark { crate::view::Theme::Dark } else { crate::view::Theme::Light });
        let bar = Frame::new().fill(p.panel).inner_margin(Margin::symmetric(12, 4));
        let mut actions = std::mem::take(&mut self.actions);
        Panel::top("menu").frame(bar).exact_size(38.0).show(ui, |ui| {
            menu::show(ui, &self.case, &|c| self.enabled(c), &mut actions);
        });
        self.actions = actions;
        let memory = self.memory.megabytes();
        let engine = self.engine();
        let line = Frame::new().fill(p.panel).inner_margin(Margin::symmetric(12, 2));
        Panel::bottom("status").frame(line).exact_size(28.0).show(ui, |ui| {
            status::show(ui, &self.case, &self.tools, self.views.probe, &engine, memory);
        });
        self.side(ui);
        self.centre(ui);
        self.over(ui);
        let ctx = ui.ctx().clone();
        let mut pulse = self.pulse;
        for action in std::mem::take(&mut self.actions) {
            pulse.measure("a command", || self.perform(&ctx, action));
        }
        pulse.frames += 1;
        self.pulse = pulse;
        self.facts(&ctx);
    }

    fn on_exit(&mut self) {
        self.case.end_drag();
        let layout = Layout { views: self.views.arrangement, sides: self.sides };
        self.settings.layout = serde_json::to_value(layout).unwrap_or_default();
        if let Err(e) = self.settings.save(self.case.home()) {
            log::warn!("settings: {e}");
        }
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        theme::DARK.ground.to_normalized_gamma_f32()
    }
}
