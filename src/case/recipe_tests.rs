use super::*;
use crate::parameter::ParameterKind;
use proptest::prelude::*;
use serde_json::json;

/// Any value a spec takes.
fn value_of(kind: ParameterKind) -> BoxedStrategy<Value> {
    match kind {
        ParameterKind::Number { min, max, .. } => (min..=max).prop_map(Value::from).boxed(),
        ParameterKind::Whole { min, max } => (min..=max).prop_map(Value::from).boxed(),
        ParameterKind::Choice(words) => proptest::sample::select(words).prop_map(Value::from).boxed(),
        ParameterKind::Switch => any::<bool>().prop_map(Value::from).boxed(),
    }
}

/// A recipe with any value of every parameter.
pub(crate) fn any_recipe() -> impl Strategy<Value = Recipe> {
    let settings = Recipe::default().specs();
    let paths: Vec<String> = settings.iter().map(Setting::path).collect();
    let values: Vec<_> = settings.iter().map(|s| value_of(s.spec.kind)).collect();
    values.prop_map(move |values| {
        let mut recipe = Recipe::default();
        for (path, value) in paths.iter().zip(&values) {
            recipe.set(path, value).expect("the value is from the parameter's own range");
        }
        recipe
    })
}

proptest! {
    #[test]
    fn toml_reads_back_to_the_same_recipe(recipe in any_recipe()) {
        prop_assert_eq!(Recipe::from_toml(&recipe.to_toml()).unwrap(), recipe);
    }

    #[test]
    fn what_was_set_is_got(recipe in any_recipe()) {
        let mut copy = Recipe::default();
        for setting in recipe.specs() {
            // As a word, the way `--set` gives it.
            let word = match &setting.current { Value::String(s) => s.clone(), other => other.to_string() };
            copy.assign(&format!("{}={word}", setting.path())).unwrap();
        }
        prop_assert_eq!(copy, recipe);
    }
}

#[test]
fn every_field_of_every_section_has_a_spec() {
    let all = serde_json::to_value(Recipe::default()).unwrap();
    let fields: Vec<String> = all
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(step, fields)| fields.as_object().unwrap().keys().map(move |f| format!("{step}.{f}")))
        .collect();
    let paths: Vec<String> = Recipe::default().specs().iter().map(Setting::path).collect();
    assert_eq!(fields, paths);
}

#[test]
fn defaults_are_in_their_own_range_and_unchanged() {
    Recipe::default().check().unwrap();
    assert!(Recipe::default().specs().iter().all(|s| !s.is_changed()));
    assert_eq!(Recipe::from_toml("").unwrap(), Recipe::default());
}

#[test]
fn unknown_keys_are_refused_with_the_known_ones_named() {
    let message = Recipe::from_toml("[implant]\nthicknes_mm = 4").unwrap_err().to_string();
    assert!(message.contains("thicknes_mm") && message.contains("thickness_mm"), "{message}");
    let message = Recipe::from_toml("[implants]\n").unwrap_err().to_string();
    assert!(message.contains("implants") && message.contains("reconstruct"), "{message}");
    let message = Recipe::default().assign("implant.thick=4").unwrap_err().to_string();
    assert!(message.contains("implant.thick") && message.contains("clearance_mm"), "{message}");
    let message = Recipe::default().assign("thickness_mm=4").unwrap_err().to_string();
    assert!(message.contains("implant") && message.contains("step.field"), "{message}");
}

#[test]
fn values_out_of_range_or_of_another_kind_are_refused_and_change_nothing() {
    let mut recipe = Recipe::default();
    for wrong in [
        "implant.thickness_mm=99",
        "implant.thickness_mm=thick",
        "implant.thickness_mm=NaN",
        "defect.index=1.5",
        "reconstruct.method=magic",
        "implant.thickness_mm",
    ] {
        let message = recipe.assign(wrong).unwrap_err().to_string();
        assert!(message.contains(wrong.split('=').next().unwrap()), "{message}");
    }
    assert_eq!(recipe, Recipe::default());
    assert!(Recipe::from_toml("[implant]\nthickness_mm = 99.0").is_err());
    assert!(Recipe::from_toml("[implant]\nthickness_mm = \"thick\"").is_err());
}

#[test]
fn a_whole_number_is_a_number() {
    let recipe = Recipe::from_toml("[implant]\nthickness_mm = 5\n").unwrap();
    assert_eq!(recipe.get("implant.thickness_mm").unwrap(), json!(5.0));
}
