//! The CT series of a folder that were not read, so that the user can choose one of them.

use std::fmt;
use std::path::PathBuf;

/// A CT series beside the one that was read.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct OtherSeries {
    /// One of its files: opening it reads this series.
    pub file: PathBuf,
    /// How many slices it has.
    pub slices: usize,
    /// `axial`, `coronal`, `sagittal` or `oblique`; `None` where its slices do not say how they lie.
    pub plane: Option<&'static str>,
    /// Mean distance from slice to slice, mm.
    pub gap_mm: Option<f64>,
    /// Pixels along a row and along a column.
    pub pixels: [usize; 2],
    /// Sides of a pixel, mm.
    pub pixel_mm: Option<[f64; 2]>,
    /// The scanner's word for the reconstruction kernel ("H60s").
    pub kernel: Option<String>,
}

impl fmt::Display for OtherSeries {
    /// "512 axial slices 0.6 mm apart, 512 × 512 pixels of 0.45 mm, kernel H60s".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plane = self.plane.map(|p| format!("{p} ")).unwrap_or_default();
        let s = if self.slices == 1 { "" } else { "s" };
        write!(f, "{} {plane}slice{s}", self.slices)?;
        if let Some(gap) = self.gap_mm {
            write!(f, " {} mm apart", short(gap))?;
        }
        write!(f, ", {} × {} pixels", self.pixels[0], self.pixels[1])?;
        if let Some([x, y]) = self.pixel_mm {
            write!(f, " of {}", short(x))?;
            if short(x) != short(y) {
                write!(f, " × {}", short(y))?;
            }
            f.write_str(" mm")?;
        }
        match &self.kernel {
            Some(kernel) => write!(f, ", kernel {kernel}"),
            None => Ok(()),
        }
    }
}

/// At most two digits behind the point, and none that says nothing.
fn short(mm: f64) -> String {
    let text = format!("{mm:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_told_in_a_line() {
        let mut series = OtherSeries {
            file: PathBuf::new(),
            slices: 512,
            plane: Some("axial"),
            gap_mm: Some(0.6),
            pixels: [512, 500],
            pixel_mm: Some([0.453, 0.453]),
            kernel: Some("H60s".to_owned()),
        };
        assert_eq!(series.to_string(), "512 axial slices 0.6 mm apart, 512 × 500 pixels of 0.45 mm, kernel H60s");
        (series.slices, series.plane, series.gap_mm, series.kernel) = (1, None, None, None);
        series.pixel_mm = Some([0.5, 3.0]);
        assert_eq!(series.to_string(), "1 slice, 512 × 500 pixels of 0.5 × 3 mm");
        series.pixel_mm = None;
        assert_eq!(series.to_string(), "1 slice, 512 × 500 pixels");
    }
}
