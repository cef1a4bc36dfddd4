use std::path::PathBuf;

/// What the window shows first.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// Nothing could be found to show: an empty window with its drop target.
    Default,
    /// A scan (file or folder) or a `.calvaria` case.
    Open(PathBuf),
    /// The labelling view on a folder of scans.
    Label {
        /// The folder walked for scans.
        dir: PathBuf,
        /// The vocabulary (TOML); the built-in one when `None`.
        labels: Option<PathBuf>,
        /// A reading of its own, kept in `labels-NAME.json`.
        reading: Option<String>,
        /// Who labels, as written into the labels file.
        by: String,
    },
}
