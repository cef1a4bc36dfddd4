use super::handles::without_loops;
use super::{DesignBox, Error, Implant, Params, ThicknessMode};
use crate::geometry::{Field, Grid, Mesh, Progress, Volume, fill_holes, largest_component};
use crate::scan::Finding;
use crate::surface;
use nalgebra::Vector3;
use rayon::prelude::*;

/// A piece of the part must be this thick somewhere near, mm: fins on intact bone and filled pores are not.
const FIN_MM: f32 = 1.4;
/// What is thick enough is looked for in a layer this thick within the wall, mm, so that voxels do not part it: of a wall
/// that is asked to be thin a piece may be thin.
const CORE_MM: f32 = 0.6;
/// The part reaches at most this far beyond what is thick enough, mm (its sharp edges).
const EDGE_MM: f64 = 1.4;
/// A voxel that must not belong to the part.
const OUT_MM: f32 = 0.2;

/// See [`super::shape`].
pub(super) fn shape(design: &DesignBox, params: &Params, progress: &Progress) -> Result<Implant, Error> {
    progress.report(0.0, "shaping the part")?;
    let (mut field, clipped_share) = cut(design, params);
    progress.report(0.5, "removing fins")?;
    let fin_mm = FIN_MM.min(wall_mm(params) as f32 - CORE_MM);
    keep_body(&mut field, &design.bone_above, params.clearance_mm as f32, fin_mm)
        .ok_or(Error::Empty { clearance_mm: params.clearance_mm })?;
    progress.report(0.7, "meshing the part")?;
    let mut mesh = surface::manifold_isosurface(&field, 0.0);
    if mesh.triangles.is_empty() {
        return Err(Error::Empty { clearance_mm: params.clearance_mm });
    }
    if euler(&mesh) < 2 {
        (field, mesh) = cut_slivers(field, mesh);
    }
    let mut findings = Vec::new();
    if clipped_share > 0.0 {
        findings.push(Finding {
            message: format!(
                "The λ-scaling would make the wall thinner than {:.1} mm over {:.0} % of the part; it is held at {:.1} mm there.",
                params.min_wall_mm,
                (100.0 * clipped_share).max(1.0),
                params.min_wall_mm
            ),
        });
    }
    progress.report(1.0, "part ready")?;
    Ok(Implant { field, mesh, findings })
}

/// The wall that is asked for at least, mm.
fn wall_mm(params: &Params) -> f64 {
    match params.thickness_mode {
        ThicknessMode::Constant => params.thickness_mm,
        ThicknessMode::Scaled => params.min_wall_mm,
    }
}

/// The part's field, and the share of its area where the minimum wall clips the λ-scaling.
fn cut(design: &DesignBox, params: &Params) -> (Field, f64) {
    let grid = &design.grid;
    let [nx, ny, _] = grid.size;
    let clearance = params.clearance_mm as f32;
    let scaling = Scaling::new(design, params);
    let wall = wall_mm(params) as f32;
    // The layer of voxels at the minimum wall's depth is where clipping is counted.
    let layer = 0.5 * grid.spacing_mm[2] as f32;
    let mut data = vec![0f32; grid.len()];
    let counts: Vec<[usize; 2]> = data
        .par_chunks_mut(nx * ny)
        .enumerate()
        .map(|(z, slice)| {
            let mut count = [0usize; 2];
            for (o, value) in slice.iter_mut().enumerate() {
                let at = z * nx * ny + o;
                let outer = design.outer.data[at];
                let open = outer.max(design.region.data[at]).max(clearance - design.bone_above.data[at]);
                let held = -(outer + wall);
                *value = match &scaling {
                    None => open.max(held),
                    // Nothing of the part is here whatever the inner surface.
                    Some(_) if open > 1.0 => open,
                    Some(scaling) => {
                        let scaled = -scaling.inner_at(o % nx, o / nx, z);
                        if open < 0.0 && held.abs() <= layer {
                            count[0] += 1;
                            count[1] += usize::from(scaled > 0.0);
                        }
                        open.max(scaled.min(held))
                    }
                };
            }
            count
        })
        .collect();
    let total: usize = counts.iter().map(|c| c[0]).sum();
    let clipped: usize = counts.iter().map(|c| c[1]).sum();
    (Volume::new(grid.clone(), data), clipped as f64 / total.max(1) as f64)
}

/// The inner surface moved by the λ-scaling: an inner point (x, y, z) of the local frame goes to
/// (x/λ1, y/λ2, z/λ3), so the moved field at a point is the inner field at (λ1 x, λ2 y, λ3 z).
struct Scaling<'a> {
    inner: &'a Field,
    /// Index in the inner grid of voxel (0, 0, 0), and its step a voxel, each axis apart (the grids share their axes).
    first: Vector3<f64>,
    step: Vector3<f64>,
}

impl<'a> Scaling<'a> {
    fn new(design: &'a DesignBox, params: &Params) -> Option<Self> {
        if params.thickness_mode == ThicknessMode::Constant {
            return None;
        }
        let lambda = Vector3::new(params.lambda1, params.lambda2, params.lambda3);
        let local = |grid: &Grid| design.axes.tr_mul(&(grid.origin_mm - design.lambda_origin_mm));
        let spacing = Vector3::from(design.inner.grid.spacing_mm);
        let first = (lambda.component_mul(&local(&design.grid)) - local(&design.inner.grid)).component_div(&spacing);
        let step = lambda.component_mul(&Vector3::from(design.grid.spacing_mm)).component_div(&spacing);
        Some(Self { inner: &design.inner, first, step })
    }

    /// Trilinear, clamped to the grid's border (beyond it only the sign matters).
    #[inline]
    fn inner_at(&self, x: usize, y: usize, z: usize) -> f32 {
        let size = self.inner.grid.size;
        let index = [x, y, z];
        let mut base = [0usize; 3];
        let mut part = [0f32; 3];
        for k in 0..3 {
            let v = (self.first[k] + self.step[k] * index[k] as f64).clamp(0.0, (size[k] - 1) as f64);
            base[k] = (v as usize).min(size[k].saturating_sub(2));
            part[k] = (v - base[k] as f64) as f32;
        }
        let data = &self.inner.data;
        let first = base[0] + size[0] * (base[1] + size[1] * base[2]);
        let (down, deep) = (size[0], size[0] * size[1]);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |o: usize| mix(data[o], data[o + 1], part[0]);
        let low = mix(row(first), row(first + down), part[1]);
        let high = mix(row(first + deep), row(first + deep + down), part[1]);
        mix(low, high, part[2])
    }
}

/// Keeps the largest body and drops what is nowhere thick (fins over intact bone, filled pores); `None` when nothing is left.
fn keep_body(field: &mut Field, bone_above: &Field, clearance: f32, fin_mm: f32) -> Option<()> {
    let core = field.map(|v| u8::from(v < -fin_mm / 2.0));
    let core = largest_component(&core, false);
    if core.data.iter().all(|&v| v == 0) {
        return None;
    }
    let reach = std::array::from_fn(|k| (EDGE_MM / field.grid.spacing_mm[k]).round() as usize);
    let near = widen(core, reach);
    let kept = Volume::new(
        field.grid.clone(),
        field.data.par_iter().zip(near.data.par_iter()).map(|(&v, &n)| u8::from(v < 0.0 && n != 0)).collect(),
    );
    let body = largest_component(&kept, false);
    let filled = fill_holes(&body);
    let enclosed = filled.data.par_iter().zip(body.data.par_iter()).zip(bone_above.data.par_iter());
    field.data.par_iter_mut().zip(enclosed).for_each(|(v, ((&full, &body), &bone))| {
        // A void inside the part that no bone needs.
        if full != body && bone > clearance {
            *v = -OUT_MM;
        }
    });
    let body = filled;
    field.data.par_iter_mut().zip(body.data.par_iter()).for_each(|(v, &keep)| {
        if keep == 0 && *v < 0.0 {
            *v = OUT_MM;
        }
    });
    Some(())
}

/// Euler number of a closed manifold mesh that uses all of its vertices: an edge for every half of a triangle's three.
fn euler(mesh: &Mesh) -> i64 {
    mesh.positions.len() as i64 - mesh.triangles.len() as i64 / 2
}

/// At most so much is cut off as slivers, mm³.
const SLIVERS_MM3: f64 = 2.0;

/// The part with its slivers cut where that takes loops from it and next to nothing else, otherwise as it was: the loops of
/// a part about an island of bone are its own, and one of a thin wall has nothing thick to keep.
fn cut_slivers(field: Field, mesh: Mesh) -> (Field, Mesh) {
    let body = field.map(|v| u8::from(v < 0.0));
    // At least three voxels along every axis (1.2 to 1.8 mm).
    let turned = |mask: &Volume<u8>| mask.map(|v| u8::from(v == 0));
    let core = turned(&widen(turned(&body), [1; 3]));
    let kept = without_loops(&body, largest_component(&widen(core, [1; 3]), false), &field);
    let mut cut = field.clone();
    let mut count = 0usize;
    for (v, _) in cut.data.iter_mut().zip(&kept.data).filter(|(v, keep)| **v < 0.0 && **keep == 0) {
        *v = OUT_MM;
        count += 1;
    }
    if count as f64 * field.grid.voxel_mm3() > SLIVERS_MM3 {
        return (field, mesh);
    }
    let without = surface::manifold_isosurface(&cut, 0.0);
    // A void would count as two more: only one closed surface has lost a loop.
    let report = surface::check_mesh(&without);
    if report.components == 1 && report.euler > euler(&mesh) { (cut, without) } else { (field, mesh) }
}

/// The mask widened by a box of `reach` voxels along each axis.
fn widen(mask: Volume<u8>, reach: [usize; 3]) -> Volume<u8> {
    let [nx, ny, nz] = mask.grid.size;
    let mut along_x = vec![0u8; mask.data.len()];
    along_x.par_chunks_mut(nx).zip(mask.data.par_chunks(nx)).for_each(|(to, from)| {
        let mut last: Option<usize> = None;
        for x in 0..nx + reach[0] {
            if x < nx && from[x] != 0 {
                last = Some(x);
            }
            if x >= reach[0] && last.is_some_and(|l| l + 2 * reach[0] >= x) {
                to[x - reach[0]] = 1;
            }
        }
    });
    let rows = |source: &[u8], count: usize, stride: usize, reach: usize, block: usize| -> Vec<u8> {
        // Rows of `stride` bytes are joined with their neighbours within each block of `count` rows.
        let mut out = vec![0u8; source.len()];
        out.par_chunks_mut(stride).enumerate().for_each(|(row, to)| {
            let (inside, first) = (row % count, row - row % count);
            debug_assert!(block == count * stride);
            for other in inside.saturating_sub(reach)..=(inside + reach).min(count - 1) {
                let from = &source[(first + other) * stride..(first + other + 1) * stride];
                for (t, f) in to.iter_mut().zip(from) {
                    *t |= f;
                }
            }
        });
        out
    };
    let along_y = rows(&along_x, ny, nx, reach[1], nx * ny);
    let along_z = rows(&along_y, nz, nx * ny, reach[2], nx * ny * nz);
    Volume::new(mask.grid, along_z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voxel_widens_to_a_box() {
        let grid = Grid::axis_aligned([9, 8, 7], [1.0; 3], Default::default());
        let mut mask = Volume::filled(grid.clone(), 0u8);
        mask.data[grid.offset(1, 4, 3)] = 1;
        let wide = widen(mask, [2, 1, 3]);
        for o in 0..grid.len() {
            let [x, y, z] = grid.index(o);
            let expected = x <= 3 && (3..=5).contains(&y) && z <= 6;
            assert_eq!(wide.data[o] != 0, expected, "at {x} {y} {z}");
        }
    }
}
