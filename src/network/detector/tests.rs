use super::*;
use crate::defect;
use crate::geometry::{Progress, Volume};
use crate::phantom::{self, HeadParams};
use crate::scan::{Scan, Voxels};
use crate::skull;

fn skull_of(scan: Volume<i16>) -> Skull {
    let scan = Scan::new(Voxels::Hu(scan), Vec::new());
    skull::segment(&scan, &Default::default(), &Progress::new()).expect("a head")
}

fn searched(skull: &Skull) -> Vec<Defect> {
    defect::detect(skull, &[], &Default::default(), &Progress::new()).expect("a search")
}

#[test]
fn the_shipped_weights_are_the_detectors_and_no_other_file_is() {
    let bytes = include_bytes!("../../../assets/models/detector.safetensors");
    assert!(Detector::from_bytes(bytes).is_ok() && bytes.len() < 4_000_000);
    let weights = Weights::from_bytes(bytes, KIND).expect("weights");
    assert!(weights.about.calibration.contains_key(HALF_AREA) && weights.about.skulls >= 50);
    let mut other = weights.clone();
    other.about.shape.inputs += 1;
    assert!(Detector::new(&other).is_err());
    assert!(matches!(Weights::from_bytes(bytes, "map"), Err(WeightsError::Kind { .. })));
}

/// Phantoms are no skulls of the training: another shape, CT values, voxels of 1.9 mm.
#[test]
fn phantoms_with_and_without_a_hole_are_told_apart_and_the_search_agrees() {
    for (seed, region, area_cm2) in
        [(1, "left-parietal", 30.0), (4, "right-frontal", 20.0), (6, "left-occipital", 45.0)]
    {
        let params = HeadParams::small(seed);
        let whole = skull_of(phantom::head(&params, &Progress::new()).expect("a phantom").scan);
        let (opinion, findings) = check(&whole, &searched(&whole));
        let opinion = opinion.expect("the shipped detector looks");
        assert!(opinion.presence < 0.5 && findings.is_empty(), "{seed}: {} {findings:?}", opinion.presence);
        let made = phantom::head(&params.with_defect(region, area_cm2), &Progress::new()).expect("a phantom");
        let truth = made.defects[0].area_cm2;
        let open = skull_of(made.scan);
        let defects = searched(&open);
        let (opinion, findings) = check(&open, &defects);
        let opinion = opinion.expect("the shipped detector looks");
        let area = opinion.openings[0].area_cm2;
        assert!(opinion.presence > 0.5 && (area / truth - 1.0).abs() < 0.15, "{seed}: {area} of {truth}");
        assert_eq!(opinion.openings[0].place.replace(' ', "-"), region);
        assert!(findings.is_empty(), "{findings:?}");
        // Had the search found nothing, or a hole where there is none, the user would be told.
        let missed = second_opinion(&open, &opinion, &[]);
        assert!(missed.len() == 1 && missed[0].message.contains("found no defect"), "{missed:?}");
        let invented = second_opinion(&whole, &Detector::in_use().expect("the shipped one").look(&whole), &defects);
        assert!(invented.len() == 1 && invented[0].message.contains("does not see"), "{invented:?}");
    }
}
