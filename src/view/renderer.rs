use super::{Camera, LayerKind, Scene};
use crate::geometry::Mesh;
use std::sync::Arc;

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

impl Renderer {
    /// A renderer whose [`Renderer::blit`] draws into passes of `target_format`; quality after the device.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, target_format: wgpu::TextureFormat) -> Self {
        Self::with_quality(device, queue, target_format, Quality::of(device))
    }

    /// The same with a chosen quality.
    pub fn with_quality(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        target_format: wgpu::TextureFormat,
        quality: Quality,
    ) -> Self {
        let _ = (device, queue, target_format);
        Self { quality }
    }

    /// The quality drawn with.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// Uploads a layer's surface ahead of time; [`Renderer::render`] does so itself when a shape is new.
    pub fn set_layer_mesh(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, kind: LayerKind, mesh: &Arc<Mesh>) {
        let _ = (device, queue, kind, mesh);
    }

    /// Records the drawing of a scene into the renderer's own texture of `size_px` (once a submission).
    pub fn render(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        size_px: [u32; 2],
        camera: &Camera,
        scene: &Scene,
    ) {
        let _ = (device, queue, encoder, size_px, camera, scene);
    }

    /// Draws the last picture over the pass's viewport.
    pub fn blit(&self, pass: &mut wgpu::RenderPass<'_>) {
        let _ = pass;
    }
}
