//! Pictures of an evaluation: box plots, a case's slices with a map of its outer error, and the methods at one hole side
//! by side. PNG in memory, no window.

mod alternatives;
mod canvas;
mod case;
mod map;
mod plots;

pub use alternatives::alternatives;
pub use case::case;
pub use plots::plots;

#[cfg(test)]
mod tests;
