use super::arguments::Inspect;
use super::failure::Failure;
use super::output::{self, Meter};
use crate::geometry::Mesh;
use crate::scan::{self, VolumeSummary, read_stl};
use crate::surface::{MeshReport, check_mesh};
use serde_json::json;

/// `calvaria inspect`: what a volume or mesh is.
pub fn run(arguments: &Inspect, quiet: bool) -> Result<(), Failure> {
    let is_mesh = arguments.file.is_file() && arguments.file.extension().is_some_and(|e| e.eq_ignore_ascii_case("stl"));
    if is_mesh {
        let mesh = read_stl(&arguments.file)?;
        let report = check_mesh(&mesh);
        if arguments.json {
            output::json(&json!({ "mesh": report }));
        } else {
            output::print(&mesh_text(&mesh, &report));
        }
        return Ok(());
    }
    let meter = Meter::new(quiet);
    let summary = scan::inspect(&arguments.file, &meter.progress())?;
    meter.finish();
    if arguments.json {
        output::json(&json!({ "volume": summary }));
    } else {
        output::print(&volume_text(&summary));
    }
    Ok(())
}

fn volume_text(v: &VolumeSummary) -> String {
    let [x, y, z] = v.size;
    let [a, b, c] = v.spacing_mm;
    let [ox, oy, oz] = v.origin_mm;
    let mut text = format!("format     {}\n", v.format.name());
    text.push_str(&format!("size       {x} × {y} × {z} voxels\n"));
    text.push_str(&format!("spacing    {a:.4} × {b:.4} × {c:.4} mm\n"));
    text.push_str(&format!("origin     {ox:.3} {oy:.3} {oz:.3} mm (LPS)\n"));
    for (i, row) in v.direction.iter().enumerate() {
        let name = if i == 0 { "direction" } else { "" };
        text.push_str(&format!("{name:9}  {:8.5} {:8.5} {:8.5}\n", row[0], row[1], row[2]));
    }
    match v.bone_voxels {
        Some(n) => text.push_str(&format!("values     bone mask, {n} voxels of bone\n")),
        None => text.push_str(&format!("values     {} to {} HU\n", v.range[0], v.range[1])),
    }
    for finding in &v.findings {
        text.push_str(&format!("finding    {}\n", finding.message));
    }
    for series in &v.other_series {
        text.push_str(&format!("not read   {series}: {}\n", series.file.display()));
    }
    text.push_str(&format!("hash       {}\n", v.hash));
    text
}

/// What a mesh is, for people.
pub fn mesh_text(mesh: &Mesh, r: &MeshReport) -> String {
    let yes = |b: bool| if b { "yes" } else { "no" };
    let [x, y, z] = r.size_mm;
    let mut text = format!("triangles  {}\nvertices   {}\n", r.triangles, r.vertices);
    let border = if r.border_edges > 0 { format!(" ({} border edges)", r.border_edges) } else { String::new() };
    let crowded = match (r.crowded_edges, r.bow_tie_vertices) {
        (0, 0) => String::new(),
        (e, v) => format!(" ({e} edges with more than two triangles, {v} vertices where fans meet)"),
    };
    text.push_str(&format!("closed     {}{border}\nmanifold   {}{crowded}\n", yes(r.closed), yes(r.manifold)));
    text.push_str(&format!("oriented   {}\npieces     {}\n", yes(r.oriented), r.components));
    if r.degenerate_triangles > 0 {
        text.push_str(&format!("degenerate {} triangles\n", r.degenerate_triangles));
    }
    if r.closed {
        text.push_str(&format!("volume     {:.3} cm³\n", r.volume_mm3 / 1000.0));
    }
    text.push_str(&format!("area       {:.2} cm²\nsize       {x:.2} × {y:.2} × {z:.2} mm\n", r.area_mm2 / 100.0));
    if let Some((low, high)) = mesh.bounds_mm() {
        text.push_str(&format!(
            "bounds     {:.2} {:.2} {:.2} to {:.2} {:.2} {:.2} mm\n",
            low.x, low.y, low.z, high.x, high.y, high.z
        ));
    }
    text
}
