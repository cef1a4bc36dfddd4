//! Every colour, size and distance of the window in one place: an 8-px grid, two text sizes and a heading, one accent.

use egui::epaint::text::{FontInsert, FontPriority, InsertFontFamily};
use egui::{Color32, CornerRadius, FontData, FontFamily, FontId, Margin, Stroke, TextStyle, Theme, Vec2};

/// One step of the grid, points.
pub const GRID: f32 = 8.0;
/// Half a step, for things that belong together.
pub const HALF: f32 = 4.0;
/// Size of plain text, points.
pub const BODY: f32 = 14.0;
/// Size of figures' labels, hints and the status line, points.
pub const SMALL: f32 = 12.0;
/// Size of headings, points.
pub const HEADING: f32 = 18.0;
/// Rounding of cards and buttons, points.
pub const ROUND: u8 = 6;
/// Height of a control, points.
pub const CONTROL: f32 = 28.0;

/// The semibold weight of the shipped font.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// The colours of one theme; `tests` hold every text pair at a contrast of at least 4.5:1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Behind everything.
    pub ground: Color32,
    /// Side columns and bars.
    pub panel: Color32,
    /// Cards on a panel, fields, resting buttons.
    pub card: Color32,
    /// Buttons under the pointer.
    pub raised: Color32,
    /// Hairlines.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Labels and hints.
    pub weak: Color32,
    /// The one accent: the next sensible thing, what is chosen, the slider's value.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// What is chosen, behind text.
    pub chosen: Color32,
    /// Passed.
    pub ok: Color32,
    /// To look at.
    pub warn: Color32,
    /// Failed.
    pub error: Color32,
    /// Under way, and notes.
    pub info: Color32,
    /// 3-D background at the middle and at the corners.
    pub stage: [Color32; 2],
    /// Letters and scale bar on the 3-D background.
    pub on_stage: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Dark: for reading images.
pub const DARK: Palette = Palette {
    ground: rgb(0x0f_1114),
    panel: rgb(0x17_1a1f),
    card: rgb(0x20_242b),
    raised: rgb(0x2a_2f38),
    line: rgb(0x2d_333c),
    text: rgb(0xe7_eaee),
    weak: rgb(0xa3_acb8),
    accent: rgb(0x5c_c4d4),
    on_accent: rgb(0x08_1e23),
    chosen: rgb(0x1d_3a42),
    ok: rgb(0x7b_d39b),
    warn: rgb(0xf0_c35a),
    error: rgb(0xff_9587),
    info: rgb(0x8d_bdff),
    stage: [rgb(0x3a_3e45), rgb(0x1c_1f24)],
    on_stage: rgb(0xd9_dee5),
};

/// Light: for bright rooms and print-like pictures.
pub const LIGHT: Palette = Palette {
    ground: rgb(0xe9_ecef),
    panel: rgb(0xf7_f8fa),
    card: rgb(0xff_ffff),
    raised: rgb(0xea_eef2),
    line: rgb(0xd5_dae1),
    text: rgb(0x1a_1f26),
    weak: rgb(0x53_5d6a),
    accent: rgb(0x0b_6b7b),
    on_accent: rgb(0xff_ffff),
    chosen: rgb(0xd3_eaee),
    ok: rgb(0x17_6c3c),
    warn: rgb(0x80_5300),
    error: rgb(0xb0_261d),
    info: rgb(0x1d_5cab),
    stage: [rgb(0xfa_fbfc), rgb(0xdd_e2e8)],
    on_stage: rgb(0x2a_313a),
};

/// Frame and cross-hair colours of the planes, as 3D Slicer has them: axial red, coronal green, sagittal yellow.
pub const PLANES: [Color32; 3] = [rgb(0xe5_5a5a), rgb(0x57_b56b), rgb(0xe0_bf4a)];

/// Bone on maps.
pub const BONE: Color32 = rgb(0xe2_d6c0);

/// A signed difference on maps, −1 (deeper, blue) over 0 (grey) to 1 (prouder, red): ColorBrewer's RdBu, told apart by
/// colour-blind readers too.
pub fn difference(share: f32) -> Color32 {
    let full = if share > 0.0 { [178.0, 24.0, 43.0] } else { [33.0, 102.0, 172.0] };
    // Little differences are pale but seen.
    let strength = share.abs().min(1.0).powf(0.7);
    let [r, g, b] = full.map(|c: f32| (236.0 + (c - 236.0) * strength).round() as u8);
    Color32::from_rgb(r, g, b)
}

/// Colours of the bodies in 3-D and on the slices, see [`crate::app::layers`].
pub mod bodies {
    /// Warm ivory bone.
    pub const SKULL: [f32; 3] = [0.91, 0.86, 0.77];
    /// Translucent amber: what was there.
    pub const RECONSTRUCTION: [f32; 3] = [0.95, 0.67, 0.27];
    /// Clear cool blue-green: the part.
    pub const IMPLANT: [f32; 3] = [0.25, 0.72, 0.76];
    /// A crisp line around the hole.
    pub const RIM: [f32; 3] = [0.93, 0.30, 0.42];
}

/// The palette of the theme in force.
pub fn palette(ui: &egui::Ui) -> &'static Palette {
    of(if ui.visuals().dark_mode { Theme::Dark } else { Theme::Light })
}

/// The palette of a theme.
pub fn of(theme: Theme) -> &'static Palette {
    match theme {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    }
}

/// Puts fonts and both themes into a context; once, at the start.
pub fn install(ctx: &egui::Context) {
    let add = |name: &str, bytes: &'static [u8], families: Vec<InsertFontFamily>| {
        ctx.add_font(FontInsert::new(name, FontData::from_static(bytes), families));
    };
    let first = |family| InsertFontFamily { family, priority: FontPriority::Highest };
    let last = |family| InsertFontFamily { family, priority: FontPriority::Lowest };
    let regular = include_bytes!("../../assets/fonts/CalvariaSans-Regular.otf");
    let bold = include_bytes!("../../assets/fonts/CalvariaSans-SemiBold.otf");
    add("calvaria-semibold", bold, vec![first(semibold())]);
    add("calvaria", regular, vec![first(FontFamily::Proportional), last(semibold())]);
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| apply(style, of(theme)));
    }
}

fn apply(style: &mut egui::Style, p: &Palette) {
    let text = |size: f32| FontId::new(size, FontFamily::Proportional);
    style.text_styles.insert(TextStyle::Body, text(BODY));
    style.text_styles.insert(TextStyle::Button, text(BODY));
    style.text_styles.insert(TextStyle::Small, text(SMALL));
    style.text_styles.insert(TextStyle::Monospace, text(BODY)); // tabular figures make a second family unnecessary
    style.text_styles.insert(TextStyle::Heading, FontId::new(HEADING, semibold()));
    style.drag_value_text_style = TextStyle::Body;
    style.animation_time = 0.12;

    let s = &mut style.spacing;
    s.item_spacing = Vec2::new(GRID, GRID);
    s.button_padding = Vec2::new(GRID + HALF, HALF);
    s.interact_size = Vec2::new(CONTROL, CONTROL);
    s.window_margin = Margin::same(16);
    s.menu_margin = Margin::same(6);
    s.slider_rail_height = 4.0;
    s.icon_width = 16.0;
    s.tooltip_width = 320.0;
    s.menu_spacing = 2.0;
    s.scroll.floating = true;

    let v = &mut style.visuals;
    let round = CornerRadius::same(ROUND);
    v.override_text_color = None;
    v.weak_text_color = Some(p.weak);
    v.panel_fill = p.panel;
    v.window_fill = p.panel;
    v.window_stroke = Stroke::new(1.0, p.line);
    v.window_corner_radius = CornerRadius::same(10);
    v.menu_corner_radius = CornerRadius::same(8);
    v.extreme_bg_color = p.ground;
    v.text_edit_bg_color = Some(p.ground);
    v.faint_bg_color = p.card;
    v.code_bg_color = p.card;
    v.hyperlink_color = p.accent;
    v.warn_fg_color = p.warn;
    v.error_fg_color = p.error;
    v.slider_trailing_fill = true;
    v.selection.bg_fill = p.chosen;
    v.selection.stroke = Stroke::new(1.5, p.accent);
    v.handle_shape = egui::style::HandleShape::Circle;

    let widgets = &mut v.widgets;
    for (w, fill, line, fg) in [
        (&mut widgets.noninteractive, p.panel, p.line, p.text),
        (&mut widgets.inactive, p.card, p.line, p.text),
        (&mut widgets.hovered, p.raised, p.weak, p.text),
        (&mut widgets.active, p.raised, p.accent, p.text),
        (&mut widgets.open, p.raised, p.line, p.text),
    ] {
        w.bg_fill = fill;
        w.weak_bg_fill = fill;
        w.bg_stroke = Stroke::new(1.0, line);
        w.fg_stroke = Stroke::new(1.0, fg);
        w.corner_radius = round;
        w.expansion = 0.0;
    }
    // The slider's rail and handle need to be seen on a card.
    widgets.inactive.bg_fill = p.raised;
    widgets.inactive.fg_stroke = Stroke::new(1.5, p.text);
}

/// WCAG contrast of two opaque colours, 1 to 21.
#[cfg(test)]
fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |c: Color32| {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b())
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_of_black_and_white_is_21() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-3);
    }

    #[test]
    fn every_text_can_be_read_on_every_ground_it_stands_on() {
        for (name, p) in [("dark", DARK), ("light", LIGHT)] {
            let texts = [
                ("text", p.text),
                ("weak", p.weak),
                ("accent", p.accent),
                ("ok", p.ok),
                ("warn", p.warn),
                ("error", p.error),
                ("info", p.info),
            ];
            for (ground_name, ground) in
                [("ground", p.ground), ("panel", p.panel), ("card", p.card), ("raised", p.raised)]
            {
                for (text_name, text) in texts {
                    let c = contrast(text, ground);
                    assert!(c >= 4.5, "{name}: {text_name} on {ground_name} has {c:.2}");
                }
            }
            for (what, text, ground) in [
                ("text on chosen", p.text, p.chosen),
                ("accent on chosen", p.accent, p.chosen),
                ("weak on chosen", p.weak, p.chosen),
                ("text on accent", p.on_accent, p.accent),
                ("letters on the stage", p.on_stage, p.stage[0]),
                ("letters on the stage's corner", p.on_stage, p.stage[1]),
            ] {
                let c = contrast(text, ground);
                assert!(c >= 4.5, "{name}: {what} has {c:.2}");
            }
        }
    }

    #[test]
    fn plane_colours_show_on_black() {
        for colour in PLANES {
            assert!(contrast(colour, Color32::BLACK) >= 4.5);
        }
    }
}
