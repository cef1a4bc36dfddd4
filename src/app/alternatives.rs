//! The methods side by side over the window: a card each, with a map of its difference, its figures and "Use this".

use super::action::Action;
use super::commands::Command;
use super::theme::{self, GRID, HALF};
use super::widgets::{accent_button, dialog_frame, hint, note};
use crate::case::{Alternative, Case, Comparing, Relief, SideBySide};
use egui::{
    Align, Align2, Color32, ColorImage, CornerRadius, FontId, Frame, Id, Layout, Margin, Modal, Rect, RichText, Role,
    ScrollArea, Sense, Stroke, TextureHandle, TextureOptions, Ui, WidgetInfo, pos2, vec2,
};
use std::sync::Arc;

/// Cards stand this many in a row where there is room, at least so wide and at most, points.
const ACROSS: usize = 4;
const CARD_WIDTH: std::ops::RangeInclusive<f32> = 176.0..=236.0;
/// Height of a card without its map, and of everything that is no card, points.
const WORDS: f32 = 168.0;
const AROUND: f32 = 232.0;
/// Side of a map, points.
const MAP: std::ops::RangeInclusive<f32> = 128.0..=212.0;

/// The cards, with the textures of what they show.
#[derive(Default)]
pub struct Cards {
    shown: Option<Arc<SideBySide>>,
    maps: Vec<TextureHandle>,
    /// Of the whole dialog, points.
    size: egui::Vec2,
}

impl Cards {
    /// Draws the cards, or how far the comparison is.
    pub fn show(&mut self, ctx: &egui::Context, case: &Case, actions: &mut Vec<Action>) {
        let room = ctx.content_rect().size();
        let response = Modal::new(Id::unique("alternatives")).frame(dialog_frame(ctx)).show(ctx, |ui| {
            let widest = ACROSS as f32 * CARD_WIDTH.end() + (ACROSS - 1) as f32 * GRID;
            ui.set_width((room.x - 88.0).min(widest));
            ui.label(RichText::new("Compare methods").text_style(egui::TextStyle::Heading));
            match case.comparing() {
                Comparing::Nothing => nothing(ui, case, actions),
                Comparing::Running { fraction, message } => running(ui, fraction, &message),
                Comparing::Failed { message, next } => {
                    let text = format!("{}\n{next}", super::road::sentence(&message));
                    note(ui, theme::palette(ui).error, "This did not work", &text);
                }
                Comparing::Done(both) => self.done(ui, room.y, case, both, actions),
            }
            ui.add_space(GRID);
            let word = if matches!(case.comparing(), Comparing::Running { .. }) { "Stop comparing" } else { "Close" };
            if ui.button(word).clicked() {
                actions.push(Action::Close);
            }
        });
        // A dialog stands where its last size put it: once more when that has changed, for no frame follows by itself.
        let size = response.response.rect.size();
        if size != self.size {
            self.size = size;
            ctx.request_repaint();
        }
        if response.should_close() {
            actions.push(Action::Close);
        }
    }

    fn done(&mut self, ui: &mut Ui, height: f32, case: &Case, both: Arc<SideBySide>, actions: &mut Vec<Action>) {
        let comparison = &both.comparison;
        let limit_mm = comparison.scale_mm();
        if !self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &both)) {
            let load =
                |relief: &Relief| ui.load_texture("difference", painted(relief, limit_mm), TextureOptions::LINEAR);
            self.maps = both.reliefs.iter().map(load).collect();
            self.shown = Some(both.clone());
        }
        ui.horizontal(|ui| {
            hint(ui, "The completed outer surface from outside; colour is its difference to auto.");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| colour_bar(ui, limit_mm));
        });
        // The scroll bar has its own room.
        let width = ui.available_width() - GRID;
        let across = ((width + GRID) / (CARD_WIDTH.start() + GRID)).floor().clamp(1.0, ACROSS as f32) as usize;
        let card_width = ((width - (across - 1) as f32 * GRID) / across as f32).floor();
        let rows = comparison.alternatives.len().div_ceil(across) as f32;
        let side = ((height - AROUND) / rows.min(2.0) - WORDS).clamp(*MAP.start(), *MAP.end()).min(card_width - 20.0);
        let used = case.alternative_in_use(comparison);
        // A dialog keeps the height it had while the work went on: the cards ask for theirs.
        let tall = (height - AROUND + GRID).max(160.0);
        ScrollArea::vertical().max_height(tall).min_scrolled_height(tall).show(ui, |ui| {
            for finding in &comparison.findings {
                note(ui, theme::palette(ui).warn, "To know", &finding.message);
            }
            let cards: Vec<_> = comparison.alternatives.iter().zip(&self.maps).enumerate().collect();
            for row in cards.chunks(across) {
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = GRID;
                    for (i, (alternative, map)) in row {
                        let chosen = used == Some(*i);
                        let layout = Layout::top_down(Align::Min);
                        ui.allocate_ui_with_layout(vec2(card_width, 0.0), layout, |ui| {
                            card(ui, alternative, map, side, *i == 0, chosen, || {
                                actions.push(Action::UseAlternative(*i))
                            });
                        });
                    }
                });
            }
            for skipped in &comparison.skipped {
                hint(ui, format!("{} gave no answer: {}.", skipped.name, skipped.why));
            }
        });
    }
}

fn nothing(ui: &mut Ui, case: &Case, actions: &mut Vec<Action>) {
    let text = match case.can_compare() {
        true => "The defect has changed since the methods were compared.",
        false => "Find the defect first: the methods are compared at its hole.",
    };
    hint(ui, text);
    ui.add_space(GRID);
    if accent_button(ui, "Compare", case.can_compare()).clicked() {
        actions.push(Action::Do(Command::Compare));
    }
}

fn running(ui: &mut Ui, fraction: f32, message: &str) {
    hint(ui, format!("{} · {:.0} %", super::road::sentence(message).trim_end_matches('.'), fraction * 100.0));
    ui.add_space(GRID);
    ui.add(egui::ProgressBar::new(fraction).desired_height(6.0).fill(theme::palette(ui).info));
}

/// One card: name, map, figures, button.
fn card(
    ui: &mut Ui,
    alternative: &Alternative,
    map: &TextureHandle,
    side: f32,
    reference: bool,
    chosen: bool,
    choose: impl FnOnce(),
) {
    let p = *theme::palette(ui);
    let name = alternative.name();
    let frame = Frame::new()
        .fill(if chosen { p.chosen } else { p.card })
        .stroke(if chosen { Stroke::new(1.5, p.accent) } else { Stroke::new(1.0, p.line) })
        .corner_radius(CornerRadius::same(theme::ROUND))
        .inner_margin(Margin::same(9));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = HALF;
        ui.horizontal(|ui| {
            ui.label(RichText::new(&name).family(theme::semibold()));
            if reference {
                hint(ui, "the reference");
            } else if alternative.is_drawn() {
                hint(ui, "drawn").on_hover_text("A shape drawn from what rim, atlas and other side leave open.");
            }
        });
        ui.vertical_centered(|ui| {
            let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(map.id(), rect, whole, Color32::WHITE);
            let words = match reference {
                true => format!("Surface of {name}"),
                false => format!("Map of {name}: at most {:.1} mm from auto", alternative.most_mm),
            };
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
            response.on_hover_text(words);
        });
        ui.spacing_mut().item_spacing.y = 2.0;
        for (label, value, tip) in figures(alternative, reference) {
            figure(ui, label, &value, tip);
        }
        ui.add_space(HALF);
        let size = vec2(ui.available_width(), theme::CONTROL);
        if chosen {
            let word = RichText::new("In use").family(theme::semibold()).color(p.accent);
            let response = ui.add_sized(size, egui::Label::new(word).selectable(false));
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("In use: {name}")));
        } else {
            let response = ui.add_sized(size, egui::Button::new("Use this"));
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Use this: {name}")));
            if response.clicked() {
                choose();
            }
        }
    });
}

/// The rows of a card: label, value, what it means.
fn figures(alternative: &Alternative, reference: bool) -> [(&'static str, String, &'static str); 4] {
    let mm = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.2} mm"));
    let kink = alternative.rim.map_or_else(|| "–".to_owned(), |r| format!("{:.1}°", r.kink_deg));
    let p95 = if reference { "–".to_owned() } else { format!("{:.2} mm", alternative.p95_mm) };
    [
        ("Step at rim", mm(alternative.rim.map(|r| r.step_mm)), STEP),
        ("Kink at rim", kink, KINK),
        ("Other side", mm(alternative.symmetry_mm), SYMMETRY),
        ("From auto, 95 %", p95, P95),
    ]
}

const STEP: &str =
    "Mean step between the bone around the hole and the method's own surface, before the two are joined.";
const KINK: &str = "Mean angle between the bone around the hole and the method's own surface.";
const SYMMETRY: &str =
    "Mean distance to the other side, mirrored and moved onto the rim; – where the other side is not seen.";
const P95: &str = "95 % of the hole is nearer than this to the surface of auto.";

fn figure(ui: &mut Ui, label: &str, value: &str, tip: &str) {
    let p = *theme::palette(ui);
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 17.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(label).size(theme::SMALL).color(p.weak)).on_hover_text(tip);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(value).size(13.0).color(p.text));
            });
        });
    });
}

/// The colours of the maps with their figures, drawn from the right.
fn colour_bar(ui: &mut Ui, limit_mm: f64) {
    let p = *theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(316.0, 18.0), Sense::hover());
    let words = format!("Colours from {limit_mm:.0} mm deeper to {limit_mm:.0} mm prouder than auto");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    response.on_hover_text(words);
    let bar = Rect::from_center_size(rect.center(), vec2(120.0, 10.0));
    let count = 60;
    for i in 0..count {
        let (from, to) = (i as f32 / count as f32, (i + 1) as f32 / count as f32);
        let x = |share: f32| bar.left() + share * bar.width();
        let strip = Rect::from_x_y_ranges(x(from)..=x(to), bar.y_range());
        ui.painter().rect_filled(strip, 0.0, theme::difference(from + to - 1.0));
    }
    let font = FontId::proportional(theme::SMALL);
    for (x, anchor, text) in [
        (bar.left() - 6.0, Align2::RIGHT_CENTER, format!("{limit_mm:.0} mm deeper")),
        (bar.right() + 6.0, Align2::LEFT_CENTER, format!("{limit_mm:.0} mm prouder")),
    ] {
        ui.painter().text(pos2(x, rect.center().y), anchor, text, font.clone(), p.weak);
    }
}

/// A relief in colours: bone around, the difference in the hole.
fn painted(relief: &Relief, limit_mm: f64) -> ColorImage {
    let one = |(&shade, &difference): (&f32, &f32)| {
        let base = match difference.is_nan() {
            true => theme::BONE,
            false => theme::difference(difference / limit_mm as f32),
        };
        let [r, g, b, _] = base.to_array().map(|v| (f32::from(v) * shade) as u8);
        Color32::from_rgb(r, g, b)
    };
    let pixels = relief.shade.iter().zip(&relief.difference_mm).map(one).collect();
    ColorImage::new([relief.side; 2], pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_bone_around_the_hole_and_tells_deep_from_proud() {
        let relief = Relief {
            side: 2,
            pixel_mm: 1.0,
            shade: vec![1.0, 1.0, 1.0, 0.5],
            difference_mm: vec![f32::NAN, 0.0, -3.0, 3.0],
        };
        let picture = painted(&relief, 3.0);
        assert_eq!(picture.size, [2, 2]);
        let [bone, same, deep, proud] = picture.pixels[..] else { panic!("four pixels") };
        assert_eq!(bone, theme::BONE);
        assert!(same.r().abs_diff(same.b()) < 12, "no difference has no colour");
        assert!(deep.b() > deep.r() + 60 && proud.r() > proud.b() + 30);
        assert!(proud.r() < theme::difference(1.0).r(), "in the shadow");
    }
}
