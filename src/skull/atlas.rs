//! Building the mean vault from many whole skulls: generalised Procrustes, then maps of radius and thickness.
//!
//! This is the user's own `calvaria atlas build FOLDER --out FILE`; the shipped one is made by it too.

mod names;
mod procrustes;
mod statistics;

use super::mean_vault::{MeanVault, RHO_MAX, SIZE};
use super::occupancy::{FULL, occupancy};
use super::rays::RaySource;
use super::starts::{guess_centre, outer_points};
use crate::geometry::{Cancelled, Disc, Progress, Volume};
use nalgebra::Rotation3;

pub use names::name_bones;

/// Fewer heads than this make no mean.
pub const LEAST_HEADS: usize = 5;

/// Why no mean vault could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A skull could not be read: the reader's word, which names it.
    #[error("{0}")]
    Input(String),
    /// Too few usable skulls.
    #[error("only {found} of {given} skulls could be aligned; a mean vault needs at least {LEAST_HEADS} whole heads")]
    TooFew { found: usize, given: usize },
    /// The labelled skull does not fit the mean.
    #[error(
        "the labelled skull does not fit the mean vault (only {share_percent:.0} % of its surface); check its axes"
    )]
    Labels { share_percent: f64 },
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// One skull as the atlas keeps it: bone shares in cells of near 0.9 mm, and its outer points for alignment.
pub(crate) struct Head {
    pub name: String,
    pub shares: Volume<u8>,
    pub points: Vec<nalgebra::Point3<f64>>,
    pub centre: nalgebra::Point3<f64>,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The mean vault; [`name_bones`] names its bones from a labelled skull.
    pub vault: MeanVault,
    /// Names of the skulls in it, in the order given.
    pub used: Vec<String>,
    /// Names of the skulls left out, with the reason.
    pub left_out: Vec<(String, String)>,
    /// Median distance of each used skull's outer surface to the mean after alignment, mm.
    pub residual_mm: Vec<f64>,
}

/// Builds the mean vault of whole skulls given as masks (nonzero is bone), each read once.
///
/// `count` is how many the iterator gives (for the progress only). `like` is a mean vault whose axes and bone names it
/// takes; without it the axes are those of the first skull, and no bone has a name. Memory: about 10 MB a head.
pub fn build<E: std::fmt::Display>(
    skulls: impl Iterator<Item = (String, Result<Volume<u8>, E>)>,
    count: usize,
    like: Option<&MeanVault>,
    progress: &Progress,
) -> Result<Built, BuildError> {
    let mut heads = Vec::new();
    let mut left_out = Vec::new();
    let reading = progress.part(0.0, 0.7);
    for (i, (name, mask)) in skulls.enumerate() {
        reading.report(i as f32 / count.max(1) as f32, &format!("Reading skull {} of {count}", i + 1))?;
        let mask = mask.map_err(|e| BuildError::Input(e.to_string()))?;
        match prepared(name.clone(), &mask) {
            Some(head) => heads.push(head),
            None => left_out.push((name, "no bone surface was found around its middle".to_owned())),
        }
    }
    let given = heads.len() + left_out.len();
    if heads.len() < LEAST_HEADS {
        return Err(BuildError::TooFew { found: heads.len(), given });
    }
    progress.report(0.7, "Aligning the skulls")?;
    let disc = Disc::about_z(SIZE, RHO_MAX);
    let like = like.filter(|vault| vault.disc.size == SIZE);
    let first = like.map(|vault| vault.outer_mm.as_slice());
    let aligned = procrustes::align_all(&heads, &disc, first, &progress.part(0.7, 0.9))?;
    let mut used = Vec::new();
    for (i, fit) in aligned.fits.iter().enumerate() {
        if fit.inlier_share >= 0.75 && fit.residual_mm <= 1.6 {
            used.push(i);
        } else {
            let why = format!("fits badly: {:.0} % inliers, {:.1} mm", fit.inlier_share * 100.0, fit.residual_mm);
            left_out.push((heads[i].name.clone(), why));
        }
    }
    if used.len() < LEAST_HEADS {
        return Err(BuildError::TooFew { found: used.len(), given });
    }
    progress.report(0.9, "Averaging")?;
    let mut vault = statistics::mean_vault(&heads, &aligned, &used, disc);
    if let Some(like) = like {
        vault.bone.clone_from(&like.bone);
    }
    progress.report(1.0, "Mean vault built")?;
    Ok(Built {
        vault,
        residual_mm: used.iter().map(|&i| aligned.fits[i].residual_mm).collect(),
        used: used.iter().map(|&i| heads[i].name.clone()).collect(),
        left_out,
    })
}

fn prepared(name: String, mask: &Volume<u8>) -> Option<Head> {
    let shares = occupancy(mask)?;
    let iso = f32::from(FULL) / 2.0;
    let upright = Rotation3::identity();
    let centre = guess_centre(&shares, iso, &upright)?;
    let points = outer_points(&RaySource::new(&shares, iso), &centre, 5000, &upright);
    (points.len() > 1000).then_some(Head { name, shares, points, centre })
}

#[cfg(test)]
mod tests;
