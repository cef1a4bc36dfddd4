use super::letters::{width_px, write};
use super::{Picture, PictureError, Studio};
use crate::view::{Camera, LayerKind, Quality, Scene, StandardView, edge_letters};
use nalgebra::Point3;

/// Width and height of one of the four tiles, px.
const TILE: [u32; 2] = [800, 600];

/// Points that stand for the outline of everything.
const OUTLINE_POINTS: usize = 50_000;

/// How much closer than the whole head the oblique view looks at the defect.
const CLOSER: f64 = 1.45;

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
    for (n, (label, camera)) in (0u32..).zip(cameras(&shown.outline_points(OUTLINE_POINTS), focus_mm)) {
        let mut tile = studio.picture(&shown, &camera, TILE)?;
        let edges = edge_letters(&camera);
        let middle = TILE[1] / 2 - 3 * LETTER_SCALE;
        let right = edges.right.to_string();
        let from_right = TILE[0] - 20 - width_px(&right, LETTER_SCALE);
        let [ink, halo] = inks(&shown);
        for (text, at) in [(label, [20, 20]), (&edges.left.to_string(), [20, middle]), (&right, [from_right, middle])] {
            // A rim of the ground's colour, so that letters read on bone too.
            for shift in [[0, 1], [2, 1], [1, 0], [1, 2]] {
                let shifted = [0, 1].map(|k| at[k] + 2 * shift[k] - 2);
                write(&mut tile, text, shifted, LETTER_SCALE, halo);
            }
            write(&mut tile, text, at, LETTER_SCALE, ink);
        }
        paste(&mut whole, &tile, [(n % 2) * TILE[0], (n / 2) * TILE[1]]);
    }
    Ok(whole)
}

/// Labels and cameras of the four tiles.
fn cameras(outline: &[Point3<f64>], focus_mm: Option<Point3<f64>>) -> [(&'static str, Camera); 4] {
    let low = outline.iter().fold(Point3::from([f64::INFINITY; 3]), |a, p| a.inf(p));
    let high = outline.iter().fold(Point3::from([f64::NEG_INFINITY; 3]), |a, p| a.sup(p));
    let from_middle = focus_mm.filter(|_| !outline.is_empty()).map(|focus| focus - nalgebra::center(&low, &high));
    // LPS: +x is the patient's left.
    let on_left = from_middle.is_none_or(|d| d.x >= 0.0);
    let (side_label, side) =
        if on_left { ("LEFT SIDE", StandardView::Left) } else { ("RIGHT SIDE", StandardView::Right) };
    let outward = if on_left { 1.0 } else { -1.0 };
    let azimuth_deg = from_middle.map_or(40.0, |d| d.x.atan2(-d.y).to_degrees() + 15.0 * outward);
    let looking = |(azimuth_deg, elevation_deg): (f64, f64)| {
        Camera { azimuth_deg, elevation_deg, ..Camera::default() }.framed_around(outline.iter().copied(), TILE)
    };
    let mut oblique = looking((azimuth_deg, 26.0));
    if let Some(focus) = focus_mm {
        // Halfway to the defect, so that its surroundings stay in view.
        oblique.target_mm = nalgebra::center(&oblique.target_mm, &focus);
        oblique.distance_mm /= CLOSER;
    }
    [
        ("FRONT", looking(StandardView::Front.angles_deg())),
        (side_label, looking(side.angles_deg())),
        ("TOP", looking(StandardView::Top.angles_deg())),
        ("OBLIQUE", oblique),
    ]
}

/// Label colour that reads on the background, and the background's.
fn inks(scene: &Scene) -> [[u8; 3]; 2] {
    let ground = scene.background.corner.map(|v| (v * 255.0) as u8);
    let bright = ground.iter().map(|&v| u32::from(v)).sum::<u32>() > 3 * 128;
    [if bright { [70, 74, 80] } else { [200, 205, 212] }, ground]
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
        let outline = [Point3::new(-80.0, -100.0, -60.0), Point3::new(80.0, 100.0, 90.0)];
        let right_frontal = cameras(&outline, Some(Point3::new(-45.0, -75.0, 50.0)));
        assert_eq!(right_frontal[1].0, "RIGHT SIDE");
        assert!(right_frontal[1].1.eye_mm().x < -80.0);
        // The oblique view looks at the focus from the outside.
        let toward = right_frontal[3].1.axes().2;
        assert!(toward.x < 0.0 && toward.y < 0.0 && toward.z > 0.0);
        assert_eq!(cameras(&outline, Some(Point3::new(60.0, 10.0, 50.0)))[1].0, "LEFT SIDE");
    }
}
