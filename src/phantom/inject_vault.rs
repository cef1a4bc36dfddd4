use super::sites::Sites;
use crate::geometry::Disc;
use crate::skull::Skull;
use crate::skull::map::{blur, fill_nearest};
use nalgebra::Vector3;

/// Side of a pixel at a head's usual radius, mm.
const PIXEL_MM: f64 = 0.8;
/// A head's usual radius, mm.
const RADIUS_MM: f64 = 85.0;
/// The outer surface is smoothed over this, mm.
const SMOOTH_MM: f64 = 1.6;
/// No vault bone is thicker (frontal sinus), mm.
const THICKEST_MM: f64 = 28.0;

/// The vault around one direction as a map: outer surface, thickness, where a hole may be.
pub(super) struct VaultMap {
    pub disc: Disc,
    /// Outer radius, mm, smoothed and filled everywhere.
    pub outer_mm: Vec<f32>,
    /// How far bone reaches below the outer surface, mm.
    pub depth_mm: Vec<f32>,
    /// Where the vault is closed in every head.
    pub allowed: Vec<bool>,
    /// Outer surface a pixel, mm².
    pub area_mm2: Vec<f64>,
    /// Outward normals of the outer surface.
    normal: Vec<Vector3<f64>>,
}

impl VaultMap {
    /// A map about a direction that holds a patch of an area, whatever its outline.
    pub(super) fn new(skull: &Skull, towards: &Vector3<f64>, area_cm2: f64) -> Self {
        let reach_mm = 2.2 * (area_cm2 * 100.0 / std::f64::consts::PI).sqrt() + 20.0;
        let rho_max = 2.0 * (reach_mm / RADIUS_MM / 2.0).min(1.15).sin();
        let size = ((2.0 * rho_max * RADIUS_MM / PIXEL_MM) as usize).max(16);
        let disc = Disc::about(towards, size, rho_max);
        let place = |o: usize| disc.direction((o / size) as f64, (o % size) as f64);
        // Corners of the square may lie beyond the sphere's image; they are never allowed.
        let directions: Vec<Vector3<f64>> = (0..disc.len()).map(|o| place(o).unwrap_or(-*towards)).collect();
        let hits = skull.cast(&directions);
        let sites = Sites::shipped();
        let allowed: Vec<bool> = (0..disc.len())
            .map(|o| {
                let closed = sites.is_closed(&skull.scales.component_mul(&directions[o]));
                closed && place(o).is_some() && hits[o].outer_mm.is_finite()
            })
            .collect();
        let known = |o: usize, v: f32| if allowed[o] { v } else { f32::NAN };
        let outer: Vec<f32> = hits.iter().enumerate().map(|(o, h)| known(o, h.outer_mm)).collect();
        let thickness =
            hits.iter().enumerate().map(|(o, h)| known(o, (h.outer_mm - h.inner_mm).min(THICKEST_MM as f32)));
        let depth_mm = fill_nearest(&thickness.collect::<Vec<f32>>(), size);
        let outer_mm = blur(&fill_nearest(&outer, size), size, SMOOTH_MM / PIXEL_MM);
        let point = |o: usize| directions[o] * f64::from(outer_mm[o]);
        let normal: Vec<Vector3<f64>> = (0..disc.len())
            .map(|o| {
                let (r, c) = ((o / size).clamp(1, size - 2), (o % size).clamp(1, size - 2));
                let at = |r: usize, c: usize| point(r * size + c);
                let n = (at(r, c + 1) - at(r, c - 1)).cross(&(at(r + 1, c) - at(r - 1, c)));
                let n = n.try_normalize(1e-9).unwrap_or(directions[o]);
                if n.dot(&directions[o]) < 0.0 { -n } else { n }
            })
            .collect();
        let area_mm2 = (0..disc.len())
            .map(|o| {
                let cosine = normal[o].dot(&directions[o]).max(0.2);
                f64::from(outer_mm[o]).powi(2) * disc.pixel_sr() / cosine
            })
            .collect();
        Self { disc, outer_mm, depth_mm, allowed, area_mm2, normal }
    }

    /// Outer surface in the direction of a pixel, head frame, mm.
    pub(super) fn point(&self, pixel: usize) -> Option<Vector3<f64>> {
        let size = self.disc.size;
        let direction = self.disc.direction((pixel / size) as f64, (pixel % size) as f64)?;
        Some(direction * f64::from(self.outer_mm[pixel]))
    }

    /// Where the normal through a point of the head meets the outer surface, and how far below it the point lies, mm.
    pub(super) fn foot(&self, head: &Vector3<f64>) -> (Vector3<f64>, f64) {
        let (mut foot, mut below) = (*head, 0.0);
        for _ in 0..2 {
            let normal = self.normal_at(&foot);
            let radius = foot.norm();
            let gap = f64::from(self.disc.sample(&self.outer_mm, &foot)) - radius;
            let step = gap * normal.dot(&foot) / radius;
            foot += normal * step;
            below += step;
        }
        (foot, below)
    }

    /// Outward normal in a direction.
    pub(super) fn normal_at(&self, direction: &Vector3<f64>) -> Vector3<f64> {
        let last = self.disc.size - 1;
        let (row, column) = self.disc.position(direction);
        let near = |v: f64| (v.round().max(0.0) as usize).min(last);
        self.normal[near(row) * self.disc.size + near(column)]
    }

    /// Whether a point lies in the vault's shell, and not in what is deeper or stands off it.
    pub(super) fn in_shell(&self, head: &Vector3<f64>) -> bool {
        let below = f64::from(self.disc.sample(&self.outer_mm, head)) - head.norm();
        below > -4.0 && below < f64::from(self.disc.sample(&self.depth_mm, head)) + 2.0
    }

    /// Whether a direction falls onto the map.
    pub(super) fn covers(&self, head: &Vector3<f64>) -> bool {
        let (row, column) = self.disc.position(head);
        let last = (self.disc.size - 1) as f64;
        // The far side of the head falls onto the map's rim or beyond.
        row >= 0.0 && column >= 0.0 && row <= last && column <= last
    }
}
