//! The words a scan can be labelled with: groups of tags, asked in order.

use super::Error;
use super::labels::Tags;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::Path;

/// Groups of tags, asked one after the other. Read from TOML; two sets are built in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Short name kept in the labels file, as `full-1`; a changed set takes a new name.
    pub name: String,
    /// Name for people.
    #[serde(default)]
    pub title: String,
    /// The groups in the order they are asked.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Key in the labels file.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Whether one tag or several may be chosen.
    pub choose: Choose,
    /// Whether a scan counts as labelled only with an answer here.
    #[serde(default)]
    pub required: bool,
    /// Asked only when an earlier group has a tag.
    pub when: Option<When>,
    /// The answers.
    pub tags: Vec<Tag>,
}

/// How many tags of a group a scan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choose {
    /// Exactly one: choosing replaces and goes on to the next group.
    One,
    /// Any number: choosing switches on and off, Enter goes on.
    Many,
}

/// The condition under which a group is asked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// An earlier group.
    pub group: String,
    /// The tag it must have.
    pub tag: String,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Word in the labels file.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Digit key, 0 to 9.
    pub key: u8,
}

impl Group {
    /// The tag on a digit key.
    pub fn tag_on(&self, digit: u8) -> Option<&Tag> {
        self.tags.iter().find(|t| t.key == digit)
    }

    /// Whether the group is asked, given the tags so far.
    pub fn applies(&self, tags: &Tags) -> bool {
        self.when.as_ref().is_none_or(|w| tags.has(&w.group, &w.tag))
    }
}

impl Vocabulary {
    /// Presence, place, shape, treatment, remarks.
    pub fn full() -> Self {
        Self::built_in(include_str!("../../assets/vocabulary/full-1.toml"))
    }

    /// Presence, place and shape in few words.
    pub fn simple() -> Self {
        Self::built_in(include_str!("../../assets/vocabulary/simple-1.toml"))
    }

    fn built_in(text: &str) -> Self {
        Self::parse("built-in", text).expect("the shipped sets are read by a test")
    }

    /// A built-in set by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::full(), Self::simple()].into_iter().find(|v| v.name == name)
    }

    /// Reads a vocabulary from a TOML file.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Vocabulary`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::Read { path: path.to_owned(), why: e.to_string() })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads a vocabulary from TOML text; `name` stands in messages.
    ///
    /// # Errors
    /// [`Error::Vocabulary`].
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Vocabulary { name: name.to_owned(), why };
        let vocabulary: Self = toml::from_str(text).map_err(|e| wrong(e.to_string().trim().to_owned()))?;
        vocabulary.check().map_err(wrong)?;
        Ok(vocabulary)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("it has no name".to_owned());
        }
        if self.groups.is_empty() {
            return Err("it has no group".to_owned());
        }
        for (i, group) in self.groups.iter().enumerate() {
            let id = &group.id;
            if id.is_empty() || self.groups[..i].iter().any(|g| g.id == *id) {
                return Err(format!("the group id \"{id}\" is empty or stands twice"));
            }
            if group.tags.is_empty() {
                return Err(format!("the group \"{id}\" has no tag"));
            }
            let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
            for tag in &group.tags {
                if tag.key > 9 {
                    return Err(format!("the key {} of \"{id}\" is not a digit", tag.key));
                }
                if !keys.insert(tag.key) {
                    return Err(format!("the key {} stands twice in \"{id}\"", tag.key));
                }
                if tag.id.is_empty() || !ids.insert(&tag.id) {
                    return Err(format!("the tag \"{}\" of \"{id}\" is empty or stands twice", tag.id));
                }
            }
            if let Some(when) = &group.when {
                let earlier = self.groups[..i].iter().find(|g| g.id == when.group);
                if !earlier.is_some_and(|g| g.tags.iter().any(|t| t.id == when.tag)) {
                    return Err(format!(
                        "\"{id}\" waits for \"{}\" = \"{}\", which no earlier group has",
                        when.group, when.tag
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a scan with these tags is labelled: every required group that applies has an answer.
    pub fn is_complete(&self, tags: &Tags) -> bool {
        self.groups.iter().all(|g| !g.required || !g.applies(tags) || tags.get(&g.id).is_some())
    }

    /// Takes away answers to groups that no longer apply.
    pub(super) fn prune(&self, tags: &mut Tags) {
        for group in &self.groups {
            if !group.applies(tags) {
                tags.remove(&group.id);
            }
        }
    }

    /// Groups' places in order, for keeping tags in it.
    pub(super) fn rank(&self, id: &str) -> usize {
        self.groups.iter().position(|g| g.id == id).unwrap_or(usize::MAX)
    }
}
