use super::bone::bone_distance;
use super::local::LocalFrame;
use super::star::StarSurface;
use super::{DesignBox, Error, Ray};
use crate::geometry::{Field, Grid, Progress, Volume};
use crate::reconstruct::Completion;
use crate::reconstruct::sheet::{Sheet, median};
use crate::skull::Skull;
use nalgebra::{Matrix3, Point3, Vector3};
use rayon::prelude::*;

/// Fields are exact down to this depth below their surface and this height above it, mm.
const DEPTH_MM: f64 = 13.0;
const HEIGHT_MM: f64 = 2.5;
/// Bone distances are kept up to this, mm (more than the largest clearance).
const BONE_LIMIT_MM: f32 = 5.0;
/// The box ends this far beyond the region, mm.
const MARGIN_MM: f64 = 1.5;
/// The part may reach this far beyond the hole and its cut walls, mm.
const REGION_MM: f32 = 1.0;
/// Voxels of the box, at most about; spacing, and that of the inner surface's own grid, mm.
const BOX_VOXELS: f64 = 6.0e6;
const SPACING_MM: std::ops::RangeInclusive<f64> = 0.4..=0.6;
const INNER_SPACING_MM: f64 = 0.8;
const INNER_VOXELS: f64 = 3.0e6;
/// Largest λ: how far from the origin the inner surface is looked up.
const LARGEST_LAMBDA: f64 = 1.2;

/// See [`super::prepare`].
pub(super) fn prepare(skull: &Skull, completion: &Completion, progress: &Progress) -> Result<DesignBox, Error> {
    progress.report(0.0, "laying out the design box")?;
    let radius = median(completion.outer_mm.iter().map(|&r| r as f64)).unwrap_or(85.0);
    let sheet = Sheet::new(&completion.disc, radius);
    let normals = sheet.normals(&completion.outer_mm);
    let local = LocalFrame::of(completion, &sheet, &normals).ok_or(Error::NoHole)?;
    let region_mm = region_distance(&sheet, completion);
    let bounds = Bounds::of(completion, &sheet, &normals, &local, &region_mm);
    let grid = bounds.part_grid(&local);
    let inner_grid = bounds.inner_grid(&local);
    progress.report(0.05, "measuring the outer surface")?;
    let outer_surface = StarSurface::new(&completion.disc, &sheet, &completion.outer_mm);
    let near = |head: &Vector3<f64>| completion.disc.sample(&region_mm, head) < 3.0;
    let outer = surface_field(&grid, &local, &outer_surface, DEPTH_MM, near);
    progress.report(0.35, "measuring the inner surface")?;
    let inner_surface = StarSurface::new(&completion.disc, &sheet, &completion.inner_mm);
    let inner = surface_field(&inner_grid, &local, &inner_surface, HEIGHT_MM * 2.0, |_| true);
    progress.report(0.6, "measuring the region")?;
    let beyond = BeyondScan::new(&skull.intensity.grid, &grid);
    let region = field(&grid, |index| {
        let head = local.head_from_local(&local_point(&grid, &local, index));
        beyond.within(index, completion.disc.sample(&region_mm, &head))
    });
    progress.report(0.7, "measuring the bone")?;
    let bone = bone_distance(skull, &grid, BONE_LIMIT_MM);
    let bone_above = lowest_above(&bone);
    let rays = rays(completion, &sheet, &normals, &local);
    progress.report(1.0, "design box ready")?;
    Ok(DesignBox {
        grid,
        lambda_origin_mm: local.origin_mm,
        axes: local.axes,
        bone,
        outer,
        inner,
        region,
        bone_above,
        rays,
    })
}

/// Signed distance on the sheet to the region (the hole, its walls and a little more), negative inside, mm.
fn region_distance(sheet: &Sheet, completion: &Completion) -> Vec<f32> {
    let outside: Vec<bool> = completion.allowed.iter().map(|a| !a).collect();
    let to_inside = sheet.distance_mm(&completion.allowed);
    let to_outside = sheet.distance_mm(&outside);
    let signed: Vec<f32> = to_inside.iter().zip(&to_outside).map(|(a, b)| a - b - REGION_MM).collect();
    // Rounded, so that the border's pixels do not show.
    sheet
        .gaussian(&signed.iter().map(|v| v.clamp(-30.0, 30.0) - 30.0).collect::<Vec<_>>(), 0.8)
        .iter()
        .map(|v| v + 30.0)
        .collect()
}

/// Ends the region where the scan ends: beyond it nothing is known, and a part that went on would lie over bone that is cut
/// off there by the scan alone.
struct BeyondScan<'a> {
    scan: &'a Grid,
    /// Index in the scan of voxel (0, 0, 0), and its steps a voxel; `None` where the whole box lies in the scan.
    map: Option<(Vector3<f64>, Matrix3<f64>)>,
}

impl<'a> BeyondScan<'a> {
    fn new(scan: &'a Grid, grid: &Grid) -> Self {
        let first = scan.index_from_lps(&grid.origin_mm);
        let steps = scan.index_from_lps_matrix() * grid.lps_from_index_matrix();
        let last = grid.size.map(|n| (n - 1) as f64);
        let corner = |c: usize| first + steps * Vector3::from_fn(|k, _| ((c >> k) & 1) as f64 * last[k]);
        let beyond = (0..8).any(|c| scan.beyond_mm(&corner(c)) > 0.0);
        Self { scan, map: beyond.then_some((first, steps)) }
    }

    /// The region's distance at a voxel, no less than the distance beyond the scan.
    fn within(&self, index: [usize; 3], region_mm: f32) -> f32 {
        let Some((first, steps)) = &self.map else { return region_mm };
        region_mm.max(self.scan.beyond_mm(&(first + steps * Vector3::from(index.map(|i| i as f64)))) as f32)
    }
}

/// What the boxes must hold, in local coordinates, mm.
struct Bounds {
    low: Vector3<f64>,
    high: Vector3<f64>,
    inner_low: f64,
    inner_high: f64,
}

impl Bounds {
    fn of(
        completion: &Completion,
        sheet: &Sheet,
        normals: &[Vector3<f64>],
        local: &LocalFrame,
        region_mm: &[f32],
    ) -> Self {
        let mut bounds = Self {
            low: Vector3::repeat(f64::INFINITY),
            high: Vector3::repeat(f64::NEG_INFINITY),
            inner_low: f64::INFINITY,
            inner_high: f64::NEG_INFINITY,
        };
        let mut lateral = 0.0_f64;
        for i in (0..region_mm.len()).filter(|&i| region_mm[i] <= MARGIN_MM as f32) {
            let head = sheet.directions[i] * completion.outer_mm[i] as f64;
            let outer = local.local_from_head(&head);
            let deep = local.local_from_head(&(head - normals[i] * DEPTH_MM));
            let inner = local.local_from_head(&(sheet.directions[i] * completion.inner_mm[i] as f64));
            for p in [outer, deep] {
                bounds.low = bounds.low.inf(&p);
                bounds.high = bounds.high.sup(&p);
            }
            // The thickest part of the λ-scaling, straight below where it can be.
            bounds.low.z = bounds.low.z.min(inner.z / if inner.z > 0.0 { LARGEST_LAMBDA } else { 1.0 });
            lateral = lateral.max(outer.xy().norm());
        }
        for (i, &beyond) in region_mm.iter().enumerate() {
            let inner = local.local_from_head(&(sheet.directions[i] * completion.inner_mm[i] as f64));
            if beyond <= 20.0 && inner.xy().norm() <= lateral * LARGEST_LAMBDA + 2.0 {
                bounds.inner_low = bounds.inner_low.min(inner.z);
                bounds.inner_high = bounds.inner_high.max(inner.z);
            }
        }
        bounds.low.z -= 1.0;
        bounds.high.z += HEIGHT_MM;
        bounds
    }

    fn part_grid(&self, local: &LocalFrame) -> Grid {
        let extent = self.high - self.low;
        let spacing = (extent.product() / BOX_VOXELS).cbrt().clamp(*SPACING_MM.start(), *SPACING_MM.end());
        grid(local, self.low, self.high, spacing)
    }

    /// The inner surface is looked up at λ times a point of the part.
    fn inner_grid(&self, local: &LocalFrame) -> Grid {
        let reach = |v: f64| if v.abs() > 0.0 { v * LARGEST_LAMBDA } else { v };
        let low =
            Vector3::new(reach(self.low.x.min(0.0)) - 2.0, reach(self.low.y.min(0.0)) - 2.0, self.inner_low - 3.0);
        let high =
            Vector3::new(reach(self.high.x.max(0.0)) + 2.0, reach(self.high.y.max(0.0)) + 2.0, self.inner_high + 3.0);
        let spacing = ((high - low).product() / INNER_VOXELS).cbrt().max(INNER_SPACING_MM);
        grid(local, low, high, spacing)
    }
}

fn grid(local: &LocalFrame, low: Vector3<f64>, high: Vector3<f64>, spacing: f64) -> Grid {
    let size = std::array::from_fn(|k| ((high[k] - low[k]) / spacing).ceil().max(1.0) as usize + 1);
    let origin_mm: Point3<f64> = local.origin_mm + local.axes * low;
    Grid { size, spacing_mm: [spacing; 3], origin_mm, direction: local.axes }
}

/// Local coordinates of a voxel.
fn local_point(grid: &Grid, local: &LocalFrame, index: [usize; 3]) -> Vector3<f64> {
    let low = local.axes.tr_mul(&(grid.origin_mm - local.origin_mm));
    low + Vector3::from_fn(|k, _| index[k] as f64 * grid.spacing_mm[k])
}

fn field(grid: &Grid, value: impl Fn([usize; 3]) -> f32 + Sync) -> Field {
    let mut data = vec![0f32; grid.len()];
    let slab = grid.size[0] * grid.size[1];
    data.par_chunks_mut(slab).enumerate().for_each(|(z, slice)| {
        for (o, v) in slice.iter_mut().enumerate() {
            *v = value([o % grid.size[0], o / grid.size[0], z]);
        }
    });
    Volume::new(grid.clone(), data)
}

/// Signed distance to a star-shaped surface, negative below it, exact from `depth_mm` below to a little above where
/// `near` holds; elsewhere the distance along the ray, which has the same sign.
fn surface_field(
    grid: &Grid,
    local: &LocalFrame,
    surface: &StarSurface,
    depth_mm: f64,
    near: impl Fn(&Vector3<f64>) -> bool + Sync,
) -> Field {
    let [nx, ny, nz] = grid.size;
    // A row of columns at a time: each column starts from its own last foot point, whatever the threads.
    let rows: Vec<Vec<f32>> = (0..ny)
        .into_par_iter()
        .map(|y| {
            let mut row = vec![0f32; nx * nz];
            for x in 0..nx {
                let mut foot: Option<Vector3<f64>> = None;
                for z in (0..nz).rev() {
                    let head = local.head_from_local(&local_point(grid, local, [x, y, z]));
                    let (along_ray, on) = surface.rough_distance(&head);
                    let exact = along_ray > -depth_mm * 1.3 && along_ray < HEIGHT_MM * 1.5 && near(&head);
                    row[x + nx * z] = if exact {
                        let start = foot.get_or_insert(on);
                        surface.signed_distance(&head, start) as f32
                    } else {
                        foot = None;
                        along_ray as f32
                    };
                }
            }
            row
        })
        .collect();
    let mut data = vec![0f32; grid.len()];
    data.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (y, row) in rows.iter().enumerate() {
            slice[y * nx..(y + 1) * nx].copy_from_slice(&row[z * nx..(z + 1) * nx]);
        }
    });
    Volume::new(grid.clone(), data)
}

/// The smallest bone distance at or above each voxel: what a part that lifts out along +z must clear.
fn lowest_above(bone: &Field) -> Field {
    let mut above = bone.clone();
    let slab = bone.grid.size[0] * bone.grid.size[1];
    for z in (0..bone.grid.size[2] - 1).rev() {
        let (low, high) = above.data.split_at_mut((z + 1) * slab);
        for (here, upper) in low[z * slab..].iter_mut().zip(&high[..slab]) {
            *here = here.min(*upper);
        }
    }
    above
}

/// Points of the completed outer surface over the hole, about one a mm².
fn rays(completion: &Completion, sheet: &Sheet, normals: &[Vector3<f64>], local: &LocalFrame) -> Vec<Ray> {
    let step = (1.0 / sheet.pixel_mm).round().max(1.0) as usize;
    (0..completion.hole.len())
        .filter(|&i| {
            completion.hole[i] && (i / sheet.size).is_multiple_of(step) && (i % sheet.size).is_multiple_of(step)
        })
        .map(|i| {
            let head = sheet.directions[i] * completion.outer_mm[i] as f64;
            let lps_from_head = local.axes * local.head_axes.transpose();
            Ray { outer_mm: completion.frame.point_from_head(&head), normal: lps_from_head * normals[i] }
        })
        .collect()
}
