//! What a panel asks for. Panels draw from what they are given and change nothing themselves.

use super::commands::Command;
use super::layers::LayerChange;
use crate::case::Edit;
use crate::case::StepKind;
use serde_json::Value;
use std::path::PathBuf;

/// A wish of the user's, carried out after the frame.
#[derive(Clone, Debug)]
pub enum Action {
    /// Anything from the command table.
    Do(Command),
    /// Show a step's parameters under it.
    Choose(StepKind),
    /// Open a scan or a case.
    Open(PathBuf),
    /// Go on with a recent case.
    Restore(String),
    /// The scan of this case is here.
    Locate(PathBuf),
    /// Write the part's files into a folder.
    Export(PathBuf),
    /// Save the case to a file.
    SaveAs(PathBuf),
    /// Set a parameter as one change.
    Set(String, Value),
    /// One position of a dragged slider.
    Drag(String, Value),
    /// The slider was let go.
    EndDrag,
    /// Put a parameter back to its default.
    Reset(String),
    /// Corrections of the defect as one change.
    Correct(Vec<Edit>),
    /// How a body is shown.
    Layer(LayerChange),
    /// Take one of the compared alternatives for the reconstruction, by its place.
    UseAlternative(usize),
    /// Close the dialog.
    Close,
}
