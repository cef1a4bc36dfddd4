use super::write::write_atomic;
use super::{Home, WriteError};
use std::fs;

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the window remembers between starts; no case data.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Id of the case shown last, see [`super::Case::restore`].
    pub last_case: Option<String>,
    /// The window's arrangement; its meaning is the window's own.
    pub layout: serde_json::Value,
}

impl Settings {
    /// Reads the settings; anything unreadable gives the defaults (they are no data of the user's work).
    pub fn load(home: &Home) -> Self {
        let text = fs::read_to_string(home.settings_file()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes the settings atomically.
    pub fn save(&self, home: &Home) -> Result<(), WriteError> {
        let text = serde_json::to_string_pretty(self).expect("settings are plain data with string keys");
        write_atomic(&home.settings_file(), text.as_bytes())
    }
}
