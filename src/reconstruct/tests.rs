use super::complete::{Ground, complete_patch};
use super::prior::Prior;
use super::rim::sheet_of;
use super::test_head::TestHead;
use super::*;
use nalgebra::Vector3;

const AXES: Vector3<f64> = Vector3::new(72.0, 92.0, 78.0);

fn ellipsoid(d: &Vector3<f64>) -> f64 {
    1.0 / d.component_div(&AXES).norm()
}

/// The ellipsoid with a bump on one side, mirrored exactly (both sides have it).
fn bumpy(d: &Vector3<f64>) -> f64 {
    let bump = |c: Vector3<f64>| 4.0 * (-(d - c.normalize()).norm_squared() / 0.03).exp();
    ellipsoid(d) + bump(Vector3::new(0.8, 0.1, 0.6)) + bump(Vector3::new(-0.8, 0.1, 0.6))
}

fn complete_head(head: &TestHead, method: Method) -> Completion {
    let patch = head.patch();
    let other = head.other_side(&patch);
    complete_patch(
        &patch,
        other,
        &prior(&patch),
        &TestHead::frame(),
        &Params { method, ..Params::default() },
        &Progress::new(),
    )
    .expect("a whole rim")
}

/// A mean near to all heads of these tests and equal to none.
fn prior(patch: &crate::defect::Patch) -> Prior {
    Prior::of_shape(&sheet_of(patch), |d| 0.98 * ellipsoid(d) + 2.0 * d.x, 6.5)
}

/// Largest and mean error of outer and inner radius inside the hole, mm.
fn errors(head: &TestHead, completion: &Completion) -> [f64; 4] {
    let size = completion.disc.size;
    let (mut outer, mut inner): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for i in (0..completion.hole.len()).filter(|&i| completion.hole[i]) {
        let d = completion.disc.direction((i / size) as f64, (i % size) as f64).expect("on the map");
        outer.push((completion.outer_mm[i] as f64 - (head.outer)(&d)).abs());
        inner.push((completion.inner_mm[i] as f64 - (head.inner)(&d)).abs());
    }
    let most = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    [most(&outer), mean(&outer), most(&inner), mean(&inner)]
}

fn sphere_hole(outer: fn(&Vector3<f64>) -> f64, inner: fn(&Vector3<f64>) -> f64) -> TestHead {
    // 40 mm across at 85 mm.
    TestHead { outer, inner, towards: Vector3::new(0.7, 0.2, 0.6).normalize(), half_deg: 13.5 }
}

#[test]
fn a_40_mm_hole_in_a_sphere_and_in_an_ellipsoid_closes_within_0_2_mm() {
    let sphere = sphere_hole(|_| 85.0, |_| 79.0);
    let oval = sphere_hole(ellipsoid, |d| ellipsoid(d) - 6.0);
    for head in [sphere, oval] {
        for method in [Method::Smooth, Method::Mirror, Method::Auto] {
            let found = errors(&head, &complete_head(&head, method));
            assert!(found[0] < 0.2 && found[2] < 0.2, "{method:?}: {found:?}");
        }
    }
}

#[test]
fn a_bump_under_the_hole_comes_from_the_other_side() {
    let head = TestHead {
        outer: bumpy,
        inner: |d| bumpy(d) - 6.0,
        towards: Vector3::new(0.8, 0.1, 0.6).normalize(),
        half_deg: 18.0,
    };
    let [_, smooth, ..] = errors(&head, &complete_head(&head, Method::Smooth));
    let mirror_completion = complete_head(&head, Method::Mirror);
    let [_, mirror, ..] = errors(&head, &mirror_completion);
    let [_, auto, ..] = errors(&head, &complete_head(&head, Method::Auto));
    assert!(mirror < 0.15, "mirror {mirror}");
    assert!(smooth > 0.4, "the test's bump is too small to tell the methods apart: {smooth}");
    assert!(mirror < auto && auto < smooth, "auto {auto} lies between {mirror} and {smooth}");
}

#[test]
fn a_hole_across_the_midline_falls_back_to_the_rim_and_says_so() {
    let head = TestHead {
        outer: ellipsoid,
        inner: |d| ellipsoid(d) - 6.0,
        towards: Vector3::new(0.05, 0.3, 0.9).normalize(),
        half_deg: 15.0,
    };
    let completion = complete_head(&head, Method::Auto);
    assert!(completion.findings.iter().any(|f| f.message.contains("other side")), "{:?}", completion.findings);
    let found = errors(&head, &completion);
    assert!(found[0] < 0.25, "{found:?}");
}

#[test]
fn the_completed_map_has_no_step_at_the_rim_and_is_finite() {
    let head = sphere_hole(bumpy, |d| bumpy(d) - 6.0);
    for method in [Method::Smooth, Method::Mirror, Method::Auto] {
        let completion = complete_head(&head, method);
        assert!(completion.outer_mm.iter().chain(&completion.inner_mm).all(|v| v.is_finite()));
        let n = completion.disc.size;
        for i in n..n * n - n {
            if i % n == 0 || i % n + 1 == n {
                continue;
            }
            // A step shows as a jump of the slope from one pixel to the next; the head's own is below 0.02 mm.
            for stride in [1, n] {
                let bend =
                    completion.outer_mm[i + stride] - 2.0 * completion.outer_mm[i] + completion.outer_mm[i - stride];
                assert!(
                    bend.abs() < 0.06,
                    "{method:?}: the slope jumps by {bend} mm at {i} of {n}² (in the hole: {})",
                    completion.hole[i]
                );
            }
        }
    }
}

#[test]
fn cut_walls_are_not_taken_for_bone_and_slanted_ones_belong_to_the_part() {
    let head = sphere_hole(|_| 85.0, |_| 79.0);
    let mut patch = head.patch();
    let sheet = sheet_of(&patch);
    // A bevel: within 4 mm of the hole the outer table falls to the inner one.
    let to_hole = sheet.distance_mm(&patch.hole);
    for (i, &away) in to_hole.iter().enumerate() {
        if !patch.hole[i] && away < 4.0 {
            patch.outer_mm[i] = 79.5 + 5.5 * away / 4.0;
        }
    }
    let other = head.other_side(&patch);
    let completion =
        complete_patch(&patch, other, &prior(&patch), &TestHead::frame(), &Params::default(), &Progress::new())
            .expect("a whole rim");
    assert!(errors(&head, &completion)[0] < 0.2);
    let walls = (0..to_hole.len()).filter(|&i| to_hole[i] > 0.0 && to_hole[i] < 3.5);
    assert!(walls.clone().count() > 100);
    assert!(walls.into_iter().all(|i| completion.allowed[i]));
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let head = sphere_hole(bumpy, |d| bumpy(d) - 6.0);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| complete_head(&head, Method::Auto))
    };
    let (one, two) = (run(1), run(2));
    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one.outer_mm), bits(&two.outer_mm));
    assert_eq!(bits(&one.inner_mm), bits(&two.inner_mm));
}

#[test]
fn the_default_takes_a_share_of_what_the_network_adds_and_none_where_heads_are_left_out() {
    let head = sphere_hole(|_| 85.0, |_| 79.0);
    let (patch, skull) = (head.patch(), head.skull(1.5));
    let sheet = sheet_of(&patch);
    let outer = |method: Method, left_out: &[usize]| {
        let atlas = Prior::of(&skull, &sheet).without(left_out);
        let params = Params { method, ..Params::default() };
        let ground =
            Ground::of(&patch, head.other_side(&patch), &atlas, &skull.frame, method, &Progress::new()).expect("a rim");
        let field = ground.field(&Progress::new()).expect("an answer").predicted.outer;
        let answer = ground.complete(&params, &Progress::new()).expect("an answer").predicted.outer;
        let by = |(i, a): (usize, &f32)| if patch.hole[i] { f64::from(a - field[i]) } else { 0.0 };
        answer.iter().enumerate().map(by).collect::<Vec<f64>>()
    };
    let (whole, part) = (outer(Method::Map, &[]), outer(Method::Auto, &[]));
    let size = |by: &[f64]| by.iter().map(|v| v * v).sum::<f64>().sqrt();
    let together = part.iter().zip(&whole).map(|(a, b)| a * b).sum::<f64>();
    let share = together / size(&whole).powi(2);
    assert!(share > 0.1 && share < 0.95, "{share}");
    let beside: Vec<f64> = part.iter().zip(&whole).map(|(a, b)| a - share * b).collect();
    assert!(size(&beside) < 1e-3 * size(&whole), "{} of {}", size(&beside), size(&whole));
    assert_eq!(size(&outer(Method::Auto, &[0])), 0.0);
}

#[test]
fn a_hole_without_bone_around_it_is_refused() {
    let head = sphere_hole(|_| 85.0, |_| 79.0);
    let mut patch = head.patch();
    patch.vault.fill(false);
    let other = head.other_side(&patch);
    let refused =
        complete_patch(&patch, other, &prior(&patch), &TestHead::frame(), &Params::default(), &Progress::new());
    assert!(matches!(refused, Err(Error::NoRim { .. })));
}
