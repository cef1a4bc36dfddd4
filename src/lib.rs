//! Calvaria: from a head CT to a printable cranial implant.
//!
//! The modules are listed in groups, each of which builds on those above it; `ARCHITECTURE.md` says who may import whom.
//! For research and design review, not a medical device.

pub mod geometry;
pub mod parameter;

pub mod surface;

pub mod defect;
pub mod export;
pub mod implant;
pub mod reconstruct;
pub mod scan;
pub mod skull;

pub mod evaluate;
pub mod library;
pub mod network;
pub mod phantom;
pub mod train;

pub mod case;
pub mod view;

pub mod app;
pub mod cli;
