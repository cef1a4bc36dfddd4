use super::*;
use crate::geometry::Disc;
use crate::network::UNetShape;

const OUTER_MM: f32 = 80.0;
const INNER_MM: f32 = 74.0;

struct Hole {
    disc: Disc,
    outer_mm: Vec<f32>,
    inner_mm: Vec<f32>,
    hole: Vec<bool>,
    sd_mm: Vec<f32>,
}

/// A hole of 20 mm about the vertex of a shell.
fn hole() -> Hole {
    let disc = Disc::about(&Vector3::z(), 80, 0.5);
    let n = disc.len();
    let at = |o: usize| disc.direction((o / 80) as f64, (o % 80) as f64);
    let hole = (0..n).map(|o| at(o).is_some_and(|d| d.z.acos() * f64::from(OUTER_MM) < 20.0)).collect();
    Hole { outer_mm: vec![OUTER_MM; n], inner_mm: vec![INNER_MM; n], hole, sd_mm: vec![0.5; n], disc }
}

impl Hole {
    fn started(&self) -> Started<'_> {
        Started {
            disc: &self.disc,
            outer_mm: &self.outer_mm,
            inner_mm: &self.inner_mm,
            hole: &self.hole,
            sd_mm: &self.sd_mm,
            scales: Vector3::repeat(1.1),
        }
    }
}

/// A net whose answer is one number everywhere.
fn constant(answer: f32) -> VolumeNetwork {
    let shape = UNetShape {
        dimensions: 3,
        inputs: VOLUME_INPUTS,
        outputs: VOLUME_OUTPUTS,
        widths: vec![2, 2],
        blocks: 1,
        fold: true,
    };
    VolumeNetwork::new(&Weights::constant(shape, &[answer])).expect("a net of this program")
}

#[test]
fn cells_hold_the_hole_with_a_margin_and_tell_bone_from_none() {
    let hole = hole();
    let started = hole.started();
    let cells = Cells::about(&started, 8).expect("a hole");
    assert!(cells.size.iter().all(|n| n % 8 == 0), "{:?}", cells.size);
    let shell = |p: &Vector3<f64>| (1.1 * 74.0..1.1 * 80.0).contains(&p.norm());
    let left = |p: &Vector3<f64>| shell(p) && p.z < 1.1 * 70.0;
    let block = Block::new(cells, &started, &fade(&hole.disc, &hole.hole), &left);
    let at = |p: [f64; 3]| {
        let i = (Vector3::from(p) - cells.first_mm).map(|mm| (mm / CELL_MM).round() as usize);
        (i.z * cells.size[1] + i.y) * cells.size[2] + i.x
    };
    // In the middle of the hole: no bone, the completed shell's middle, 3 mm of the head from its surfaces.
    let middle = at([0.0, 0.0, 1.1 * 77.0]);
    assert_eq!((block.bone[middle], block.hole[middle], block.fade[middle]), (0.0, 1.0, 1.0));
    assert!((block.field_mm[middle] + 3.3).abs() < 1.2, "{}", block.field_mm[middle]);
    // Outside of the shell by 6 mm; and beside the hole there is bone.
    assert!(block.field_mm[at([0.0, 0.0, 1.1 * 80.0 + 6.0])] > 4.5);
    let beside = Vector3::new(0.45, 0.0, 0.89).normalize() * 1.1 * 77.0;
    assert!(block.bone[at(beside.into())] > 0.5 && block.hole[at(beside.into())] == 0.0);
    assert_eq!(block.input().len(), VOLUME_INPUTS * cells.len());
}

#[test]
fn a_correction_moves_both_tables_well_inside_and_none_at_the_rim() {
    let hole = hole();
    let started = hole.started();
    let none = constant(0.0).moved(&started, &|_| false);
    assert!(none.outer_mm == hole.outer_mm && none.inner_mm == hole.inner_mm);
    let thinner = constant(1.1).moved(&started, &|_| false);
    let fade = fade(&hole.disc, &hole.hole);
    for (o, fade) in fade.iter().enumerate() {
        // 1.1 mm of the mean frame are 1 mm of this head.
        assert!((hole.outer_mm[o] - thinner.outer_mm[o] - fade).abs() < 1e-4);
        assert!((thinner.inner_mm[o] - hole.inner_mm[o] - fade).abs() < 1e-4);
    }
    assert_eq!(thinner.outer_mm[40 * 80 + 40], OUTER_MM - 1.0);
}

#[test]
fn nothing_to_move_without_a_hole() {
    let whole = Hole { hole: vec![false; hole().disc.len()], ..hole() };
    assert_eq!(Cells::about(&whole.started(), 8), None);
    assert_eq!(constant(1.0).moved(&whole.started(), &|_| false).outer_mm, whole.outer_mm);
}

#[test]
fn the_shipped_weights_are_read_and_others_are_refused() {
    assert!(VolumeNetwork::in_use().is_ok());
    let refused = |bytes: &[u8]| VolumeNetwork::from_bytes(bytes).err().expect("refused");
    let detector = include_bytes!("../../../assets/models/detector.safetensors");
    assert!(matches!(refused(detector), WeightsError::Kind { .. }));
    let mut damaged = include_bytes!("../../../assets/models/volume.safetensors").to_vec();
    *damaged.last_mut().expect("bytes") ^= 1;
    assert_eq!(refused(&damaged), WeightsError::Damaged);
    let shape = UNetShape { dimensions: 2, inputs: 3, outputs: 1, widths: vec![2], blocks: 0, fold: false };
    let flat = Weights::constant(shape, &[0.0]).to_bytes(VOLUME_KIND);
    assert!(matches!(refused(&flat), WeightsError::Shape { .. }));
}
