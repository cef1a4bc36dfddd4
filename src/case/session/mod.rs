//! One case at work. `run` starts jobs and takes their results, `disk` knows the case's place.

mod compare;
mod disk;
mod run;
#[cfg(test)]
mod tests;

use super::autosave::Autosave;
use super::history::first_difference;
use super::jobs::Job;
use super::lock::Held;
use super::{
    CaseFileError, Change, History, Home, Recent, Recipe, RecipeError, Results, StepKind, StepState, Wake, Written,
};
use crate::defect::Edit;
use crate::export::WriteError;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compare::{Comparing, SideBySide};
pub use disk::case_path;

/// One case at work: recipe, corrections, results, states, history, jobs, and its place on disk.
///
/// Everything here returns at once; work happens on a worker, and [`Case::poll`] swaps its results in.
pub struct Case {
    home: Home,
    wake: Wake,
    slot: Option<Recent>,
    /// Keeps other windows from writing to the slot.
    held: Option<Arc<Held>>,
    /// It was taken from a slot that another window has open.
    copy: bool,
    name: String,
    sample: bool,
    source: Option<PathBuf>,
    scan_hash: Option<String>,
    recipe: Recipe,
    edits: Vec<Edit>,
    history: History,
    results: Results,
    /// Never `Running`: that is asked of the job.
    states: [StepState; 6],
    /// Counts the changes that made a step stale.
    versions: [u64; 6],
    job: Option<Job>,
    /// What to run once the job at work is over.
    pending: Option<StepKind>,
    exported: Option<Written>,
    /// The comparison of the methods that was asked for last.
    asked: Option<compare::Asked>,
    autosave: Autosave,
}

/// Why a case could not be opened. (A scan that cannot be read is not one of these: the scan step fails with it.)
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The case file was refused.
    #[error(transparent)]
    File(#[from] CaseFileError),
    /// The case's own files are not there.
    #[error("the case {0} is no longer in your data folder; open its scan or its .calvaria file")]
    Gone(String),
}

/// Why a case was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It was never saved anywhere: ask where.
    #[error("the case has no file yet: choose where to save it")]
    NoPlace,
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Case {
    /// An empty case.
    pub fn new(home: Home, wake: Wake) -> Self {
        Self {
            home,
            wake,
            slot: None,
            held: None,
            copy: false,
            name: "New case".to_owned(),
            sample: false,
            source: None,
            scan_hash: None,
            recipe: Recipe::default(),
            edits: Vec::new(),
            history: History::default(),
            results: Results::default(),
            states: std::array::from_fn(|_| StepState::NotRun),
            versions: [0; 6],
            job: None,
            pending: None,
            exported: None,
            asked: None,
            autosave: Autosave::default(),
        }
    }

    /// What people read; made from the scan's hash, never from the patient or a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id in the data folder, once something was kept.
    pub fn id(&self) -> Option<&str> {
        self.slot.as_ref().map(|s| s.id.as_str())
    }

    /// Whether it is a copy of a case that another window has open: it is kept and saved apart from that.
    pub fn is_copy(&self) -> bool {
        self.copy
    }

    /// Whether its scan is the sample (or the phantom that stands for it).
    pub fn is_sample(&self) -> bool {
        self.sample
    }

    /// The parameters; `recipe().specs()` lists them with their descriptions.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The corrections of the defect.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// What the steps gave (old results stay until new ones replace them; see [`Case::state`]).
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// Where a step stands.
    pub fn state(&self, step: StepKind) -> StepState {
        match self.job.as_ref().and_then(|job| job.running.as_ref()) {
            Some((at, progress)) if *at == step => {
                StepState::Running { fraction: progress.fraction(), message: progress.message() }
            }
            _ => self.states[step.index()].clone(),
        }
    }

    /// The hash of the scan that is asked for, when it is no longer where it was (see [`Case::locate_scan`]).
    pub fn missing_scan(&self) -> Option<&str> {
        if self.source.is_none() { self.scan_hash.as_deref() } else { None }
    }

    /// Whether its scan is where it was and only its reading was stopped.
    pub fn can_read_on(&self) -> bool {
        self.source.is_some() && self.states[StepKind::Scan.index()] == StepState::NotRun && !self.is_busy()
    }

    /// The first step that is not done: the next sensible thing. `None` when the part is exported.
    pub fn next_step(&self) -> Option<StepKind> {
        StepKind::ALL.into_iter().find(|s| !self.states[s.index()].is_current())
    }

    /// What the last export wrote.
    pub fn exported(&self) -> Option<&Written> {
        self.exported.as_ref()
    }

    /// Why the case cannot be kept on disk, if it cannot (a full disk); the work goes on.
    pub fn autosave_trouble(&self) -> Option<String> {
        self.autosave.trouble()
    }

    /// Where the user saved it.
    pub fn saved_to(&self) -> Option<&Path> {
        self.slot.as_ref()?.saved_to.as_deref()
    }

    /// The user's own folders.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Sets `step.field`: that step and the later ones become stale. A part on screen is shaped anew at once.
    pub fn set(&mut self, path: &str, value: &Value) -> Result<(), RecipeError> {
        let (from, to, changed) = self.trial(path, value)?;
        self.history.end_drag();
        if from != to {
            self.history.push(Change::Parameter { path: path.to_owned(), from, to });
            self.recipe = changed;
            self.touched(path);
            self.keep();
        }
        Ok(())
    }

    /// One position of a dragged slider: as [`Case::set`], but the drag is one change until [`Case::end_drag`].
    pub fn drag(&mut self, path: &str, value: &Value) -> Result<(), RecipeError> {
        let (from, to, changed) = self.trial(path, value)?;
        if from != to {
            self.history.drag(path, from, to);
            self.recipe = changed;
            self.touched(path);
        }
        Ok(())
    }

    /// The slider was let go: the drag becomes one change and is kept.
    pub fn end_drag(&mut self) {
        if self.history.is_dragging() {
            self.history.end_drag();
            self.keep();
        }
    }

    /// Sets `step.field` back to its default.
    pub fn reset(&mut self, path: &str) -> Result<(), RecipeError> {
        let default = Recipe::default().get(path)?;
        self.set(path, &default)
    }

    fn trial(&self, path: &str, value: &Value) -> Result<(Value, Value, Recipe), RecipeError> {
        let mut changed = self.recipe.clone();
        changed.set(path, value)?;
        Ok((self.recipe.get(path)?, changed.get(path)?, changed))
    }

    fn touched(&mut self, path: &str) {
        if let Ok((step, _)) = Recipe::locate(path) {
            self.invalidate(step);
        }
    }

    /// Replaces the whole recipe as one change ("open recipe", "reset all").
    pub fn set_recipe(&mut self, name: &str, recipe: Recipe) {
        self.history.end_drag();
        if recipe == self.recipe {
            return;
        }
        let step = first_difference(&self.recipe, &recipe);
        let from = Box::new(std::mem::replace(&mut self.recipe, recipe));
        let to = Box::new(self.recipe.clone());
        self.history.push(Change::Recipe { name: name.to_owned(), from, to });
        self.invalidate(step);
        self.keep();
    }

    /// Adds corrections of the chosen defect as one change (a stroke is many balls, a drawn rim one curve).
    pub fn add_edits(&mut self, mut edits: Vec<Edit>) {
        if !edits.is_empty() {
            let chosen = Some(self.recipe.defect.index);
            edits.iter_mut().for_each(|edit| edit.defect = chosen);
            self.change(Change::AddEdits(edits));
        }
    }

    /// Takes all corrections back, as one change.
    pub fn clear_edits(&mut self) {
        if !self.edits.is_empty() {
            self.change(Change::ClearEdits(self.edits.clone()));
        }
    }

    fn change(&mut self, change: Change) {
        self.history.end_drag();
        change.apply(&mut self.recipe, &mut self.edits);
        let step = change.step();
        self.history.push(change);
        self.invalidate(step);
        self.keep();
    }

    /// What undo would take back, in words.
    pub fn undo_name(&self) -> Option<String> {
        self.history.undo_name()
    }

    /// What redo would do again, in words.
    pub fn redo_name(&self) -> Option<String> {
        self.history.redo_name()
    }

    /// Takes the last change back; gives its name.
    pub fn undo(&mut self) -> Option<String> {
        let change = self.history.undo(&mut self.recipe, &mut self.edits)?;
        let (name, step) = (change.name(), change.step());
        self.invalidate(step);
        self.keep();
        Some(name)
    }

    /// Does the change taken back last again; gives its name.
    pub fn redo(&mut self) -> Option<String> {
        let change = self.history.redo(&mut self.recipe, &mut self.edits)?;
        let (name, step) = (change.name(), change.step());
        self.invalidate(step);
        self.keep();
        Some(name)
    }
}
