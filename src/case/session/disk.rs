//! The case's place: opening, autosave, saving, a scan that has moved.

use super::super::lock::Held;
use super::super::{
    CaseFile, Home, Recent, Recipe, Sample, SavedFigure, StepKind, StepState, Wake, find_sample, write_atomic,
};
use super::{Case, OpenError, SaveError};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Case {
    /// Opens a scan (file or folder) as a new case, or a `.calvaria` case; the scan is read by a job.
    pub fn open(home: Home, wake: Wake, path: &Path) -> Result<Self, OpenError> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("calvaria")) {
            return Self::open_file(home, wake, path);
        }
        Ok(Self::open_scan(home, wake, path))
    }

    fn open_scan(home: Home, wake: Wake, path: &Path) -> Self {
        let mut case = Self::new(home, wake);
        case.sample = is_sample(&case.home, path);
        case.name = if case.sample { "Sample".to_owned() } else { "Reading…".to_owned() };
        case.source = Some(path.to_owned());
        case.run_to(StepKind::Scan);
        case
    }

    /// Goes on with a case of the data folder, as it was at the last edit.
    pub fn restore(home: Home, wake: Wake, id: &str) -> Result<Self, OpenError> {
        let slot = home.recent().into_iter().find(|r| r.id == id).ok_or_else(|| OpenError::Gone(id.to_owned()))?;
        let file = home.load(id)?;
        Ok(Self::from_file(home, wake, file, Some(slot)))
    }

    fn open_file(home: Home, wake: Wake, path: &Path) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // The slot of the last time holds edits made after the save, unless the file was changed by someone else.
        let file = CaseFile::read(&path)?;
        if let Some(slot) = home.saved_at(&path)
            && slot.saved_sha256 == Some(work_hash(&file))
            && let Ok(newer) = home.load(&slot.id)
        {
            return Ok(Self::from_file(home, wake, newer, Some(slot)));
        }
        let slot = Recent {
            id: home.free_id(file.scan_hash.as_deref()),
            name: file.name.clone(),
            saved_sha256: Some(work_hash(&file)),
            saved_to: Some(path),
            changed: None,
        };
        let mut case = Self::from_file(home, wake, file, Some(slot));
        case.keep();
        Ok(case)
    }

    fn from_file(home: Home, wake: Wake, file: CaseFile, slot: Option<Recent>) -> Self {
        let mut case = Self::new(home, wake);
        case.name = file.name;
        case.recipe = file.recipe;
        case.edits = file.edits;
        case.scan_hash = file.scan_hash;
        // A case that is open in another window goes on as a copy of its own, which is saved elsewhere.
        case.held = slot.as_ref().and_then(|slot| case.home.hold(&slot.id));
        case.copy = slot.is_some() && case.held.is_none();
        case.slot = slot.filter(|_| case.held.is_some());
        if let Some(slot) = &case.slot {
            case.autosave.note(case.home.remember(slot));
        }
        if let Some(hash) = &case.scan_hash {
            match case.home.scan_path(hash).filter(|p| p.exists()) {
                Some(path) => {
                    case.sample = is_sample(&case.home, &path);
                    case.source = Some(path);
                    case.run_to(StepKind::Scan);
                }
                None => case.states[StepKind::Scan.index()] = moved(),
            }
        }
        case
    }

    /// Where the scan of this case is now. It is read, and taken when its hash is the case's.
    pub fn locate_scan(&mut self, path: &Path) {
        self.source = Some(path.to_owned());
        self.states[StepKind::Scan.index()] = StepState::NotRun;
        self.run_to(StepKind::Scan);
    }

    fn file(&self) -> CaseFile {
        let figure = |step: StepKind| match &self.states[step.index()] {
            StepState::Done { figure } => Some(SavedFigure { step, figure: figure.clone(), finding: None }),
            StepState::Finding { figure, finding } => {
                Some(SavedFigure { step, figure: figure.clone(), finding: Some(finding.clone()) })
            }
            _ => None,
        };
        // What an export wrote is a matter of the machine it was written on.
        let figures = StepKind::ALL.into_iter().filter(|&s| s != StepKind::Export).filter_map(figure).collect();
        CaseFile::new(self.name.clone(), self.scan_hash.clone(), self.recipe.clone(), self.edits.clone(), figures)
    }

    /// Keeps the case in the data folder. Before the scan is read there is nothing to keep it by; it is kept then.
    pub(super) fn keep(&mut self) {
        if self.slot.is_some() || self.scan_hash.is_some() || self.source.is_none() {
            self.keep_now();
        }
    }

    fn keep_now(&mut self) {
        if self.slot.is_none() {
            let (slot, held) = self.free_slot();
            self.held = held;
            self.autosave.write(&self.home, &slot.id, self.file().to_text());
            self.autosave.note(self.home.remember(&slot));
            self.slot = Some(slot);
        } else if let Some(slot) = &self.slot {
            self.autosave.write(&self.home, &slot.id, self.file().to_text());
        }
    }

    /// A slot that no window has open.
    fn free_slot(&self) -> (Recent, Option<Arc<Held>>) {
        if let Some((slot, held)) = self.untouched_slot() {
            return (slot, Some(held));
        }
        let id = self.home.free_id(self.scan_hash.as_deref());
        let held = self.home.hold(&id);
        (Recent { id, name: self.name.clone(), saved_to: None, saved_sha256: None, changed: None }, held)
    }

    /// A kept case on the same scan that nobody changed: opening a scan again and again makes no new cases.
    fn untouched_slot(&self) -> Option<(Recent, Arc<Held>)> {
        let untouched = |r: &Recent| {
            r.saved_to.is_none()
                && self.home.load(&r.id).is_ok_and(|file| {
                    file.scan_hash == self.scan_hash && file.recipe == Recipe::default() && file.edits.is_empty()
                })
        };
        self.home.recent().into_iter().filter(untouched).find_map(|slot| {
            let held = self.home.hold(&slot.id)?;
            Some((slot, held))
        })
    }

    /// Saves where it was saved before.
    pub fn save(&mut self) -> Result<(), SaveError> {
        let path = self.saved_to().ok_or(SaveError::NoPlace)?.to_owned();
        self.save_as(&path)
    }

    /// Saves as a `.calvaria` file (the extension is added when missing).
    pub fn save_as(&mut self, path: &Path) -> Result<(), SaveError> {
        self.history.end_drag();
        let path = case_path(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let text = self.file().to_text();
        write_atomic(&path, text.as_bytes())?;
        self.keep_now();
        let work = work_hash(&self.file());
        if let Some(slot) = &mut self.slot {
            slot.saved_to = Some(path);
            slot.saved_sha256 = Some(work);
            self.autosave.note(self.home.remember(slot));
        }
        Ok(())
    }

    /// Whether there are changes since the last [`Case::save`] (all of them are autosaved all the same).
    pub fn is_saved(&self) -> bool {
        let saved = self.slot.as_ref().and_then(|s| s.saved_sha256.as_ref());
        saved.is_some_and(|h| *h == work_hash(&self.file()))
    }

    /// The scan is there: its hash names the case, and its place is noted on this machine.
    pub(super) fn arrived(&mut self, hash: String) {
        if self.slot.is_none() && !self.sample {
            self.name = format!("Case {}", hash.chars().take(6).collect::<String>());
        }
        if let Some(path) = &self.source {
            self.autosave.note(self.home.keep_scan_path(&hash, path));
        }
        self.scan_hash = Some(hash);
    }
}

/// Where a case is saved when a path is asked for: with the ending, which is added where it is missing.
pub fn case_path(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("calvaria")) {
        return path.to_owned();
    }
    let mut path = path.as_os_str().to_owned();
    path.push(".calvaria");
    PathBuf::from(path)
}

/// Whether a path is the sample's, or that of the phantom that stands for it.
fn is_sample(home: &Home, path: &Path) -> bool {
    let (Sample::Real(sample) | Sample::Phantom(sample)) = find_sample(home);
    sample == path
}

fn moved() -> StepState {
    StepState::Failed {
        message: "the scan of this case is no longer where it was".to_owned(),
        next: "Choose where the scan is now.".to_owned(),
    }
}

/// SHA-256 of what the user did (recipe, corrections, scan), hex; figures come and go with the steps.
fn work_hash(file: &CaseFile) -> String {
    let mut work = file.clone();
    work.figures.clear();
    Sha256::digest(work.to_text().as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
