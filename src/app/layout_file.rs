//! A test aid: with `CALVARIA_TEST_LAYOUT_FILE=path` the window writes after each frame where every named control is
//! and what it says, so that injected input is computed and not guessed. Off otherwise.

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// The environment variable that switches it on.
pub const VARIABLE: &str = "CALVARIA_TEST_LAYOUT_FILE";

/// Writes the accessible tree of each frame.
pub struct LayoutFile {
    path: PathBuf,
    /// Figures of the window's own, put beside the controls.
    pub facts: Value,
}

impl LayoutFile {
    /// The aid, when asked for by the environment.
    pub fn from_environment() -> Option<Self> {
        let path = std::env::var_os(VARIABLE).filter(|v| !v.is_empty())?;
        Some(Self { path: path.into(), facts: Value::Null })
    }
}

impl egui::Plugin for LayoutFile {
    fn debug_name(&self) -> &'static str {
        "layout file"
    }

    fn setup(&mut self, ctx: &egui::Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, ctx: &egui::Context, output: &mut egui::FullOutput) {
        let Some(tree) = &output.platform_output.accesskit_update else { return };
        let scale = f64::from(ctx.pixels_per_point());
        let controls: Vec<Value> = tree
            .nodes
            .iter()
            .filter_map(|(_, node)| {
                let name = node.label().or(node.value())?;
                let r = node.bounds()?;
                let rect = [r.x0, r.y0, r.x1, r.y1].map(|v| v * scale);
                Some(json!({
                    "name": name,
                    "value": node.value(),
                    "role": format!("{:?}", node.role()),
                    "disabled": node.is_disabled(),
                    "rect": rect,
                }))
            })
            .collect();
        let text = json!({ "facts": self.facts, "controls": controls }).to_string();
        let aside = self.path.with_extension("part");
        // A reader sees the old or the new file; a failure shows there as a file that does not change.
        if fs::write(&aside, text).is_ok() {
            let _ = fs::rename(&aside, &self.path);
        }
    }
}
