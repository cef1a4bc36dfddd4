//! Files of the finished part: STL, masks, report. Written aside, synced, then renamed.

pub mod atomic;
pub mod nrrd;
pub mod report;
pub mod stl;

pub use atomic::{WriteError, write_atomically};
