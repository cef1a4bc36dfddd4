use crate::geometry::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A message as a line of its own begins: with a capital.
fn capital(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether something that was printed did not arrive (a full disk behind `>`).
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a text on the standard output. A reader that went away (`| head`) is no failure.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if done.is_err_and(|e| e.kind() != io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether something that was printed did not arrive.
pub fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Prints one line on the standard output.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Prints JSON, on one line when piped and indented on a terminal.
pub fn json(value: &Value) {
    let pretty = io::stdout().is_terminal();
    let text = if pretty { format!("{value:#}") } else { value.to_string() };
    line(&text);
}

/// A word to the person, not to the program that reads: on the standard error.
pub fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(io::stderr(), "calvaria: {text}");
    }
}

/// What went wrong, on the standard error, quiet or not.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "calvaria: {text}");
}

/// Shows how far a job is: a bar on a terminal, a line for each message when piped, nothing when quiet.
pub struct Meter {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Meter {
    /// A meter for one command.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("█▉▊▋▌▍▎▏ ");
            ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr()).with_style(style)
        });
        Self { bar, quiet }
    }

    /// A progress that this meter shows.
    pub fn progress(&self) -> Progress {
        if self.quiet {
            return Progress::new();
        }
        if let Some(bar) = self.bar.clone() {
            return Progress::with_listener(move |fraction, message| {
                bar.set_position((fraction * 1000.0) as u64);
                if bar.message() != capital(message) {
                    bar.set_message(capital(message));
                }
            });
        }
        let last = Mutex::new(String::new());
        Progress::with_listener(move |fraction, message| {
            if let Ok(mut last) = last.lock()
                && *last != message
            {
                message.clone_into(&mut last);
                let _ = writeln!(io::stderr(), "{:3.0} % {}", fraction * 100.0, capital(message));
            }
        })
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.finish();
    }
}
