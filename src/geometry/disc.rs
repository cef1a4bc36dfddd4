use nalgebra::{Matrix3, Vector3};

/// A square map of directions: Lambert's azimuthal equal-area projection of the sphere about one direction.
///
/// Radius on the map is ρ = 2 sin(θ/2), θ the angle from the centre; every pixel covers the same solid angle,
/// and there is no pole. Pixel (row, column) lies at (v, u) = ((row, column) − (size−1)/2) · 2 ρ_max/(size−1).
/// Source: J. P. Snyder, Map Projections: A Working Manual (1987), section 24.
#[derive(Clone, Debug, PartialEq)]
pub struct Disc {
    /// Pixels along each side.
    pub size: usize,
    /// Half width of the square on the map, at most 2 (the whole sphere).
    pub rho_max: f64,
    /// Rotation: columns are the map's u (column), v (row) and centre axes written in the frame.
    pub frame_from_disc: Matrix3<f64>,
}

impl Disc {
    /// A map about the frame's +z: u is x, v is y.
    pub fn about_z(size: usize, rho_max: f64) -> Self {
        Self { size, rho_max, frame_from_disc: Matrix3::identity() }
    }

    /// The map whose pixels are the 2 × 2 blocks of [`Disc::about_z`] with an even `size`.
    pub fn about_z_halved(size: usize, rho_max: f64) -> Self {
        // A block's centre lies half a fine pixel inside of its outer pixels.
        let half = size / 2;
        Self::about_z(half, rho_max * (1.0 - 1.0 / (size - 1) as f64))
    }

    /// A map about any unit direction of the frame; u and v are chosen by a fixed rule.
    pub fn about(direction: &Vector3<f64>, size: usize, rho_max: f64) -> Self {
        let w = direction.normalize();
        let seed = if w.z.abs() < 0.9 { Vector3::z() } else { Vector3::y() };
        let u = seed.cross(&w).normalize();
        let v = w.cross(&u);
        Self { size, rho_max, frame_from_disc: Matrix3::from_columns(&[u, v, w]) }
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        self.size * self.size
    }

    /// Whether the map has no pixel.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Map units a pixel (multiply by a radius in mm for the pixel's side in mm at the centre).
    pub fn pixel(&self) -> f64 {
        2.0 * self.rho_max / (self.size - 1) as f64
    }

    /// Solid angle a pixel, steradian: times r² (and divided by the cosine to the surface normal) an area.
    pub fn pixel_sr(&self) -> f64 {
        self.pixel() * self.pixel()
    }

    /// Unit direction in the frame of a continuous pixel position, or `None` outside of the sphere's image.
    pub fn direction(&self, row: f64, column: f64) -> Option<Vector3<f64>> {
        let middle = (self.size - 1) as f64 / 2.0;
        let (v, u) = ((row - middle) * self.pixel(), (column - middle) * self.pixel());
        let rho2 = u * u + v * v;
        if rho2 > 4.0 {
            return None;
        }
        // sin θ = ρ √(1 − ρ²/4), cos θ = 1 − ρ²/2
        let k = (1.0 - rho2 / 4.0).sqrt();
        Some(self.frame_from_disc * Vector3::new(u * k, v * k, 1.0 - rho2 / 2.0))
    }

    /// Continuous pixel position (row, column) of a direction of the frame (need not be unit length, not zero).
    #[inline]
    pub fn position(&self, direction: &Vector3<f64>) -> (f64, f64) {
        let d = self.frame_from_disc.tr_mul(direction);
        let norm = d.norm();
        // ρ/sin θ = 1/√((1 + cos θ)/2)
        let k = 1.0 / (((1.0 + d.z / norm) / 2.0).max(1e-12)).sqrt() / norm;
        let middle = (self.size - 1) as f64 / 2.0;
        (middle + d.y * k / self.pixel(), middle + d.x * k / self.pixel())
    }

    /// Number of the pixel that holds a direction of the frame, or `None` beyond the map.
    pub fn nearest(&self, direction: &Vector3<f64>) -> Option<usize> {
        let (row, column) = self.position(direction);
        let last = (self.size - 1) as f64;
        let index = |v: f64| (-0.5..last + 0.5).contains(&v).then(|| v.round().clamp(0.0, last) as usize);
        Some(index(row)? * self.size + index(column)?)
    }

    /// Bilinear value of a map at a direction, clamped to the border pixels.
    #[inline]
    pub fn sample(&self, map: &[f32], direction: &Vector3<f64>) -> f32 {
        let (row, column) = self.position(direction);
        self.sample_at(map, row, column)
    }

    /// Bilinear value of a map at a continuous pixel position, clamped to the border pixels.
    #[inline]
    pub fn sample_at(&self, map: &[f32], row: f64, column: f64) -> f32 {
        let last = (self.size - 1) as f64;
        let (row, column) = (row.clamp(0.0, last), column.clamp(0.0, last));
        let (r, c) = ((row.floor() as usize).min(self.size - 2), (column.floor() as usize).min(self.size - 2));
        let (fr, fc) = ((row - r as f64) as f32, (column - c as f64) as f32);
        let at = |r: usize, c: usize| map[r * self.size + c];
        let top = at(r, c) + (at(r, c + 1) - at(r, c)) * fc;
        let bottom = at(r + 1, c) + (at(r + 1, c + 1) - at(r + 1, c)) * fc;
        top + (bottom - top) * fr
    }
}
