//! Labels of many scans: the words, the file, the walk through a folder, and what each key does.
//!
//! No clock here: the time of a label is handed in as RFC 3339 UTC text.

mod error;
mod folder;
mod labels;
mod reading;
mod session;
mod table;
mod vocabulary;
mod walk;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use folder::LabelFolder;
pub use labels::{LABELS_FILE, Labels, ScanLabel, TagValue, Tags};
pub use reading::{Compared, compare_readings, reading_file, readings};
pub use session::{Action, LabelSession, LabelState, Outcome, Tally};
pub use table::{to_csv, to_json};
pub use vocabulary::{Choose, Group, Tag, Vocabulary, When};
pub use walk::{Walk, walk};
