//! The 3-D view: camera by mouse and key, drawn into the renderer's own texture and copied into the window.

use super::layers::Bodies;
use super::theme;
use super::tools::Tools;
use crate::view::{
    Camera, Glide, Quality, Renderer, Scene, StandardView, edge_letters, orientation_cube, pick, scale_bar,
};
use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};
use egui::{Align2, Color32, FontId, PointerButton, Pos2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, vec2};
use nalgebra::Point3;

/// A view that was moved counts as at rest after this long, s.
const REST_S: f64 = 0.18;

/// What the 3-D view was asked to do by the mouse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StageEvent {
    /// A click on a surface.
    Picked(Point3<f64>),
    /// The brush at work on a surface.
    Brush(Point3<f64>),
    /// The stroke is finished.
    BrushUp,
    /// A click of the brush: a stroke of one ball.
    Dab(Point3<f64>),
}

/// Camera and motion of the 3-D view.
pub struct Stage {
    /// Where it is looked from.
    pub camera: Camera,
    glide: Option<(Glide, f64)>,
    moved_at: f64,
    size_px: [u32; 2],
    framed: bool,
    /// Depth of the last brush hit, so that a stroke over the hole does not fall through to the far side, mm.
    brush_depth: Option<f64>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            camera: Camera::default(),
            glide: None,
            moved_at: f64::NEG_INFINITY,
            size_px: [640, 480],
            framed: false,
            brush_depth: None,
        }
    }
}

type Box3 = (Point3<f64>, Point3<f64>);

impl Stage {
    /// Shows all of a new body from the front left, without a glide; once a case.
    pub fn frame_once(&mut self, bounds: Box3) {
        if !self.framed {
            self.framed = true;
            self.camera =
                Camera { azimuth_deg: 30.0, elevation_deg: 12.0, ..Camera::default() }.framed(bounds, self.size_px);
        }
    }

    /// The next body is framed anew.
    pub fn forget(&mut self) {
        self.framed = false;
    }

    /// Glides to a standard side.
    pub fn look(&mut self, view: StandardView, bounds: Box3, now: f64) {
        self.glide_to(Camera::standard(view, bounds, self.size_px), now);
    }

    /// Glides back to the whole body, from where it is looked at now.
    pub fn reset(&mut self, bounds: Box3, now: f64) {
        let camera = Camera { azimuth_deg: 30.0, elevation_deg: 12.0, ..self.camera };
        self.glide_to(camera.framed(bounds, self.size_px), now);
    }

    /// Glides to look at a point from outside, the whole body in view.
    pub fn face(&mut self, point: Point3<f64>, bounds: Box3, now: f64) {
        let out = point - nalgebra::center(&bounds.0, &bounds.1);
        if out.norm() > 1.0 {
            let azimuth_deg = out.x.atan2(-out.y).to_degrees();
            let elevation_deg = (out.z / out.norm()).asin().to_degrees().clamp(-10.0, 45.0);
            let camera = Camera { azimuth_deg, elevation_deg, ..self.camera };
            self.glide_to(camera.framed(bounds, self.size_px), now);
        }
    }

    fn glide_to(&mut self, to: Camera, now: f64) {
        self.glide = Some((Glide { from: self.camera, to }, now));
        self.moved_at = now;
    }

    fn advance(&mut self, now: f64) -> bool {
        let Some((glide, since)) = self.glide else { return false };
        self.camera = glide.at(now - since);
        self.moved_at = now;
        if glide.is_over(now - since) {
            self.glide = None;
        }
        true
    }

    /// Draws the view and answers the mouse.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        name: &str,
        bodies: &mut Bodies,
        tools: &Tools,
        target_format: Option<wgpu::TextureFormat>,
    ) -> (egui::Response, Option<StageEvent>) {
        let response = ui.interact(rect, ui.scope_id().with("stage"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
        let scale = ui.ctx().pixels_per_point();
        self.size_px = [(rect.width() * scale).max(1.0) as u32, (rect.height() * scale).max(1.0) as u32];
        let now = ui.input(|i| i.time);
        if self.advance(now) {
            ui.ctx().request_repaint();
        }
        let event = self.interact(ui, &response, rect, &bodies.scene, tools, now);
        let moving = now - self.moved_at < REST_S;
        if moving {
            ui.ctx().request_repaint_after_secs(REST_S as f32);
        }
        bodies.scene.moving = moving;
        let painter = ui.painter_at(rect);
        let p = theme::palette(ui);
        painter.rect_filled(rect, 0.0, p.stage[1]);
        if let Some(target_format) = target_format {
            let callback = Callback {
                scene: bodies.scene.clone(),
                camera: self.camera,
                size_px: self.size_px,
                revision: bodies.revision,
                target_format,
            };
            painter.add(egui_wgpu::Callback::new_paint_callback(rect, callback));
        }
        self.decorate(&painter, rect, p.on_stage, scale);
        (response, event)
    }

    fn pixel(&self, rect: Rect, at: Pos2) -> [f64; 2] {
        let sx = f64::from(self.size_px[0]) / f64::from(rect.width().max(1.0));
        let sy = f64::from(self.size_px[1]) / f64::from(rect.height().max(1.0));
        [f64::from(at.x - rect.left()) * sx, f64::from(at.y - rect.top()) * sy]
    }

    fn interact(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        rect: Rect,
        scene: &Scene,
        tools: &Tools,
        now: f64,
    ) -> Option<StageEvent> {
        let scale = f64::from(self.size_px[1]) / f64::from(rect.height().max(1.0));
        let drag = response.drag_delta();
        let (dx, dy) = (f64::from(drag.x) * scale, f64::from(drag.y) * scale);
        let shift = ui.input(|i| i.modifiers.shift);
        let mut moved = false;
        if response.dragged_by(PointerButton::Middle) || (response.dragged_by(PointerButton::Primary) && shift) {
            self.camera = self.camera.panned(dx, dy, self.size_px);
            moved = drag != egui::Vec2::ZERO;
        } else if response.dragged_by(PointerButton::Secondary) {
            let centre = self.size_px.map(|s| f64::from(s) / 2.0);
            self.camera = self.camera.zoomed_at((-dy * 0.008).exp(), centre, self.size_px);
            moved = drag != egui::Vec2::ZERO;
        } else if response.dragged_by(PointerButton::Primary) && !tools.tool.paints() {
            self.camera = self.camera.orbited(dx, dy, self.size_px);
            moved = drag != egui::Vec2::ZERO;
        }
        if response.hovered() {
            let wheel = ui.input(|i| i.smooth_scroll_delta().y) * 0.004;
            let pinch = ui.input(|i| i.zoom_delta());
            if wheel != 0.0 || pinch != 1.0 {
                let at = response.hover_pos().map_or([0.0; 2], |at| self.pixel(rect, at));
                self.camera = self.camera.zoomed_at(f64::from(wheel.exp() * pinch), at, self.size_px);
                moved = true;
            }
        }
        if moved {
            self.glide = None;
            self.moved_at = now;
        }
        let at = response.interact_pointer_pos()?;
        let ray = self.camera.ray(self.pixel(rect, at), self.size_px);
        if tools.tool.paints() && !shift {
            if response.drag_stopped_by(PointerButton::Primary) {
                self.brush_depth = None;
                return Some(StageEvent::BrushUp);
            }
            if response.drag_started_by(PointerButton::Primary) || response.clicked() {
                // Each stroke finds its own side of the head.
                self.brush_depth = None;
            }
            if response.dragged_by(PointerButton::Primary) || response.clicked() {
                let hit = pick(scene, &ray).map(|h| h.distance_mm);
                let depth = match (hit, self.brush_depth) {
                    // A jump of depth is the far side seen through the hole: the stroke stays on its own side.
                    (Some(hit), Some(last)) if (hit - last).abs() > 40.0 => last,
                    (Some(hit), _) => hit,
                    (None, Some(last)) => last,
                    (None, None) => return None,
                };
                let at = ray.origin + ray.direction * depth;
                if response.clicked() {
                    return Some(StageEvent::Dab(at));
                }
                self.brush_depth = Some(depth);
                return Some(StageEvent::Brush(at));
            }
            return None;
        }
        if response.clicked() {
            return pick(scene, &ray).map(|hit| StageEvent::Picked(hit.point_mm));
        }
        None
    }

    fn decorate(&self, painter: &egui::Painter, rect: Rect, colour: Color32, scale: f32) {
        let font = FontId::proportional(theme::BODY);
        let letters = edge_letters(&self.camera);
        let inner = rect.shrink(theme::GRID);
        for (at, align, letter) in [
            (inner.left_center(), Align2::LEFT_CENTER, letters.left),
            (inner.right_center(), Align2::RIGHT_CENTER, letters.right),
            (inner.center_top(), Align2::CENTER_TOP, letters.top),
            (inner.center_bottom(), Align2::CENTER_BOTTOM, letters.bottom),
        ] {
            painter.text(at, align, letter, font.clone(), colour);
        }
        painter.text(inner.left_top(), Align2::LEFT_TOP, "3-D", FontId::proportional(theme::SMALL), colour);
        let centre = inner.left_bottom() + vec2(28.0, -28.0);
        for face in orientation_cube(&self.camera, [centre.x, centre.y], 16.0) {
            let corners = face.corners.map(|c| Pos2::new(c[0], c[1])).to_vec();
            let shade = colour.gamma_multiply(0.10 + 0.18 * face.facing);
            painter.add(egui::Shape::convex_polygon(corners, shade, Stroke::new(1.0, colour.gamma_multiply(0.55))));
            let at = Pos2::new(face.centre[0], face.centre[1]);
            let ink = colour.gamma_multiply(face.facing.clamp(0.15, 1.0));
            painter.text(at, Align2::CENTER_CENTER, face.letter, FontId::proportional(theme::SMALL), ink);
        }
        let mm_per_point = self.camera.mm_per_pixel(self.size_px) * f64::from(scale);
        bar(painter, inner, mm_per_point, colour);
    }
}

/// A scale bar at the lower right of a view.
pub fn bar(painter: &egui::Painter, inner: Rect, mm_per_point: f64, colour: Color32) {
    let Some(bar) = scale_bar(mm_per_point, 96.0) else { return };
    let right = inner.right_bottom() + vec2(0.0, -2.0);
    let left = right - vec2(bar.length_px as f32, 0.0);
    let stroke = Stroke::new(1.5, colour);
    painter.line_segment([left, right], stroke);
    for end in [left, right] {
        painter.line_segment([end - vec2(0.0, 5.0), end], stroke);
    }
    let middle = left + (right - left) / 2.0 - vec2(0.0, 4.0);
    painter.text(middle, Align2::CENTER_BOTTOM, &bar.label, FontId::proportional(theme::SMALL), colour);
}

/// What the GPU keeps between frames.
struct Kept {
    renderer: Renderer,
    drawn: Option<Drawn>,
}

/// What the last picture was drawn from: scene version, camera, size, moving, background.
type Drawn = (u64, Camera, [u32; 2], bool, [[f32; 3]; 2]);

struct Callback {
    scene: Scene,
    camera: Camera,
    size_px: [u32; 2],
    revision: u64,
    target_format: wgpu::TextureFormat,
}

impl CallbackTrait for Callback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let kept = resources.entry().or_insert_with(|| Kept {
            renderer: Renderer::with_quality(device, queue, self.target_format, Quality::of(device)),
            drawn: None,
        });
        let background = [self.scene.background.centre, self.scene.background.corner];
        // On hardware a moving view looks like a resting one, so coming to rest draws nothing anew.
        let moving = self.scene.moving && kept.renderer.quality().light_when_moving;
        let wanted = (self.revision, self.camera, self.size_px, moving, background);
        if kept.drawn != Some(wanted) {
            kept.renderer.render(device, queue, encoder, self.size_px, &self.camera, &self.scene);
            kept.drawn = Some(wanted);
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(kept) = resources.get::<Kept>() {
            kept.renderer.blit(pass);
        }
    }
}
