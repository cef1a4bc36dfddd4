//! Small pieces that several panels use: cards, headings, state marks, parameter rows.

use super::action::Action;
use super::theme::{self, GRID, HALF};
use crate::case::{Setting, StepState};
use crate::parameter::ParameterKind;
use egui::{
    Align, Align2, Button, Color32, CornerRadius, DragValue, FontId, Frame, Layout, Margin, Response, RichText, Role,
    Sense, Slider, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};
use serde_json::Value;

/// A card: rounded, one shade above the panel.
pub fn card<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    let p = theme::palette(ui);
    Frame::new()
        .fill(p.card)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(CornerRadius::same(theme::ROUND))
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            content(ui)
        })
        .inner
}

/// A heading of a panel's section.
pub fn section(ui: &mut Ui, text: &str) {
    ui.add_space(HALF);
    ui.label(RichText::new(text).size(theme::SMALL).family(theme::semibold()).color(theme::palette(ui).weak));
}

/// Text in the weak colour, small.
pub fn hint(ui: &mut Ui, text: impl Into<String>) -> Response {
    ui.label(RichText::new(text).size(theme::SMALL).color(theme::palette(ui).weak))
}

/// The one big button.
pub fn big_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let p = *theme::palette(ui);
    let label =
        RichText::new(text).size(15.0).family(theme::semibold()).color(if enabled { p.on_accent } else { p.weak });
    let fill = if enabled { p.accent } else { p.card };
    let button = Button::new(label).fill(fill).stroke(Stroke::NONE).min_size(vec2(ui.available_width(), 40.0));
    ui.vertical_centered_justified(|ui| ui.add_enabled(enabled, button)).inner
}

/// The accent button of a dialog.
pub fn accent_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let p = *theme::palette(ui);
    let ink = if enabled { p.on_accent } else { p.weak };
    let label = RichText::new(text).family(theme::semibold()).color(ink);
    let fill = if enabled { p.accent } else { p.card };
    ui.add_enabled(enabled, Button::new(label).fill(fill).stroke(Stroke::NONE).min_size(vec2(96.0, 32.0)))
}

/// The word for a step's state.
pub fn state_word(state: &StepState) -> &'static str {
    match state {
        StepState::NotRun => "not run",
        StepState::Stale => "stale",
        StepState::Running { .. } => "running",
        StepState::Done { .. } => "done",
        StepState::Finding { .. } => "done, with a finding",
        StepState::Failed { .. } => "failed",
    }
}

/// The mark of a step's state, told apart by shape: dash, dotted ring, pie, tick, exclamation mark, cross.
pub fn state_mark(ui: &mut Ui, state: &StepState) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(18.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, state_word(state)));
    let p = theme::palette(ui);
    let painter = ui.painter();
    let (c, r) = (rect.center(), 7.5);
    let at = |x: f32, y: f32| c + vec2(x, y);
    match state {
        StepState::NotRun => {
            painter.line_segment([at(-4.0, 0.0), at(4.0, 0.0)], Stroke::new(1.5, p.weak));
        }
        StepState::Stale => {
            for i in 0..10 {
                let angle = i as f32 * std::f32::consts::TAU / 10.0;
                painter.circle_filled(c + Vec2::angled(angle) * r, 1.2, p.warn);
            }
        }
        StepState::Running { fraction, .. } => {
            painter.circle_stroke(c, r, Stroke::new(1.5, p.line));
            let n = 32;
            let end = (fraction.clamp(0.02, 1.0) * n as f32).ceil() as usize;
            let arc = (0..=end).map(|i| {
                let angle = i as f32 / n as f32 * std::f32::consts::TAU - std::f32::consts::FRAC_PI_2;
                c + Vec2::angled(angle) * r
            });
            painter.add(egui::Shape::line(arc.collect(), Stroke::new(2.0, p.info)));
        }
        StepState::Done { .. } => {
            painter.circle_filled(c, r + 0.5, p.ok);
            let tick = vec![at(-3.5, 0.2), at(-1.0, 2.8), at(3.8, -2.8)];
            painter.add(egui::Shape::line(tick, Stroke::new(1.8, p.panel)));
        }
        StepState::Finding { .. } => {
            let triangle = vec![at(0.0, -8.0), at(8.5, 7.0), at(-8.5, 7.0)];
            painter.add(egui::Shape::convex_polygon(triangle, p.warn, Stroke::NONE));
            painter.line_segment([at(0.0, -3.0), at(0.0, 2.5)], Stroke::new(1.8, p.panel));
            painter.circle_filled(at(0.0, 4.8), 1.1, p.panel);
        }
        StepState::Failed { .. } => {
            painter.rect_filled(rect.shrink(1.5), 3.0, p.error);
            for s in [-1.0, 1.0] {
                painter.line_segment([at(-3.2, -3.2 * s), at(3.2, 3.2 * s)], Stroke::new(1.8, p.panel));
            }
        }
    }
    response
}

/// A tick or a cross for a check: shape and colour.
pub fn verdict_mark(ui: &mut Ui, passed: Option<bool>) {
    let state = match passed {
        Some(true) => StepState::Done { figure: String::new() },
        Some(false) => StepState::Failed { message: String::new(), next: String::new() },
        None => StepState::NotRun,
    };
    state_mark(ui, &state);
}

/// A message with a bar of its colour at the left.
pub fn note(ui: &mut Ui, colour: Color32, title: &str, text: &str) {
    let p = theme::palette(ui);
    let inner = Frame::new()
        .fill(p.card)
        .corner_radius(CornerRadius::same(theme::ROUND))
        .inner_margin(Margin { left: 14, right: 10, top: 8, bottom: 8 })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = HALF;
            if !title.is_empty() {
                ui.label(RichText::new(title).family(theme::semibold()).color(colour));
            }
            ui.label(text);
        });
    let rect = inner.response.rect;
    let bar = egui::Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
    ui.painter().rect_filled(bar, CornerRadius { nw: theme::ROUND, sw: theme::ROUND, ne: 0, se: 0 }, colour);
}

/// One parameter: label, value with unit, slider, a dot that resets it.
pub fn parameter(ui: &mut Ui, setting: &Setting, enabled: bool, actions: &mut Vec<Action>) {
    let spec = setting.spec;
    let path = setting.path();
    let tip = format!("{}\n\n{} = {}", spec.help, path, plain(&setting.current));
    ui.add_enabled_ui(enabled, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        match spec.kind {
            ParameterKind::Number { min, max, step } => {
                let value = setting.current.as_f64().unwrap_or(min);
                let decimals = decimals_of(step);
                number(ui, setting, &tip, value, (min, max, step), decimals, actions, Value::from);
            }
            ParameterKind::Whole { min, max } => {
                let value = setting.current.as_f64().unwrap_or(min as f64);
                let range = (min as f64, max as f64, 1.0);
                number(ui, setting, &tip, value, range, 0, actions, |v| Value::from(v.round() as i64));
            }
            ParameterKind::Choice(words) => {
                title(ui, setting, &tip, actions);
                let current = setting.current.as_str().unwrap_or_default();
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing = Vec2::splat(HALF);
                    for word in words {
                        let button = Button::selectable(*word == current, *word).min_size(vec2(64.0, theme::CONTROL));
                        let response = ui.add(button).on_hover_text(&tip);
                        let chosen = *word == current;
                        let name = format!("{}: {word}", spec.label);
                        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, chosen, &name));
                        if response.clicked() && !chosen {
                            actions.push(Action::Set(path.clone(), Value::from(*word)));
                        }
                    }
                });
            }
            ParameterKind::Switch => {
                let mut on = setting.current.as_bool().unwrap_or_default();
                if ui.checkbox(&mut on, spec.label).on_hover_text(&tip).changed() {
                    actions.push(Action::Set(path.clone(), Value::from(on)));
                }
            }
        }
    });
    ui.add_space(HALF);
}

/// Label left; the reset dot right of it when the value is not the default.
fn title(ui: &mut Ui, setting: &Setting, tip: &str, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(setting.spec.label).on_hover_text(tip);
        reset_dot(ui, setting, actions);
    });
}

fn reset_dot(ui: &mut Ui, setting: &Setting, actions: &mut Vec<Action>) {
    if !setting.is_changed() {
        return;
    }
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::click());
    let name = format!("Reset {}", setting.spec.label);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let p = theme::palette(ui);
    ui.painter().circle_filled(rect.center(), if response.hovered() { 5.0 } else { 3.5 }, p.accent);
    let response = response.on_hover_text(format!("Back to {}", plain(&setting.default)));
    if response.clicked() {
        actions.push(Action::Reset(setting.path()));
    }
}

#[expect(clippy::too_many_arguments, reason = "one row of a table, used for two kinds of number")]
fn number(
    ui: &mut Ui,
    setting: &Setting,
    tip: &str,
    value: f64,
    (min, max, step): (f64, f64, f64),
    decimals: usize,
    actions: &mut Vec<Action>,
    json: impl Fn(f64) -> Value,
) {
    let spec = setting.spec;
    let path = setting.path();
    let unit = if spec.unit.is_empty() { String::new() } else { format!(" {}", spec.unit) };
    let mut typed = value;
    let mut ask = |response: &Response, v: f64| {
        if response.dragged() && response.changed() {
            actions.push(Action::Drag(path.clone(), json(v)));
        } else if response.changed() {
            actions.push(Action::Set(path.clone(), json(v)));
        }
        if response.drag_stopped() {
            actions.push(Action::EndDrag);
        }
    };
    let mut slid = value;
    ui.horizontal(|ui| {
        ui.label(spec.label).on_hover_text(tip);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let field = DragValue::new(&mut typed).range(min..=max).speed(step).fixed_decimals(decimals);
            // What is being typed is one change when it is done, not one a digit.
            let field = field.update_while_editing(false);
            let response = ui.add(field.suffix(&unit));
            let name = format!("{} value", spec.label);
            response.widget_info(|| {
                let mut info = WidgetInfo::drag_value(enabled_of(&response), value);
                info.label = Some(name.clone());
                info
            });
            ask(&response, typed);
            response.on_hover_text(tip);
        });
    });
    slim_slider(ui);
    ui.spacing_mut().slider_width = ui.available_width();
    // Only a hand on it changes the value: one that lies between two steps stays as it is.
    let slider = Slider::new(&mut slid, min..=max).step_by(step).fixed_decimals(decimals).show_value(false);
    let slider = slider.clamping(egui::SliderClamping::Edits);
    let response = ui.add(slider);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Slider, enabled_of(&response), spec.label);
        info.value = Some(value);
        info
    });
    ask(&response, slid);
    response.on_hover_text(tip);
    reset_dot_at_end(ui, setting, actions);
}

/// Sliders of this ui get a small handle.
pub fn slim_slider(ui: &mut Ui) {
    ui.spacing_mut().interact_size.y = 18.0;
}

fn reset_dot_at_end(ui: &mut Ui, setting: &Setting, actions: &mut Vec<Action>) {
    if setting.is_changed() {
        ui.horizontal(|ui| {
            reset_dot(ui, setting, actions);
            hint(ui, format!("default {}", plain(&setting.default)));
        });
    }
}

fn enabled_of(response: &Response) -> bool {
    response.enabled()
}

/// Digits after the point that a step needs.
fn decimals_of(step: f64) -> usize {
    (0..4).find(|&d| (step * 10f64.powi(d)).fract().abs() < 1e-9).unwrap_or(3) as usize
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A small swatch of a body's colour.
pub fn swatch(ui: &Ui, rect: egui::Rect, colour: [f32; 3]) {
    let [r, g, b] = colour.map(|v| (v * 255.0) as u8);
    ui.painter().rect_filled(rect, 3.0, Color32::from_rgb(r, g, b));
    ui.painter().rect_stroke(rect, 3.0, Stroke::new(1.0, theme::palette(ui).line), StrokeKind::Inside);
}

/// A key as a small cap.
pub fn key_cap(ui: &mut Ui, text: &str) {
    let p = theme::palette(ui);
    let font = FontId::proportional(theme::SMALL);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, p.text);
    let size = vec2((galley.size().x + 2.0 * HALF + 2.0).max(22.0), 20.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect(rect, 4.0, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
    let at = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    ui.painter().galley(at, galley, p.text);
}

/// The frame of a dialog.
pub fn dialog_frame(ctx: &egui::Context) -> Frame {
    Frame::popup(&ctx.global_style()).inner_margin(Margin::same(20)).corner_radius(CornerRadius::same(12))
}

/// One step of the grid between groups.
pub fn gap(ui: &mut Ui) {
    ui.add_space(GRID);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_a_tenth_shows_one_digit() {
        assert_eq!([1.0, 10.0, 0.5, 0.1, 0.01].map(decimals_of), [0, 0, 1, 1, 2]);
    }
}
