//! Files appear whole or not at all: written aside in the same folder, synced, then renamed.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file was not written. Nothing is left behind; a file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{path}: could not be written ({why}); {next}")]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What stood in the way.
    pub why: String,
    /// What the user can do.
    pub next: &'static str,
}

impl WriteError {
    /// The error for a failed call to the operating system.
    pub fn new(path: &Path, error: &io::Error) -> Self {
        let (why, next) = match error.kind() {
            io::ErrorKind::StorageFull => ("no space left", "free some space or choose another folder"),
            io::ErrorKind::QuotaExceeded => ("your disk quota is used up", "free some space or choose another folder"),
            io::ErrorKind::FileTooLarge => ("too large for this disk", "choose a folder on another disk"),
            io::ErrorKind::ReadOnlyFilesystem => ("the disk is read-only", "choose another folder"),
            io::ErrorKind::PermissionDenied => ("no permission", "choose a folder you may write to"),
            io::ErrorKind::NotFound => ("the folder does not exist", "create it or choose another"),
            io::ErrorKind::NotADirectory => ("its folder is a file", "choose another folder"),
            io::ErrorKind::IsADirectory => ("a folder has that name", "choose another name"),
            _ => return Self { path: path.to_owned(), why: error.to_string(), next: "try another folder" },
        };
        Self { path: path.to_owned(), why: why.to_owned(), next }
    }
}

/// Writes a file by `write`, so that it is there whole or not at all, also after a crash.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    try_write(path, write).map_err(|e| WriteError::new(path, &e))
}

fn try_write(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut aside = tempfile::Builder::new();
    aside.prefix(".calvaria-").suffix(".part");
    // Temporary files are for the owner alone by default; ours becomes an ordinary file.
    #[cfg(unix)]
    aside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The temporary file removes itself when anything below fails.
    let aside = aside.tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 18, aside);
    write(&mut out)?;
    let aside = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|e| e.error)?;
    // The new name is on disk when the folder is; where folders cannot be opened (Windows) the rename is synced itself.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        for content in ["one", "two"] {
            write_atomically(&path, |out| out.write_all(content.as_bytes())).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(&[0; 1 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.why, "no space left");
        assert!(error.to_string().contains("a.txt"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let say = |path: &Path| write_atomically(path, |_| Ok(())).unwrap_err().why;
        assert_eq!(say(&folder.path().join("no/where.stl")), "the folder does not exist");
        assert_eq!(say(folder.path()), "a folder has that name");
    }
}
