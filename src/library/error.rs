use crate::export::WriteError;
use std::path::PathBuf;

/// Why labels were not read or written. A file that was there stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The vocabulary is not one.
    #[error("{name}: not a vocabulary ({why}); correct the file, or leave it out for the built-in one")]
    Vocabulary { name: String, why: String },
    /// A file that cannot be read.
    #[error("{path}: could not be read ({why})", path = path.display())]
    Read { path: PathBuf, why: String },
    /// The labels file is torn or something else.
    #[error("{path}: not a labels file of ours ({why}); nothing was changed. Move it away or restore a copy, then start again", path = path.display())]
    Foreign { path: PathBuf, why: String },
    /// The labels were made with other words.
    #[error("{path}: labelled with the vocabulary \"{found}\", not \"{expected}\"; choose that vocabulary, or move the file away to begin anew", path = path.display())]
    OtherVocabulary { path: PathBuf, found: String, expected: String },
    /// A reading's name that makes no plain file name.
    #[error("{name:?} cannot name a reading; use letters, digits, - and _")]
    ReadingName { name: String },
    /// Another program changed the file since it was read.
    #[error("{path}: changed by another program while it was open here; nothing was written. Close the window and start it again", path = path.display())]
    Changed { path: PathBuf },
    /// No scan to label.
    #[error("{path}: no scan found; NRRD, NIfTI (.nii, .nii.gz), .inv3 files and folders of DICOM files are shown", path = path.display())]
    NoScans { path: PathBuf },
    /// Not written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
