use super::*;
use crate::phantom::{HeadParams, InjectKind, InjectParams, head, inject};
use crate::scan::{Scan, Voxels};
use crate::skull;
use std::sync::OnceLock;

/// A defective skull and its implant.
fn case() -> &'static [Volume<u8>; 2] {
    static CASE: OnceLock<[Volume<u8>; 2]> = OnceLock::new();
    CASE.get_or_init(|| {
        let made = head(&HeadParams::small(11), &Progress::new()).expect("a phantom");
        let scan = Scan::unnamed(Voxels::Mask(made.complete.clone()));
        let found = skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head");
        let params = InjectParams::new(InjectKind::Patch, 60.0, 5);
        let made = inject(&made.complete, &found, &params, &Progress::new()).expect("room for it");
        [made.defective, made.implant]
    })
}

fn run(what: Disturbance, seed: u64) -> Result<Disturbed, DisturbError> {
    let [bone, part] = case();
    disturb(bone, part, what, seed, &Progress::new())
}

fn mm3(mask: &Volume<u8>) -> f64 {
    count(mask) as f64 * mask.grid.voxel_mm3()
}

#[test]
fn truth_and_skull_stay_apart_and_keep_their_size() {
    let [bone, part] = case();
    for what in Disturbance::ALL {
        let made = run(what, 4).unwrap_or_else(|e| panic!("{}: {e}", what.word()));
        assert!(made.defective.grid.matches(&made.implant.grid, 1e-9));
        assert!(made.defective.data.iter().zip(&made.implant.data).all(|(b, i)| b + i <= 1), "{}", what.word());
        let (skull, implant) = (mm3(&made.defective) / mm3(bone), mm3(&made.implant) / mm3(part));
        match what {
            Disturbance::Rotation | Disturbance::Mirror => {
                assert!((skull - 1.0).abs() < 0.02 && (implant - 1.0).abs() < 0.02, "{what:?} {skull} {implant}");
            }
            // Thin bone of 1.9 mm voxels suffers from coarse ones.
            Disturbance::Resampling => assert!((implant - 1.0).abs() < 0.1, "{implant}"),
            Disturbance::Vertex | Disturbance::Base => assert!(skull < 0.98 && (0.5..=1.0).contains(&implant)),
            Disturbance::Noise => assert!((implant - 1.0).abs() < 0.4, "{implant}"),
            Disturbance::Fragments => assert!(implant < 1.0 && mm3(&made.defective) > mm3(bone)),
        }
        assert_eq!(run(what, 4).expect("again").implant, made.implant, "{} repeats", what.word());
    }
}

#[test]
fn a_quarter_turn_moves_each_voxel_where_it_belongs() {
    let grid = Grid::axis_aligned([21, 31, 11], [1.0; 3], Default::default());
    let mut bone = Volume::filled(grid.clone(), 0u8);
    let mut part = bone.clone();
    let set = |v: &mut Volume<u8>, p: [usize; 3]| {
        let o = v.grid.offset(p[0], p[1], p[2]);
        v.data[o] = 1;
    };
    // The middle is (10, 15, 5); yaw of 90 degrees takes +x to +y and +y to -x.
    set(&mut bone, [14, 15, 5]);
    set(&mut part, [10, 17, 6]);
    let made = turned(&bone, &part, [90.0, 0.0, 0.0]);
    let place = |v: &Volume<u8>| {
        let set: Vec<usize> = (0..v.data.len()).filter(|&o| v.data[o] != 0).collect();
        assert_eq!(set.len(), 1);
        v.grid.lps_from_index(&v.grid.index(set[0]).map(|i| i as f64).into())
    };
    assert!((place(&made.defective) - nalgebra::Point3::new(10.0, 19.0, 5.0)).norm() < 1e-9);
    assert!((place(&made.implant) - nalgebra::Point3::new(8.0, 15.0, 6.0)).norm() < 1e-9);
}

#[test]
fn a_mirror_twice_is_none_and_a_seed_names_the_salt() {
    let [bone, part] = case();
    let once = run(Disturbance::Mirror, 1).expect("mirrored");
    let twice = disturb(&once.defective, &once.implant, Disturbance::Mirror, 1, &Progress::new()).expect("again");
    assert_eq!((&twice.defective, &twice.implant), (bone, part));
    let (a, b) = (run(Disturbance::Noise, 1).expect("noisy"), run(Disturbance::Noise, 2).expect("noisy"));
    assert_ne!(a.defective, b.defective);
    let share = (0..200_000).filter(|i| noise(3, *i) > salt_limit()).count() as f64 / 200_000.0;
    assert!((share - SALT).abs() < 0.001, "{share}");
}

#[test]
fn what_cannot_be_disturbed_is_said() {
    let [bone, part] = case();
    let none = part.map(|_| 0u8);
    let run =
        |a: &Volume<u8>, b: &Volume<u8>| disturb(a, b, Disturbance::Mirror, 1, &Progress::new()).expect_err("refused");
    assert_eq!((run(bone, &none), run(&none, part)), (DisturbError::Empty, DisturbError::Empty));
    let other = Volume::filled(Grid::axis_aligned([4, 4, 4], [1.0; 3], Default::default()), 1u8);
    assert_eq!(run(bone, &other), DisturbError::Grids);
    // All of the implant at the very top: the cut takes it.
    let top = extent(bone).expect("bone").slices[1];
    let upper = |v: &Volume<u8>, keep: bool| {
        let data = (0..v.data.len()).map(|o| v.data[o] * u8::from((v.grid.index(o)[2] + 6 >= top) == keep));
        Volume::new(v.grid.clone(), data.collect())
    };
    let made = disturb(&upper(bone, false), &upper(bone, true), Disturbance::Vertex, 1, &Progress::new());
    assert!(matches!(made, Err(DisturbError::OutOfView { share }) if share < 0.5), "{:?}", made.map(|m| m.drawn));
}
