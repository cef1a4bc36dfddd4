use crate::case;
use crate::export::WriteError;
use crate::{defect, scan, skull};

/// Why a command did not do what it was asked for; each kind has its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The window could not be opened: 1.
    #[error("{0}")]
    NoWindow(String),
    /// The command line is not one: 2.
    #[error("{0}")]
    Usage(String),
    /// The input was refused, or some of many failed: 3.
    #[error("{0}")]
    Refused(String),
    /// There is nothing to work on: `design` and `compare` found no defect: 4.
    #[error("{0}")]
    NoDefect(String),
    /// The output could not be written: 5.
    #[error("{0}")]
    Write(String),
    /// Everything was written, but the part does not pass its checks: 6.
    #[error("{0}")]
    Checks(String),
}

impl Failure {
    /// The exit code, as the manual states it.
    pub fn code(&self) -> u8 {
        match self {
            Failure::NoWindow(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Refused(_) => 3,
            Failure::NoDefect(_) => 4,
            Failure::Write(_) => 5,
            Failure::Checks(_) => 6,
        }
    }

    /// A refusal with the name of what was refused, for one of many.
    pub fn of(self, name: &str) -> Self {
        match self {
            Failure::Refused(word) => Failure::Refused(format!("{name}: {word}")),
            other => other,
        }
    }
}

impl From<case::Error> for Failure {
    fn from(error: case::Error) -> Self {
        match error {
            case::Error::NoDefect => Failure::NoDefect(format!("{error}; nothing was written")),
            other => Failure::Refused(other.to_string()),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Failure::Write(error.to_string())
    }
}

impl From<case::BundleError> for Failure {
    fn from(error: case::BundleError) -> Self {
        match error {
            case::BundleError::Write(error) => error.into(),
            case::BundleError::Cancelled(_) => Failure::Refused(error.to_string()),
        }
    }
}

macro_rules! refused {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure::Refused(error.to_string())
            }
        }
    )*};
}
refused!(scan::Error, skull::Error, defect::Error, crate::reconstruct::Error, crate::geometry::Cancelled);
