//! The test vectors were computed with scipy's exact distance transform and cross-checked against MedPy 0.5.2.

use super::*;
use crate::geometry::{Grid, Volume};

const CLOSE: f64 = 1e-6;

fn mask(size: [usize; 3], spacing: [f64; 3], inside: impl Fn([usize; 3]) -> bool) -> Volume<u8> {
    let grid = Grid::axis_aligned(size, spacing, Default::default());
    let data = (0..grid.len()).map(|o| u8::from(inside(grid.index(o)))).collect();
    Volume::new(grid, data)
}

fn cube(spacing: [f64; 3], low: [usize; 3], high: [usize; 3]) -> Volume<u8> {
    mask([30; 3], spacing, |p| (0..3).all(|k| (low[k]..high[k]).contains(&p[k])))
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < CLOSE, "{a} against {b}");
}

#[test]
fn a_cube_shifted_by_one_voxel() {
    let spacing = [0.5, 1.0, 2.0];
    let a = cube(spacing, [8; 3], [18; 3]);
    let rows = [(0, 0.5, 0.168032787, 1.0), (1, 1.0, 0.319672131, 1.0), (2, 2.0, 0.561475410, 0.745901639)];
    for (axis, hd, mean, within) in rows {
        let (mut low, mut high) = ([8; 3], [18; 3]);
        low[axis] += 1;
        high[axis] += 1;
        let b = cube(spacing, low, high);
        near(dice(&a, &b), 0.9);
        let d = surface_distances(&a, &b);
        assert_eq!([d.forward_mm.len(), d.backward_mm.len()], [488, 488]);
        near(d.hausdorff(), hd);
        near(d.hausdorff95(), hd);
        near(d.mean(), mean);
        near(d.share_within(1.0), within);
    }
}

#[test]
fn a_smaller_cube_inside() {
    let spacing = [0.5, 1.0, 2.0];
    let (a, b) = (cube(spacing, [8; 3], [18; 3]), cube(spacing, [9; 3], [17; 3]));
    near(dice(&a, &b), 0.677248677);
    let d = surface_distances(&a, &b);
    assert_eq!([d.forward_mm.len(), d.backward_mm.len()], [488, 296]);
    near(d.hausdorff(), 2.291287847);
    near(d.hausdorff95(), 2.209890705);
    near(d.hausdorff95_max(), 2.236067977);
    near(d.mean(), 1.157692930);
    near(d.share_within(1.0), 0.642857143);
}

#[test]
fn one_stray_voxel_moves_the_maximum_alone() {
    let spacing = [0.5, 1.0, 2.0];
    let a = cube(spacing, [8; 3], [18; 3]);
    let mut b = a.clone();
    let stray = b.grid.offset(25, 13, 13);
    b.data[stray] = 1;
    near(dice(&a, &b), 0.999500250);
    let d = surface_distances(&a, &b);
    near(d.hausdorff(), 4.0);
    near(d.hausdorff95(), 0.0);
    near(d.mean(), 0.00409416581);
}

#[test]
fn an_oblique_shift() {
    let spacing = [0.5, 1.0, 2.0];
    let (a, b) = (cube(spacing, [8; 3], [18; 3]), cube(spacing, [9, 10, 11], [19, 20, 21]));
    near(dice(&a, &b), 0.504);
    let d = surface_distances(&a, &b);
    near(d.hausdorff(), 6.344288770);
    near(d.hausdorff95(), 6.020797289);
    near(d.mean(), 2.373277640);
    near(d.share_within(1.0), 0.399590164);
}

#[test]
fn the_border_counts_from_all_of_the_skull() {
    let hole = |p: [usize; 3]| (12..52).contains(&p[0]) && (12..52).contains(&p[1]) && (3..9).contains(&p[2]);
    let slab = |p: [usize; 3]| (2..62).contains(&p[0]) && (2..62).contains(&p[1]) && (3..9).contains(&p[2]);
    let part = |p: [usize; 3]| (13..51).contains(&p[0]) && (12..52).contains(&p[1]) && (4..9).contains(&p[2]);
    let all = |spacing: [f64; 3]| {
        let size = [64, 64, 12];
        (mask(size, spacing, |p| slab(p) && !hole(p)), mask(size, spacing, hole), mask(size, spacing, part))
    };
    let (d, g, p) = all([1.0; 3]);
    let scores = score(&d, &g, &p);
    near(scores.dice, 0.883720930);
    near(scores.border_dice, 0.875);
    near(border_dice(&d, &p, &g, 2.0), 0.760869565);
    near(border_dice(&d, &p, &g, 5.0), 0.849315068);
    near(scores.hausdorff_mm, std::f64::consts::SQRT_2);
    near(scores.hausdorff95_mm, 1.0);
    near(scores.mean_distance_mm, 0.506166268);
    let (d, g, p) = all([0.5, 1.0, 2.0]);
    near(border_dice(&d, &p, &g, 3.0), 0.844233056);
    near(border_dice(&d, &p, &g, 10.0), 0.883720930);
    let distances = surface_distances(&p, &g);
    near(distances.hausdorff(), 2.061552813);
    near(distances.mean(), 0.835098938);
}

#[test]
fn two_balls() {
    // The vectors' axes are (z, y, x).
    let ball = |centre: [f64; 3], radius: f64, spacing: [f64; 3]| {
        mask([40; 3], spacing, move |p| {
            (0..3).map(|k| (p[2 - k] as f64 - centre[k]).powi(2)).sum::<f64>() <= radius * radius
        })
    };
    let pair = |spacing| (ball([19.5; 3], 12.0, spacing), ball([21.5, 20.5, 19.5], 11.0, spacing));
    let (a, b) = pair([1.0; 3]);
    near(dice(&a, &b), 0.828446663);
    let d = surface_distances(&a, &b);
    near(d.hausdorff(), 3.316624790);
    near(d.hausdorff95(), 3.0);
    near(d.mean(), 1.324021590);
    let (a, b) = pair([0.625, 0.45, 0.45]);
    let d = surface_distances(&a, &b);
    near(d.hausdorff(), 1.554228104);
    near(d.hausdorff95(), 1.35);
    near(d.hausdorff95_max(), 1.417965092);
    near(d.mean(), 0.637291695);
    near(d.share_within(1.0), 0.744648318);
}

#[test]
fn percentiles_and_empty_masks() {
    near(percentile(&[1.0, 2.0, 3.0, 4.0], 95.0), 3.85);
    near(percentile(&(0..10).map(f64::from).collect::<Vec<_>>(), 95.0), 8.55);
    let (empty, full) = (cube([1.0; 3], [0; 3], [0; 3]), cube([1.0; 3], [8; 3], [18; 3]));
    near(dice(&empty, &empty), 1.0);
    near(dice(&empty, &full), 0.0);
    let scores = score(&full, &full, &empty);
    assert!(scores.hausdorff95_mm.is_infinite() && !scores.empty);
    assert!(score(&full, &empty, &empty).empty);
    assert_eq!((scores.dice, scores.outer), (0.0, None));
    let text = serde_json::to_string(&scores).expect("plain data");
    assert_eq!(serde_json::from_str::<Scores>(&text).expect("just written"), scores);
}

fn outcome(name: &str, method: &str, dice: f64, failure: Option<&str>) -> Outcome {
    let (full, empty) = (cube([1.0; 3], [8; 3], [18; 3]), cube([1.0; 3], [0; 3], [0; 3]));
    let none = if failure.is_some() { &empty } else { &full };
    Outcome {
        name: name.to_owned(),
        skull: name.rsplit('/').next().unwrap_or(name).to_owned(),
        kind: name.split_once('/').map_or("", |n| n.0).to_owned(),
        method: method.to_owned(),
        failure: failure.map(str::to_owned),
        defects: 1,
        heads_left_out: 0,
        reckoned_with: String::new(),
        findings: Vec::new(),
        in_band: None,
        read_seconds: 0.5,
        prepare_seconds: 1.0,
        complete_seconds: 0.5,
        score_seconds: 0.25,
        scores: Scores { dice, ..score(&empty, &full, none) },
    }
}

#[test]
fn a_failure_counts_as_nothing_and_is_named() {
    let outcomes = [
        outcome("a/1", "auto", 0.9, None),
        outcome("b/1", "auto", 0.8, None),
        outcome("a/2", "auto", 0.0, Some("no defect was found")),
        outcome("a/1", "smooth", 0.7, None),
    ];
    let summary = summarise(&outcomes, &["auto".to_owned(), "smooth".to_owned()], &[]);
    let all = &summary.all[0];
    assert_eq!((all.cases, all.skulls, all.failed.as_slice()), (3, 2, ["a/2".to_owned()].as_slice()));
    let figure = |key: &str| all.figures.iter().find(|f| f.key == key).expect("a figure");
    near(figure("dice").mean, 1.7 / 3.0);
    near(figure("dice").median, 0.8);
    assert_eq!(figure("dice").worst_case, "a/2");
    assert_eq!(figure("hausdorff95_mm").count, 2);
    assert_eq!(summary.by_kind.len(), 4);
    near(summary.paired[0].mean, -0.2);
    let table = markdown(&summary);
    assert!(table.contains("Failed with auto: a/2."), "{table}");
    let lines: Vec<String> = csv(&outcomes).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|l| l.split(',').count() == lines[0].split(',').count()));
}

#[test]
fn every_measure_of_a_target_stands_in_the_table_with_its_interval() {
    let of = |skull: &str, dice: f64, off_mm: f64, in_band: f64| {
        let mut outcome = outcome(skull, "auto", dice, None);
        let face = FaceError { mean_mm: off_mm, bias_mm: 0.0, p95_mm: 2.0 * off_mm, within_1mm: 1.0 - off_mm };
        outcome.scores = Scores {
            border_dice: dice + 0.02,
            hausdorff95_mm: 4.0 * off_mm,
            outer: Some(face),
            inner: Some(face),
            ..outcome.scores
        };
        Outcome { in_band: Some(in_band), ..outcome }
    };
    let outcomes = [of("1", 0.9, 0.2, 0.8), of("2", 0.94, 0.4, 0.9)];
    let table = markdown(&summarise(&outcomes, &["auto".to_owned()], &[]));
    let row = table.lines().find(|l| l.starts_with("| auto |")).expect("a row");
    let cells: Vec<&str> = row.split(" | ").collect();
    let header: Vec<&str> = table.lines().next().expect("a header").split(" | ").collect();
    assert_eq!(cells.len(), header.len());
    let cell = |name: &str| cells[header.iter().position(|h| *h == name).expect("a column")];
    // Two skulls: the interval goes from the one to the other.
    assert_eq!(cell("DSC"), "0.920 (0.920; 0.900 1) [0.900, 0.940]");
    assert_eq!(cell("bDSC"), "0.940 (0.940; 0.920 1) [0.920, 0.960]");
    assert_eq!(cell("HD95 mm"), "1.20 (1.20; 1.60 2) [0.80, 1.60]");
    assert_eq!(cell("outer mm"), "0.30 [0.20, 0.40]");
    assert_eq!(cell("outer ≤ 1 mm"), "70 % [60, 80]");
    assert_eq!(cell("in band"), "85 % [80, 90]");
}

#[test]
fn a_disturbed_case_is_set_against_its_clean_one() {
    let clean = [outcome("1", "auto", 0.9, None), outcome("a/2", "auto", 0.8, None)];
    let disturbed = [
        outcome("vertex/1", "auto", 0.85, None),
        outcome("vertex/a/2", "auto", 0.0, Some("no defect was found")),
        outcome("base/1", "auto", 0.9, None),
        outcome("base/3", "auto", 0.5, None),
    ];
    let summary = summarise(&disturbed, &["auto".to_owned()], &clean);
    let row = |kind: Option<&str>| summary.losses.iter().find(|l| l.kind.as_deref() == kind).expect("a row");
    assert_eq!(summary.losses.len(), 3);
    near(row(None).mean, (0.05 + 0.8 + 0.0) / 3.0);
    assert_eq!((row(None).cases, row(None).failed), (3, 1), "a case without a clean one is left out");
    near(row(Some("vertex")).mean, 0.425);
    assert_eq!(row(Some("vertex")).worst_case, "vertex/a/2");
    assert!(markdown(&summary).contains("| base, auto | 1, 0 | +0.000 | 0.900 base/1 |"), "{}", markdown(&summary));
    let words = best_median_worst(&disturbed, "auto");
    assert_eq!(words, [("best", "base/1"), ("median", "vertex/1"), ("worst", "vertex/a/2")]);
    assert!(best_median_worst(&disturbed, "smooth").is_empty());
}

#[test]
fn learned_methods_stand_against_the_floors() {
    let methods = ["auto", "kriging", "map"].map(str::to_owned);
    let outcomes = methods.iter().map(|m| outcome("1", m, 0.5, None)).collect::<Vec<_>>();
    let summary = summarise(&outcomes, &methods, &[]);
    let pairs: Vec<_> = summary.paired.iter().map(|p| (p.method.as_str(), p.against.as_str())).collect();
    assert_eq!(pairs, [("kriging", "auto"), ("map", "auto"), ("map", "kriging")]);
}
