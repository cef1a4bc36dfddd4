use super::arguments::Label;
use super::failure::Failure;
use super::{Outcome, label_agreement, output, window};
use crate::case::{self, Start};
use crate::export::write_atomically;
use crate::library::{self, LabelFolder, Vocabulary, to_csv, to_json};
use std::path::Path;

/// `calvaria label`: the labelling window, or the labels as a table.
pub fn run(arguments: &Label, quiet: bool) -> Result<Outcome, Failure> {
    if !arguments.dir.is_dir() {
        return Err(Failure::Refused(format!("{}: no such folder; check the path", arguments.dir.display())));
    }
    // Read here in both cases: a vocabulary or labels file that is refused is refused before a window opens.
    let vocabulary = arguments.labels.as_deref().map(Vocabulary::read).transpose()?;
    if arguments.agreement {
        label_agreement::run(&arguments.dir, vocabulary)?;
        return Ok(Outcome::Exit(0));
    }
    let reading = arguments.reading.as_deref();
    let by = arguments.by.as_deref().or(reading).unwrap_or_default();
    let folder = LabelFolder::open_reading(&arguments.dir, reading, vocabulary, by)?;
    let left_out = folder.left_out();
    if !left_out.is_empty() {
        output::complain(&format!("{} could not be looked at: {}", left_out.len(), left_out.join(", ")));
    }
    if let Some(file) = &arguments.export {
        export(&folder, file)?;
        let tally = folder.session().progress();
        output::note(quiet, &format!("{} of {} scans are labelled; wrote {}", tally.done, tally.total, file.display()));
        return Ok(Outcome::Exit(0));
    }
    window::check_display(&format!("calvaria label {} --export labels.csv", arguments.dir.display()))?;
    let start = Start::Label {
        dir: arguments.dir.clone(),
        labels: arguments.labels.clone(),
        reading: arguments.reading.clone(),
        by: by.to_owned(),
    };
    Ok(Outcome::Window { start, trouble: None })
}

/// The labels as a table; the file's ending says which.
fn export(folder: &LabelFolder, file: &Path) -> Result<(), Failure> {
    let session = folder.session();
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let text = match ending.as_str() {
        "csv" => to_csv(session.labels(), session.vocabulary(), session.scans()),
        "json" => to_json(session.labels(), session.vocabulary(), session.scans()),
        _ => return Err(Failure::Usage(format!("{}: end the name with .csv or .json", file.display()))),
    };
    if case::is_same_file(folder.file(), file) {
        return Err(Failure::Refused(format!(
            "{}: this is what is read, and where the labels are kept; write to another place",
            file.display()
        )));
    }
    case::check_writable_file(file)?;
    Ok(write_atomically(file, |out| out.write_all(text.as_bytes()))?)
}

impl From<library::Error> for Failure {
    fn from(error: library::Error) -> Self {
        match error {
            library::Error::Write(error) => error.into(),
            other => Failure::Refused(other.to_string()),
        }
    }
}
