//! Small jobs beside the window's thread: a result or a pause is asked for, never waited for.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// One result on its way.
pub struct Background<T> {
    receiver: Receiver<T>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts the work on a thread of its own; the window is repainted when it is done.
    pub fn start(ctx: &egui::Context, name: &str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let ctx = ctx.clone();
        let body = move || {
            let _ = sender.send(work()); // nobody waits any more: the result is not needed
            ctx.request_repaint();
        };
        if let Err(e) = std::thread::Builder::new().name(format!("calvaria-{name}")).spawn(body) {
            log::warn!("no thread for {name}: {e}");
        }
        Self { receiver }
    }

    /// The result, or whether the work ended without one.
    pub fn poll(&self) -> Polled<T> {
        match self.receiver.try_recv() {
            Ok(value) => Polled::Ready(value),
            Err(TryRecvError::Empty) => Polled::Working,
            Err(TryRecvError::Disconnected) => Polled::Gone,
        }
    }
}

/// What [`Background::poll`] found.
pub enum Polled<T> {
    /// The result.
    Ready(T),
    /// Not yet.
    Working,
    /// The work ended without a result.
    Gone,
}
