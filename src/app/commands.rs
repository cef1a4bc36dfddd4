//! Every action of the window, once: menu, search, keys, help and the manual's table are made from this list.

use egui::{Key, KeyboardShortcut, Modifiers};

/// An action. Its place in [`Command::ALL`] is its place in menus and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    NewCase,
    Open,
    OpenSample,
    Save,
    SaveAs,
    Export,
    Quit,
    Undo,
    Redo,
    ResetStep,
    ClearCorrections,
    Next,
    RunAll,
    Compare,
    Stop,
    StepScan,
    StepSkull,
    StepDefect,
    StepReconstruct,
    StepImplant,
    StepExport,
    ResetView,
    ViewFront,
    ViewBack,
    ViewLeft,
    ViewRight,
    ViewTop,
    ViewBottom,
    MaximiseView,
    FoldSides,
    LayerSkull,
    LayerReconstruction,
    LayerImplant,
    LayerRim,
    SliceUp,
    SliceDown,
    WindowBone,
    WindowBrain,
    WindowSoft,
    WindowTemporal,
    WindowWide,
    ToolCross,
    ToolWindow,
    ToolMeasure,
    ToolPaintIn,
    ToolPaintOut,
    ToolRim,
    BrushBigger,
    BrushSmaller,
    ClearMeasures,
    Theme,
    Find,
    Keys,
    About,
}

/// Where a command stands in the menu bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    File,
    Edit,
    Road,
    View,
    Slices,
    Tools,
    Help,
}

impl Group {
    /// All menus, left to right.
    pub const ALL: [Group; 7] =
        [Group::File, Group::Edit, Group::Road, Group::View, Group::Slices, Group::Tools, Group::Help];

    /// The menu's title.
    pub fn label(self) -> &'static str {
        match self {
            Group::File => "File",
            Group::Edit => "Edit",
            Group::Road => "Road",
            Group::View => "View",
            Group::Slices => "Slices",
            Group::Tools => "Tools",
            Group::Help => "Help",
        }
    }
}

/// What people read about a command, and its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// The command.
    pub command: Command,
    /// Stable name (tests, the manual's anchors).
    pub name: &'static str,
    /// Words in menus and on buttons.
    pub label: &'static str,
    /// One sentence: what it does.
    pub tooltip: &'static str,
    /// Its menu.
    pub group: Group,
    /// Its keys; the first is shown.
    pub keys: &'static [KeyboardShortcut],
}

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}
const fn plain(k: Key) -> KeyboardShortcut {
    key(Modifiers::NONE, k)
}
const fn ctrl(k: Key) -> KeyboardShortcut {
    key(Modifiers::COMMAND, k)
}
const fn shift(k: Key) -> KeyboardShortcut {
    key(Modifiers::SHIFT, k)
}
const fn alt(k: Key) -> KeyboardShortcut {
    key(Modifiers::ALT, k)
}
const fn ctrl_shift(k: Key) -> KeyboardShortcut {
    key(Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true }, k)
}

macro_rules! table {
    ($($command:ident $name:literal $group:ident $label:literal [$($keys:expr),*] $tooltip:literal;)*) => {
        const TABLE: &[Spec] = &[$(Spec {
            command: Command::$command,
            name: $name,
            label: $label,
            tooltip: $tooltip,
            group: Group::$group,
            keys: &[$($keys),*],
        }),*];
        impl Command {
            /// All commands, in the order of the menus.
            pub const ALL: &[Command] = &[$(Command::$command),*];
        }
    };
}

table! {
    NewCase "new" File "New case" [ctrl(Key::N)] "Start with an empty case; the present one stays in the recent cases.";
    Open "open" File "Open…" [ctrl(Key::O)] "Open a scan (file or folder) or a saved case.";
    OpenSample "sample" File "Open sample" [ctrl_shift(Key::O)] "Open the sample head, or a made-up one where the sample is not installed.";
    Save "save" File "Save" [ctrl(Key::S)] "Save the case where it was saved last.";
    SaveAs "save-as" File "Save as…" [ctrl_shift(Key::S)] "Save the case to a file of your choice.";
    Export "export" File "Export…" [ctrl(Key::E)] "Write the part, the masks and the report into a folder.";
    Quit "quit" File "Quit" [ctrl(Key::Q)] "Close the window; the case is kept as it is.";

    Undo "undo" Edit "Undo" [ctrl(Key::Z)] "Take back the last change.";
    Redo "redo" Edit "Redo" [ctrl(Key::Y), ctrl_shift(Key::Z)] "Do again what was taken back.";
    ResetStep "reset-step" Edit "Reset parameters of this step" [ctrl(Key::Backspace)] "Put every parameter of the chosen step back to its default.";
    ClearCorrections "clear-corrections" Edit "Clear corrections" [ctrl(Key::Delete)] "Drop every painted or drawn correction of the defect.";

    Next "next" Road "Do the next step" [plain(Key::Enter)] "Do what the big button says.";
    RunAll "run-all" Road "Run all" [ctrl(Key::Enter), plain(Key::F5)] "Do every step that is not done, to the finished part.";
    Compare "compare" Road "Compare methods…" [plain(Key::V)] "Complete the bone by several methods and show them side by side, with maps of their differences.";
    Stop "stop" Road "Stop, leave tool" [plain(Key::Escape)] "Stop the running step, leave the tool, or close what is open.";
    StepScan "step-scan" Road "Show scan" [ctrl(Key::Num1)] "Show what is known about the scan.";
    StepSkull "step-skull" Road "Show skull" [ctrl(Key::Num2)] "Show the parameters of the skull.";
    StepDefect "step-defect" Road "Show defect" [ctrl(Key::Num3)] "Show the parameters and corrections of the defect.";
    StepReconstruct "step-reconstruct" Road "Show reconstruction" [ctrl(Key::Num4)] "Show the parameters of the reconstruction.";
    StepImplant "step-implant" Road "Show implant" [ctrl(Key::Num5)] "Show the parameters of the implant.";
    StepExport "step-export" Road "Show export" [ctrl(Key::Num6)] "Show what was written and where to write.";

    ResetView "reset-view" View "Reset views" [plain(Key::R)] "Show the whole head again in every view.";
    ViewFront "view-front" View "From the front" [plain(Key::Num1)] "Look at the head from the front.";
    ViewBack "view-back" View "From the back" [shift(Key::Num1)] "Look at the head from the back.";
    ViewLeft "view-left" View "From the left" [plain(Key::Num3)] "Look at the head from the patient's left.";
    ViewRight "view-right" View "From the right" [shift(Key::Num3)] "Look at the head from the patient's right.";
    ViewTop "view-top" View "From above" [plain(Key::Num7)] "Look at the head from above.";
    ViewBottom "view-bottom" View "From below" [shift(Key::Num7)] "Look at the head from below.";
    MaximiseView "maximise" View "Maximise view" [plain(Key::Space)] "Show the view under the pointer alone, or all four again.";
    FoldSides "fold" View "Fold side columns" [plain(Key::F9)] "Hide or show the columns left and right of the views.";
    LayerSkull "layer-skull" View "Show or hide skull" [plain(Key::S)] "Switch the skull on and off.";
    LayerReconstruction "layer-reconstruction" View "Show or hide reconstruction" [plain(Key::C)] "Switch the completed bone on and off.";
    LayerImplant "layer-implant" View "Show or hide implant" [plain(Key::I)] "Switch the implant on and off.";
    LayerRim "layer-rim" View "Show or hide rim" [plain(Key::L)] "Switch the rim of the defect on and off.";
    Theme "theme" View "Light or dark" [plain(Key::F8)] "Change between the light and the dark theme.";

    SliceUp "slice-up" Slices "Next slice" [plain(Key::ArrowUp), plain(Key::F)] "One slice further in the view under the pointer.";
    SliceDown "slice-down" Slices "Previous slice" [plain(Key::ArrowDown), plain(Key::B)] "One slice back in the view under the pointer.";
    WindowBone "window-bone" Slices "Bone window" [alt(Key::Num1)] "Grey values for bone: width 2000, centre 500 HU.";
    WindowBrain "window-brain" Slices "Brain window" [alt(Key::Num2)] "Grey values for brain: width 80, centre 40 HU.";
    WindowSoft "window-soft" Slices "Soft tissue window" [alt(Key::Num3)] "Grey values for soft tissue: width 400, centre 40 HU.";
    WindowTemporal "window-temporal" Slices "Temporal bone window" [alt(Key::Num4)] "Grey values for dense bone: width 3400, centre 650 HU.";
    WindowWide "window-wide" Slices "Wide window" [alt(Key::Num5)] "Grey values for metal and sinuses: width 4000, centre 400 HU.";

    ToolCross "tool-cross" Tools "Cross-hair" [plain(Key::X)] "Click or drag in a slice to move the cross-hair of all views.";
    ToolWindow "tool-window" Tools "Window by drag" [plain(Key::W)] "Drag in a slice: sideways for width, up and down for centre.";
    ToolMeasure "tool-measure" Tools "Measure distance" [plain(Key::M)] "Click two points in a slice; the distance stands beside them in mm.";
    ToolPaintIn "tool-paint-in" Tools "Paint defect in" [plain(Key::A)] "Paint on bone or slices what belongs to the defect.";
    ToolPaintOut "tool-paint-out" Tools "Paint defect out" [plain(Key::E)] "Paint on bone or slices what does not belong to the defect.";
    ToolRim "tool-rim" Tools "Draw rim" [plain(Key::D)] "Click around the hole on the 3-D bone; a click on the first point, or Enter, closes the rim.";
    BrushBigger "brush-bigger" Tools "Bigger brush" [plain(Key::CloseBracket), plain(Key::Plus)] "Make the brush 1 mm bigger.";
    BrushSmaller "brush-smaller" Tools "Smaller brush" [plain(Key::OpenBracket), plain(Key::Minus)] "Make the brush 1 mm smaller.";
    ClearMeasures "clear-measures" Tools "Clear measurements" [plain(Key::Delete)] "Remove every measured distance.";

    Find "find" Help "Find a command…" [ctrl(Key::K)] "Type a few letters of any command and press Enter.";
    Keys "keys" Help "Keys" [plain(Key::Questionmark), plain(Key::F1)] "List every command with its key.";
    About "about" Help "About Calvaria" [ctrl(Key::F1)] "Version, licences and purpose.";
}

impl Command {
    /// Words and keys of the command.
    pub fn spec(self) -> &'static Spec {
        TABLE.iter().find(|s| s.command == self).expect("a test holds that every command is in the table")
    }

    /// Words of the command.
    pub fn label(self) -> &'static str {
        self.spec().label
    }

    /// The first key as people write it, empty for none.
    pub fn key_text(self) -> String {
        self.spec().keys.first().map(key_text).unwrap_or_default()
    }

    /// The sentence and the key, for a tooltip.
    pub fn hint(self) -> String {
        let spec = self.spec();
        match spec.keys.is_empty() {
            true => spec.tooltip.to_owned(),
            false => format!("{}\n{}", spec.tooltip, spec.keys.iter().map(key_text).collect::<Vec<_>>().join(" or ")),
        }
    }

    /// The command whose key was pressed, taken out of the input; `None` for no key of ours.
    pub fn pressed(input: &mut egui::InputState) -> Option<Command> {
        let found = input.events.iter().enumerate().find_map(|(i, event)| {
            let egui::Event::Key { key, physical_key, pressed: true, modifiers, .. } = event else { return None };
            TABLE
                .iter()
                .find(|s| s.keys.iter().any(|k| hits(k, *key, *physical_key, *modifiers)))
                .map(|s| (i, s.command))
        });
        let (i, command) = found?;
        input.events.remove(i);
        Some(command)
    }
}

/// Whether a key event is a shortcut. Digits also match by place, so that Shift+keypad works without a number lock.
fn hits(shortcut: &KeyboardShortcut, key: Key, physical: Option<Key>, held: Modifiers) -> bool {
    let want = shortcut.modifiers;
    let symbol = matches!(
        shortcut.logical_key,
        Key::Questionmark | Key::Plus | Key::Minus | Key::OpenBracket | Key::CloseBracket
    );
    // Symbols sit under Shift or AltGr on many keyboards: the character decides, not the modifier.
    let modifiers = match symbol {
        true => !held.command && !held.ctrl,
        false => held.alt == want.alt && held.shift == want.shift && (held.command || held.ctrl) == want.command,
    };
    let digit = matches!(
        shortcut.logical_key,
        Key::Num1 | Key::Num2 | Key::Num3 | Key::Num4 | Key::Num5 | Key::Num6 | Key::Num7
    );
    modifiers && (key == shortcut.logical_key || (digit && physical == Some(shortcut.logical_key)))
}

/// A shortcut as people write it: "Ctrl+Shift+Z".
pub fn key_text(shortcut: &KeyboardShortcut) -> String {
    let m = shortcut.modifiers;
    let key = match shortcut.logical_key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Questionmark => "?",
        Key::Plus => "+",
        Key::Minus => "−",
        Key::ArrowUp => "Up",
        Key::ArrowDown => "Down",
        Key::Escape => "Esc",
        other => other.name(),
    };
    let parts = [(m.command, "Ctrl"), (m.alt, "Alt"), (m.shift, "Shift"), (true, key)];
    parts.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).collect::<Vec<_>>().join("+")
}

/// The table of all commands and keys in Markdown, for the manual.
pub fn key_table() -> String {
    let mut text = String::from("| menu | command | keys | what it does |\n| --- | --- | --- | --- |\n");
    for group in Group::ALL {
        for spec in TABLE.iter().filter(|s| s.group == group) {
            let keys = spec.keys.iter().map(key_text).collect::<Vec<_>>().join(", ");
            text.push_str(&format!("| {} | {} | {keys} | {} |\n", group.label(), spec.label, spec.tooltip));
        }
    }
    text
}

/// Commands whose label or sentence holds every word typed, best first.
pub fn search(typed: &str) -> Vec<Command> {
    let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut found: Vec<(usize, Command)> = Vec::new();
    for spec in TABLE {
        let label = spec.label.to_lowercase();
        let all = format!("{label} {} {}", spec.name, spec.tooltip.to_lowercase());
        if words.iter().all(|w| all.contains(w.as_str())) {
            let in_label = words.iter().filter(|w| label.contains(w.as_str())).count();
            let starts = usize::from(words.first().is_some_and(|w| label.starts_with(w.as_str())));
            found.push((2 * in_label + starts, spec.command));
        }
    }
    found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    found.into_iter().map(|(_, command)| command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_command_has_words_a_key_and_a_place() {
        assert_eq!(TABLE.len(), Command::About as usize + 1, "the table holds every variant");
        let mut names = HashSet::new();
        for spec in TABLE {
            assert!(names.insert(spec.name), "{} twice", spec.name);
            assert!(!spec.keys.is_empty(), "{} has no key", spec.name);
            assert!(spec.tooltip.ends_with('.'), "{}: a sentence", spec.name);
            assert_eq!(spec.command.spec().name, spec.name);
        }
    }

    #[test]
    fn no_key_means_two_things() {
        let mut seen = HashSet::new();
        for spec in TABLE {
            for k in spec.keys {
                assert!(seen.insert(key_text(k)), "{} is used twice ({})", key_text(k), spec.name);
            }
        }
    }

    #[test]
    fn the_keypad_with_shift_looks_from_the_other_side() {
        let k = shift(Key::Num1);
        assert!(hits(&k, Key::End, Some(Key::Num1), Modifiers::SHIFT));
        assert!(!hits(&plain(Key::Num1), Key::End, Some(Key::Num1), Modifiers::SHIFT));
        assert!(hits(&plain(Key::Questionmark), Key::Questionmark, Some(Key::Slash), Modifiers::SHIFT));
    }

    #[test]
    fn search_finds_by_words_in_any_order() {
        assert_eq!(search("measure").first(), Some(&Command::ToolMeasure));
        assert_eq!(search("window bone").first(), Some(&Command::WindowBone));
        assert!(search("no such thing at all").is_empty());
        assert_eq!(search("").len(), TABLE.len());
    }

    #[test]
    fn the_manual_lists_every_command() {
        assert_eq!(key_table().lines().count(), TABLE.len() + 2);
    }
}
