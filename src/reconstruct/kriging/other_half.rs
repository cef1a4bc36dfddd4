//! Whether a head's own other half tells more of a hole than other heads do: a measurement of `docs/reconstruction.md`,
//! run by hand.

use super::*;
use crate::geometry::{Disc, Random};
use crate::skull::{HeadMaps, MeanVault};

/// Radii of the round holes, mm.
const RADII_MM: [f64; 3] = [20.0, 35.0, 50.0];
/// Holes of each size.
const HOLES: usize = 120;
/// The atlas' maps are smoothed (2.6 mm): less texture is left on them than on bone.
const NOISE_MM: [f64; 2] = [0.3, 0.4];
/// Degrees from the vertex that part the sites.
const LOW_DEG: [f64; 2] = [60.0, 80.0];
/// Rims reach so far, mm; targets lie so far apart, mm.
const RIM_MM: f64 = 20.0;
const TARGETS_MM: f64 = 4.0;

fn mirrored(d: &Vector3<f64>) -> Vector3<f64> {
    Vector3::new(-d.x, d.y, d.z)
}

/// Outer or inner radius of a head less the mean's, mm.
fn value(maps: &HeadMaps, head: usize, table: Table, d: &Vector3<f64>) -> f64 {
    let head = &maps.heads[head];
    let of = |map: &[f32]| f64::from(maps.disc.sample(map, d));
    match table {
        Table::Outer => of(&head.outer_mm),
        Table::Thickness => of(&head.thickness_mm),
        Table::Inner => of(&head.outer_mm) - of(&head.thickness_mm),
    }
}

/// Points with what the other heads say there.
fn points(without: usize, table: Table, directions: &[Vector3<f64>]) -> Points {
    let prior = Prior::at_directions(directions).without(&[without]);
    let pixels: Vec<usize> = (0..directions.len()).collect();
    Points::at(&Model::KRIGING, &prior, &pixels, table)
}

/// The difference between a half and the other one, instead of the half itself. Its mean is nothing, for each head counts
/// with its mirror image.
fn of_halves(here: Points) -> Points {
    let (heads, means) = (here.heads.clone(), vec![0.0; here.len()]);
    let there = here.mirrored();
    Points { heads: heads - &there.heads, means, other: false, ..there }
}

/// What observations foretell at some points, mm.
fn foretold(model: &Model, observed: &[Group], asked: &[Points; 2]) -> Option<[Vec<f64>; 2]> {
    let covariance = Covariance::new(model);
    let (_, weights) = solve(&covariance, observed)?;
    Some([0, 1].map(|t| {
        let mut known = DVector::zeros(asked[t].len());
        for ((points, ..), start) in observed.iter().zip(starts(observed)) {
            known += covariance.between(&asked[t], points) * weights.rows(start, points.len());
        }
        known.iter().zip(&asked[t].means).map(|(v, mean)| v + mean).collect()
    }))
}

struct Site {
    rim: Vec<Vector3<f64>>,
    over: Vec<Vector3<f64>>,
    targets: Vec<Vector3<f64>>,
    low_deg: f64,
}

/// A round hole on one side of the vault, its rim on the lattices of the field; `None` where it leaves the vault or
/// comes near to the midline.
fn site(random: &mut Random, radius_mm: f64) -> Option<Site> {
    let vault = MeanVault::in_use();
    let z = random.between(-0.3, 1.0);
    let turn = random.between(0.0, std::f64::consts::TAU);
    let flat = (1.0 - z * z).sqrt();
    let towards = Vector3::new(flat * turn.cos(), flat * turn.sin(), z);
    let reach = radius_mm + RIM_MM;
    if towards.x.abs().asin() * RADIUS_MM < radius_mm + MIDLINE_MM {
        return None;
    }
    // Pixels of 2 mm.
    let size = 2 * (reach / 2.0).ceil() as usize + 3;
    let disc = Disc::about(&towards, size, (size - 1) as f64 / RADIUS_MM);
    let mut site = Site { rim: Vec::new(), over: Vec::new(), targets: Vec::new(), low_deg: z.acos().to_degrees() };
    for (row, column) in (0..size).flat_map(|row| (0..size).map(move |column| (row, column))) {
        let Some(d) = disc.direction(row as f64, column as f64) else { continue };
        let away_mm = d.dot(&towards).clamp(-1.0, 1.0).acos() * RADIUS_MM - radius_mm;
        let on = |mm: f64| {
            let step = (mm / 2.0) as usize;
            row % step == 0 && column % step == 0
        };
        let inside = vault.in_vault(&d) && vault.in_vault(&mirrored(&d));
        if away_mm < 0.0 && !inside {
            return None;
        }
        if away_mm < 0.0 && on(TARGETS_MM) {
            site.targets.push(d);
        }
        let lattice = Model::KRIGING.lattice_mm;
        if (0.0..RIM_MM).contains(&away_mm)
            && inside
            && lattice.iter().any(|&(far, step)| away_mm <= f64::from(far) && on(step))
        {
            site.rim.push(d);
        }
        if away_mm < f64::from(OTHER_REACH_MM) && inside && on(2.0 * TARGETS_MM) && d.x.abs() * RADIUS_MM >= MIDLINE_MM
        {
            site.over.push(d);
        }
    }
    Some(site)
}

/// Mean absolute errors of a hole's outer and inner table, mm: the two halves as they are; foretold by other heads and the
/// rim; by the other half and the rim; by all.
type Errors = [[f64; 2]; 4];

fn errors(maps: &HeadMaps, head: usize, site: &Site) -> Option<Errors> {
    let tables = [Table::Outer, Table::Inner];
    let here = |table, d: &Vector3<f64>| value(maps, head, table, d);
    let there = |table, d: &Vector3<f64>| value(maps, head, table, &mirrored(d));
    let asked_of = |t: usize, at: &[Vector3<f64>], halves: bool| {
        let points = points(head, tables[t], at);
        if halves { of_halves(points) } else { points }
    };
    let group = |t: usize, at: &[Vector3<f64>], halves: bool| -> Group {
        let of = |d: &Vector3<f64>| here(tables[t], d) - if halves { there(tables[t], d) } else { 0.0 };
        (asked_of(t, at, halves), at.iter().map(of).collect(), NOISE_MM[t])
    };
    let rim = |halves| vec![group(0, &site.rim, halves), group(1, &site.rim, halves)];
    let asked = |halves| [0, 1].map(|t| asked_of(t, &site.targets, halves));
    let mean = |found: Option<&[Vec<f64>; 2]>, halves: bool| {
        [0, 1].map(|t| {
            let off = |(k, d): (usize, &Vector3<f64>)| {
                let start = if halves { there(tables[t], d) } else { 0.0 };
                (start + found.map_or(0.0, |f| f[t][k]) - here(tables[t], d)).abs()
            };
            site.targets.iter().enumerate().map(off).sum::<f64>() / site.targets.len() as f64
        })
    };
    // The halves' difference has the model's kernels too: with those of 2 and 1 mm, or 1 and 0.7 mm, the half tells no more.
    let model = &Model::KRIGING;
    let by_heads = foretold(model, &rim(false), &asked(false))?;
    let by_half = foretold(model, &rim(true), &asked(true))?;
    let mut all = rim(false);
    for t in [0, 1] {
        let points = points(head, tables[t], &site.over).mirrored();
        all.push((points, site.over.iter().map(|d| there(tables[t], d)).collect(), OTHER_TEXTURE_MM[t]));
    }
    let by_all = foretold(model, &all, &asked(false))?;
    Some([mean(None, true), mean(Some(&by_heads), false), mean(Some(&by_half), true), mean(Some(&by_all), false)])
}

/// `cargo test --release --lib -- --ignored --nocapture other_half`, two minutes on two cores.
#[test]
#[ignore = "a measurement of two minutes"]
fn the_other_half_of_a_head_tells_no_more_than_other_heads() {
    let maps = HeadMaps::in_use();
    for radius_mm in RADII_MM {
        let mut random = Random::new(0x0_7E12, radius_mm as u64);
        let drawn = std::iter::repeat_with(|| site(&mut random, radius_mm)).take(100 * HOLES);
        let sites: Vec<Site> = drawn.flatten().take(HOLES).collect();
        let found: Vec<(f64, Errors)> = sites
            .par_iter()
            .enumerate()
            .filter_map(|(k, site)| Some((site.low_deg, errors(maps, k % maps.heads.len(), site)?)))
            .collect();
        assert!(found.len() > HOLES / 2, "{}", found.len());
        for (from, to) in [(0.0, LOW_DEG[0]), (LOW_DEG[0], LOW_DEG[1]), (LOW_DEG[1], 180.0), (0.0, 180.0)] {
            let of: Vec<&Errors> = found.iter().filter(|f| (from..to).contains(&f.0)).map(|f| &f.1).collect();
            if of.len() < 5 {
                continue;
            }
            let count = of.len() as f64;
            let mean = |k: usize| [0, 1].map(|t| of.iter().map(|e| e[k][t]).sum::<f64>() / count);
            let [apart, by_heads, by_half, by_all] = [0, 1, 2, 3].map(mean);
            // The half less the heads, both tables together.
            let more = |e: &Errors| (e[2][0] + e[2][1] - e[1][0] - e[1][1]) / 2.0;
            let worse = of.iter().map(|e| more(e)).sum::<f64>() / count;
            let variance = of.iter().map(|e| (more(e) - worse).powi(2)).sum::<f64>() / (count - 1.0);
            println!(
                "radius {radius_mm} mm, {from:.0} to {to:.0} deg: {count} holes, outer and inner mm: halves apart {apart:.2?}, by heads \
                 {by_heads:.2?}, by the half {by_half:.2?} ({worse:+.3} ± {:.3}), by all {by_all:.2?}",
                (variance / count).sqrt()
            );
            let sum = |of: [f64; 2]| of[0] + of[1];
            assert!(sum(by_half) > 0.8 * sum(by_heads), "the other half tells much more");
            assert!(sum(by_all) < 1.05 * sum(by_heads) && sum(by_heads) < 0.8 * sum(apart));
        }
    }
}
