use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot write: {source}; choose a folder with room that you may write to", path.display())]
pub struct WriteError {
    /// What should have been written.
    pub path: PathBuf,
    /// Why it was not.
    #[source]
    pub source: io::Error,
}

impl WriteError {
    /// Binds a path to an I/O error.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> WriteError + '_ {
        move |source| WriteError { path: path.to_owned(), source }
    }
}

/// Writes a whole file: beside its place under a temporary name, synced, then renamed over it.
/// Either the old or the new content is there at every moment; folders above are made.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    put(path, bytes, true)
}

/// As [`write_atomic`], but without waiting for the disk: whole after a kill, not after a power cut.
/// For the window's thread, which may not wait; a synced copy follows from another thread.
pub(super) fn write_swiftly(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    put(path, bytes, false)
}

fn put(path: &Path, bytes: &[u8], sync: bool) -> Result<(), WriteError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(WriteError::at(path))?;
    let mut file = tempfile::Builder::new().prefix(".calvaria-").tempfile_in(folder).map_err(WriteError::at(path))?;
    file.write_all(bytes).map_err(WriteError::at(path))?;
    if sync {
        file.as_file().sync_all().map_err(WriteError::at(path))?;
    }
    file.persist(path).map_err(|e| WriteError { path: path.to_owned(), source: e.error })?;
    Ok(())
}
