use super::sheet::Sheet;
use super::tables::Tables;
use crate::skull::{MeanVault, Skull};
use rayon::prelude::*;

/// The mean vault laid over a sheet in this head's own size: outer radius and thickness, mm.
pub(super) fn mean_tables(skull: &Skull, sheet: &Sheet) -> Tables {
    let mean = MeanVault::shipped();
    let one = |d: &nalgebra::Vector3<f64>| {
        let (direction, unit) = skull.mean_direction(d);
        let (row, column) = mean.disc.position(&direction);
        let unit = unit as f32;
        let at = |map: &[f32]| mean.disc.sample_at(map, row, column) / unit;
        (at(&mean.outer_mm), at(&mean.thickness_mm))
    };
    let (outer, thickness) = sheet.directions.par_iter().map(one).unzip();
    Tables { outer, thickness }
}
