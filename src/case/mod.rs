//! The case: a recipe, the steps with their states, jobs, undo, autosave. No window, no GPU.
//!
//! [`run_all`] is the whole road as one pure function (command line, tests); [`Case`] is the same road with states,
//! background jobs, history and a place on disk (the window). Both go through [`run_step`].

mod autosave;
mod bundle;
mod case_file;
mod error;
mod figures;
mod history;
mod home;
mod jobs;
mod lock;
mod models;
mod recipe;
mod results;
mod sample;
mod session;
mod settings;
mod staged;
mod start;
mod step;
mod steps;
mod surfaces;
mod write;

pub use crate::export::WriteError;
pub use bundle::{BUNDLE_FILES, Bundle, BundleError, Preview, Written, write_bundle};
pub use case_file::{CaseFile, CaseFileError, SavedFigure};
pub use error::{Error, next_step};
pub use figures::{findings, state_of};
pub use history::{Change, History};
pub use home::{Home, HomeError, Recent};
pub use jobs::Wake;
pub use models::{
    MODEL_FILES, ModelInUse, ModelsAsked, ModelsError, atlas_line, models_in_use, models_word, use_models,
};
pub use recipe::{Recipe, RecipeError, Setting};
pub use results::{Part, Reconstruction, Results, SkullBody, StepOutput};
pub use sample::{Sample, find_sample};
pub use session::{Case, Comparing, OpenError, SaveError, SideBySide, case_path};
pub use settings::{Settings, Theme};
pub use staged::{Staged, StagedFile};
pub use start::Start;
pub use step::{StepKind, StepState};
// Nouns of the steps that whoever shows a case speaks of.
pub use crate::defect::{Defect, Edit, EditKind};
pub use crate::implant::Check;
pub use crate::reconstruct::{Alternative, Comparison, Relief};
pub use crate::scan::{Finding, Scan, Voxels, read as read_scan};
pub use steps::{Outcome, choose, run_all, run_step};
pub use surfaces::completed_surface;
pub use write::{check_writable, check_writable_file, is_same_file, write_atomic};
