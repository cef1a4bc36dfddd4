use super::arguments::MeshArguments;
use super::failure::Failure;
use super::inputs;
use super::inspect::mesh_text;
use super::output::{self, Meter};
use crate::case::Recipe;
use crate::export::stl::save_stl;
use crate::export::threemf::save_3mf;
use crate::scan::{self, Voxels};
use crate::surface::{check_mesh, closed_isosurface};
use crate::{case, skull};
use serde_json::json;

/// `calvaria mesh`: the skull's surface, or everything above the threshold.
pub fn run(arguments: &MeshArguments, quiet: bool) -> Result<(), Failure> {
    let ends = |ending: &str| arguments.out.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    let mut recipe = Recipe::default();
    if let Some(hu) = arguments.hu {
        recipe.set("skull.threshold_hu", &hu.into()).map_err(|e| Failure::Usage(e.to_string()))?;
    }
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let scan = scan::read(&arguments.scan, &progress.part(0.0, 0.2))?;
    inputs::keep(&arguments.scan, &arguments.out)?;
    if !ends("stl") && !ends("3mf") {
        return Err(Failure::Usage(format!("{}: end the name with .stl or .3mf", arguments.out.display())));
    }
    case::check_writable_file(&arguments.out)?;
    let mesh = if arguments.everything {
        let iso = recipe.skull.threshold_hu as f32;
        progress.report(0.3, "cutting the surface")?;
        match &scan.voxels {
            Voxels::Hu(v) => closed_isosurface(&v.grid, &v.data, iso, true),
            Voxels::Mask(v) => closed_isosurface(&v.grid, &v.data, 0.5, true),
        }
    } else {
        let skull = skull::segment(&scan, &recipe.skull, &progress.part(0.2, 0.7))?;
        closed_isosurface(&skull.intensity.grid, &skull.intensity.data, skull.iso, true)
    };
    if mesh.triangles.is_empty() {
        return Err(Failure::Refused(format!(
            "{}: nothing lies above {} HU; lower --hu",
            arguments.scan.display(),
            recipe.skull.threshold_hu
        )));
    }
    progress.report(0.9, "writing the mesh")?;
    if ends("3mf") {
        save_3mf(&arguments.out, &mesh, "skull")?;
    } else {
        save_stl(&arguments.out, &mesh, "skull")?;
    }
    meter.finish();
    let report = check_mesh(&mesh);
    if arguments.json {
        output::json(&json!({ "mesh": report }));
    } else if !quiet {
        output::print(&mesh_text(&mesh, &report));
    }
    Ok(())
}
