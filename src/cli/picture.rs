use crate::case::Results;
use crate::view::{self, LayerKind, Polyline, Scene, Theme};
use std::sync::Arc;

/// Draws `preview.png`: skull, implant and rim from four sides.
pub fn preview(results: &Results) -> Result<Vec<u8>, String> {
    let mut scene = Scene::new(Theme::Light);
    if let Some(body) = &results.skull {
        scene.set_mesh(LayerKind::Skull, Arc::new(body.mesh.clone()), None);
    }
    if let Some(part) = &results.part {
        scene.set_mesh(LayerKind::Implant, Arc::new(part.implant.mesh.clone()), None);
    }
    let defects = results.defects.iter().flat_map(|d| d.iter());
    let rim = |d: &crate::defect::Defect| Polyline {
        points: d.rim_mm.iter().map(|p| p.map(|v| v as f32)).collect(),
        closed: true,
    };
    scene.set_lines(LayerKind::Rim, defects.map(rim).collect());
    view::preview(&scene, results.part_middle_mm()).and_then(|p| p.png()).map_err(|e| e.to_string())
}
