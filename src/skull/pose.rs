//! Where the mean head lies in a scan: robust alignment of outer-surface points to a star-shaped mean surface.

use super::map::{blur, fill_nearest};
use crate::geometry::{Disc, HeadFrame};
use nalgebra::{Matrix3, Point3, Rotation3, SMatrix, SVector, Vector3};

/// `mean = diag(scales) · rotation · (lps − centre)`, all in mm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pose {
    /// Origin of the mean frame in LPS, mm.
    pub centre: Point3<f64>,
    /// Head axes (rows) in LPS.
    pub rotation: Matrix3<f64>,
    /// Size of the mean head against this one along the head axes.
    pub scales: Vector3<f64>,
}

impl Pose {
    pub(crate) fn at(centre: Point3<f64>) -> Self {
        Self { centre, rotation: Matrix3::identity(), scales: Vector3::repeat(1.0) }
    }

    pub(crate) fn frame(&self) -> HeadFrame {
        HeadFrame { centre_mm: self.centre, head_from_lps: self.rotation }
    }

    pub(crate) fn mean_from_lps(&self, lps: &Point3<f64>) -> Vector3<f64> {
        (self.rotation * (lps - self.centre)).component_mul(&self.scales)
    }

    /// Unit LPS direction of a direction of the mean frame, and mm of the mean frame a mm along it.
    pub(crate) fn lps_ray(&self, mean_direction: &Vector3<f64>) -> (Vector3<f64>, f64) {
        let head = mean_direction.component_div(&self.scales);
        let length = head.norm();
        (self.rotation.tr_mul(&(head / length)), mean_direction.norm() / length)
    }
}

/// A star-shaped surface about the origin of the mean frame, with its normals.
pub(crate) struct MeanSurface<'a> {
    disc: &'a Disc,
    outer_mm: &'a [f32],
    normals: [Vec<f32>; 3],
}

impl<'a> MeanSurface<'a> {
    /// From a full map of outer radii (no NaN). Normals are those of the map smoothed by two pixels.
    pub(crate) fn new(disc: &'a Disc, outer_mm: &'a [f32]) -> Self {
        let n = disc.size;
        let smooth = fill_nearest(&blur(outer_mm, n, 2.0), n);
        let point = |row: usize, column: usize| -> Option<Vector3<f64>> {
            Some(disc.direction(row as f64, column as f64)? * smooth[row * n + column] as f64)
        };
        let mut normals = [vec![0f32; n * n], vec![0f32; n * n], vec![0f32; n * n]];
        for row in 0..n {
            for column in 0..n {
                let Some(here) = point(row, column) else { continue };
                let left = point(row, column.saturating_sub(1)).unwrap_or(here);
                let right = point(row, (column + 1).min(n - 1)).unwrap_or(here);
                let below = point(row.saturating_sub(1), column).unwrap_or(here);
                let above = point((row + 1).min(n - 1), column).unwrap_or(here);
                let cross = (right - left).cross(&(above - below));
                let normal = cross.try_normalize(1e-12).unwrap_or_else(|| here.normalize());
                let normal = if normal.dot(&here) < 0.0 { -normal } else { normal };
                for axis in 0..3 {
                    normals[axis][row * n + column] = normal[axis] as f32;
                }
            }
        }
        Self { disc, outer_mm, normals }
    }

    /// Outer radius and unit normal in a direction.
    fn at(&self, direction: &Vector3<f64>) -> (f64, Vector3<f64>) {
        let (row, column) = self.disc.position(direction);
        let normal = Vector3::from_fn(|a, _| self.disc.sample_at(&self.normals[a], row, column) as f64);
        (self.disc.sample_at(self.outer_mm, row, column) as f64, normal / normal.norm().max(1e-9))
    }
}

/// How an alignment runs.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    pub iterations: usize,
    /// Tukey cut-off at the start and from 60 % of the iterations on, mm.
    pub cut_mm: [f64; 2],
    /// Strength of the prior that the three scales are alike (0.2, or 1.0 while the pose is still far).
    pub kappa: f64,
    /// Whether the scales may change at all.
    pub scaled: bool,
}

/// An alignment and how good it is.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub pose: Pose,
    /// Median distance of the inliers along the normal, mm.
    pub residual_mm: f64,
    /// Share of points within the last cut-off.
    pub inlier_share: f64,
}

impl Fit {
    /// Larger is better: inliers first, for a small residual alone prefers a wrong partial fit.
    pub(crate) fn score(&self) -> f64 {
        self.inlier_share - 0.03 * self.residual_mm
    }
}

/// Points lower than this (cosine to +z) lie outside of the map.
const LOWEST: f64 = -0.35;

/// Robust Gauss–Newton: residual e = (|y| − m(ŷ))·(n·ŷ), Jacobian (z×(s∘n), s∘n, n∘y), Tukey weights.
pub(crate) fn align(points: &[Point3<f64>], start: &Pose, surface: &MeanSurface, schedule: &Schedule) -> Fit {
    let mut pose = start.clone();
    let mut fit = Fit { pose: pose.clone(), residual_mm: f64::INFINITY, inlier_share: 0.0 };
    for iteration in 0..=schedule.iterations {
        let ease = (iteration as f64 / (schedule.iterations as f64 * 0.6)).min(1.0);
        let cut = schedule.cut_mm[0] + (schedule.cut_mm[1] - schedule.cut_mm[0]) * ease;
        let mut a = SMatrix::<f64, 9, 9>::zeros();
        let mut b = SVector::<f64, 9>::zeros();
        let mut total = 0.0;
        let mut inliers: Vec<f64> = Vec::with_capacity(points.len());
        for p in points {
            let z = pose.rotation * (p - pose.centre);
            let y = z.component_mul(&pose.scales);
            let r = y.norm();
            let d = y / r.max(1e-9);
            if d.z <= LOWEST {
                continue;
            }
            let (m, n) = surface.at(&d);
            let e = (r - m) * n.dot(&d);
            let q = e / cut;
            if q.abs() >= 1.0 {
                continue;
            }
            let w = (1.0 - q * q).powi(2);
            let sn = n.component_mul(&pose.scales);
            let turn = z.cross(&sn);
            let grow = n.component_mul(&y);
            let j =
                SVector::<f64, 9>::from_row_slice(&[turn.x, turn.y, turn.z, sn.x, sn.y, sn.z, grow.x, grow.y, grow.z]);
            a += j * j.transpose() * w;
            b += j * (e * w);
            total += w;
            inliers.push(e.abs());
        }
        if inliers.len() < 30 {
            return fit;
        }
        let share = inliers.len() as f64 / points.len() as f64;
        let middle = inliers.len() / 2;
        let (_, median, _) = inliers.select_nth_unstable_by(middle, f64::total_cmp);
        fit = Fit { pose: pose.clone(), residual_mm: *median, inlier_share: share };
        if iteration == schedule.iterations {
            break;
        }
        pose = step(&pose, a, b, total, schedule);
    }
    fit
}

/// One damped Gauss–Newton step with the prior on the scales.
fn step(pose: &Pose, mut a: SMatrix<f64, 9, 9>, mut b: SVector<f64, 9>, weight: f64, schedule: &Schedule) -> Pose {
    let damping = 1e-6 * a.trace() / 9.0;
    for i in 0..9 {
        a[(i, i)] += damping;
    }
    let log = pose.scales.map(f64::ln);
    let strength = 100.0 * schedule.kappa * weight;
    for i in 0..3 {
        b[6 + i] += strength * (log[i] - log.mean());
        for j in 0..3 {
            a[(6 + i, 6 + j)] += strength * (f64::from(u8::from(i == j)) - 1.0 / 3.0);
        }
        if !schedule.scaled {
            for j in 0..9 {
                a[(6 + i, j)] = f64::from(u8::from(j == 6 + i));
                a[(j, 6 + i)] = a[(6 + i, j)];
            }
            b[6 + i] = 0.0;
        }
    }
    let Some(x) = a.lu().solve(&b) else { return pose.clone() };
    let x = -x;
    let turn = Vector3::new(x[0], x[1], x[2]).cap_magnitude(0.3);
    let shift = Vector3::new(x[3], x[4], x[5]).cap_magnitude(20.0);
    let rotation = Rotation3::new(turn).into_inner() * pose.rotation;
    let grow = Vector3::new(x[6], x[7], x[8]).map(|v| v.clamp(-0.1, 0.1).exp());
    Pose {
        centre: pose.centre - rotation.tr_mul(&shift),
        rotation,
        scales: pose.scales.component_mul(&grow).map(|s| s.clamp(0.7, 1.4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skull::rays::even_directions;

    /// A lopsided but mirror-symmetric egg.
    fn egg(d: &Vector3<f64>) -> f64 {
        let e = Vector3::new(d.x / 72.0, d.y / 92.0, d.z / 80.0).norm();
        1.0 / e + 5.0 * d.y * d.y * d.y - 4.0 * d.z * d.y + 3.0 * (3.0 * d.x.abs()).sin() * d.z
    }

    fn disc_map() -> (Disc, Vec<f32>) {
        let disc = Disc::about_z(96, 1.72);
        let value = |o: usize| disc.direction((o / 96) as f64, (o % 96) as f64).map_or(f32::NAN, |d| egg(&d) as f32);
        let map: Vec<f32> = (0..disc.len()).map(value).collect();
        let map = fill_nearest(&map, 96);
        (disc, map)
    }

    #[test]
    fn a_known_pose_is_found_again_with_a_hole_and_outliers() {
        let (disc, map) = disc_map();
        let surface = MeanSurface::new(&disc, &map);
        let truth = Pose {
            centre: Point3::new(12.0, -30.0, 55.0),
            rotation: Rotation3::new(Vector3::new(0.2, -0.1, 0.15)).into_inner(),
            scales: Vector3::new(1.06, 0.95, 1.02),
        };
        let mut points = Vec::new();
        for (i, d) in even_directions(1500, -0.2).iter().enumerate() {
            if (d - Vector3::new(0.6, 0.5, 0.62)).norm() < 0.5 {
                continue;
            }
            let bump = if i % 11 == 0 { 14.0 } else { 0.0 };
            let (ray, unit) = truth.lps_ray(d);
            points.push(truth.centre + ray * ((egg(d) + bump) / unit));
        }
        let start = Pose::at(Point3::new(4.0, -24.0, 60.0));
        let schedule = Schedule { iterations: 40, cut_mm: [25.0, 5.0], kappa: 0.0, scaled: true };
        let fit = align(&points, &start, &surface, &schedule);
        assert!((fit.pose.scales - truth.scales).amax() < 0.006, "{:?}", fit.pose.scales);
        assert!((fit.pose.centre - truth.centre).norm() < 0.7, "{:?}", fit.pose.centre);
        assert!((fit.pose.rotation - truth.rotation).amax() < 0.01);
        assert!(fit.residual_mm < 0.3 && fit.inlier_share > 0.85);
    }

    #[test]
    fn rays_of_a_pose_lead_to_its_points() {
        let pose = Pose {
            centre: Point3::new(1.0, 2.0, 3.0),
            rotation: Rotation3::new(Vector3::new(0.3, 0.2, -0.5)).into_inner(),
            scales: Vector3::new(1.1, 0.9, 1.05),
        };
        let d = Vector3::new(0.3, -0.5, 0.8).normalize();
        let (ray, unit) = pose.lps_ray(&d);
        let y = pose.mean_from_lps(&(pose.centre + ray * 50.0));
        assert!((y - d * (50.0 * unit)).norm() < 1e-9);
    }
}
