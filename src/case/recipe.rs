use super::StepKind;
use crate::implant::ThicknessMode;
use crate::parameter::{ParameterError, ParameterSpec, Parameters};
use crate::{defect, implant, reconstruct, skull};
use serde_json::Value;

/// The parameters of all steps: what is repeated to get the same part again.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Bone and head frame.
    pub skull: skull::Params,
    /// The search for the opening.
    pub defect: defect::Params,
    /// The missing bone.
    pub reconstruct: reconstruct::Params,
    /// The part.
    pub implant: implant::Params,
}

/// One parameter with its description, default and value: what a panel, a manual or `--set` needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The step it belongs to.
    pub step: StepKind,
    /// What it is.
    pub spec: &'static ParameterSpec,
    /// Its default.
    pub default: Value,
    /// Its value in the recipe.
    pub current: Value,
}

impl Setting {
    /// `step.field`, as `--set` takes it.
    pub fn path(&self) -> String {
        format!("{}.{}", self.step, self.spec.name)
    }

    /// Whether it differs from the default.
    pub fn is_changed(&self) -> bool {
        self.default != self.current
    }
}

/// Why a recipe, or one of its values, was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RecipeError {
    /// Not `step.field`, or no such step.
    #[error("no parameter is called {path}; parameters are step.field with one of these steps: {known}")]
    Path { path: String, known: String },
    /// The step refuses the field or value.
    #[error("{step}.{error}")]
    Parameter { step: StepKind, error: ParameterError },
    /// The step knows no such field.
    #[error("no parameter is called {step}.{name}; {step} has {known}")]
    Unknown { step: StepKind, name: String, known: String },
    /// `--set` without `=`.
    #[error("{0}: write step.field=value, for example implant.thickness_mm=4")]
    Assignment(String),
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("the recipe cannot be read: {0}")]
    Toml(String),
}

/// Calls `$body` with the step's parameters bound to `$params`; `None` for a step without parameters.
macro_rules! with_section {
    ($recipe:expr, $step:expr, $params:ident => $body:expr) => {
        match $step {
            StepKind::Skull => Some({
                let $params = $recipe.skull;
                $body
            }),
            StepKind::Defect => Some({
                let $params = $recipe.defect;
                $body
            }),
            StepKind::Reconstruct => Some({
                let $params = $recipe.reconstruct;
                $body
            }),
            StepKind::Implant => Some({
                let $params = $recipe.implant;
                $body
            }),
            StepKind::Scan | StepKind::Export => None,
        }
    };
}

/// The recipe's parts, borrowed, so that one macro serves reading and writing.
struct Parts<'a> {
    skull: &'a skull::Params,
    defect: &'a defect::Params,
    reconstruct: &'a reconstruct::Params,
    implant: &'a implant::Params,
}

struct PartsMut<'a> {
    skull: &'a mut skull::Params,
    defect: &'a mut defect::Params,
    reconstruct: &'a mut reconstruct::Params,
    implant: &'a mut implant::Params,
}

fn table<P: Parameters>(_: &P) -> &'static [ParameterSpec] {
    P::SPECS
}

fn replace<P: Parameters>(params: &mut P, name: &str, value: &Value) -> Result<(), ParameterError> {
    *params = params.with(name, value)?;
    Ok(())
}

impl Recipe {
    fn parts(&self) -> Parts<'_> {
        Parts { skull: &self.skull, defect: &self.defect, reconstruct: &self.reconstruct, implant: &self.implant }
    }

    fn parts_mut(&mut self) -> PartsMut<'_> {
        PartsMut {
            skull: &mut self.skull,
            defect: &mut self.defect,
            reconstruct: &mut self.reconstruct,
            implant: &mut self.implant,
        }
    }

    /// The parameters' descriptions of a step, in the order of its fields (empty for scan and export).
    pub fn specs_of(step: StepKind) -> &'static [ParameterSpec] {
        let defaults = Recipe::default();
        with_section!(defaults.parts(), step, p => table(p)).unwrap_or(&[])
    }

    /// Every parameter with description, default and value, in the order of the road.
    pub fn specs(&self) -> Vec<Setting> {
        let defaults = Recipe::default();
        let setting = |step: StepKind, spec: &'static ParameterSpec| Setting {
            step,
            spec,
            default: defaults.value(step, spec.name),
            current: self.value(step, spec.name),
        };
        let of_step = |step: StepKind| Recipe::specs_of(step).iter().map(move |spec| (step, spec));
        StepKind::ALL.into_iter().flat_map(of_step).map(|(step, spec)| setting(step, spec)).collect()
    }

    /// Whether a parameter (`step.field`) changes anything beside the others.
    pub fn applies(&self, path: &str) -> bool {
        let scaled = self.implant.thickness_mode == ThicknessMode::Scaled;
        match path {
            "reconstruct.shape_draw" => self.reconstruct.method.has_field(),
            "implant.thickness_mm" => !scaled,
            "implant.lambda1" | "implant.lambda2" | "implant.lambda3" => scaled,
            _ => true,
        }
    }

    fn value(&self, step: StepKind, name: &str) -> Value {
        with_section!(self.parts(), step, p => p.value(name)).flatten().unwrap_or(Value::Null)
    }

    /// Splits `step.field` and checks that both exist.
    pub fn locate(path: &str) -> Result<(StepKind, &'static ParameterSpec), RecipeError> {
        let steps = || StepKind::ALL.into_iter().filter(|&s| !Recipe::specs_of(s).is_empty());
        let unknown = || RecipeError::Path {
            path: path.to_owned(),
            known: steps().map(StepKind::name).collect::<Vec<_>>().join(", "),
        };
        let (step, name) = path.trim().split_once('.').ok_or_else(unknown)?;
        let step = steps().find(|s| s.name() == step).ok_or_else(unknown)?;
        let specs = Recipe::specs_of(step);
        let spec = specs.iter().find(|s| s.name == name).ok_or_else(|| RecipeError::Unknown {
            step,
            name: name.to_owned(),
            known: specs.iter().map(|s| s.name).collect::<Vec<_>>().join(", "),
        })?;
        Ok((step, spec))
    }

    /// The value of `step.field`.
    pub fn get(&self, path: &str) -> Result<Value, RecipeError> {
        let (step, spec) = Recipe::locate(path)?;
        Ok(self.value(step, spec.name))
    }

    /// Sets `step.field` to a JSON value, or to a string that says one; gives the step it belongs to.
    pub fn set(&mut self, path: &str, value: &Value) -> Result<StepKind, RecipeError> {
        let (step, spec) = Recipe::locate(path)?;
        with_section!(self.parts_mut(), step, p => replace(p, spec.name, value))
            .unwrap_or(Ok(()))
            .map_err(|error| RecipeError::Parameter { step, error })?;
        Ok(step)
    }

    /// Applies `step.field=value`, as `--set` takes it.
    pub fn assign(&mut self, assignment: &str) -> Result<StepKind, RecipeError> {
        let (path, value) = assignment.split_once('=').ok_or_else(|| RecipeError::Assignment(assignment.to_owned()))?;
        self.set(path.trim(), &Value::from(value.trim()))
    }

    /// Checks every value against its range.
    pub fn check(&self) -> Result<(), RecipeError> {
        StepKind::ALL.into_iter().try_for_each(|step| {
            with_section!(self.parts(), step, p => p.check())
                .unwrap_or(Ok(()))
                .map_err(|error| RecipeError::Parameter { step, error })
        })
    }

    /// Reads TOML: missing keys take their default, unknown keys are refused with the known ones named.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let recipe: Recipe = toml::from_str(text).map_err(|e| RecipeError::Toml(e.to_string().trim().to_owned()))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// TOML with every parameter, each under its meaning as a comment.
    pub fn to_toml(&self) -> String {
        let mut text =
            String::from("# Recipe of a cranial implant; read it back with `calvaria design SCAN --recipe`.\n");
        for step in StepKind::ALL {
            let specs = Recipe::specs_of(step);
            if specs.is_empty() {
                continue;
            }
            text.push_str(&format!("\n[{step}]\n"));
            for spec in specs {
                let unit = if spec.unit.is_empty() { String::new() } else { format!(" ({})", spec.unit) };
                let value = toml_value(&self.value(step, spec.name));
                text.push_str(&format!("# {}{unit}\n{} = {value}\n", spec.label, spec.name));
            }
        }
        text
    }
}

/// A parameter's value in TOML; the same digits JSON gives, which read back to the same number.
fn toml_value(value: &Value) -> String {
    match value {
        Value::String(word) => toml::Value::String(word.clone()).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
pub(crate) mod tests;
