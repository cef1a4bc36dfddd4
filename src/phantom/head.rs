//! The head phantom: voxels of a [`Head`], and the exact truth about its holes.

use super::cutter::Cutter;
use super::model::{BONE_HU, Cut, Head};
use super::random::{noise, stream};
use super::region::region_direction;
use super::{DefectCut, Error, HeadParams, Phantom, Truth};
use crate::geometry::{Grid, Progress, Volume};
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Field of view at the default spacing, mm: whole head down to the chin.
const VIEW_MM: [f64; 3] = [200.0, 240.0, 224.0];
/// Where the middle of the vault lies in that field, as a share of it.
const VIEW_CENTRE: [f64; 3] = [0.5, 0.5, 0.56];
/// Directions of an outline.
const PROFILE: usize = 360;
/// Voxels along a side of the blocks that share a list of near bodies.
const BLOCK: usize = 8;
/// Walls of a hole meet this far below the bone: about the vault's radius of curvature, so that they stand
/// square on it like a saw cut.
const WALLS_MEET_MM: f64 = 80.0;
/// A voxel's note: bone of the whole head, and the number of the hole that took it.
const WHOLE_BONE: u8 = 0x80;

/// Makes a head CT with known truth.
///
/// The same parameters give the same voxels at any thread count.
///
/// # Errors
/// [`Error::Region`], [`Error::Area`], [`Error::TooMany`], [`Error::Grid`] for parameters out of range;
/// [`Error::Cancelled`].
pub fn head(params: &HeadParams, progress: &Progress) -> Result<Phantom, Error> {
    let grid = grid(params)?;
    if params.defects.len() > 100 {
        return Err(Error::TooMany(params.defects.len()));
    }
    let voxel_mm = grid.spacing_mm.iter().sum::<f64>() / 3.0;
    let mut head = Head::new(params.seed, voxel_mm);
    let mut truths = Vec::new();
    for (i, defect) in params.defects.iter().enumerate() {
        progress.check()?;
        let (cutter, truth) = place(&head, params.seed, i, defect)?;
        truths.push(truth);
        head.cuts.push(Cut { cutter, sink_mm: 2.0 + 2.0 * (defect.area_cm2 / 60.0).min(1.0) });
    }
    let (hu, notes) = render(&head, &grid, params, progress)?;
    let mask =
        |keep: &dyn Fn(u8) -> bool| Volume::new(grid.clone(), notes.iter().map(|&n| u8::from(keep(n))).collect());
    let implants = (0..params.defects.len()).map(|i| mask(&|n| n & 0x7F == i as u8 + 1)).collect();
    let complete = mask(&|n| n & WHOLE_BONE != 0);
    Ok(Phantom { scan: Volume::new(grid, hu), complete, implants, defects: truths, frame: head.frame })
}

fn grid(params: &HeadParams) -> Result<Grid, Error> {
    let spacing = params.spacing_mm;
    if !(0.25..=4.0).contains(&spacing) {
        return Err(Error::Grid(format!("spacing {spacing} mm is outside of 0.25 to 4 mm")));
    }
    let size = params.size.unwrap_or(VIEW_MM.map(|v| (v / spacing).round() as usize));
    if size.iter().any(|&n| n == 0 || n > 2048) {
        return Err(Error::Grid(format!("size {size:?} is outside of 1 to 2048 voxels")));
    }
    let origin = Point3::from(Vector3::from_fn(|i, _| -((size[i] - 1) as f64) * spacing * VIEW_CENTRE[i]));
    Ok(Grid::axis_aligned(size, [spacing; 3], origin))
}

fn render(head: &Head, grid: &Grid, params: &HeadParams, progress: &Progress) -> Result<(Vec<i16>, Vec<u8>), Error> {
    let [nx, ny, nz] = grid.size;
    let mut hu = vec![0i16; grid.len()];
    let mut notes = vec![0u8; grid.len()];
    let done = AtomicUsize::new(0);
    let slabs = nz.div_ceil(BLOCK);
    let (origin, spacing) = (grid.origin_mm, grid.spacing_mm[0]);
    let point = |x: f64, y: f64, z: f64| origin + Vector3::new(x, y, z) * spacing;
    let reach_mm = spacing * (BLOCK as f64 - 1.0) / 2.0 * 3f64.sqrt();
    let slab_len = BLOCK * nx * ny;
    hu.par_chunks_mut(slab_len).zip(notes.par_chunks_mut(slab_len)).enumerate().try_for_each(
        |(slab, (hu, notes))| {
            progress.report(done.fetch_add(1, Ordering::Relaxed) as f32 / slabs as f32, "Making a head")?;
            let z0 = slab * BLOCK;
            let middle = (BLOCK as f64 - 1.0) / 2.0;
            for (y0, x0) in (0..ny).step_by(BLOCK).flat_map(|y| (0..nx).step_by(BLOCK).map(move |x| (y, x))) {
                let near = head.near(&point(x0 as f64 + middle, y0 as f64 + middle, z0 as f64 + middle), reach_mm);
                for z in z0..(z0 + BLOCK).min(nz) {
                    for y in y0..(y0 + BLOCK).min(ny) {
                        for x in x0..(x0 + BLOCK).min(nx) {
                            let sample = head.sample(&point(x as f64, y as f64, z as f64), &near);
                            let o = x + nx * (y + ny * (z - z0));
                            let voxel = (o + slab * slab_len) as u64;
                            let value = sample.hu + params.noise_hu * noise(params.seed, voxel);
                            hu[o] = value.round().clamp(-1024.0, 3071.0) as i16;
                            let bone = if sample.whole_hu >= BONE_HU { WHOLE_BONE } else { 0 };
                            notes[o] = bone | sample.cut_by.map_or(0, |i| i as u8 + 1);
                        }
                    }
                }
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok((hu, notes))
}

/// Lays a hole of the wanted area on the vault, and says exactly where it is.
fn place(head: &Head, seed: u64, index: usize, defect: &DefectCut) -> Result<(Cutter, Truth), Error> {
    if !(0.5..=150.0).contains(&defect.area_cm2) {
        return Err(Error::Area { region: defect.region.clone(), area_cm2: defect.area_cm2 });
    }
    let mut random = stream(seed, 100 + index as u64);
    let mut direction = region_direction(&defect.region)?;
    // Up to about 3° off the middle of the region; a hole over the midline stays on it.
    let jitter = Vector3::from_fn(|_, _| 0.04 * random.signed());
    direction += if direction.x.abs() < 1e-9 { Vector3::new(0.0, jitter.y, jitter.z) } else { jitter };
    let outward = head.frame.lps_from_head_direction(&direction.normalize());
    let centre = surface_point(head, &head.frame.centre_mm, &outward);
    let axis = normal(head, &centre);
    let profile = defect.outline.profile(&mut random, PROFILE);
    let mut cutter = Cutter::new(centre, axis, profile, WALLS_MEET_MM);
    let wanted = defect.area_cm2 * 100.0;
    cutter = cutter.scaled((wanted / area_mm2(head, &cutter)).sqrt().min(60.0));
    for _ in 0..6 {
        cutter = cutter.scaled((wanted / area_mm2(head, &cutter)).sqrt());
    }
    let rim_mm = (0..PROFILE / 2)
        .map(|i| {
            let angle = std::f64::consts::TAU * i as f64 / (PROFILE / 2) as f64;
            on_surface(head, &cutter, angle, cutter.radius_at(angle)).into()
        })
        .collect();
    let truth = Truth {
        region: defect.region.clone(),
        area_cm2: area_mm2(head, &cutter) / 100.0,
        rim_mm,
        centre_mm: centre.into(),
        axis: axis.into(),
        thickness_mm: head.thickness_mm(&centre),
    };
    Ok((cutter, truth))
}

/// First point of the outer surface on a line outward from inside the braincase.
fn surface_point(head: &Head, inside: &Point3<f64>, direction: &Vector3<f64>) -> Point3<f64> {
    let (mut low, mut high) = (0.0, 0.0);
    while head.outer_mm(&(inside + direction * high)) < 0.0 {
        low = high;
        high += 2.0;
    }
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if head.outer_mm(&(inside + direction * middle)) < 0.0 { low = middle } else { high = middle }
    }
    inside + direction * ((low + high) / 2.0)
}

/// Outward unit normal of the braincase, LPS.
fn normal(head: &Head, p: &Point3<f64>) -> Vector3<f64> {
    let difference = |axis: usize| {
        let mut h = Vector3::zeros();
        h[axis] = 0.5;
        head.outer_mm(&(p + h)) - head.outer_mm(&(p - h))
    };
    Vector3::new(difference(0), difference(1), difference(2)).normalize()
}

/// The outer surface seen through a polar position of the cutter's plane.
fn on_surface(head: &Head, cutter: &Cutter, angle: f64, radius_mm: f64) -> Point3<f64> {
    let (start, direction) = cutter.line(angle, radius_mm);
    // From well inside: half-way to the point where the walls meet.
    surface_point(head, &(start - direction * (WALLS_MEET_MM / 2.0)), &direction)
}

/// Area of the outer surface within the cutter, mm²: dA = r² dΩ / cos(line, normal) over the cutter's plane.
fn area_mm2(head: &Head, cutter: &Cutter) -> f64 {
    let (angles, rings) = (120, 24);
    let tip = cutter.middle() - cutter.axis() * WALLS_MEET_MM;
    (0..angles)
        .into_par_iter()
        .map(|i| {
            let angle = std::f64::consts::TAU * (i as f64 + 0.5) / angles as f64;
            let radius = cutter.radius_at(angle);
            let element = |k: usize| {
                let rho = radius * (k as f64 + 0.5) / rings as f64;
                let (start, direction) = cutter.line(angle, rho);
                let p = on_surface(head, cutter, angle, rho);
                let stretch = ((p - tip).norm() / (start - tip).norm()).powi(2);
                let tilt = direction.dot(&cutter.axis()) / direction.dot(&normal(head, &p));
                stretch * tilt * rho
            };
            (0..rings).map(element).sum::<f64>() * radius / rings as f64
        })
        .collect::<Vec<_>>()
        .iter()
        .sum::<f64>()
        * std::f64::consts::TAU
        / angles as f64
}
