//! Whole heads in cells of 4 mm, which the networks of `training/` learn from and are measured on: written by hand.

use super::cuts::each_cut;
use super::cuts::tests::{listed, whole};
use super::head::WholeHead;
use super::volume::VolumeView;
use crate::geometry::Progress;
use crate::network::volume::Cells;
use nalgebra::Vector3;
use std::path::PathBuf;

/// Lists of `assets/splits`, and how many holes are cut into each of their heads.
const HOLES: [(&str, usize); 3] = [("atlas.txt", 16), ("ten.txt", 16), ("held-out.txt", 10)];
const SEED: u64 = 1;
/// Vault, base and the upper face: 192 × 256 × 192 mm.
const HEAD: Cells = Cells { first_mm: Vector3::new(-94.0, -126.0, -98.0), size: [48, 64, 48], side_mm: 4.0 };

/// `CALVARIA_WHOLE_HEADS=FOLDER cargo test --release --lib -- --ignored cells_of_whole_heads`.
#[test]
#[ignore = "writes 5 GB in half an hour"]
fn cells_of_whole_heads() {
    let Some(folder) = std::env::var_os("CALVARIA_WHOLE_HEADS").map(PathBuf::from) else {
        println!("skipped: CALVARIA_WHOLE_HEADS names no folder to write to");
        return;
    };
    for (list, count) in HOLES {
        for name in listed(list) {
            let below = folder.join(list.trim_end_matches(".txt"));
            let file = below.join(format!("{name}.safetensors"));
            if file.is_file() {
                continue;
            }
            let Some(skull) = whole(&name) else { return };
            let head = WholeHead::from(skull);
            let see = |cut, _: &mut _| Some(VolumeView::in_cells(&head, &cut, HEAD));
            let views = each_cut(&head.skull, count, SEED, &Progress::new(), see).expect("not cancelled");
            println!("{name}: {} holes", views.len());
            // Whole or not at all: the next run goes on after the last head.
            let part = below.join(format!("{name}.part"));
            let written = std::fs::create_dir_all(&below)
                .and_then(|()| std::fs::write(&part, VolumeView::pack(&views, &name)))
                .and_then(|()| std::fs::rename(&part, &file));
            written.expect("room for it");
        }
    }
}
