use crate::geometry::Mesh;
use nalgebra::Point3;
use std::sync::Arc;

/// A line through LPS points, mm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polyline {
    /// Corners in order, LPS mm.
    pub points: Vec<[f32; 3]>,
    /// Whether the last joins the first.
    pub closed: bool,
}

/// What a layer shows; the order is the order of the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LayerKind {
    /// Bone.
    Skull,
    /// The completed outer surface over the defect.
    Reconstruction,
    /// The part to print.
    Implant,
    /// The defect's rim.
    Rim,
    /// The cross-hair of the slices in space.
    Crosshair,
    /// Points and lines of measurements.
    Marks,
}

/// Geometry of a layer; cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Shape {
    /// Nothing yet.
    #[default]
    Empty,
    /// A surface; `light` is drawn instead while the view moves on a slow adapter.
    Mesh {
        /// The full surface.
        full: Arc<Mesh>,
        /// A lighter one of the same shape.
        light: Option<Arc<Mesh>>,
    },
    /// Lines of constant width on the screen.
    Lines(Arc<Vec<Polyline>>),
}

/// One thing in the picture.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it is.
    pub kind: LayerKind,
    /// Its geometry.
    pub shape: Shape,
    /// sRGB colour, 0..1.
    pub colour: [f32; 3],
    /// 1 is opaque.
    pub opacity: f32,
    /// Whether it is drawn.
    pub visible: bool,
    /// Width of lines in pixels.
    pub width_px: f32,
}

/// Dark or light surroundings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Neutral dark grey.
    #[default]
    Dark,
    /// Near white.
    Light,
}

/// What lies behind everything: a soft vignette between two sRGB colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Background {
    /// In the middle, 0..1.
    pub centre: [f32; 3],
    /// In the corners, 0..1.
    pub corner: [f32; 3],
}

/// Everything a picture shows, as plain data.
#[derive(Clone, Debug)]
pub struct Scene {
    /// One layer a kind, in the order of [`LayerKind::ALL`].
    pub layers: [Layer; LayerKind::ALL.len()],
    /// Behind everything.
    pub background: Background,
    /// Whether the view is being moved (slow adapters then draw light meshes).
    pub moving: bool,
}

impl LayerKind {
    /// All kinds in layer order.
    pub const ALL: [Self; 6] =
        [Self::Skull, Self::Reconstruction, Self::Implant, Self::Rim, Self::Crosshair, Self::Marks];

    /// What a list of layers calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skull => "Skull",
            Self::Reconstruction => "Reconstruction",
            Self::Implant => "Implant",
            Self::Rim => "Defect rim",
            Self::Crosshair => "Cross-hair",
            Self::Marks => "Measurements",
        }
    }

    /// sRGB colour, opacity and line width (px) of a new layer; the slices draw contours in the same colour.
    fn defaults(self) -> ([f32; 3], f32, f32) {
        match self {
            Self::Skull => ([0.930, 0.868, 0.775], 1.0, 1.0),
            Self::Reconstruction => ([0.980, 0.690, 0.200], 0.5, 1.0),
            Self::Implant => ([0.235, 0.760, 0.750], 1.0, 1.0),
            Self::Rim => ([0.965, 0.255, 0.205], 1.0, 3.0),
            Self::Crosshair => ([0.600, 0.800, 1.000], 0.8, 1.5),
            Self::Marks => ([1.000, 0.900, 0.350], 1.0, 2.0),
        }
    }
}

impl Layer {
    /// An empty visible layer with its kind's colours.
    pub fn new(kind: LayerKind) -> Self {
        let (colour, opacity, width_px) = kind.defaults();
        Self { kind, shape: Shape::Empty, colour, opacity, visible: true, width_px }
    }

    /// Whether anything of it reaches the picture.
    pub fn is_drawn(&self) -> bool {
        let filled = match &self.shape {
            Shape::Empty => false,
            Shape::Mesh { full, .. } => !full.triangles.is_empty(),
            Shape::Lines(lines) => lines.iter().any(|l| l.points.len() > 1),
        };
        self.visible && self.opacity > 0.0 && filled
    }
}

impl Background {
    /// The surroundings of a theme.
    pub fn of(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self { centre: [0.205, 0.215, 0.230], corner: [0.105, 0.110, 0.120] },
            Theme::Light => Self { centre: [0.985, 0.985, 0.985], corner: [0.890, 0.897, 0.905] },
        }
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new(Theme::Dark)
    }
}

impl Scene {
    /// Empty layers on a theme's background.
    pub fn new(theme: Theme) -> Self {
        Self { layers: LayerKind::ALL.map(Layer::new), background: Background::of(theme), moving: false }
    }

    /// A layer by kind.
    pub fn layer(&self, kind: LayerKind) -> &Layer {
        &self.layers[kind as usize]
    }

    /// A layer by kind, to change.
    pub fn layer_mut(&mut self, kind: LayerKind) -> &mut Layer {
        &mut self.layers[kind as usize]
    }

    /// Shows a surface, with a lighter one for moving views on slow adapters.
    pub fn set_mesh(&mut self, kind: LayerKind, full: Arc<Mesh>, light: Option<Arc<Mesh>>) {
        self.layer_mut(kind).shape = Shape::Mesh { full, light };
    }

    /// Shows lines.
    pub fn set_lines(&mut self, kind: LayerKind, lines: Vec<Polyline>) {
        self.layer_mut(kind).shape = Shape::Lines(Arc::new(lines));
    }

    /// Empties a layer.
    pub fn clear(&mut self, kind: LayerKind) {
        self.layer_mut(kind).shape = Shape::Empty;
    }

    /// LPS box (low, high corner, mm) of all drawn surfaces, or of the lines when there is no surface; a head's box
    /// about the origin when nothing is drawn. Takes a pass over all points: keep it until a shape changes.
    pub fn bounds_mm(&self) -> (Point3<f64>, Point3<f64>) {
        let join = |a: Option<(Point3<f64>, Point3<f64>)>, b: (Point3<f64>, Point3<f64>)| {
            Some(a.map_or(b, |(low, high)| (low.inf(&b.0), high.sup(&b.1))))
        };
        let drawn = || self.layers.iter().filter(|l| l.is_drawn());
        let meshes =
            drawn().filter_map(|l| if let Shape::Mesh { full, .. } = &l.shape { full.bounds_mm() } else { None });
        let lines = drawn().filter_map(|l| l.line_bounds_mm());
        let fallback = || (Point3::new(-90.0, -110.0, -80.0), Point3::new(90.0, 110.0, 110.0));
        meshes.fold(None, join).or_else(|| lines.fold(None, join)).unwrap_or_else(fallback)
    }
}

impl Scene {
    /// About `most` points spread over all drawn surfaces, LPS mm, for [`super::Camera::framed_around`].
    pub fn outline_points(&self, most: usize) -> Vec<Point3<f64>> {
        let meshes = || {
            self.layers.iter().filter(|l| l.is_drawn()).filter_map(|l| match &l.shape {
                Shape::Mesh { full, .. } => Some(full),
                _ => None,
            })
        };
        let total: usize = meshes().map(|m| m.positions.len()).sum();
        let step = (total / most.max(1)).max(1);
        let points = meshes().flat_map(|m| m.positions.iter().step_by(step));
        points.map(|p| Point3::from(p.map(f64::from))).collect()
    }
}

impl Layer {
    fn line_bounds_mm(&self) -> Option<(Point3<f64>, Point3<f64>)> {
        let Shape::Lines(lines) = &self.shape else { return None };
        let mut points = lines.iter().flat_map(|l| &l.points).map(|p| Point3::from(p.map(f64::from)));
        let first = points.next()?;
        Some(points.fold((first, first), |(low, high), p| (low.inf(&p), high.sup(&p))))
    }
}
