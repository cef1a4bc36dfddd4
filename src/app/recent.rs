//! The list of recent cases, where a scan is asked for.

use super::action::Action;
use super::theme::{GRID, HALF};
use super::widgets::{hint, section};
use crate::case::Recent;
use egui::Ui;
use std::time::{Duration, SystemTime};

/// Draws the first `most` of them; cases of one scan are told apart by when they changed and where they were saved.
pub fn show(ui: &mut Ui, recent: &[Recent], most: usize, actions: &mut Vec<Action>) {
    if recent.is_empty() {
        return;
    }
    ui.add_space(GRID);
    section(ui, "Recent cases");
    for case in recent.iter().take(most) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = HALF;
            if ui.button(&case.name).clicked() {
                actions.push(Action::Restore(case.id.clone()));
            }
            let file = case.saved_to.as_ref().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
            let age = case.changed.and_then(|at| SystemTime::now().duration_since(at).ok()).map(ago);
            let words: Vec<String> = file.into_iter().chain(age).collect();
            hint(ui, words.join(" · "));
        });
    }
}

/// How long ago, in the largest unit that is whole.
fn ago(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    let (count, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_whole_units() {
        let words = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!([words(59), words(60), words(7_199)], ["just now", "1 minute ago", "1 hour ago"]);
        assert_eq!([words(7_200), words(172_800)], ["2 hours ago", "2 days ago"]);
    }
}
