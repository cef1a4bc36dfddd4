use super::normals::shading_normals;
use crate::geometry::Mesh;
use crate::view::{Layer, LayerKind, Polyline, Shape};
use bytemuck::{Pod, Zeroable};
use nalgebra::Point3;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use wgpu::util::{BufferInitDescriptor, DeviceExt};

/// A vertex as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Vertex {
    /// LPS mm.
    pub position: [f32; 3],
    /// Unit normal in 1/32767, and nothing.
    pub normal: [i16; 4],
}

/// A segment of a line as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct LineSegment {
    /// Start, LPS mm.
    pub start: [f32; 3],
    /// End, LPS mm.
    pub end: [f32; 3],
}

/// A surface on the GPU, in pieces that fit the device's largest buffer.
pub(super) struct GpuMesh {
    pieces: Vec<Piece>,
    /// Triangles in all pieces.
    pub triangles: usize,
    /// LPS box, mm.
    pub bounds_mm: (Point3<f64>, Point3<f64>),
}

struct Piece {
    vertices: wgpu::Buffer,
    indices: wgpu::Buffer,
    count: u32,
}

/// Lines on the GPU.
pub(super) struct GpuLines {
    segments: wgpu::Buffer,
    count: u32,
    bounds_mm: (Point3<f64>, Point3<f64>),
}

/// What one layer has on the GPU, with the shapes it came from: a shape is uploaded once.
#[derive(Default)]
pub(super) struct Uploads {
    full: Option<(Arc<Mesh>, GpuMesh)>,
    light: Option<(Arc<Mesh>, GpuMesh)>,
    lines: Option<(Arc<Vec<Polyline>>, GpuLines)>,
}

impl Uploads {
    /// Brings the GPU up to date with a layer; what the layer no longer shows is freed.
    pub fn update(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, layer: &Layer, moving: bool) {
        match &layer.shape {
            Shape::Empty => *self = Self::default(),
            Shape::Mesh { full, light } => {
                self.lines = None;
                if !layer.is_drawn() {
                    return;
                }
                if let (Some(light), true) = (light, moving) {
                    upload(&mut self.light, device, light, layer.kind);
                    return;
                }
                if light.is_none() {
                    self.light = None;
                }
                self.full(device, queue, full, layer.kind);
            }
            Shape::Lines(lines) => {
                (self.full, self.light) = (None, None);
                if self.lines.as_ref().is_none_or(|(held, _)| !Arc::ptr_eq(held, lines)) {
                    self.lines = GpuLines::new(device, lines).map(|gpu| (lines.clone(), gpu));
                }
            }
        }
    }

    /// Brings the full surface up to date.
    pub fn full(&mut self, device: &wgpu::Device, _queue: &wgpu::Queue, mesh: &Arc<Mesh>, kind: LayerKind) {
        upload(&mut self.full, device, mesh, kind);
    }

    /// The surface to draw: the light one while moving, if there is one.
    pub fn mesh(&self, moving: bool) -> Option<&GpuMesh> {
        let held = if moving { self.light.as_ref().or(self.full.as_ref()) } else { self.full.as_ref() };
        held.map(|(_, gpu)| gpu)
    }

    /// The lines to draw.
    pub fn lines(&self) -> Option<&GpuLines> {
        self.lines.as_ref().map(|(_, gpu)| gpu)
    }

    /// Box of what is held for a layer, LPS mm.
    pub fn bounds_mm(&self, layer: &Layer) -> Option<(Point3<f64>, Point3<f64>)> {
        match layer.shape {
            Shape::Empty => None,
            Shape::Mesh { .. } => self.full.as_ref().or(self.light.as_ref()).map(|(_, gpu)| gpu.bounds_mm),
            Shape::Lines(_) => self.lines().map(|gpu| gpu.bounds_mm),
        }
    }
}

/// How often the normals of a layer are averaged: bone comes from voxels, the others are designed.
fn rounds(kind: LayerKind) -> usize {
    if kind == LayerKind::Skull { 3 } else { 0 }
}

fn upload(held: &mut Option<(Arc<Mesh>, GpuMesh)>, device: &wgpu::Device, mesh: &Arc<Mesh>, kind: LayerKind) {
    // The held Arc keeps its address from being used again, so that equal addresses mean the same mesh.
    if held.as_ref().is_none_or(|(old, _)| !Arc::ptr_eq(old, mesh)) {
        *held = GpuMesh::new(device, mesh, rounds(kind)).map(|gpu| (mesh.clone(), gpu));
    }
}

impl GpuMesh {
    fn new(device: &wgpu::Device, mesh: &Mesh, rounds: usize) -> Option<Self> {
        let bounds_mm = mesh.bounds_mm()?;
        let normals = shading_normals(mesh, rounds);
        let pack = |(position, normal): (&[f32; 3], &[f32; 3])| {
            let n = normal.map(|v| (v * 32767.0).round() as i16);
            Vertex { position: *position, normal: [n[0], n[1], n[2], 0] }
        };
        let vertices: Vec<Vertex> = mesh.positions.par_iter().zip(&normals).map(pack).collect();
        let pieces = split(&vertices, &mesh.triangles, device.limits().max_buffer_size as usize)
            .iter()
            .map(|(vertices, triangles)| Piece::new(device, vertices, triangles))
            .collect();
        Some(Self { pieces, triangles: mesh.triangles.len(), bounds_mm })
    }

    /// Draws all pieces with the pipeline set.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        for piece in &self.pieces {
            pass.set_vertex_buffer(0, piece.vertices.slice(..));
            pass.set_index_buffer(piece.indices.slice(..), wgpu::IndexFormat::Uint32);
            pass.draw_indexed(0..piece.count, 0, 0..1);
        }
    }
}

impl Piece {
    fn new(device: &wgpu::Device, vertices: &[Vertex], triangles: &[[u32; 3]]) -> Self {
        let buffer = |label, contents, usage| {
            device.create_buffer_init(&BufferInitDescriptor { label: Some(label), contents, usage })
        };
        Self {
            vertices: buffer("vertices", bytemuck::cast_slice(vertices), wgpu::BufferUsages::VERTEX),
            indices: buffer("indices", bytemuck::cast_slice(triangles), wgpu::BufferUsages::INDEX),
            count: triangles.len() as u32 * 3,
        }
    }
}

/// A piece's vertices and triangles.
type Part<'a> = (std::borrow::Cow<'a, [Vertex]>, std::borrow::Cow<'a, [[u32; 3]]>);

/// The mesh as it is when it fits `most_bytes` a buffer, else in pieces that do, with their own vertex numbers.
fn split<'a>(vertices: &'a [Vertex], triangles: &'a [[u32; 3]], most_bytes: usize) -> Vec<Part<'a>> {
    if size_of_val(vertices) <= most_bytes && size_of_val(triangles) <= most_bytes {
        return vec![(vertices.into(), triangles.into())];
    }
    // A triangle brings at most three new vertices of 20 bytes, so a piece of this many fits whatever its shape.
    let piece = (most_bytes / (3 * size_of::<Vertex>())).max(1);
    let renumbered = |part: &[[u32; 3]]| {
        let mut numbers: HashMap<u32, u32> = HashMap::with_capacity(part.len());
        let mut own = Vec::new();
        let renamed = part.iter().map(|t| {
            t.map(|v| {
                *numbers.entry(v).or_insert_with(|| {
                    own.push(vertices[v as usize]);
                    own.len() as u32 - 1
                })
            })
        });
        let renamed: Vec<[u32; 3]> = renamed.collect();
        (own.into(), renamed.into())
    };
    triangles.chunks(piece).map(renumbered).collect()
}

impl GpuLines {
    fn new(device: &wgpu::Device, lines: &[Polyline]) -> Option<Self> {
        let segments: Vec<LineSegment> = lines.iter().flat_map(segments_of).collect();
        let first = Point3::from(segments.first()?.start.map(f64::from));
        let points = segments.iter().flat_map(|s| [s.start, s.end]).map(|p| Point3::from(p.map(f64::from)));
        let bounds_mm = points.fold((first, first), |(low, high), p| (low.inf(&p), high.sup(&p)));
        let most = device.limits().max_buffer_size as usize / size_of::<LineSegment>();
        let shown = &segments[..segments.len().min(most)];
        let buffer = device.create_buffer_init(&BufferInitDescriptor {
            label: Some("lines"),
            contents: bytemuck::cast_slice(shown),
            usage: wgpu::BufferUsages::VERTEX,
        });
        Some(Self { segments: buffer, count: shown.len() as u32, bounds_mm })
    }

    /// Draws all segments with the pipeline set.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_vertex_buffer(0, self.segments.slice(..));
        pass.draw(0..6, 0..self.count);
    }
}

fn segments_of(line: &Polyline) -> impl Iterator<Item = LineSegment> + '_ {
    let open = line.points.windows(2).map(|w| LineSegment { start: w[0], end: w[1] });
    let closing = match (line.points.first(), line.points.last()) {
        (Some(&end), Some(&start)) if line.closed && line.points.len() > 2 => Some(LineSegment { start, end }),
        _ => None,
    };
    open.chain(closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_over_the_limit_is_split_into_the_same_triangles() {
        let vertices: Vec<Vertex> =
            (0..50).map(|i| Vertex { position: [i as f32, 0.0, 0.0], normal: [0; 4] }).collect();
        let triangles: Vec<[u32; 3]> = (0..48).map(|i| [i, i + 1, i + 2]).collect();
        let most = 600;
        let parts = split(&vertices, &triangles, most);
        assert!(parts.len() > 1);
        let corners = |vertices: &[Vertex], t: &[u32; 3]| t.map(|v| vertices[v as usize].position[0] as u32);
        let mut all = Vec::new();
        for (own, part) in &parts {
            assert!(size_of_val(&own[..]) <= most && size_of_val(&part[..]) <= most);
            all.extend(part.iter().map(|t| corners(own, t)));
        }
        assert_eq!(all, triangles);
        assert_eq!(split(&vertices, &triangles, 1 << 20).len(), 1);
    }

    #[test]
    fn a_closed_line_returns_to_its_start() {
        let mut line = Polyline { points: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], closed: true };
        assert_eq!(segments_of(&line).count(), 3);
        assert_eq!(segments_of(&line).last().unwrap().end, [0.0; 3]);
        line.closed = false;
        assert_eq!(segments_of(&line).count(), 2);
    }
}
