use super::truth::Truth;
use crate::defect::{self, Defect};
use crate::geometry::{Cancelled, Progress, Volume};
use crate::reconstruct::{self, Completion};
use crate::scan::{Scan, Voxels};
use crate::skull::{self, Skull};

/// A defective skull with what was found in it: shared by all methods.
pub struct Prepared {
    /// The skull as the program sees it.
    pub skull: Skull,
    /// What was found, largest first; never empty.
    pub defects: Vec<Defect>,
    /// The atlas' heads that are not asked (see [`reconstruct::own_heads`]).
    pub left_out: Vec<usize>,
    defective: Volume<u8>,
}

/// What a method made.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The removed bone of every defect found, nothing of it in the defective skull.
    pub implant: Volume<u8>,
    /// The completed surfaces, one a defect.
    pub completions: Vec<Completion>,
}

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// No head in the mask.
    #[error(transparent)]
    Skull(#[from] skull::Error),
    /// The search failed.
    #[error(transparent)]
    Defect(#[from] defect::Error),
    /// Nothing to complete.
    #[error("no defect was found")]
    NoDefect,
    /// A defect could not be completed.
    #[error(transparent)]
    Reconstruct(#[from] reconstruct::Error),
    /// The method made no bone.
    #[error("the completed bone adds nothing")]
    NoImplant,
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Finds the head and its defects, as the program does with a mask; the truth is not looked at.
///
/// # Errors
/// See [`PredictError`].
pub fn prepare(
    defective: Volume<u8>,
    skull_params: &skull::Params,
    defect_params: &defect::Params,
    progress: &Progress,
) -> Result<Prepared, PredictError> {
    let scan = Scan::unnamed(Voxels::Mask(defective));
    let skull = skull::segment(&scan, skull_params, &progress.part(0.0, 0.6))?;
    let defects = defect::detect(&skull, &[], defect_params, &progress.part(0.6, 1.0))?;
    let Voxels::Mask(defective) = scan.voxels else { return Err(PredictError::NoDefect) };
    if defects.is_empty() {
        return Err(PredictError::NoDefect);
    }
    Ok(Prepared { skull, defects, left_out: Vec::new(), defective })
}

/// The atlas' heads that are this whole head itself, so that they can be left out when it is to be completed.
///
/// # Errors
/// Where there is no head.
pub fn heads_of(truth: &Truth, skull_params: &skull::Params, progress: &Progress) -> Result<Vec<usize>, PredictError> {
    let mut whole = truth.defective.clone();
    whole.data.iter_mut().zip(&truth.implant.data).for_each(|(bone, taken)| *bone |= taken);
    let scan = Scan::unnamed(Voxels::Mask(whole));
    Ok(reconstruct::own_heads(&skull::segment(&scan, skull_params, progress)?))
}

impl Prepared {
    /// Completes every defect by one method.
    ///
    /// # Errors
    /// See [`PredictError`].
    pub fn predict(&self, params: &reconstruct::Params, progress: &Progress) -> Result<Prediction, PredictError> {
        let mut implant = Volume::filled(self.defective.grid.clone(), 0u8);
        let mut completions = Vec::new();
        for (i, defect) in self.defects.iter().enumerate() {
            let share = |k: usize| k as f32 / self.defects.len() as f32;
            let part = progress.part(share(i), share(i + 1));
            let completion = reconstruct::complete_without(&self.skull, defect, params, &self.left_out, &part)?;
            let piece = completion.implant_mask(&self.skull, &implant.grid);
            for ((whole, new), bone) in implant.data.iter_mut().zip(&piece.data).zip(&self.defective.data) {
                *whole |= u8::from(*new != 0 && *bone == 0);
            }
            completions.push(completion);
        }
        if implant.data.iter().all(|&v| v == 0) {
            return Err(PredictError::NoImplant);
        }
        Ok(Prediction { implant, completions })
    }
}
