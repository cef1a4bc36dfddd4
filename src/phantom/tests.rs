use super::*;
use crate::geometry::Progress;

fn make(params: &HeadParams) -> Phantom {
    head(params, &Progress::new()).expect("parameters in range")
}

#[test]
fn a_seed_names_a_head() {
    let small = HeadParams::small(3).with_defect("left-parietal", 30.0);
    let (a, b) = (make(&small), make(&small));
    assert_eq!(a.scan, b.scan);
    assert_eq!(a.defects, b.defects);
    let other = make(&HeadParams { seed: 4, ..small });
    assert_ne!(a.complete, other.complete);
}
