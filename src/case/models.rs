//! A site's own atlas and networks in the place of the shipped ones.
//!
//! A folder of models holds what differs from the shipped files, under the same names. It is read once, before anything
//! is reckoned with; from then on it stays.

use crate::network::Weights;
use crate::network::detector::{Detector, KIND};
use crate::network::map::{MAP_KIND, MapNetwork};
use crate::network::volume::{VOLUME_KIND, VolumeNetwork};
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
    #[error("{}: none of {} is in it; choose the folder that holds them", folder.display(), MODEL_FILES.join(", "))]
    Empty { folder: PathBuf },
    /// A file that cannot be used.
    #[error("{}: {why}", file.display())]
    File { file: PathBuf, why: String },
    /// The shipped heads are differences to the shipped mean vault.
    #[error(
        "{}: a mean vault of its own needs heads measured against it; make heads.bin with `calvaria --models` this folder \
         `atlas heads`",
        folder.display()
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

/// Puts what a folder holds in the place of the shipped files; gives back the names of what it held. All of it is read
/// and held against each other before anything is replaced.
///
/// # Errors
/// See [`ModelsError`].
pub fn use_models(folder: &Path, asked: ModelsAsked) -> Result<Vec<&'static str>, ModelsError> {
    let files = read(folder, asked)?;
    let used = files.iter().map(|f| f.0).collect();
    Own::of(folder, files, asked)?.replace()?;
    Ok(used)
}

/// A file's name and bytes.
type File = (&'static str, Vec<u8>);

/// The files of a folder that are asked for.
fn read(folder: &Path, asked: ModelsAsked) -> Result<Vec<File>, ModelsError> {
    if !folder.is_dir() {
        return Err(ModelsError::NoFolder { folder: folder.to_owned() });
    }
    let needed = |name: &str| match name {
        VAULT => ModelsAsked::Vault,
        HEADS => ModelsAsked::Atlas,
        _ => ModelsAsked::All,
    };
    let mut found = Vec::new();
    for name in MODEL_FILES.into_iter().filter(|name| needed(name) <= asked) {
        let file = folder.join(name);
        match std::fs::read(&file) {
            Ok(bytes) => found.push((name, bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(ModelsError::File { file, why: e.to_string() }),
        }
    }
    // What is about to be made may be the folder's first file.
    if found.is_empty() && asked == ModelsAsked::All {
        return Err(ModelsError::Empty { folder: folder.to_owned() });
    }
    Ok(found)
}

/// What a folder holds, read and found to fit together.
struct Own {
    vault: Option<(Vec<u8>, MeanVault)>,
    heads: Option<(Vec<u8>, HeadMaps)>,
    detector: Option<(Vec<u8>, Detector)>,
    map: Option<(Vec<u8>, MapNetwork)>,
    volume: Option<(Vec<u8>, VolumeNetwork)>,
}

impl Own {
    fn of(folder: &Path, mut files: Vec<File>, asked: ModelsAsked) -> Result<Self, ModelsError> {
        let mut take = |name: &str| {
            let at = files.iter().position(|f| f.0 == name)?;
            Some(files.swap_remove(at).1)
        };
        let shipped = MeanVault::shipped();
        let vault = opened(take(VAULT), MeanVault::of_site).map_err(|e| refused(folder, VAULT, &e))?;
        // A copy of the shipped one is no other one: the shipped heads and networks go on beside it.
        let vault = vault.filter(|(_, v)| v.hash() != shipped.hash());
        let beside = vault.as_ref().map_or(&shipped, |(_, v)| v);
        let heads = opened(take(HEADS), |b| HeadMaps::from_bytes(b, beside)).map_err(|e| refused(folder, HEADS, &e))?;
        if vault.is_some() && heads.is_none() && asked > ModelsAsked::Vault {
            return Err(ModelsError::NoHeads { folder: folder.to_owned() });
        }
        let detector = opened(take(DETECTOR), |b| Detector::new(&Weights::beside(b, KIND, beside)?));
        let map = opened(take(MAP), |b| MapNetwork::new(&Weights::beside(b, MAP_KIND, beside)?));
        let volume = opened(take(VOLUME), |b| VolumeNetwork::new(&Weights::beside(b, VOLUME_KIND, beside)?));
        Ok(Self {
            detector: detector.map_err(|e| refused(folder, DETECTOR, &e))?,
            map: map.map_err(|e| refused(folder, MAP, &e))?,
            volume: volume.map_err(|e| refused(folder, VOLUME, &e))?,
            vault,
            heads,
        })
    }

    fn replace(self) -> Result<(), ModelsError> {
        let all = self.vault.is_none_or(|(file, vault)| MeanVault::replace(file, vault))
            && self.heads.is_none_or(|(file, heads)| HeadMaps::replace(file, heads))
            && self.detector.is_none_or(|(file, network)| Detector::replace(file, network))
            && self.map.is_none_or(|(file, network)| MapNetwork::replace(file, network))
            && self.volume.is_none_or(|(file, network)| VolumeNetwork::replace(file, network));
        if all { Ok(()) } else { Err(ModelsError::InUse) }
    }
}

/// A file with what `read` makes of it.
fn opened<T, E>(file: Option<Vec<u8>>, read: impl Fn(&[u8]) -> Result<T, E>) -> Result<Option<(Vec<u8>, T)>, E> {
    file.map(|bytes| read(&bytes).map(|value| (bytes, value))).transpose()
}

fn refused(folder: &Path, name: &str, why: &dyn std::fmt::Display) -> ModelsError {
    ModelsError::File { file: folder.join(name), why: why.to_string() }
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
    if MapNetwork::in_use().is_ok() && matches!(method, Method::Auto | Method::Map) {
        all.push(ModelInUse { name: MAP, own: MapNetwork::file().own, sha256: MapNetwork::file().sha256() });
    }
    if method == Method::Volume {
        all.push(ModelInUse { name: VOLUME, own: VolumeNetwork::file().own, sha256: VolumeNetwork::file().sha256() });
    }
    all
}

/// What a method's answer depends on besides scan and program, in a word: of every file asked the beginning of its hash.
pub fn models_word(method: crate::reconstruct::Method) -> String {
    let asked = models_in_use(method).into_iter().filter(|m| m.name != DETECTOR);
    asked.map(|m| m.sha256[..12].to_owned()).collect::<Vec<_>>().join(" ")
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
