//! The map network's part in an answer: what it is shown of a hole, and what it adds to the field.

use super::complete::{Answer, Ground};
use super::finish;
use super::tables::Tables;
use crate::network::map::{Correction, MapSheet, MapStart, Residual, fade};
use nalgebra::Vector3;

/// Maps are averaged over this length before they are laid on the network's coarser sheet, mm.
const AVERAGE_MM: f64 = 1.3;

/// The network's sheet over a patch.
pub(super) struct Laid<'a> {
    ground: &'a Ground<'a>,
    pub sheet: MapSheet,
    /// Place on the patch of each pixel of the sheet.
    places: Vec<Option<(f64, f64)>>,
}

impl<'a> Laid<'a> {
    pub fn over(ground: &'a Ground<'a>) -> Self {
        let (disc, prior) = (&ground.patch.disc, ground.prior);
        let centre: Vector3<f64> = disc.frame_from_disc.column(2).into_owned();
        let sheet = MapSheet::about(&prior.to_mean(&centre));
        let place = |d: &Vector3<f64>| {
            let head = prior.to_head(d);
            disc.nearest(&head).map(|_| disc.position(&head))
        };
        let places = sheet.directions.iter().map(place).collect();
        Self { ground, sheet, places }
    }

    /// A map of the patch on the sheet; NaN beyond the patch and where nothing is known.
    fn map(&self, values: &[f32], known: &[bool]) -> Vec<f32> {
        let disc = &self.ground.patch.disc;
        let smooth = self.ground.sheet.smooth_where(values, known, AVERAGE_MM);
        let last = disc.size - 1;
        let one = |at: &Option<(f64, f64)>| -> f32 {
            let Some((row, column)) = *at else { return f32::NAN };
            let index = |v: f64| (v.round().max(0.0) as usize).min(last);
            if !known[index(row) * disc.size + index(column)] {
                return f32::NAN;
            }
            disc.sample_at(&smooth, row, column)
        };
        self.places.iter().map(one).collect()
    }

    /// The same without gaps: 0 beyond the patch.
    fn whole(&self, values: &[f32]) -> Vec<f32> {
        let all = vec![true; values.len()];
        self.map(values, &all).into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect()
    }

    /// Tables (mm of the head) as differences to the mean vault on the sheet.
    pub fn residual(&self, tables: &Tables, known: &[bool]) -> Residual {
        let prior = self.ground.prior;
        let residual = |values: &[f32], mean: &[f32]| -> Vec<f32> {
            let of: Vec<f32> = (0..values.len()).map(|i| (values[i] - mean[i]) * prior.unit(i)).collect();
            let known: Vec<bool> = known.iter().zip(&of).map(|(&k, v)| k && v.is_finite()).collect();
            self.map(&of, &known)
        };
        Residual {
            outer_mm: residual(&tables.outer, &prior.mean.outer),
            thickness_mm: residual(&tables.thickness, &prior.mean.thickness),
        }
    }
}

/// What the network is shown. `completed` are the tables joined with the bone.
pub(super) fn start(laid: &Laid, completed: &Tables, outer_sd_mm: &[f32]) -> MapStart {
    let Ground { patch, rim, opposite, .. } = laid.ground;
    let all = vec![true; patch.hole.len()];
    let none =
        || Residual { outer_mm: vec![f32::NAN; MapSheet::pixels()], thickness_mm: vec![f32::NAN; MapSheet::pixels()] };
    let mirrored = opposite.mirrored.as_ref().map_or_else(none, |mirrored| {
        let known: Vec<bool> = mirrored.moved.seen.iter().zip(&rim.domain).map(|(&s, &d)| s && d).collect();
        laid.residual(&mirrored.corrected, &known)
    });
    let [into_outer_mm, into_inner_mm] = laid.ground.depth_mm().map(|into| laid.whole(&into));
    let hole: Vec<f32> = patch.hole.iter().map(|&h| f32::from(u8::from(h))).collect();
    let sd = |i: usize| if patch.hole[i] { outer_sd_mm[i] } else { 0.0 };
    MapStart {
        own: laid.residual(completed, &all),
        other: laid.residual(&opposite.side.tables(), &opposite.side.seen),
        spline: laid.residual(&rim.tables, &rim.domain),
        mirrored,
        hole: laid.whole(&hole),
        into_outer_mm,
        into_inner_mm,
        sd_mm: laid.whole(&(0..hole.len()).map(sd).collect::<Vec<_>>()),
        sheet: laid.sheet.clone(),
    }
}

impl Ground<'_> {
    /// Distance into what is not believed of the outer table and of the inner, mm; 0 elsewhere.
    pub fn depth_mm(&self) -> [Vec<f32>; 2] {
        let trust = &self.rim.trust;
        [&trust.outer, &trust.inner].map(|table| {
            let outside: Vec<bool> = table.iter().zip(&trust.missing).map(|(&t, &m)| t || !m).collect();
            self.sheet.distance_mm(&outside)
        })
    }

    /// The tables of a prediction joined with the bone, mm.
    pub fn joined(&self, predicted: &Tables) -> Tables {
        let (rim, patch) = (&self.rim, self.patch);
        let (outer, inner) = finish::maps(&self.sheet, patch, &rim.trust, predicted, &rim.domain, &rim.missing_mm);
        let thickness = outer.iter().zip(&inner).map(|(o, i)| o - i).collect();
        Tables { outer, thickness }
    }
}

/// What a network adds to a start.
pub(super) type Learned<'a> = dyn Fn(&MapStart) -> Correction + 'a;

/// Adds to the field's answer what a network learned; a drawn shape keeps its distance to the most likely one, in stated
/// deviations. Nothing is added where bone is believed.
pub(super) fn correct(ground: &Ground, answer: &mut Answer, learned: &Learned) {
    let Answer { tables, outer_sd_mm, drawn } = answer;
    // Without a field there is nothing the network knows how to go on from.
    let Some(sd) = outer_sd_mm else { return };
    let laid = Laid::over(ground);
    let correction = learned(&start(&laid, &ground.joined(tables), sd));
    let [into_outer, into_inner] = ground.depth_mm();
    let disc = laid.sheet.disc();
    for i in (0..sd.len()).filter(|&i| ground.rim.domain[i] && (into_outer[i] > 0.0 || into_inner[i] > 0.0)) {
        let direction = ground.prior.direction(i);
        if disc.nearest(direction).is_none() {
            continue;
        }
        let (row, column) = disc.position(direction);
        let unit = ground.prior.unit(i);
        let of = |map: &[f32]| disc.sample_at(map, row, column);
        let outer = of(&correction.by.outer_mm) / unit;
        let inner = outer - of(&correction.by.thickness_mm) / unit;
        let outer = outer * fade(into_outer[i]);
        tables.outer[i] += outer;
        tables.thickness[i] += outer - inner * fade(into_inner[i]);
        let factor = of(&correction.sd_factor);
        sd[i] *= factor;
        if let Some(drawn) = drawn {
            let grown = factor.powf(fade(into_outer[i]));
            drawn.outer[i] *= grown;
            drawn.thickness[i] *= grown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{HeadFrame, Progress};
    use crate::network::map::{MapNetwork, constant_weights};
    use crate::reconstruct::Method;
    use crate::reconstruct::prior::Prior;
    use crate::reconstruct::rim::sheet_of;
    use crate::reconstruct::test_head::TestHead;

    /// The answer with a network that adds the same everywhere: outer radius and thickness, mm, and the logarithm of the
    /// deviation.
    fn corrected(ground: &Ground, mut answer: Answer, by: [f32; 3]) -> Answer {
        let network = MapNetwork::new(&constant_weights(by)).expect("a network");
        correct(ground, &mut answer, &|start| network.correct(start));
        answer
    }

    #[test]
    fn a_silent_network_is_the_field_and_a_loud_one_changes_only_what_is_missing() {
        let head = TestHead {
            outer: |d| 85.0 + 2.0 * d.y,
            inner: |d| 79.0 + d.y,
            towards: Vector3::new(0.7, 0.2, 0.6).normalize(),
            half_deg: 16.0,
        };
        let patch = head.patch();
        let prior = Prior::of_shape(&sheet_of(&patch), |_| 84.0, 6.5);
        let frame: HeadFrame = TestHead::frame();
        let other = head.other_side(&patch);
        let ground = Ground::of(&patch, other, &prior, &frame, Method::Auto, &Progress::new()).expect("a rim");
        let worked = ground.field(&Progress::new()).expect("an answer");
        let (tables, field_sd) = (&worked.predicted, &worked.completion.uncertainty_mm);
        let ones = || Tables { outer: vec![1.0; field_sd.len()], thickness: vec![1.0; field_sd.len()] };
        let field = || Answer { tables: tables.clone(), outer_sd_mm: Some(field_sd.clone()), drawn: Some(ones()) };
        let silent = corrected(&ground, field(), [0.0; 3]);
        assert!(silent.tables.outer == tables.outer && silent.tables.thickness == tables.thickness);
        assert!(silent.outer_sd_mm.as_ref() == Some(field_sd));
        // Less than any band is wide.
        let loud = corrected(&ground, field(), [0.3, 0.15, 0.5f32.ln()]);
        let drawn = loud.drawn.expect("a shape");
        let sd = loud.outer_sd_mm.expect("a deviation");
        let [into_outer, into_inner] = ground.depth_mm();
        let mut deep = 0;
        for i in 0..sd.len() {
            let by = loud.tables.outer[i] - tables.outer[i];
            let inner = by - (loud.tables.thickness[i] - tables.thickness[i]);
            let known = ground.rim.domain[i];
            let expected = if known { [0.3 * fade(into_outer[i]), 0.15 * fade(into_inner[i])] } else { [0.0; 2] };
            assert!((by - expected[0]).abs() < 1e-4 && (inner - expected[1]).abs() < 1e-4, "{by} {inner} {expected:?}");
            if ground.rim.trust.outer[i] && ground.rim.trust.inner[i] && !ground.rim.trust.missing[i] {
                assert_eq!((by, inner, drawn.outer[i]), (0.0, 0.0, 1.0), "believed bone stays");
            }
            if patch.hole[i] && into_outer[i] > 6.0 {
                assert!((sd[i] / field_sd[i] - 0.5).abs() < 1e-4 && (drawn.outer[i] - 0.5).abs() < 1e-4);
                deep += 1;
            }
        }
        assert!(deep > 100, "{deep}");
        let none = Answer { outer_sd_mm: None, ..field() };
        assert!(corrected(&ground, none, [1.0; 3]).tables.outer == tables.outer);
    }
}
