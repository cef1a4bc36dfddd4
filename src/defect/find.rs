//! From the survey to described defects, with the user's corrections.

use super::describe::{describe, inscribed_mm};
use super::edit::edited;
use super::local::{Local, PIXEL_MM};
use super::survey::{Core, survey};
use super::{Defect, Edit, EditKind, Error, Params};
use crate::geometry::Progress;
use crate::skull::Skull;

/// An opening nowhere wider than twice this is a suture or a foramen, mm.
pub(super) const LEAST_RADIUS_MM: f64 = 3.0;

/// See [`super::detect`].
pub(super) fn detect(
    skull: &Skull,
    edits: &[Edit],
    params: &Params,
    progress: &Progress,
) -> Result<Vec<Defect>, Error> {
    progress.report(0.0, "Looking over the vault")?;
    let cores = survey(skull, params.min_area_cm2);
    let mut found: Vec<Defect> = Vec::new();
    for (i, core) in cores.iter().enumerate() {
        progress.report(0.3 + 0.6 * i as f32 / cores.len() as f32, "Measuring an opening")?;
        if found.iter().any(|defect| holds(defect, core)) {
            continue;
        }
        let local = Local::around(skull, &core.directions, PIXEL_MM);
        let Some((hole, surface)) = local.hole(skull, core) else { continue };
        if inscribed_mm(&hole) < LEAST_RADIUS_MM {
            continue;
        }
        found.extend(describe(skull, local, &hole, &surface).filter(|d| d.area_cm2 >= params.min_area_cm2));
    }
    found.sort_by(|a, b| b.area_cm2.total_cmp(&a.area_cm2));
    let edits: Vec<EditKind> = edits.iter().filter(|e| e.is_for(params.index)).map(|e| e.kind.clone()).collect();
    if !edits.is_empty() {
        progress.report(0.9, "Applying the corrections")?;
        let drawn = edits.iter().any(|e| matches!(e, EditKind::Rim { .. }));
        if params.index < found.len() {
            found[params.index] = edited(skull, Some(&found[params.index]), &edits)?;
        } else if drawn {
            found.push(edited(skull, None, &edits)?);
        } else {
            return Err(Error::NoSuchDefect { index: params.index, count: found.len() });
        }
    }
    progress.report(1.0, "Vault checked")?;
    Ok(found)
}

/// Whether most of a core lies in the hole of a defect already found.
fn holds(defect: &Defect, core: &Core) -> bool {
    2 * core.directions.iter().filter(|d| defect.patch.holds(d)).count() > core.directions.len()
}
