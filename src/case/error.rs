use super::StepKind;
use crate::geometry::Cancelled;
use crate::{defect, implant, reconstruct, scan, skull};

/// Why a step failed: the step's own error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scan was refused.
    #[error(transparent)]
    Scan(scan::Error),
    /// No skull.
    #[error(transparent)]
    Skull(skull::Error),
    /// The search failed.
    #[error(transparent)]
    Defect(defect::Error),
    /// Nothing is open, so there is nothing to design.
    #[error("no defect was found: the vault is closed, or its openings are smaller than defect.min_area_cm2")]
    NoDefect,
    /// The bone could not be completed.
    #[error(transparent)]
    Reconstruct(reconstruct::Error),
    /// No part.
    #[error(transparent)]
    Implant(implant::Error),
    /// A step was asked for before the one it needs.
    #[error("{step} needs the result of {needs} first")]
    Needs { step: StepKind, needs: StepKind },
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A step's error becomes ours; its `Cancelled` becomes the one `Cancelled`.
macro_rules! from_step {
    ($($variant:ident: $room:ident),*) => {$(
        impl From<$room::Error> for Error {
            fn from(error: $room::Error) -> Self {
                match error {
                    $room::Error::Cancelled(c) => Error::Cancelled(c),
                    other => Error::$variant(other),
                }
            }
        }
    )*};
}
from_step!(Scan: scan, Skull: skull, Defect: defect, Reconstruct: reconstruct, Implant: implant);

impl Error {
    /// Whether the work was stopped on request.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Error::Cancelled(_))
    }
}

/// What the user can do after a failure: one short sentence.
pub fn next_step(error: &Error) -> &'static str {
    match error {
        Error::Scan(_) => "Open another file or folder.",
        Error::Skull(skull::Error::NoBone { .. }) => "Lower the bone threshold, or open a head CT.",
        Error::Skull(skull::Error::SmallMask { .. }) => "Open the mask of a whole skull, or a head CT.",
        Error::Skull(_) => "Open a head CT.",
        Error::Defect(defect::Error::NoSuchDefect { .. }) => "Choose a defect that was found.",
        Error::Defect(_) => "Undo the last correction.",
        Error::NoDefect => "Draw the rim of the defect, or lower the smallest area.",
        Error::Reconstruct(_) => "Correct the rim of the defect.",
        Error::Implant(_) => "Lower the clearance.",
        Error::Needs { .. } => "Run the steps before it.",
        Error::Cancelled(_) => "Run it again.",
    }
}
