//! How each body is shown, and what of the case is shown: one scene for the 3-D view and the slices.

use super::background::Background;
use super::theme::bodies;
use crate::case::{self, Results, Scan, Voxels};
use crate::geometry::Mesh;
use crate::view::{Cut, LayerKind, MeshIndex, Polyline, Scene, SurfaceMaker, SurfaceWay, Theme, lighter_mesh};
use std::any::Any;
use std::sync::Arc;

/// The bodies of the list, in its order.
pub const LISTED: [LayerKind; 4] = [LayerKind::Skull, LayerKind::Reconstruction, LayerKind::Implant, LayerKind::Rim];

/// A lighter mesh for moving views on slow adapters has about this many triangles.
const LIGHT_TRIANGLES: usize = 60_000;

/// One change of how a body is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerChange {
    /// The body.
    pub kind: LayerKind,
    /// Switched on.
    pub visible: bool,
    /// 0 to 1.
    pub opacity: f32,
    /// sRGB, 0 to 1.
    pub colour: [f32; 3],
}

/// What is made of one mesh beside the window's thread.
struct Prepared {
    mesh: Arc<Mesh>,
    way: Option<SurfaceWay>,
    light: Option<Arc<Mesh>>,
    index: Arc<MeshIndex>,
}

/// The result a body was taken from, kept so that no later one can have its address, and the threshold of a bare bone.
#[derive(Clone, Default)]
struct Source(Option<Arc<dyn Any + Send + Sync>>, u64);

impl Source {
    fn of<T: Any + Send + Sync>(result: Option<&Arc<T>>) -> Self {
        Self(result.map(|r| r.clone() as Arc<dyn Any + Send + Sync>), 0)
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.0, &other.0) {
            (Some(a), Some(b)) => std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)),
            (None, None) => true,
            _ => false,
        };
        same && self.1 == other.1
    }
}

/// One body with a surface: where it came from, and what was made of it.
#[derive(Default)]
struct Body {
    source: Source,
    mesh: Option<Arc<Mesh>>,
    index: Option<Arc<MeshIndex>>,
    job: Option<Background<Prepared>>,
}

/// The bodies on screen, kept in step with the case's results.
pub struct Bodies {
    /// What the 3-D view draws.
    pub scene: Scene,
    /// Grows with every change of the scene.
    pub revision: u64,
    /// LPS box of the skull (or of all that is shown), mm.
    pub bounds_mm: Option<(nalgebra::Point3<f64>, nalgebra::Point3<f64>)>,
    /// Which way the last surface of a scan was cut.
    pub way: Option<SurfaceWay>,
    maker: Arc<SurfaceMaker>,
    bodies: [Body; 3],
    rim: Source,
}

impl Bodies {
    /// Nothing yet, in our colours.
    pub fn new(maker: Arc<SurfaceMaker>) -> Self {
        Self {
            maker,
            scene: empty_scene(),
            revision: 0,
            bounds_mm: None,
            way: None,
            bodies: Default::default(),
            rim: Source::default(),
        }
    }

    /// Takes over new results; meshes are prepared by jobs, so this returns at once.
    ///
    /// `preview_hu` asks for the bare bone of the scan above that value instead of the skull (before there is one, and
    /// while its threshold is dragged).
    pub fn follow(&mut self, results: &Results, preview_hu: Option<f64>, ctx: &egui::Context) {
        match (preview_hu, results.scan.clone(), results.skull.clone()) {
            (Some(hu), Some(scan), _) => {
                // Another threshold is another source.
                let of = Source(Source::of(Some(&scan)).0, hu.to_bits());
                let maker = self.maker.clone();
                self.body(0, of, ctx, Some(move || bare_bone(&maker, &scan, hu)));
            }
            (_, _, skull) => {
                let of = Source::of(skull.as_ref());
                self.body(0, of, ctx, skull.map(|s| move || (s.mesh.clone(), None)));
            }
        }
        let reconstruction = results.reconstruction.clone();
        let of = Source::of(reconstruction.as_ref());
        self.body(1, of, ctx, reconstruction.map(|r| move || (case::completed_surface(&r.completion), None)));
        let part = results.part.clone();
        let of = Source::of(part.as_ref());
        self.body(2, of, ctx, part.map(|p| move || (p.implant.mesh.clone(), None)));

        let of = Source::of(results.defects.as_ref());
        if of != self.rim {
            self.rim = of;
            self.revision += 1;
            let line = |points: &Vec<[f64; 3]>| Polyline {
                points: points.iter().map(|p| p.map(|v| v as f32)).collect(),
                closed: true,
            };
            let lines: Vec<Polyline> = results.defects.iter().flat_map(|d| d.iter()).map(|d| line(&d.rim_mm)).collect();
            self.scene.set_lines(LayerKind::Rim, lines);
        }
    }

    fn body(
        &mut self,
        i: usize,
        source: Source,
        ctx: &egui::Context,
        make: Option<impl FnOnce() -> (Mesh, Option<SurfaceWay>) + Send + 'static>,
    ) {
        let kind = LISTED[i];
        let body = &mut self.bodies[i];
        if body.source != source {
            match make {
                None => {
                    *body = Body::default();
                    self.scene.clear(kind);
                    self.revision += 1;
                }
                // One job at a time: while a slider is dragged the newest result waits for the one at work.
                Some(make) if body.job.is_none() => {
                    body.source = source;
                    body.job = Some(Background::start(ctx, "mesh", move || {
                        let (mesh, way) = make();
                        let mesh = Arc::new(mesh);
                        let light = (mesh.triangles.len() > 2 * LIGHT_TRIANGLES)
                            .then(|| Arc::new(lighter_mesh(&mesh, LIGHT_TRIANGLES)));
                        let index = Arc::new(MeshIndex::new(mesh.clone()));
                        Prepared { mesh, way, light, index }
                    }));
                }
                Some(_) => {}
            }
        }
        let Some(job) = &body.job else { return };
        match job.poll() {
            super::background::Polled::Ready(Prepared { mesh, way, light, index }) => {
                body.job = None;
                body.index = Some(index);
                self.scene.set_mesh(kind, mesh.clone(), light);
                // The part's outer face is the reconstruction's: both at once would only flicker.
                if kind == LayerKind::Implant && body.mesh.is_none() {
                    self.scene.layer_mut(LayerKind::Reconstruction).visible = false;
                }
                body.mesh = Some(mesh);
                self.way = way.or(self.way.take());
                self.revision += 1;
                self.bounds_mm = self.bodies.iter().find_map(|b| b.mesh.as_ref()?.bounds_mm());
                ctx.request_repaint();
            }
            super::background::Polled::Gone => body.job = None,
            super::background::Polled::Working => {}
        }
    }

    /// Whether a mesh is still being prepared.
    pub fn is_preparing(&self) -> bool {
        self.bodies.iter().any(|b| b.job.is_some())
    }

    /// A body's mesh sorted for cutting, when it is shown.
    pub fn index(&self, kind: LayerKind) -> Option<&Arc<MeshIndex>> {
        let layer = self.scene.layer(kind);
        let i = LISTED.iter().position(|k| *k == kind)?;
        if layer.visible && layer.opacity > 0.0 { self.bodies.get(i)?.index.as_ref() } else { None }
    }

    /// How a body is shown now.
    pub fn shown(&self, kind: LayerKind) -> LayerChange {
        let layer = self.scene.layer(kind);
        LayerChange { kind, visible: layer.visible, opacity: layer.opacity, colour: layer.colour }
    }

    /// Whether there is anything to show of a body.
    pub fn has(&self, kind: LayerKind) -> bool {
        !matches!(self.scene.layer(kind).shape, crate::view::Shape::Empty)
    }

    /// Shows a body another way.
    pub fn apply(&mut self, change: LayerChange) {
        let layer = self.scene.layer_mut(change.kind);
        layer.visible = change.visible;
        layer.opacity = change.opacity;
        layer.colour = change.colour;
        self.revision += 1;
    }

    /// Shows one surface as the skull, without a case (labelling).
    pub fn show_bone(&mut self, mesh: Arc<Mesh>, light: Option<Arc<Mesh>>) {
        self.bounds_mm = mesh.bounds_mm();
        self.scene.set_mesh(LayerKind::Skull, mesh, light);
        self.revision += 1;
    }

    /// Takes that surface away until the next is there.
    pub fn hide_bone(&mut self) {
        if self.has(LayerKind::Skull) {
            self.scene.clear(LayerKind::Skull);
            self.bounds_mm = None;
            self.revision += 1;
        }
    }

    /// The points of a line being measured or drawn, LPS mm.
    pub fn mark(&mut self, lines: Vec<Polyline>) {
        self.scene.set_lines(LayerKind::Marks, lines);
        self.revision += 1;
    }

    /// The background of a theme.
    pub fn set_theme(&mut self, theme: Theme) {
        let background = crate::view::Background::of(theme);
        if self.scene.background != background {
            self.scene.background = background;
            self.revision += 1;
        }
    }
}

/// The bone of a scan above a CT number, islands and all.
pub fn bare_bone(maker: &SurfaceMaker, scan: &Scan, hu: f64) -> (Mesh, Option<SurfaceWay>) {
    let cut = |iso: f32| Cut { iso, inside_above: true, closed: true };
    let (mesh, way) = match &scan.voxels {
        Voxels::Hu(v) => maker.cut(v, &cut(hu as f32)),
        Voxels::Mask(v) => maker.cut(&v.map(|b| i16::from(b) * 1000), &cut(500.0)),
    };
    (mesh, Some(way))
}

/// No bodies yet, in our colours.
fn empty_scene() -> Scene {
    let mut scene = Scene::new(Theme::Dark);
    for (kind, colour, opacity) in [
        (LayerKind::Skull, bodies::SKULL, 1.0),
        (LayerKind::Reconstruction, bodies::RECONSTRUCTION, 0.55),
        (LayerKind::Implant, bodies::IMPLANT, 1.0),
        (LayerKind::Rim, bodies::RIM, 1.0),
    ] {
        let layer = scene.layer_mut(kind);
        layer.colour = colour;
        layer.opacity = opacity;
    }
    scene
}

/// The scene of finished results, for `preview.png`.
pub fn scene_of(results: &Results) -> Scene {
    let mut scene = empty_scene();
    if let Some(body) = &results.skull {
        scene.set_mesh(LayerKind::Skull, Arc::new(body.mesh.clone()), None);
    }
    if let Some(part) = &results.part {
        scene.set_mesh(LayerKind::Implant, Arc::new(part.implant.mesh.clone()), None);
    }
    if let Some(defects) = &results.defects {
        let line = |points: &Vec<[f64; 3]>| Polyline {
            points: points.iter().map(|p| p.map(|v| v as f32)).collect(),
            closed: true,
        };
        scene.set_lines(LayerKind::Rim, defects.iter().map(|d| line(&d.rim_mm)).collect());
    }
    scene
}
