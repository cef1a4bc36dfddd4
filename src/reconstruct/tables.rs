use crate::defect::Patch;

/// Outer radius and thickness along the ray (or differences of them), mm, a value a pixel of a sheet.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub outer: Vec<f32>,
    pub thickness: Vec<f32>,
}

impl Tables {
    pub fn zeros(count: usize) -> Self {
        Self { outer: vec![0.0; count], thickness: vec![0.0; count] }
    }

    /// What the rays saw; NaN where no bone.
    pub fn observed(patch: &Patch) -> Self {
        let thickness = patch.outer_mm.iter().zip(&patch.inner_mm).map(|(o, i)| o - i).collect();
        Self { outer: patch.outer_mm.clone(), thickness }
    }

    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    /// Inner radius, mm.
    pub fn inner(&self) -> Vec<f32> {
        self.outer.iter().zip(&self.thickness).map(|(o, t)| o - t).collect()
    }

    fn with(&self, other: &Self, join: impl Fn(f32, f32) -> f32) -> Self {
        let each = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| join(a, b)).collect();
        Self { outer: each(&self.outer, &other.outer), thickness: each(&self.thickness, &other.thickness) }
    }
}
