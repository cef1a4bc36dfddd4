//! Files of the finished part: 3MF, STL, masks, report. Written aside, synced, then renamed.

pub mod atomic;
pub mod nrrd;
pub mod report;
pub mod stl;
pub mod threemf;

pub use atomic::{WriteError, write_atomically};
