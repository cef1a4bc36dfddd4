use super::{Plane, SliceView, reslice};
use crate::geometry::{Mesh, Volume};
use nalgebra::Point3;
use rayon::prelude::*;
use std::sync::Arc;

/// A piece of a contour in pixels of a slice view.
pub type Segment = [[f32; 2]; 2];

/// A mesh whose triangles are found fast by their extent along each LPS axis.
#[derive(Clone, Debug)]
pub struct MeshIndex {
    mesh: Arc<Mesh>,
    axes: [Bins; 3],
}

/// Triangles listed in every bin of equal width that their extent along one axis touches.
#[derive(Clone, Debug, Default)]
struct Bins {
    low_mm: f64,
    width_mm: f64,
    /// Bin `i` lists `triangles[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    triangles: Vec<u32>,
}

/// Width of a bin: about a slice's distance, so that a list holds few triangles that do not cross.
const BIN_MM: f64 = 1.0;

impl MeshIndex {
    /// Sorts a mesh's triangles along the three axes (a few tens of ms a million triangles).
    pub fn new(mesh: Arc<Mesh>) -> Self {
        let bins: Vec<Bins> = (0..3usize).into_par_iter().map(|axis| Bins::new(&mesh, axis)).collect();
        let axes = bins.try_into().unwrap_or_else(|_| Default::default());
        Self { mesh, axes }
    }

    /// The mesh.
    pub fn mesh(&self) -> &Arc<Mesh> {
        &self.mesh
    }

    /// Where the plane at an LPS coordinate cuts the mesh, as segments of LPS points, mm.
    pub fn cut(&self, plane: Plane, coordinate_mm: f64) -> Vec<[Point3<f64>; 2]> {
        let axis = plane.axis();
        let candidates = self.axes[axis].at(coordinate_mm);
        candidates.iter().filter_map(|&t| cut_triangle(&self.mesh, t, axis, coordinate_mm)).collect()
    }
}

impl Bins {
    fn new(mesh: &Mesh, axis: usize) -> Self {
        let Some((low, high)) = mesh.bounds_mm() else { return Self::default() };
        let count = ((high[axis] - low[axis]) / BIN_MM).ceil().clamp(1.0, 100_000.0) as usize;
        let width_mm = ((high[axis] - low[axis]) / count as f64).max(1e-9);
        let bin = |v: f64| (((v - low[axis]) / width_mm) as usize).min(count - 1);
        let range = |t: &[u32; 3]| {
            let v = t.map(|i| f64::from(mesh.positions[i as usize][axis]));
            (bin(v[0].min(v[1]).min(v[2])), bin(v[0].max(v[1]).max(v[2])))
        };
        let mut starts = vec![0u32; count + 1];
        for t in &mesh.triangles {
            let (from, to) = range(t);
            starts[from + 1..=to + 1].iter_mut().for_each(|n| *n += 1);
        }
        for i in 0..count {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut triangles = vec![0u32; starts[count] as usize];
        for (number, t) in mesh.triangles.iter().enumerate() {
            let (from, to) = range(t);
            for slot in &mut next[from..=to] {
                triangles[*slot as usize] = number as u32;
                *slot += 1;
            }
        }
        Self { low_mm: low[axis], width_mm, starts, triangles }
    }

    fn at(&self, coordinate_mm: f64) -> &[u32] {
        let position = (coordinate_mm - self.low_mm) / self.width_mm;
        let count = self.starts.len().saturating_sub(1);
        if count == 0 || !(position >= 0.0 && position <= count as f64) {
            return &[];
        }
        let bin = (position as usize).min(count - 1);
        &self.triangles[self.starts[bin] as usize..self.starts[bin + 1] as usize]
    }
}

/// The segment a plane cuts out of a triangle; a corner exactly on the plane counts as above, so that neighbours agree.
fn cut_triangle(mesh: &Mesh, triangle: u32, axis: usize, coordinate_mm: f64) -> Option<[Point3<f64>; 2]> {
    let corners = mesh.triangles[triangle as usize].map(|i| Point3::from(mesh.positions[i as usize].map(f64::from)));
    let side = corners.map(|p| p[axis] >= coordinate_mm);
    if side[0] == side[1] && side[1] == side[2] {
        return None;
    }
    let mut ends = [Point3::origin(); 2];
    let mut found = 0;
    for (i, j) in [(0, 1), (1, 2), (2, 0)] {
        if side[i] != side[j] && found < 2 {
            // From the lower corner, so that both triangles of an edge compute the same point.
            let (a, b) = if side[j] { (corners[i], corners[j]) } else { (corners[j], corners[i]) };
            let mut p = a + (b - a) * ((coordinate_mm - a[axis]) / (b[axis] - a[axis]));
            p[axis] = coordinate_mm;
            ends[found] = p;
            found += 1;
        }
    }
    (found == 2).then_some(ends)
}

/// Where a slice view's plane cuts a mesh, in pixels of the view.
pub fn contour_of_mesh(index: &MeshIndex, view: &SliceView) -> Vec<Segment> {
    let pixel = |p: &Point3<f64>| view.pixel(p).0.map(|v| v as f32);
    index.cut(view.plane, view.coordinate_mm()).iter().map(|[a, b]| [pixel(a), pixel(b)]).collect()
}

/// Where a volume crosses `iso` in a slice (marching squares on the resliced values), in pixels of the view.
/// `step_px` is the width of a square: 1 is exact to the pixel, 2 four times cheaper.
pub fn contour_of_volume<T: Copy + Into<f32> + Sync>(
    volume: &Volume<T>,
    iso: f32,
    view: &SliceView,
    step_px: usize,
) -> Vec<Segment> {
    let step = step_px.max(1) as f64;
    // One sample more than squares, so that the last square reaches the border.
    let count = view.size_px.map(|n| (n as f64 / step).ceil() as usize + 1);
    let centre = [count[0] as f64 * step / 2.0, count[1] as f64 * step / 2.0];
    let coarse = SliceView {
        centre_mm: view.lps(centre),
        mm_per_pixel: view.mm_per_pixel * step,
        size_px: count,
        plane: view.plane,
    };
    let image = reslice(volume, &coarse);
    let rows: Vec<Vec<Segment>> = (0..count[1] - 1)
        .into_par_iter()
        .map(|y| (0..count[0] - 1).flat_map(|x| square(&image.values, count[0], x, y, iso, step as f32)).collect())
        .collect();
    rows.concat()
}

/// Up to two segments of one square; saddles are split by the mean of the corners.
fn square(
    values: &[f32],
    width: usize,
    x: usize,
    y: usize,
    iso: f32,
    step: f32,
) -> impl Iterator<Item = Segment> + use<> {
    let v = [
        values[y * width + x],
        values[y * width + x + 1],
        values[(y + 1) * width + x + 1],
        values[(y + 1) * width + x],
    ];
    let mut found = [None, None];
    if v.iter().all(|v| !v.is_nan()) {
        let case = v.iter().enumerate().fold(0usize, |c, (i, &v)| c | (usize::from(v >= iso) << i));
        let corner = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
        let cross = |edge: usize| -> [f32; 2] {
            let (i, j) = (edge, (edge + 1) % 4);
            let t = (iso - v[i]) / (v[j] - v[i]);
            let at = |a: usize, b: usize| ((a as f32 + (b as f32 - a as f32) * t) + 0.5) * step;
            [at(corner[i].0, corner[j].0), at(corner[i].1, corner[j].1)]
        };
        let middle_above = v.iter().sum::<f32>() / 4.0 >= iso;
        let edges: &[(usize, usize)] = match case {
            0 | 15 => &[],
            1 | 14 => &[(3, 0)],
            2 | 13 => &[(0, 1)],
            4 | 11 => &[(1, 2)],
            8 | 7 => &[(2, 3)],
            3 | 12 => &[(3, 1)],
            6 | 9 => &[(0, 2)],
            // Two opposite corners above: the middle says whether they join.
            5 if middle_above => &[(0, 1), (2, 3)],
            5 => &[(3, 0), (1, 2)],
            _ if middle_above => &[(3, 0), (1, 2)],
            _ => &[(0, 1), (2, 3)],
        };
        for (slot, &(a, b)) in found.iter_mut().zip(edges) {
            *slot = Some([cross(a), cross(b)]);
        }
    }
    found.into_iter().flatten()
}

#[cfg(test)]
mod tests;
