use super::arguments::Parameters;
use super::failure::Failure;
use super::output;
use crate::case::Recipe;

/// Why a parameter of [`Recipe::applies`] changes nothing.
fn why_not(path: &str) -> &'static str {
    match path {
        "implant.thickness_mm" => "the thickness is scaled; set implant.thickness_mode to constant, or the lambdas",
        "reconstruct.shape_draw" => {
            "only auto, kriging and shape can draw shapes; choose one of them by reconstruct.method"
        }
        _ => "the thickness is constant; set implant.thickness_mode to scaled, or implant.thickness_mm",
    }
}

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
    for assignment in &parameters.set {
        let path = assignment.split('=').next().unwrap_or_default().trim();
        if !recipe.applies(path) {
            output::complain(&format!("{path} changes nothing here: {}", why_not(path)));
        }
    }
    Ok(recipe)
}
