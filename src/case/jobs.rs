use super::{
    Bundle, Error, Outcome, Preview, Recipe, Results, StepKind, StepOutput, StepState, Written, next_step, run_step,
    state_of,
};
use crate::defect::Edit;
use crate::geometry::Progress;
use crate::scan;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Called from a worker when there is something new to poll (a window asks for a repaint).
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Progress is announced at most this often.
const TICK_MS: u64 = 40;

/// What a worker is asked to do: a snapshot, so that no lock is held over work.
pub(super) struct Task {
    /// Where the scan is read from when the first step is the scan.
    pub source: Option<PathBuf>,
    /// The results so far.
    pub results: Results,
    pub recipe: Recipe,
    pub edits: Vec<Edit>,
    /// First and last step to run.
    pub from: StepKind,
    pub upto: StepKind,
    /// Where to, and how to draw the preview, when the last step is the export.
    pub export: Option<(PathBuf, Option<Preview>)>,
}

/// What a worker says, in order.
pub(super) enum Message {
    Started(StepKind, Progress),
    /// Where the scan was read from: the single volume of the folder that was opened.
    Source(PathBuf),
    /// The result, and the state its step is in with it (figures take time too).
    Done(StepKind, StepOutput, StepState),
    Exported(Written),
    /// The step, what happened, what to do next; nothing to say when it was cancelled.
    Failed(StepKind, Option<(String, String)>),
}

/// One worker at its task. Dropping it asks it to stop and lets it go.
pub(super) struct Job {
    receiver: Receiver<Message>,
    stop: Arc<AtomicBool>,
    current: Current,
    /// Step versions when it began: what changed since makes its result old.
    pub versions: [u64; 6],
    pub upto: StepKind,
    /// The step at work and how far it is.
    pub running: Option<(StepKind, Progress)>,
}

/// The step at work and its progress; locked only to look or to replace.
type Current = Arc<Mutex<Option<(StepKind, Progress)>>>;

/// What the channel gave.
pub(super) enum Polled {
    Message(Message),
    Nothing,
    /// The worker is gone.
    Over,
}

impl Job {
    /// Starts a worker.
    pub fn start(task: Task, versions: [u64; 6], wake: Wake) -> Self {
        let (sender, receiver) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let current = Arc::new(Mutex::new(None));
        let (upto, from) = (task.upto, task.from);
        let worker = Worker { sender: sender.clone(), stop: stop.clone(), current: current.clone(), wake };
        let spawned = std::thread::Builder::new().name("calvaria-step".to_owned()).spawn(move || worker.work(task));
        if let Err(e) = spawned {
            let text = (format!("no thread could be started: {e}"), "Close other programs.".to_owned());
            let _ = sender.send(Message::Failed(from, Some(text))); // the receiver is ours, it is there
        }
        Self { receiver, stop, current, versions, upto, running: None }
    }

    /// The next message.
    pub fn poll(&mut self) -> Polled {
        match self.receiver.try_recv() {
            Ok(Message::Started(step, progress)) => {
                self.running = Some((step, progress.clone()));
                Polled::Message(Message::Started(step, progress))
            }
            Ok(Message::Source(path)) => Polled::Message(Message::Source(path)),
            Ok(message) => {
                self.running = None;
                Polled::Message(message)
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => Polled::Nothing,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => Polled::Over,
        }
    }

    /// The step the worker is at.
    pub fn at(&self) -> Option<StepKind> {
        self.current.lock().ok()?.as_ref().map(|(step, _)| *step)
    }

    /// Asks the worker to end the step it is at and to begin no other.
    pub fn stop_after(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Asks the worker to stop at its next check.
    pub fn cancel(&self) {
        self.stop_after();
        if let Ok(current) = self.current.lock()
            && let Some((_, progress)) = current.as_ref()
        {
            progress.cancel();
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel();
    }
}

struct Worker {
    sender: Sender<Message>,
    stop: Arc<AtomicBool>,
    current: Current,
    wake: Wake,
}

impl Worker {
    fn work(self, mut task: Task) {
        let wake = self.wake.clone();
        self.steps(&mut task);
        // The channel closes with the worker: one more wake, so that the session sees the end.
        drop(self);
        wake();
    }

    fn steps(&self, task: &mut Task) {
        let upto = task.upto;
        for step in task.from.and_later().take_while(|&s| s <= upto) {
            let progress = waking(&self.wake);
            // The order matters: a cancel either finds this progress or was seen by `stop` before the step begins.
            if let Ok(mut current) = self.current.lock() {
                *current = Some((step, progress.clone()));
            }
            if self.stop.load(Ordering::SeqCst) {
                self.say(Message::Failed(step, None));
                return;
            }
            self.say(Message::Started(step, progress.clone()));
            // A defect in a step must not take the window with it; the snapshot is dropped whole.
            let done = catch_unwind(AssertUnwindSafe(|| self.run(step, task, &progress)));
            let message = done.unwrap_or_else(|_| {
                let text = "the step stopped on an internal error; your work is saved".to_owned();
                Message::Failed(step, Some((text, "Change a parameter and try again.".to_owned())))
            });
            let failed = matches!(message, Message::Failed(..));
            self.say(message);
            if failed {
                return;
            }
        }
    }

    /// Runs one step of a task and keeps its result for the next.
    fn run(&self, step: StepKind, task: &mut Task, progress: &Progress) -> Message {
        let output = match step {
            StepKind::Scan => match &task.source {
                Some(path) => self.read(path, progress),
                None => {
                    let text = ("no scan is open".to_owned(), "Open a scan.".to_owned());
                    return Message::Failed(step, Some(text));
                }
            },
            StepKind::Export => return export(task, progress),
            _ => run_step(step, &task.results, &task.recipe, &task.edits, progress),
        };
        match output {
            Ok(output) => {
                task.results.put(output.clone());
                let state = state_of(&output, task.recipe.defect.index);
                Message::Done(step, output, state)
            }
            Err(error) => failure(step, &error),
        }
    }

    fn read(&self, path: &Path, progress: &Progress) -> Result<StepOutput, Error> {
        let (scan, _, from) = scan::read_as(path, progress)?;
        if from != path {
            // What is written beside it later must not make the folder ambiguous.
            self.say(Message::Source(from));
        }
        Ok(StepOutput::Scan(Arc::new(scan)))
    }

    fn say(&self, message: Message) {
        let _ = self.sender.send(message); // nobody listens any more: the job was dropped
        (self.wake)();
    }
}

/// A progress that wakes the session, but not more often than a screen shows.
pub(super) fn waking(wake: &Wake) -> Progress {
    let wake = wake.clone();
    let began = Instant::now();
    let last = AtomicU64::new(0);
    Progress::with_listener(move |_, _| {
        let now = began.elapsed().as_millis() as u64;
        let before = last.load(Ordering::Relaxed);
        if now >= before + TICK_MS && last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            wake();
        }
    })
}

fn export(task: &mut Task, progress: &Progress) -> Message {
    let Some((folder, preview)) = task.export.take() else {
        let text = ("no folder was chosen".to_owned(), "Choose where to write.".to_owned());
        return Message::Failed(StepKind::Export, Some(text));
    };
    let outcome = match Outcome::from_results(&task.results, &task.recipe) {
        Ok(outcome) => outcome,
        Err(error) => return failure(StepKind::Export, &error),
    };
    let bundle = Bundle { outcome: &outcome, recipe: &task.recipe, edits: &task.edits };
    match super::write_bundle(&bundle, &folder, preview, progress) {
        Ok((written, _)) => Message::Exported(written),
        Err(super::bundle::BundleError::Cancelled(_)) => Message::Failed(StepKind::Export, None),
        Err(error) => Message::Failed(StepKind::Export, Some((error.to_string(), "Choose another folder.".to_owned()))),
    }
}

fn failure(step: StepKind, error: &Error) -> Message {
    let text = (!error.is_cancelled()).then(|| (error.to_string(), next_step(error).to_owned()));
    Message::Failed(step, text)
}
