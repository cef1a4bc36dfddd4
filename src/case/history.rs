use super::{Recipe, StepKind};
use crate::defect::{Edit, EditKind};
use serde_json::Value;

/// One change of the user's, kept as what differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// One parameter.
    Parameter {
        /// `step.field`.
        path: String,
        /// Its value before.
        from: Value,
        /// Its value after.
        to: Value,
    },
    /// The whole recipe (a recipe opened, everything reset).
    Recipe { name: String, from: Box<Recipe>, to: Box<Recipe> },
    /// Corrections added at the end: one stroke, one drawn rim.
    AddEdits(Vec<Edit>),
    /// All corrections taken back.
    ClearEdits(Vec<Edit>),
}

impl Change {
    /// What people read after "Undo" ("thickness 4 → 5 mm", "paint defect").
    pub fn name(&self) -> String {
        match self {
            Change::Parameter { path, from, to } => match Recipe::locate(path) {
                Ok((_, spec)) => {
                    let unit = if spec.unit.is_empty() { String::new() } else { format!(" {}", spec.unit) };
                    format!("{} {} → {}{unit}", spec.label.to_lowercase(), plain(from), plain(to))
                }
                Err(_) => path.clone(),
            },
            Change::Recipe { name, .. } => name.clone(),
            Change::AddEdits(edits) => match edits.last().map(|e| &e.kind) {
                Some(EditKind::Paint { add: true, .. }) => "paint defect in".to_owned(),
                Some(EditKind::Paint { add: false, .. }) => "paint defect out".to_owned(),
                Some(EditKind::Rim { .. }) | None => "draw rim".to_owned(),
            },
            Change::ClearEdits(_) => "clear corrections".to_owned(),
        }
    }

    /// Does the change.
    pub(super) fn apply(&self, recipe: &mut Recipe, edits: &mut Vec<Edit>) {
        match self {
            Change::Parameter { path, to, .. } => put_back(recipe, path, to),
            Change::Recipe { to, .. } => recipe.clone_from(to),
            Change::AddEdits(added) => edits.extend(added.iter().cloned()),
            Change::ClearEdits(_) => edits.clear(),
        }
    }

    /// Takes the change back.
    pub(super) fn revert(&self, recipe: &mut Recipe, edits: &mut Vec<Edit>) {
        match self {
            Change::Parameter { path, from, .. } => put_back(recipe, path, from),
            Change::Recipe { from, .. } => recipe.clone_from(from),
            Change::AddEdits(added) => edits.truncate(edits.len().saturating_sub(added.len())),
            Change::ClearEdits(cleared) => edits.clone_from(cleared),
        }
    }

    /// The first step that is no longer true after it, in either direction.
    pub fn step(&self) -> StepKind {
        match self {
            Change::Parameter { path, .. } => Recipe::locate(path).map_or(StepKind::Skull, |(step, _)| step),
            Change::Recipe { from, to, .. } => first_difference(from, to),
            Change::AddEdits(_) | Change::ClearEdits(_) => StepKind::Defect,
        }
    }
}

fn put_back(recipe: &mut Recipe, path: &str, value: &Value) {
    recipe.set(path, value).expect("the value was in the recipe before, so the recipe takes it");
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Number(n) if n.is_f64() => format!("{}", n.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// The first step whose parameters differ (export when none does).
pub(super) fn first_difference(a: &Recipe, b: &Recipe) -> StepKind {
    if a.skull != b.skull {
        StepKind::Skull
    } else if a.defect != b.defect {
        StepKind::Defect
    } else if a.reconstruct != b.reconstruct {
        StepKind::Reconstruct
    } else if a.implant != b.implant {
        StepKind::Implant
    } else {
        StepKind::Export
    }
}

/// What was done and what was taken back.
#[derive(Clone, Debug, Default)]
pub struct History {
    done: Vec<Change>,
    undone: Vec<Change>,
    /// The last change is a drag that still goes on.
    dragging: bool,
}

impl History {
    /// Records a change that was made; what had been taken back is gone.
    pub(super) fn push(&mut self, change: Change) {
        self.dragging = false;
        self.undone.clear();
        self.done.push(change);
    }

    /// Records one more position of a drag: the whole drag is one change.
    pub(super) fn drag(&mut self, path: &str, from: Value, to: Value) {
        self.undone.clear();
        if self.dragging
            && let Some(Change::Parameter { path: last, to: end, .. }) = self.done.last_mut()
            && last == path
        {
            *end = to;
            return;
        }
        self.done.push(Change::Parameter { path: path.to_owned(), from, to });
        self.dragging = true;
    }

    /// The drag is over; one that came back to where it began is no change.
    pub(super) fn end_drag(&mut self) {
        if std::mem::take(&mut self.dragging)
            && let Some(Change::Parameter { from, to, .. }) = self.done.last()
            && from == to
        {
            self.done.pop();
        }
    }

    /// Whether a drag goes on.
    pub fn is_dragging(&self) -> bool {
        self.dragging
    }

    /// What undo would take back.
    pub fn undo_name(&self) -> Option<String> {
        self.done.last().map(Change::name)
    }

    /// What redo would do again.
    pub fn redo_name(&self) -> Option<String> {
        self.undone.last().map(Change::name)
    }

    pub(super) fn undo(&mut self, recipe: &mut Recipe, edits: &mut Vec<Edit>) -> Option<&Change> {
        self.end_drag();
        let change = self.done.pop()?;
        change.revert(recipe, edits);
        self.undone.push(change);
        self.undone.last()
    }

    pub(super) fn redo(&mut self, recipe: &mut Recipe, edits: &mut Vec<Edit>) -> Option<&Change> {
        self.end_drag();
        let change = self.undone.pop()?;
        change.apply(recipe, edits);
        self.done.push(change);
        self.done.last()
    }
}
