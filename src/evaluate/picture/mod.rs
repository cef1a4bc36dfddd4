//! Pictures of an evaluation: box plots, and a case's slices with a map of its outer error. PNG in memory, no window.

mod canvas;
mod case;
mod map;
mod plots;

pub use case::case;
pub use plots::plots;

#[cfg(test)]
mod tests;
