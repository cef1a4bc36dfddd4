//! A chest phantom: a CT that is not a head, with plenty of bone.

use super::Error;
use super::random::{noise, stream};
use super::shape::{Shape, join};
use crate::geometry::{Grid, Progress, Volume};
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

const SIZE: [usize; 3] = [180, 130, 140];
const SPACING_MM: f64 = 2.0;

/// Makes a chest CT: ribs, spine, breastbone, collar bones, shoulder blades, lungs and heart; no head.
/// 180×130×140 voxels of 2 mm; the same seed gives the same voxels.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn chest(seed: u64, progress: &Progress) -> Result<Volume<i16>, Error> {
    let [nx, ny, nz] = SIZE;
    let half = |n: usize| -((n - 1) as f64) * SPACING_MM / 2.0;
    let grid = Grid::axis_aligned(SIZE, [SPACING_MM; 3], Point3::new(half(nx), half(ny), half(nz)));
    let mut random = stream(seed, 50);
    let size = Vector3::from_fn(|_, _| 1.0 + 0.05 * random.signed());
    let chest = Chest::new();
    let mut hu = vec![0i16; grid.len()];
    hu.par_chunks_mut(nx * ny).enumerate().try_for_each(|(z, slice)| {
        progress.report(z as f32 / nz as f32, "Making a chest")?;
        for (o, value) in slice.iter_mut().enumerate() {
            let index = Vector3::new((o % nx) as f64, (o / nx) as f64, z as f64);
            let p = grid.lps_from_index(&index).coords.component_div(&size);
            let clean = chest.hu(&p);
            let noisy = clean + 18.0 * noise(seed, (z * nx * ny + o) as u64);
            *value = noisy.round().clamp(-1024.0, 3071.0) as i16;
        }
        Ok::<(), Error>(())
    })?;
    Ok(Volume::new(grid, hu))
}

struct Chest {
    bones: Vec<Shape>,
    lungs: [Shape; 2],
    heart: Shape,
    vessel: Shape,
}

impl Chest {
    fn new() -> Self {
        let mut bones = Vec::new();
        for i in -5..6 {
            let z = 25.0 * f64::from(i);
            bones.push(Shape::block([0.0, 62.0, z], [18.0, 15.0, 10.0], 4.0));
            bones.push(Shape::cone([0.0, 82.0, z], 4.0, [0.0, 105.0, z - 18.0], 3.5));
            bones.push(Shape::cone([0.0, 80.0, z], 4.0, [32.0, 88.0, z + 4.0], 3.5));
        }
        // Breastbone, collar bone, shoulder blade.
        bones.push(Shape::block([0.0, -88.0, 20.0], [17.0, 5.0, 70.0], 3.0));
        bones.push(Shape::cone([12.0, -84.0, 98.0], 6.0, [125.0, -20.0, 118.0], 5.5));
        bones.push(Shape::block([95.0, 88.0, 65.0], [38.0, 3.5, 50.0], 3.0));
        Self {
            bones,
            lungs: [
                Shape::ellipsoid([68.0, 0.0, 5.0], [50.0, 76.0, 112.0]),
                Shape::ellipsoid([68.0, -5.0, -60.0], [56.0, 74.0, 50.0]),
            ],
            heart: Shape::ellipsoid([18.0, -38.0, -15.0], [52.0, 42.0, 52.0]),
            vessel: Shape::cone([8.0, 38.0, -140.0], 12.0, [12.0, 38.0, 70.0], 13.0),
        }
    }

    /// Twelve pairs of ribs: slanting ellipses, open in front of the breastbone's sides.
    fn rib_mm(p: &Vector3<f64>) -> f64 {
        let (a, b) = (p.x / 128.0, p.y / 90.0);
        let ring = (a.hypot(b) - 1.0) * 105.0;
        // Ribs fall by 45 mm from the spine to the front.
        let along = p.z - 22.5 * (p.y / 90.0);
        let slot = (along / 22.0).round().clamp(-5.0, 5.0);
        (ring / 0.8).hypot((along - slot * 22.0) / 1.3) - 4.2
    }

    fn hu(&self, p: &Vector3<f64>) -> f64 {
        let folded = Vector3::new(p.x.abs(), p.y, p.z);
        let cover = |d: f64| (0.5 - d / (1.2 * SPACING_MM)).clamp(0.0, 1.0);
        let blend = |from: f64, to: f64, d: f64| from + (to - from) * cover(d);
        let torso = ((p.x / 160.0).powi(4) + (p.y / 118.0).powi(4)).powf(0.25);
        let skin = (torso - 1.0) * 118.0;
        let mut hu = blend(-1000.0, -90.0, skin);
        hu = blend(hu, 50.0, skin + 12.0);
        let lung = join(self.lungs[0].distance(&folded), self.lungs[1].distance(&folded), 10.0);
        hu = blend(hu, -850.0, lung);
        hu = blend(hu, 42.0, self.heart.distance(p));
        hu = blend(hu, 45.0, self.vessel.distance(p));
        let bone = self.bones.iter().fold(Self::rib_mm(p), |d, s| d.min(s.distance(&folded)));
        hu = blend(hu, 900.0, bone.max(skin + 3.0));
        blend(hu, 250.0, bone + 2.5)
    }
}
