use super::Home;
use std::path::PathBuf;

/// The scan a first start shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// The real one: `Cranium.inv3`.
    Real(PathBuf),
    /// Absent: a phantom does instead, kept at this place in the cache once made.
    Phantom(PathBuf),
}

/// Where Debian's package `invesalius-examples` puts it.
#[cfg(target_os = "linux")]
const PACKAGED: &str = "/usr/share/doc/invesalius-examples/examples/Cranium.inv3";

/// Looks for the sample: `CALVARIA_SAMPLE`, the user's cache, the installed package; else the phantom's place.
pub fn find_sample(home: &Home) -> Sample {
    let named = std::env::var_os("CALVARIA_SAMPLE").filter(|v| !v.is_empty()).map(PathBuf::from);
    let cached = Some(home.cache().join("samples").join("Cranium.inv3"));
    #[cfg(target_os = "linux")]
    let packaged = Some(PathBuf::from(PACKAGED));
    #[cfg(not(target_os = "linux"))]
    let packaged = None;
    let real = [named, cached, packaged].into_iter().flatten().find(|p| p.is_file());
    real.map_or_else(|| Sample::Phantom(home.cache().join("samples").join("phantom.nrrd")), Sample::Real)
}
