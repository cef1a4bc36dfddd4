//! A head as its rays see it: maps about the vertex of the mean frame, on every second pixel of the mean vault's map.

use super::weights::{Array, Arrays, WeightsError, pack, unpack};
use crate::geometry::{Cancelled, Disc, Progress};
use crate::skull::{MeanVault, Skull};
use nalgebra::{Rotation3, Vector3};
use std::sync::OnceLock;

/// Bone this near to the mean outer radius is vault, mm of the mean frame; farther in it is something else.
pub(crate) const NEAR_MM: f32 = 12.0;
/// Directions farther from the vertex than this on the map are not cast.
const RHO_CAST: f64 = 1.72;

/// The mean vault on the networks' map: means of 2×2 pixels.
pub(crate) struct Expected {
    pub disc: Disc,
    pub outer_mm: Vec<f32>,
    pub thickness_mm: Vec<f32>,
    pub outer_sd_mm: Vec<f32>,
    pub thickness_sd_mm: Vec<f32>,
    pub share: Vec<f32>,
    /// Share of the pixel where a hole may be (see [`MeanVault::closed`]).
    pub closed: Vec<f32>,
    /// Unit directions of the mean frame that are cast.
    pub directions: Vec<Option<Vector3<f64>>>,
}

/// Pixels along a side of the networks' map: every second of the mean vault's.
pub(crate) const MAP_SIZE: usize = crate::skull::VAULT_SIZE / 2;

/// The mean vault in use as the networks see it.
pub(crate) fn expected() -> &'static Expected {
    static EXPECTED: OnceLock<Expected> = OnceLock::new();
    EXPECTED.get_or_init(|| Expected::new(MeanVault::in_use()))
}

impl Expected {
    fn new(vault: &MeanVault) -> Self {
        let (full, size) = (vault.disc.size, vault.disc.size / 2);
        let disc = Disc::about_z_halved(full, vault.disc.rho_max);
        let mean = |value: &dyn Fn(usize) -> f32| -> Vec<f32> {
            let at = |o: usize| 2 * (o / size) * full + 2 * (o % size);
            (0..size * size)
                .map(|o| [0, 1, full, full + 1].iter().map(|k| value(at(o) + k)).sum::<f32>() / 4.0)
                .collect()
        };
        let directions = (0..size * size)
            .map(|o| disc.direction((o / size) as f64, (o % size) as f64))
            .map(|d| d.filter(|d| (2.0 * (1.0 - d.z)).sqrt() <= RHO_CAST))
            .collect();
        Self {
            outer_mm: mean(&|o| vault.outer_mm[o]),
            thickness_mm: mean(&|o| vault.thickness_mm[o]),
            outer_sd_mm: mean(&|o| vault.outer_sd_mm[o]),
            thickness_sd_mm: mean(&|o| vault.thickness_sd_mm[o]),
            share: mean(&|o| vault.share[o]),
            closed: mean(&|o| f32::from(u8::from(vault.closed[o]))),
            directions,
            disc,
        }
    }

    /// Pixels along a side.
    pub fn size(&self) -> usize {
        self.disc.size
    }
}

/// What the rays of one head met, a value a pixel of [`Expected::disc`].
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Outer table, mm of the mean frame; NaN where no bone lies near the mean vault.
    pub outer_mm: Vec<f32>,
    /// Inner table, mm of the mean frame; NaN where no bone lies near the mean vault.
    pub inner_mm: Vec<f32>,
    /// Where there is no such bone: the largest intensity near the mean vault as a share of the bone threshold, 0 to 1
    /// (thin bone is blurred below the threshold); 1 where there is bone.
    pub peak: Vec<f32>,
    /// 1 where the scan reaches beyond the mean vault.
    pub scanned: Vec<f32>,
}

/// How a view's pose differs from the one that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jitter {
    /// Rotation vector in the head frame, radian.
    pub turn: Vector3<f64>,
    /// Shift of the centre, mm along the head axes.
    pub shift_mm: Vector3<f64>,
    /// Logarithm of the change of the three scales.
    pub log_scales: Vector3<f64>,
}

impl Jitter {
    /// None first, then `count − 1` poses as an alignment to a head with a hole would find them.
    pub fn near(count: usize, seed: u64) -> Vec<Self> {
        let mut random = crate::geometry::Random::new(seed, 0x71E3);
        let one = |i: usize| {
            let mut spread = |by: f64| Vector3::from_fn(|_, _| random.normal() * by);
            let jitter = Self { turn: spread(0.025), shift_mm: spread(1.3), log_scales: spread(0.012) };
            if i == 0 { Self::default() } else { jitter }
        };
        (0..count).map(one).collect()
    }

    /// The skull seen in this pose.
    pub(crate) fn applied(&self, skull: &Skull) -> Skull {
        let mut skull = skull.clone();
        skull.frame.centre_mm += skull.frame.lps_from_head_direction(&self.shift_mm);
        skull.frame.head_from_lps = Rotation3::new(self.turn).into_inner() * skull.frame.head_from_lps;
        skull.scales.component_mul_assign(&self.log_scales.map(f64::exp));
        skull
    }
}

impl Seen {
    /// Casts the rays of a head, seen in a pose near the one that was found.
    pub fn new(skull: &Skull, jitter: &Jitter) -> Self {
        let expected = expected();
        let skull = jitter.applied(skull);
        let cast: Vec<(usize, Vector3<f64>)> = (0..expected.disc.len())
            .filter_map(|o| Some((o, expected.directions[o]?.component_div(&skull.scales).normalize())))
            .collect();
        let directions: Vec<Vector3<f64>> = cast.iter().map(|(_, d)| *d).collect();
        let hits = skull.cast(&directions);
        let n = expected.disc.len();
        let (mut outer_mm, mut inner_mm) = (vec![f32::NAN; n], vec![f32::NAN; n]);
        let (mut peak, mut scanned) = (vec![0f32; n], vec![0f32; n]);
        for ((o, d), hit) in cast.iter().zip(&hits) {
            let (_, unit) = skull.mean_direction(d);
            let mean = expected.outer_mm[*o];
            let outer = hit.outer_mm * unit as f32;
            let mean_mm = f64::from(mean) / unit;
            scanned[*o] = f32::from(u8::from(skull.scanned(&skull.point_at(d, mean_mm), 1.5)));
            if (outer - mean).abs() <= NEAR_MM {
                outer_mm[*o] = outer;
                inner_mm[*o] = hit.inner_mm * unit as f32;
                peak[*o] = 1.0;
            } else {
                let found = skull.peak_between(d, mean_mm - 10.0, mean_mm + 6.0) / skull.iso;
                peak[*o] = if found.is_finite() { found.clamp(0.0, 1.0) } else { 0.0 };
            }
        }
        Self { outer_mm, inner_mm, peak, scanned }
    }

    /// The found pose first, then `count − 1` poses near it.
    ///
    /// # Errors
    /// When cancelled.
    pub fn views(skull: &Skull, count: usize, seed: u64, progress: &Progress) -> Result<Vec<Self>, Cancelled> {
        let one = |jitter| progress.check().map(|()| Self::new(skull, jitter));
        Jitter::near(count, seed).iter().map(one).collect()
    }
}

const VIEWS: &str = "views";
const MAPS: [&str; 4] = ["outer", "inner", "peak", "scanned"];

/// A head's views as a file, so that a training casts each skull once. `told` says of what they were made.
pub fn pack_views(views: &[Seen], told: &str) -> Vec<u8> {
    let n = expected().disc.len();
    let map = |pick: &dyn Fn(&Seen) -> &Vec<f32>| Array {
        dims: vec![views.len(), n],
        values: views.iter().flat_map(|v| pick(v).iter().copied()).collect(),
    };
    let maps = [map(&|v| &v.outer_mm), map(&|v| &v.inner_mm), map(&|v| &v.peak), map(&|v| &v.scanned)];
    pack(VIEWS, &told, &MAPS.map(str::to_owned).into_iter().zip(maps).collect::<Arrays>())
}

/// Reads what [`pack_views`] wrote.
///
/// # Errors
/// When the file is damaged or was made of something else than `told`.
pub fn unpack_views(bytes: &[u8], told: &str) -> Result<Vec<Seen>, WeightsError> {
    let (of, arrays): (String, _) = unpack(bytes, VIEWS)?;
    let n = expected().disc.len();
    let shape = |name: &str| WeightsError::Shape { tensor: name.to_owned() };
    if of != told {
        return Err(shape("what it was made of"));
    }
    let map = |name: &str| arrays.get(name).filter(|a| a.dims.len() == 2 && a.dims[1] == n).ok_or_else(|| shape(name));
    let [outer, inner, peak, scanned] = [map(MAPS[0])?, map(MAPS[1])?, map(MAPS[2])?, map(MAPS[3])?];
    if [inner, peak, scanned].iter().any(|a| a.dims != outer.dims) {
        return Err(shape(MAPS[0]));
    }
    let of = |array: &Array, i: usize| array.values[i * n..(i + 1) * n].to_vec();
    Ok((0..outer.dims[0])
        .map(|i| Seen { outer_mm: of(outer, i), inner_mm: of(inner, i), peak: of(peak, i), scanned: of(scanned, i) })
        .collect())
}
