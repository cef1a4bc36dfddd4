//! Readings: each reader's labels in a file of their own, so that a second one is blind.

use super::labels::{LABELS_FILE, Labels};
use super::{Error, Vocabulary};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The labels file of a reading in a folder of scans: `labels.json`, or `labels-NAME.json`.
///
/// # Errors
/// [`Error::ReadingName`] for a name that is no plain word.
pub fn reading_file(dir: &Path, reading: Option<&str>) -> Result<PathBuf, Error> {
    let Some(name) = reading else { return Ok(dir.join(LABELS_FILE)) };
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c)) {
        return Err(Error::ReadingName { name: name.to_owned() });
    }
    Ok(dir.join(format!("{BEFORE}{name}{AFTER}")))
}

const BEFORE: &str = "labels-";
const AFTER: &str = ".json";

/// The readings of a folder with their names, `labels` first, the others in the order of their names.
///
/// # Errors
/// [`Error::Read`] and [`Error::Foreign`].
pub fn readings(dir: &Path) -> Result<Vec<(String, Labels)>, Error> {
    let unreadable = |e: std::io::Error| Error::Read { path: dir.to_owned(), why: e.to_string() };
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.file_name();
        names.extend(
            file.to_str().and_then(|f| f.strip_prefix(BEFORE)?.strip_suffix(AFTER)).map(|name| Some(name.to_owned())),
        );
    }
    let mut found = Vec::new();
    for name in std::iter::once(None).chain(names) {
        // A name that the program would not give is another program's file.
        let Ok(file) = reading_file(dir, name.as_deref()) else { continue };
        let labels = Labels::read(&file)?;
        found.extend(labels.map(|labels| (name.unwrap_or_else(|| "labels".to_owned()), labels)));
    }
    Ok(found)
}

/// Answers of two readings to one group of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The group's word in the file.
    pub group: String,
    /// For every scan that both answered there: its name, and either answer (several tags joined by `;`).
    pub answers: Vec<(String, [String; 2])>,
}

impl Compared {
    /// Scans whose answers differ.
    pub fn conflicts(&self) -> impl Iterator<Item = &(String, [String; 2])> {
        self.answers.iter().filter(|(_, [a, b])| a != b)
    }

    /// The answers as numbers of categories, and how many categories there are.
    pub fn categories(&self) -> ([Vec<usize>; 2], usize) {
        let words: BTreeSet<&String> = self.answers.iter().flat_map(|(_, pair)| pair).collect();
        let number = |word: &String| words.iter().position(|w| *w == word).unwrap_or_default();
        let of = |k: usize| self.answers.iter().map(|(_, pair)| number(&pair[k])).collect();
        ([of(0), of(1)], words.len())
    }
}

/// Two readings side by side, group by group of the vocabulary.
pub fn compare_readings(vocabulary: &Vocabulary, readings: [&Labels; 2]) -> Vec<Compared> {
    let answer = |labels: &Labels, scan: &str, group: &str| {
        labels.scans.get(scan).and_then(|l| l.tags.get(group)).map(|v| v.words().join(";"))
    };
    let compared = |group: &str| {
        let both = readings[0].scans.keys().filter_map(|scan| {
            Some((scan.clone(), [answer(readings[0], scan, group)?, answer(readings[1], scan, group)?]))
        });
        Compared { group: group.to_owned(), answers: both.collect() }
    };
    vocabulary.groups.iter().map(|g| compared(&g.id)).collect()
}
