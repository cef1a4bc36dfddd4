//! Weight files: safetensors with a label that says what they are, and a hash over all of it.

use super::unet::{UNet, UNetShape};
use crate::skull::MeanVault;
use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Version of the files; a change of what the tensors mean raises it.
pub const VERSION: u32 = 1;

/// Name of a fitted number: the share of a network's correction that holds on heads not trained on.
pub const HELD_SHARE: &str = "held_share";

/// The label's only key, so that the file's bytes do not depend on the order of a hash map.
const KEY: &str = "calvaria";

/// A named tensor's axes and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Length along each axis.
    pub dims: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// Named tensors in the order of their names.
pub type Arrays = BTreeMap<String, Array>;

/// Why weights cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum WeightsError {
    /// No safetensors file, or one of another program.
    #[error("not a weight file of this program; train one with `calvaria train`")]
    Format,
    /// Weights of another network.
    #[error("these are weights of the {found} network, not of the {wanted} network; choose the right file")]
    Kind { found: String, wanted: String },
    /// Written by another version.
    #[error("weights of version {found}, but this program reads version {VERSION}; train again or update")]
    Version { found: u32 },
    /// A tensor is missing, has another shape, or is too much.
    #[error("the weights do not fit their network at {tensor}; train again with `calvaria train`")]
    Shape { tensor: String },
    /// Trained on heads as differences to another mean vault.
    #[error(
        "the {kind} network was trained beside another mean vault; train one beside this one with `calvaria train {kind}`"
    )]
    OtherMean { kind: String },
    /// Shortened or changed.
    #[error("the weight file is damaged (its hash does not fit); copy it again or train again")]
    Damaged,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Label<T> {
    kind: String,
    version: u32,
    about: T,
    sha256: String,
}

/// Hash over label and tensors: names, shapes and values, in the order of the names.
fn hash(kind: &str, about: &str, arrays: &Arrays) -> String {
    let mut sha = Sha256::new();
    for text in [kind, about] {
        sha.update((text.len() as u64).to_le_bytes());
        sha.update(text);
    }
    for (name, array) in arrays {
        sha.update((name.len() as u64).to_le_bytes());
        sha.update(name);
        array.dims.iter().for_each(|d| sha.update((*d as u64).to_le_bytes()));
        array.values.iter().for_each(|v| sha.update(v.to_le_bytes()));
    }
    sha.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// A labelled file of tensors.
pub(crate) fn pack<T: serde::Serialize>(kind: &str, about: &T, arrays: &Arrays) -> Vec<u8> {
    // Plain structs of numbers and words: neither step can fail.
    let about = serde_json::to_value(about).expect("a plain struct");
    let sha256 = hash(kind, &about.to_string(), arrays);
    let label = Label { kind: kind.to_owned(), version: VERSION, about, sha256 };
    let label = serde_json::to_string(&label).expect("a plain struct");
    let bytes: Vec<(&String, &Array, Vec<u8>)> =
        arrays.iter().map(|(n, a)| (n, a, a.values.iter().flat_map(|v| v.to_le_bytes()).collect())).collect();
    let views = bytes.iter().map(|(name, array, bytes)| {
        let view = TensorView::new(Dtype::F32, array.dims.clone(), bytes).expect("as many values as the shape says");
        (name.as_str(), view)
    });
    serialize(views, Some(HashMap::from([(KEY.to_owned(), label)]))).expect("names differ and fit a header")
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack<T: serde::de::DeserializeOwned>(bytes: &[u8], kind: &str) -> Result<(T, Arrays), WeightsError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| match e {
        // The header is whole, but not what follows.
        SafeTensorError::MetadataIncompleteBuffer => WeightsError::Damaged,
        _ => WeightsError::Format,
    })?;
    let label = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or(WeightsError::Format)?;
    let label: Label<serde_json::Value> = serde_json::from_str(label).map_err(|_| WeightsError::Format)?;
    if label.kind != kind {
        return Err(WeightsError::Kind { found: label.kind, wanted: kind.to_owned() });
    }
    if label.version != VERSION {
        return Err(WeightsError::Version { found: label.version });
    }
    let file = SafeTensors::deserialize(bytes).map_err(|_| WeightsError::Damaged)?;
    let mut arrays = Arrays::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(WeightsError::Shape { tensor: name.to_owned() });
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        arrays.insert(name.to_owned(), Array { dims: view.shape().to_vec(), values });
    }
    if hash(&label.kind, &label.about.to_string(), &arrays) != label.sha256 {
        return Err(WeightsError::Damaged);
    }
    let about = serde_json::from_value(label.about).map_err(|_| WeightsError::Format)?;
    Ok((about, arrays))
}

/// A trained network: what it is, how it was made, its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Shape, recipe and calibration.
    pub about: About,
    /// One tensor each that the shape asks for.
    pub arrays: Arrays,
}

/// What is known of trained weights.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The net they are for.
    pub shape: UNetShape,
    /// The recipe they were trained with, TOML.
    pub recipe: String,
    /// Steps they were trained for.
    pub steps: u64,
    /// Skulls they were trained on.
    pub skulls: usize,
    /// Numbers fitted after training (thresholds and the like), by name.
    pub calibration: BTreeMap<String, f64>,
    /// Hash of the mean vault they were trained beside, hex ([`MeanVault::hash_word`]); files that do not say are of
    /// the first one that shipped.
    #[serde(default = "first_vault")]
    pub mean_vault: String,
}

/// The mean vault that files are of which do not name theirs.
fn first_vault() -> String {
    FIRST_VAULT.to_owned()
}

const FIRST_VAULT: &str = "526bebadef666ed2ea640b7d24b2f12e54f183fcf2a81cd32a5a63e5f8ae46f4";

/// A net with more levels is none of this program's.
const MOST_LEVELS: usize = 8;

impl Weights {
    /// Weights of a net that answers the same everywhere, one number an output; nothing is known of them but their shape.
    #[cfg(test)]
    pub(crate) fn constant(shape: UNetShape, answer: &[f32]) -> Self {
        let array = |(name, dims, _): (String, Vec<usize>, f64)| {
            let mut values = vec![0.0; dims.iter().product()];
            if name == "head.bias" {
                // Folded: as many neighbours each.
                let each = values.len() / answer.len();
                values.iter_mut().enumerate().for_each(|(i, b)| *b = answer[i / each]);
            }
            (name, Array { dims, values })
        };
        let arrays = shape.tensors().into_iter().map(array).collect();
        let calibration = BTreeMap::new();
        let (recipe, mean_vault) = (String::new(), String::new());
        Self { about: About { shape, recipe, steps: 0, skulls: 0, calibration, mean_vault }, arrays }
    }

    /// Share of the network's correction that is taken: what was fitted, or all of it.
    pub fn held_share(&self) -> f32 {
        self.about.calibration.get(HELD_SHARE).copied().unwrap_or(1.0) as f32
    }

    /// The hash that their file of a kind carries, hex.
    pub fn hash(&self, kind: &str) -> String {
        // A plain struct of numbers and words cannot fail.
        let about = serde_json::to_value(&self.about).expect("a plain struct");
        hash(kind, &about.to_string(), &self.arrays)
    }

    /// The file's bytes; the same weights give the same bytes.
    pub fn to_bytes(&self, kind: &str) -> Vec<u8> {
        pack(kind, &self.about, &self.arrays)
    }

    /// Reads a file of a kind of network.
    ///
    /// # Errors
    /// One for each thing that can be wrong: see [`WeightsError`].
    pub fn from_bytes(bytes: &[u8], kind: &str) -> Result<Self, WeightsError> {
        let (about, arrays): (About, _) = unpack(bytes, kind)?;
        let levels = &about.shape.widths;
        if levels.is_empty() || levels.len() > MOST_LEVELS || levels.contains(&0) {
            return Err(WeightsError::Shape { tensor: "the list of widths".to_owned() });
        }
        let wanted = about.shape.tensors();
        for (name, dims, _) in &wanted {
            if arrays.get(name).is_none_or(|a| a.dims != *dims) {
                return Err(WeightsError::Shape { tensor: name.clone() });
            }
        }
        match arrays.keys().find(|n| wanted.iter().all(|w| w.0 != **n)) {
            Some(extra) => Err(WeightsError::Shape { tensor: extra.clone() }),
            None => Ok(Self { about, arrays }),
        }
    }

    /// The same, trained beside this mean vault.
    ///
    /// # Errors
    /// Also [`WeightsError::OtherMean`].
    pub fn beside(bytes: &[u8], kind: &str, vault: &MeanVault) -> Result<Self, WeightsError> {
        let weights = Self::from_bytes(bytes, kind)?;
        if weights.about.mean_vault != vault.hash_word() {
            return Err(WeightsError::OtherMean { kind: kind.to_owned() });
        }
        Ok(weights)
    }

    /// The network, ready to run (not to train).
    ///
    /// # Errors
    /// [`WeightsError::Shape`] when a tensor does not fit.
    pub fn net(&self) -> Result<UNet, WeightsError> {
        let tensors = tensors(&self.arrays)?;
        UNet::new(&self.about.shape, &tensors).map_err(|e| WeightsError::Shape { tensor: e.to_string() })
    }
}

/// The arrays as candle's tensors.
pub(crate) fn tensors(arrays: &Arrays) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let one = |(name, array): (&String, &Array)| {
        let tensor = Tensor::from_slice(&array.values, array.dims.as_slice(), &Device::Cpu);
        tensor.map(|t| (name.clone(), t)).map_err(|_| WeightsError::Shape { tensor: name.clone() })
    };
    arrays.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::unet::start;

    #[test]
    fn files_that_name_no_mean_vault_are_of_the_shipped_one() {
        // When another one ships, the networks have to be trained beside it.
        assert_eq!(MeanVault::shipped().hash_word(), FIRST_VAULT);
    }

    fn weights() -> Weights {
        let shape = UNetShape { dimensions: 2, inputs: 2, outputs: 1, widths: vec![3, 4], blocks: 1, fold: false };
        let array = |var: &candle_core::Var| Array {
            dims: var.dims().to_vec(),
            values: var.flatten_all().and_then(|t| t.to_vec1()).expect("values"),
        };
        let arrays = start(&shape, 1).expect("weights").iter().map(|(n, v)| (n.clone(), array(v))).collect();
        let calibration = BTreeMap::from([("threshold".to_owned(), 0.5)]);
        Weights {
            about: About {
                shape,
                recipe: "seed = 1".to_owned(),
                steps: 7,
                skulls: 3,
                calibration,
                mean_vault: String::new(),
            },
            arrays,
        }
    }

    #[test]
    fn weights_survive_their_file_and_give_the_same_bytes() {
        let weights = weights();
        let bytes = weights.to_bytes("detector");
        assert_eq!(Weights::from_bytes(&bytes, "detector"), Ok(weights.clone()));
        assert_eq!(weights.to_bytes("detector"), bytes);
        assert!(weights.net().is_ok());
    }

    #[test]
    fn each_fault_has_its_error() {
        let good = weights();
        let bytes = good.to_bytes("map");
        let read = |bytes: &[u8]| Weights::from_bytes(bytes, "detector").expect_err("refused");
        assert_eq!(read(&bytes), WeightsError::Kind { found: "map".to_owned(), wanted: "detector".to_owned() });
        assert_eq!(read(b"nonsense, nothing else"), WeightsError::Format);
        let bytes = good.to_bytes("detector");
        let mut flipped = bytes.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert_eq!(read(&flipped), WeightsError::Damaged);
        assert_eq!(read(&bytes[..last]), WeightsError::Damaged);
        let text = |from: &str, to: &str| -> Vec<u8> {
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).expect("in the label");
            let mut changed = bytes.clone();
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
            changed
        };
        assert_eq!(read(&text(r#"version\":1"#, r#"version\":9"#)), WeightsError::Version { found: 9 });
        // A recipe that was edited in the label.
        assert_eq!(read(&text("seed = 1", "seed = 2")), WeightsError::Damaged);
        let mut other = good.clone();
        other.about.shape.widths = vec![3, 5];
        assert!(matches!(read(&other.to_bytes("detector")), WeightsError::Shape { .. }));
        let mut more = good.clone();
        more.arrays.insert("zzz".to_owned(), Array { dims: vec![1], values: vec![0.0] });
        assert_eq!(read(&more.to_bytes("detector")), WeightsError::Shape { tensor: "zzz".to_owned() });
    }
}
