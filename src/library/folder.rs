//! A folder being labelled: a session whose every change is on disk before the next key.

use super::labels::Labels;
use super::reading::reading_file;
use super::session::{Action, LabelSession, Outcome};
use super::walk::walk;
use super::{Error, Vocabulary};
use std::path::{Path, PathBuf};

/// A session bound to a folder and its labels file.
pub struct LabelFolder {
    dir: PathBuf,
    file: PathBuf,
    session: LabelSession,
    /// The file's bytes as last read or written; `None` while there is no file.
    on_disk: Option<Vec<u8>>,
    left_out: Vec<String>,
}

impl LabelFolder {
    /// Opens a folder of scans with its labels, at the first scan not labelled yet. `vocabulary` is the one asked
    /// for; without it the file's own built-in one, else `full-1`.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NoScans`], [`Error::Foreign`], [`Error::OtherVocabulary`]; nothing is written.
    pub fn open(dir: &Path, vocabulary: Option<Vocabulary>, by: &str) -> Result<Self, Error> {
        Self::open_reading(dir, None, vocabulary, by)
    }

    /// As [`LabelFolder::open`], with the labels of a reading ([`reading_file`]): nobody else's are shown.
    ///
    /// # Errors
    /// As there, and [`Error::ReadingName`].
    pub fn open_reading(
        dir: &Path,
        reading: Option<&str>,
        vocabulary: Option<Vocabulary>,
        by: &str,
    ) -> Result<Self, Error> {
        let found = walk(dir)?;
        if found.scans.is_empty() {
            return Err(Error::NoScans { path: dir.to_owned() });
        }
        let file = reading_file(dir, reading)?;
        let labels = Labels::read(&file)?;
        let on_disk = bytes_of(&file)?;
        let named = |labels: &Labels| Vocabulary::by_name(&labels.vocabulary);
        let vocabulary = match (vocabulary, &labels) {
            (Some(vocabulary), _) => vocabulary,
            (None, Some(labels)) => named(labels).unwrap_or_else(Vocabulary::full),
            (None, None) => Vocabulary::full(),
        };
        if let Some(labels) = labels.as_ref().filter(|l| l.vocabulary != vocabulary.name) {
            let (found, expected) = (labels.vocabulary.clone(), vocabulary.name);
            return Err(Error::OtherVocabulary { path: file, found, expected });
        }
        let labels = labels.unwrap_or_else(|| Labels::new(&vocabulary.name));
        let session = LabelSession::new(vocabulary, labels, found.scans, by);
        Ok(Self { dir: dir.to_owned(), file, session, on_disk, left_out: found.left_out })
    }

    /// The walk and its labels.
    pub fn session(&self) -> &LabelSession {
        &self.session
    }

    /// What the walk could not look at.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The labels file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Path of a scan by its name in the list.
    pub fn path_of(&self, scan: &str) -> PathBuf {
        if scan == "." {
            self.dir.clone()
        } else {
            scan.split('/').fold(self.dir.clone(), |path, part| path.join(part))
        }
    }

    /// Does what the user asks for and, when a label changed, writes the file before it returns. When it cannot be
    /// written the session stays as it was.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Changed`] when another program wrote the file meanwhile.
    pub fn apply(&mut self, action: Action, at: &str) -> Result<Outcome, Error> {
        let mut next = self.session.clone();
        let outcome = next.apply(action, at);
        if outcome == Outcome::Changed {
            if bytes_of(&self.file)? != self.on_disk {
                return Err(Error::Changed { path: self.file.clone() });
            }
            next.labels().write(&self.file)?;
            self.on_disk = Some(next.labels().to_bytes());
        }
        self.session = next;
        Ok(outcome)
    }
}

fn bytes_of(file: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::Read { path: file.to_owned(), why: e.to_string() }),
    }
}
