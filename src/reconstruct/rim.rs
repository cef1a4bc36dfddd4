use super::Error;
use super::predict;
use super::prior::Prior;
use super::sheet::{Sheet, median};
use super::tables::Tables;
use super::trust::Trust;
use crate::defect::Patch;

/// Samples of the first, guarded fit and of the last one.
const FIRST_BUDGET: usize = 320;
pub(super) const LAST_BUDGET: usize = 620;
/// How far beyond the missing part the prediction is made, mm.
const DOMAIN_MM: f32 = 18.0;
/// Least share of the hole's rim that must have intact bone nearby.
const LEAST_RIM: f64 = 0.3;

/// The patch as a flat sheet at its own typical outer radius.
pub(super) fn sheet_of(patch: &Patch) -> Sheet {
    let radius = median(patch.outer_mm.iter().map(|&r| r as f64)).unwrap_or(85.0);
    Sheet::new(&patch.disc, radius)
}

/// Fails when most of the rim has no trusted bone within reach (the hole's border against the map's or the vault's edge).
pub(super) fn check_rim(sheet: &Sheet, patch: &Patch, trust: &Trust) -> Result<(), Error> {
    let to_bone = sheet.distance_mm(&trust.outer);
    let to_outside = sheet.distance_mm(&patch.hole.iter().map(|h| !h).collect::<Vec<_>>());
    let rim: Vec<usize> =
        (0..patch.hole.len()).filter(|&i| patch.hole[i] && to_outside[i] as f64 <= 1.01 * sheet.pixel_mm).collect();
    let good = rim.iter().filter(|&&i| to_bone[i] <= 12.0).count();
    let share = good as f64 / rim.len().max(1) as f64;
    if share < LEAST_RIM { Err(Error::NoRim { share_percent: 100.0 * share }) } else { Ok(()) }
}

/// The rim continued over the hole.
pub(super) struct Rim {
    pub trust: Trust,
    /// Distance to what is missing, mm.
    pub missing_mm: Vec<f32>,
    /// Pixels with a prediction.
    pub domain: Vec<bool>,
    pub tables: Tables,
}

/// Twice: from behind the guard, and again with the bone given back up to the cut. What is continued is the
/// difference to the mean vault, or the radii themselves without a prior.
pub(super) fn continue_rim(sheet: &Sheet, patch: &Patch, guarded: &Trust, prior: Option<&Prior>) -> Option<Rim> {
    let nothing = Tables::zeros(patch.hole.len());
    let mean = prior.map_or(&nothing, |p| &p.mean);
    let residual = Tables::observed(patch).minus(mean);
    let missing_mm = sheet.distance_mm(&guarded.missing);
    let asked: Vec<bool> = sheet.distance_mm(&patch.hole).iter().map(|&d| d <= Trust::asked_mm()).collect();
    let first = predict::continued(sheet, &residual, guarded, &missing_mm, &asked, FIRST_BUDGET)?.plus(mean);
    let trust = guarded.give_back(sheet, patch, &first);
    let trust = if prior.is_some() { trust.beyond_vault(sheet, patch, mean) } else { trust };
    let missing_mm = sheet.distance_mm(&trust.missing);
    let domain: Vec<bool> = missing_mm.iter().map(|&d| d <= DOMAIN_MM).collect();
    let last = predict::continued(sheet, &residual, &trust, &missing_mm, &domain, LAST_BUDGET)?;
    Some(Rim { trust, missing_mm, domain, tables: last.plus(mean) })
}
