//! What each key does to the labels: pure, no file, no clock.

use super::labels::{Labels, ScanLabel, TagValue, Tags};
use super::vocabulary::{Choose, Group, Vocabulary};
use serde_json::Map;

/// Undo goes this many changes back.
const UNDO: usize = 1000;

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A digit key: chooses a tag of the current group (and goes on), or switches one of several.
    Digit(u8),
    /// Leaves the current group as it is and goes on; after the last group to the next scan.
    Confirm,
    /// Takes the current group's answer away.
    Clear,
    /// One group back; from the first to the scan before.
    Back,
    /// The scan after this.
    Next,
    /// The scan before this.
    Previous,
    /// The next scan that is not labelled yet, around the end.
    Skip,
    /// A scan by its place in the list.
    GoTo(usize),
    /// A group of this scan by its place in the vocabulary.
    Group(usize),
    /// Takes the last change of a label back and returns to it.
    Undo,
}

/// What an action did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A label changed: save.
    Changed,
    /// Another scan or group is current.
    Moved,
    /// Nothing: no tag on that digit, no scan there, nothing to undo.
    Nothing,
}

/// How far a scan's label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelState {
    /// No tag.
    NotStarted,
    /// Some tags; a required one is missing.
    Started,
    /// Every required group that applies is answered.
    Done,
}

/// How far the folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Labelled scans.
    pub done: usize,
    /// Begun and not finished.
    pub started: usize,
    /// All scans of the folder.
    pub total: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Before {
    position: usize,
    group: usize,
    label: Option<ScanLabel>,
}

/// A walk through scans with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSession {
    vocabulary: Vocabulary,
    labels: Labels,
    scans: Vec<String>,
    by: String,
    position: usize,
    group: usize,
    undo: Vec<Before>,
}

impl LabelSession {
    /// A session over `scans` (sorted, without repeats), at the first one that is not labelled yet.
    pub fn new(vocabulary: Vocabulary, labels: Labels, scans: Vec<String>, by: &str) -> Self {
        let mut session =
            Self { vocabulary, labels, scans, by: by.to_owned(), position: 0, group: 0, undo: Vec::new() };
        if let Some(first) = session.unlabelled_from(0) {
            session.position = first;
        }
        session.group = session.first_open_group();
        session
    }

    /// The words.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// All labels, also of scans that are not in the folder now.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The scans in order.
    pub fn scans(&self) -> &[String] {
        &self.scans
    }

    /// Place of the current scan.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Name of the current scan; `None` when there is none.
    pub fn scan(&self) -> Option<&str> {
        self.scans.get(self.position).map(String::as_str)
    }

    /// Place of the current group in the vocabulary.
    pub fn group_position(&self) -> usize {
        self.group
    }

    /// The group that digits answer now.
    pub fn group(&self) -> &Group {
        &self.vocabulary.groups[self.group]
    }

    /// Tags of the current scan.
    pub fn tags(&self) -> Tags {
        self.label().map(|l| l.tags.clone()).unwrap_or_default()
    }

    /// How far a scan of the list is.
    pub fn state(&self, position: usize) -> LabelState {
        let label = self.scans.get(position).and_then(|s| self.labels.scans.get(s));
        match label {
            Some(l) if !l.tags.is_empty() && self.vocabulary.is_complete(&l.tags) => LabelState::Done,
            Some(l) if !l.tags.is_empty() => LabelState::Started,
            _ => LabelState::NotStarted,
        }
    }

    /// How far the folder is.
    pub fn progress(&self) -> Tally {
        let states: Vec<_> = (0..self.scans.len()).map(|i| self.state(i)).collect();
        let count = |state| states.iter().filter(|s| **s == state).count();
        Tally { done: count(LabelState::Done), started: count(LabelState::Started), total: self.scans.len() }
    }

    /// Scans that will be shown next, for reading them ahead.
    pub fn upcoming(&self, count: usize) -> &[String] {
        let from = (self.position + 1).min(self.scans.len());
        &self.scans[from..(from + count).min(self.scans.len())]
    }

    /// Does what the user asks for; `at` is the time now, RFC 3339 UTC.
    pub fn apply(&mut self, action: Action, at: &str) -> Outcome {
        if self.scans.is_empty() {
            return Outcome::Nothing;
        }
        match action {
            Action::Digit(digit) => self.press_digit(digit, at),
            Action::Confirm => self.confirm(),
            Action::Clear => self.clear(at),
            Action::Back => self.back(),
            Action::Next => self.go_to(self.position + 1),
            Action::Previous => self.position.checked_sub(1).map_or(Outcome::Nothing, |p| self.go_to(p)),
            Action::Skip => self.skip(),
            Action::GoTo(position) => self.go_to(position),
            Action::Group(group) => self.choose_group(group),
            Action::Undo => self.take_back(),
        }
    }

    fn press_digit(&mut self, digit: u8, at: &str) -> Outcome {
        let group = self.group().clone();
        let (Some(tag), Some(_)) = (group.tag_on(digit), self.scan()) else { return Outcome::Nothing };
        let mut tags = self.tags();
        match group.choose {
            Choose::One => tags.set(&self.vocabulary, &group.id, TagValue::One(tag.id.clone())),
            Choose::Many => {
                let had = |id: &str| tags.has(&group.id, id);
                let words: Vec<String> =
                    group.tags.iter().filter(|t| had(&t.id) != (t.id == tag.id)).map(|t| t.id.clone()).collect();
                tags.remove(&group.id);
                if !words.is_empty() {
                    tags.set(&self.vocabulary, &group.id, TagValue::Many(words));
                }
            }
        }
        let outcome = self.put(tags, at);
        if group.choose == Choose::One {
            // The same answer again changes nothing and still goes on.
            return if self.advance() == Outcome::Nothing { outcome } else { outcome.or_moved() };
        }
        outcome
    }

    fn confirm(&mut self) -> Outcome {
        self.advance()
    }

    fn clear(&mut self, at: &str) -> Outcome {
        let mut tags = self.tags();
        tags.remove(&self.group().id.clone());
        self.put(tags, at)
    }

    fn back(&mut self) -> Outcome {
        let tags = self.tags();
        let groups = &self.vocabulary.groups;
        if let Some(group) = (0..self.group).rev().find(|&g| groups[g].applies(&tags)) {
            self.group = group;
            return Outcome::Moved;
        }
        self.apply(Action::Previous, "")
    }

    fn skip(&mut self) -> Outcome {
        match self.unlabelled_from(self.position + 1) {
            Some(position) if position != self.position => self.go_to(position),
            _ => Outcome::Nothing,
        }
    }

    fn choose_group(&mut self, group: usize) -> Outcome {
        let applies = self.vocabulary.groups.get(group).is_some_and(|g| g.applies(&self.tags()));
        if !applies || group == self.group {
            return Outcome::Nothing;
        }
        self.group = group;
        Outcome::Moved
    }

    fn take_back(&mut self) -> Outcome {
        let Some(before) = self.undo.pop() else { return Outcome::Nothing };
        let scan = self.scans[before.position].clone();
        match before.label {
            Some(label) => self.labels.scans.insert(scan, label),
            None => self.labels.scans.remove(&scan),
        };
        (self.position, self.group) = (before.position, before.group);
        Outcome::Changed
    }

    /// To the next group that applies, or to the next scan after the last.
    fn advance(&mut self) -> Outcome {
        let tags = self.tags();
        let groups = &self.vocabulary.groups;
        if let Some(group) = (self.group + 1..groups.len()).find(|&g| groups[g].applies(&tags)) {
            self.group = group;
            return Outcome::Moved;
        }
        self.go_to(self.position + 1)
    }

    fn go_to(&mut self, position: usize) -> Outcome {
        if position >= self.scans.len() || position == self.position {
            return Outcome::Nothing;
        }
        self.position = position;
        self.group = self.first_open_group();
        Outcome::Moved
    }

    /// The first required group without an answer, else the first.
    fn first_open_group(&self) -> usize {
        let tags = self.tags();
        let open = |g: &Group| g.required && g.applies(&tags) && tags.get(&g.id).is_none();
        self.vocabulary.groups.iter().position(open).unwrap_or(0)
    }

    /// The first scan that is not labelled, from a place on and around the end.
    fn unlabelled_from(&self, start: usize) -> Option<usize> {
        let n = self.scans.len();
        (0..n).map(|i| (start + i) % n).find(|&i| self.state(i) != LabelState::Done)
    }

    fn label(&self) -> Option<&ScanLabel> {
        self.labels.scans.get(self.scan()?)
    }

    /// Puts the current scan's tags; a label without tags is taken away.
    fn put(&mut self, mut tags: Tags, at: &str) -> Outcome {
        self.vocabulary.prune(&mut tags);
        let Some(scan) = self.scan().map(str::to_owned) else { return Outcome::Nothing };
        let old = self.labels.scans.get(&scan).cloned();
        if old.as_ref().map(|l| &l.tags).unwrap_or(&Tags::default()) == &tags {
            return Outcome::Nothing;
        }
        let other = old.as_ref().map_or_else(Map::new, |l| l.other.clone());
        if tags.is_empty() && other.is_empty() {
            self.labels.scans.remove(&scan);
        } else {
            let by = signed(old.as_ref().map_or("", |l| &l.by), &self.by);
            let label = ScanLabel { tags, by, at: at.to_owned(), other };
            self.labels.scans.insert(scan, label);
        }
        if self.undo.len() == UNDO {
            self.undo.remove(0);
        }
        self.undo.push(Before { position: self.position, group: self.group, label: old });
        Outcome::Changed
    }
}

/// Whoever changes what another answered signs beside that name.
fn signed(before: &str, by: &str) -> String {
    match (before, by) {
        ("", by) => by.to_owned(),
        (before, by) if by.is_empty() || before.split(", ").any(|name| name == by) => before.to_owned(),
        (before, by) => format!("{before}, {by}"),
    }
}

impl Outcome {
    fn or_moved(self) -> Self {
        if self == Outcome::Nothing { Outcome::Moved } else { self }
    }
}
