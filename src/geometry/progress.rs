use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// How far a long step is, and whether it should stop. Cheap to clone; clones speak of the same job.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Shared>,
    from: f32,
    to: f32,
}

type Listener = Box<dyn Fn(f32, &str) + Send + Sync>;

struct Shared {
    fraction: AtomicU32,
    message: Mutex<String>,
    cancelled: AtomicBool,
    listener: Option<Listener>,
}

/// The user asked for the work to stop; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// A job of its own that tells nobody until it is asked.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// A job that calls `listener(fraction, message)` at each report (a progress bar, a repaint request).
    pub fn with_listener(listener: impl Fn(f32, &str) + Send + Sync + 'static) -> Self {
        Self::build(Some(Box::new(listener)))
    }

    fn build(listener: Option<Listener>) -> Self {
        let shared = Shared {
            fraction: AtomicU32::new(0f32.to_bits()),
            message: Mutex::new(String::new()),
            cancelled: AtomicBool::new(false),
            listener,
        };
        Self { shared: Arc::new(shared), from: 0.0, to: 1.0 }
    }

    /// The part of this job between two fractions, for a step inside a longer one.
    pub fn part(&self, from: f32, to: f32) -> Self {
        let span = self.to - self.from;
        Self { shared: self.shared.clone(), from: self.from + span * from, to: self.from + span * to }
    }

    /// Says how far the work is (0..1) and what it does now; fails when it should stop.
    pub fn report(&self, fraction: f32, message: &str) -> Result<(), Cancelled> {
        let whole = self.from + (self.to - self.from) * fraction.clamp(0.0, 1.0);
        self.shared.fraction.store(whole.to_bits(), Ordering::Relaxed);
        if let Ok(mut current) = self.shared.message.lock()
            && *current != message
        {
            message.clone_into(&mut current);
        }
        if let Some(listener) = &self.shared.listener {
            listener(whole, message);
        }
        self.check()
    }

    /// Fails when the work should stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Asks the work to stop at its next check.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the work was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Fraction done, 0..1.
    pub fn fraction(&self) -> f32 {
        f32::from_bits(self.shared.fraction.load(Ordering::Relaxed))
    }

    /// What is being done.
    pub fn message(&self) -> String {
        self.shared.message.lock().map(|m| m.clone()).unwrap_or_default()
    }
}
