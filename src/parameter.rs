//! What a step's parameter is: one table a step makes the panel, `--set step.field=value`, the TOML and the manual.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// One field of a step's `Params`, described for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterSpec {
    /// The field's name in `Params`, with its unit as suffix.
    pub name: &'static str,
    /// What the panel calls it.
    pub label: &'static str,
    /// Unit shown after the value, empty for none.
    pub unit: &'static str,
    /// What values it takes.
    pub kind: ParameterKind,
    /// One or two sentences: what it does, and where default and range come from.
    pub help: &'static str,
}

/// The values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParameterKind {
    /// A real number within a range; `step` is one press of an arrow key.
    Number { min: f64, max: f64, step: f64 },
    /// A whole number within a range.
    Whole { min: i64, max: i64 },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Switch,
}

/// A step's parameters: plain data with serde, a default and a table of specs in the order of the fields.
pub trait Parameters: Serialize + DeserializeOwned + Default + Clone + PartialEq {
    /// One spec a field.
    const SPECS: &'static [ParameterSpec];

    /// The value of a field by name.
    fn value(&self, name: &str) -> Option<Value> {
        serde_json::to_value(self).ok()?.get(name).cloned()
    }

    /// The same parameters with one field changed; the value may be a JSON value or a string that says one.
    fn with(&self, name: &str, value: &Value) -> Result<Self, ParameterError> {
        let spec = Self::SPECS.iter().find(|s| s.name == name).ok_or_else(|| ParameterError::Unknown {
            name: name.to_owned(),
            known: Self::SPECS.iter().map(|s| s.name).collect::<Vec<_>>().join(", "),
        })?;
        let value = spec.checked(value)?;
        let mut all = serde_json::to_value(self).map_err(|e| ParameterError::Value(name.to_owned(), e.to_string()))?;
        all[name] = value;
        serde_json::from_value(all).map_err(|e| ParameterError::Value(name.to_owned(), e.to_string()))
    }

    /// Checks every field against its range (after reading a recipe from a file).
    fn check(&self) -> Result<(), ParameterError> {
        Self::SPECS.iter().try_for_each(|s| self.value(s.name).map_or(Ok(()), |v| s.checked(&v).map(|_| ())))
    }
}

/// Why a parameter was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ParameterError {
    /// No field of that name.
    #[error("no parameter is called {name}; known here: {known}")]
    Unknown { name: String, known: String },
    /// Not a value of the field's kind.
    #[error("{0}: {1}")]
    Value(String, String),
    /// Outside of the range.
    #[error("{name} = {value} is outside of {min} to {max}{unit}")]
    Range { name: String, value: f64, min: f64, max: f64, unit: String },
}

impl ParameterSpec {
    /// The value in the field's own type, or why it is refused.
    pub fn checked(&self, value: &Value) -> Result<Value, ParameterError> {
        let wrong = |expected: &str| ParameterError::Value(self.name.to_owned(), format!("{value} is not {expected}"));
        let text = value.as_str();
        match self.kind {
            ParameterKind::Number { min, max, .. } => {
                let v = value.as_f64().or_else(|| text?.trim().parse().ok()).ok_or_else(|| wrong("a number"))?;
                self.in_range(v, min, max)?;
                Ok(Value::from(v))
            }
            ParameterKind::Whole { min, max } => {
                let v = value.as_i64().or_else(|| text?.trim().parse().ok()).ok_or_else(|| wrong("a whole number"))?;
                self.in_range(v as f64, min as f64, max as f64)?;
                Ok(Value::from(v))
            }
            ParameterKind::Choice(words) => {
                let word = text.unwrap_or_default().trim().to_lowercase();
                if words.contains(&word.as_str()) {
                    Ok(Value::from(word))
                } else {
                    Err(wrong(&format!("one of {}", words.join(", "))))
                }
            }
            ParameterKind::Switch => {
                let parsed = match text.map(str::trim) {
                    Some("true" | "yes" | "on") => Some(true),
                    Some("false" | "no" | "off") => Some(false),
                    _ => value.as_bool(),
                };
                parsed.map(Value::from).ok_or_else(|| wrong("true or false"))
            }
        }
    }

    fn in_range(&self, value: f64, min: f64, max: f64) -> Result<(), ParameterError> {
        // A tolerance of f32 rounding: 0.6 read back as 0.60000002 is still 0.6.
        let slack = 1e-6 * (1.0 + max.abs());
        if value.is_finite() && value >= min - slack && value <= max + slack {
            return Ok(());
        }
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        Err(ParameterError::Range { name: self.name.to_owned(), value, min, max, unit })
    }
}
