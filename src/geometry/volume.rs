use super::Grid;
use nalgebra::{Point3, Vector3};

/// Voxel values on a [`Grid`], x fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T> {
    /// Where the voxels are.
    pub grid: Grid,
    /// `grid.len()` values, x fastest, then y, then z.
    pub data: Vec<T>,
}

/// Signed distance in mm, negative inside the body, sampled on a grid.
pub type Field = Volume<f32>;

impl<T: Copy> Volume<T> {
    /// A volume from its values; panics when their number is not the grid's (a programming error).
    pub fn new(grid: Grid, data: Vec<T>) -> Self {
        assert_eq!(grid.len(), data.len(), "a volume holds one value a voxel");
        Self { grid, data }
    }

    /// The same value everywhere.
    pub fn filled(grid: Grid, value: T) -> Self {
        let data = vec![value; grid.len()];
        Self { grid, data }
    }

    /// Value of a voxel; panics outside of the grid.
    #[inline]
    pub fn at(&self, x: usize, y: usize, z: usize) -> T {
        self.data[self.grid.offset(x, y, z)]
    }

    /// Another value a voxel on the same grid.
    pub fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Volume<U> {
        Volume { grid: self.grid.clone(), data: self.data.iter().map(|&v| f(v)).collect() }
    }
}

impl<T: Copy + Into<f32>> Volume<T> {
    /// Trilinear value at a continuous index; `outside` beyond the voxel centres.
    #[inline]
    pub fn sample_index(&self, index: &Vector3<f64>, outside: f32) -> f32 {
        let size = self.grid.size;
        let mut base = [0usize; 3];
        let mut next = [0usize; 3];
        let mut frac = [0f32; 3];
        for axis in 0..3 {
            let v = index[axis];
            let last = (size[axis] - 1) as f64;
            if !(v >= 0.0 && v <= last) {
                return outside;
            }
            let low = v.floor();
            base[axis] = low as usize;
            next[axis] = (base[axis] + 1).min(size[axis] - 1);
            frac[axis] = (v - low) as f32;
        }
        let value = |x: usize, y: usize, z: usize| -> f32 { self.data[x + size[0] * (y + size[1] * z)].into() };
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |y: usize, z: usize| mix(value(base[0], y, z), value(next[0], y, z), frac[0]);
        let low = mix(row(base[1], base[2]), row(next[1], base[2]), frac[1]);
        let high = mix(row(base[1], next[2]), row(next[1], next[2]), frac[1]);
        mix(low, high, frac[2])
    }

    /// Trilinear value at an LPS position (mm); `outside` beyond the voxel centres.
    pub fn sample_lps(&self, lps: &Point3<f64>, outside: f32) -> f32 {
        self.sample_index(&self.grid.index_from_lps(lps), outside)
    }
}
