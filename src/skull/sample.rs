//! What the later steps ask of a skull: distances, rays, surface.

use super::mean_vault::MeanVault;
use super::occupancy::FULL;
use super::rays::{BEYOND_MM, RaySource};
use super::{RayHit, Skull};
use crate::geometry::{Cancelled, Field, Grid, Mesh, Progress, Volume, signed_distance_from_scalar};
use crate::surface;
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

impl Skull {
    /// Direction of the mean frame of a head direction, and mm of the mean frame a mm along it.
    pub fn mean_direction(&self, direction: &Vector3<f64>) -> (Vector3<f64>, f64) {
        let scaled = direction.component_mul(&self.scales);
        let norm = scaled.norm();
        (scaled / norm, norm / direction.norm())
    }

    /// Outer radius the mean vault has in a direction of the head frame, in this head's mm.
    pub fn expected_outer_mm(&self, direction: &Vector3<f64>) -> f64 {
        let (mean, unit) = self.mean_direction(direction);
        MeanVault::in_use().outer_at(&mean) / unit
    }

    /// Signed distance to the bone's surface (mm, negative inside bone) on any grid, clamped to ±`limit_mm`.
    /// Beyond the scan there is no bone.
    pub fn signed_distance(&self, grid: &Grid, limit_mm: f32) -> Field {
        let index_from_lps = self.intensity.grid.index_from_lps_matrix();
        let step = index_from_lps * grid.lps_from_index_matrix();
        let start = index_from_lps * (grid.origin_mm - self.intensity.grid.origin_mm);
        let [nx, ny, _] = grid.size;
        let mut data = vec![0f32; grid.len()];
        data.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            for (o, out) in slice.iter_mut().enumerate() {
                let index = Vector3::new((o % nx) as f64, (o / nx) as f64, z as f64);
                *out = self.iso - self.intensity.sample_index(&(start + step * index), self.iso - 1000.0);
            }
        });
        // A value of exactly the level is bone.
        data.iter_mut().for_each(|v| *v = if *v == 0.0 { -f32::EPSILON } else { *v });
        signed_distance_from_scalar(&Volume::new(grid.clone(), data), limit_mm)
    }

    /// Casts rays from the head's centre along unit directions of the head frame. When the first bone lies much
    /// deeper than the mean vault and more follows near it, that one counts (a calcified falx is not the vault); what
    /// only begins well beyond it (the zygomatic arch behind a hole in the temple) does not count.
    pub fn cast(&self, directions: &[Vector3<f64>]) -> Vec<RayHit> {
        let rays: Vec<(Vector3<f64>, f64)> =
            directions.iter().map(|d| (self.frame.lps_from_head_direction(d), self.expected_outer_mm(d))).collect();
        let mut hits = match &self.smooth {
            Some(shares) => {
                let mut hits =
                    RaySource::new(shares.as_ref(), f32::from(FULL) / 2.0).cast(&self.frame.centre_mm, &rays);
                let unit = 2.0 * self.iso / f32::from(FULL);
                hits.iter_mut().for_each(|h| h.peak = (h.peak * unit).max(0.0));
                hits
            }
            None => RaySource::new(self.intensity.as_ref(), self.iso).cast(&self.frame.centre_mm, &rays),
        };
        for (hit, (_, expected)) in hits.iter_mut().zip(&rays) {
            if f64::from(hit.inner_mm) > expected + BEYOND_MM {
                (hit.inner_mm, hit.outer_mm) = (f32::NAN, f32::NAN);
            }
        }
        hits
    }

    /// Largest intensity between two radii along a direction of the head frame (the mask's own voxels for a mask).
    pub(crate) fn peak_between(&self, direction: &Vector3<f64>, from_mm: f64, to_mm: f64) -> f32 {
        let ray = self.frame.lps_from_head_direction(direction);
        RaySource::new(self.intensity.as_ref(), self.iso).peak(&self.frame.centre_mm, &ray, from_mm, to_mm)
    }

    /// Whether the scan reaches `margin_mm` beyond an LPS point on all sides.
    pub fn scanned(&self, lps: &Point3<f64>, margin_mm: f64) -> bool {
        let grid = &self.intensity.grid;
        grid.beyond_mm(&grid.index_from_lps(lps)) <= -margin_mm
    }

    /// The bone's surface on the scan's grid, LPS mm.
    pub fn mesh(&self, progress: &Progress) -> Result<Mesh, Cancelled> {
        progress.report(0.0, "Drawing the skull's surface")?;
        Ok(surface::isosurface(&self.intensity.grid, &self.intensity.data, self.iso, true))
    }
}
