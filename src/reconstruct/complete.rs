use super::kriging::{Model, OtherTables, condition};
use super::learned::{self, Learned};
use super::opposite::{self, Opposite, Rays};
use super::prior::Prior;
use super::rim::{Rim, check_rim, continue_rim, sheet_of};
use super::sheet::Sheet;
use super::tables::Tables;
use super::trust::Trust;
use super::{Completion, Error, Method, Params, allowed, compare, finish};
use crate::defect::Patch;
use crate::geometry::{HeadFrame, Progress};
use crate::network::map::MapNetwork;
use crate::scan::Finding;

/// What the methods at one patch share.
pub(super) struct Ground<'a> {
    pub patch: &'a Patch,
    pub prior: &'a Prior,
    frame: &'a HeadFrame,
    pub sheet: Sheet,
    pub rim: Rim,
    pub opposite: Opposite,
}

/// A completed patch, and the method's own tables on the rim's domain before they are joined with the bone, mm.
pub(super) struct Worked {
    pub completion: Completion,
    pub predicted: Tables,
    /// Whether the method's field had bone enough, so that its deviation is known.
    pub with_field: bool,
}

/// Said where the site's mean vault has no network.
const WITHOUT_NETWORK: &str = "This site's mean vault has no map network trained beside it: auto is the atlas' answer alone. \
                               Train one with `calvaria train map`.";

/// Completes a patch from its own rim, the atlas and the other side's rays.
pub(super) fn complete_patch(
    patch: &Patch,
    rays: Rays,
    prior: &Prior,
    frame: &HeadFrame,
    params: &Params,
    progress: &Progress,
) -> Result<Completion, Error> {
    let ground = Ground::of(patch, rays, prior, frame, params.method, &progress.part(0.0, 0.5))?;
    Ok(ground.complete(params, &progress.part(0.5, 1.0))?.completion)
}

impl<'a> Ground<'a> {
    /// The ground of a method. That of [`Method::Auto`] serves all methods but [`Method::Smooth`].
    pub fn of(
        patch: &'a Patch,
        rays: Rays,
        prior: &'a Prior,
        frame: &'a HeadFrame,
        method: Method,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let sheet = sheet_of(patch);
        progress.report(0.0, "continuing the rim")?;
        let guarded = Trust::guarded(&sheet, patch);
        check_rim(&sheet, patch, &guarded)?;
        let known = (method != Method::Smooth).then_some(prior);
        let rim = continue_rim(&sheet, patch, &guarded, known).ok_or(Error::NoRim { share_percent: 0.0 })?;
        progress.report(0.8, "looking at the other side")?;
        let opposite = opposite::look(&sheet, patch, &rim, rays, asks_other_side(method));
        Ok(Self { patch, prior, frame, sheet, rim, opposite })
    }

    /// Completes the patch by one method.
    pub fn complete(&self, params: &Params, progress: &Progress) -> Result<Worked, Error> {
        match params.method {
            Method::Map => {
                let network = MapNetwork::in_use()?;
                self.work(params, Some(&|start| network.correct(start)), progress)
            }
            // Heads that are not to be asked are among those that the network learned from.
            Method::Auto if self.prior.asks_all_heads() => match MapNetwork::in_use() {
                Ok(network) => self.work(params, Some(&|start| network.held(start)), progress),
                Err(_) => {
                    let mut worked = self.work(params, None, progress)?;
                    worked.completion.findings.push(Finding::new(WITHOUT_NETWORK));
                    Ok(worked)
                }
            },
            _ => self.work(params, None, progress),
        }
    }

    /// The field's answer alone: the default's before a network adds to it, and what the networks learn to go on from.
    pub fn field(&self, progress: &Progress) -> Result<Worked, Error> {
        self.work(&Params::default(), None, progress)
    }

    fn work(&self, params: &Params, learned: Option<&Learned>, progress: &Progress) -> Result<Worked, Error> {
        let Self { patch, prior, frame, sheet, rim, opposite } = self;
        progress.report(0.0, "completing the bone")?;
        let mut answer = answer(sheet, patch, rim, opposite, prior, params);
        if let Some(learned) = learned {
            learned::correct(self, &mut answer, learned);
        }
        let Answer { tables, outer_sd_mm, drawn } = answer;
        let tables = match drawn {
            Some(drawn) => tables.plus(&drawn),
            None => tables,
        };
        progress.report(0.8, "meeting the rim")?;
        let Rim { trust, missing_mm, domain, .. } = rim;
        let (outer_mm, inner_mm) = finish::maps(sheet, patch, trust, &tables, domain, missing_mm);
        let with_field = outer_sd_mm.is_some();
        let mut findings = match params.method {
            method if asks_other_side(method) => opposite::findings(patch, opposite, &tables),
            _ => Vec::new(),
        };
        findings.extend(compare::notable(patch, params, &tables, &rim.tables));
        let uncertainty_mm = uncertainty(sheet, patch, trust, outer_sd_mm.as_deref());
        let allowed = allowed::allowed(sheet, patch, trust, &outer_mm, &inner_mm);
        progress.report(1.0, "bone completed")?;
        let completion = Completion {
            method: params.method,
            frame: (*frame).clone(),
            disc: patch.disc.clone(),
            outer_mm,
            inner_mm,
            hole: patch.hole.clone(),
            allowed,
            uncertainty_mm,
            findings,
        };
        Ok(Worked { completion, predicted: tables, with_field })
    }
}

/// Whether a method lays the other side, moved onto the rim, over the hole: to take it, or to hold its answer against it.
fn asks_other_side(method: Method) -> bool {
    matches!(method, Method::Mirror | Method::Auto | Method::Map | Method::Volume)
}

/// A method's answer on the domain.
pub(super) struct Answer {
    /// The most likely tables, mm.
    pub tables: Tables,
    /// Standard deviation of the outer radius where the method knows it, mm.
    pub outer_sd_mm: Option<Vec<f32>>,
    /// What a drawn shape adds to the most likely one, mm.
    pub drawn: Option<Tables>,
}

fn answer(sheet: &Sheet, patch: &Patch, rim: &Rim, opposite: &Opposite, prior: &Prior, params: &Params) -> Answer {
    let plain = |tables: Tables| Answer { tables, outer_sd_mm: None, drawn: None };
    let kriged = |model: &Model, with_other: bool, draw: u32| {
        let residual = Tables::observed(patch).minus(&prior.mean);
        let other = with_other.then(|| {
            let side = &opposite.side;
            let seen = side.seen.iter().zip(&patch.vault).map(|(&seen, &vault)| seen && vault).collect();
            OtherTables { residual: side.tables().minus(&prior.mean), seen }
        });
        let Some(field) = condition(model, sheet, prior, &residual, &rim.trust, other.as_ref()) else {
            // Too little bone for the field: the thin plate asks for less.
            return plain(rim.tables.clone());
        };
        let likely = field.tables(sheet, &rim.domain);
        let drawn = (draw > 0).then(|| field.draw(sheet, &rim.domain, draw.into()).minus(&likely));
        let outer_sd_mm = Some(field.outer_sd_mm(sheet, &patch.hole));
        Answer { tables: likely.plus(&prior.mean), outer_sd_mm, drawn }
    };
    match params.method {
        Method::Smooth | Method::Tps => plain(rim.tables.clone()),
        Method::Mean => plain(prior.mean.clone()),
        Method::Mirror => plain(match &opposite.mirrored {
            Some(mirrored) => mirrored.over(sheet, &rim.tables),
            None => rim.tables.clone(),
        }),
        Method::Shape => kriged(&Model::SHAPE, false, params.shape_draw),
        Method::Kriging => kriged(&Model::KRIGING, false, params.shape_draw),
        Method::Auto => kriged(&Model::KRIGING, true, params.shape_draw),
        // The networks' own answers are the most likely ones.
        Method::Map | Method::Volume => kriged(&Model::KRIGING, true, 0),
    }
}

/// Without a field: deviation at the rim, mm, and its growth with the distance from trusted bone, mm a mm.
const RIM_SD_MM: f32 = 0.25;
const SD_GROWTH: f32 = 0.03;

/// Standard deviation of the outer radius inside the hole, 0 outside.
fn uncertainty(sheet: &Sheet, patch: &Patch, trust: &Trust, outer_sd_mm: Option<&[f32]>) -> Vec<f32> {
    let inside_mm = sheet.distance_mm(&trust.missing.iter().map(|m| !m).collect::<Vec<_>>());
    let one = |i: usize| match outer_sd_mm {
        Some(sd) => sd[i],
        None => RIM_SD_MM + SD_GROWTH * inside_mm[i],
    };
    (0..patch.hole.len()).map(|i| if patch.hole[i] { one(i) } else { 0.0 }).collect()
}
