//! Where test defects may lie: frozen, so that a new atlas moves no test set.

use crate::geometry::Disc;
use nalgebra::Vector3;
use std::sync::OnceLock;

/// Half width of the map: directions up to 137° from the vertex.
const RHO_MAX: f64 = 1.86;
/// Grey levels of the shipped map.
const VAULT: u8 = 255;
const CLOSED: u8 = 128;

/// Directions of the mean head as a map: the vault, and what is closed in every head just beyond it.
pub(super) struct Sites {
    disc: Disc,
    level: Vec<u8>,
}

impl Sites {
    /// The map that ships: the regions of the first mean vault.
    pub(super) fn shipped() -> &'static Sites {
        static SHIPPED: OnceLock<Sites> = OnceLock::new();
        SHIPPED.get_or_init(|| {
            let bytes = include_bytes!("../../assets/phantom/vault-sites.png");
            let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Png)
                .expect("the shipped picture is checked by a test")
                .into_luma8();
            Sites { disc: Disc::about_z(picture.width() as usize, RHO_MAX), level: picture.into_raw() }
        })
    }

    /// Whether a hole's middle may lie in a direction of the mean head.
    pub(super) fn in_vault(&self, direction: &Vector3<f64>) -> bool {
        self.at(direction) == VAULT
    }

    /// Whether a hole may reach into a direction of the mean head.
    pub(super) fn is_closed(&self, direction: &Vector3<f64>) -> bool {
        self.at(direction) >= CLOSED
    }

    fn at(&self, direction: &Vector3<f64>) -> u8 {
        let (row, column) = self.disc.position(direction);
        let inside = |v: f64| v >= -0.5 && v < self.disc.size as f64 - 0.5;
        if !(inside(row) && inside(column)) {
            return 0;
        }
        self.level[row.round() as usize * self.disc.size + column.round() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_map_is_a_symmetric_vault_open_below() {
        let sites = Sites::shipped();
        assert_eq!(sites.disc.len(), sites.level.len());
        assert!(sites.in_vault(&Vector3::z()) && !sites.is_closed(&Vector3::new(0.1, 0.2, -1.0)));
        for (i, &level) in sites.level.iter().enumerate() {
            let (row, column) = (i / sites.disc.size, i % sites.disc.size);
            assert_eq!(level, sites.level[row * sites.disc.size + sites.disc.size - 1 - column]);
            assert!([0, CLOSED, VAULT].contains(&level));
        }
    }
}
