//! The case at work: starting jobs, taking their results, what a change makes stale.

use super::super::jobs::{Job, Message, Polled, Task};
use super::super::{BUNDLE_FILES, Preview, StepKind, StepOutput, StepState, check_writable, is_same_file};
use super::Case;
use std::path::{Path, PathBuf};

impl Case {
    /// Makes a step and all later ones stale, and does again what was being done.
    pub(super) fn invalidate(&mut self, step: StepKind) {
        let refused = matches!(self.states[StepKind::Implant.index()], StepState::Failed { .. });
        for later in step.and_later() {
            self.versions[later.index()] += 1;
            let had = self.results.has(later) || (later == StepKind::Export && self.exported.is_some());
            self.states[later.index()] = if had { StepState::Stale } else { StepState::NotRun };
        }
        let exporting = self.is_exporting();
        match &self.job {
            Some(job) if job.upto >= step && !exporting => {
                self.pending = self.pending.max(Some(job.upto));
                match job.at() {
                    // Shaping is short: let it end, so that a drag shows every mesh that gets ready.
                    Some(StepKind::Implant) if step == StepKind::Implant => job.stop_after(),
                    // What comes before the change stays true: only the steps after it are not begun.
                    Some(at) if at < step => job.stop_after(),
                    _ => job.cancel(),
                }
            }
            _ => {
                let live = step == StepKind::Implant && (self.results.part.is_some() || refused);
                if live && self.states[StepKind::Reconstruct.index()].is_current() {
                    self.run_to(StepKind::Implant);
                }
            }
        }
    }

    /// Runs everything that is not done up to a step (not the export, which needs a folder).
    pub fn run_to(&mut self, step: StepKind) {
        let upto = step.min(StepKind::Implant);
        if self.job.is_some() {
            self.pending = self.pending.max(Some(upto));
        } else {
            self.start(upto, None);
        }
    }

    /// Runs the road to the part.
    pub fn run_all(&mut self) {
        self.run_to(StepKind::Implant);
    }

    /// Why the part's files cannot go into a folder, known before any work: it cannot be written, or one of them is what
    /// this case reads.
    pub fn cannot_export_to(&self, folder: &Path) -> Option<String> {
        if let Err(error) = check_writable(folder) {
            return Some(error.to_string());
        }
        let source = self.source.as_ref()?;
        let read = BUNDLE_FILES.into_iter().find(|name| is_same_file(source, &folder.join(name)))?;
        Some(format!(
            "{}: this is the scan of the case, and an export would write over it ({read}); choose another folder",
            source.display()
        ))
    }

    /// Writes the part's files into a folder by a job, running first what is not done. `false` while another job is
    /// at work. `preview` draws `preview.png`.
    pub fn export(&mut self, folder: &Path, preview: Option<Preview>) -> bool {
        if self.job.is_some() {
            return false;
        }
        self.states[StepKind::Export.index()] = StepState::NotRun;
        self.start(StepKind::Export, Some((folder.to_owned(), preview)));
        self.job.is_some()
    }

    fn start(&mut self, upto: StepKind, export: Option<(PathBuf, Option<Preview>)>) {
        let Some(from) = self.next_step().filter(|&from| from <= upto) else { return };
        if from == StepKind::Scan && self.source.is_none() {
            // A scan that has moved has said so already.
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

    /// Whether a job writes the part's files, or makes what is to be written.
    pub fn is_exporting(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.upto == StepKind::Export)
    }

    /// Whether a job is at work.
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Takes what the job gave since the last call; `true` when something changed. Call it once a frame.
    pub fn poll(&mut self) -> bool {
        let mut changed = self.poll_comparison();
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
        let then = self.job.as_ref().map_or(self.versions, |job| job.versions);
        let unchanged = |case: &Case, step: StepKind| then[step.index()] == case.versions[step.index()];
        match message {
            Message::Started(..) => {}
            Message::Source(path) => {
                if unchanged(self, StepKind::Scan) {
                    self.source = Some(path);
                }
            }
            Message::Done(step, output, state) => {
                let current = unchanged(self, step);
                // An old part is still nearer to what the user drags towards than the one before it.
                let nearer = step == StepKind::Implant && unchanged(self, StepKind::Reconstruct);
                if current || nearer {
                    let state = if current { state } else { StepState::Stale };
                    self.swap_in(step, output, state);
                }
            }
            Message::Exported(written) => {
                let figure = format!("{} files written", written.files.len());
                self.states[StepKind::Export.index()] = match &written.no_preview {
                    _ if !unchanged(self, StepKind::Export) => StepState::Stale,
                    Some(word) => StepState::Finding { figure, finding: word.clone() },
                    None => StepState::Done { figure },
                };
                self.exported = Some(written);
            }
            Message::Failed(step, Some((message, next))) => {
                if unchanged(self, step) {
                    self.pending = None;
                    self.states[step.index()] = StepState::Failed { message, next };
                    self.results.forget_from(step);
                    if step == StepKind::Scan && self.scan_hash.is_some() {
                        // A kept case whose scan cannot be read where it was: it may lie elsewhere.
                        self.source = None;
                    }
                }
            }
            Message::Failed(_, None) => {}
        }
    }

    /// Takes one step's result whole.
    fn swap_in(&mut self, step: StepKind, output: StepOutput, state: StepState) {
        if let StepOutput::Scan(scan) = &output {
            let hash = scan.hash.clone();
            if self.scan_hash.as_ref().is_some_and(|known| *known != hash) {
                self.refuse_scan();
                return;
            }
            self.arrived(hash);
        }
        self.states[step.index()] = state;
        self.results.put(output);
        if !self.history.is_dragging() {
            self.keep();
        }
    }

    /// The scan that was read is not the one of this case.
    fn refuse_scan(&mut self) {
        self.pending = None;
        if let Some(job) = &self.job {
            job.cancel();
        }
        // Whatever the job still sends belongs to the wrong scan.
        self.versions.iter_mut().for_each(|v| *v += 1);
        self.source = None;
        self.states[StepKind::Scan.index()] = StepState::Failed {
            message: "this is another scan than the one the case was made from".to_owned(),
            next: "Choose the scan of this case.".to_owned(),
        };
    }
}
