use super::arguments::Parameters;
use super::failure::Failure;
use crate::case::Recipe;

/// The recipe of a run: defaults, then `--recipe`, then each `--set` in order.
pub fn recipe(parameters: &Parameters) -> Result<Recipe, Failure> {
    let mut recipe = match &parameters.recipe {
        None => Recipe::default(),
        Some(path) => {
            let refused = |e: &dyn std::fmt::Display| Failure::Refused(format!("{}: {e}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|e| refused(&e))?;
            Recipe::from_toml(&text).map_err(|e| refused(&e))?
        }
    };
    for assignment in &parameters.set {
        recipe.assign(assignment).map_err(|e| Failure::Usage(e.to_string()))?;
    }
    Ok(recipe)
}
