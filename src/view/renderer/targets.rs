use super::Quality;
use super::pipelines::{DEPTH_FORMAT, OCCLUSION_FORMAT, PICTURE_FORMAT, Pipelines};

/// The textures one picture size needs.
pub(super) struct Targets {
    pub size_px: [u32; 2],
    /// The finished picture, one sample a pixel.
    pub picture: wgpu::Texture,
    picture_view: wgpu::TextureView,
    /// Several samples a pixel, resolved into the picture.
    samples_view: Option<wgpu::TextureView>,
    pub depth: wgpu::Texture,
    depth_view: wgpu::TextureView,
    pub ambient: Option<Ambient>,
    pub blit_group: wgpu::BindGroup,
}

/// What ambient occlusion needs.
pub(super) struct Ambient {
    occlusion_view: wgpu::TextureView,
    /// Depth, for the occlusion pass.
    pub depth_group: wgpu::BindGroup,
    /// Depth and occlusion, for the pass that multiplies it in.
    pub compose_group: wgpu::BindGroup,
}

impl Targets {
    pub fn new(device: &wgpu::Device, pipelines: &Pipelines, size_px: [u32; 2], quality: Quality) -> Self {
        use wgpu::TextureUsages as Use;
        let texture = |label, format, samples, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: size_px[0], height: size_px[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: samples,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage,
                view_formats: &[],
            })
        };
        let view = |t: &wgpu::Texture| t.create_view(&wgpu::TextureViewDescriptor::default());
        let picture =
            texture("picture", PICTURE_FORMAT, 1, Use::RENDER_ATTACHMENT | Use::TEXTURE_BINDING | Use::COPY_SRC);
        let samples_view = (quality.samples > 1)
            .then(|| view(&texture("samples", PICTURE_FORMAT, quality.samples, Use::RENDER_ATTACHMENT)));
        // Several samples cannot be copied out.
        let copied = if quality.samples == 1 { Use::COPY_SRC } else { Use::empty() };
        let depth_usage = Use::RENDER_ATTACHMENT | Use::TEXTURE_BINDING | copied;
        let depth = texture("depth", DEPTH_FORMAT, quality.samples, depth_usage);
        let (picture_view, depth_view) = (view(&picture), view(&depth));
        let ambient = quality.ambient.then(|| {
            let occlusion = texture("occlusion", OCCLUSION_FORMAT, 1, Use::RENDER_ATTACHMENT | Use::TEXTURE_BINDING);
            let occlusion_view = view(&occlusion);
            let depth_group = pipelines.depth_group(device, &depth_view);
            let compose_group = pipelines.compose_group(device, &depth_view, &occlusion_view);
            Ambient { occlusion_view, depth_group, compose_group }
        });
        let blit_group = pipelines.blit_group(device, &picture_view);
        Self { size_px, picture, picture_view, samples_view, depth, depth_view, ambient, blit_group }
    }

    /// A pass over the surfaces: `first` clears, `last` resolves into the picture.
    pub fn surface_pass<'e>(
        &self,
        encoder: &'e mut wgpu::CommandEncoder,
        label: &str,
        first: bool,
        last: bool,
    ) -> wgpu::RenderPass<'e> {
        let load = |first: bool| if first { wgpu::LoadOp::Clear(wgpu::Color::BLACK) } else { wgpu::LoadOp::Load };
        let resolve = self.samples_view.is_some() && last;
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some(label),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: self.samples_view.as_ref().unwrap_or(&self.picture_view),
                depth_slice: None,
                resolve_target: resolve.then_some(&self.picture_view),
                ops: wgpu::Operations { load: load(first), store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth_view,
                depth_ops: Some(wgpu::Operations {
                    load: if first { wgpu::LoadOp::Clear(1.0) } else { wgpu::LoadOp::Load },
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }

    /// A pass over what is drawn so far that may read the depth.
    pub fn colour_pass<'e>(&self, encoder: &'e mut wgpu::CommandEncoder, label: &str) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some(label),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: self.samples_view.as_ref().unwrap_or(&self.picture_view),
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Load, store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: None,
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }
}

impl Ambient {
    /// The pass that computes the occlusion.
    pub fn pass<'e>(&self, encoder: &'e mut wgpu::CommandEncoder) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("ambient"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.occlusion_view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::WHITE), store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: None,
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }
}
