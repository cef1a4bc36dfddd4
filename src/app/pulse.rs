//! How long the window's thread was away from drawing: the promise is never over 50 ms.

use std::time::{Duration, Instant};

/// The longest and the last time spent outside drawing in one frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse {
    /// Of the last frame.
    pub last: Duration,
    /// Of any frame since the start.
    pub longest: Duration,
    /// What that frame did.
    pub longest_was: &'static str,
    /// Frames drawn.
    pub frames: u64,
}

impl Pulse {
    /// Runs a piece of logic and counts its time.
    pub fn measure<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.last = began.elapsed();
        if self.last > self.longest {
            self.longest = self.last;
            self.longest_was = what;
        }
        result
    }
}
