//! What a command reads it never writes over.

use super::failure::Failure;
use crate::case::is_same_file;
use std::path::Path;

/// Refuses an output that is an input, by whatever name.
///
/// # Errors
/// Where both are the same file.
pub fn keep(input: &Path, output: &Path) -> Result<(), Failure> {
    // What is not there yet is no input.
    if !(output.exists() && is_same_file(input, output)) {
        return Ok(());
    }
    Err(Failure::Refused(format!("{}: this is what is read; write to another place", output.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_kept_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("scan"), "a scan").unwrap();
        assert!(keep(&at("scan"), &at("part")).is_ok() && keep(&at("gone"), &at("gone")).is_ok());
        std::fs::write(at("part"), "a part").unwrap();
        assert!(keep(&at("scan"), &at("part")).is_ok());
        let other_name = folder.path().join(".").join("scan");
        assert!(keep(&at("scan"), &other_name).is_err_and(|e| e.to_string().contains("this is what is read")));
    }
}
