//! Generalised Procrustes: every head aligned to the mean of all, the mean made anew, its mirror plane at x = 0.

use super::Head;
use crate::geometry::{Cancelled, Disc, Progress};
use crate::skull::map::{blur, convolve, fill_nearest, mirrored};
use crate::skull::occupancy::FULL;
use crate::skull::pose::{Fit, MeanSurface, Pose, Schedule, align};
use crate::skull::rays::RaySource;
use crate::skull::starts::best_start;
use nalgebra::{Point3, Rotation3, Vector3};
use rayon::prelude::*;

/// The heads' fits to their common mean.
pub(super) struct Aligned {
    pub fits: Vec<Fit>,
    /// Mean outer map, full and mirror-symmetric.
    pub outer_mm: Vec<f32>,
}

/// Rounds with one common scale, then with three.
const ROUNDS: usize = 6;
const ONE_SCALE_ROUNDS: usize = 3;
/// Prior strength that leaves one common scale only.
const ONE_SCALE: f64 = 1e4;
/// A point farther from the mean than this says nothing of it, mm.
const FAR_MM: f64 = 20.0;

/// `first` is the outer map to begin with, mm: the mean frame stays near its axes. Without it the first head's count.
pub(super) fn align_all(
    heads: &[Head],
    disc: &Disc,
    first: Option<&[f32]>,
    progress: &Progress,
) -> Result<Aligned, Cancelled> {
    let mut outer = first.map_or_else(|| first_mean(&heads[0], disc), <[f32]>::to_vec);
    let start = |h: &Head| Fit { pose: Pose::at(h.centre), residual_mm: f64::INFINITY, inlier_share: 0.0 };
    let mut fits: Vec<Fit> = heads.iter().map(start).collect();
    for round in 0..ROUNDS {
        progress.report(round as f32 / ROUNDS as f32, "Aligning the skulls")?;
        let one = round < ONE_SCALE_ROUNDS;
        let schedule = Schedule {
            iterations: if round == 0 { 30 } else { 15 },
            cut_mm: if round == 0 { [25.0, 6.0] } else { [10.0, 5.0] },
            kappa: if one { ONE_SCALE } else { 0.2 },
            scaled: true,
        };
        let surface = MeanSurface::new(disc, &outer);
        fits = heads
            .par_iter()
            .zip(&fits)
            .map(|(head, fit)| {
                let fit = align(&head.points, &fit.pose, &surface, &schedule);
                if round > 0 && fit.inlier_share < 0.75 { restart(head, fit, &surface, &schedule) } else { fit }
            })
            .collect();
        outer = mean_of(heads, &fits, disc, &outer);
        let logs: f64 = fits.iter().map(|f| f.pose.scales.map(f64::ln).mean()).sum::<f64>() / fits.len() as f64;
        let gauge = logs.exp();
        fits.iter_mut().for_each(|f| f.pose.scales /= gauge);
        outer.iter_mut().for_each(|v| *v /= gauge as f32);
        if one {
            let (normal, offset) = mirror_plane(disc, &outer);
            fits.iter_mut().for_each(|f| recentre(&mut f.pose, &normal, offset));
            outer = mean_of(heads, &fits, disc, &outer);
        } else {
            let other = mirrored(&outer, disc.size);
            outer.iter_mut().zip(other).for_each(|(a, b)| *a = (*a + b) / 2.0);
        }
    }
    Ok(Aligned { fits, outer_mm: outer })
}

/// A head that fits badly tries many start poses.
fn restart(head: &Head, fit: Fit, surface: &MeanSurface, schedule: &Schedule) -> Fit {
    let sparse: Vec<Point3<f64>> = head.points.iter().step_by(4).copied().collect();
    let again = best_start(&sparse, &head.centre, &Rotation3::identity(), surface, 1);
    let again = again.first().map(|f| align(&head.points, &f.pose, surface, schedule));
    again.filter(|f| f.score() > fit.score()).unwrap_or(fit)
}

/// Outer map of the first head seen from its guessed centre, smoothed.
fn first_mean(head: &Head, disc: &Disc) -> Vec<f32> {
    let directions: Vec<Option<Vector3<f64>>> =
        (0..disc.len()).map(|o| disc.direction((o / disc.size) as f64, (o % disc.size) as f64)).collect();
    let rays: Vec<_> = directions.iter().map(|d| (d.unwrap_or(Vector3::z()), f64::NAN)).collect();
    let hits = RaySource::new(&head.shares, f32::from(FULL) / 2.0).cast(&head.centre, &rays);
    let value = |(d, hit): (&Option<Vector3<f64>>, &crate::skull::RayHit)| match d {
        Some(_) if hit.outer_mm < 140.0 => hit.outer_mm,
        _ => f32::NAN,
    };
    let map: Vec<f32> = directions.iter().zip(&hits).map(value).collect();
    fill_nearest(&blur(&map, disc.size, 1.5), disc.size)
}

/// Mean outer radius of all heads' points a pixel, smoothed and filled.
fn mean_of(heads: &[Head], fits: &[Fit], disc: &Disc, before: &[f32]) -> Vec<f32> {
    let n = disc.size;
    let (mut sum, mut count) = (vec![0f32; n * n], vec![0f32; n * n]);
    for (head, fit) in heads.iter().zip(fits) {
        for p in &head.points {
            let y = fit.pose.mean_from_lps(p);
            let (row, column) = disc.position(&y);
            let inside = |v: f64| v >= 0.0 && v.round() < n as f64;
            let r = y.norm();
            if inside(row) && inside(column) && (r - f64::from(disc.sample_at(before, row, column))).abs() < FAR_MM {
                let o = row.round() as usize * n + column.round() as usize;
                sum[o] += r as f32;
                count[o] += 1.0;
            }
        }
    }
    let (sum, count) = (convolve(&sum, n, 1.5), convolve(&count, n, 1.5));
    let map: Vec<f32> = sum.iter().zip(&count).map(|(s, c)| if *c > 1e-3 { s / c } else { f32::NAN }).collect();
    fill_nearest(&map, n)
}

/// The plane that mirrors the mean best onto itself: unit normal (near +x) and its distance from the origin, mm.
fn mirror_plane(disc: &Disc, outer: &[f32]) -> (Vector3<f64>, f64) {
    let point = |o: usize| {
        let d = disc.direction((o / disc.size) as f64, (o % disc.size) as f64).filter(|d| d.z > -0.13)?;
        let p = d * f64::from(outer[o]);
        Some(Point3::new(-p.x, p.y, p.z))
    };
    let points: Vec<Point3<f64>> = (0..disc.len()).step_by(7).filter_map(point).collect();
    let schedule = Schedule { iterations: 30, cut_mm: [10.0, 4.0], kappa: 0.0, scaled: false };
    let fit = align(&points, &Pose::at(Point3::origin()), &MeanSurface::new(disc, outer), &schedule);
    // S(p) = R·(M p − c) is nearly the reflection I − 2nnᵀ followed by a shift of 2qn.
    let turn = Rotation3::from_matrix_unchecked(fit.pose.rotation).scaled_axis() / 2.0;
    let normal = Rotation3::new(turn) * Vector3::x();
    let shift = -(fit.pose.rotation * fit.pose.centre.coords);
    (normal, shift.dot(&normal) / 2.0)
}

/// Turns the mean frame of a pose (one common scale) so that the plane becomes x = 0.
fn recentre(pose: &mut Pose, normal: &Vector3<f64>, offset: f64) {
    let turn = Rotation3::rotation_between(normal, &Vector3::x()).unwrap_or_else(Rotation3::identity);
    pose.centre += pose.rotation.tr_mul(&(normal * offset)) / pose.scales.mean();
    pose.rotation = turn.into_inner() * pose.rotation;
}
