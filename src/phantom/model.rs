//! One head as a continuous function: CT number and bone at every point.

use super::anatomy::{Anatomy, Cavity, Fill, Limit};
use super::cutter::Cutter;
use super::random::{mix, stream, texture};
use super::shape::{Shape, join, step};
use super::vault::{Vault, VaultAt};
use crate::geometry::HeadFrame;
use nalgebra::{Matrix3, Point3, Rotation3, Vector3};

/// CT number at or above which noise-free bone counts as bone in the truth mask, HU.
pub(super) const BONE_HU: f64 = 300.0;
const AIR_HU: f64 = -1000.0;
/// What fills a hole in the skull.
const SCAR_HU: f64 = 40.0;
const SCALP_MM: f64 = 6.5;

/// A point's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// CT number with the defects cut, HU, without noise.
    pub hu: f64,
    /// CT number of the whole head, HU, without noise or head rest.
    pub whole_hu: f64,
    /// The defect (by number) that took the point's bone.
    pub cut_by: Option<usize>,
}

/// Signed distances (mm) of one point to the skin, the brain's cavity and the skull's bone, and the share of that
/// bone which a hole takes away.
#[derive(Clone, Copy)]
struct Layers {
    skin_mm: f64,
    cavity_mm: f64,
    bone_mm: f64,
    taken: f64,
}

/// A hole to be cut, with what it does to the scalp.
pub(super) struct Cut {
    pub cutter: Cutter,
    pub sink_mm: f64,
}

/// One head: shape, pose and holes.
pub(super) struct Head {
    vault: Vault,
    anatomy: Anatomy,
    /// Head mm = scale · average mm, along head axes.
    pub(super) scale: Vector3<f64>,
    pub(super) frame: HeadFrame,
    pub(super) cuts: Vec<Cut>,
    seed: u64,
    /// Width over which neighbouring tissues mix, mm (a voxel and a little: the scanner's sharpness).
    blur_mm: f64,
    rest: Rest,
}

/// The scanner's head rest: a padded shell behind the head, in LPS.
struct Rest {
    axis_x_mm: f64,
    axis_y_mm: f64,
    radius_mm: f64,
    low_z_mm: f64,
    high_z_mm: f64,
}

/// Indices of the bodies that can matter within a block of voxels.
#[derive(Default)]
pub(super) struct Near {
    skull: Vec<Shape>,
    loose: Vec<Shape>,
    teeth: Vec<Shape>,
    cavities: Vec<Cavity>,
    soft: Vec<Shape>,
    eyes: Vec<(Shape, f64)>,
    cuts: Vec<usize>,
    /// Nothing but air (and the head rest).
    air: bool,
}

impl Head {
    pub(super) fn new(seed: u64, voxel_mm: f64) -> Self {
        let mut random = stream(seed, 2);
        let common = random.between(-0.02, 0.03);
        let scale = Vector3::from_fn(|_, _| 1.0 + common + 0.02 * random.signed());
        // Lying on the back with the chin a little down: the face is level at about 20° in this frame.
        let pitch = (12.0 + 4.0 * random.signed()).to_radians();
        let roll = (3.0 * random.signed()).to_radians();
        let yaw = (3.0 * random.signed()).to_radians();
        let lps_from_head: Matrix3<f64> = (Rotation3::from_axis_angle(&Vector3::z_axis(), yaw)
            * Rotation3::from_axis_angle(&Vector3::y_axis(), roll)
            * Rotation3::from_axis_angle(&Vector3::x_axis(), -pitch))
        .into_inner();
        let centre = Point3::from(Vector3::from_fn(|_, _| 4.0 * random.signed()));
        let frame = HeadFrame { centre_mm: centre, head_from_lps: lps_from_head.transpose() };
        let vault = Vault::new(seed);
        let mut head = Self {
            vault,
            anatomy: Anatomy::new(),
            scale,
            frame,
            cuts: Vec::new(),
            seed: mix(seed ^ 0xB04E),
            blur_mm: 1.15 * voxel_mm,
            rest: Rest { axis_x_mm: centre.x, axis_y_mm: 0.0, radius_mm: 104.0, low_z_mm: -75.0, high_z_mm: 62.0 },
        };
        // The pad touches the back of the head.
        let mut back = centre;
        while head.skin_mm(&head.average_from_lps(&back)) < 0.0 {
            back.y += 0.5;
        }
        head.rest.axis_y_mm = back.y - head.rest.radius_mm;
        head
    }

    /// Average-head coordinates (mm) of an LPS point.
    #[inline]
    pub(super) fn average_from_lps(&self, p: &Point3<f64>) -> Vector3<f64> {
        self.frame.head_from_point(p).component_div(&self.scale)
    }

    /// Signed distance to the outer surface of the braincase at an LPS point, mm; zero exactly on it.
    pub(super) fn outer_mm(&self, p: &Point3<f64>) -> f64 {
        self.vault.at(&self.average_from_lps(p)).outer_mm
    }

    /// Thickness of the braincase at an LPS point, mm (of the average head).
    pub(super) fn thickness_mm(&self, p: &Point3<f64>) -> f64 {
        self.vault.at(&self.average_from_lps(p)).thickness_mm
    }

    fn skin_mm(&self, q: &Vector3<f64>) -> f64 {
        let folded = Vector3::new(q.x.abs(), q.y, q.z);
        skin(self.vault.at(q).outer_mm, &self.anatomy.soft, &folded)
    }

    /// What can matter within `reach_mm` of an LPS point.
    pub(super) fn near(&self, p: &Point3<f64>, reach_mm: f64) -> Near {
        let q = self.average_from_lps(p);
        let folded = Vector3::new(q.x.abs(), q.y, q.z);
        // Folding at x = 0 can only bring points nearer; 8 mm cover fillets, walls and blur.
        let reach = reach_mm * 1.1 + 8.0;
        // The skin's distance is first order only away from the skin, hence the third more.
        if self.skin_mm(&q) > reach_mm * 1.33 + 10.0 {
            return Near { air: true, ..Near::default() };
        }
        let keep = |list: &[Shape]| list.iter().filter(|s| s.is_near(&folded, reach)).copied().collect();
        Near {
            air: false,
            skull: keep(&self.anatomy.skull),
            loose: keep(&self.anatomy.loose),
            teeth: keep(&self.anatomy.teeth),
            cavities: self.anatomy.cavities.iter().filter(|c| c.shape.is_near(&folded, reach)).copied().collect(),
            soft: self.anatomy.soft.iter().filter(|s| s.is_near(&folded, reach + 14.0)).copied().collect(),
            eyes: self.anatomy.eyes.iter().filter(|(s, _)| s.is_near(&folded, reach)).copied().collect(),
            cuts: (0..self.cuts.len())
                .filter(|&i| {
                    let c = &self.cuts[i].cutter;
                    (p - c.middle()).norm() < c.reach_mm() * 1.6 + 45.0 + reach_mm
                })
                .collect(),
        }
    }

    /// Share of a voxel that lies inside a body, from the signed distance of its centre.
    #[inline]
    fn cover(&self, distance_mm: f64) -> f64 {
        (0.5 - distance_mm / self.blur_mm).clamp(0.0, 1.0)
    }

    /// CT number and bone at an LPS point.
    pub(super) fn sample(&self, p: &Point3<f64>, near: &Near) -> Sample {
        if near.air {
            return Sample { hu: self.rest_hu(p, AIR_HU), whole_hu: AIR_HU, cut_by: None };
        }
        let q = self.average_from_lps(p);
        let at = self.vault.at(&q);
        let folded = Vector3::new(q.x.abs(), q.y, q.z);
        // Deep in the brain nothing else can be near.
        if at.outer_mm < -45.0 && q.z > -18.0 {
            let hu = brain_hu(&folded, -30.0);
            return Sample { hu, whole_hu: hu, cut_by: None };
        }
        let skin_mm = skin(at.outer_mm, &near.soft, &folded);
        if skin_mm > 8.0 {
            let hu = self.rest_hu(p, AIR_HU);
            return Sample { hu, whole_hu: AIR_HU, cut_by: None };
        }
        let (wall, sunken_skin) = self.cut(p, &at, skin_mm, near);
        let (shell, cavity) = self.vault.shell_and_cavity(&q, &at);
        let hollows = Hollows::new(near, &folded, &at);
        let bone = bone_mm(shell, &folded, near, &hollows);
        let whole = Layers { skin_mm, cavity_mm: cavity, bone_mm: bone, taken: 0.0 };
        let whole_hu = self.tissue_hu(&q, &folded, &whole, near, &hollows);
        let outside = |hu: f64, skin: f64| if skin > -self.blur_mm { self.rest_hu(p, hu) } else { hu };
        let Some((by, wall)) = wall else {
            return Sample { hu: outside(whole_hu, skin_mm), whole_hu, cut_by: None };
        };
        // Within the walls the braincase is gone; bones below it stay.
        let taken = self.cover(wall);
        let hu = self.tissue_hu(&q, &folded, &Layers { skin_mm: sunken_skin, taken, ..whole }, near, &hollows);
        let cut_by = (taken >= 0.5 && whole_hu >= BONE_HU && bone < self.blur_mm).then_some(by);
        Sample { hu: outside(hu, sunken_skin), whole_hu, cut_by }
    }

    /// The nearest hole's number and wall distance, and the skin as it sinks into holes.
    fn cut(&self, p: &Point3<f64>, at: &VaultAt, skin_mm: f64, near: &Near) -> (Option<(usize, f64)>, f64) {
        let mut found: Option<(usize, f64)> = None;
        let mut sunken = skin_mm;
        for &i in &near.cuts {
            let cut = &self.cuts[i];
            let Some(c) = cut.cutter.at(p) else { continue };
            sunken += cut.sink_mm * (1.0 - c.share * c.share).max(0.0);
            // Only the shell of the vault on this side: not the base, nor the other side of the head.
            let depth = (-at.outer_mm - at.thickness_mm - 3.0).max(at.outer_mm - 5.0);
            let wall = c.wall_mm.max(depth);
            if c.height_mm > -45.0 && wall < self.blur_mm && found.is_none_or(|(_, w)| wall < w) {
                found = Some((i, wall));
            }
        }
        (found, sunken)
    }

    /// CT number of the tissues laid over each other.
    fn tissue_hu(
        &self,
        q: &Vector3<f64>,
        folded: &Vector3<f64>,
        layers: &Layers,
        near: &Near,
        hollows: &Hollows,
    ) -> f64 {
        let Layers { skin_mm: skin, cavity_mm: cavity, bone_mm: bone, taken } = *layers;
        let mut hu = blend(AIR_HU, soft_hu(self.seed, q, skin), self.cover(skin));
        hu = blend(hu, brain_hu(folded, cavity), self.cover(cavity));
        for (c, &d) in near.cavities.iter().zip(&hollows.mm) {
            // Air may open to the outside; fat and soft tissue stay below the skin.
            let (value, d) = match c.fill {
                Fill::Air => (AIR_HU, d),
                Fill::Nose => (self.nose_hu(folded), d),
                Fill::Fat => (-85.0, d.max(skin + 1.5)),
                Fill::Soft => (32.0, d),
            };
            hu = blend(hu, value, self.cover(d));
        }
        for (eye, value) in &near.eyes {
            hu = blend(hu, *value, self.cover(eye.distance(folded)));
        }
        let whole = self.cover(bone);
        if whole > 0.0 {
            hu = blend(hu, SCAR_HU, whole * taken);
            hu = blend(hu, self.bone_hu(q, folded, bone), whole * (1.0 - taken));
        }
        let loose = near.loose.iter().fold(f64::INFINITY, |d, s| join(d.min(1e3), s.distance(folded), 2.0));
        hu = blend(hu, self.marrow_hu(q, loose, 1150.0, 330.0, 1.8), self.cover(loose));
        let tooth = near.teeth.iter().fold(f64::INFINITY, |d, s| d.min(s.distance(folded)));
        blend(hu, 2150.0, self.cover(tooth))
    }

    /// Compact tables around spongy bone; the mastoid holds air cells.
    fn bone_hu(&self, q: &Vector3<f64>, folded: &Vector3<f64>, bone: f64) -> f64 {
        let hu = self.marrow_hu(q, bone, 1380.0, 560.0, 1.5);
        let cells = self.anatomy.mastoid.distance(folded) + 3.0;
        if cells > 0.0 {
            return hu;
        }
        let air = step(-0.05, 0.2, texture(self.seed ^ 3, q.x / 3.0, q.y / 3.0, q.z / 3.0));
        blend(hu, -500.0, air * step(0.0, 1.5, -cells))
    }

    fn marrow_hu(&self, q: &Vector3<f64>, bone: f64, table_hu: f64, spongy_hu: f64, table_mm: f64) -> f64 {
        let depth = step(table_mm - 0.5, table_mm + 0.6, -bone);
        if depth <= 0.0 {
            return table_hu;
        }
        let grain = texture(self.seed ^ 1, q.x / 2.6, q.y / 2.6, q.z / 2.6);
        blend(table_hu, spongy_hu + 170.0 * grain, depth)
    }

    /// Nasal passage: septum and conchae between air.
    fn nose_hu(&self, folded: &Vector3<f64>) -> f64 {
        let septum = folded.x - 1.2;
        let conchae = [-49.0, -60.0, -71.0]
            .map(|z| (folded.x - 7.5).hypot(folded.z - z) - 2.6)
            .into_iter()
            .fold(septum, f64::min);
        blend(AIR_HU, 60.0, self.cover(conchae.max(-78.0 - folded.y)))
    }

    /// A shell of carbon fibre on foam, with a thin pad, behind the head.
    fn rest_hu(&self, p: &Point3<f64>, hu: f64) -> f64 {
        let rest = &self.rest;
        let (dx, dy) = (p.x - rest.axis_x_mm, p.y - rest.axis_y_mm);
        let end = (rest.low_z_mm - p.z).max(p.z - rest.high_z_mm).max(dx.abs() - 72.0);
        if dy < 0.0 || end > 1.0 {
            return hu;
        }
        let r = dx.hypot(dy) - rest.radius_mm;
        let layer = |from: f64, to: f64| self.cover((from - r).max(r - to).max(end));
        let hu = blend(hu, -880.0, layer(1.0, 9.0));
        blend(hu, 430.0, layer(9.0, 12.0))
    }
}

/// Signed distances of a point to the cavities near it, in their order.
struct Hollows {
    mm: [f64; Hollows::MOST],
}

impl Hollows {
    /// There are no more cavities than this.
    const MOST: usize = 12;

    fn new(near: &Near, folded: &Vector3<f64>, at: &VaultAt) -> Self {
        let mut mm = [f64::INFINITY; Self::MOST];
        for (d, c) in mm.iter_mut().zip(&near.cavities) {
            *d = c.shape.distance(folded);
            if c.limit == Limit::Tables {
                // 2.8 mm of outer and 2.2 mm of inner table stay.
                *d = d.max(at.outer_mm + 2.8).max(2.2 - at.outer_mm - at.thickness_mm);
            }
        }
        Self { mm }
    }
}

/// Signed distance to the bone of the skull, cavities taken out.
fn bone_mm(shell: f64, folded: &Vector3<f64>, near: &Near, hollows: &Hollows) -> f64 {
    let mut bone = shell;
    if !near.skull.is_empty() {
        let joined = near.skull.iter().fold(1e3, |d, s| join(d, s.distance(folded), 3.0));
        bone = join(bone, joined, 5.0);
    }
    // Walls first, then all hollows, so that one cavity's wall never closes another.
    for (c, d) in near.cavities.iter().zip(&hollows.mm).filter(|(c, _)| c.wall_mm > 0.0) {
        let mut wall = d - c.wall_mm;
        if c.limit == Limit::OrbitRim {
            // The rim leans back towards the temple: from y −78 at the nose to −56 at the cheekbone.
            wall = wall.max((-78.0 + 0.58 * (folded.x - 14.0) - folded.y) * 0.865);
        }
        bone = bone.min(wall);
    }
    near.cavities.iter().zip(&hollows.mm).fold(bone, |b, (_, d)| b.max(-d))
}

#[inline]
fn blend(from: f64, to: f64, share: f64) -> f64 {
    from + (to - from) * share
}

fn skin(outer_mm: f64, soft: &[Shape], folded: &Vector3<f64>) -> f64 {
    soft.iter().fold(outer_mm - SCALP_MM, |d, s| join(d, s.distance(folded), 10.0))
}

/// Skin, fat below it, muscle below that.
fn soft_hu(seed: u64, q: &Vector3<f64>, skin_mm: f64) -> f64 {
    let depth = -skin_mm;
    if depth < 1.2 {
        return 55.0;
    }
    let fat = step(1.2, 1.8, depth) * step(4.6, 3.6, depth);
    let streak = if depth > 8.0 { step(0.25, 0.5, texture(seed ^ 2, q.x / 9.0, q.y / 9.0, q.z / 9.0)) } else { 0.0 };
    blend(52.0, -75.0, fat.max(0.7 * streak))
}

/// Fluid under the bone, grey and white matter, ventricles; `cavity_mm` is the distance to the inner table.
fn brain_hu(folded: &Vector3<f64>, cavity_mm: f64) -> f64 {
    let depth = -cavity_mm;
    let falx = step(1.6, 0.6, folded.x) * step(18.0, 14.0, depth) * step(-5.0, 5.0, folded.z);
    let matter = blend(38.0, 29.0, step(6.0, 8.0, depth));
    let ventricle = Shape::ellipsoid([9.0, 6.0, 14.0], [5.5, 27.0, 7.5]).distance(folded);
    let hu = blend(blend(8.0, matter, step(1.6, 3.2, depth)), 7.0, step(0.6, -0.6, ventricle));
    blend(hu, 55.0, falx)
}
