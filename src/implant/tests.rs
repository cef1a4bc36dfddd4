use super::*;
use crate::geometry::{Grid, Volume};
use crate::reconstruct::test_head::TestHead;
use crate::reconstruct::{self, Method};
use std::sync::{Arc, OnceLock};

const OUTER: f64 = 85.0;
const INNER: f64 = 73.0;
const HALF_DEG: f64 = 18.0;

/// A spherical shell of 12 mm with a round hole and its design box: prepared once for all tests.
fn design() -> &'static (TestHead, DesignBox) {
    static DESIGN: OnceLock<(TestHead, DesignBox)> = OnceLock::new();
    DESIGN.get_or_init(|| {
        let head = TestHead {
            outer: |_| OUTER,
            inner: |_| INNER,
            towards: Vector3::new(0.7, 0.2, 0.6).normalize(),
            half_deg: HALF_DEG,
        };
        let skull = head.skull(0.5);
        // A sphere is no head: its rim alone continues it.
        let params = reconstruct::Params { method: Method::Smooth, ..Default::default() };
        let completion = reconstruct::complete(&skull, &head.defect(), &params, &Progress::new()).expect("a whole rim");
        let design = prepare(&skull, &completion, &Progress::new()).expect("a hole");
        (head, design)
    })
}

fn scaled(lambda1: f64, lambda2: f64, lambda3: f64) -> Params {
    Params { thickness_mode: ThicknessMode::Scaled, lambda1, lambda2, lambda3, ..Params::default() }
}

/// Vertices of a part at least `away_mm` from bone: head coordinates.
fn vertices(implant: &Implant, away_mm: f32) -> Vec<Vector3<f64>> {
    let (_, design) = design();
    let frame = TestHead::frame();
    implant
        .mesh
        .positions
        .iter()
        .map(|p| Point3::new(p[0] as f64, p[1] as f64, p[2] as f64))
        .filter(|p| design.bone_above.sample_lps(p, f32::MAX) > away_mm)
        .map(|p| frame.head_from_point(&p))
        .collect()
}

#[test]
fn the_local_frame_is_the_cap_s_own() {
    let (head, design) = design();
    let frame = TestHead::frame();
    let z = frame.head_from_lps * design.axes.column(2);
    assert!((z - head.towards).norm() < 2e-3, "z {z:?} is the mean normal {:?}", head.towards);
    // The centroid of a spherical cap lies at R (1 + cos θ)/2.
    let expected = OUTER * (1.0 + HALF_DEG.to_radians().cos()) / 2.0 - 80.0;
    let origin = frame.head_from_point(&design.lambda_origin_mm);
    assert!((origin - head.towards * expected).norm() < 0.15, "{origin:?}");
    assert!((design.axes.determinant() - 1.0).abs() < 1e-9);
}

#[test]
fn constant_thickness_is_the_closed_form() {
    let (_, design) = design();
    for thickness_mm in [2.0, 4.0, 8.0] {
        let params = Params { thickness_mm, ..Params::default() };
        let implant = shape(design, &params, &Progress::new()).expect("a part");
        let all = vertices(&implant, 2.0);
        assert!(all.len() > 5000);
        for v in &all {
            let miss = (v.norm() - OUTER).abs().min((v.norm() - (OUTER - thickness_mm)).abs());
            assert!(miss < 0.05, "{} is neither {OUTER} nor {}", v.norm(), OUTER - thickness_mm);
        }
        assert!(all.iter().filter(|v| v.norm() > OUTER - 0.1).count() > 2000);
        assert!(all.iter().filter(|v| v.norm() < OUTER - thickness_mm + 0.1).count() > 1000);
    }
}

#[test]
fn lambda_scaling_is_the_closed_form() {
    let (_, design) = design();
    let frame = TestHead::frame();
    let head_axes = frame.head_from_lps * design.axes;
    let origin = frame.head_from_point(&design.lambda_origin_mm);
    let settings = [
        (1.0, 1.0, 1.0),
        (1.0, 1.0, 0.8),
        (1.0, 1.0, 0.9),
        (1.0, 1.0, 1.1),
        (1.0, 1.0, 1.2),
        (0.85, 1.0, 1.0),
        (1.15, 0.9, 1.0),
        (1.2, 1.2, 0.95),
    ];
    for (l1, l2, l3) in settings {
        let params = scaled(l1, l2, l3);
        let implant = shape(design, &params, &Progress::new()).expect("a part");
        // Signed distance to the moved inner surface: ω(λ p) over the length of its gradient.
        let moved = |v: &Vector3<f64>| {
            let p = head_axes.tr_mul(&(v - origin));
            let lambda = Vector3::new(l1, l2, l3);
            let q = lambda.component_mul(&p) + head_axes.tr_mul(&origin);
            let gradient = lambda.component_mul(&q) / q.norm();
            (q.norm() - INNER) / gradient.norm()
        };
        let all = vertices(&implant, 2.0);
        assert!(all.len() > 4000);
        let (mut lower, mut held) = (0, 0);
        for v in &all {
            if (v.norm() - OUTER).abs() < 0.05 {
                continue;
            }
            let wall = v.norm() - (OUTER - params.min_wall_mm);
            // The lower of the moved surface and the least wall.
            let miss = moved(v).max(wall);
            assert!(miss.abs() < 0.05, "λ {l1} {l2} {l3}: {miss} mm at {v:?}");
            lower += 1;
            held += usize::from(wall.abs() < 0.05);
        }
        assert!(lower > 1000);
        let clips = !implant.findings.is_empty();
        assert_eq!(clips, held > lower / 50, "λ {l1} {l2} {l3}: {held} of {lower} held, {:?}", implant.findings);
    }
}

/// Distance (mm) from a point to a triangle.
fn to_triangle(p: &Vector3<f64>, [a, b, c]: &[Vector3<f64>; 3]) -> f64 {
    let to_segment = |a: &Vector3<f64>, b: &Vector3<f64>| {
        let t = ((p - a).dot(&(b - a)) / (b - a).norm_squared().max(1e-12)).clamp(0.0, 1.0);
        (p - a - (b - a) * t).norm()
    };
    let normal = (b - a).cross(&(c - a));
    let inside = |a: &Vector3<f64>, b: &Vector3<f64>| (b - a).cross(&(p - a)).dot(&normal) >= 0.0;
    if inside(a, b) && inside(b, c) && inside(c, a) {
        return ((p - a).dot(&normal) / normal.norm().max(1e-12)).abs();
    }
    to_segment(a, b).min(to_segment(b, c)).min(to_segment(c, a))
}

/// Smallest distance from a part's vertices to the bone's surface as the scan has it, up to 2 mm: triangle by triangle.
fn smallest_gap(implant: &Implant) -> f64 {
    static BONE: OnceLock<Vec<[Vector3<f64>; 3]>> = OnceLock::new();
    let (head, design) = design();
    let bone = BONE.get_or_init(|| {
        let mesh = head.skull(0.5).mesh(&Progress::new()).expect("nobody cancels");
        let corners = |t: &[u32; 3]| [0, 1, 2].map(|k| mesh.corner(t, k));
        mesh.triangles.iter().map(corners).collect()
    });
    let cell = |p: &Vector3<f64>| {
        let local = design.axes.tr_mul(&(p - design.lambda_origin_mm.coords)) / 2.0;
        [0, 1, 2].map(|k| local[k].floor() as i32)
    };
    let mut near: std::collections::HashMap<[i32; 3], Vec<usize>> = std::collections::HashMap::new();
    for (i, t) in bone.iter().enumerate() {
        near.entry(cell(&((t[0] + t[1] + t[2]) / 3.0))).or_default().push(i);
    }
    let mut least = f64::INFINITY;
    for p in &implant.mesh.positions {
        let p = Vector3::new(p[0] as f64, p[1] as f64, p[2] as f64);
        let [x, y, z] = cell(&p);
        for k in 0..27 {
            let key = [x + k % 3 - 1, y + k / 3 % 3 - 1, z + k / 9 - 1];
            for &t in near.get(&key).into_iter().flatten() {
                least = least.min(to_triangle(&p, &bone[t]));
            }
        }
    }
    least
}

#[test]
fn the_part_keeps_its_clearance_and_passes_its_checks() {
    let (_, design) = design();
    for params in [
        Params::default(),
        Params { clearance_mm: 1.0, ..Params::default() },
        scaled(1.0, 1.0, 1.0),
        scaled(1.0, 1.0, 1.2),
    ] {
        let implant = shape(design, &params, &Progress::new()).expect("a part");
        let gap = smallest_gap(&implant);
        assert!(gap >= params.clearance_mm - 0.05 && gap < params.clearance_mm + 0.3, "{gap}");
        let checks = check(design, &implant, &params);
        let names = [
            "covers_defect",
            "bone_overlap",
            "clearance",
            "bone_at_edge",
            "min_wall",
            "closed_manifold",
            "insertion",
            "volume",
            "weight",
            "size",
        ];
        assert_eq!(checks.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), names);
        for c in &checks {
            assert_ne!(c.passed, Some(false), "{}: {}", c.name, c.text);
        }
        assert_eq!(checks[1].value, 0.0);
        let gap = checks.iter().find(|c| c.name == "insertion").expect("checked").value;
        assert!(gap >= params.clearance_mm - 0.05, "nearest bone {gap} on the way out");
    }
}

#[test]
fn volume_and_wall_are_those_of_a_spherical_cap() {
    let (_, design) = design();
    let params = Params::default();
    let implant = shape(design, &params, &Progress::new()).expect("a part");
    let checks = check(design, &implant, &params);
    let value = |name: &str| checks.iter().find(|c| c.name == name).expect("a check of that name").value;
    assert!((value("min_wall") - 4.0).abs() < 0.06, "{}", value("min_wall"));
    // A cone through the shell whose wall is moved inwards by the clearance, to first order.
    let half = HALF_DEG.to_radians();
    let cone = |r: f64| {
        let a = half - (params.clearance_mm / r).asin();
        2.0 * std::f64::consts::PI * (1.0 - a.cos())
    };
    let middle = OUTER - 2.0;
    let expected = cone(middle) * (OUTER.powi(3) - (OUTER - 4.0).powi(3)) / 3.0 / 1000.0;
    // The walls must let it out along z, which costs a wedge all around: at most half the cone's draft.
    let wedge = 2.0 * std::f64::consts::PI * OUTER * half.sin() * 16.0 * half.tan() / 2.0 / 1000.0;
    let volume = value("volume");
    assert!(volume < expected * 1.005 && volume > expected - wedge, "{volume} of {expected} − {wedge} cm³");
    assert!((value("weight") - volume * PEEK_G_PER_CM3).abs() < 1e-9);
}

#[test]
fn a_part_shifted_into_bone_fails_its_checks() {
    let (_, design) = design();
    let params = Params::default();
    let mut implant = shape(design, &params, &Progress::new()).expect("a part");
    let side = design.axes.column(0) * 3.0;
    let shift = (3.0 / design.grid.spacing_mm[0]).round() as usize;
    for p in &mut implant.mesh.positions {
        for k in 0..3 {
            p[k] += side[k] as f32;
        }
    }
    implant.field.data.rotate_right(shift);
    let checks = check(design, &implant, &params);
    let failed: Vec<&str> = checks.iter().filter(|c| c.passed == Some(false)).map(|c| c.name.as_str()).collect();
    assert!(failed.contains(&"bone_overlap") && failed.contains(&"insertion"), "{failed:?}");
}

#[test]
fn a_part_that_sits_too_near_to_bone_fails_its_clearance_alone() {
    let (_, design) = design();
    let params = Params::default();
    let mut implant = shape(design, &params, &Progress::new()).expect("a part");
    let clearance = |implant: &super::Implant| {
        check(design, implant, &params).into_iter().find(|c| c.name == "clearance").expect("checked")
    };
    let seated = clearance(&implant);
    assert!(seated.passed == Some(true) && (seated.value - params.clearance_mm).abs() < 0.1, "{seated:?}");
    let side = (design.axes.column(0) * 0.25).map(|v| v as f32);
    implant.mesh.positions.iter_mut().for_each(|p| (0..3).for_each(|k| p[k] += side[k]));
    let beside = clearance(&implant);
    assert!(beside.passed == Some(false) && (beside.value - 0.25).abs() < 0.1, "{beside:?}");
    let failed = check(design, &implant, &params).iter().filter(|c| c.passed == Some(false)).count();
    assert_eq!(failed, 1);
}

#[test]
fn a_part_drawn_within_its_hole_hangs_free_and_fails() {
    let (head, _) = design();
    let params = reconstruct::Params { method: Method::Smooth, ..Default::default() };
    let skull = head.skull(1.0);
    let mut completion = reconstruct::complete(&skull, &head.defect(), &params, &Progress::new()).expect("a whole rim");
    let size = completion.disc.size;
    let within = |o: usize, half_deg: f64| {
        let direction = completion.disc.direction((o / size) as f64, (o % size) as f64);
        direction.is_some_and(|d| d.dot(&head.towards) > half_deg.to_radians().cos())
    };
    let inner: Vec<bool> = (0..completion.hole.len()).map(|o| completion.hole[o] && within(o, 11.0)).collect();
    completion.allowed.clone_from(&inner);
    completion.hole = inner;
    let design = prepare(&skull, &completion, &Progress::new()).expect("a hole");
    let part = shape(&design, &Params::default(), &Progress::new()).expect("a part");
    let checks = check(&design, &part, &Params::default());
    let failed: Vec<&str> = checks.iter().filter(|c| c.passed == Some(false)).map(|c| c.name.as_str()).collect();
    assert_eq!(failed, ["bone_at_edge"]);
    assert_eq!(checks.iter().find(|c| c.name == "bone_at_edge").expect("checked").value, 0.0);
}

#[test]
fn a_part_ends_where_the_scan_does() {
    let head = TestHead {
        outer: |_| OUTER,
        inner: |_| INNER,
        towards: Vector3::new(0.7, 0.2, 0.6).normalize(),
        half_deg: 18.0,
    };
    let mut skull = head.skull(1.0);
    // Of the scan what lies up to 3 mm above the hole's middle is left.
    let whole = &skull.intensity;
    let [nx, ny, nz] = whole.grid.size;
    let kept = nz / 2 + 4;
    let grid = Grid { size: [nx, ny, kept], ..whole.grid.clone() };
    let end_mm = grid.origin_mm.z + (kept - 1) as f64;
    skull.intensity = Arc::new(Volume::new(grid, whole.data[..nx * ny * kept].to_vec()));
    let params = reconstruct::Params { method: Method::Smooth, ..Default::default() };
    let completion = reconstruct::complete(&skull, &head.defect(), &params, &Progress::new()).expect("a rim");
    let design = prepare(&skull, &completion, &Progress::new()).expect("a hole");
    let part = shape(&design, &Params::default(), &Progress::new()).expect("a part");
    let highest = part.mesh.positions.iter().map(|p| f64::from(p[2])).fold(f64::MIN, f64::max);
    assert!((highest - end_mm).abs() < 0.1, "{highest} {end_mm}");
    let checks = check(&design, &part, &Params::default());
    let failed: Vec<&str> = checks.iter().filter(|c| c.passed == Some(false)).map(|c| c.name.as_str()).collect();
    // This hole was drawn, not found: it goes on beyond the scan.
    assert_eq!(failed, ["covers_defect"]);
}

#[test]
fn too_much_clearance_is_an_error() {
    let (_, design) = design();
    let mut tight = design.clone();
    tight.region.data.fill(1.0);
    assert!(matches!(shape(&tight, &Params::default(), &Progress::new()), Err(Error::Empty { .. })));
}

#[test]
fn a_thin_wall_is_a_part_too() {
    let (_, design) = design();
    for thickness_mm in [1.0, 1.2, 1.4, 2.0] {
        let params = Params { thickness_mm, ..Params::default() };
        let thin = shape(design, &params, &Progress::new()).expect("a part");
        let wall = thin.mesh.volume_mm3()
            / shape(design, &Params::default(), &Progress::new()).expect("a part").mesh.volume_mm3();
        let asked = thickness_mm / Params::default().thickness_mm;
        assert!((wall / asked - 1.0).abs() < 0.15, "{thickness_mm}: {wall} of {asked}");
    }
}

#[test]
fn one_and_two_threads_give_the_same_mesh() {
    let (_, design) = design();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| shape(design, &scaled(1.1, 0.9, 1.05), &Progress::new()).expect("a part").mesh)
    };
    assert_eq!(run(1), run(2));
}
