use super::Camera;
use nalgebra::Vector3;

/// A visible face of the orientation cube in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CubeFace {
    /// R, L, A, P, S or I.
    pub letter: char,
    /// Corners in order around the face.
    pub corners: [[f32; 2]; 4],
    /// Where the letter goes.
    pub centre: [f32; 2],
    /// Cosine of the angle to the viewer, 0..1: 1 faces the viewer (use it as shade and as the letter's opacity).
    pub facing: f32,
}

/// Letters at the picture's edges: which way each edge points in the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLetters {
    pub left: char,
    pub right: char,
    pub top: char,
    pub bottom: char,
}

/// A scale bar of a round length.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleBar {
    /// 1, 2 or 5 times a power of ten.
    pub length_mm: f64,
    /// Its length on the screen, px.
    pub length_px: f64,
    /// Text to write at it.
    pub label: String,
}

/// Letter of an LPS direction: the axis it is closest to.
fn letter(direction: &Vector3<f64>) -> char {
    let axis = direction.iamax();
    match (axis, direction[axis] >= 0.0) {
        (0, true) => 'L',
        (0, false) => 'R',
        (1, true) => 'P',
        (1, false) => 'A',
        (_, true) => 'S',
        (_, false) => 'I',
    }
}

/// The letters of the picture's edges.
pub fn edge_letters(camera: &Camera) -> EdgeLetters {
    let (right, up, _) = camera.axes();
    EdgeLetters { left: letter(&-right), right: letter(&right), top: letter(&up), bottom: letter(&-up) }
}

/// The faces of a cube that turns with the head, seen without perspective, around a pixel; only those that face the
/// viewer (one to three).
pub fn orientation_cube(camera: &Camera, centre_px: [f32; 2], half_px: f32) -> Vec<CubeFace> {
    let (right, up, toward) = camera.axes();
    let project =
        |p: Vector3<f64>| [centre_px[0] + p.dot(&right) as f32 * half_px, centre_px[1] - p.dot(&up) as f32 * half_px];
    let mut faces = Vec::new();
    for axis in 0..3 {
        for sign in [-1.0, 1.0] {
            let mut normal = Vector3::zeros();
            normal[axis] = sign;
            let facing = normal.dot(&toward) as f32;
            if facing <= 1e-6 {
                continue;
            }
            let (mut u, mut v) = (Vector3::zeros(), Vector3::zeros());
            u[(axis + 1) % 3] = 1.0;
            v[(axis + 2) % 3] = 1.0;
            let corners = [normal - u - v, normal + u - v, normal + u + v, normal - u + v].map(project);
            faces.push(CubeFace { letter: letter(&normal), corners, centre: project(normal), facing });
        }
    }
    faces
}

/// The longest round bar that is at most `max_px` long; `None` when the scale is not positive.
pub fn scale_bar(mm_per_pixel: f64, max_px: f64) -> Option<ScaleBar> {
    let most = mm_per_pixel * max_px;
    if !(most.is_finite() && most > 0.0) {
        return None;
    }
    let decade = 10f64.powf(most.log10().floor());
    let length_mm = [5.0, 2.0, 1.0].into_iter().map(|k| k * decade).find(|&l| l <= most * (1.0 + 1e-12))?;
    let label = if length_mm >= 1.0 { format!("{length_mm:.0} mm") } else { format!("{length_mm} mm") };
    Some(ScaleBar { length_mm, length_px: length_mm / mm_per_pixel, label })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::StandardView;

    fn looking(view: StandardView) -> Camera {
        let (azimuth_deg, elevation_deg) = view.angles_deg();
        Camera { azimuth_deg, elevation_deg, ..Camera::default() }
    }

    #[test]
    fn edges_of_the_front_and_the_left_bear_the_right_letters() {
        let front = edge_letters(&looking(StandardView::Front));
        assert_eq!(front, EdgeLetters { left: 'R', right: 'L', top: 'S', bottom: 'I' });
        let left = edge_letters(&looking(StandardView::Left));
        assert_eq!(left, EdgeLetters { left: 'A', right: 'P', top: 'S', bottom: 'I' });
        let top = edge_letters(&looking(StandardView::Top));
        assert_eq!(top, EdgeLetters { left: 'L', right: 'R', top: 'A', bottom: 'P' });
    }

    #[test]
    fn the_cube_shows_the_face_that_faces_the_viewer() {
        let faces = orientation_cube(&looking(StandardView::Front), [50.0, 50.0], 20.0);
        assert_eq!(faces.len(), 1);
        assert_eq!((faces[0].letter, faces[0].centre), ('A', [50.0, 50.0]));
        let oblique = Camera { azimuth_deg: -40.0, elevation_deg: 25.0, ..Camera::default() };
        let letters: String = orientation_cube(&oblique, [0.0; 2], 20.0).iter().map(|f| f.letter).collect();
        assert_eq!(letters, "RAS");
    }

    #[test]
    fn scale_bars_are_round_and_fit() {
        for (mm_per_pixel, expected) in
            [(0.5, 50.0), (0.42, 50.0), (0.41, 20.0), (0.3, 20.0), (0.02, 2.0), (0.011, 1.0)]
        {
            let bar = scale_bar(mm_per_pixel, 120.0).unwrap();
            assert!((bar.length_mm - expected).abs() < 1e-9, "{mm_per_pixel}: {bar:?}");
            assert!(bar.length_px <= 120.0 + 1e-9 && bar.length_px > 120.0 / 2.6);
        }
        assert_eq!(scale_bar(0.5, 120.0).unwrap().label, "50 mm");
        assert_eq!(scale_bar(0.004, 60.0).unwrap().label, "0.2 mm");
        assert_eq!(scale_bar(0.0, 60.0), None);
    }
}
