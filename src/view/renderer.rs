mod normals;
mod pipelines;
mod targets;
mod uploads;

use super::{Camera, Layer, LayerKind, Scene, Shape};
use crate::geometry::Mesh;
use nalgebra::Point3;
use pipelines::{FrameUniform, LAYER_STRIDE, LayerUniform, Pipelines};
use std::sync::Arc;
use targets::Targets;
use uploads::{GpuLines, GpuMesh, Uploads};

/// How much work a picture is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Samples a pixel: 1 or 4.
    pub samples: u32,
    /// Screen-space ambient occlusion.
    pub ambient: bool,
    /// Draw light meshes while the view moves.
    pub light_when_moving: bool,
}

/// Draws a scene into its own texture and copies that into any render pass.
pub struct Renderer {
    quality: Quality,
    pipelines: Pipelines,
    targets: Option<Targets>,
    uploads: [Uploads; LayerKind::ALL.len()],
    drawn_triangles: usize,
}

impl Quality {
    /// Everything: for still pictures.
    pub const BEST: Self = Self { samples: 4, ambient: true, light_when_moving: false };
    /// What a software adapter can do at a few frames a second.
    pub const FAST: Self = Self { samples: 1, ambient: false, light_when_moving: true };

    /// Best on hardware, fast on a software adapter.
    pub fn of(device: &wgpu::Device) -> Self {
        if device.adapter_info().device_type == wgpu::DeviceType::Cpu { Self::FAST } else { Self::BEST }
    }
}

/// What is drawn of a layer this time.
enum Drawn<'a> {
    Mesh(&'a GpuMesh),
    Lines(&'a GpuLines),
}

impl Renderer {
    /// A renderer whose [`Renderer::blit`] draws into passes of `target_format`; quality after the device.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, target_format: wgpu::TextureFormat) -> Self {
        Self::with_quality(device, queue, target_format, Quality::of(device))
    }

    /// The same with a chosen quality.
    pub fn with_quality(
        device: &wgpu::Device,
        _queue: &wgpu::Queue,
        target_format: wgpu::TextureFormat,
        quality: Quality,
    ) -> Self {
        // Every adapter has 1 and 4 samples, and only those.
        let quality = Quality { samples: if quality.samples > 1 { 4 } else { 1 }, ..quality };
        Self {
            quality,
            pipelines: Pipelines::new(device, target_format, quality.samples),
            targets: None,
            uploads: Default::default(),
            drawn_triangles: 0,
        }
    }

    /// The quality drawn with.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// Triangles of the last picture.
    pub fn drawn_triangles(&self) -> usize {
        self.drawn_triangles
    }

    /// Uploads a layer's surface ahead of time; [`Renderer::render`] does so itself when a shape is new.
    pub fn set_layer_mesh(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, kind: LayerKind, mesh: &Arc<Mesh>) {
        self.uploads[kind as usize].full(device, queue, mesh, kind);
    }

    /// Records the drawing of a scene into the renderer's own texture of `size_px`. Once a submission: the uniforms of
    /// a second call before `queue.submit` would overwrite the first's.
    pub fn render(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        size_px: [u32; 2],
        camera: &Camera,
        scene: &Scene,
    ) {
        let most = device.limits().max_texture_dimension_2d;
        let size_px = size_px.map(|n| n.clamp(1, most));
        let light = scene.moving && self.quality.light_when_moving;
        for layer in scene.layers.iter() {
            self.uploads[layer.kind as usize].update(device, queue, layer, light);
        }
        if self.targets.as_ref().is_none_or(|t| t.size_px != size_px) {
            self.targets = Some(Targets::new(device, &self.pipelines, size_px, self.quality));
        }
        let bounds = self.bounds_mm(scene).unwrap_or_else(|| scene.bounds_mm());
        self.write_uniforms(queue, size_px, camera, scene, bounds);
        self.drawn_triangles = self.record(encoder, camera, scene, light);
    }

    /// The texture of the last picture (`Rgba8Unorm`, sRGB values), after [`Renderer::render`].
    pub fn texture(&self) -> Option<&wgpu::Texture> {
        self.targets.as_ref().map(|t| &t.picture)
    }

    /// The depth of the last picture (`Depth32Float`, samples after the quality), after [`Renderer::render`].
    pub fn depth_texture(&self) -> Option<&wgpu::Texture> {
        self.targets.as_ref().map(|t| &t.depth)
    }

    /// Draws the last picture over the pass's viewport; nothing before the first [`Renderer::render`].
    pub fn blit(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(targets) = &self.targets {
            pass.set_pipeline(&self.pipelines.blit);
            pass.set_bind_group(0, &targets.blit_group, &[]);
            pass.draw(0..3, 0..1);
        }
    }

    fn bounds_mm(&self, scene: &Scene) -> Option<(Point3<f64>, Point3<f64>)> {
        let drawn = scene.layers.iter().filter(|l| l.is_drawn());
        let boxes = drawn.filter_map(|l| self.uploads[l.kind as usize].bounds_mm(l));
        boxes.reduce(|a, b| (a.0.inf(&b.0), a.1.sup(&b.1)))
    }

    fn write_uniforms(
        &self,
        queue: &wgpu::Queue,
        size_px: [u32; 2],
        camera: &Camera,
        scene: &Scene,
        bounds: (Point3<f64>, Point3<f64>),
    ) {
        let (view, projection) = camera.matrices(size_px, bounds);
        let [width, height] = size_px.map(|n| n as f32);
        let vertical = (camera.field_of_view_deg.to_radians() / 2.0).tan() as f32;
        let opaque = |c: [f32; 3]| [c[0], c[1], c[2], 1.0];
        // The eye takes surfaces for darker on a bright ground.
        let exposure = 1.0 + 0.22 * scene.background.centre.iter().sum::<f32>() / 3.0;
        let frame = FrameUniform {
            view: view.into(),
            projection: projection.into(),
            size: [width, height, 1.0 / width, 1.0 / height],
            centre: opaque(scene.background.centre),
            corner: opaque(scene.background.corner),
            tangent: [vertical * width / height, vertical, exposure, 0.0],
        };
        queue.write_buffer(&self.pipelines.frame_buffer, 0, bytemuck::bytes_of(&frame));
        let mut layers = vec![0u8; LAYER_STRIDE as usize * scene.layers.len()];
        for layer in &scene.layers {
            let at = layer.kind as usize * LAYER_STRIDE as usize;
            let uniform = layer_uniform(layer);
            layers[at..at + size_of::<LayerUniform>()].copy_from_slice(bytemuck::bytes_of(&uniform));
        }
        queue.write_buffer(&self.pipelines.layer_buffer, 0, &layers);
    }

    /// Records all passes; returns the number of triangles drawn.
    fn record(&self, encoder: &mut wgpu::CommandEncoder, camera: &Camera, scene: &Scene, light: bool) -> usize {
        let Some(targets) = &self.targets else { return 0 };
        let p = &self.pipelines;
        let drawn = |layer: &Layer| -> Option<Drawn<'_>> {
            let uploads = &self.uploads[layer.kind as usize];
            match (&layer.shape, layer.is_drawn()) {
                (Shape::Mesh { .. }, true) => uploads.mesh(light).map(Drawn::Mesh),
                (Shape::Lines(_), true) => uploads.lines().map(Drawn::Lines),
                _ => None,
            }
        };
        let mut triangles = 0;
        let mut opaque = Vec::new();
        let mut translucent = Vec::new();
        let mut lines = Vec::new();
        for layer in &scene.layers {
            match drawn(layer) {
                Some(Drawn::Mesh(mesh)) => {
                    triangles += mesh.triangles;
                    let list = if layer.opacity >= 1.0 { &mut opaque } else { &mut translucent };
                    list.push((layer, mesh));
                }
                Some(Drawn::Lines(segments)) => lines.push((layer, segments)),
                None => {}
            }
        }
        // Far ones first; a layer counts as where its box's middle is.
        let (eye, toward) = (camera.eye_mm(), camera.axes().2);
        let depth = |mesh: &GpuMesh| (eye - nalgebra::center(&mesh.bounds_mm.0, &mesh.bounds_mm.1)).dot(&toward);
        translucent.sort_by(|a, b| depth(b.1).total_cmp(&depth(a.1)));

        let simple = translucent.is_empty() && lines.is_empty() && !self.quality.ambient;
        {
            let mut pass = targets.surface_pass(encoder, "opaque", true, simple);
            pass.set_bind_group(0, &p.frame_group, &[]);
            pass.set_pipeline(&p.background);
            pass.draw(0..3, 0..1);
            pass.set_pipeline(&p.opaque);
            for (layer, mesh) in &opaque {
                p.set_layer(&mut pass, layer.kind);
                mesh.draw(&mut pass);
            }
        }
        if simple {
            return triangles;
        }
        if let Some(ambient) = &targets.ambient {
            let mut pass = ambient.pass(encoder);
            pass.set_bind_group(0, &p.frame_group, &[]);
            pass.set_bind_group(1, &ambient.depth_group, &[]);
            pass.set_pipeline(&p.ambient);
            pass.draw(0..3, 0..1);
            drop(pass);
            let mut pass = targets.colour_pass(encoder, "compose");
            pass.set_bind_group(0, &p.frame_group, &[]);
            pass.set_bind_group(1, &ambient.compose_group, &[]);
            pass.set_pipeline(&p.compose);
            pass.draw(0..3, 0..1);
        }
        let mut pass = targets.surface_pass(encoder, "translucent", false, true);
        pass.set_bind_group(0, &p.frame_group, &[]);
        pass.set_pipeline(&p.hidden_line);
        for (layer, segments) in &lines {
            p.set_layer(&mut pass, layer.kind);
            segments.draw(&mut pass);
        }
        for (layer, mesh) in &translucent {
            p.set_layer(&mut pass, layer.kind);
            // Inner sides, then the nearest outer side only: what lies between would double the colour.
            for pipeline in [&p.inner, &p.outer_depth, &p.outer] {
                pass.set_pipeline(pipeline);
                mesh.draw(&mut pass);
            }
        }
        pass.set_pipeline(&p.line);
        for (layer, segments) in &lines {
            p.set_layer(&mut pass, layer.kind);
            segments.draw(&mut pass);
        }
        triangles
    }
}

/// Linear value of an sRGB component, 0..1 (IEC 61966-2-1).
fn linear(c: f32) -> f32 {
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn layer_uniform(layer: &Layer) -> LayerUniform {
    let [r, g, b] = layer.colour.map(linear);
    // Highlight strength and sharpness: bone is dull, the implant a smooth plastic.
    let (highlight, sharpness) = match layer.kind {
        LayerKind::Skull => (0.05, 18.0),
        LayerKind::Implant => (0.16, 42.0),
        _ => (0.10, 30.0),
    };
    LayerUniform {
        colour: [r, g, b, layer.opacity.clamp(0.0, 1.0)],
        look: [highlight, sharpness, layer.width_px.max(0.5) / 2.0, 0.62],
    }
}
