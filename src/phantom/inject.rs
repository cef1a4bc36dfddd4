//! Defects with known truth, cut into whole skulls to train and test on: boxes with corner cylinders as SkullFix was
//! made, cubes, balls, and irregular patches with slanted walls anywhere on the vault.

use super::fragments::leave_fragments;
use super::inject_clean::cleaned;
use super::inject_shape::{Body, Frame, Opening, patch_region};
use super::inject_vault::VaultMap;
use super::partial::{extent, slices};
use super::random::stream;
use super::sites::Sites;
use crate::geometry::Random;
use crate::geometry::{Cancelled, Progress, Volume};
use crate::skull::Skull;
use nalgebra::{Rotation3, Unit, Vector3};
use rayon::prelude::*;

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectKind {
    /// A box square on the bone with a cylinder along each corner, as SkullFix was cut.
    Box,
    /// A cube in any turn.
    Cube,
    /// A ball.
    Sphere,
    /// An irregular, elastically deformed patch whose walls lean.
    Patch,
}

/// One cut.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectParams {
    /// What is cut.
    pub kind: InjectKind,
    /// Area of the outer surface to remove, cm² (1 to 300).
    pub area_cm2: f64,
    /// Names place, outline and walls; the same seed cuts the same defect.
    pub seed: u64,
    /// Defects at once: the asked one and smaller ones (3 to 20 cm²) elsewhere; 0 for one, and a second in one of
    /// twenty, as the test protocol has it.
    pub holes: u32,
    /// Range a patch's walls lean in, degrees to the surface normal; positive walls narrow inwards.
    pub bevel_deg: [f64; 2],
    /// How far the cut edge is frayed, mm (0 for a clean saw).
    pub fray_mm: f64,
    /// Loose pieces of bone left in the defect.
    pub fragments: u32,
    /// How much of the vertex is out of view, mm (0 for none).
    pub vertex_mm: f64,
    /// How far below the circumference the view ends, mm (`None` for all of it).
    pub base_mm: Option<f64>,
}

/// Share of the test protocol's defects with a second one.
const SECOND_SHARE: f64 = 0.05;

impl InjectParams {
    /// A cut with the walls and second defects of the test protocol.
    pub fn new(kind: InjectKind, area_cm2: f64, seed: u64) -> Self {
        Self {
            kind,
            area_cm2,
            seed,
            holes: 0,
            bevel_deg: [-20.0, 35.0],
            fray_mm: 0.0,
            fragments: 0,
            vertex_mm: 0.0,
            base_mm: None,
        }
    }
}

/// Protocol B: ten patches a skull, two of each range of area; the ranges (cm²) name the kinds.
///
/// The seeds are 1000 + 10 · `skull` + n.
pub fn protocol_b(skull: u64) -> Vec<(String, InjectParams)> {
    const RANGES: [[u32; 2]; 5] = [[2, 10], [10, 40], [40, 80], [80, 150], [150, 250]];
    let one = |n: u64| {
        let [low, high] = RANGES[n as usize / 2];
        let seed = 1000 + 10 * skull + n;
        // Rounded, so that a list in text makes the same cut again.
        let area_cm2 = (stream(seed, 40).between(f64::from(low), f64::from(high)) * 1000.0).round() / 1000.0;
        let kind = format!("{low:03}-{high:03}cm2_{}", n % 2 + 1);
        (kind, InjectParams::new(InjectKind::Patch, area_cm2, seed))
    };
    (0..10).map(one).collect()
}

/// A skull with defects, and what was taken.
#[derive(Clone, Debug)]
pub struct Injected {
    /// The bone that is left.
    pub defective: Volume<u8>,
    /// The bone that was taken; with `defective` the complete skull, as far as it is in view.
    pub implant: Volume<u8>,
    /// What was cut, the asked one first.
    pub cuts: Vec<InjectedCut>,
}

/// What is known of a cut.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectedCut {
    /// Its middle on the outer surface, LPS mm.
    pub centre_mm: [f64; 3],
    /// Area of the removed outer surface, cm².
    pub area_cm2: f64,
    /// Lean of the walls, degrees to the surface normal; 0 for bodies with their own walls.
    pub bevel_deg: f64,
}

/// Why nothing was cut.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum InjectError {
    /// The area does not fit on the vault.
    #[error("an area of {0:.0} cm² does not fit onto this vault; choose 1 to 250 cm²")]
    Area(f64),
    /// Too many at once.
    #[error("{0} defects do not fit apart onto this vault; cut fewer at once")]
    Room(u64),
    /// The mask lies elsewhere than the skull that was found in it.
    #[error("skull and mask lie on different grids")]
    Grids,
    /// Nothing of the skull lay under the cut.
    #[error("the cut took no bone; choose another seed")]
    Nothing,
    /// The ends of the scan take the defect with them.
    #[error("the shortened scan shows less than half of the defect; cut less off or choose another seed")]
    OutOfView,
    /// The work was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Cuts defects into a complete skull mask. `skull` is what `skull::segment` found in it.
///
/// # Errors
/// See [`InjectError`].
pub fn inject(
    complete: &Volume<u8>,
    skull: &Skull,
    params: &InjectParams,
    progress: &Progress,
) -> Result<Injected, InjectError> {
    if !complete.grid.matches(&skull.intensity.grid, 1e-6) {
        return Err(InjectError::Grids);
    }
    if !(1.0..=300.0).contains(&params.area_cm2) {
        return Err(InjectError::Area(params.area_cm2));
    }
    let mut random = stream(params.seed, 41);
    let first = on_vault(skull, &mut random, |_| true).ok_or(InjectError::Room(1))?;
    let mut wanted = vec![(first, params.area_cm2, params.seed)];
    let second = random.between(0.0, 1.0) < SECOND_SHARE;
    let holes = if params.holes == 0 { 1 + u64::from(second) } else { u64::from(params.holes) };
    for n in 1..holes {
        let apart = |d: &Vector3<f64>| wanted.iter().all(|(other, _, _)| d.dot(other) < 0.3);
        let area_cm2 = random.between(3.0, 20.0);
        let towards = on_vault(skull, &mut random, apart).ok_or(InjectError::Room(holes))?;
        wanted.push((towards, area_cm2, params.seed ^ (n * 0x5EC0_17D0)));
    }
    let mut implant = Volume::filled(complete.grid.clone(), 0u8);
    let mut cuts = Vec::new();
    for (i, (towards, area_cm2, seed)) in wanted.iter().enumerate() {
        progress.report(0.1 + 0.7 * i as f32 / wanted.len() as f32, "cutting")?;
        let (opening, cut) = opening(skull, params, towards, *area_cm2, *seed)?;
        take(complete, skull, &opening, &mut implant);
        cuts.push(cut);
    }
    progress.report(0.8, "cleaning up")?;
    let mut implant = cleaned(complete, implant).ok_or(InjectError::Nothing)?;
    let left = complete.data.iter().zip(&implant.data).map(|(&c, &i)| u8::from(c != 0 && i == 0));
    let mut defective = Volume::new(complete.grid.clone(), left.collect());
    leave_fragments(&mut defective, &mut implant, params.fragments, params.seed);
    let taken = count(&implant);
    if let Some(kept) = in_view(complete, params) {
        (defective, implant) = (slices(&defective, &kept), slices(&implant, &kept));
    }
    if 2 * count(&implant) < taken {
        return Err(InjectError::OutOfView);
    }
    Ok(Injected { defective, implant, cuts })
}

fn count(mask: &Volume<u8>) -> usize {
    mask.data.iter().filter(|v| **v != 0).count()
}

/// The slices a shortened scan keeps; `None` for all.
fn in_view(complete: &Volume<u8>, params: &InjectParams) -> Option<std::ops::Range<usize>> {
    let head = extent(complete)?;
    let above = (params.vertex_mm > 0.0).then(|| head.without_vertex(&complete.grid, params.vertex_mm));
    let below = params.base_mm.map(|mm| head.without_base(&complete.grid, mm));
    match (above, below) {
        (Some(a), Some(b)) => Some(a.start.max(b.start)..a.end.min(b.end).max(a.start.max(b.start) + 1)),
        (a, b) => a.or(b),
    }
}

/// A direction of the head frame, evenly drawn over the vault.
fn on_vault(skull: &Skull, random: &mut Random, wanted: impl Fn(&Vector3<f64>) -> bool) -> Option<Vector3<f64>> {
    let sites = Sites::shipped();
    // The vault covers a third of the sphere: a thousand draws do not miss it.
    for _ in 0..1000 {
        let (z, turn) = (random.signed(), random.signed() * std::f64::consts::PI);
        let side = (1.0 - z * z).sqrt();
        let direction = Vector3::new(side * turn.cos(), side * turn.sin(), z);
        if sites.in_vault(&skull.scales.component_mul(&direction)) && wanted(&direction) {
            return Some(direction);
        }
    }
    None
}

fn opening(
    skull: &Skull,
    params: &InjectParams,
    towards: &Vector3<f64>,
    area_cm2: f64,
    seed: u64,
) -> Result<(Opening, InjectedCut), InjectError> {
    let map = VaultMap::new(skull, towards, area_cm2);
    let mut random = stream(seed, 42);
    let turn = random.between(0.0, std::f64::consts::TAU);
    let bevel_deg = random.between(params.bevel_deg[0], params.bevel_deg[1]);
    let aspect = random.between(1.0, 1.6);
    let frame = Frame::new(&map, towards, turn);
    let opening = match params.kind {
        InjectKind::Patch => {
            let region = patch_region(&map, area_cm2, seed).ok_or(InjectError::Area(area_cm2))?;
            Opening::slanted(map, &region, bevel_deg, params.fray_mm, seed)
        }
        solid => {
            let body = match solid {
                InjectKind::Box => Body::Box { aspect },
                InjectKind::Sphere => Body::Ball,
                InjectKind::Cube | InjectKind::Patch => Body::Cube { turn: any_turn(&mut random) },
            };
            Opening::solid(map, frame, body, area_cm2).ok_or(InjectError::Area(area_cm2))?
        }
    };
    let cut = InjectedCut {
        centre_mm: skull.frame.point_from_head(&opening.centre()).into(),
        area_cm2: opening.area_cm2(),
        bevel_deg: if params.kind == InjectKind::Patch { bevel_deg } else { 0.0 },
    };
    Ok((opening, cut))
}

fn any_turn(random: &mut Random) -> Rotation3<f64> {
    let axis = Vector3::new(random.signed(), random.signed(), random.signed() + 1e-3);
    Rotation3::from_axis_angle(&Unit::new_normalize(axis), random.signed() * std::f64::consts::PI)
}

/// Takes the bone within the opening.
fn take(complete: &Volume<u8>, skull: &Skull, opening: &Opening, implant: &mut Volume<u8>) {
    let grid = &complete.grid;
    let [nx, ny, _] = grid.size;
    let matrix = skull.frame.head_from_lps * grid.lps_from_index_matrix();
    let origin = skull.frame.head_from_point(&grid.origin_mm);
    implant.data.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (o, taken) in slice.iter_mut().enumerate() {
            if complete.data[z * nx * ny + o] == 0 || *taken != 0 {
                continue;
            }
            let head = origin + matrix * Vector3::new((o % nx) as f64, (o / nx) as f64, z as f64);
            *taken = u8::from(opening.holds(&head));
        }
    });
}
