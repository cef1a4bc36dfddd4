//! The labels file: read with care, written whole.

use super::{Error, Vocabulary};
use crate::export::write_atomically;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Name of the labels file in a folder of scans.
pub const LABELS_FILE: &str = "labels.json";

const VERSION: u64 = 1;

/// Labels of many scans, as in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// Version of the file's form: 1.
    pub version: u64,
    /// Name of the vocabulary used.
    pub vocabulary: String,
    /// Label of each scan by its path relative to the folder, with forward slashes. Scans that are no longer there
    /// keep theirs.
    pub scans: BTreeMap<String, ScanLabel>,
    /// What other programs put beside it; kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Label of one scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanLabel {
    /// Tags by group.
    pub tags: Tags,
    /// Who labelled; of several who changed it the first comes first.
    #[serde(default)]
    pub by: String,
    /// When, RFC 3339 UTC.
    #[serde(default)]
    pub at: String,
    /// What other programs put beside it; kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to one group: a word, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TagValue {
    /// Of a group that takes one.
    One(String),
    /// Of a group that takes many, in the vocabulary's order.
    Many(Vec<String>),
}

impl TagValue {
    /// The words, one or more.
    pub fn words(&self) -> &[String] {
        match self {
            TagValue::One(word) => std::slice::from_ref(word),
            TagValue::Many(words) => words,
        }
    }
}

/// Answers by group, in the order of the groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags(Vec<(String, TagValue)>);

impl Tags {
    /// The answer to a group.
    pub fn get(&self, group: &str) -> Option<&TagValue> {
        self.0.iter().find(|(g, _)| g == group).map(|(_, v)| v)
    }

    /// Whether a group has a tag.
    pub fn has(&self, group: &str, tag: &str) -> bool {
        self.get(group).is_some_and(|v| v.words().iter().any(|w| w == tag))
    }

    /// Whether nothing is answered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Groups with their answers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TagValue)> {
        self.0.iter().map(|(g, v)| (g.as_str(), v))
    }

    pub(super) fn remove(&mut self, group: &str) {
        self.0.retain(|(g, _)| g != group);
    }

    pub(super) fn set(&mut self, vocabulary: &Vocabulary, group: &str, value: TagValue) {
        self.remove(group);
        self.0.push((group.to_owned(), value));
        // Stable: groups of other vocabularies stay last, in their order.
        self.0.sort_by_key(|(g, _)| vocabulary.rank(g));
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (group, value) in &self.0 {
            map.serialize_entry(group, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Tags;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of tags by group")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Tags, M::Error> {
                let mut tags = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    tags.push(entry);
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Labels {
    /// No scan labelled yet.
    pub fn new(vocabulary: &str) -> Self {
        Self { version: VERSION, vocabulary: vocabulary.to_owned(), scans: BTreeMap::new(), other: Map::new() }
    }

    /// Reads a labels file; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Foreign`] for a file that is torn, of another form or of a later version.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).map(Some).map_err(|why| Error::Foreign { path: path.to_owned(), why }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::Read { path: path.to_owned(), why: e.to_string() }),
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        match value.get("version").map(Value::as_u64) {
            Some(Some(VERSION)) => {}
            Some(Some(later)) => return Err(format!("its version is {later}, this program knows {VERSION}")),
            _ => return Err("it has no version".to_owned()),
        }
        serde_json::from_value(value).map_err(|e| e.to_string())
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("labels are strings and maps with string keys");
        bytes.push(b'\n');
        bytes
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_bytes();
        Ok(write_atomically(path, |out| out.write_all(&bytes))?)
    }
}
