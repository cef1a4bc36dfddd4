//! Holes cut into real heads: CT scans and bone masks, with the truth about what was removed.

use super::cutter::Cutter;
use super::shape::step;
use crate::geometry::{Grid, Volume};
use nalgebra::{Point3, Vector3};

/// What fills a hole, HU.
const SCAR_HU: f64 = 40.0;
/// Cells of the map of the outer surface, mm.
const CELL_MM: f64 = 0.75;
/// Bone farther in than this behind a gap is another bone, mm (wider than diploë or a sinus' thin part).
const GAP_MM: f64 = 6.0;
/// Nothing deeper below the outer surface is cut, mm.
const DEEPEST_MM: f64 = 30.0;
/// A hole's bone lies within this height of the plane through its middle, mm: a vault drops away from it by less.
const TALLEST_MM: f64 = 50.0;
/// What stands out over the smoothed outer surface is cut as well, mm.
const PROUD_MM: f64 = 3.0;

/// A hole to cut into the bone that lies first on the axis when coming from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Hole {
    /// A point on the hole's axis inside the head, LPS mm (the head's centre for a radial hole).
    pub inside_mm: [f64; 3],
    /// Direction of the axis, outward, LPS; any length but zero.
    pub outward: [f64; 3],
    /// The outline: distance from the axis at equal angles, mm, measured where the axis leaves the bone.
    pub profile_mm: Vec<f64>,
    /// How far below the bone the walls would meet, mm; infinite for a cylinder. About 80 stands square on a vault.
    pub walls_meet_mm: f64,
}

impl Hole {
    /// A round hole with parallel walls.
    pub fn round(inside_mm: [f64; 3], outward: [f64; 3], radius_mm: f64) -> Self {
        Self { inside_mm, outward, profile_mm: vec![radius_mm; 180], walls_meet_mm: f64::INFINITY }
    }
}

/// What was removed.
#[derive(Clone, Debug)]
pub struct Removed {
    /// 1 where bone was taken, on the bone mask's grid.
    pub mask: Volume<u8>,
    /// Edge of the hole on the outer surface: a closed curve of 180 LPS points, mm, the first not repeated.
    pub rim_mm: Vec<[f64; 3]>,
    /// Area of the removed outer surface, smoothed over 1.5 mm, cm².
    pub area_cm2: f64,
    /// Where the axis leaves the bone, LPS mm.
    pub centre_mm: [f64; 3],
}

/// Why nothing was cut.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CutError {
    /// The axis meets no bone.
    #[error("the hole's axis meets no bone; choose a point inside of the head and a direction through the vault")]
    NoBone,
    /// Much of the outline lies beside the bone.
    #[error("only {share_percent:.0} % of the outline lies on bone; move the hole onto the vault or make it smaller")]
    OffBone { share_percent: f64 },
    /// No outline, or not a number.
    #[error("the hole's outline or axis is not usable: {0}")]
    Shape(String),
    /// Scan and mask differ in their grids.
    #[error("scan and bone mask lie on different grids")]
    Grids,
}

/// Cuts a hole into a CT scan: bone becomes soft tissue of 40 HU with partial volume at the walls.
/// `bone` is 1 on the skull (no head rest) and lies on the scan's grid.
///
/// # Errors
/// See [`CutError`].
pub fn cut_scan(scan: &Volume<i16>, bone: &Volume<u8>, hole: &Hole) -> Result<(Volume<i16>, Removed), CutError> {
    if scan.grid != bone.grid {
        return Err(CutError::Grids);
    }
    let knife = Knife::new(bone, hole)?;
    let mut cut = scan.clone();
    let mut mask = Volume::filled(bone.grid.clone(), 0u8);
    knife.for_each_voxel(&bone.grid, |o, taken| {
        let old = f64::from(cut.data[o]);
        cut.data[o] = (old + (old.min(SCAR_HU) - old) * taken).round() as i16;
        mask.data[o] = u8::from(bone.data[o] != 0 && taken >= 0.5);
    });
    Ok((cut, knife.removed(mask)))
}

/// Cuts a hole into a bone mask.
///
/// # Errors
/// See [`CutError`].
pub fn cut_mask(bone: &Volume<u8>, hole: &Hole) -> Result<(Volume<u8>, Removed), CutError> {
    let knife = Knife::new(bone, hole)?;
    let mut cut = bone.clone();
    let mut mask = Volume::filled(bone.grid.clone(), 0u8);
    knife.for_each_voxel(&bone.grid, |o, taken| {
        if bone.data[o] != 0 && taken >= 0.5 {
            mask.data[o] = 1;
            cut.data[o] = 0;
        }
    });
    Ok((cut, knife.removed(mask)))
}

/// The cutter with maps of the bone it goes through.
struct Knife {
    cutter: Cutter,
    /// Cells along a side of the maps.
    size: usize,
    /// Height of the outer surface along each cell's line, mm over the cutter's plane, smoothed.
    outer_mm: Vec<f64>,
    /// How far below the outer surface the bone ends, mm.
    depth_mm: Vec<f64>,
}

impl Knife {
    fn new(bone: &Volume<u8>, hole: &Hole) -> Result<Self, CutError> {
        let outward = Vector3::from(hole.outward);
        if !(outward.norm() > 1e-9 && outward.norm().is_finite()) {
            return Err(CutError::Shape("the axis has no direction".to_owned()));
        }
        if hole.profile_mm.len() < 3 || !hole.profile_mm.iter().all(|r| (0.5..200.0).contains(r)) {
            return Err(CutError::Shape("give at least 3 radii of 0.5 to 200 mm".to_owned()));
        }
        if hole.walls_meet_mm.is_nan() || hole.walls_meet_mm <= 20.0 {
            return Err(CutError::Shape("walls may not meet within 20 mm of the bone".to_owned()));
        }
        let axis = outward.normalize();
        let inside = Point3::from(hole.inside_mm);
        let start = first_bone(bone, &(inside + axis * 250.0), &-axis, 250.0).ok_or(CutError::NoBone)?;
        let middle = inside + axis * (250.0 - start);
        let cutter = Cutter::new(middle, axis, hole.profile_mm.clone(), hole.walls_meet_mm);
        let size = 2 * ((cutter.reach_mm() + 6.0) / CELL_MM).ceil() as usize + 1;
        let mut knife = Self { cutter, size, outer_mm: Vec::new(), depth_mm: Vec::new() };
        knife.measure(bone)?;
        Ok(knife)
    }

    /// Plane position of a cell.
    fn plane(&self, i: usize, j: usize) -> [f64; 2] {
        let middle = (self.size - 1) as f64 / 2.0;
        [(i as f64 - middle) * CELL_MM, (j as f64 - middle) * CELL_MM]
    }

    fn measure(&mut self, bone: &Volume<u8>) -> Result<(), CutError> {
        let n = self.size;
        let mut outer = vec![f64::NAN; n * n];
        let mut depth = vec![0.0f64; n * n];
        let (mut within, mut met) = (0usize, 0usize);
        for o in 0..n * n {
            let plane = self.plane(o % n, o / n);
            let radius = plane[0].hypot(plane[1]);
            let inside = radius < self.cutter.radius_at(plane[1].atan2(plane[0]));
            let (start, direction) = self.cutter.line_at(plane);
            // A vault drops away from its tangent plane; 45 mm below it is the far side of any hole.
            let top = start + direction * 30.0;
            if let Some(t) = first_bone(bone, &top, &-direction, 75.0) {
                outer[o] = 30.0 - t;
                depth[o] = bone_depth(bone, &(top - direction * t), &-direction);
                met += usize::from(inside);
            }
            within += usize::from(inside);
        }
        let share_percent = 100.0 * met as f64 / within.max(1) as f64;
        if share_percent < 90.0 {
            return Err(CutError::OffBone { share_percent });
        }
        self.outer_mm = smooth(&outer, n);
        self.depth_mm = widen(&depth, n);
        Ok(())
    }

    /// Bilinear value of a map at a plane position, held at its border.
    fn look(&self, map: &[f64], plane: [f64; 2]) -> f64 {
        let n = self.size;
        let at = plane.map(|v| (v / CELL_MM + (n - 1) as f64 / 2.0).clamp(0.0, (n - 1) as f64));
        let (i, j) = ((at[0] as usize).min(n - 2), (at[1] as usize).min(n - 2));
        let (fx, fy) = (at[0] - i as f64, at[1] - j as f64);
        let row = |j: usize| map[j * n + i] + (map[j * n + i + 1] - map[j * n + i]) * fx;
        row(j) + (row(j + 1) - row(j)) * fy
    }

    fn surface(&self, plane: [f64; 2]) -> Point3<f64> {
        let (start, direction) = self.cutter.line_at(plane);
        start + direction * self.look(&self.outer_mm, plane)
    }

    /// Calls `take(offset, share)` for every voxel of which a share is cut.
    fn for_each_voxel(&self, grid: &Grid, mut take: impl FnMut(usize, f64)) {
        let blur = grid.spacing_mm.iter().sum::<f64>() / 3.0;
        // Walls that meet below the bone spread above it.
        let widest_mm = self.cutter.reach_mm() * (1.0 + TALLEST_MM / self.cutter.depth_mm()) + blur;
        let reach = Vector3::repeat(widest_mm.hypot(TALLEST_MM));
        let (low, high) = index_box(grid, &(self.cutter.middle() - reach), &(self.cutter.middle() + reach));
        for z in low[2]..high[2] {
            for y in low[1]..high[1] {
                for x in low[0]..high[0] {
                    let p = grid.lps_from_index(&Vector3::new(x as f64, y as f64, z as f64));
                    // Cheap first: far from the axis or from the bone's height nothing is cut.
                    let q = p - self.cutter.middle();
                    let height = q.dot(&self.cutter.axis());
                    if height.abs() > TALLEST_MM || q.norm_squared() - height * height > widest_mm.powi(2) {
                        continue;
                    }
                    let Some(at) = self.cutter.at(&p) else { continue };
                    if at.wall_mm > blur {
                        continue;
                    }
                    let (start, direction) = self.cutter.line_at(at.plane_mm);
                    let below = self.look(&self.outer_mm, at.plane_mm) - (p - start).dot(&direction);
                    let deep = (self.look(&self.depth_mm, at.plane_mm) + 2.0).min(DEEPEST_MM);
                    let inside = step(deep + 1.0, deep, below) * step(-PROUD_MM - 1.0, -PROUD_MM, below);
                    let taken = (0.5 - at.wall_mm / blur).clamp(0.0, 1.0) * inside;
                    if taken > 0.0 {
                        take(grid.offset(x, y, z), taken);
                    }
                }
            }
        }
    }

    fn removed(&self, mask: Volume<u8>) -> Removed {
        let rim = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / 180.0;
            let radius = self.cutter.radius_at(angle);
            self.surface([radius * angle.cos(), radius * angle.sin()]).into()
        };
        Removed {
            mask,
            rim_mm: (0..180).map(rim).collect(),
            area_cm2: self.area_mm2() / 100.0,
            centre_mm: self.cutter.middle().into(),
        }
    }

    /// Σ |∂p/∂a × ∂p/∂b| over the outline's plane, in polar cells.
    fn area_mm2(&self) -> f64 {
        let (angles, rings) = (360, 60);
        let h = CELL_MM;
        let mut sum = 0.0;
        for i in 0..angles {
            let angle = std::f64::consts::TAU * (i as f64 + 0.5) / angles as f64;
            let radius = self.cutter.radius_at(angle);
            for k in 0..rings {
                let rho = radius * (k as f64 + 0.5) / rings as f64;
                let (a, b) = (rho * angle.cos(), rho * angle.sin());
                let da = self.surface([a + h, b]) - self.surface([a - h, b]);
                let db = self.surface([a, b + h]) - self.surface([a, b - h]);
                sum += da.cross(&db).norm() / (4.0 * h * h) * rho * radius / rings as f64;
            }
        }
        sum * std::f64::consts::TAU / angles as f64
    }
}

/// Distance (mm) along a ray to the first bone, at most `limit_mm`; finer than a voxel where the mask is smooth.
fn first_bone(bone: &Volume<u8>, from: &Point3<f64>, direction: &Vector3<f64>, limit_mm: f64) -> Option<f64> {
    let (start, stride) = index_ray(&bone.grid, from, direction);
    let step_mm = 0.25;
    let value = |t: f64| bone.sample_index(&(start + stride * t), 0.0);
    let mut before = 0.0;
    let mut t = 0.0;
    while t <= limit_mm {
        let now = value(t);
        if now >= 0.5 {
            let back = if now > before { f64::from((now - 0.5) / (now - before)) * step_mm } else { 0.0 };
            return Some((t - back).max(0.0));
        }
        before = now;
        t += step_mm;
    }
    None
}

/// How far bone reaches along a ray from its surface, gaps of diploë and sinus bridged, mm.
fn bone_depth(bone: &Volume<u8>, from: &Point3<f64>, direction: &Vector3<f64>) -> f64 {
    let (start, stride) = index_ray(&bone.grid, from, direction);
    let mut last = 0.0;
    let mut t = 0.0;
    while t < DEEPEST_MM && t - last <= GAP_MM {
        if bone.sample_index(&(start + stride * t), 0.0) >= 0.5 {
            last = t;
        }
        t += 0.5;
    }
    last
}

fn index_ray(grid: &Grid, from: &Point3<f64>, direction: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    (grid.index_from_lps(from), grid.index_from_lps_matrix() * direction)
}

/// Voxels (half-open) that an LPS box can touch.
fn index_box(grid: &Grid, low: &Point3<f64>, high: &Point3<f64>) -> ([usize; 3], [usize; 3]) {
    let mut from = Vector3::repeat(f64::INFINITY);
    let mut to = Vector3::repeat(f64::NEG_INFINITY);
    for corner in 0..8 {
        let p = Point3::from(Vector3::from_fn(|i, _| if corner >> i & 1 == 0 { low[i] } else { high[i] }));
        let index = grid.index_from_lps(&p);
        from = from.inf(&index);
        to = to.sup(&index);
    }
    let clamp = |v: f64, axis: usize| v.clamp(0.0, grid.size[axis] as f64) as usize;
    (std::array::from_fn(|i| clamp(from[i].floor(), i)), std::array::from_fn(|i| clamp(to[i].ceil() + 1.0, i)))
}

/// Gaussian mean (σ 1.5 mm) of a map; cells without bone take the mean of those with.
fn smooth(map: &[f64], n: usize) -> Vec<f64> {
    let sigma = 1.5 / CELL_MM;
    let mut reach = (3.0 * sigma).ceil() as i64;
    let mut filled = map.to_vec();
    // Wide holes in the map need a wider look; each round closes what the last one reached.
    while filled.iter().any(|v| v.is_nan()) && reach < 4 * n as i64 {
        filled = weigh(&filled, n, reach, sigma * reach as f64 / 3.0, true);
        reach *= 2;
    }
    weigh(&filled, n, (3.0 * sigma).ceil() as i64, sigma, false)
}

/// Separable Gaussian mean of the cells that hold a number; with `only_missing`, others keep their value.
fn weigh(map: &[f64], n: usize, reach: i64, sigma: f64, only_missing: bool) -> Vec<f64> {
    let kernel: Vec<f64> = (-reach..=reach).map(|k| (-(k as f64 / sigma).powi(2) / 2.0).exp()).collect();
    let pass = |values: &[f64], weights: &[f64], stride: usize| {
        let mut out = (vec![0.0; n * n], vec![0.0; n * n]);
        for o in 0..n * n {
            let at = (o / stride % n) as i64;
            for (k, w) in (-reach..=reach).zip(&kernel) {
                if (0..n as i64).contains(&(at + k)) {
                    let from = (o as i64 + k * stride as i64) as usize;
                    out.0[o] += w * values[from];
                    out.1[o] += w * weights[from];
                }
            }
        }
        out
    };
    let weights: Vec<f64> = map.iter().map(|v| f64::from(u8::from(!v.is_nan()))).collect();
    let values: Vec<f64> = map.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
    let (values, weights) = pass(&values, &weights, 1);
    let (values, weights) = pass(&values, &weights, n);
    let mean = |o: usize| if weights[o] > 1e-9 { values[o] / weights[o] } else { f64::NAN };
    (0..n * n).map(|o| if only_missing && !map[o].is_nan() { map[o] } else { mean(o) }).collect()
}

/// The largest value within 1.5 mm.
fn widen(map: &[f64], n: usize) -> Vec<f64> {
    let reach = (1.5 / CELL_MM) as usize;
    let best = |o: usize| {
        let (i, j) = (o % n, o / n);
        let rows = j.saturating_sub(reach)..=(j + reach).min(n - 1);
        rows.flat_map(|j| (i.saturating_sub(reach)..=(i + reach).min(n - 1)).map(move |i| j * n + i))
            .map(|k| map[k])
            .fold(0.0, f64::max)
    };
    (0..n * n).map(best).collect()
}
