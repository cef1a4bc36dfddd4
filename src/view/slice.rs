use super::WindowLevel;
use crate::geometry::Volume;
use nalgebra::{Point3, Vector3};
use rayon::prelude::*;

/// An anatomical plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Seen from the feet: patient's right on the left, anterior up.
    Axial,
    /// Seen from the front: patient's right on the left, superior up.
    Coronal,
    /// Seen from the patient's left: anterior on the left, superior up.
    Sagittal,
}

/// Where a slice lies and how it is laid out on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceView {
    /// Which plane.
    pub plane: Plane,
    /// LPS point shown in the middle of the picture; the plane runs through it.
    pub centre_mm: Point3<f64>,
    /// Millimetres a pixel.
    pub mm_per_pixel: f64,
    /// Width and height, px.
    pub size_px: [usize; 2],
}

/// A slice's values, row by row from the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceImage {
    /// Width and height, px.
    pub size_px: [usize; 2],
    /// One value a pixel; NaN outside of the volume.
    pub values: Vec<f32>,
}

impl Plane {
    /// All planes in the order of the panels.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// What a panel calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "Axial",
            Self::Coronal => "Coronal",
            Self::Sagittal => "Sagittal",
        }
    }

    /// The LPS axis (0..3) the plane is perpendicular to.
    pub fn axis(self) -> usize {
        match self {
            Self::Axial => 2,
            Self::Coronal => 1,
            Self::Sagittal => 0,
        }
    }

    /// LPS unit directions of the screen's right and down.
    pub fn right_down(self) -> (Vector3<f64>, Vector3<f64>) {
        match self {
            Self::Axial => (Vector3::x(), Vector3::y()),
            Self::Coronal => (Vector3::x(), -Vector3::z()),
            Self::Sagittal => (Vector3::y(), -Vector3::z()),
        }
    }

    /// Letters at the screen's left, right, top and bottom.
    pub fn letters(self) -> [char; 4] {
        match self {
            Self::Axial => ['R', 'L', 'A', 'P'],
            Self::Coronal => ['R', 'L', 'S', 'I'],
            Self::Sagittal => ['A', 'P', 'S', 'I'],
        }
    }
}

impl SliceView {
    /// A view that shows the whole box (LPS mm, low and high corner) through a point.
    pub fn fitted(
        plane: Plane,
        bounds_mm: (Point3<f64>, Point3<f64>),
        at_mm: Point3<f64>,
        size_px: [usize; 2],
    ) -> Self {
        let (low, high) = bounds_mm;
        let (right, down) = plane.right_down();
        let extent = high - low;
        let wide = extent.dot(&right.abs()) / size_px[0].max(1) as f64;
        let tall = extent.dot(&down.abs()) / size_px[1].max(1) as f64;
        let mut centre_mm = nalgebra::center(&low, &high);
        centre_mm[plane.axis()] = at_mm[plane.axis()];
        Self { plane, centre_mm, mm_per_pixel: wide.max(tall).max(1e-6), size_px }
    }

    /// LPS point (mm) of a pixel.
    pub fn lps(&self, pixel: [f64; 2]) -> Point3<f64> {
        let (right, down) = self.plane.right_down();
        let x = (pixel[0] - self.size_px[0] as f64 / 2.0) * self.mm_per_pixel;
        let y = (pixel[1] - self.size_px[1] as f64 / 2.0) * self.mm_per_pixel;
        self.centre_mm + right * x + down * y
    }

    /// Pixel an LPS point projects to, and its distance from the plane along +LPS (mm).
    pub fn pixel(&self, lps: &Point3<f64>) -> ([f64; 2], f64) {
        let (right, down) = self.plane.right_down();
        let d = lps - self.centre_mm;
        let x = self.size_px[0] as f64 / 2.0 + d.dot(&right) / self.mm_per_pixel;
        let y = self.size_px[1] as f64 / 2.0 + d.dot(&down) / self.mm_per_pixel;
        ([x, y], d[self.plane.axis()])
    }

    /// The plane's LPS coordinate along its axis, mm.
    pub fn coordinate_mm(&self) -> f64 {
        self.centre_mm[self.plane.axis()]
    }

    /// The same view one or more steps along its axis.
    pub fn moved(&self, along_mm: f64) -> Self {
        let mut moved = *self;
        moved.centre_mm[self.plane.axis()] += along_mm;
        moved
    }

    /// Closer by `factor` > 1; what lies under the pixel stays there.
    pub fn zoomed_at(&self, factor: f64, pixel: [f64; 2]) -> Self {
        let kept = self.lps(pixel);
        let mm_per_pixel = (self.mm_per_pixel / factor.max(1e-3)).clamp(0.005, 20.0);
        let shrink = mm_per_pixel / self.mm_per_pixel;
        Self { centre_mm: kept + (self.centre_mm - kept) * shrink, mm_per_pixel, ..*self }
    }

    /// Moved in its plane so that it follows the pointer.
    pub fn panned(&self, dx_px: f64, dy_px: f64) -> Self {
        let (right, down) = self.plane.right_down();
        Self { centre_mm: self.centre_mm - (right * dx_px + down * dy_px) * self.mm_per_pixel, ..*self }
    }
}

impl SliceImage {
    /// Opaque RGBA8 through a window; black outside of the volume.
    pub fn rgba(&self, window: &WindowLevel) -> Vec<u8> {
        let mut bytes = vec![255u8; self.values.len() * 4];
        bytes.par_chunks_mut(4 * 4096).zip(self.values.par_chunks(4096)).for_each(|(out, values)| {
            for (pixel, &value) in out.chunks_exact_mut(4).zip(values) {
                pixel[..3].fill(window.grey(value));
            }
        });
        bytes
    }
}

/// A trilinear slice through a volume with any direction matrix; NaN beyond its voxel centres.
pub fn reslice<T: Copy + Into<f32> + Sync>(volume: &Volume<T>, view: &SliceView) -> SliceImage {
    let [width, height] = view.size_px;
    let mut values = vec![f32::NAN; width * height];
    if width == 0 || height == 0 {
        return SliceImage { size_px: view.size_px, values };
    }
    let sampler = Sampler::new(volume);
    let (right, down) = view.plane.right_down();
    let to_index = volume.grid.index_from_lps_matrix() * view.mm_per_pixel;
    let (step_x, step_y) = (to_index * right, to_index * down);
    let start = volume.grid.index_from_lps(&view.lps([0.5, 0.5]));
    values.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        let first = start + step_y * y as f64;
        let (from, to) = sampler.inside(&first, &step_x, width);
        for (x, value) in row.iter_mut().enumerate().take(to).skip(from) {
            *value = sampler.value(first + step_x * x as f64);
        }
    });
    SliceImage { size_px: view.size_px, values }
}

/// The trilinear value (HU) at an LPS point; `None` beyond the voxel centres.
pub fn probe<T: Copy + Into<f32>>(volume: &Volume<T>, lps: &Point3<f64>) -> Option<f32> {
    let value = volume.sample_lps(lps, f32::NAN);
    (!value.is_nan()).then_some(value)
}

/// Slack in voxels at the border, so that a slice exactly through the first or last voxel is not lost to rounding.
const SLACK: f64 = 1e-6;

struct Sampler<'a, T> {
    data: &'a [T],
    size: [usize; 3],
}

impl<'a, T: Copy + Into<f32>> Sampler<'a, T> {
    fn new(volume: &'a Volume<T>) -> Self {
        Self { data: &volume.data, size: volume.grid.size }
    }

    /// Pixels `from..to` of a row whose index lies within the volume.
    fn inside(&self, first: &Vector3<f64>, step: &Vector3<f64>, width: usize) -> (usize, usize) {
        let (mut from, mut to) = (0.0f64, width as f64);
        for axis in 0..3 {
            let (low, high) = (-SLACK, (self.size[axis] - 1) as f64 + SLACK);
            if step[axis].abs() < 1e-12 {
                if first[axis] < low || first[axis] > high {
                    return (0, 0);
                }
                continue;
            }
            let (a, b) = ((low - first[axis]) / step[axis], (high - first[axis]) / step[axis]);
            from = from.max(a.min(b).ceil());
            to = to.min(a.max(b).floor() + 1.0);
        }
        if from < to { (from as usize, to as usize) } else { (0, 0) }
    }

    /// Trilinear value at an index within the volume (clamped to it).
    #[inline]
    fn value(&self, index: Vector3<f64>) -> f32 {
        let mut base = [0usize; 3];
        let mut step = [0usize; 3];
        let mut t = [0f32; 3];
        let strides = [1, self.size[0], self.size[0] * self.size[1]];
        for axis in 0..3 {
            let last = self.size[axis] - 1;
            let v = index[axis].clamp(0.0, last as f64);
            base[axis] = (v as usize).min(last.saturating_sub(1));
            step[axis] = if last > 0 { strides[axis] } else { 0 };
            t[axis] = (v - base[axis] as f64) as f32;
        }
        let o = base[0] + strides[1] * base[1] + strides[2] * base[2];
        let at = |offset: usize| -> f32 { self.data[offset].into() };
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |o: usize| mix(at(o), at(o + step[0]), t[0]);
        let slab = |o: usize| mix(row(o), row(o + step[1]), t[1]);
        mix(slab(o), slab(o + step[2]), t[2])
    }
}

#[cfg(test)]
mod tests;
