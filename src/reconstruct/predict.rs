use super::sheet::{Sheet, median};
use super::spline::{ThinPlate, smoothing};
use super::tables::Tables;
use super::trust::Trust;
use rayon::prelude::*;

/// Rim pixels the spline is fitted to.
pub(crate) struct Samples {
    /// Pixel of each sample.
    pub pixels: Vec<usize>,
    /// Side of the square each sample stands for, mm.
    pub spacing_mm: Vec<f64>,
}

/// Bone farther than this from the missing part tells nothing more, mm.
pub(crate) const REACH_MM: f32 = 28.0;
/// Texture of bone below this length is smoothed away, mm.
const BLUR_MM: f64 = 4.0;
/// Samples are averages over this length, mm.
const AVERAGE_MM: f64 = 1.0;
/// Residuals to the spline beyond this, and beyond four robust standard deviations, are no vault (sinus, suture bone), mm.
const OUTLIER_MM: f64 = 1.5;

impl Samples {
    /// A lattice over the trusted bone, dense at the missing part (`distance_mm` is the distance to it), at most about `budget`.
    pub fn choose(sheet: &Sheet, trusted: &[bool], distance_mm: &[f32], budget: usize) -> Self {
        let mut stretch = 1.0;
        loop {
            let chosen = Self::lattice(sheet, trusted, distance_mm, stretch);
            if chosen.pixels.len() <= budget || stretch > 20.0 {
                return chosen;
            }
            stretch *= 1.08;
        }
    }

    fn lattice(sheet: &Sheet, trusted: &[bool], distance_mm: &[f32], stretch: f64) -> Self {
        let steps = [2.0, 3.0, 7.0].map(|mm| (mm * stretch / sheet.pixel_mm).round().max(1.0) as usize);
        let (mut pixels, mut spacing_mm) = (Vec::new(), Vec::new());
        for i in (0..trusted.len()).filter(|&i| trusted[i]) {
            let distance = distance_mm[i];
            let step = match distance {
                d if d <= 2.5 => steps[0],
                d if d <= 10.0 => steps[1],
                d if d <= REACH_MM => steps[2],
                _ => continue,
            };
            if sheet.on_lattice(i, step) {
                pixels.push(i);
                spacing_mm.push(step as f64 * sheet.pixel_mm);
            }
        }
        Self { pixels, spacing_mm }
    }
}

/// A spline through `values` (mm) at the trusted pixels, without what does not belong to the surface.
/// `None` when too few pixels are left.
pub(crate) fn fit(
    sheet: &Sheet,
    values: &[f32],
    trusted: &[bool],
    distance_mm: &[f32],
    budget: usize,
) -> Option<ThinPlate> {
    let samples = Samples::choose(sheet, trusted, distance_mm, budget);
    let averaged = sheet.smooth_where(values, trusted, AVERAGE_MM);
    let mut kept: Vec<usize> = (0..samples.pixels.len()).collect();
    let mut spline = None;
    for _round in 0..3 {
        let points: Vec<[f64; 2]> = kept.iter().map(|&k| sheet.position_mm(samples.pixels[k])).collect();
        let heights: Vec<f64> = kept.iter().map(|&k| averaged[samples.pixels[k]] as f64).collect();
        let lambda: Vec<f64> = kept.iter().map(|&k| smoothing(BLUR_MM, samples.spacing_mm[k])).collect();
        let found = ThinPlate::fit(&points, &heights, &lambda)?;
        let residual: Vec<f64> =
            found.at_all(&points).iter().zip(&heights).map(|(model, height)| (height - model).abs()).collect();
        let spread = 1.4826 * median(residual.iter().copied())?;
        let limit = OUTLIER_MM.max(4.0 * spread);
        let before = kept.len();
        let inliers: Vec<usize> = kept.iter().zip(&residual).filter(|(_, r)| **r <= limit).map(|(&k, _)| k).collect();
        spline = Some(found);
        if inliers.len() == before || inliers.len() * 3 < before * 2 {
            break;
        }
        kept = inliers;
    }
    spline
}

/// Values of a spline on the pixels of a domain; elsewhere 0.
pub(crate) fn evaluate(sheet: &Sheet, spline: &ThinPlate, domain: &[bool]) -> Vec<f32> {
    (0..domain.len())
        .into_par_iter()
        .map(|i| if domain[i] { spline.at(sheet.position_mm(i)) as f32 } else { 0.0 })
        .collect()
}

/// Thin-plate continuation of outer radius and thickness (raw, or differences to a prior) from the trusted rim onto
/// the domain; `None` when too little rim is left. `values` are the observed tables less the prior.
pub(crate) fn continued(
    sheet: &Sheet,
    values: &Tables,
    trust: &Trust,
    distance_mm: &[f32],
    domain: &[bool],
    budget: usize,
) -> Option<Tables> {
    let outer = evaluate(sheet, &fit(sheet, &values.outer, &trust.outer, distance_mm, budget)?, domain);
    // Where only the inner table stands, the thickness is what the continued outer one leaves.
    let inner = values.inner();
    let usable: Vec<bool> = (0..inner.len()).map(|i| trust.inner[i] && (trust.outer[i] || domain[i])).collect();
    let thickness: Vec<f32> =
        (0..inner.len()).map(|i| if trust.outer[i] { values.outer[i] } else { outer[i] } - inner[i]).collect();
    let thickness = evaluate(sheet, &fit(sheet, &thickness, &usable, distance_mm, budget)?, domain);
    Some(Tables { outer, thickness })
}
