use super::uploads::{LineSegment, Vertex};
use crate::view::LayerKind;
use bytemuck::{Pod, Zeroable};
use wgpu::{
    BindGroupLayout, BlendComponent, BlendFactor, BlendOperation, BlendState, CompareFunction, Face, ShaderStages,
};

pub(super) const PICTURE_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
pub(super) const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
pub(super) const OCCLUSION_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::R8Unorm;

/// Bytes between the uniforms of two layers: the largest alignment any adapter asks for.
pub(super) const LAYER_STRIDE: u64 = 256;

/// `Frame` of `frame.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct FrameUniform {
    pub view: [[f32; 4]; 4],
    pub projection: [[f32; 4]; 4],
    pub size: [f32; 4],
    pub centre: [f32; 4],
    pub corner: [f32; 4],
    pub tangent: [f32; 4],
}

/// `Layer` of `mesh.wgsl` and `line.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct LayerUniform {
    pub colour: [f32; 4],
    pub look: [f32; 4],
}

/// Everything that does not depend on the picture's size or content.
pub(super) struct Pipelines {
    pub background: wgpu::RenderPipeline,
    pub opaque: wgpu::RenderPipeline,
    /// Inner sides of a translucent surface.
    pub inner: wgpu::RenderPipeline,
    /// Depth of its nearest outer side.
    pub outer_depth: wgpu::RenderPipeline,
    /// Colour of its nearest outer side.
    pub outer: wgpu::RenderPipeline,
    pub line: wgpu::RenderPipeline,
    pub hidden_line: wgpu::RenderPipeline,
    pub ambient: wgpu::RenderPipeline,
    pub compose: wgpu::RenderPipeline,
    pub blit: wgpu::RenderPipeline,
    pub frame_buffer: wgpu::Buffer,
    pub frame_group: wgpu::BindGroup,
    pub layer_buffer: wgpu::Buffer,
    layer_group: wgpu::BindGroup,
    depth_layout: BindGroupLayout,
    compose_layout: BindGroupLayout,
    blit_layout: BindGroupLayout,
    sampler: wgpu::Sampler,
}

/// Colours come multiplied by their opacity.
const OVER: BlendState = BlendState::PREMULTIPLIED_ALPHA_BLENDING;

/// The picture times what is drawn.
const MULTIPLY: BlendState = BlendState {
    color: BlendComponent {
        src_factor: BlendFactor::Dst,
        dst_factor: BlendFactor::Zero,
        operation: BlendOperation::Add,
    },
    alpha: BlendComponent::OVER,
};

/// What distinguishes one surface pipeline from another.
struct Kind<'a> {
    label: &'a str,
    module: &'a wgpu::ShaderModule,
    layout: &'a wgpu::PipelineLayout,
    vertex: &'a str,
    fragment: &'a str,
    buffers: &'a [Option<wgpu::VertexBufferLayout<'a>>],
    cull: Option<Face>,
    /// Comparison and whether depth is written; `None` for passes without depth.
    depth: Option<(CompareFunction, bool)>,
    blend: Option<BlendState>,
    writes: wgpu::ColorWrites,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device, target_format: wgpu::TextureFormat, samples: u32) -> Self {
        let layouts = Layouts::new(device, samples > 1);
        let depth_type = if samples > 1 { "texture_depth_multisampled_2d" } else { "texture_depth_2d" };
        let module = |label: &str, source: &str| {
            let text = format!("{}{}", include_str!("../../../shaders/frame.wgsl"), source);
            let text = text.replace("DEPTH_TEXTURE", depth_type);
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(label),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        };
        let background = module("background", include_str!("../../../shaders/background.wgsl"));
        let mesh = module("mesh", include_str!("../../../shaders/mesh.wgsl"));
        let line = module("line", include_str!("../../../shaders/line.wgsl"));
        let ambient = module("ambient", include_str!("../../../shaders/ambient.wgsl"));
        let compose = module("compose", include_str!("../../../shaders/compose.wgsl"));
        let blit = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("blit"),
            source: wgpu::ShaderSource::Wgsl(include_str!("../../../shaders/blit.wgsl").into()),
        });
        let pipeline_layout = |groups: &[Option<&BindGroupLayout>]| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: groups,
                immediate_size: 0,
            })
        };
        let frame_only = pipeline_layout(&[Some(&layouts.frame)]);
        let with_layer = pipeline_layout(&[Some(&layouts.frame), Some(&layouts.layer)]);
        let with_depth = pipeline_layout(&[Some(&layouts.frame), Some(&layouts.depth)]);
        let with_occlusion = pipeline_layout(&[Some(&layouts.frame), Some(&layouts.compose)]);
        let blit_only = pipeline_layout(&[Some(&layouts.blit)]);

        let vertex_attributes = wgpu::vertex_attr_array![0 => Float32x3, 1 => Snorm16x4];
        let vertices = [Some(wgpu::VertexBufferLayout {
            array_stride: size_of::<Vertex>() as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &vertex_attributes,
        })];
        let segment_attributes = wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3];
        let segments = [Some(wgpu::VertexBufferLayout {
            array_stride: size_of::<LineSegment>() as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &segment_attributes,
        })];

        let build = |kind: Kind<'_>| surface_pipeline(device, samples, kind);
        let surface = |label, fragment, cull, depth, blend, writes| {
            let (module, layout, vertex, buffers) = (&mesh, &with_layer, "vs_mesh", &vertices[..]);
            build(Kind { label, module, layout, vertex, fragment, buffers, cull, depth, blend, writes })
        };
        let (all, none) = (wgpu::ColorWrites::ALL, wgpu::ColorWrites::empty());
        let lines = |label, fragment, compare| {
            let (module, layout, vertex, buffers) = (&line, &with_layer, "vs_line", &segments[..]);
            let (cull, depth, blend, writes) = (None, Some((compare, false)), Some(OVER), all);
            build(Kind { label, module, layout, vertex, fragment, buffers, cull, depth, blend, writes })
        };
        let covering = |label, module, layout, vertex, fragment, depth, blend| {
            let (buffers, cull, writes) = (&[][..], None, all);
            build(Kind { label, module, layout, vertex, fragment, buffers, cull, depth, blend, writes })
        };
        let (behind, nearer) = (Some((CompareFunction::Always, false)), Some((CompareFunction::Less, true)));
        let (inner, nearest) = (Some((CompareFunction::Less, false)), Some((CompareFunction::LessEqual, false)));
        let blit_entry = if target_format.is_srgb() { "fs_blit_linear" } else { "fs_blit" };
        let frame_buffer = uniform_buffer(device, "frame", size_of::<FrameUniform>() as u64);
        let layer_buffer = uniform_buffer(device, "layers", LAYER_STRIDE * LayerKind::ALL.len() as u64);
        Self {
            background: covering(
                "background",
                &background,
                &frame_only,
                "vs_background",
                "fs_background",
                behind,
                None,
            ),
            opaque: surface("opaque", "fs_opaque", None, nearer, None, all),
            inner: surface("inner", "fs_translucent", Some(Face::Front), inner, Some(OVER), all),
            outer_depth: surface("outer depth", "fs_opaque", Some(Face::Back), nearer, None, none),
            outer: surface("outer", "fs_translucent", Some(Face::Back), nearest, Some(OVER), all),
            line: lines("line", "fs_line", CompareFunction::LessEqual),
            hidden_line: lines("hidden line", "fs_hidden", CompareFunction::Greater),
            compose: covering("compose", &compose, &with_occlusion, "vs_compose", "fs_compose", None, Some(MULTIPLY)),
            ambient: flat_pipeline(device, &ambient, &with_depth, ["vs_ambient", "fs_ambient"], OCCLUSION_FORMAT),
            blit: flat_pipeline(device, &blit, &blit_only, ["vs_blit", blit_entry], target_format),
            frame_group: layouts.frame_group(device, &frame_buffer),
            layer_group: layouts.layer_group(device, &layer_buffer),
            frame_buffer,
            layer_buffer,
            depth_layout: layouts.depth,
            compose_layout: layouts.compose,
            blit_layout: layouts.blit,
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("blit"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
        }
    }

    /// Selects a layer's colour for the next draws.
    pub fn set_layer(&self, pass: &mut wgpu::RenderPass<'_>, kind: LayerKind) {
        pass.set_bind_group(1, &self.layer_group, &[kind as u32 * LAYER_STRIDE as u32]);
    }

    pub fn depth_group(&self, device: &wgpu::Device, depth: &wgpu::TextureView) -> wgpu::BindGroup {
        group(device, &self.depth_layout, &[wgpu::BindingResource::TextureView(depth)])
    }

    pub fn compose_group(
        &self,
        device: &wgpu::Device,
        depth: &wgpu::TextureView,
        occlusion: &wgpu::TextureView,
    ) -> wgpu::BindGroup {
        let views = [depth, occlusion].map(wgpu::BindingResource::TextureView);
        group(device, &self.compose_layout, &views)
    }

    pub fn blit_group(&self, device: &wgpu::Device, picture: &wgpu::TextureView) -> wgpu::BindGroup {
        let resources = [wgpu::BindingResource::TextureView(picture), wgpu::BindingResource::Sampler(&self.sampler)];
        group(device, &self.blit_layout, &resources)
    }
}

struct Layouts {
    frame: BindGroupLayout,
    layer: BindGroupLayout,
    depth: BindGroupLayout,
    compose: BindGroupLayout,
    blit: BindGroupLayout,
}

impl Layouts {
    fn new(device: &wgpu::Device, multisampled: bool) -> Self {
        let layout = |label, types: &[wgpu::BindingType]| {
            let entry = |(binding, &ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: ShaderStages::VERTEX_FRAGMENT,
                ty,
                count: None,
            };
            let entries: Vec<_> = (0u32..).zip(types).map(entry).collect();
            let label = Some(label);
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries })
        };
        let uniform = |has_dynamic_offset| wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset,
            min_binding_size: None,
        };
        let texture = |sample_type, multisampled| wgpu::BindingType::Texture {
            sample_type,
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled,
        };
        let depth = texture(wgpu::TextureSampleType::Depth, multisampled);
        let colour = texture(wgpu::TextureSampleType::Float { filterable: true }, false);
        let smooth = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        Self {
            frame: layout("frame", &[uniform(false)]),
            layer: layout("layer", &[uniform(true)]),
            depth: layout("depth", &[depth]),
            compose: layout("compose", &[depth, colour]),
            blit: layout("blit", &[colour, smooth]),
        }
    }

    fn frame_group(&self, device: &wgpu::Device, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
        group(device, &self.frame, &[buffer.as_entire_binding()])
    }

    fn layer_group(&self, device: &wgpu::Device, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
        let size = std::num::NonZeroU64::new(size_of::<LayerUniform>() as u64);
        let binding = wgpu::BufferBinding { buffer, offset: 0, size };
        group(device, &self.layer, &[wgpu::BindingResource::Buffer(binding)])
    }
}

fn group(device: &wgpu::Device, layout: &BindGroupLayout, resources: &[wgpu::BindingResource<'_>]) -> wgpu::BindGroup {
    let numbered = (0u32..).zip(resources);
    let entries: Vec<_> = numbered.map(|(binding, r)| wgpu::BindGroupEntry { binding, resource: r.clone() }).collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

fn uniform_buffer(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A pipeline of the passes over the surfaces.
fn surface_pipeline(device: &wgpu::Device, samples: u32, kind: Kind<'_>) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(kind.label),
        layout: Some(kind.layout),
        vertex: wgpu::VertexState {
            module: kind.module,
            entry_point: Some(kind.vertex),
            compilation_options: Default::default(),
            buffers: kind.buffers,
        },
        primitive: wgpu::PrimitiveState { cull_mode: kind.cull, ..Default::default() },
        depth_stencil: kind.depth.map(|(compare, write)| wgpu::DepthStencilState {
            format: DEPTH_FORMAT,
            depth_write_enabled: Some(write),
            depth_compare: Some(compare),
            stencil: Default::default(),
            bias: Default::default(),
        }),
        multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
        fragment: Some(wgpu::FragmentState {
            module: kind.module,
            entry_point: Some(kind.fragment),
            compilation_options: Default::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: PICTURE_FORMAT,
                blend: kind.blend,
                write_mask: kind.writes,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// A pipeline that covers a target without depth; `entries` are the vertex and fragment entry points.
fn flat_pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    entries: [&str; 2],
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(entries[1]),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(entries[0]),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(entries[1]),
            compilation_options: Default::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
