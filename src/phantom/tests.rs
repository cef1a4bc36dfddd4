use super::*;
use crate::geometry::{Grid, Progress, fill_holes, label_components, largest_component};
use nalgebra::{Point3, Vector3};

fn make(params: &HeadParams) -> Phantom {
    head(params, &Progress::new()).expect("parameters in range")
}

/// A head at 1.9 mm: quick, and its vault is still closed.
fn small(seed: u64) -> HeadParams {
    HeadParams::small(seed)
}

fn count(mask: &Volume<u8>) -> usize {
    mask.data.iter().filter(|&&v| v != 0).count()
}

#[test]
fn a_seed_names_a_head_at_any_thread_count() {
    let params = small(3).with_defect("left-parietal", 30.0);
    let a = make(&params);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let b = one_thread.install(|| make(&params));
    assert!(a.scan == b.scan, "one thread and many give the same voxels");
    assert_eq!(a.defects, b.defects);
    let other = make(&HeadParams { seed: 4, ..params });
    assert!(a.complete != other.complete);
}

#[test]
fn tissues_have_their_ct_numbers() {
    let head = model::Head::new(1, 0.4);
    let at = |x: f64, y: f64, z: f64| {
        let p = head.frame.point_from_head(&Vector3::new(x, y, z).component_mul(&head.scale));
        head.sample(&p, &head.near(&p, 0.0)).hu
    };
    let within =
        |name: &str, value: f64, low: f64, high: f64| assert!((low..=high).contains(&value), "{name}: {value} HU");
    within("white matter", at(30.0, 10.0, 35.0), 20.0, 45.0);
    within("ventricle", at(9.0, 6.0, 14.0), 0.0, 20.0);
    within("eye", at(33.0, -67.0, -41.0), 0.0, 30.0);
    within("throat", at(0.0, -2.0, -90.0), -1000.0, -950.0);
    within("maxillary sinus", at(-31.0, -48.0, -74.0), -1000.0, -950.0);
    within("frontal sinus", at(9.0, -77.5, -12.0), -1000.0, -950.0);
    within("tooth", at(2.2, -63.0 + 0.055 * 2.2 * 2.2, -95.0), 2000.0, 2200.0);
    within("air", at(0.0, 0.0, 110.0), -1000.0, -1000.0);
    // Outward through the vault: fluid, inner table, diploë, outer table, scalp with fat and skin, air.
    let d = Vector3::new(0.5, 0.4, 0.768);
    let ray: Vec<f64> = (0..600).map(|i| 60.0 + 0.1 * f64::from(i)).map(|r| at(d.x * r, d.y * r, d.z * r)).collect();
    let first = ray.iter().position(|&v| v > 300.0).unwrap();
    let last = ray.iter().rposition(|&v| v > 300.0).unwrap();
    assert!((50..=95).contains(&(last - first)), "the vault is {} tenths of a mm thick", last - first);
    within("fluid", ray[first - 12], 0.0, 15.0);
    within("inner table", ray[first + 8], 1200.0, 1600.0);
    within("outer table", ray[last - 8], 1200.0, 1600.0);
    let spongy = &ray[first + 25..last - 25];
    within("diploë", spongy.iter().sum::<f64>() / spongy.len() as f64, 400.0, 750.0);
    within("skin", *ray[last + 5..].iter().rfind(|&&v| v > -500.0).unwrap(), -500.0, 60.0);
    assert!(ray[last + 5..].iter().any(|v| (-80.0..-60.0).contains(v)), "fat below the skin");
}

#[test]
fn noise_has_the_asked_deviation() {
    let clean = make(&HeadParams { noise_hu: 0.0, ..small(2) });
    let noisy = make(&HeadParams { noise_hu: 20.0, ..small(2) });
    assert!(clean.complete == noisy.complete);
    let differences: Vec<f64> = clean
        .scan
        .data
        .iter()
        .zip(&noisy.scan.data)
        .filter(|(c, _)| **c > -900)
        .map(|(c, n)| f64::from(n - c))
        .collect();
    let variance = differences.iter().map(|d| d * d).sum::<f64>() / differences.len() as f64;
    assert!((variance.sqrt() - 20.0).abs() < 0.3, "σ {}", variance.sqrt());
}

#[test]
fn skull_is_one_closed_vault_with_an_open_base_and_the_rest_is_another_piece() {
    for seed in 1..3 {
        let phantom = make(&HeadParams { spacing_mm: 1.25, seed, ..HeadParams::default() });
        let bone = phantom.scan.map(|v| u8::from(v >= 300));
        let skull = largest_component(&bone, false);
        let in_rest = |o: usize| phantom.complete.data[o] == 0;
        let others = bone.data.iter().enumerate().filter(|&(o, &b)| b != 0 && skull.data[o] == 0 && in_rest(o)).count();
        assert!(others > 3000, "the head rest is a piece of its own: {others}");
        // The skull has a way in (foramen magnum) …
        let frame = &phantom.frame;
        let brain = skull.grid.index_from_lps(&frame.point_from_head(&Vector3::new(20.0, 0.0, 30.0)));
        let at = |mask: &Volume<u8>| {
            mask.at(brain[0].round() as usize, brain[1].round() as usize, brain[2].round() as usize)
        };
        assert_eq!(at(&fill_holes(&skull)), 0, "seed {seed}: the skull is open at its base");
        // … and no other above the level of the orbits: every ray of the vault meets bone.
        for i in 0..1500 {
            let z = 1.0 - 1.2 * (i as f64 + 0.5) / 1500.0;
            let turn = i as f64 * std::f64::consts::PI * (1.0 + 5f64.sqrt());
            let d = Vector3::new((1.0 - z * z).sqrt() * turn.cos(), (1.0 - z * z).sqrt() * turn.sin(), z);
            let met = (50..120).any(|r| skull.sample_lps(&frame.point_from_head(&(d * r as f64)), 0.0) > 0.5);
            assert!(met, "seed {seed}: no bone towards {d:?}");
        }
        // The foramen is an opening of 7 to 10 cm² on the axis of the neck.
        let open = (0..61 * 61)
            .filter(|i| {
                let (x, y) = ((i % 61) as f64 - 30.0, (i / 61) as f64);
                let free = |z: f64| skull.sample_lps(&frame.point_from_head(&Vector3::new(x, y, z)), 1.0) < 0.5;
                x.abs() < 20.0 && y > 10.0 && y < 52.0 && (38..56).all(|z| free(-f64::from(z)))
            })
            .count();
        assert!((450..1100).contains(&open), "seed {seed}: foramen magnum {open} mm²");
    }
}

#[test]
fn removed_bone_is_area_times_thickness_and_one_piece() {
    let holes =
        [("right-frontal", 25.0), ("left-temporal", 18.0), ("bilateral-parietal", 60.0), ("right-occipital", 40.0)];
    let params = HeadParams { spacing_mm: 1.25, seed: 5, ..HeadParams::default() };
    let phantom = make(&holes.iter().fold(params, |p, (region, area)| p.with_defect(region, *area)));
    for ((truth, implant), (region, area)) in phantom.defects.iter().zip(&phantom.implants).zip(holes) {
        assert!((truth.area_cm2 / area - 1.0).abs() < 1e-3, "{region}: {} cm²", truth.area_cm2);
        assert_eq!(label_components(implant, false).sizes.len(), 1, "{region}");
        assert!(implant.data.iter().zip(&phantom.complete.data).all(|(i, c)| i <= c));
        let rim: Vec<Point3<f64>> = truth.rim_mm.iter().map(|p| Point3::from(*p)).collect();
        assert_eq!(rim.len(), 180);
        // A fan from the hole's middle to its rim cuts the bulge off: a little less than the surface.
        let fan = fan_area_cm2(&rim, &Point3::from(truth.centre_mm));
        assert!(fan < truth.area_cm2 && fan > 0.82 * truth.area_cm2, "{region}: fan {fan} of {}", truth.area_cm2);
        let thickness_mm = 10.0 * count(implant) as f64 * implant.grid.voxel_mm3() / 1000.0 / truth.area_cm2;
        assert!((2.5..11.0).contains(&thickness_mm), "{region}: {thickness_mm} mm thick");
    }
    let left = count(&phantom.complete) - phantom.implants.iter().map(count).sum::<usize>();
    assert_eq!(count(&phantom.defective()), left);
}

/// Area of the triangles from a point to a closed curve, cm².
fn fan_area_cm2(rim: &[Point3<f64>], centre: &Point3<f64>) -> f64 {
    (0..rim.len()).map(|i| (rim[i] - centre).cross(&(rim[(i + 1) % rim.len()] - centre)).norm() / 200.0).sum()
}

#[test]
fn voxels_count_the_area_within_two_percent() {
    let params = HeadParams { spacing_mm: 0.8, size: Some([200, 200, 190]), seed: 8, ..HeadParams::default() };
    let phantom = make(&params.with_defect("left-parietal", 40.0));
    // Outer surface of the removed piece from the whole skull's: rays from 80 mm below the hole's middle
    // (square on the bone), each weighed by r² dΩ / cos.
    let truth = &phantom.defects[0];
    let axis = Vector3::from(truth.axis);
    let tip = Point3::from(truth.centre_mm) - axis * 80.0;
    let disc = crate::geometry::Disc::about(&axis, 161, 0.9);
    let exit = |volume: &Volume<u8>, d: &Vector3<f64>| {
        (0..600).map(|i| 130.0 - 0.15 * f64::from(i)).find(|&r| volume.sample_lps(&(tip + d * r), 0.0) >= 0.5)
    };
    let radii: Vec<Option<f64>> = (0..disc.len())
        .map(|o| disc.direction((o / 161) as f64, (o % 161) as f64).and_then(|d| exit(&phantom.implants[0], &d)))
        .collect();
    let point = |o: usize| disc.direction((o / 161) as f64, (o % 161) as f64).zip(radii[o]).map(|(d, r)| tip + d * r);
    let mut area = 0.0;
    for o in 0..disc.len() {
        if let (Some(p), Some(d)) = (point(o), disc.direction((o / 161) as f64, (o % 161) as f64)) {
            // The surface's slope from neighbours five pixels apart, where the hole holds them.
            let slope = [(1usize, 5usize), (161, 5)].map(|(step, k)| {
                let (a, b) = (
                    o.checked_sub(step * k).and_then(point),
                    o.checked_add(step * k).filter(|&b| b < disc.len()).and_then(point),
                );
                a.zip(b).map(|(a, b)| b - a)
            });
            let cosine = match slope {
                [Some(a), Some(b)] => a.cross(&b).normalize().dot(&d).abs(),
                _ => 1.0,
            };
            area += (p - tip).norm_squared() * disc.pixel_sr() / cosine / 100.0;
        }
    }
    assert!((area / truth.area_cm2 - 1.0).abs() < 0.02, "counted {area} of {} cm²", truth.area_cm2);
}

#[test]
fn the_rim_lies_on_the_edge_of_the_removed_bone() {
    let phantom =
        make(&HeadParams { spacing_mm: 1.0, seed: 6, ..HeadParams::default() }.with_defect("right-parietal", 35.0));
    let truth = &phantom.defects[0];
    let centre = Point3::from(truth.centre_mm);
    let axis = Vector3::from(truth.axis);
    for p in &truth.rim_mm {
        let p = Point3::from(*p);
        let inward = (centre - p) - axis * (centre - p).dot(&axis);
        let inward = inward.normalize();
        let at = |mask: &Volume<u8>, side: f64| {
            let q = p + inward * side - (p - (centre - axis * 80.0)).normalize() * 2.5;
            mask.sample_lps(&q, 0.0)
        };
        assert!(at(&phantom.implants[0], 2.0) > 0.5, "removed inside the rim");
        assert!(at(&phantom.implants[0], -2.0) < 0.5, "kept outside of it");
        assert!(at(&phantom.complete, -2.0) > 0.5, "bone outside of it");
    }
}

#[test]
fn holes_are_soft_tissue_and_the_scalp_sinks() {
    let whole = make(&HeadParams { noise_hu: 0.0, ..HeadParams::default() });
    let params = HeadParams { noise_hu: 0.0, ..HeadParams::default() }.with_defect("left-frontal", 60.0);
    let cut = make(&params);
    assert!(whole.complete == cut.complete);
    let truth = &cut.defects[0];
    let (centre, axis) = (Point3::from(truth.centre_mm), Vector3::from(truth.axis));
    let at = |phantom: &Phantom, height: f64| phantom.scan.sample_lps(&(centre + axis * height), 0.0);
    let middle = at(&cut, -truth.thickness_mm / 2.0);
    assert!((0.0..80.0).contains(&middle), "{middle} HU in the hole");
    let skin =
        |phantom: &Phantom| (0..200).map(|i| 20.0 - 0.1 * f64::from(i)).find(|&h| at(phantom, h) > -500.0).unwrap();
    let sunk = skin(&whole) - skin(&cut);
    assert!((2.0..5.0).contains(&sunk), "the scalp sinks by {sunk} mm");
}

#[test]
fn a_chest_has_bone_and_lungs_and_no_head() {
    let scan = chest(1, &Progress::new()).unwrap();
    let share = |low: i16, high: i16| {
        scan.data.iter().filter(|&&v| v >= low && v < high).count() as f64 * scan.grid.voxel_mm3() / 1000.0
    };
    let (bone, lung) = (share(300, 3072), share(-900, -780));
    assert!((300.0..2500.0).contains(&bone), "{bone} cm³ of bone");
    assert!(lung > 2000.0, "{lung} cm³ of lung");
    assert!(scan == chest(1, &Progress::new()).unwrap());
}

#[test]
fn bad_parameters_are_refused_with_the_cure() {
    let refused = |params: HeadParams| head(&params, &Progress::new()).unwrap_err().to_string();
    assert!(refused(small(1).with_defect("left-nose", 20.0)).contains("left-frontal"));
    assert!(refused(small(1).with_defect("left-frontal", f64::NAN)).contains("0.5 to 150"));
    assert!(refused(HeadParams { spacing_mm: 0.0, ..small(1) }).contains("spacing"));
    assert!(refused(HeadParams { size: Some([0, 4, 4]), ..small(1) }).contains("size"));
    let progress = Progress::new();
    progress.cancel();
    assert!(matches!(head(&small(1), &progress), Err(Error::Cancelled(_))));
    assert!("right-frontal,40".parse::<DefectCut>().is_ok());
    assert_eq!("left-parietal, 60, oval".parse::<DefectCut>().unwrap().outline, Outline::Oval);
    for text in
        ["", "right-frontal", "right-frontal,x", "nowhere,4", "right-frontal,40,star", "right-frontal,40,oval,3"]
    {
        assert!(text.parse::<DefectCut>().is_err(), "{text}");
    }
}

/// A ball shell of known radii as a real head's stand-in.
fn shell(spacing: f64) -> Volume<u8> {
    let n = (200.0 / spacing) as usize;
    let grid = Grid::axis_aligned([n; 3], [spacing; 3], Point3::from([-(n as f64 - 1.0) * spacing / 2.0; 3]));
    let data = (0..grid.len())
        .map(|o| {
            let [x, y, z] = grid.index(o).map(|v| v as f64);
            u8::from((80.0..=86.0).contains(&grid.lps_from_index(&Vector3::new(x, y, z)).coords.norm()))
        })
        .collect();
    Volume::new(grid, data)
}

#[test]
fn a_hole_cut_into_a_shell_has_the_area_of_a_cap() {
    let bone = shell(1.0);
    for (radius, direction) in [(20.0, [0.0, 0.0, 1.0]), (35.0, [0.6, -0.5, 0.4])] {
        let hole = Hole::round([0.0; 3], direction, radius);
        let (cut, removed) = cut_mask(&bone, &hole).unwrap();
        let outer: f64 = 86.0;
        let cap = std::f64::consts::TAU * outer * (outer - (outer * outer - radius * radius).sqrt()) / 100.0;
        assert!((removed.area_cm2 / cap - 1.0).abs() < 0.01, "{} of {cap} cm²", removed.area_cm2);
        for p in &removed.rim_mm {
            assert!((Vector3::from(*p).norm() - outer).abs() < 0.6);
        }
        // Volume within a cylinder between two spheres: V(R) = 2π/3 (R³ − (R² − a²)^1.5).
        let within = |r: f64| std::f64::consts::TAU / 3.0 * (r.powi(3) - (r * r - radius * radius).powf(1.5));
        let expected = within(86.0) - within(80.0);
        let found = count(&removed.mask) as f64;
        assert!((found / expected - 1.0).abs() < 0.02, "{found} of {expected} mm³");
        assert_eq!(count(&cut) + count(&removed.mask), count(&bone));
        // The other side is whole.
        let d = Vector3::from(direction).normalize();
        assert!(cut.sample_lps(&Point3::from(-d * 83.0), 0.0) > 0.5);
    }
}

#[test]
fn cutting_a_scan_turns_bone_to_soft_tissue() {
    let phantom = make(&HeadParams { noise_hu: 0.0, spacing_mm: 1.5, ..HeadParams::default() });
    let up = phantom.frame.lps_from_head_direction(&Vector3::new(0.5, 0.3, 0.8));
    let hole = Hole { walls_meet_mm: 80.0, ..Hole::round(phantom.frame.centre_mm.into(), up.into(), 25.0) };
    let (scan, removed) = cut_scan(&phantom.scan, &phantom.complete, &hole).unwrap();
    let centre = Point3::from(removed.centre_mm);
    let along = |r: f64| scan.sample_lps(&(centre + up.normalize() * r), 0.0);
    assert!((-12..4).all(|r| along(f64::from(r)) < 60.0), "no bone is left on the axis");
    // Walls that meet 80 mm below cut a cap of that radius from a vault about as round.
    let cap = std::f64::consts::TAU * 80.0 * 80.0 * (1.0 - (25f64 / 80.0).atan().cos()) / 100.0;
    assert!((removed.area_cm2 / cap - 1.0).abs() < 0.05, "{} of {cap} cm²", removed.area_cm2);
    let kept = phantom.scan.data.iter().zip(&scan.data).filter(|(a, b)| a != b).count();
    let removed_count = count(&removed.mask);
    assert!(kept >= removed_count && kept < 3 * removed_count, "{kept} voxels changed for {removed_count}");
    assert!(phantom.scan.data.iter().zip(&scan.data).all(|(a, b)| b <= a));
}

#[test]
fn a_hole_beside_the_bone_is_refused() {
    let bone = shell(2.0);
    let cut = |hole: Hole| cut_mask(&bone, &hole).map(|_| ()).unwrap_err();
    assert_eq!(cut(Hole::round([0.0, 0.0, 300.0], [0.0, 0.0, 1.0], 20.0)), CutError::NoBone);
    assert!(matches!(cut(Hole::round([60.0, 0.0, 0.0], [0.0, 0.0, 1.0], 40.0)), CutError::OffBone { .. }));
    assert!(matches!(cut(Hole::round([0.0; 3], [0.0; 3], 20.0)), CutError::Shape(_)));
    assert!(matches!(cut(Hole { profile_mm: vec![], ..Hole::round([0.0; 3], [1.0; 3], 1.0) }), CutError::Shape(_)));
    let scan = Volume::filled(Grid::axis_aligned([4; 3], [1.0; 3], Point3::origin()), 0i16);
    assert_eq!(cut_scan(&scan, &bone, &Hole::round([0.0; 3], [1.0; 3], 9.0)).map(|_| ()), Err(CutError::Grids));
}
