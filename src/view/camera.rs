use nalgebra::{Matrix4, Point3, Vector3};
use three_d::{Viewport, degrees, vec3};

/// Seconds a glide between two cameras takes.
pub const GLIDE_S: f64 = 0.2;

/// Vertical field of view of a new camera, degrees: about a 50 mm lens, little distortion of a head.
const FIELD_OF_VIEW_DEG: f64 = 28.0;

/// Free margin around the framed box, as a share of the picture.
const FRAME_MARGIN: f64 = 0.06;

/// An orbiting perspective camera in LPS mm: a turntable about the vertical axis, up is superior.
///
/// Plain data: every change is a pure function, so that a camera can be kept, compared and glided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The point orbited about, LPS mm.
    pub target_mm: Point3<f64>,
    /// Distance of the eye from the target, mm.
    pub distance_mm: f64,
    /// 0 looks from the front, 90 from the patient's left, 180 from behind, −90 from the patient's right.
    pub azimuth_deg: f64,
    /// 90 looks from above, −90 from below.
    pub elevation_deg: f64,
    /// Vertical field of view.
    pub field_of_view_deg: f64,
}

/// Positions everybody knows. Front and bottom show the patient's right on the left of the screen (as radiological
/// slices do), the top has the nose up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardView {
    Front,
    Back,
    Left,
    Right,
    Top,
    Bottom,
}

/// A half line from the eye through a pixel, LPS mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// The eye.
    pub origin: Point3<f64>,
    /// Unit direction.
    pub direction: Vector3<f64>,
}

/// A move from one camera to another, a pure function of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glide {
    /// Where it starts.
    pub from: Camera,
    /// Where it ends.
    pub to: Camera,
}

impl StandardView {
    /// All six, in the order of the menu.
    pub const ALL: [Self; 6] = [Self::Front, Self::Back, Self::Left, Self::Right, Self::Top, Self::Bottom];

    /// What a menu calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Front => "Front",
            Self::Back => "Back",
            Self::Left => "Left",
            Self::Right => "Right",
            Self::Top => "Top",
            Self::Bottom => "Bottom",
        }
    }

    /// Azimuth and elevation, degrees.
    pub fn angles_deg(self) -> (f64, f64) {
        match self {
            Self::Front => (0.0, 0.0),
            Self::Back => (180.0, 0.0),
            Self::Left => (90.0, 0.0),
            Self::Right => (-90.0, 0.0),
            Self::Top => (180.0, 90.0),
            Self::Bottom => (0.0, -90.0),
        }
    }
}

impl Default for Camera {
    /// From the front, at a head's distance, about the origin.
    fn default() -> Self {
        Self {
            target_mm: Point3::origin(),
            distance_mm: 600.0,
            azimuth_deg: 0.0,
            elevation_deg: 0.0,
            field_of_view_deg: FIELD_OF_VIEW_DEG,
        }
    }
}

impl Camera {
    /// The whole box (LPS mm, low and high corner) in a picture of `size_px`, seen from a standard side.
    pub fn standard(view: StandardView, bounds_mm: (Point3<f64>, Point3<f64>), size_px: [u32; 2]) -> Self {
        let (azimuth_deg, elevation_deg) = view.angles_deg();
        Self { azimuth_deg, elevation_deg, ..Self::default() }.framed(bounds_mm, size_px)
    }

    /// The same direction and angle of view, moved so that the whole box fits the picture.
    pub fn framed(&self, bounds_mm: (Point3<f64>, Point3<f64>), size_px: [u32; 2]) -> Self {
        let (low, high) = bounds_mm;
        let centre = nalgebra::center(&low, &high);
        let (right, up, toward) = self.axes();
        let vertical = (self.field_of_view_deg.to_radians() / 2.0).tan() * (1.0 - FRAME_MARGIN);
        let horizontal = vertical * aspect(size_px);
        let mut distance = 1.0f64;
        for corner in 0..8 {
            let p = Vector3::from_fn(|k, _| if (corner >> k) & 1 == 0 { low[k] } else { high[k] }) - centre.coords;
            let depth = p.dot(&toward);
            distance = distance.max(depth + (p.dot(&up).abs() / vertical).max(p.dot(&right).abs() / horizontal));
        }
        Self { target_mm: centre, distance_mm: distance, ..*self }
    }

    /// The same direction and angle of view, as close as all points (LPS mm) still fit the picture; unlike
    /// [`Camera::framed`] it follows the points' outline, so turning it may need another framing. Unchanged without
    /// points.
    pub fn framed_around(&self, points: impl IntoIterator<Item = Point3<f64>>, size_px: [u32; 2]) -> Self {
        let (right, up, toward) = self.axes();
        let vertical = (self.field_of_view_deg.to_radians() / 2.0).tan() * (1.0 - FRAME_MARGIN);
        let slopes = [vertical * aspect(size_px), vertical];
        // A point at x, depth d fits an eye at (t, e) when |x − t| ≤ slope·(e − d): the largest ±x + slope·d on both
        // sides give the nearest eye and the middle between them.
        let mut most = [[f64::NEG_INFINITY; 2]; 2];
        let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
        for p in points {
            let depth = p.coords.dot(&toward);
            (near, far) = (near.max(depth), far.min(depth));
            for (axis, along) in [right, up].iter().enumerate() {
                let x = p.coords.dot(along);
                most[axis][0] = most[axis][0].max(x + slopes[axis] * depth);
                most[axis][1] = most[axis][1].max(-x + slopes[axis] * depth);
            }
        }
        if near < far || !(near - far).is_finite() {
            return *self;
        }
        let eye = |axis: usize| (most[axis][0] + most[axis][1]) / (2.0 * slopes[axis]);
        let middle = |axis: usize| (most[axis][0] - most[axis][1]) / 2.0;
        let depth = (near + far) / 2.0;
        let target_mm = Point3::from(right * middle(0) + up * middle(1) + toward * depth);
        Self { target_mm, distance_mm: (eye(0).max(eye(1)) - depth).max(1.0), ..*self }
    }

    /// Unit right, up and backward (toward the eye) axes of the picture in LPS.
    pub fn axes(&self) -> (Vector3<f64>, Vector3<f64>, Vector3<f64>) {
        let (sa, ca) = self.azimuth_deg.to_radians().sin_cos();
        let (se, ce) = self.elevation_deg.to_radians().sin_cos();
        let toward = Vector3::new(sa * ce, -ca * ce, se);
        let right = Vector3::new(ca, sa, 0.0);
        (right, toward.cross(&right), toward)
    }

    /// Position of the eye, LPS mm.
    pub fn eye_mm(&self) -> Point3<f64> {
        self.target_mm + self.axes().2 * self.distance_mm
    }

    /// Turned by a drag of so many pixels: a drag over the picture's height is half a turn.
    pub fn orbited(&self, dx_px: f64, dy_px: f64, size_px: [u32; 2]) -> Self {
        let degrees_a_pixel = 180.0 / f64::from(size_px[1].max(1));
        Self {
            azimuth_deg: wrapped_deg(self.azimuth_deg - dx_px * degrees_a_pixel),
            elevation_deg: (self.elevation_deg + dy_px * degrees_a_pixel).clamp(-90.0, 90.0),
            ..*self
        }
    }

    /// Moved so that the target's plane follows the pointer.
    pub fn panned(&self, dx_px: f64, dy_px: f64, size_px: [u32; 2]) -> Self {
        let scale = self.mm_per_pixel(size_px);
        let (right, up, _) = self.axes();
        Self { target_mm: self.target_mm - right * (dx_px * scale) + up * (dy_px * scale), ..*self }
    }

    /// Closer by `factor` > 1 (or away by < 1); what lies under the pixel in the target's plane stays there.
    pub fn zoomed_at(&self, factor: f64, pixel: [f64; 2], size_px: [u32; 2]) -> Self {
        let distance_mm = (self.distance_mm / factor.max(1e-3)).clamp(2.0, 20_000.0);
        let kept = self.in_target_plane(pixel, size_px);
        let shrink = distance_mm / self.distance_mm;
        Self { target_mm: kept + (self.target_mm - kept) * shrink, distance_mm, ..*self }
    }

    /// The same direction about another point.
    pub fn centred_on(&self, target_mm: Point3<f64>) -> Self {
        Self { target_mm, ..*self }
    }

    /// Millimetres a pixel in the plane of the target.
    pub fn mm_per_pixel(&self, size_px: [u32; 2]) -> f64 {
        2.0 * self.distance_mm * self.half_tangent() / f64::from(size_px[1].max(1))
    }

    /// The half line through a pixel.
    pub fn ray(&self, pixel: [f64; 2], size_px: [u32; 2]) -> Ray {
        let origin = self.eye_mm();
        Ray { origin, direction: (self.in_target_plane(pixel, size_px) - origin).normalize() }
    }

    /// Pixel of an LPS point and its distance in front of the eye (mm, along the view); `None` behind the eye.
    pub fn pixel(&self, point: &Point3<f64>, size_px: [u32; 2]) -> Option<([f64; 2], f64)> {
        let (right, up, toward) = self.axes();
        let from_eye = point - self.eye_mm();
        let depth = -from_eye.dot(&toward);
        if depth <= 0.0 {
            return None;
        }
        let height = f64::from(size_px[1].max(1));
        let pixels = height / (2.0 * self.half_tangent() * depth);
        let x = f64::from(size_px[0].max(1)) / 2.0 + from_eye.dot(&right) * pixels;
        Some(([x, height / 2.0 - from_eye.dot(&up) * pixels], depth))
    }

    /// three-d's camera of the same view, its near and far planes around a box (LPS mm).
    pub fn three_d(&self, size_px: [u32; 2], bounds_mm: (Point3<f64>, Point3<f64>)) -> three_d::Camera {
        let (near, far) = self.depth_range_mm(bounds_mm);
        let to = |p: Point3<f64>| vec3(p.x as f32, p.y as f32, p.z as f32);
        let up = self.axes().1;
        three_d::Camera::new_perspective(
            Viewport::new_at_origo(size_px[0].max(1), size_px[1].max(1)),
            to(self.eye_mm()),
            to(self.target_mm),
            vec3(up.x as f32, up.y as f32, up.z as f32),
            degrees(self.field_of_view_deg as f32),
            near as f32,
            far as f32,
        )
    }

    /// World-to-view and view-to-clip matrices in wgpu's clip space (depth 0 to 1).
    pub fn matrices(&self, size_px: [u32; 2], bounds_mm: (Point3<f64>, Point3<f64>)) -> (Matrix4<f32>, Matrix4<f32>) {
        let camera = self.three_d(size_px, bounds_mm);
        let view: [[f32; 4]; 4] = camera.view().into();
        let projection: [[f32; 4]; 4] = camera.projection().into();
        // three-d speaks OpenGL's clip space, depth −1 to 1.
        #[rustfmt::skip]
        let wgpu_from_opengl = Matrix4::new(
            1.0, 0.0, 0.0, 0.0,
            0.0, 1.0, 0.0, 0.0,
            0.0, 0.0, 0.5, 0.5,
            0.0, 0.0, 0.0, 1.0,
        );
        (Matrix4::from(view), wgpu_from_opengl * Matrix4::from(projection))
    }

    /// Near and far distances (mm) that hold the box's sphere.
    pub fn depth_range_mm(&self, bounds_mm: (Point3<f64>, Point3<f64>)) -> (f64, f64) {
        let (low, high) = bounds_mm;
        let radius = (high - low).norm() / 2.0 * 1.02 + 1.0;
        let centre = (self.eye_mm() - nalgebra::center(&low, &high)).dot(&self.axes().2);
        let far = (centre + radius).max(2.0);
        ((centre - radius).max(far * 2e-3), far)
    }

    fn half_tangent(&self) -> f64 {
        (self.field_of_view_deg.to_radians() / 2.0).tan()
    }

    fn in_target_plane(&self, pixel: [f64; 2], size_px: [u32; 2]) -> Point3<f64> {
        let scale = self.mm_per_pixel(size_px);
        let (right, up, _) = self.axes();
        let x = pixel[0] - f64::from(size_px[0].max(1)) / 2.0;
        let y = pixel[1] - f64::from(size_px[1].max(1)) / 2.0;
        self.target_mm + right * (x * scale) - up * (y * scale)
    }
}

impl Glide {
    /// The camera `elapsed_s` seconds after the start; from [`GLIDE_S`] on it is exactly the end.
    pub fn at(&self, elapsed_s: f64) -> Camera {
        let t = (elapsed_s / GLIDE_S).clamp(0.0, 1.0);
        if t >= 1.0 {
            return self.to;
        }
        let eased = t * t * (3.0 - 2.0 * t);
        let mix = |a: f64, b: f64| a + (b - a) * eased;
        let turn = wrapped_deg(self.to.azimuth_deg - self.from.azimuth_deg);
        Camera {
            target_mm: self.from.target_mm + (self.to.target_mm - self.from.target_mm) * eased,
            // Equal ratios in equal times look even.
            distance_mm: mix(self.from.distance_mm.ln(), self.to.distance_mm.ln()).exp(),
            azimuth_deg: wrapped_deg(self.from.azimuth_deg + turn * eased),
            elevation_deg: mix(self.from.elevation_deg, self.to.elevation_deg),
            field_of_view_deg: mix(self.from.field_of_view_deg, self.to.field_of_view_deg),
        }
    }

    /// Whether the end is reached.
    pub fn is_over(&self, elapsed_s: f64) -> bool {
        elapsed_s >= GLIDE_S
    }
}

fn aspect(size_px: [u32; 2]) -> f64 {
    f64::from(size_px[0].max(1)) / f64::from(size_px[1].max(1))
}

/// The same angle in (−180, 180].
fn wrapped_deg(angle_deg: f64) -> f64 {
    let wrapped = angle_deg.rem_euclid(360.0);
    if wrapped > 180.0 { wrapped - 360.0 } else { wrapped }
}

#[cfg(test)]
mod tests;
