//! Nothing moves on the way from a mask over rays and maps back to the patient's voxels.

use calvaria::defect;
use calvaria::geometry::{Grid, Progress, Volume};
use calvaria::reconstruct;
use calvaria::scan::{Scan, Voxels};
use calvaria::skull::{self, MeanVault, Skull};
use nalgebra::{Point3, Rotation3, Vector3};

/// No surface may move by more than this, mm.
const MOST_MM: f64 = 0.02;
/// Half angle of the hole, degrees.
const HOLE_DEG: f64 = 22.0;

/// A head whose surfaces are known: the mean vault's own radii about the LPS origin.
struct Shell {
    hole: Vector3<f64>,
}

impl Shell {
    fn outer_mm(&self, lps: &Vector3<f64>) -> f64 {
        MeanVault::in_use().outer_at(lps)
    }

    fn thickness_mm(&self, lps: &Vector3<f64>) -> f64 {
        let mean = MeanVault::in_use();
        f64::from(mean.disc.sample(&mean.thickness_mm, lps)).clamp(3.0, 9.0)
    }

    /// Distance below the outer surface and thickness there, mm.
    fn depth(&self, lps: &Vector3<f64>) -> (f64, f64) {
        (self.outer_mm(lps) - lps.norm(), self.thickness_mm(lps))
    }

    fn is_bone(&self, lps: &Vector3<f64>) -> bool {
        let radius = lps.norm();
        if !(55.0..125.0).contains(&radius) || lps.z < -0.6 * radius {
            return false;
        }
        let (depth, thickness) = self.depth(lps);
        (0.0..=thickness).contains(&depth)
    }

    fn in_hole(&self, lps: &Vector3<f64>) -> bool {
        lps.normalize().dot(&self.hole) > HOLE_DEG.to_radians().cos()
    }

    /// Whole and defective mask.
    fn masks(&self, grid: &Grid) -> (Volume<u8>, Volume<u8>) {
        let matrix = grid.lps_from_index_matrix();
        let mut whole = Volume::filled(grid.clone(), 0u8);
        let mut left = Volume::filled(grid.clone(), 0u8);
        for o in 0..grid.len() {
            let [x, y, z] = grid.index(o);
            let lps = grid.origin_mm.coords + matrix * Vector3::new(x as f64, y as f64, z as f64);
            let bone = self.is_bone(&lps);
            whole.data[o] = u8::from(bone);
            left.data[o] = u8::from(bone && !self.in_hole(&lps));
        }
        (whole, left)
    }
}

fn skull_of(mask: Volume<u8>) -> Skull {
    let scan = Scan::unnamed(Voxels::Mask(mask));
    skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head")
}

/// A grid around the shell, turned, its middle off any symmetry.
fn grid(spacing_mm: [f64; 3], turn: Vector3<f64>) -> Grid {
    let direction = Rotation3::new(turn).into_inner();
    let extent = [190.0, 230.0, 170.0];
    let size = std::array::from_fn(|a| (extent[a] / spacing_mm[a]) as usize);
    let corner = Vector3::from_fn(|a, _| extent[a] / 2.0) - Vector3::new(0.13, 0.31, 0.17);
    let origin_mm = Point3::from(Vector3::new(0.0, 0.0, 26.0) - direction * corner);
    Grid { size, spacing_mm, origin_mm, direction }
}

/// Outer radius along a ray from any centre, by bisection.
fn exact(shell: &Shell, centre: &Point3<f64>, direction: &Vector3<f64>, below: impl Fn(&Vector3<f64>) -> f64) -> f64 {
    let (mut low, mut high) = (40.0, 140.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        let p = centre.coords + direction * middle;
        if shell.outer_mm(&p) - below(&p) > p.norm() { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

fn nothing_moves(spacing_mm: [f64; 3], turn: Vector3<f64>) {
    let shell = Shell { hole: Vector3::new(0.55, 0.35, 0.76).normalize() };
    let (whole, left) = shell.masks(&grid(spacing_mm, turn));
    let skull = skull_of(left.clone());
    let defects = defect::detect(&skull, &[], &Default::default(), &Progress::new()).expect("a search");
    assert_eq!(defects.len(), 1, "one hole");
    let patch = &defects[0].patch;
    let n = patch.disc.size;
    let centre = skull.frame.centre_mm;
    let rays: Vec<Option<Vector3<f64>>> = (0..n * n)
        .map(|o| patch.disc.direction((o / n) as f64, (o % n) as f64).map(|d| skull.frame.lps_from_head_direction(&d)))
        .collect();
    let outer = |d: &Vector3<f64>| exact(&shell, &centre, d, |_| 0.0);
    let inner = |d: &Vector3<f64>| exact(&shell, &centre, d, |p| shell.thickness_mm(p));

    // From the mask to the rays: the seen radii are the surface's, without a shift to either side.
    let (mut shift, mut count) = ([0.0f64; 2], 0usize);
    for o in (0..n * n).step_by(7) {
        let Some(d) = rays[o] else { continue };
        let p = centre.coords + d * f64::from(patch.outer_mm[o]);
        let away = p.normalize().dot(&shell.hole).clamp(-1.0, 1.0).acos().to_degrees() - HOLE_DEG;
        if patch.vault[o] && away > 3.0 && p.z > 0.0 {
            shift[0] += f64::from(patch.outer_mm[o]) - outer(&d);
            shift[1] += f64::from(patch.inner_mm[o]) - inner(&d);
            count += 1;
        }
    }
    let seen = shift.map(|s| s / count as f64);
    println!("{spacing_mm:?}: rays see the outer surface {:+.4} mm and the inner {:+.4} mm off", seen[0], seen[1]);

    // From exact radii to voxels: no voxel farther than the limit from the surface changes sides, and none is lost.
    let mut completion =
        reconstruct::complete(&skull, &defects[0], &Default::default(), &Progress::new()).expect("a completion");
    for o in 0..completion.disc.len() {
        let Some(d) = completion.disc.direction((o / n) as f64, (o % n) as f64) else { continue };
        let d = skull.frame.lps_from_head_direction(&d);
        completion.outer_mm[o] = outer(&d) as f32;
        completion.inner_mm[o] = inner(&d) as f32;
    }
    let implant = completion.implant_mask(&skull, &whole.grid);
    let matrix = whole.grid.lps_from_index_matrix();
    let (mut volume, mut truth, mut strays) = (0i64, 0i64, 0usize);
    for o in 0..whole.grid.len() {
        let [x, y, z] = whole.grid.index(o);
        let lps = whole.grid.origin_mm.coords + matrix * Vector3::new(x as f64, y as f64, z as f64);
        let inside = lps.normalize().dot(&shell.hole) > (HOLE_DEG - 4.0).to_radians().cos();
        if !inside {
            continue;
        }
        let (made, taken) = (implant.data[o] != 0, whole.data[o] != 0 && left.data[o] == 0);
        volume += i64::from(made);
        truth += i64::from(taken);
        if made != taken {
            let (depth, thickness) = shell.depth(&lps);
            strays += usize::from(depth.abs().min((thickness - depth).abs()) > MOST_MM);
        }
    }
    let radius = outer(&skull.frame.lps_from_head_direction(&Vector3::z()));
    let area = 2.0 * std::f64::consts::PI * radius.powi(2) * (1.0 - (HOLE_DEG - 4.0).to_radians().cos());
    let moved = (volume - truth) as f64 * whole.grid.voxel_mm3() / area;
    println!("{spacing_mm:?}: voxels {volume} for {truth}, the part {moved:+.4} mm thicker, {strays} voxels beyond");
    assert!(seen.iter().all(|s| s.abs() < MOST_MM), "{seen:?}");
    assert!(moved.abs() < MOST_MM, "{moved}");
    assert!((strays as f64) < 1e-4 * truth as f64, "{strays} of {truth}");
}

#[test]
fn nothing_moves_on_a_straight_grid() {
    nothing_moves([0.8; 3], Vector3::zeros());
}

#[test]
fn nothing_moves_on_an_oblique_grid_of_long_voxels() {
    nothing_moves([0.6, 0.6, 1.25], Vector3::new(0.16, -0.03, 0.05));
}
