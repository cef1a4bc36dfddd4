//! One slice view: the grey picture, outlines of the bodies, the linked cross-hair, measured distances, the brush.

use super::layers::{Bodies, LISTED};
use super::stage::bar;
use super::theme;
use super::tools::{Tool, Tools};
use crate::case::Scan;
use crate::case::Voxels;
use crate::view::{
    LayerKind, MeshIndex, Plane, Segment, SliceImage, SliceView, WindowLevel, contour_of_mesh, probe, reslice,
};
use egui::{
    Align2, Color32, ColorImage, FontId, PointerButton, Pos2, Rect, Role, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, WidgetInfo, pos2, vec2,
};
use nalgebra::Point3;
use std::sync::Arc;

/// What a slice view was asked to do by the mouse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SliceEvent {
    /// The cross-hair goes here.
    Cross(Point3<f64>),
    /// A click of the measuring tool.
    Measure(Point3<f64>),
    /// The brush at work.
    Brush(Point3<f64>),
    /// The stroke is finished.
    BrushUp,
    /// A click of the brush: a stroke of one ball.
    Dab(Point3<f64>),
    /// The grey window changed.
    Window(WindowLevel),
}

/// What the pointer is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// LPS mm.
    pub at: Point3<f64>,
    /// HU (or 0 and 1 of a mask); `None` outside of the scan.
    pub value: Option<f32>,
}

/// One contour kept until view or mesh change.
struct Contour {
    view: SliceView,
    index: Arc<MeshIndex>,
    segments: Vec<Segment>,
}

/// State of one slice view.
pub struct Slice {
    /// The plane it shows.
    pub plane: Plane,
    /// In-plane centre (LPS mm) and scale; `None` until fitted to a scan.
    place: Option<(Point3<f64>, f64)>,
    image: Option<(SliceView, Arc<Scan>, SliceImage)>,
    texture: Option<(TextureHandle, WindowLevel)>,
    contours: [Option<Contour>; 3],
    wheel: f32,
}

impl Slice {
    /// A view of a plane.
    pub fn new(plane: Plane) -> Self {
        Self { plane, place: None, image: None, texture: None, contours: Default::default(), wheel: 0.0 }
    }

    /// Shows the whole scan again.
    pub fn reset(&mut self) {
        self.place = None;
    }

    /// Millimetres a pixel of the screen, once something was shown.
    pub fn mm_per_pixel(&self) -> Option<f64> {
        self.place.map(|(_, scale)| scale)
    }

    /// Distance between slices, mm: the scan's spacing along the axis nearest to the plane's.
    pub fn step_mm(&self, scan: &Scan) -> f64 {
        let grid = scan.voxels.grid();
        let axis = self.plane.axis();
        let along = |i: &usize| grid.direction[(axis, *i)].abs();
        let nearest = (0..3).max_by(|a, b| along(a).total_cmp(&along(b))).unwrap_or(axis);
        grid.spacing_mm[nearest]
    }

    fn view(&mut self, scan: &Scan, cross: Point3<f64>, size_px: [usize; 2], margin: f64) -> SliceView {
        let fitted = || SliceView::fitted(self.plane, scan.voxels.grid().bounds_mm(), cross, size_px);
        let (centre, scale) = *self.place.get_or_insert_with(|| {
            let view = fitted();
            (view.centre_mm, view.mm_per_pixel * margin)
        });
        let mut centre_mm = centre;
        centre_mm[self.plane.axis()] = cross[self.plane.axis()];
        SliceView { plane: self.plane, centre_mm, mm_per_pixel: scale, size_px }
    }

    /// Draws the view and answers the mouse. `cross` is the cross-hair, LPS mm.
    #[expect(clippy::too_many_arguments, reason = "one call a frame; a struct of borrows would say the same twice")]
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        scan: &Arc<Scan>,
        cross: Point3<f64>,
        bodies: &Bodies,
        tools: &Tools,
        pool: &rayon::ThreadPool,
    ) -> (egui::Response, Option<SliceEvent>, Option<Probe>) {
        let plane = self.plane;
        let response = ui.interact(rect, ui.scope_id().with(plane.name()), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{} view", plane.name())));
        let scale = ui.ctx().pixels_per_point();
        let size_px = [(rect.width() * scale).max(1.0) as usize, (rect.height() * scale).max(1.0) as usize];
        let view = self.view(scan, cross, size_px, 1.04);
        let frame = Frame { rect, scale };
        let event = self.interact(ui, &response, &frame, view, scan, cross, tools);
        let view = self.view(scan, cross, size_px, 1.04);

        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, Color32::BLACK);
        self.picture(ui, &painter, rect, view, scan, tools.window, pool);
        self.outlines(&painter, &frame, view, bodies);
        cross_hair(&painter, &frame, &view, cross);
        measures(&painter, &frame, &view, tools);
        if tools.tool.paints()
            && response.hovered()
            && let Some(at) = response.hover_pos()
        {
            let radius = (tools.brush_mm / view.mm_per_pixel) as f32 / scale;
            painter.circle_stroke(at, radius, Stroke::new(1.5, Color32::WHITE));
        }
        decorate(&painter, &frame, &view, response.hovered());
        let probe = response.hover_pos().map(|at| {
            let at = view.lps(frame.pixel(at));
            let value = match &scan.voxels {
                Voxels::Hu(v) => probe(v, &at),
                Voxels::Mask(v) => probe(v, &at),
            };
            Probe { at, value }
        });
        (response, event, probe)
    }

    #[expect(clippy::too_many_arguments, reason = "private, called once")]
    fn interact(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        frame: &Frame,
        view: SliceView,
        scan: &Scan,
        cross: Point3<f64>,
        tools: &Tools,
    ) -> Option<SliceEvent> {
        let drag = response.drag_delta() * frame.scale;
        let (dx, dy) = (f64::from(drag.x), f64::from(drag.y));
        let (shift, ctrl) = ui.input(|i| (i.modifiers.shift, i.modifiers.command));
        let put = |this: &mut Self, v: SliceView| this.place = Some((v.centre_mm, v.mm_per_pixel));
        if response.dragged_by(PointerButton::Middle) || (response.dragged_by(PointerButton::Primary) && shift) {
            put(self, view.panned(dx, dy));
            return None;
        }
        if response.dragged_by(PointerButton::Secondary) {
            let middle = view.size_px.map(|s| s as f64 / 2.0);
            put(self, view.zoomed_at((-dy * 0.008).exp(), middle));
            return None;
        }
        if response.hovered() {
            let zoom = ui.input(|i| i.zoom_delta());
            if zoom != 1.0
                && let Some(at) = response.hover_pos()
            {
                put(self, view.zoomed_at(f64::from(zoom), frame.pixel(at)));
                return None;
            }
            let steps = if ctrl { 0 } else { self.wheel_steps(ui) };
            if steps != 0 {
                return Some(SliceEvent::Cross(self.stepped(scan, cross, steps)));
            }
        }
        let at = response.interact_pointer_pos()?;
        let lps = view.lps(frame.pixel(at));
        let held = response.dragged_by(PointerButton::Primary) || response.clicked();
        match tools.tool {
            Tool::Measure => response.clicked().then_some(SliceEvent::Measure(lps)),
            Tool::Window => (response.dragged_by(PointerButton::Primary) && drag != egui::Vec2::ZERO)
                .then(|| SliceEvent::Window(tools.window.dragged(drag.x, drag.y))),
            Tool::PaintIn | Tool::PaintOut if response.drag_stopped_by(PointerButton::Primary) => {
                Some(SliceEvent::BrushUp)
            }
            Tool::PaintIn | Tool::PaintOut if response.clicked() => Some(SliceEvent::Dab(lps)),
            Tool::PaintIn | Tool::PaintOut => held.then_some(SliceEvent::Brush(lps)),
            Tool::Cross | Tool::Rim => held.then_some(SliceEvent::Cross(lps)),
        }
    }

    /// The cross-hair some slices further, kept within the scan.
    pub fn stepped(&self, scan: &Scan, cross: Point3<f64>, steps: i32) -> Point3<f64> {
        let axis = self.plane.axis();
        let (low, high) = scan.voxels.grid().bounds_mm();
        let mut moved = cross;
        moved[axis] = (cross[axis] + f64::from(steps) * self.step_mm(scan)).clamp(low[axis], high[axis]);
        moved
    }

    /// Whole slices the wheel was turned; touchpads add up.
    fn wheel_steps(&mut self, ui: &Ui) -> i32 {
        let turned: f32 = ui.input(|i| {
            let wheel = |e: &egui::Event| match e {
                egui::Event::MouseWheel { unit: egui::MouseWheelUnit::Point, delta, .. } => delta.y / 40.0,
                egui::Event::MouseWheel { delta, .. } => delta.y,
                _ => 0.0,
            };
            i.events.iter().map(wheel).sum()
        });
        self.wheel += turned;
        let steps = self.wheel.trunc();
        self.wheel -= steps;
        steps as i32
    }

    #[expect(clippy::too_many_arguments, reason = "private, called once")]
    fn picture(
        &mut self,
        ui: &Ui,
        painter: &egui::Painter,
        rect: Rect,
        view: SliceView,
        scan: &Arc<Scan>,
        window: WindowLevel,
        pool: &rayon::ThreadPool,
    ) {
        let fresh = |(v, s, _): &(SliceView, Arc<Scan>, SliceImage)| *v == view && Arc::ptr_eq(s, scan);
        if !self.image.as_ref().is_some_and(fresh) {
            // A pool of its own: the steps' work must not stand before the picture's.
            let image = pool.install(|| match &scan.voxels {
                Voxels::Hu(v) => reslice(v, &view),
                Voxels::Mask(v) => reslice(v, &view),
            });
            self.image = Some((view, scan.clone(), image));
            if let Some((_, drawn)) = &mut self.texture {
                drawn.window_hu = f32::NAN; // never equal: drawn anew below
            }
        }
        let window = match scan.voxels {
            Voxels::Hu(_) => window,
            Voxels::Mask(_) => WindowLevel { window_hu: 1.6, level_hu: 0.8 },
        };
        let Some((_, _, image)) = &self.image else { return };
        if self.texture.as_ref().is_none_or(|(_, drawn)| *drawn != window) {
            let rgba = pool.install(|| image.rgba(&window));
            let pixels = ColorImage::from_rgba_unmultiplied(image.size_px, &rgba);
            match &mut self.texture {
                Some((texture, drawn)) => {
                    texture.set(pixels, TextureOptions::LINEAR);
                    *drawn = window;
                }
                None => {
                    let texture = ui.ctx().load_texture(self.plane.name(), pixels, TextureOptions::LINEAR);
                    self.texture = Some((texture, window));
                }
            }
        }
        if let Some((texture, _)) = &self.texture {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture.id(), rect, whole, Color32::WHITE);
        }
    }

    fn outlines(&mut self, painter: &egui::Painter, frame: &Frame, view: SliceView, bodies: &Bodies) {
        for (i, kind) in LISTED.into_iter().take(3).enumerate() {
            let kept = &mut self.contours[i];
            let Some(index) = bodies.index(kind) else {
                *kept = None;
                continue;
            };
            if !kept.as_ref().is_some_and(|c| c.view == view && Arc::ptr_eq(&c.index, index)) {
                *kept = Some(Contour { view, index: index.clone(), segments: contour_of_mesh(index, &view) });
            }
            let Some(contour) = kept else { continue };
            let [r, g, b] = bodies.shown(kind).colour.map(|v| (v * 255.0) as u8);
            let (width, alpha) = if kind == LayerKind::Skull { (1.0, 0.7) } else { (2.0, 1.0) };
            let stroke = Stroke::new(width, Color32::from_rgb(r, g, b).gamma_multiply(alpha));
            for [a, b] in &contour.segments {
                painter.line_segment([frame.point(*a), frame.point(*b)], stroke);
            }
        }
    }
}

/// Where a view lies on the screen, and pixels a point.
struct Frame {
    rect: Rect,
    scale: f32,
}

impl Frame {
    fn pixel(&self, at: Pos2) -> [f64; 2] {
        let d = (at - self.rect.min) * self.scale;
        [f64::from(d.x), f64::from(d.y)]
    }

    fn point(&self, pixel: [f32; 2]) -> Pos2 {
        self.rect.min + vec2(pixel[0], pixel[1]) / self.scale
    }

    fn of(&self, view: &SliceView, lps: &Point3<f64>) -> Pos2 {
        let ([x, y], _) = view.pixel(lps);
        self.point([x as f32, y as f32])
    }
}

/// The colour of the plane that a line stands for.
pub fn plane_colour(plane: Plane) -> Color32 {
    theme::PLANES[match plane {
        Plane::Axial => 0,
        Plane::Coronal => 1,
        Plane::Sagittal => 2,
    }]
}

/// Lines of the two other planes in their colours; the centre stays free.
fn cross_hair(painter: &egui::Painter, frame: &Frame, view: &SliceView, cross: Point3<f64>) {
    const FREE: f32 = 14.0;
    let at = frame.of(view, &cross);
    let (vertical, horizontal) = match view.plane {
        Plane::Axial => (Plane::Sagittal, Plane::Coronal),
        Plane::Coronal => (Plane::Sagittal, Plane::Axial),
        Plane::Sagittal => (Plane::Coronal, Plane::Axial),
    };
    let ink = |plane| Stroke::new(1.0, plane_colour(plane).gamma_multiply(0.8));
    let r = frame.rect;
    painter.line_segment([pos2(at.x, r.top()), pos2(at.x, at.y - FREE)], ink(vertical));
    painter.line_segment([pos2(at.x, at.y + FREE), pos2(at.x, r.bottom())], ink(vertical));
    painter.line_segment([pos2(r.left(), at.y), pos2(at.x - FREE, at.y)], ink(horizontal));
    painter.line_segment([pos2(at.x + FREE, at.y), pos2(r.right(), at.y)], ink(horizontal));
}

/// Distances measured in this plane, near the slice shown.
fn measures(painter: &egui::Painter, frame: &Frame, view: &SliceView, tools: &Tools) {
    const INK: Color32 = Color32::from_rgb(255, 230, 120);
    let near = |p: &Point3<f64>| view.pixel(p).1.abs() < 3.0;
    for m in tools.measures.iter().filter(|m| m.plane == view.plane && near(&m.from)) {
        let (a, b) = (frame.of(view, &m.from), frame.of(view, &m.to));
        painter.line_segment([a, b], Stroke::new(1.5, INK));
        for end in [a, b] {
            painter.circle_filled(end, 3.0, INK);
        }
        let at = a + (b - a) / 2.0 + vec2(theme::GRID, -theme::GRID);
        let galley = painter.layout_no_wrap(m.text(), FontId::proportional(theme::BODY), INK);
        let card = Rect::from_min_size(at - vec2(0.0, galley.size().y), galley.size()).expand(3.0);
        painter.rect_filled(card, 3.0, Color32::from_black_alpha(170));
        painter.galley(card.min + vec2(3.0, 3.0), galley, INK);
    }
    if let Some((plane, from)) = &tools.pending
        && *plane == view.plane
    {
        painter.circle_filled(frame.of(view, from), 3.0, INK);
    }
}

/// Frame in the plane's colour, title, letters, scale bar.
fn decorate(painter: &egui::Painter, frame: &Frame, view: &SliceView, hovered: bool) {
    let colour = plane_colour(view.plane);
    let width = if hovered { 2.0 } else { 1.0 };
    painter.rect_stroke(frame.rect, 0.0, Stroke::new(width, colour), StrokeKind::Inside);
    let inner = frame.rect.shrink(theme::GRID);
    let title = format!("{} · {}", view.plane.name(), words_along(view.plane, view.coordinate_mm()));
    let said = painter.text(inner.left_top(), Align2::LEFT_TOP, title, FontId::proportional(theme::SMALL), colour);
    // In a narrow view the title reaches the middle: the letter stands below it.
    let meets = said.right() + theme::BODY > inner.center().x;
    let below = egui::vec2(0.0, if meets { said.height() + 2.0 } else { 0.0 });
    let ink = Color32::from_gray(200);
    let [left, right, top, bottom] = view.plane.letters();
    for (at, align, letter) in [
        (inner.left_center(), Align2::LEFT_CENTER, left),
        (inner.right_center(), Align2::RIGHT_CENTER, right),
        (inner.center_top() + below, Align2::CENTER_TOP, top),
        (inner.center_bottom(), Align2::CENTER_BOTTOM, bottom),
    ] {
        painter.text(at, align, letter, FontId::proportional(theme::BODY), ink);
    }
    bar(painter, inner, view.mm_per_pixel * f64::from(frame.scale), ink);
}

/// A coordinate of LPS as people say it: "S 12.5 mm".
fn words_along(plane: Plane, v: f64) -> String {
    let (letter, v) = direction(plane.axis(), v);
    format!("{letter} {v:.1} mm")
}

fn direction(axis: usize, v: f64) -> (char, f64) {
    let letters = [['L', 'R'], ['P', 'A'], ['S', 'I']][axis];
    (letters[usize::from(v < 0.0)], v.abs())
}

/// A position as people say it: "R 31.2 · A 44.0 · S 12.5 mm".
pub fn words(at: &Point3<f64>) -> String {
    let parts: Vec<String> = (0..3)
        .map(|axis| {
            let (letter, v) = direction(axis, at[axis]);
            format!("{letter} {v:.1}")
        })
        .collect();
    format!("{} mm", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_said_in_patient_words() {
        assert_eq!(words(&Point3::new(-31.24, -44.0, 12.5)), "R 31.2 · A 44.0 · S 12.5 mm");
        assert_eq!(words_along(Plane::Axial, -3.0), "I 3.0 mm");
    }
}
