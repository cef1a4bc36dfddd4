use crate::export::{WriteError, write_atomically};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes a whole file, synced, making the folders above it: the old or the new content is there at every moment.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    if let Some(folder) = folder_of(path) {
        fs::create_dir_all(folder).map_err(|e| WriteError::new(path, &e))?;
    }
    write_atomically(path, |out| out.write_all(bytes))
}

/// As [`write_atomic`], but without waiting for the disk: whole after a kill, not after a power cut.
/// For the window's thread, which may not wait; a synced copy follows from another thread.
pub(super) fn write_swiftly(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |e: &std::io::Error| WriteError::new(path, e);
    let folder = folder_of(path).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut file = tempfile::Builder::new().prefix(".calvaria-").tempfile_in(folder).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|p| !p.as_os_str().is_empty())
}

/// Whether files can be made in a folder that may not exist yet: asked before long work, so that it is not in vain.
/// Nothing is left behind.
pub fn check_writable(folder: &Path) -> Result<(), WriteError> {
    let there = folder.ancestors().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let nearest = there.into_iter().find(|p| p.exists()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(WriteError::new(folder, &std::io::ErrorKind::NotADirectory.into()));
    }
    tempfile::tempfile_in(nearest).map(|_| ()).map_err(|e| WriteError::new(folder, &e))
}

/// Whether two paths name one file, by whatever spelling, also where it is not there yet.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        let in_folder = || Some(folder_of(path).unwrap_or(Path::new(".")).canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(in_folder)
    };
    real(a).is_some_and(|a| real(b) == Some(a))
}

/// As [`check_writable`], for the folder of a file.
pub fn check_writable_file(file: &Path) -> Result<(), WriteError> {
    if file.is_dir() {
        return Err(WriteError::new(file, &std::io::ErrorKind::IsADirectory.into()));
    }
    check_writable(folder_of(file).unwrap_or(Path::new("."))).map_err(|e| WriteError { path: file.to_owned(), ..e })
}
