//! What a training is told: one recipe for every network.

use crate::network::UNetShape;

/// How a network is trained; TOML, what is left out keeps its default.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Names first weights and every sample.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Samples a step.
    pub batch: usize,
    /// Largest step size; it rises over `warm_up` steps and falls to a hundredth along a cosine.
    pub learning_rate: f64,
    /// Steps over which the step size rises.
    pub warm_up: u64,
    /// Decay of the weights a step, times the step size (AdamW).
    pub weight_decay: f64,
    /// Longest gradient.
    pub clip: f64,
    /// Share of the running mean of the weights that stays at each step; the mean is what is kept.
    pub average: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between looks at the validation skulls.
    pub validate_every: u64,
    /// Channels of each level, finest first.
    pub widths: Vec<usize>,
    /// Residual blocks a level.
    pub blocks: usize,
    /// What is made of each skull: poses in which the detector sees it, holes that are cut into it for `map` and `volume`.
    pub views: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 1,
            steps: 1500,
            batch: 8,
            learning_rate: 2e-3,
            warm_up: 50,
            weight_decay: 0.01,
            clip: 1.0,
            average: 0.99,
            checkpoint_every: 50,
            validate_every: 100,
            widths: vec![32, 48, 64],
            blocks: 1,
            views: 6,
        }
    }
}

impl Recipe {
    /// For a network that goes on from trained weights: few and small steps.
    pub fn fine_tuning() -> Self {
        Self { steps: 100, learning_rate: 2e-4, warm_up: 20, average: 0.95, validate_every: 20, ..Self::default() }
    }
}

/// Why a recipe is refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RecipeError {
    /// Not TOML, or an unknown name.
    #[error("the recipe cannot be read: {0}")]
    Format(String),
    /// A value that cannot work.
    #[error("{name} cannot be {value} in a recipe; {allowed}")]
    Value { name: &'static str, value: String, allowed: &'static str },
}

impl Recipe {
    /// Reads TOML.
    ///
    /// # Errors
    /// [`RecipeError`] with the name of what is wrong.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        Self::default().changed_by(text)
    }

    /// This recipe with what TOML says otherwise.
    ///
    /// # Errors
    /// [`RecipeError`] with the name of what is wrong.
    pub fn changed_by(&self, text: &str) -> Result<Self, RecipeError> {
        let format = |e: toml::de::Error| RecipeError::Format(e.message().to_owned());
        let changes: toml::Table = toml::from_str(text).map_err(format)?;
        let mut all = toml::Table::try_from(self).expect("a plain struct of numbers");
        all.extend(changes);
        let recipe: Self = all.try_into().map_err(format)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The whole recipe as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a plain struct of numbers")
    }

    fn check(&self) -> Result<(), RecipeError> {
        let refuse = |name, value: String, allowed| Err(RecipeError::Value { name, value, allowed });
        let ranges = [
            ("learning_rate", self.learning_rate, 1e-7..=1.0, "choose 0.0000001 to 1"),
            ("weight_decay", self.weight_decay, 0.0..=1.0, "choose 0 to 1"),
            ("clip", self.clip, 1e-6..=1e6, "choose a length above 0"),
            ("average", self.average, 0.0..=0.99999, "choose 0 to 0.99999"),
        ];
        for (name, value, range, allowed) in ranges {
            if !range.contains(&value) {
                return refuse(name, value.to_string(), allowed);
            }
        }
        let counts = [
            ("steps", self.steps, 1..=10_000_000),
            ("batch", self.batch as u64, 1..=4096),
            ("warm_up", self.warm_up, 0..=1_000_000),
            ("checkpoint_every", self.checkpoint_every, 1..=1_000_000),
            ("validate_every", self.validate_every, 1..=1_000_000),
            ("blocks", self.blocks as u64, 0..=16),
            ("views", self.views as u64, 1..=1000),
        ];
        for (name, value, range) in counts {
            if !range.contains(&value) {
                return refuse(name, value.to_string(), "choose a whole number in a sensible range");
            }
        }
        let widths = &self.widths;
        if !(1..=5).contains(&widths.len()) || widths.iter().any(|w| !(1..=4096).contains(w)) {
            return refuse("widths", format!("{widths:?}"), "choose one to five numbers from 1 to 4096");
        }
        Ok(())
    }

    /// The net of this recipe.
    pub(super) fn shape(&self, dimensions: usize, inputs: usize, outputs: usize, fold: bool) -> UNetShape {
        UNetShape { dimensions, inputs, outputs, widths: self.widths.clone(), blocks: self.blocks, fold }
    }

    /// Step size of a step (from 0).
    pub(super) fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.learning_rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let done = (step - self.warm_up) as f64 / self.steps.saturating_sub(self.warm_up).max(1) as f64;
        self.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_survives_toml_and_bad_ones_are_named() {
        let recipe = Recipe::default();
        assert_eq!(Recipe::from_toml(&recipe.to_toml()), Ok(recipe));
        assert_eq!(Recipe::from_toml("steps = 10").map(|r| r.steps), Ok(10));
        let word = |text: &str| Recipe::from_toml(text).expect_err("refused").to_string();
        assert!(word("stepz = 10").contains("stepz"));
        assert!(word("steps = 0").starts_with("steps cannot be 0"));
        assert!(word("widths = []").starts_with("widths"));
        assert!(word("learning_rate = -1.0").starts_with("learning_rate"));
    }

    #[test]
    fn the_step_size_rises_and_falls() {
        let recipe = Recipe { steps: 110, warm_up: 10, learning_rate: 1.0, ..Default::default() };
        assert!((recipe.rate(0) - 0.1).abs() < 1e-12 && (recipe.rate(10) - 1.0).abs() < 1e-12);
        assert!((recipe.rate(60) - 0.505).abs() < 1e-12 && recipe.rate(109) < 0.011);
    }
}
