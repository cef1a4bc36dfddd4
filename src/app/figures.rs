//! The right column: what is shown, the part's figures and checks, what the steps noticed.

use super::action::Action;
use super::layers::{Bodies, LISTED, LayerChange};
use super::road::compare_button;
use super::theme::{self, GRID, HALF};
use super::tools::Tools;
use super::widgets::{card, hint, note, section, slim_slider, swatch, verdict_mark};
use crate::case::{Case, Check, StepKind, findings};
use crate::view::LayerKind;
use egui::{Align, Layout, RichText, Role, ScrollArea, Sense, Slider, Ui, Vec2, WidgetInfo};

/// Draws the column.
pub fn show(ui: &mut Ui, case: &Case, bodies: &Bodies, tools: &Tools, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        section(ui, "Shown");
        card(ui, |ui| {
            for kind in LISTED {
                layer(ui, bodies, kind, actions);
            }
        });
        implant(ui, case);
        if !tools.measures.is_empty() {
            section(ui, "Measured");
            card(ui, |ui| {
                for m in &tools.measures {
                    row(ui, m.plane.name(), &m.text());
                }
            });
        }
        noticed(ui, case, actions);
        ui.add_space(GRID);
    });
}

fn layer(ui: &mut Ui, bodies: &Bodies, kind: LayerKind, actions: &mut Vec<Action>) {
    let now = bodies.shown(kind);
    let has = bodies.has(kind);
    ui.add_enabled_ui(has, |ui| {
        ui.horizontal(|ui| {
            let mut change = now;
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(18.0), Sense::click());
            swatch(ui, rect.shrink(1.0), if has { now.colour } else { now.colour.map(|v| v * 0.4) });
            response.widget_info(|| WidgetInfo::labeled(Role::Button, has, format!("Colour of {}", kind.name())));
            egui::Popup::menu(&response).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
                let mut rgb = now.colour.map(|v| (v * 255.0) as u8);
                let mut colour = egui::Color32::from_rgb(rgb[0], rgb[1], rgb[2]);
                if egui::color_picker::color_picker_color32(ui, &mut colour, egui::color_picker::Alpha::Opaque) {
                    rgb = [colour.r(), colour.g(), colour.b()];
                    change.colour = rgb.map(|v| f32::from(v) / 255.0);
                }
            });
            ui.checkbox(&mut change.visible, kind.name());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if kind == LayerKind::Rim {
                    return;
                }
                slim_slider(ui);
                ui.spacing_mut().slider_width = 72.0;
                let mut percent = now.opacity * 100.0;
                let slider = ui.add(Slider::new(&mut percent, 0.0..=100.0).step_by(5.0).show_value(false));
                slider.widget_info(|| WidgetInfo::labeled(Role::Slider, has, format!("Opacity of {}", kind.name())));
                change.opacity = percent / 100.0;
                slider.on_hover_text(format!("Opacity {percent:.0} %"));
            });
            if change != now {
                actions.push(Action::Layer(LayerChange { kind, ..change }));
            }
        });
    });
}

/// Label left, value right; a long value goes below.
fn row(ui: &mut Ui, label: &str, value: &str) {
    const LONG: usize = 22;
    if value.chars().count() > LONG {
        ui.label(RichText::new(label).color(theme::palette(ui).weak));
        ui.with_layout(Layout::top_down(Align::Max), |ui| ui.label(value));
        return;
    }
    ui.horizontal(|ui| {
        ui.label(RichText::new(label).color(theme::palette(ui).weak));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(value);
        });
    });
}

fn implant(ui: &mut Ui, case: &Case) {
    section(ui, "Implant");
    let Some(part) = &case.results().part else {
        card(ui, |ui| {
            hint(ui, "The part's figures and checks appear here once it is designed.");
        });
        return;
    };
    let stale = !case.state(StepKind::Implant).is_current();
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = HALF;
        if stale {
            let p = theme::palette(ui);
            let text = "Of the part before the last change";
            ui.label(RichText::new(text).size(theme::SMALL).color(p.warn));
        }
        for check in part.checks.iter().filter(|c| c.passed.is_none()) {
            row(ui, &figure_name(check), &figure_value(check));
        }
        if part.checks.iter().all(|c| c.passed.is_some()) {
            row(ui, "Volume", &format!("{:.1} cm³", part.implant.mesh.volume_mm3() / 1000.0));
        }
    });
    if part.checks.iter().any(|c| c.passed.is_some()) {
        section(ui, "Checks");
        card(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            for check in part.checks.iter().filter(|c| c.passed.is_some()) {
                ui.horizontal(|ui| {
                    verdict_mark(ui, check.passed);
                    ui.add(egui::Label::new(capital(&check.text)).wrap());
                });
            }
        });
    }
}

/// "volume" as a heading of a row.
fn figure_name(check: &Check) -> String {
    capital(&check.name.replace('_', " "))
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|c| c.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// The figure of a check, from its text where that begins with the name ("volume 21.4 cm³").
fn figure_value(check: &Check) -> String {
    let name = check.name.replace('_', " ");
    let text = check.text.trim();
    let rest = text.get(..name.len()).filter(|t| t.eq_ignore_ascii_case(&name)).map(|_| text[name.len()..].trim());
    rest.filter(|t| !t.is_empty()).unwrap_or(text).trim_start_matches([':', ' ']).to_owned()
}

fn noticed(ui: &mut Ui, case: &Case, actions: &mut Vec<Action>) {
    let all = findings(case.results());
    if all.is_empty() {
        return;
    }
    section(ui, "Findings");
    let p = *theme::palette(ui);
    // What is to know of the completed bone is judged beside the other methods.
    let last = all.iter().rposition(|(step, _)| *step == StepKind::Reconstruct);
    for (i, (step, finding)) in all.into_iter().enumerate() {
        note(ui, p.warn, step.label(), &finding.message);
        if last == Some(i) {
            compare_button(ui, case, actions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figures_row_does_not_say_its_name_twice() {
        let check = |name: &str, text: &str| Check {
            name: name.to_owned(),
            text: text.to_owned(),
            value: 1.0,
            unit: String::new(),
            passed: None,
        };
        assert_eq!(figure_value(&check("volume", "Volume 21.4 cm³")), "21.4 cm³");
        assert_eq!(figure_value(&check("weight", "27.8 g in PEEK")), "27.8 g in PEEK");
        assert_eq!(figure_name(&check("bone_overlap", "")), "Bone overlap");
    }
}
