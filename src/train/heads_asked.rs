//! What more heads in the atlas are worth: the learning curve of `docs/reconstruction.md`, run by hand.

use super::cuts::{
    self,
    tests::{listed, whole},
};
use super::map::{MapCut, errors};
use crate::defect::Patch;
use crate::geometry::{Progress, Random};
use crate::network::map::Correction;
use crate::reconstruct::{self, CutAnswer};
use crate::skull::{HeadMaps, Skull};

/// So many heads of the atlas are asked, drawn anew for each hole.
const ASKED: [usize; 6] = [5, 10, 20, 40, 70, usize::MAX];
const HOLES_A_HEAD: u64 = 4;
/// A hole with more of its rays off the vault leaves it.
const LEAVES: f64 = 0.02;

/// Whole skulls of `assets/splits/ten.txt` and every fourth of `assets/splits/atlas.txt`; none without the data.
fn skulls() -> Option<Vec<(String, Skull)>> {
    let all = listed("ten.txt").into_iter().chain(listed("atlas.txt").into_iter().step_by(4));
    all.map(|name| whole(&name).map(|skull| (name, skull))).collect()
}

fn leaves_the_vault(patch: &Patch) -> bool {
    let hole: Vec<usize> = (0..patch.hole.len()).filter(|&o| patch.hole[o]).collect();
    let off = hole.iter().filter(|&&o| !patch.vault[o]).count();
    off as f64 > LEAVES * hole.len() as f64
}

/// Dice of the field's answer on maps, `None` where too little bone is left for it.
fn dice(answer: CutAnswer) -> Option<f64> {
    let cut = MapCut { start: answer.start?, truth: answer.truth };
    let (errors, weight) = errors(&cut, &Correction::none());
    (weight > 0.0).then_some(errors.dice)
}

/// `cargo test --release --lib -- --ignored --nocapture heads_asked`, eight minutes on two cores.
#[test]
#[ignore = "a measurement of eight minutes"]
fn more_heads_tell_more_and_less_and_less() {
    let Some(skulls) = skulls() else { return };
    let all = HeadMaps::in_use().heads.len();
    // Each head is one of them, and left out.
    let asked = |k: usize| ASKED[k].min(all - 1);
    // Dice by the number of heads, of holes that stay on the vault and of those that leave it.
    let mut found: [Vec<Vec<f64>>; 2] = Default::default();
    for (name, skull) in &skulls {
        let own = reconstruct::own_heads(skull);
        for number in 0..HOLES_A_HEAD {
            let mut random = Random::new(0x5EED, number ^ skull.scales.x.to_bits());
            let mut others: Vec<usize> = (0..all).filter(|i| !own.contains(i)).collect();
            (1..others.len()).rev().for_each(|i| others.swap(i, random.below(i + 1)));
            let hole = cuts::outline(&mut random);
            let made = cuts::opened(skull, &hole, |found, head, left| -> Option<Vec<f64>> {
                let with = |asked: usize| {
                    let without: Vec<usize> = own.iter().chain(others.iter().skip(asked)).copied().collect();
                    dice(reconstruct::complete_cut(found, head, left, &without, &Progress::new()).ok()?)
                };
                ASKED.into_iter().map(with).collect()
            });
            let Some((_, head, Some(dice))) = made else { continue };
            println!("{name} {number}: {}", dice.iter().map(|d| format!("{d:.4}")).collect::<Vec<_>>().join(" "));
            found[usize::from(leaves_the_vault(&head.patch))].push(dice);
        }
    }
    for (word, holes) in ["stay on the vault", "leave it"].iter().zip(&found) {
        let count = holes.len() as f64;
        let mean = |of: &dyn Fn(&Vec<f64>) -> f64| holes.iter().map(of).sum::<f64>() / count;
        let means: Vec<String> = (0..ASKED.len()).map(|k| format!("{}: {:.4}", asked(k), mean(&|d| d[k]))).collect();
        println!("{count} holes that {word}, Dice by the heads asked: {}", means.join(", "));
        for k in 1..ASKED.len() {
            let gain = mean(&|d| d[k] - d[k - 1]);
            let variance = mean(&|d| (d[k] - d[k - 1] - gain).powi(2)) / (count - 1.0);
            println!("  {} instead of {}: {gain:+.4} ± {:.4}", asked(k), asked(k - 1), variance.sqrt());
        }
        assert!(count >= 10.0);
        assert!(mean(&|d| d[ASKED.len() - 1] - d[0]) > 0.0, "more heads tell less");
    }
}
