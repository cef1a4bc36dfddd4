use super::autosave::Autosave;
use super::history::first_difference;
use super::jobs::{Job, Message, Polled, Task};
use super::{
    CaseFile, CaseFileError, Change, History, Home, Preview, Recent, Recipe, RecipeError, Results, SavedFigure,
    StepKind, StepOutput, StepState, Wake, WriteError, Written, state_of, write_atomic,
};
use crate::defect::Edit;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// One case at work: recipe, corrections, results, states, history, jobs, and its place on disk.
///
/// Everything here returns at once; work happens on a worker, and [`Case::poll`] swaps its results in.
pub struct Case {
    home: Home,
    wake: Wake,
    slot: Option<Recent>,
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
    autosave: Autosave,
    unsaved: bool,
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
            autosave: Autosave::default(),
            unsaved: false,
        }
    }

    /// Opens a scan (file or folder) as a new case, or a `.calvaria` case; the scan is read by a job.
    pub fn open(home: Home, wake: Wake, path: &Path) -> Result<Self, OpenError> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("calvaria")) {
            return Self::open_file(home, wake, path);
        }
        let mut case = Self::new(home, wake);
        case.sample =
            matches!(super::find_sample(&case.home), super::Sample::Real(p) | super::Sample::Phantom(p) if p == path);
        case.name = if case.sample { "Sample".to_owned() } else { "Reading…".to_owned() };
        case.source = Some(path.to_owned());
        case.run_to(StepKind::Scan);
        Ok(case)
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
            && slot.saved_sha256.is_some()
            && slot.saved_sha256 == std::fs::read(&path).ok().map(|b| sha256(&b))
            && let Ok(newer) = home.load(&slot.id)
        {
            return Ok(Self::from_file(home, wake, newer, Some(slot)));
        }
        let slot = Recent {
            id: home.free_id(file.scan_hash.as_deref()),
            name: file.name.clone(),
            saved_sha256: Some(sha256(file.to_text().as_bytes())),
            saved_to: Some(path),
        };
        let mut case = Self::from_file(home, wake, file, Some(slot));
        case.save_edit();
        Ok(case)
    }

    fn from_file(home: Home, wake: Wake, file: CaseFile, slot: Option<Recent>) -> Self {
        let mut case = Self::new(home, wake);
        case.name = file.name;
        case.recipe = file.recipe;
        case.edits = file.edits;
        case.slot = slot;
        case.scan_hash = file.scan_hash;
        if let Some(slot) = &case.slot {
            case.autosave.note(case.home.remember(slot));
        }
        if let Some(hash) = &case.scan_hash {
            match case.home.scan_path(hash).filter(|p| p.exists()) {
                Some(path) => {
                    case.source = Some(path);
                    case.run_to(StepKind::Scan);
                }
                None => case.states[StepKind::Scan.index()] = moved(),
            }
        }
        case
    }

    // ---- what it is ------------------------------------------------------------------------------------------

    /// What people read; made from the scan's hash, never from the patient or a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id in the data folder, once something was kept.
    pub fn id(&self) -> Option<&str> {
        self.slot.as_ref().map(|s| s.id.as_str())
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

    // ---- changing it -----------------------------------------------------------------------------------------

    /// Sets `step.field`: that step and the later ones become stale. A part on screen is shaped anew at once.
    pub fn set(&mut self, path: &str, value: &Value) -> Result<(), RecipeError> {
        let (from, to, changed) = self.trial(path, value)?;
        self.history.end_drag();
        if from != to {
            self.history.push(Change::Parameter { path: path.to_owned(), from, to });
            self.recipe = changed;
            self.touched(path);
            self.save_edit();
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
            self.save_edit();
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
        self.save_edit();
    }

    /// Adds corrections of the defect as one change (a stroke is many balls, a drawn rim one curve).
    pub fn add_edits(&mut self, edits: Vec<Edit>) {
        if !edits.is_empty() {
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
        self.save_edit();
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
        self.save_edit();
        Some(name)
    }

    /// Does the change taken back last again; gives its name.
    pub fn redo(&mut self) -> Option<String> {
        let change = self.history.redo(&mut self.recipe, &mut self.edits)?;
        let (name, step) = (change.name(), change.step());
        self.invalidate(step);
        self.save_edit();
        Some(name)
    }

    /// Makes a step and all later ones stale, and does again what was asked for.
    fn invalidate(&mut self, step: StepKind) {
        for later in step.and_later() {
            self.versions[later.index()] += 1;
            let had = self.results.has(later) || (later == StepKind::Export && self.exported.is_some());
            self.states[later.index()] = if had { StepState::Stale } else { StepState::NotRun };
        }
        if let Some(job) = &self.job
            && job.upto >= step
            && job.upto != StepKind::Export
        {
            // A shaping at work may end: it is short, and a drag then shows every mesh that gets ready.
            self.pending = Some(self.pending.map_or(job.upto, |p| p.max(job.upto)));
            if step != StepKind::Implant || job.running.as_ref().is_none_or(|(at, _)| *at != StepKind::Implant) {
                job.cancel();
            }
        } else if step == StepKind::Implant && self.states[StepKind::Reconstruct.index()].is_current() {
            let shown = self.results.part.is_some();
            if shown {
                self.run_to(StepKind::Implant);
            }
        }
    }

    // ---- running ---------------------------------------------------------------------------------------------

    /// Runs everything that is not done up to a step (not the export, which needs a folder).
    pub fn run_to(&mut self, step: StepKind) {
        let upto = step.min(StepKind::Implant);
        if self.job.is_some() {
            self.pending = Some(self.pending.map_or(upto, |p| p.max(upto)));
            return;
        }
        self.start(upto, None);
    }

    /// Runs the road to the part.
    pub fn run_all(&mut self) {
        self.run_to(StepKind::Implant);
    }

    /// Writes the part's files into a folder by a job, running first what is not done. `false` while another job is
    /// at work. `preview` draws `preview.png`.
    pub fn export(&mut self, folder: &Path, preview: Option<Preview>) -> bool {
        if self.job.is_some() {
            return false;
        }
        self.states[StepKind::Export.index()] = StepState::NotRun;
        self.start(StepKind::Export, Some((folder.to_owned(), preview)));
        true
    }

    fn start(&mut self, upto: StepKind, export: Option<(PathBuf, Option<Preview>)>) {
        let Some(from) = self.next_step().filter(|&from| from <= upto) else { return };
        if from == StepKind::Scan && self.source.is_none() {
            if self.scan_hash.is_none() {
                let (message, next) = ("no scan is open".to_owned(), "Open a scan, or the sample.".to_owned());
                self.states[StepKind::Scan.index()] = StepState::Failed { message, next };
            }
            return;
        }
        let task = Task {
            source: self.source.clone(),
            results: self.results.clone(),
            recipe: self.recipe.clone(),
            edits: self.edits.clone(),
            from,
            upto,
            export,
        };
        self.job = Some(Job::start(task, self.versions, self.wake.clone()));
    }

    /// Stops the work; results so far stay.
    pub fn cancel(&mut self) {
        self.pending = None;
        if let Some(job) = &self.job {
            job.cancel();
        }
    }

    /// Whether a job is at work.
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Takes what the job gave since the last call; `true` when something changed. Call it once a frame.
    pub fn poll(&mut self) -> bool {
        let mut changed = false;
        while let Some(job) = &mut self.job {
            match job.poll() {
                Polled::Nothing => break,
                Polled::Message(message) => self.take(message),
                Polled::Over => {
                    self.job = None;
                    if let Some(upto) = self.pending.take() {
                        self.run_to(upto);
                    }
                }
            }
            changed = true;
        }
        changed
    }

    fn take(&mut self, message: Message) {
        let versions = self.job.as_ref().map_or(self.versions, |job| job.versions);
        match message {
            Message::Started(..) => {}
            Message::Done(step, output) => {
                let current = versions[step.index()] == self.versions[step.index()];
                // An old part is still nearer to what the user drags towards than the one before it.
                let nearer = step == StepKind::Implant
                    && versions[StepKind::Reconstruct.index()] == self.versions[StepKind::Reconstruct.index()];
                if current || nearer {
                    self.states[step.index()] = if current { state_of(&output) } else { StepState::Stale };
                    self.swap_in(step, output);
                }
            }
            Message::Exported(written) => {
                let figure = format!("{} files written", written.files.len());
                self.states[StepKind::Export.index()] = match &written.no_preview {
                    Some(word) => StepState::Finding { figure, finding: word.clone() },
                    None => StepState::Done { figure },
                };
                self.exported = Some(written);
            }
            Message::Failed(step, Some((message, next))) => {
                if versions[step.index()] == self.versions[step.index()] {
                    self.pending = None;
                    self.states[step.index()] = StepState::Failed { message, next };
                    self.results.forget_from(step);
                }
            }
            Message::Failed(_, None) => {}
        }
    }

    fn swap_in(&mut self, step: StepKind, output: StepOutput) {
        if let StepOutput::Scan(scan) = &output {
            let hash = scan.hash.clone();
            if self.scan_hash.as_ref().is_some_and(|known| *known != hash) {
                self.pending = None;
                if let Some(job) = &self.job {
                    job.cancel();
                }
                self.versions.iter_mut().for_each(|v| *v += 1);
                self.source = None;
                self.states[StepKind::Scan.index()] = StepState::Failed {
                    message: "this is another scan than the one the case was made from".to_owned(),
                    next: "Choose the scan of this case.".to_owned(),
                };
                return;
            }
            self.arrived(hash);
        }
        self.results.put(output);
        if step >= StepKind::Scan && !self.history.is_dragging() {
            self.save_edit();
        }
    }

    /// The scan is there: its hash names the case.
    fn arrived(&mut self, hash: String) {
        if self.slot.is_none() && !self.sample {
            self.name = format!("Case {}", hash.chars().take(6).collect::<String>());
        }
        if let Some(path) = &self.source {
            self.autosave.note(self.home.keep_scan_path(&hash, path));
        }
        self.scan_hash = Some(hash);
    }

    // ---- the scan's place ------------------------------------------------------------------------------------

    /// Where the scan of this case is now. It is read, and taken when its hash is the case's.
    pub fn locate_scan(&mut self, path: &Path) {
        self.source = Some(path.to_owned());
        self.states[StepKind::Scan.index()] = StepState::NotRun;
        self.run_to(StepKind::Scan);
    }

    // ---- on disk ---------------------------------------------------------------------------------------------

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
    fn save_edit(&mut self) {
        if self.slot.is_none() && self.scan_hash.is_none() && self.source.is_some() {
            self.unsaved = true;
            return;
        }
        self.unsaved = false;
        if self.slot.is_none() {
            let id = self.home.free_id(self.scan_hash.as_deref());
            let slot = Recent { id, name: self.name.clone(), saved_to: None, saved_sha256: None };
            self.autosave.write(&self.home, &slot.id, self.file().to_text());
            self.autosave.note(self.home.remember(&slot));
            self.slot = Some(slot);
        } else if let Some(slot) = &self.slot {
            self.autosave.write(&self.home, &slot.id, self.file().to_text());
        }
    }

    /// Saves where it was saved before.
    pub fn save(&mut self) -> Result<(), SaveError> {
        let path = self.saved_to().ok_or(SaveError::NoPlace)?.to_owned();
        self.save_as(&path)
    }

    /// Saves as a `.calvaria` file (the extension is added when missing).
    pub fn save_as(&mut self, path: &Path) -> Result<(), SaveError> {
        self.history.end_drag();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("calvaria"));
        let mut path = path.into_os_string();
        if !named {
            path.push(".calvaria");
        }
        let path = PathBuf::from(path);
        let text = self.file().to_text();
        write_atomic(&path, text.as_bytes())?;
        self.save_edit();
        if let Some(slot) = &mut self.slot {
            slot.saved_to = Some(path);
            slot.saved_sha256 = Some(sha256(text.as_bytes()));
            self.autosave.note(self.home.remember(slot));
        }
        Ok(())
    }

    /// Whether there are changes since the last [`Case::save`] (all of them are autosaved all the same).
    pub fn is_saved(&self) -> bool {
        let text = self.file().to_text();
        self.slot.as_ref().and_then(|s| s.saved_sha256.as_ref()).is_some_and(|h| *h == sha256(text.as_bytes()))
    }
}

fn moved() -> StepState {
    StepState::Failed {
        message: "the scan of this case is no longer where it was".to_owned(),
        next: "Choose where the scan is now.".to_owned(),
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
