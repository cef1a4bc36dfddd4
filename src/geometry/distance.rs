use super::{Field, Grid, Volume};
use nalgebra::Vector3;
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
/// Fast sweeping on the Eikonal equation (H. Zhao, Math. Comp. 74, 2005) is exact for planes and first order for
/// curves; then each voxel looks once where it lands when it walks its distance down the gradient, and is corrected by
/// what is left there, which takes most of the curvature's error away.
/// Without any crossing the result is ±`limit_mm` everywhere.
pub fn signed_distance_from_scalar(scalar: &Field, limit_mm: f32) -> Field {
    let grid = &scalar.grid;
    let mut sweep = Sweep::start(scalar, limit_mm);
    for round in 0..8u8 {
        sweep.run([round & 1 != 0, round & 2 != 0, round & 4 != 0]);
    }
    let sign = |(d, v): (&f32, &f32)| if *v < 0.0 { -d } else { *d };
    let swept = Volume::new(grid.clone(), sweep.distance.par_iter().zip(scalar.data.par_iter()).map(sign).collect());
    let corrected = (0..grid.len()).into_par_iter().map(|o| landed(&swept, &sweep.beside, o, limit_mm)).collect();
    Volume::new(grid.clone(), corrected)
}

/// A swept distance plus what is left of it where its foot point lies.
fn landed(swept: &Field, beside: &[bool], offset: usize, limit: f32) -> f32 {
    let d = swept.data[offset];
    let index = swept.grid.index(offset);
    let inner = (0..3).all(|axis| index[axis] > 0 && index[axis] + 1 < swept.grid.size[axis]);
    if beside[offset] || d.abs() >= limit || !inner {
        return d;
    }
    let strides = [1, swept.grid.size[0], swept.grid.size[0] * swept.grid.size[1]];
    let slope = Vector3::from_fn(|axis, _| {
        let two_steps = 2.0 * swept.grid.spacing_mm[axis];
        f64::from(swept.data[offset + strides[axis]] - swept.data[offset - strides[axis]]) / two_steps
    });
    // Near a ridge (two surfaces equally far) the slope is no direction.
    if slope.norm() < 0.8 {
        return d;
    }
    let way = slope.normalize() * f64::from(d);
    let foot = Vector3::from_fn(|axis, _| index[axis] as f64 - way[axis] / swept.grid.spacing_mm[axis]);
    let left = swept.sample_index(&foot, 0.0);
    // More than a voxel off is no landing near this surface.
    if f64::from(left.abs()) > swept.grid.spacing_mm[0] { d } else { (d + left).clamp(-limit, limit) }
}

/// The state of the sweeps: unsigned distances.
struct Sweep {
    size: [usize; 3],
    step: [f32; 3],
    limit: f32,
    distance: Vec<f32>,
    /// Voxels beside the surface, whose distance is known.
    beside: Vec<bool>,
}

impl Sweep {
    fn start(scalar: &Field, limit: f32) -> Self {
        let grid = &scalar.grid;
        let step = grid.spacing_mm.map(|s| s as f32);
        let near: Vec<f32> = (0..grid.len()).into_par_iter().map(|o| crossing(grid, &scalar.data, step, o)).collect();
        Self {
            size: grid.size,
            step,
            limit,
            distance: near.iter().map(|d| d.min(limit)).collect(),
            beside: near.iter().map(|d| d.is_finite()).collect(),
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
                    if !self.beside[offset] {
                        self.update([x, y, z], offset);
                    }
                }
            }
        }
    }

    #[inline]
    fn update(&mut self, index: [usize; 3], offset: usize) {
        let strides = [1, self.size[0], self.size[0] * self.size[1]];
        let mut near = [(self.limit, 0f32); 3];
        for axis in 0..3 {
            near[axis].1 = self.step[axis];
            let mut look = |other: usize| {
                near[axis].0 = near[axis].0.min(self.distance[other]);
            };
            if index[axis] > 0 {
                look(offset - strides[axis]);
            }
            if index[axis] + 1 < self.size[axis] {
                look(offset + strides[axis]);
            }
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        if near[0].0 < self.limit {
            self.distance[offset] = self.distance[offset].min(eikonal(&near));
        }
    }
}

/// Distance of a voxel with a neighbour across the surface; infinite elsewhere.
///
/// Each crossing on an axis, at distance d along it, fixes a plane whose normal n is the scalar's gradient; the plane
/// is d·|n·axis| away, and the crossings are averaged.
fn crossing(grid: &Grid, values: &[f32], step: [f32; 3], offset: usize) -> f32 {
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
    // Without a crossing infinite; a plate thinner than the voxels has no usable normal.
    if weight < 1e-3 { nearest } else { sum / weight }
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
    fn a_small_sphere_is_measured_within_0_03_mm() {
        let grid = Grid::axis_aligned([61, 61, 61], [0.5; 3], nalgebra::Point3::new(-15.0, -15.0, -15.0));
        let truth = |o: usize| {
            let [x, y, z] = grid.index(o);
            let p = grid.lps_from_index(&nalgebra::Vector3::new(x as f64, y as f64, z as f64));
            p.coords.norm() - 10.0
        };
        // A scalar of another unit and slope: only its zero counts.
        let scalar = Volume::new(grid.clone(), (0..grid.len()).map(|o| (truth(o) * 37.0) as f32).collect());
        let field = signed_distance_from_scalar(&scalar, 8.0);
        let mut worst = 0f64;
        for o in 0..grid.len() {
            let expected = truth(o).clamp(-8.0, 8.0);
            if expected.abs() < 4.0 {
                let e = (field.data[o] as f64 - expected).abs();
                worst = worst.max(e);
            }
        }
        assert!(worst < 0.03, "{worst}");
    }
}
