//! The command line: one file a command; reads, calls the steps, prints.

mod arguments;
mod atlas;
mod cases;
mod compare;
mod complete_many;
mod design;
mod detect;
mod disturb;
mod evaluate;
mod evaluate_case;
mod failure;
mod inject;
mod inputs;
mod inspect;
mod label;
mod label_agreement;
mod manual;
mod measuring;
mod mesh;
mod models;
mod output;
mod parameters;
mod phantom;
mod picture;
mod train;
mod train_score;
mod volumes;
mod window;

use crate::case::Start;
use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use failure::Failure;
use std::ffi::OsString;
use std::path::Path;

/// What is left to do once the command line was read.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Nothing: leave with this exit code.
    Exit(u8),
    /// Open the window.
    Window {
        /// What it shows first.
        start: Start,
        /// What it says first.
        trouble: Option<String>,
    },
}

/// The exit code of a window that could not be opened.
pub const NO_WINDOW: u8 = 1;

/// Runs a command line (the program's name first). Messages go to the standard error, results to the output.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let arguments = match Arguments::try_parse_from(with_open(arguments.into_iter().collect())) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are printed the same way and are no errors.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return Outcome::Exit(code);
        }
    };
    let done = command(arguments).and_then(|outcome| match outcome {
        Outcome::Exit(_) if output::lost() => {
            Err(Failure::Write("the standard output could not be written; check the space where it goes".to_owned()))
        }
        outcome => Ok(outcome),
    });
    match done {
        Ok(outcome) => outcome,
        Err(failure) => {
            output::complain(&failure.to_string());
            Outcome::Exit(failure.code())
        }
    }
}

/// A path alone is opened: so desktops start a program on a file that was dropped on it or chosen for it.
fn with_open(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if let [_, path] = arguments.as_slice()
        && !path.to_string_lossy().starts_with('-')
        && Arguments::command().find_subcommand(path).is_none()
        && (Path::new(path).exists()
            || Path::new(path).extension().is_some()
            || Path::new(path).components().count() > 1)
    {
        arguments.insert(1, "open".into());
    }
    arguments
}

fn command(arguments: Arguments) -> Result<Outcome, Failure> {
    let quiet = arguments.quiet;
    let trouble = models::prepare(&arguments)?;
    let opened = |start: Start| Outcome::Window { start, trouble };
    match arguments.command {
        None => return window::first(quiet).map(opened),
        Some(Command::Open(open)) => return window::open(&open).map(opened),
        Some(Command::Label(label)) => return label::run(&label, quiet),
        Some(Command::Design(design)) => design::run(&design, quiet)?,
        Some(Command::Reconstruct(many)) => complete_many::run(&many, quiet)?,
        Some(Command::Detect(detect)) => detect::run(&detect, quiet)?,
        Some(Command::Compare(compare)) => compare::run(&compare, quiet)?,
        Some(Command::Inspect(inspect)) => inspect::run(&inspect, quiet)?,
        Some(Command::Mesh(mesh)) => mesh::run(&mesh, quiet)?,
        Some(Command::Phantom(phantom)) => phantom::run(&phantom, quiet)?,
        Some(Command::Atlas(atlas)) => atlas::run(&atlas, quiet)?,
        Some(Command::Evaluate(many)) => evaluate::run(&many, quiet)?,
        Some(Command::Inject(many)) => inject::run(&many, quiet)?,
        Some(Command::Disturb(many)) => disturb::run(&many, quiet)?,
        Some(Command::Train(training)) => train::run(&training, quiet)?,
        Some(Command::Completions(shell)) => manual::completions(&shell),
        Some(Command::Man(man)) => manual::page(&man)?,
    }
    Ok(Outcome::Exit(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_alone_is_opened_and_a_command_stays_one() {
        let line = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(with_open(line(&["calvaria", here])), line(&["calvaria", "open", here]));
        // One that is not there is told as a path, not as an unknown command.
        assert_eq!(with_open(line(&["calvaria", "gone.nrrd"])), line(&["calvaria", "open", "gone.nrrd"]));
        for unchanged in [
            vec!["calvaria"],
            vec!["calvaria", "detect"],
            vec!["calvaria", "dezign"],
            vec!["calvaria", "--models=site/models"],
            vec!["calvaria", "--version"],
            vec!["calvaria", "inspect", here],
        ] {
            assert_eq!(with_open(line(&unchanged)), line(&unchanged));
        }
    }
}
