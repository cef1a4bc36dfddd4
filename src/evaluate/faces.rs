//! How far the completed skull's outer and inner surface lie from the true ones: what the patient sees, and what the
//! brain lies against.

use super::blurred::blurred;
use super::surface_distance::percentile;
use crate::geometry::{Field, Volume};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// A surface is the half level of the mask under a Gaussian of this width, mm.
const SIGMA_MM: f64 = 0.6;
/// Curvature is taken from a wider one, mm.
const CURVATURE_SIGMA_MM: f64 = 1.0;
/// A surface that is not met within this along the normal counts as this far, mm.
pub(super) const FARTHEST_MM: f64 = 10.0;
/// Walls of diploë and sinus have bone within this beyond them and are neither outer nor inner face, mm.
const HOLLOW_MM: f64 = 24.0;
/// Curvature is compared within this of the rim, mm.
const RIM_MM: f32 = 5.0;
/// Step along a normal, mm.
const STEP_MM: f64 = 0.25;

/// Distances between the true and the predicted face of the implant, along the true face's normal.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FaceError {
    /// Mean of the absolute distance, mm.
    pub mean_mm: f64,
    /// Its 95th percentile, mm.
    pub p95_mm: f64,
    /// Share of at most 1 mm.
    pub within_1mm: f64,
    /// Mean of the signed distance, mm: positive where the prediction lies farther along the normal (proud outside,
    /// thick inside).
    pub bias_mm: f64,
}

/// What the faces say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Faces {
    pub outer: Option<FaceError>,
    pub inner: Option<FaceError>,
    /// Mean absolute difference of Gaussian curvature on the outer face near the rim, 1/mm².
    pub rim_curvature_per_mm2: Option<f64>,
    /// The outer face's points.
    pub points: Vec<OuterPoint>,
}

/// A point of the true outer face, and how far the predicted face lies from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OuterPoint {
    /// Index times spacing in the crop the faces were compared in, mm; on the way out of [`super::Verdict`] LPS.
    pub at_mm: Vector3<f64>,
    /// Outward normal there, along the same axes.
    pub normal: Vector3<f64>,
    /// Distance along the normal, mm, positive where the prediction stands proud; [`FARTHEST_MM`] where it is missing.
    pub error_mm: f64,
}

/// A point of a true face, index times spacing.
struct FacePoint {
    at: Vector3<f64>,
    normal: Vector3<f64>,
    outer: bool,
    /// Gaussian curvature of the true skull; near the rim of the outer face only.
    curvature: Option<f64>,
}

/// The true faces of an implant: found once, compared with any number of predictions.
pub(super) struct TrueFaces {
    points: Vec<FacePoint>,
}

impl TrueFaces {
    /// All volumes are one crop around the implant; `centre` is a place inside the head (index times spacing in the
    /// crop), `to_bone` the distance to the defective skull.
    pub(super) fn new(defective: &Volume<u8>, truth: &Volume<u8>, to_bone: &Field, centre: &Vector3<f64>) -> Self {
        let whole = together(truth, defective);
        let mut points = true_faces(truth, &whole, &Space(blurred(&whole, SIGMA_MM)), to_bone, centre);
        let soft = Space(blurred(&whole, CURVATURE_SIGMA_MM));
        for point in points.iter_mut().filter(|p| p.curvature.is_some()) {
            point.curvature = soft.gaussian_curvature(&point.at);
        }
        Self { points }
    }

    /// Compares a prediction on the same crop.
    pub(super) fn compare(&self, defective: &Volume<u8>, predicted: &Volume<u8>) -> Faces {
        let whole = together(predicted, defective);
        let field = Space(blurred(&whole, SIGMA_MM));
        let one = |p: &FacePoint| field.surface_along(&p.at, &p.normal, FARTHEST_MM).unwrap_or(FARTHEST_MM);
        let distances: Vec<f64> = self.points.par_iter().with_min_len(256).map(one).collect();
        let pairs = || self.points.iter().zip(&distances);
        let of = |outer: bool| error(pairs().filter(|(p, _)| p.outer == outer).map(|(_, d)| *d));
        let soft = Space(blurred(&whole, CURVATURE_SIGMA_MM));
        let differences: Vec<f64> = pairs()
            .filter(|(_, d)| d.abs() < FARTHEST_MM)
            .filter_map(|(p, d)| Some((soft.gaussian_curvature(&(p.at + p.normal * *d))? - p.curvature?).abs()))
            .collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        let outer_points =
            pairs().filter(|(p, _)| p.outer).map(|(p, d)| OuterPoint { at_mm: p.at, normal: p.normal, error_mm: *d });
        Faces {
            outer: of(true),
            inner: of(false),
            rim_curvature_per_mm2: (!differences.is_empty()).then_some(mean),
            points: outer_points.collect(),
        }
    }
}

fn together(part: &Volume<u8>, bone: &Volume<u8>) -> Volume<u8> {
    Volume::new(part.grid.clone(), part.data.iter().zip(&bone.data).map(|(a, b)| a | b).collect())
}

fn error(signed: impl Iterator<Item = f64>) -> Option<FaceError> {
    let signed: Vec<f64> = signed.collect();
    let mut sizes: Vec<f64> = signed.iter().map(|d| d.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let n = sizes.len() as f64;
    (!sizes.is_empty()).then(|| FaceError {
        mean_mm: sizes.iter().sum::<f64>() / n,
        p95_mm: percentile(&sizes, 95.0),
        within_1mm: sizes.partition_point(|d| *d <= 1.0) as f64 / n,
        bias_mm: signed.iter().sum::<f64>() / n,
    })
}

/// Points of the implant's outer and inner face: surface voxels of the whole skull that are implant, moved onto the
/// surface.
fn true_faces(
    truth: &Volume<u8>,
    whole: &Volume<u8>,
    field: &Space,
    to_bone: &Field,
    centre: &Vector3<f64>,
) -> Vec<FacePoint> {
    let [nx, ny, nz] = whole.grid.size;
    let slice = |z: usize| {
        let mut points = Vec::new();
        for y in 1..ny - 1 {
            for x in 1..nx - 1 {
                let o = whole.grid.offset(x, y, z);
                let open = |s: usize| whole.data[o - s] == 0 || whole.data[o + s] == 0;
                if truth.data[o] != 0 && [1, nx, nx * ny].into_iter().any(open) {
                    points.extend(face_point([x, y, z], whole, field, to_bone.data[o] <= RIM_MM, centre));
                }
            }
        }
        points
    };
    (1..nz.max(2) - 1).into_par_iter().map(slice).collect::<Vec<_>>().into_iter().flatten().collect()
}

fn face_point(
    index: [usize; 3],
    whole: &Volume<u8>,
    field: &Space,
    near_rim: bool,
    centre: &Vector3<f64>,
) -> Option<FacePoint> {
    let start = Vector3::from_fn(|k, _| index[k] as f64 * whole.grid.spacing_mm[k]);
    let normal = (-field.gradient(&start)?).try_normalize(1e-3)?;
    let at = start + normal * field.surface_along(&start, &normal, 2.0)?;
    let radial = (at - centre).try_normalize(1.0)?;
    let outer = normal.dot(&radial) > 0.0;
    let away = if outer { radial } else { -radial };
    let hollow = (6..=(HOLLOW_MM / STEP_MM) as usize).any(|k| {
        let p = at + away * (k as f64 * STEP_MM);
        let index: [f64; 3] = std::array::from_fn(|a| (p[a] / whole.grid.spacing_mm[a]).round());
        let inside = (0..3).all(|a| index[a] >= 0.0 && index[a] < whole.grid.size[a] as f64);
        inside && whole.at(index[0] as usize, index[1] as usize, index[2] as usize) != 0
    });
    // The curvature is put in where it is asked for.
    let curvature = (outer && near_rim).then_some(0.0);
    (!hollow).then_some(FacePoint { at, normal, outer, curvature })
}

/// A field asked by position in mm (index times spacing).
struct Space(Field);

impl Space {
    fn value(&self, p: &Vector3<f64>) -> f64 {
        let s = self.0.grid.spacing_mm;
        f64::from(self.0.sample_index(&Vector3::new(p.x / s[0], p.y / s[1], p.z / s[2]), 0.0))
    }

    /// One voxel along an axis.
    fn step(&self, axis: usize) -> Vector3<f64> {
        Vector3::from_fn(|k, _| if k == axis { self.0.grid.spacing_mm[k] } else { 0.0 })
    }

    fn holds(&self, p: &Vector3<f64>) -> bool {
        (0..3).all(|k| {
            let at = p[k] / self.0.grid.spacing_mm[k];
            at >= 1.0 && at <= self.0.grid.size[k] as f64 - 2.0
        })
    }

    fn gradient(&self, p: &Vector3<f64>) -> Option<Vector3<f64>> {
        self.holds(p).then(|| {
            Vector3::from_fn(|k, _| {
                let h = self.step(k);
                (self.value(&(p + h)) - self.value(&(p - h))) / (2.0 * h[k])
            })
        })
    }

    /// Signed distance along the normal to the nearest place where bone ends in its direction; `None` beyond `limit`.
    fn surface_along(&self, from: &Vector3<f64>, normal: &Vector3<f64>, limit_mm: f64) -> Option<f64> {
        let value = |t: f64| self.value(&(from + normal * t)) - 0.5;
        // Bone ends between t (value a) and the next step (value b): the straight line's crossing, twice made narrower.
        let leaves = |mut a: f64, mut b: f64, from: f64| {
            if !(a >= 0.0 && b < 0.0) {
                return None;
            }
            let (mut low, mut high) = (from, from + STEP_MM);
            for _ in 0..2 {
                let middle = low + (high - low) * a / (a - b);
                let there = value(middle);
                if there >= 0.0 { (low, a) = (middle, there) } else { (high, b) = (middle, there) }
            }
            Some(low + (high - low) * a / (a - b))
        };
        let start = value(0.0);
        let (mut above, mut below) = (start, start);
        for k in 0..(limit_mm / STEP_MM) as usize {
            let t = k as f64 * STEP_MM;
            let (up, down) = (value(t + STEP_MM), value(-t - STEP_MM));
            let ahead = leaves(above, up, t);
            let behind = leaves(down, below, -t - STEP_MM);
            if let Some(found) = ahead.into_iter().chain(behind).min_by(|a, b| a.abs().total_cmp(&b.abs())) {
                return Some(found);
            }
            (above, below) = (up, down);
        }
        None
    }

    /// Gaussian curvature of the level surface, 1/mm²: K = ∇φᵀ adj(H) ∇φ / |∇φ|⁴.
    /// Source: R. Goldman, Curvature formulas for implicit curves and surfaces (2005).
    fn gaussian_curvature(&self, p: &Vector3<f64>) -> Option<f64> {
        let gradient = self.gradient(p)?;
        let middle = self.value(p);
        let hessian = Matrix3::from_fn(|a, b| {
            let (h, k) = (self.step(a), self.step(b));
            if a == b {
                (self.value(&(p + h)) - 2.0 * middle + self.value(&(p - h))) / (h[a] * h[a])
            } else {
                let corner = |s: f64, t: f64| self.value(&(p + h * s + k * t));
                (corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0) + corner(-1.0, -1.0)) / (4.0 * h[a] * k[b])
            }
        });
        let minor = |i: usize, j: usize| hessian.remove_row(i).remove_column(j).determinant();
        let adjugate = Matrix3::from_fn(|i, j| if (i + j) % 2 == 0 { minor(j, i) } else { -minor(j, i) });
        let steep = gradient.norm_squared();
        (steep > 1e-4).then(|| gradient.dot(&(adjugate * gradient)) / (steep * steep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Grid, distance_to_set_mm};

    /// A shell between two radii, a hole of it towards +z, and a part that is thinner or thicker than the hole's bone.
    fn shells(inner: f64, outer: f64) -> [Volume<u8>; 3] {
        let grid = Grid::axis_aligned([130, 130, 60], [0.5, 0.5, 0.6], Default::default());
        let radius = |o: usize| {
            let [x, y, z] = grid.index(o);
            Vector3::new(x as f64 * 0.5 - 32.25, y as f64 * 0.5 - 32.25, z as f64 * 0.6 + 10.0)
        };
        let make = |f: &dyn Fn(Vector3<f64>) -> bool| {
            Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(f(radius(o)))).collect())
        };
        let bone = |p: Vector3<f64>, a: f64, b: f64| p.norm() >= a && p.norm() <= b;
        let hole = |p: Vector3<f64>| p.xy().norm() < 15.0;
        [
            make(&|p| bone(p, 34.0, 40.0) && !hole(p)),
            make(&|p| bone(p, 34.0, 40.0) && hole(p)),
            make(&|p| bone(p, inner, outer) && hole(p)),
        ]
    }

    fn compare(bone: &Volume<u8>, truth: &Volume<u8>, part: &Volume<u8>, centre: &Vector3<f64>) -> Faces {
        TrueFaces::new(bone, truth, &distance_to_set_mm(bone), centre).compare(bone, part)
    }

    #[test]
    fn a_part_proud_by_a_known_amount() {
        let [defective, truth, part] = shells(34.5, 40.8);
        let centre = Vector3::new(32.25, 32.25, -10.0);
        let faces = compare(&defective, &truth, &part, &centre);
        let (outer, inner) = (faces.outer.expect("a face"), faces.inner.expect("a face"));
        assert!((outer.mean_mm - 0.8).abs() < 0.08, "{outer:?}");
        assert!((outer.bias_mm - 0.8).abs() < 0.08, "{outer:?}");
        // The inner face's normal points to the head's centre: a part that ends before it is thin there.
        assert!((inner.bias_mm + 0.5).abs() < 0.08, "{inner:?}");
        let same = compare(&defective, &truth, &truth, &centre);
        assert!(same.outer.expect("a face").mean_mm < 0.002, "{same:?}");
        assert!(same.rim_curvature_per_mm2.expect("a rim") < 1e-5, "{same:?}");
    }

    #[test]
    fn curvature_of_a_ball() {
        let grid = Grid::axis_aligned([90, 90, 60], [0.5, 0.5, 0.75], Default::default());
        let place = |o: usize| {
            let [x, y, z] = grid.index(o);
            Vector3::new(x as f64 * 0.5 - 22.2, y as f64 * 0.5 - 22.3, z as f64 * 0.75 - 22.0)
        };
        let ball = Volume::new(grid.clone(), (0..grid.len()).map(|o| u8::from(place(o).norm() <= 16.0)).collect());
        let field = Space(blurred(&ball, CURVATURE_SIGMA_MM));
        let mut sum = 0.0;
        for i in 0..200 {
            let (a, z) = (f64::from(i) * 2.4, f64::from(i) / 100.0 - 0.995);
            let r = (1.0 - z * z).sqrt();
            let direction = Vector3::new(a.cos() * r, a.sin() * r, z);
            sum += field.gaussian_curvature(&(direction * 16.0 + Vector3::new(22.2, 22.3, 22.0))).expect("inside");
        }
        let mean = sum / 200.0;
        assert!((mean * 256.0 - 1.0).abs() < 0.1, "{} instead of 1", mean * 256.0);
    }

    #[test]
    fn a_missing_face_counts_as_far_away() {
        let [defective, truth, _] = shells(34.0, 40.0);
        let nothing = truth.map(|_| 0u8);
        let centre = Vector3::new(32.25, 32.25, -10.0);
        let faces = compare(&defective, &truth, &nothing, &centre);
        assert!(faces.outer.expect("a face").mean_mm > 7.0);
    }
}
