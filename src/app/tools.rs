//! The tool in the hand, and what it has done so far.

use crate::case::{Edit, EditKind};
use crate::view::{Plane, Polyline, WindowLevel, distance_mm};
use nalgebra::Point3;

/// What the primary button does in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Moves the cross-hair (slices), turns the head (3-D).
    #[default]
    Cross,
    /// Changes the grey window by a drag.
    Window,
    /// Measures a distance by two clicks.
    Measure,
    /// Paints into the defect.
    PaintIn,
    /// Paints out of the defect.
    PaintOut,
    /// Draws the rim by clicks on the bone.
    Rim,
}

impl Tool {
    /// All tools in the order of the tool bar.
    pub const ALL: [Tool; 6] = [Tool::Cross, Tool::Window, Tool::Measure, Tool::PaintIn, Tool::PaintOut, Tool::Rim];

    /// Whether it corrects the defect.
    pub fn corrects(self) -> bool {
        matches!(self, Tool::PaintIn | Tool::PaintOut | Tool::Rim)
    }

    /// Whether it paints with the brush.
    pub fn paints(self) -> bool {
        matches!(self, Tool::PaintIn | Tool::PaintOut)
    }

    /// What to do with it, for the status line.
    pub fn hint(self) -> &'static str {
        match self {
            Tool::Cross => "",
            Tool::Window => "Drag in a slice: sideways width, up and down centre",
            Tool::Measure => "Click two points in a slice",
            Tool::PaintIn => "Paint what belongs to the defect · [ ] brush size · Esc leaves",
            Tool::PaintOut => "Paint what does not belong to the defect · [ ] brush size · Esc leaves",
            Tool::Rim => "Click around the hole on the 3-D bone · Enter closes the rim · Esc leaves",
        }
    }
}

/// A measured distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// The plane it was drawn in.
    pub plane: Plane,
    /// First end, LPS mm.
    pub from: Point3<f64>,
    /// Other end, LPS mm.
    pub to: Point3<f64>,
}

impl Measure {
    /// Its length, mm.
    pub fn length_mm(&self) -> f64 {
        distance_mm(&self.from, &self.to)
    }

    /// Its length as people read it.
    pub fn text(&self) -> String {
        format!("{:.1} mm", self.length_mm())
    }
}

/// Everything tools know.
#[derive(Clone, Debug)]
pub struct Tools {
    /// In the hand.
    pub tool: Tool,
    /// Grey window of the slices.
    pub window: WindowLevel,
    /// Radius of the brush, mm.
    pub brush_mm: f64,
    /// Measured distances.
    pub measures: Vec<Measure>,
    /// The first end of a distance being measured.
    pub pending: Option<(Plane, Point3<f64>)>,
    /// The stroke being painted.
    pub stroke: Vec<Edit>,
    /// Corners of the rim being drawn, LPS mm.
    pub rim: Vec<Point3<f64>>,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            tool: Tool::Cross,
            window: WindowLevel::default(),
            brush_mm: 6.0,
            measures: Vec::new(),
            pending: None,
            stroke: Vec::new(),
            rim: Vec::new(),
        }
    }
}

impl Tools {
    /// Takes another tool in hand; what was half done is dropped.
    pub fn take(&mut self, tool: Tool) {
        self.tool = tool;
        self.pending = None;
        self.stroke.clear();
        self.rim.clear();
    }

    /// A click of the measuring tool.
    pub fn measure(&mut self, plane: Plane, at: Point3<f64>) {
        match self.pending.take() {
            Some((first, from)) if first == plane => self.measures.push(Measure { plane, from, to: at }),
            _ => self.pending = Some((plane, at)),
        }
    }

    /// One ball of a stroke, unless the last one is nearly there.
    pub fn paint(&mut self, at: Point3<f64>) {
        let near = |e: &Edit| match &e.kind {
            EditKind::Paint { centre_mm, .. } => distance_mm(&Point3::from(*centre_mm), &at) < self.brush_mm * 0.4,
            EditKind::Rim { .. } => false,
        };
        if !self.stroke.last().is_some_and(near) {
            let add = self.tool == Tool::PaintIn;
            self.stroke.push(Edit::paint(at.into(), self.brush_mm, add));
        }
    }

    /// The finished stroke.
    pub fn end_stroke(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.stroke)
    }

    /// Whether a rim is being drawn that can be closed.
    pub fn holds_rim(&self) -> bool {
        self.tool == Tool::Rim && self.rim.len() >= 3
    }

    /// The drawn rim as a correction; `None` with fewer than three corners.
    pub fn end_rim(&mut self) -> Option<Edit> {
        if self.rim.len() < 3 {
            return None;
        }
        let points_mm = std::mem::take(&mut self.rim).into_iter().map(Into::into).collect();
        Some(Edit::rim(points_mm))
    }

    /// What is being drawn or painted, for the 3-D view.
    pub fn marks(&self) -> Vec<Polyline> {
        let point = |p: &Point3<f64>| [p.x as f32, p.y as f32, p.z as f32];
        let mut lines = Vec::new();
        if !self.rim.is_empty() {
            lines.push(Polyline { points: self.rim.iter().map(point).collect(), closed: self.rim.len() > 2 });
        }
        let balls = self.stroke.iter().filter_map(|e| match &e.kind {
            EditKind::Paint { centre_mm, .. } => Some(point(&Point3::from(*centre_mm))),
            EditKind::Rim { .. } => None,
        });
        let stroke: Vec<[f32; 3]> = balls.collect();
        if stroke.len() > 1 {
            lines.push(Polyline { points: stroke, closed: false });
        }
        for m in &self.measures {
            lines.push(Polyline { points: vec![point(&m.from), point(&m.to)], closed: false });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clicks_in_one_plane_measure() {
        let mut tools = Tools::default();
        tools.measure(Plane::Axial, Point3::new(0.0, 0.0, 0.0));
        tools.measure(Plane::Coronal, Point3::new(0.0, 0.0, 0.0));
        assert!(tools.measures.is_empty(), "a click in another plane starts anew");
        tools.measure(Plane::Coronal, Point3::new(3.0, 0.0, 4.0));
        assert_eq!(tools.measures[0].text(), "5.0 mm");
    }

    #[test]
    fn a_stroke_keeps_its_balls_apart_and_a_rim_needs_three_corners() {
        let mut tools = Tools::default();
        tools.take(Tool::PaintIn);
        for x in 0..10 {
            tools.paint(Point3::new(f64::from(x), 0.0, 0.0));
        }
        assert_eq!(tools.end_stroke().len(), 4);
        tools.rim = vec![Point3::origin(), Point3::new(1.0, 0.0, 0.0)];
        assert_eq!(tools.end_rim(), None);
        tools.rim.push(Point3::new(0.0, 1.0, 0.0));
        assert!(matches!(tools.end_rim().map(|e| e.kind), Some(EditKind::Rim { points_mm }) if points_mm.len() == 3));
    }
}
