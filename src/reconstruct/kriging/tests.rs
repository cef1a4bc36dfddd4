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

/// Mean and deviation of the outer radius at every pixel over many drawn shapes, mm.
fn of_many(field: &Field, sheet: &Sheet, domain: &[bool], count: u64) -> (Vec<f64>, Vec<f64>) {
    let (mut sum, mut squares) = (vec![0.0; domain.len()], vec![0.0; domain.len()]);
    for number in 1..=count {
        for (i, &v) in field.draw(sheet, domain, number).outer.iter().enumerate() {
            sum[i] += f64::from(v);
            squares[i] += f64::from(v).powi(2);
        }
    }
    let n = count as f64;
    let mean: Vec<f64> = sum.iter().map(|s| s / n).collect();
    let sd = squares.iter().zip(&mean).map(|(s, m)| ((s / n - m * m).max(0.0) * n / (n - 1.0)).sqrt()).collect();
    (mean, sd)
}

/// Draws must have the field's own mean and deviation, the bone's texture taken out.
fn draws_are_of_the_field(sheet: &Sheet, hole: &[bool], prior: &Prior, other: Option<&OtherTables>) {
    const COUNT: u64 = 160;
    let trust = whole_around(hole);
    let observed = |d: &Vector3<f64>| (2.0 * d.x - d.y * d.z) as f32;
    let outer = sheet.directions.iter().zip(hole).map(|(d, &h)| if h { f32::NAN } else { observed(d) }).collect();
    let residual = Tables { outer, thickness: vec![0.5; hole.len()] };
    let field = condition(&Model::KRIGING, sheet, prior, &residual, &trust, other).expect("bone all around");
    let likeliest = field.tables(sheet, hole);
    let stated = field.outer_sd_mm(sheet, hole);
    let (mean, sd) = of_many(&field, sheet, hole, COUNT);
    let texture = Model::KRIGING.texture_mm[0].powi(2);
    let inside = sheet.distance_mm(&trust.outer);
    let (mut ratio, mut count, mut deepest) = (0.0, 0.0, 0.0f64);
    for i in (0..hole.len()).filter(|&i| hole[i]) {
        let known = (f64::from(stated[i]).powi(2) - texture).max(0.0).sqrt();
        // The mean of n shapes is known to sd/√n, their deviation to sd/√2n: four of these for a thousand pixels.
        let n = COUNT as f64;
        let apart = mean[i] - f64::from(likeliest.outer[i]);
        assert!(apart.abs() < 4.0 * known / n.sqrt() + 0.01, "mean of the shapes is {apart} mm off, deviation {known}");
        assert!((sd[i] - known).abs() < 4.0 * known / (2.0 * n).sqrt() + 0.02, "{} for {known}", sd[i]);
        if inside[i] > 4.0 {
            ratio += sd[i] / known;
            count += 1.0;
        }
        deepest = deepest.max(sd[i]);
    }
    println!("deviation of {COUNT} shapes over the stated one: {:.3}; at most {deepest:.2} mm", ratio / count);
    // The pixels go together, so their mean is hardly better known than one of them.
    assert!((ratio / count - 1.0).abs() < 0.15, "{}", ratio / count);
    // Shapes of other numbers are others, the same number is the same shape, and the field is as it was.
    let again = field.draw(sheet, hole, 2);
    assert_eq!(again.outer, field.draw(sheet, hole, 2).outer);
    assert_ne!(again.outer, field.draw(sheet, hole, 3).outer);
    assert_eq!(field.tables(sheet, hole).outer, likeliest.outer);
}

#[test]
fn drawn_shapes_spread_as_far_as_the_stated_deviation() {
    let (sheet, hole) = sheet();
    draws_are_of_the_field(&sheet, &hole, &Prior::of_shape(&sheet, |_| 85.0, 6.0), None);
}

#[test]
fn drawn_shapes_of_heads_with_the_other_side_spread_so_too() {
    let (sheet, hole) = sheet();
    let head = crate::reconstruct::test_head::TestHead {
        outer: |_| 85.0,
        inner: |_| 79.0,
        towards: Vector3::new(0.6, 0.3, 0.7).normalize(),
        half_deg: 10.0,
    };
    let prior = Prior::of(&head.skull(4.0), &sheet);
    let other = OtherTables { residual: Tables::zeros(hole.len()), seen: vec![true; hole.len()] };
    draws_are_of_the_field(&sheet, &hole, &prior, Some(&other));
}
