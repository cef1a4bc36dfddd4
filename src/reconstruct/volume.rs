//! `volume`: the field's tables, moved inside of the hole by a network that sees the head in three dimensions.

use super::finish::LEAST_THICKNESS_MM;
use super::{Completion, Method};
use crate::network::volume::{MovedTables, Started, VolumeNetwork};
use crate::skull::Skull;

/// Moves a completion's tables by what the network makes of the bone around the hole.
pub(super) fn refined(skull: &Skull, completion: Completion, network: &VolumeNetwork) -> Completion {
    let started = Started {
        disc: &completion.disc,
        outer_mm: &completion.outer_mm,
        inner_mm: &completion.inner_mm,
        hole: &completion.hole,
        sd_mm: &completion.uncertainty_mm,
        scales: skull.scales,
    };
    let MovedTables { outer_mm, inner_mm } = network.refine(skull, &started);
    let inner_mm = outer_mm.iter().zip(&inner_mm).map(|(o, i)| i.min(o - LEAST_THICKNESS_MM)).collect();
    Completion { method: Method::Volume, outer_mm, inner_mm, ..completion }
}
