use super::letters::{width_px, write};
use super::{Picture, PictureError, Studio};
use crate::view::{Camera, LayerKind, Quality, Scene, StandardView, edge_letters};
use nalgebra::Point3;

/// Width and height of one of the four tiles, px.
const TILE: [u32; 2] = [800, 600];

/// Pixels a dot of the labels.
const LETTER_SCALE: u32 = 3;

/// Four sides of a scene in one picture of 1600×1200 px: front, the defect's side, top, oblique on the defect.
/// `focus_mm` is the middle of the defect (LPS), if there is one. Only bone, reconstruction, implant and rim are
/// shown, whatever else the scene holds.
pub fn preview(scene: &Scene, focus_mm: Option<Point3<f64>>) -> Result<Picture, PictureError> {
    let mut shown = scene.clone();
    shown.moving = false;
    for layer in &mut shown.layers {
        layer.visible &=
            matches!(layer.kind, LayerKind::Skull | LayerKind::Reconstruction | LayerKind::Implant | LayerKind::Rim);
    }
    let mut studio = Studio::new(Quality::BEST)?;
    let [width, height] = TILE.map(|n| n * 2);
    let mut whole = Picture { width, height, rgba: vec![255; 4 * (width * height) as usize] };
    for (n, (label, camera)) in (0u32..).zip(cameras(shown.bounds_mm(), focus_mm)) {
        let mut tile = studio.picture(&shown, &camera, TILE)?;
        let ink = ink(&shown);
        write(&mut tile, label, [20, 20], LETTER_SCALE, ink);
        let edges = edge_letters(&camera);
        let middle = TILE[1] / 2 - 3 * LETTER_SCALE;
        let right = edges.right.to_string();
        let from_right = TILE[0] - 20 - width_px(&right, LETTER_SCALE);
        write(&mut tile, &edges.left.to_string(), [20, middle], LETTER_SCALE, ink);
        write(&mut tile, &right, [from_right, middle], LETTER_SCALE, ink);
        paste(&mut whole, &tile, [(n % 2) * TILE[0], (n / 2) * TILE[1]]);
    }
    Ok(whole)
}

/// Labels and cameras of the four tiles.
fn cameras(bounds: (Point3<f64>, Point3<f64>), focus_mm: Option<Point3<f64>>) -> [(&'static str, Camera); 4] {
    let middle = nalgebra::center(&bounds.0, &bounds.1);
    let from_middle = focus_mm.map(|focus| focus - middle);
    // LPS: +x is the patient's left.
    let on_left = from_middle.is_none_or(|d| d.x >= 0.0);
    let (side_label, side) =
        if on_left { ("LEFT SIDE", StandardView::Left) } else { ("RIGHT SIDE", StandardView::Right) };
    let outward = if on_left { 1.0 } else { -1.0 };
    let azimuth_deg = from_middle.map_or(40.0, |d| d.x.atan2(-d.y).to_degrees() + 15.0 * outward);
    let oblique = Camera { azimuth_deg, elevation_deg: 26.0, ..Camera::default() }.framed(bounds, TILE);
    [
        ("FRONT", Camera::standard(StandardView::Front, bounds, TILE)),
        (side_label, Camera::standard(side, bounds, TILE)),
        ("TOP", Camera::standard(StandardView::Top, bounds, TILE)),
        ("OBLIQUE", oblique),
    ]
}

/// Label colour that reads on the background.
fn ink(scene: &Scene) -> [u8; 3] {
    let bright = scene.background.corner.iter().sum::<f32>() / 3.0;
    if bright > 0.5 { [70, 74, 80] } else { [185, 190, 197] }
}

fn paste(whole: &mut Picture, tile: &Picture, at: [u32; 2]) {
    let row = 4 * tile.width as usize;
    for (y, line) in (0u32..).zip(tile.rgba.chunks_exact(row)) {
        let o = 4 * ((at[1] + y) as usize * whole.width as usize + at[0] as usize);
        whole.rgba[o..o + row].copy_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_view_faces_the_defect() {
        let bounds = (Point3::new(-80.0, -100.0, -60.0), Point3::new(80.0, 100.0, 90.0));
        let right_frontal = cameras(bounds, Some(Point3::new(-45.0, -75.0, 50.0)));
        assert_eq!(right_frontal[1].0, "RIGHT SIDE");
        assert!(right_frontal[1].1.eye_mm().x < -80.0);
        // The oblique view looks at the focus from the outside.
        let toward = right_frontal[3].1.axes().2;
        assert!(toward.x < 0.0 && toward.y < 0.0 && toward.z > 0.0);
        assert_eq!(cameras(bounds, Some(Point3::new(60.0, 10.0, 50.0)))[1].0, "LEFT SIDE");
    }
}
