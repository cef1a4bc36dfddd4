//! The four views: two by two with handles to resize, or one alone.

use super::layers::Bodies;
use super::slices::{Probe, Slice, SliceEvent};
use super::stage::{Stage, StageEvent};
use super::theme;
use super::tools::Tools;
use crate::case::Scan;
use crate::view::Plane;
use eframe::egui_wgpu::wgpu;
use egui::{CursorIcon, Rect, Role, Sense, Ui, WidgetInfo, pos2};
use nalgebra::Point3;
use std::sync::Arc;

/// One of the four views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Pane {
    Axial,
    Stage,
    Coronal,
    Sagittal,
}

/// How the views are arranged; kept between starts.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// Where the handles are, 0 to 1 from the left and the top.
    pub split: [f32; 2],
    /// The view shown alone.
    pub alone: Option<Pane>,
}

impl Default for Arrangement {
    fn default() -> Self {
        Self { split: [0.5, 0.5], alone: None }
    }
}

/// What the views were asked to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewEvent {
    /// In the 3-D view.
    Stage(StageEvent),
    /// In a slice.
    Slice(Plane, SliceEvent),
}

/// The four views.
pub struct Views {
    /// The 3-D view.
    pub stage: Stage,
    /// Axial, coronal, sagittal.
    pub slices: [Slice; 3],
    /// The cross-hair, LPS mm.
    pub cross: Point3<f64>,
    /// How they are arranged.
    pub arrangement: Arrangement,
    /// The view under the pointer.
    pub hovered: Option<Pane>,
    /// What the pointer is over in a slice.
    pub probe: Option<Probe>,
    /// Slices are sampled here, so that they never queue behind a step's work.
    pool: rayon::ThreadPool,
}

/// Width of the gap between views, points.
const GAP: f32 = 6.0;

impl Views {
    /// Four views of nothing.
    pub fn new() -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).thread_name(|i| format!("calvaria-slice-{i}"));
        Ok(Self {
            stage: Stage::default(),
            slices: Plane::ALL.map(Slice::new),
            cross: Point3::origin(),
            arrangement: Arrangement::default(),
            hovered: None,
            probe: None,
            pool: pool.build()?,
        })
    }

    /// Draws the views of a scan.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        scan: &Arc<Scan>,
        bodies: &mut Bodies,
        tools: &Tools,
        target_format: Option<wgpu::TextureFormat>,
    ) -> Vec<ViewEvent> {
        self.hovered = None;
        self.probe = None;
        let mut events = Vec::new();
        ui.painter().rect_filled(rect, 0.0, theme::palette(ui).ground);
        for (pane, place) in self.places(ui, rect) {
            let (response, event) = match pane {
                Pane::Stage => {
                    let (r, e) = self.stage.show(ui, place, "3-D view", bodies, tools, target_format);
                    (r, e.map(ViewEvent::Stage))
                }
                _ => {
                    let slice = &mut self.slices[pane as usize - usize::from(pane as usize > 1)];
                    let (r, e, probe) = slice.show(ui, place, scan, self.cross, bodies, tools, &self.pool);
                    self.probe = self.probe.or(probe);
                    (r, e.map(|e| ViewEvent::Slice(slice.plane, e)))
                }
            };
            if response.hovered() {
                self.hovered = Some(pane);
            }
            if response.double_clicked() {
                self.toggle_alone(pane);
            }
            events.extend(event);
        }
        events
    }

    /// One view alone, or all four again.
    pub fn toggle_alone(&mut self, pane: Pane) {
        let alone = &mut self.arrangement.alone;
        *alone = if alone.is_some() { None } else { Some(pane) };
    }

    /// The slice view under the pointer, else the axial one.
    pub fn active_slice(&self) -> &Slice {
        match self.hovered.or(self.arrangement.alone) {
            Some(Pane::Coronal) => &self.slices[1],
            Some(Pane::Sagittal) => &self.slices[2],
            _ => &self.slices[0],
        }
    }

    fn places(&mut self, ui: &mut Ui, rect: Rect) -> Vec<(Pane, Rect)> {
        if let Some(pane) = self.arrangement.alone {
            return vec![(pane, rect)];
        }
        let [sx, sy] = &mut self.arrangement.split;
        let x = rect.left() + rect.width() * *sx;
        let y = rect.top() + rect.height() * *sy;
        let upright = Rect::from_x_y_ranges(x - GAP / 2.0..=x + GAP / 2.0, rect.y_range());
        let level = Rect::from_x_y_ranges(rect.x_range(), y - GAP / 2.0..=y + GAP / 2.0);
        for (handle, name, icon, axis) in [
            (upright, "Handle between left and right views", CursorIcon::ResizeHorizontal, 0),
            (level, "Handle between upper and lower views", CursorIcon::ResizeVertical, 1),
        ] {
            let response = ui.interact(handle, ui.scope_id().with(name), Sense::drag()).on_hover_cursor(icon);
            response.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, name));
            if response.hovered() || response.dragged() {
                ui.painter().rect_filled(handle.shrink(2.0), 1.0, theme::palette(ui).accent);
            }
            let moved = if axis == 0 {
                response.drag_delta().x / rect.width()
            } else {
                response.drag_delta().y / rect.height()
            };
            let share = if axis == 0 { &mut *sx } else { &mut *sy };
            *share = (*share + moved).clamp(0.15, 0.85);
        }
        let (left, right) = (rect.left()..=x - GAP / 2.0, x + GAP / 2.0..=rect.right());
        let (top, bottom) = (rect.top()..=y - GAP / 2.0, y + GAP / 2.0..=rect.bottom());
        let place = |h: &std::ops::RangeInclusive<f32>, v: &std::ops::RangeInclusive<f32>| {
            Rect::from_min_max(pos2(*h.start(), *v.start()), pos2(*h.end(), *v.end()))
        };
        vec![
            (Pane::Axial, place(&left, &top)),
            (Pane::Stage, place(&right, &top)),
            (Pane::Coronal, place(&left, &bottom)),
            (Pane::Sagittal, place(&right, &bottom)),
        ]
    }
}
