use super::*;
use crate::geometry::Disc;

/// A sheet of 80 mm with a round hole of 30 mm, and a mean of a sphere.
fn sheet() -> (Sheet, Vec<bool>) {
    let disc = Disc::about(&Vector3::new(0.6, 0.3, 0.7).normalize(), 81, 0.5);
    let sheet = Sheet::new(&disc, 85.0);
    let centre = disc.frame_from_disc.column(2).into_owned();
    let hole = sheet.directions.iter().map(|d| d.dot(&centre) > (15.0f64 / 85.0).cos()).collect();
    (sheet, hole)
}

fn whole_around(hole: &[bool]) -> Trust {
    let whole: Vec<bool> = hole.iter().map(|h| !h).collect();
    Trust { outer: whole.clone(), inner: whole, missing: hole.to_vec() }
}

#[test]
fn a_smooth_difference_to_the_mean_is_continued_and_its_deviation_grows_inwards() {
    let (sheet, hole) = sheet();
    let prior = Prior::of_shape(&sheet, |_| 85.0, 6.0);
    let truth = |d: &Vector3<f64>| (2.0 * d.x - 1.5 * d.y * d.z, 0.8 * d.y);
    let value = |k: usize| -> Vec<f32> {
        let of = |d: &Vector3<f64>| if k == 0 { truth(d).0 as f32 } else { truth(d).1 as f32 };
        sheet.directions.iter().zip(&hole).map(|(d, &h)| if h { f32::NAN } else { of(d) }).collect()
    };
    let residual = Tables { outer: value(0), thickness: value(1) };
    let trust = whole_around(&hole);
    let field = condition(&Model::KRIGING, &sheet, &prior, &residual, &trust, None).expect("bone all around");
    let found = field.tables(&sheet, &hole);
    let sd = field.outer_sd_mm(&sheet, &hole);
    let inside = sheet.distance_mm(&trust.outer);
    let (mut rim, mut middle) = ((0.0, 0), (0.0, 0));
    for i in (0..hole.len()).filter(|&i| hole[i]) {
        let (outer, thickness) = truth(&sheet.directions[i]);
        assert!((f64::from(found.outer[i]) - outer).abs() < 0.12, "{} for {outer}", found.outer[i]);
        assert!((f64::from(found.thickness[i]) - thickness).abs() < 0.12, "{} for {thickness}", found.thickness[i]);
        let part = if inside[i] < 3.0 { &mut rim } else { &mut middle };
        if inside[i] < 3.0 || inside[i] > 11.0 {
            *part = (part.0 + f64::from(sd[i]), part.1 + 1);
        }
    }
    assert!(middle.0 / f64::from(middle.1) > rim.0 / f64::from(rim.1));
}

#[test]
fn the_inner_table_alone_moves_the_outer_one_with_it() {
    let (sheet, hole) = sheet();
    let prior = Prior::of_shape(&sheet, |_| 85.0, 6.0);
    let count = hole.len();
    // Over the hole the inner table stands 1 mm farther out than the mean; the thickness is the mean's.
    let mut trust = whole_around(&hole);
    trust.inner.fill(true);
    let residual = Tables { outer: vec![1.0; count], thickness: vec![0.0; count] };
    let field = condition(&Model::KRIGING, &sheet, &prior, &residual, &trust, None).expect("bone all around");
    let found = field.tables(&sheet, &hole);
    for i in (0..count).filter(|&i| hole[i]) {
        assert!((found.outer[i] - 1.0).abs() < 0.1 && found.thickness[i].abs() < 0.1);
    }
}

#[test]
fn without_bone_around_there_is_no_field() {
    let (sheet, hole) = sheet();
    let prior = Prior::of_shape(&sheet, |_| 85.0, 6.0);
    let nothing = vec![false; hole.len()];
    let trust = Trust { outer: nothing.clone(), inner: nothing, missing: hole };
    let zero = Tables::zeros(trust.missing.len());
    assert!(condition(&Model::KRIGING, &sheet, &prior, &zero, &trust, None).is_none());
}
