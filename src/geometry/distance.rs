use super::{Field, Grid, Volume};
use rayon::prelude::*;

/// Distance in mm from each voxel centre to the nearest nonzero voxel's centre (0 inside the set; +∞ when it is empty).
///
/// Exact: P. Felzenszwalb, D. Huttenlocher, Distance Transforms of Sampled Functions (2012), with the grid's spacing.
pub fn distance_to_set_mm(mask: &Volume<u8>) -> Field {
    let (squared, _) = transform(mask, false);
    Volume::new(mask.grid.clone(), squared.into_par_iter().map(f32::sqrt).collect())
}

/// Offset of the nearest nonzero voxel of each voxel (itself inside the set; `u32::MAX` when the set is empty).
pub fn nearest_in_set(mask: &Volume<u8>) -> Vec<u32> {
    transform(mask, true).1
}

fn transform(mask: &Volume<u8>, features: bool) -> (Vec<f32>, Vec<u32>) {
    let grid = &mask.grid;
    let mut squared: Vec<f32> = mask.data.par_iter().map(|&v| if v != 0 { 0.0 } else { f32::INFINITY }).collect();
    let mut nearest: Vec<u32> = Vec::new();
    if features {
        let own = |(i, &v): (usize, &u8)| if v != 0 { i as u32 } else { u32::MAX };
        nearest = mask.data.par_iter().enumerate().map(own).collect();
    }
    for axis in 0..3 {
        sweep_axis(grid, axis, &mut squared, &mut nearest);
    }
    (squared, nearest)
}

/// One axis of the separable transform: lines are gathered a slab at a time, so that threads write apart.
fn sweep_axis(grid: &Grid, axis: usize, squared: &mut [f32], nearest: &mut [u32]) {
    if axis == 2 {
        sweep_z(grid, squared, nearest);
        return;
    }
    let [nx, ny, _] = grid.size;
    let step = grid.spacing_mm[axis];
    let count = grid.size[axis];
    let slab = nx * ny;
    let (lines, stride, line_step) = if axis == 0 { (ny, 1, nx) } else { (nx, nx, 1) };
    let work = |values: &mut [f32], near: &mut [u32]| {
        let mut envelope = Envelope::new(count);
        for line in 0..lines {
            envelope.run(values, near, line * line_step, stride, step);
        }
    };
    if nearest.is_empty() {
        squared.par_chunks_mut(slab).for_each(|values| work(values, &mut []));
    } else {
        squared.par_chunks_mut(slab).zip(nearest.par_chunks_mut(slab)).for_each(|(values, near)| work(values, near));
    }
}

/// The z axis: each row of x is copied out across all slices, transformed and written back.
fn sweep_z(grid: &Grid, squared: &mut [f32], nearest: &mut [u32]) {
    let [nx, ny, nz] = grid.size;
    let step = grid.spacing_mm[2];
    let features = !nearest.is_empty();
    let rows: Vec<(Vec<f32>, Vec<u32>)> = {
        let (squared, nearest) = (&*squared, &*nearest);
        (0..ny)
            .into_par_iter()
            .map(|y| {
                let mut values = Vec::with_capacity(nx * nz);
                let mut near = Vec::with_capacity(if features { nx * nz } else { 0 });
                for z in 0..nz {
                    let at = grid.offset(0, y, z);
                    values.extend_from_slice(&squared[at..at + nx]);
                    if features {
                        near.extend_from_slice(&nearest[at..at + nx]);
                    }
                }
                let mut envelope = Envelope::new(nz);
                for x in 0..nx {
                    envelope.run(&mut values, &mut near, x, nx, step);
                }
                (values, near)
            })
            .collect()
    };
    let slab = nx * ny;
    squared.par_chunks_mut(slab).enumerate().for_each(|(z, out)| {
        for (y, (values, _)) in rows.iter().enumerate() {
            out[y * nx..(y + 1) * nx].copy_from_slice(&values[z * nx..(z + 1) * nx]);
        }
    });
    if features {
        nearest.par_chunks_mut(slab).enumerate().for_each(|(z, out)| {
            for (y, (_, near)) in rows.iter().enumerate() {
                out[y * nx..(y + 1) * nx].copy_from_slice(&near[z * nx..(z + 1) * nx]);
            }
        });
    }
}

/// Lower envelope of parabolas on one line, with buffers kept between lines.
struct Envelope {
    site: Vec<usize>,
    height: Vec<f64>,
    feature: Vec<u32>,
    border: Vec<f64>,
}

impl Envelope {
    fn new(count: usize) -> Self {
        Self { site: vec![0; count], height: vec![0.0; count], feature: vec![0; count], border: vec![0.0; count + 1] }
    }

    fn run(&mut self, values: &mut [f32], near: &mut [u32], first: usize, stride: usize, step: f64) {
        let count = self.site.len();
        let mut used = 0usize;
        let step2 = step * step;
        for q in 0..count {
            let f = values[first + q * stride] as f64;
            if !f.is_finite() {
                continue;
            }
            let mut cut = f64::NEG_INFINITY;
            while used > 0 {
                let (v, h) = (self.site[used - 1], self.height[used - 1]);
                // Where the parabolas of v and q meet, in index units.
                let gap = (q - v) as f64;
                cut = ((f - h) / (step2 * gap) + (q + v) as f64) / 2.0;
                if cut > self.border[used - 1] {
                    break;
                }
                used -= 1;
                cut = f64::NEG_INFINITY;
            }
            self.site[used] = q;
            self.height[used] = f;
            self.feature[used] = if near.is_empty() { 0 } else { near[first + q * stride] };
            self.border[used] = cut;
            used += 1;
        }
        if used == 0 {
            return;
        }
        let mut k = 0;
        for q in 0..count {
            while k + 1 < used && self.border[k + 1] < q as f64 {
                k += 1;
            }
            let gap = q.abs_diff(self.site[k]) as f64;
            values[first + q * stride] = (gap * gap * step2 + self.height[k]) as f32;
            if !near.is_empty() {
                near[first + q * stride] = self.feature[k];
            }
        }
    }
}

/// True signed distance (mm, negative inside) to the zero surface of a scalar that is negative inside, clamped to
/// ±`limit_mm`. The scalar's unit does not matter: only where it crosses zero, linearly between neighbours.
///
/// Two estimates that never fall short are swept together, and the smaller is kept: fast sweeping on the Eikonal
/// equation (H. Zhao, Math. Comp. 74, 2005), exact for planes, and the distance to the nearest known surface point
/// (P.-E. Danielsson, Euclidean Distance Mapping, 1980), good for curves.
/// Without any crossing the result is ±`limit_mm` everywhere.
pub fn signed_distance_from_scalar(scalar: &Field, limit_mm: f32) -> Field {
    let grid = &scalar.grid;
    let mut sweep = Sweep::start(scalar, limit_mm);
    for round in 0..8u8 {
        sweep.run([round & 1 != 0, round & 2 != 0, round & 4 != 0]);
    }
    let sign = |(d, v): (&f32, &f32)| if *v < 0.0 { -d } else { *d };
    Volume::new(grid.clone(), sweep.distance.par_iter().zip(scalar.data.par_iter()).map(sign).collect())
}

/// The state of the sweeps: unsigned distances, and the surface point each was measured to.
struct Sweep {
    size: [usize; 3],
    step: [f32; 3],
    limit: f32,
    distance: Vec<f32>,
    /// Surface point in mm along the index axes; NaN where none is known.
    foot: Vec<[f32; 3]>,
    /// Voxels beside the surface: only a nearer surface point may better their distance.
    beside: Vec<bool>,
}

impl Sweep {
    fn start(scalar: &Field, limit: f32) -> Self {
        let grid = &scalar.grid;
        let step = grid.spacing_mm.map(|s| s as f32);
        let near: Vec<(f32, [f32; 3])> =
            (0..grid.len()).into_par_iter().map(|o| crossing(grid, &scalar.data, step, o)).collect();
        Self {
            size: grid.size,
            step,
            limit,
            distance: near.iter().map(|n| n.0.min(limit)).collect(),
            foot: near.iter().map(|n| n.1).collect(),
            beside: near.iter().map(|n| n.0.is_finite()).collect(),
        }
    }

    fn run(&mut self, flip: [bool; 3]) {
        let [nx, ny, nz] = self.size;
        let turn = |flipped: bool, i: usize, n: usize| if flipped { n - 1 - i } else { i };
        for zi in 0..nz {
            let z = turn(flip[2], zi, nz);
            for yi in 0..ny {
                let y = turn(flip[1], yi, ny);
                for xi in 0..nx {
                    let x = turn(flip[0], xi, nx);
                    let offset = x + nx * (y + ny * z);
                    self.update([x, y, z], offset);
                }
            }
        }
    }

    #[inline]
    fn update(&mut self, index: [usize; 3], offset: usize) {
        let strides = [1, self.size[0], self.size[0] * self.size[1]];
        let mut near = [(self.limit, 0f32); 3];
        let mut from = [offset; 3];
        for axis in 0..3 {
            near[axis].1 = self.step[axis];
            let mut look = |other: usize| {
                if self.distance[other] < near[axis].0 {
                    near[axis].0 = self.distance[other];
                    from[axis] = other;
                }
            };
            if index[axis] > 0 {
                look(offset - strides[axis]);
            }
            if index[axis] + 1 < self.size[axis] {
                look(offset + strides[axis]);
            }
        }
        if from == [offset; 3] {
            return;
        }
        let here: [f32; 3] = std::array::from_fn(|i| index[i] as f32 * self.step[i]);
        let mut best = self.distance[offset];
        for other in from {
            let foot = self.foot[other];
            let d = (0..3).map(|i| (here[i] - foot[i]).powi(2)).sum::<f32>().sqrt();
            // NaN (no foot known) compares false.
            if d < best {
                best = d;
                self.foot[offset] = foot;
            }
        }
        if !self.beside[offset] {
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            best = best.min(eikonal(&near));
        }
        self.distance[offset] = best;
    }
}

/// Distance and nearest surface point of a voxel with a neighbour across the surface; infinite and NaN elsewhere.
///
/// Each crossing on an axis, at distance d along it, fixes a plane whose normal n is the scalar's gradient; the plane
/// is d·|n·axis| away, and the crossings are averaged.
fn crossing(grid: &Grid, values: &[f32], step: [f32; 3], offset: usize) -> (f32, [f32; 3]) {
    let index = grid.index(offset);
    let strides = [1, grid.size[0], grid.size[0] * grid.size[1]];
    let v = values[offset];
    let mut gradient = [0f32; 3];
    let mut crossings = [f32::INFINITY; 3];
    for axis in 0..3 {
        let below = (index[axis] > 0).then(|| values[offset - strides[axis]]);
        let above = (index[axis] + 1 < grid.size[axis]).then(|| values[offset + strides[axis]]);
        let (low, high) = (below.unwrap_or(v), above.unwrap_or(v));
        let span = f32::from(u8::from(below.is_some()) + u8::from(above.is_some())).max(1.0);
        gradient[axis] = (high - low) / (span * step[axis]);
        for w in [below, above].into_iter().flatten() {
            if (v < 0.0) != (w < 0.0) {
                let d = step[axis] * v.abs() / (v.abs() + w.abs()).max(f32::MIN_POSITIVE);
                crossings[axis] = crossings[axis].min(d);
            }
        }
    }
    let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
    let (mut sum, mut weight, mut nearest) = (0f32, 0f32, f32::INFINITY);
    for axis in 0..3 {
        if crossings[axis].is_finite() {
            let along = gradient[axis].abs() / norm.max(f32::MIN_POSITIVE);
            nearest = nearest.min(crossings[axis]);
            // Crossings along the normal are the surest.
            sum += crossings[axis] * along * along;
            weight += along;
        }
    }
    if nearest.is_infinite() {
        return (f32::INFINITY, [f32::NAN; 3]);
    }
    if weight < 1e-3 {
        // A plate thinner than the voxels: no usable normal.
        return (nearest, [f32::NAN; 3]);
    }
    let distance = sum / weight;
    let side = if v < 0.0 { 1.0 } else { -1.0 };
    let foot = std::array::from_fn(|i| index[i] as f32 * step[i] + side * distance * gradient[i] / norm);
    (distance, foot)
}

/// Solves Σ max(0, (d − aᵢ)/hᵢ)² = 1 for d, the neighbours sorted by aᵢ.
#[inline]
fn eikonal(near: &[(f32, f32); 3]) -> f32 {
    let mut d = near[0].0 + near[0].1;
    let (mut a, mut b, mut c) = (0f32, 0f32, -1f32);
    for (k, &(value, step)) in near.iter().enumerate() {
        if k > 0 && d <= value {
            break;
        }
        let w = 1.0 / (step * step);
        a += w;
        b += w * value;
        c += w * value * value;
        let root = b * b - a * c;
        if k > 0 {
            if root < 0.0 {
                break;
            }
            d = (b + root.sqrt()) / a;
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_equal_brute_force_on_anisotropic_voxels() {
        let grid = Grid::axis_aligned([9, 7, 8], [0.5, 1.0, 2.0], Default::default());
        let mut mask = Volume::filled(grid.clone(), 0u8);
        let set = [[1usize, 2, 3], [7, 0, 1], [8, 6, 7], [4, 4, 0]];
        for [x, y, z] in set {
            mask.data[grid.offset(x, y, z)] = 1;
        }
        let distance = distance_to_set_mm(&mask);
        let nearest = nearest_in_set(&mask);
        for (o, &near) in nearest.iter().enumerate() {
            let p = grid.index(o);
            let to = |q: [usize; 3]| {
                (0..3).map(|i| ((p[i] as f64 - q[i] as f64) * grid.spacing_mm[i]).powi(2)).sum::<f64>().sqrt()
            };
            let expected = set.iter().map(|&q| to(q)).fold(f64::INFINITY, f64::min);
            assert!((distance.data[o] as f64 - expected).abs() < 1e-5);
            assert!((to(grid.index(near as usize)) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn an_empty_set_is_infinitely_far() {
        let mask = Volume::filled(Grid::axis_aligned([3, 3, 3], [1.0; 3], Default::default()), 0u8);
        assert!(distance_to_set_mm(&mask).data.iter().all(|d| d.is_infinite()));
        assert!(nearest_in_set(&mask).iter().all(|&n| n == u32::MAX));
    }

    #[test]
    fn a_small_sphere_is_measured_within_0_06_mm() {
        let grid = Grid::axis_aligned([61, 61, 61], [0.5; 3], nalgebra::Point3::new(-15.0, -15.0, -15.0));
        let truth = |o: usize| {
            let [x, y, z] = grid.index(o);
            let p = grid.lps_from_index(&nalgebra::Vector3::new(x as f64, y as f64, z as f64));
            p.coords.norm() - 10.0
        };
        // A scalar of another unit and slope: only its zero counts.
        let scalar = Volume::new(grid.clone(), (0..grid.len()).map(|o| (truth(o) * 37.0) as f32).collect());
        let field = signed_distance_from_scalar(&scalar, 8.0);
        for o in 0..grid.len() {
            let expected = truth(o).clamp(-8.0, 8.0);
            if expected.abs() < 4.0 {
                assert!((field.data[o] as f64 - expected).abs() < 0.06, "{} against {expected}", field.data[o]);
            }
        }
    }
}
