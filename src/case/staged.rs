use crate::export::WriteError;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Files for one folder, first written aside and synced, then moved in together: when anything fails on the way
/// (a full disk, no permission), the folder is as it was, and is not there if it was not.
pub struct Staged {
    folder: PathBuf,
    aside: TempDir,
    /// Folders that were made for this, outermost first; taken away again unless the files move in.
    made: Vec<PathBuf>,
    files: Vec<StagedFile>,
}

/// One file written aside.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedFile {
    /// Name inside of the folder.
    pub name: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

impl Staged {
    /// Prepares to fill a folder, which is made if it is not there.
    pub fn new(folder: &Path) -> Result<Self, WriteError> {
        let mut made: Vec<PathBuf> =
            folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).map(Path::to_owned).collect();
        made.reverse();
        let prepared =
            fs::create_dir_all(folder).and_then(|()| tempfile::Builder::new().prefix(".calvaria-").tempdir_in(folder));
        match prepared {
            Ok(aside) => Ok(Self { folder: folder.to_owned(), aside, made, files: Vec::new() }),
            Err(source) => {
                remove_empty(&made);
                Err(WriteError::new(folder, &source))
            }
        }
    }

    /// Writes one file aside.
    pub fn file(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
        let shown = self.folder.join(name);
        let inner = || -> io::Result<StagedFile> {
            let file = File::create(self.aside.path().join(name))?;
            let mut hashing = Hashing { inner: BufWriter::with_capacity(1 << 20, file), hash: Sha256::new(), bytes: 0 };
            write(&mut hashing)?;
            hashing.flush()?;
            hashing.inner.get_ref().sync_all()?;
            let sha256 = hashing.hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
            Ok(StagedFile { name: name.to_owned(), sha256, bytes: hashing.bytes })
        };
        let staged = inner().map_err(|e| WriteError::new(&shown, &e))?;
        self.files.push(staged);
        Ok(())
    }

    /// What was written so far.
    pub fn files(&self) -> &[StagedFile] {
        &self.files
    }

    /// Moves every file to its place. When one cannot be replaced (on Windows: a picture that is being looked at), those
    /// before it are put back as they were.
    pub fn commit(mut self) -> Result<Vec<StagedFile>, WriteError> {
        let mut moved: Vec<(PathBuf, Before)> = Vec::new();
        for file in &self.files {
            let place = self.folder.join(&file.name);
            let before = self.before(&place, &file.name);
            if let Err(error) = fs::rename(self.aside.path().join(&file.name), &place) {
                moved.iter().rev().for_each(|(place, before)| before.put_back(place));
                return Err(WriteError::new(&place, &error));
            }
            moved.push((place, before));
        }
        self.made.clear();
        Ok(std::mem::take(&mut self.files))
    }

    /// Keeps hold of what is about to be replaced. A second name for it costs nothing, and the place is never empty.
    fn before(&self, place: &Path, name: &str) -> Before {
        let kept = self.aside.path().join(format!("{name}.before"));
        match fs::hard_link(place, &kept) {
            Ok(()) => Before::Kept(kept),
            Err(_) if !place.exists() => Before::Nothing,
            // A disk without second names (FAT): a copy.
            Err(_) if fs::copy(place, &kept).is_ok() => Before::Kept(kept),
            Err(_) => Before::Unknown,
        }
    }
}

/// What was at a file's place.
enum Before {
    Nothing,
    Kept(PathBuf),
    Unknown,
}

impl Before {
    /// Best effort: the first failure is the one to tell.
    fn put_back(&self, place: &Path) {
        match self {
            Before::Nothing => drop(fs::remove_file(place)),
            Before::Kept(kept) => drop(fs::rename(kept, place)),
            Before::Unknown => {}
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Best effort: what was half-written must go; there is nobody left to tell.
        let _ = fs::remove_dir_all(self.aside.path());
        remove_empty(&self.made);
    }
}

/// Takes away the folders that were made and are still empty, innermost first.
fn remove_empty(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// Counts and hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_no_trace() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a").join("b");
        let mut staged = Staged::new(&folder).unwrap();
        staged.file("one", |w| w.write_all(b"1")).unwrap();
        let full = staged.file("two", |_| Err(io::Error::from(io::ErrorKind::StorageFull)));
        assert!(full.unwrap_err().to_string().contains("two"));
        drop(staged);
        assert!(!root.path().join("a").exists());
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("one"), "old").unwrap();
        let mut staged = Staged::new(root.path()).unwrap();
        staged.file("one", |w| w.write_all(b"new")).unwrap();
        drop(staged);
        assert_eq!(fs::read_to_string(root.path().join("one")).unwrap(), "old");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_all_as_they_were() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("one"), "old").unwrap();
        fs::create_dir_all(at("three").join("full")).unwrap();
        let mut staged = Staged::new(root.path()).unwrap();
        for name in ["one", "two", "three"] {
            staged.file(name, |w| w.write_all(b"new")).unwrap();
        }
        let error = staged.commit().unwrap_err();
        assert!(error.to_string().contains("three"), "{error}");
        assert_eq!(fs::read_to_string(at("one")).unwrap(), "old");
        assert!(!at("two").exists() && at("three").is_dir());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn files_move_in_together_with_their_hashes() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("out");
        let mut staged = Staged::new(&folder).unwrap();
        staged.file("abc", |w| w.write_all(b"abc")).unwrap();
        assert!(!folder.join("abc").exists());
        let files = staged.commit().unwrap();
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        assert_eq!(files[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read(folder.join("abc")).unwrap(), b"abc");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
