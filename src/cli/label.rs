use super::arguments::Label;
use super::failure::Failure;
use super::{Outcome, window};
use crate::case::Start;

/// `calvaria label`: the labelling window.
pub fn run(arguments: &Label, _quiet: bool) -> Result<Outcome, Failure> {
    if !arguments.dir.is_dir() {
        return Err(Failure::Refused(format!("{}: no such folder; check the path", arguments.dir.display())));
    }
    window::check_display(&format!("calvaria label {} --export labels.csv", arguments.dir.display()))?;
    Ok(Outcome::Window(Start::Label {
        dir: arguments.dir.clone(),
        labels: arguments.labels.clone(),
        by: arguments.by.clone(),
    }))
}
