//! A site's own atlas and networks in the place of the shipped ones.
//!
//! A folder of models holds what differs from the shipped files, under the same names. It is read once, before anything
//! is reckoned with; from then on it stays.

use crate::network::detector::{Detector, KIND};
use crate::network::map::{MAP_KIND, MapNetwork};
use crate::network::volume::{VOLUME_KIND, VolumeNetwork};
use crate::network::{Weights, WeightsError};
use crate::skull::{HeadMaps, MeanVault};
use std::path::{Path, PathBuf};

/// Names of the files in a folder of models, and in `assets/atlas` and `assets/models`.
pub const MODEL_FILES: [&str; 5] = [VAULT, HEADS, DETECTOR, MAP, VOLUME];
const VAULT: &str = "mean_vault.bin";
const HEADS: &str = "heads.bin";
const DETECTOR: &str = "detector.safetensors";
const MAP: &str = "map.safetensors";
const VOLUME: &str = "volume.safetensors";

/// What of a folder of models is asked for: what is being made anew may be missing there, or old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelsAsked {
    /// The mean vault alone.
    Vault,
    /// The mean vault and the heads.
    Atlas,
    /// Those and the networks.
    All,
}

/// Why a folder of models is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// Nothing to read.
    #[error("{}: no folder of models is there; check the path", folder.display())]
    NoFolder { folder: PathBuf },
    /// No file of a known name.
    #[error("{}: none of {} is in it", folder.display(), MODEL_FILES.join(", "))]
    Empty { folder: PathBuf },
    /// A file that cannot be used.
    #[error("{}: {why}", file.display())]
    File { file: PathBuf, why: String },
    /// The shipped heads are differences to the shipped mean vault.
    #[error(
        "{0}: a mean vault of its own needs heads measured against it: calvaria --models {0} atlas heads SKULLS --out {0}{1}heads.bin",
        folder.display(), std::path::MAIN_SEPARATOR
    )]
    NoHeads { folder: PathBuf },
    /// Too late.
    #[error("the shipped models are in use already; name the folder when the program starts")]
    InUse,
}

/// One file that is reckoned with.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ModelInUse {
    /// Its name.
    pub name: &'static str,
    /// Whether it is the site's own.
    pub own: bool,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}

/// Puts what a folder holds in the place of the shipped files; gives back the names of what it held. A folder with a
/// file that cannot be used changes nothing.
///
/// # Errors
/// See [`ModelsError`].
pub fn use_models(folder: &Path, asked: ModelsAsked) -> Result<Vec<&'static str>, ModelsError> {
    if !folder.is_dir() {
        return Err(ModelsError::NoFolder { folder: folder.to_owned() });
    }
    let mut found = Vec::new();
    for name in MODEL_FILES {
        let file = folder.join(name);
        match std::fs::read(&file) {
            Ok(bytes) => found.push((name, bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(ModelsError::File { file, why: e.to_string() }),
        }
    }
    if found.is_empty() && asked == ModelsAsked::All {
        return Err(ModelsError::Empty { folder: folder.to_owned() });
    }
    let refused =
        |name: &str, why: &dyn std::fmt::Display| ModelsError::File { file: folder.join(name), why: why.to_string() };
    let mut take = |name: &str, needs: ModelsAsked| {
        let at = found.iter().position(|f| f.0 == name && needs <= asked)?;
        Some(std::mem::take(&mut found[at].1))
    };
    let files = [
        take(VAULT, ModelsAsked::Vault),
        take(HEADS, ModelsAsked::Atlas),
        take(DETECTOR, ModelsAsked::All),
        take(MAP, ModelsAsked::All),
        take(VOLUME, ModelsAsked::All),
    ];
    let used: Vec<&'static str> =
        MODEL_FILES.into_iter().zip(&files).filter(|(_, f)| f.is_some()).map(|(name, _)| name).collect();
    let [vault, heads, detector, map, volume] = files;
    let vault = vault.map(|b| MeanVault::of_site(&b).map(|v| (b, v))).transpose().map_err(|e| refused(VAULT, &e))?;
    if vault.is_some() && heads.is_none() && asked > ModelsAsked::Vault {
        return Err(ModelsError::NoHeads { folder: folder.to_owned() });
    }
    // Everything is read before anything is replaced.
    let beside = vault.as_ref().map_or_else(MeanVault::shipped, |(_, v)| v.clone());
    let heads =
        heads.map(|b| HeadMaps::from_bytes(&b, &beside).map(|h| (b, h))).transpose().map_err(|e| refused(HEADS, &e))?;
    let own_vault = vault.as_ref().map(|(_, v)| v.hash_word());
    let weights = |file: Option<Vec<u8>>, kind: &str, name: &str| {
        let read = |bytes: Vec<u8>| -> Result<_, WeightsError> {
            Ok((Weights::beside(&bytes, kind, own_vault.as_deref())?, bytes))
        };
        file.map(read).transpose().map_err(|e| refused(name, &e))
    };
    let detector = weights(detector, KIND, DETECTOR)?;
    let map = weights(map, MAP_KIND, MAP)?;
    let volume = weights(volume, VOLUME_KIND, VOLUME)?;
    let replaced =
        vault.is_none_or(|(b, v)| MeanVault::replace(b, v)) && heads.is_none_or(|(b, h)| HeadMaps::replace(b, h));
    if !replaced {
        return Err(ModelsError::InUse);
    }
    // A network asks the mean vault how large its maps are.
    if let Some((weights, bytes)) = detector {
        Detector::replace(bytes, Detector::new(&weights).map_err(|e| refused(DETECTOR, &e))?);
    }
    if let Some((weights, bytes)) = map {
        MapNetwork::replace(bytes, MapNetwork::new(&weights).map_err(|e| refused(MAP, &e))?);
    }
    if let Some((weights, bytes)) = volume {
        VolumeNetwork::replace(bytes, VolumeNetwork::new(&weights).map_err(|e| refused(VOLUME, &e))?);
    }
    Ok(used)
}

/// The files that are reckoned with when the bone is completed by a method: for the report.
pub fn models_in_use(method: crate::reconstruct::Method) -> Vec<ModelInUse> {
    use crate::reconstruct::Method;
    let (vault, heads, detector) = (MeanVault::file(), HeadMaps::file(), Detector::file());
    let mut all = vec![
        ModelInUse { name: VAULT, own: vault.own, sha256: vault.sha256() },
        ModelInUse { name: HEADS, own: heads.own, sha256: heads.sha256() },
    ];
    if detector.value.is_ok() {
        all.push(ModelInUse { name: DETECTOR, own: detector.own, sha256: detector.sha256() });
    }
    if method == Method::Map {
        all.push(ModelInUse { name: MAP, own: MapNetwork::file().own, sha256: MapNetwork::file().sha256() });
    }
    if method == Method::Volume {
        all.push(ModelInUse { name: VOLUME, own: VolumeNetwork::file().own, sha256: VolumeNetwork::file().sha256() });
    }
    all
}

/// A line on the atlas for people: how many heads, whose.
pub fn atlas_line() -> String {
    let (vault, heads) = (MeanVault::file(), HeadMaps::file());
    let whose = |own: bool| if own { "this site's own" } else { "shipped" };
    format!(
        "Atlas: {} heads ({}), mean vault of {} heads ({})",
        heads.value.heads.len(),
        whose(heads.own),
        vault.value.heads,
        whose(vault.own)
    )
}
