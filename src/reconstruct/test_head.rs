//! A head of known shape for tests: two star-shaped surfaces with a round hole, as a patch and as a skull.

use super::opposite::Rays;
use crate::defect::{Defect, Patch};
use crate::geometry::{Disc, Grid, HeadFrame, Volume};
use crate::skull::Skull;
use nalgebra::{Matrix3, Point3, Vector3};
use std::sync::Arc;

pub(crate) struct TestHead {
    pub outer: fn(&Vector3<f64>) -> f64,
    pub inner: fn(&Vector3<f64>) -> f64,
    /// Middle of the hole, a unit direction of the head frame.
    pub towards: Vector3<f64>,
    /// Half width of the hole, degrees seen from the centre.
    pub half_deg: f64,
}

impl TestHead {
    /// Degrees from the hole's middle.
    fn away_deg(&self, d: &Vector3<f64>) -> f64 {
        d.dot(&self.towards).clamp(-1.0, 1.0).acos().to_degrees()
    }

    /// The head's frame in LPS: shifted and turned, so that nothing works by luck.
    pub fn frame() -> HeadFrame {
        let turn = nalgebra::Rotation3::from_euler_angles(0.1, -0.2, 0.3).into_inner();
        HeadFrame { centre_mm: Point3::new(12.0, -7.0, 31.0), head_from_lps: turn }
    }

    pub fn patch(&self) -> Patch {
        let reach = (self.half_deg + 32.0).to_radians() / 2.0;
        let rho_max = 2.0 * reach.sin();
        let size = (2.0 * rho_max * 80.0 / 0.6) as usize;
        let disc = Disc::about(&self.towards, size, rho_max);
        let (mut hole, mut inner_mm, mut outer_mm) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..disc.len() {
            let d = disc.direction((i / size) as f64, (i % size) as f64).expect("the map is smaller than the sphere");
            let missing = self.away_deg(&d) < self.half_deg;
            hole.push(missing);
            inner_mm.push(if missing { f32::NAN } else { (self.inner)(&d) as f32 });
            outer_mm.push(if missing { f32::NAN } else { (self.outer)(&d) as f32 });
        }
        Patch { disc, hole, inner_mm, outer_mm, vault: vec![true; size * size] }
    }

    /// What rays across the midsagittal plane would see.
    pub fn other_side(&self, patch: &Patch) -> Rays {
        let size = patch.disc.size;
        let (mut outer, mut inner) = (Vec::new(), Vec::new());
        for i in 0..patch.disc.len() {
            let d = patch.disc.direction((i / size) as f64, (i % size) as f64).expect("on the map");
            let d = Vector3::new(-d.x, d.y, d.z);
            let missing = self.away_deg(&d) < self.half_deg;
            outer.push(if missing { f32::NAN } else { (self.outer)(&d) as f32 });
            inner.push(if missing { f32::NAN } else { (self.inner)(&d) as f32 });
        }
        Rays { outer, inner }
    }

    pub fn defect(&self) -> Defect {
        Defect {
            region: "left-parietal".to_owned(),
            area_cm2: 0.0,
            shape: "circle".to_owned(),
            rim_mm: Vec::new(),
            bounds_mm: [[0.0; 3]; 2],
            size_mm: [0.0; 2],
            patch: self.patch(),
        }
    }

    /// The head around the hole as an intensity volume whose level 500 is the bone's surface to about 0.01 mm.
    pub fn skull(&self, spacing_mm: f64) -> Skull {
        let frame = Self::frame();
        let half = 60.0;
        let n = (2.0 * half / spacing_mm) as usize + 1;
        let origin = frame.point_from_head(&(self.towards * 72.0)) - Vector3::repeat(half);
        let grid =
            Grid { size: [n; 3], spacing_mm: [spacing_mm; 3], origin_mm: origin, direction: Matrix3::identity() };
        let lps_from_index = grid.lps_from_index_matrix();
        let value = |o: usize| {
            let [x, y, z] = grid.index(o);
            let lps = origin + lps_from_index * Vector3::new(x as f64, y as f64, z as f64);
            let head = frame.head_from_point(&lps);
            let r = head.norm();
            if !(40.0..=99.0).contains(&r) {
                return 0;
            }
            let d = head / r;
            let wall = (self.half_deg - self.away_deg(&d)).to_radians() * r;
            let signed = (r - (self.outer)(&d)).max((self.inner)(&d) - r).max(wall);
            (500.0 - 200.0 * signed).clamp(0.0, 1000.0) as i16
        };
        use rayon::prelude::*;
        let data = (0..grid.len()).into_par_iter().map(value).collect();
        Skull {
            intensity: Arc::new(Volume::new(grid, data)),
            iso: 500.0,
            smooth: None,
            frame,
            scales: Vector3::repeat(1.0),
            inlier_share: 1.0,
            residual_mm: 0.0,
            pieces: Vec::new(),
            findings: Vec::new(),
        }
    }
}
