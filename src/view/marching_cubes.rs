//! Marching cubes in compute shaders: the twin of `surface::isosurface`, with the same table, order and fractions, so
//! that triangle k here is triangle k there and vertices differ only by rounding.
//!
//! Every limit of the adapter is checked before it is met, and what the device reports comes back as a [`GpuError`]:
//! the caller then cuts the surface on the CPU, as it does on a software adapter.

mod voxels;

use super::gpu::{GpuError, guarded, read_buffer};
use super::prefix_sum::{PrefixSum, bindings, compute_pipeline, dispatch, storage_entry, uniform_entry};
use crate::geometry::{Grid, Mesh};
use crate::surface::LEAST_FRACTION;
use crate::surface::case_table::CASES;
use nalgebra::Vector3;
use wgpu::util::DeviceExt as _;

pub use voxels::{GpuVoxels, Texel};

/// Threads a workgroup, one a word of 32 voxels; shaders/marching_cubes.wgsl.
const GROUP: u32 = 64;

/// Bytes a vertex of a [`GpuMesh`]: position and normal.
const VERTEX_BYTES: u64 = size_of::<PackedVertex>() as u64;

/// A vertex as the shader writes it: position (mm), normal (snorm16, the fourth is 0).
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PackedVertex {
    position: [f32; 3],
    normal: [i16; 4],
}

/// A surface that stays on the graphics device.
#[derive(Clone, Debug)]
pub struct GpuMesh {
    /// 20 bytes a vertex: position (LPS mm, `Float32x3`) and outward unit normal (`Snorm16x4`, the fourth 0); usable as
    /// vertex buffer.
    pub vertices: wgpu::Buffer,
    /// Three `u32` a triangle, counter-clockwise seen from outside; usable as index buffer.
    pub indices: wgpu::Buffer,
    /// Vertices.
    pub vertex_count: u32,
    /// Triangles.
    pub triangle_count: u32,
}

/// Which surface of a volume is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// The surface is where the values equal this.
    pub iso: f32,
    /// Inside is `value >= iso`, else `value < iso`.
    pub inside_above: bool,
    /// Everything beyond the volume's border is outside: the surface is always closed.
    pub closed: bool,
}

/// The pipelines, made once a device.
pub struct MarchingCubes {
    output_layout: wgpu::BindGroupLayout,
    whole: Passes,
    real: Passes,
    cases: wgpu::Buffer,
    sums: PrefixSum,
}

/// The passes for one kind of texture.
struct Passes {
    input_layout: wgpu::BindGroupLayout,
    mark: wgpu::ComputePipeline,
    count: wgpu::ComputePipeline,
    write_vertices: wgpu::ComputePipeline,
    write_triangles: wgpu::ComputePipeline,
}

/// `Params` of shaders/marching_cubes.wgsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    size: [u32; 3],
    words: u32,
    inner: [u32; 3],
    pad: u32,
    origin: [f32; 3],
    iso: f32,
    step_x: [f32; 3],
    inside_above: u32,
    step_y: [f32; 3],
    turned: u32,
    step_z: [f32; 3],
    least_fraction: f32,
    normals: [[f32; 4]; 3],
}

impl Params {
    fn new(grid: &Grid, cut: &Cut) -> Self {
        let pad = u32::from(cut.closed);
        let inner = grid.size.map(|n| n as u32);
        let size = inner.map(|n| n + 2 * pad);
        let matrix = grid.lps_from_index_matrix();
        let step = |axis: usize| <[f32; 3]>::from(matrix.column(axis).into_owned().cast::<f32>());
        // A gradient along the index axes turns into space with the inverse transpose; outward is towards lower values
        // when the inside lies above.
        let outward = if cut.inside_above { -1.0 } else { 1.0 };
        let turn = grid.index_from_lps_matrix().transpose() * outward;
        let normal = |axis: usize| [0, 1, 2, 3].map(|k| if k < 3 { turn[(k, axis)] as f32 } else { 0.0 });
        let origin = grid.lps_from_index(&Vector3::repeat(-f64::from(pad)));
        Self {
            size,
            words: size[0].div_ceil(32),
            inner,
            pad,
            origin: origin.coords.cast::<f32>().into(),
            iso: cut.iso,
            step_x: step(0),
            inside_above: u32::from(cut.inside_above),
            step_y: step(1),
            turned: u32::from(matrix.determinant() < 0.0),
            step_z: step(2),
            least_fraction: LEAST_FRACTION,
            normals: [normal(0), normal(1), normal(2)],
        }
    }

    fn rows(&self) -> u64 {
        u64::from(self.size[1]) * u64::from(self.size[2])
    }
}

impl MarchingCubes {
    /// Compiles the passes.
    pub fn new(device: &wgpu::Device) -> Result<Self, GpuError> {
        guarded(device, || {
            let output_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("marching_cubes output"),
                entries: &[storage_entry(0, false), storage_entry(1, false)],
            });
            let table: Vec<u8> = CASES.iter().flat_map(|case| std::iter::once(case.count).chain(case.edges)).collect();
            let cases = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("case table"),
                contents: &table,
                usage: wgpu::BufferUsages::STORAGE,
            });
            let whole = Passes::new(device, &output_layout, Texel::Whole);
            let real = Passes::new(device, &output_layout, Texel::Real);
            Ok(Self { output_layout, whole, real, cases, sums: PrefixSum::new(device) })
        })
    }

    /// Cuts a surface and leaves it on the device, ready to be drawn.
    pub fn extract(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        voxels: &GpuVoxels,
        cut: &Cut,
    ) -> Result<GpuMesh, GpuError> {
        let params = Params::new(&voxels.grid, cut);
        let words = u64::from(params.words) * params.rows();
        let limits = device.limits();
        let fits = |what, bytes| fits(&limits, what, bytes);
        // One number more than there are words: after the sums it holds the total.
        let edge_bytes = fits("the count of vertices", 4 * (3 * words + 1))?;
        let triangle_bytes = fits("the count of triangles", 4 * (words + 1))?;
        guarded(device, || {
            let passes = match voxels.texel {
                Texel::Whole => &self.whole,
                Texel::Real => &self.real,
            };
            let storage = |label, size| {
                let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size,
                    usage,
                    mapped_at_creation: false,
                })
            };
            let uniform = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("marching_cubes"),
                contents: bytemuck::bytes_of(&params),
                usage: wgpu::BufferUsages::UNIFORM,
            });
            let bits = storage("inside bits", 4 * words);
            let edges = storage("edge counts", edge_bytes);
            let triangles = storage("triangle counts", triangle_bytes);
            let view = voxels.texture.create_view(&Default::default());
            let mut entries = bindings(&[&uniform, &uniform, &self.cases, &bits, &edges, &triangles]);
            entries[1].resource = wgpu::BindingResource::TextureView(&view);
            let input = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("marching_cubes input"),
                layout: &passes.input_layout,
                entries: &entries,
            });
            let groups = words.div_ceil(u64::from(GROUP)) as u32;
            let mut encoder = device.create_command_encoder(&Default::default());
            dispatch(&mut encoder, &passes.mark, &[&input], groups);
            dispatch(&mut encoder, &passes.count, &[&input], groups);
            self.sums.record(device, &mut encoder, &edges, 3 * words as u32 + 1);
            self.sums.record(device, &mut encoder, &triangles, words as u32 + 1);
            queue.submit([encoder.finish()]);
            let totals =
                read_buffer(device, queue, &[(&edges, edge_bytes - 4, 4), (&triangles, triangle_bytes - 4, 4)])?;
            let totals: Vec<u32> = bytemuck::pod_collect_to_vec(&totals);
            let [vertex_count, triangle_count] = totals[..] else {
                return Err(GpuError::Device("the counts did not come back".to_owned()));
            };

            let output = |label, usage, size: u64| {
                let usage = usage | wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size,
                    usage,
                    mapped_at_creation: false,
                })
            };
            // A binding must not be empty: an empty surface keeps room for one vertex.
            let vertex_bytes = fits("the surface", VERTEX_BYTES * u64::from(vertex_count.max(1)))?;
            let index_bytes = fits("the surface", 12 * u64::from(triangle_count.max(1)))?;
            let mesh = GpuMesh {
                vertices: output("vertices", wgpu::BufferUsages::VERTEX, vertex_bytes),
                indices: output("indices", wgpu::BufferUsages::INDEX, index_bytes),
                vertex_count,
                triangle_count,
            };
            if vertex_count > 0 {
                let written = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("marching_cubes output"),
                    layout: &self.output_layout,
                    entries: &bindings(&[&mesh.vertices, &mesh.indices]),
                });
                let mut encoder = device.create_command_encoder(&Default::default());
                dispatch(&mut encoder, &passes.write_vertices, &[&input, &written], groups);
                dispatch(&mut encoder, &passes.write_triangles, &[&input, &written], groups);
                queue.submit([encoder.finish()]);
            }
            Ok(mesh)
        })
    }
}

impl Passes {
    fn new(device: &wgpu::Device, output_layout: &wgpu::BindGroupLayout, texel: Texel) -> Self {
        let (alias, sample_type) = match texel {
            Texel::Whole => ("alias Texel = i32;\n", wgpu::TextureSampleType::Sint),
            Texel::Real => ("alias Texel = f32;\n", wgpu::TextureSampleType::Float { filterable: false }),
        };
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("marching_cubes"),
            source: wgpu::ShaderSource::Wgsl(
                format!("{alias}{}", include_str!("../../shaders/marching_cubes.wgsl")).into(),
            ),
        });
        let texture = wgpu::BindGroupLayoutEntry {
            binding: 1,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Texture {
                sample_type,
                view_dimension: wgpu::TextureViewDimension::D3,
                multisampled: false,
            },
            count: None,
        };
        let input_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("marching_cubes input"),
            entries: &[
                uniform_entry(0),
                texture,
                storage_entry(2, true),
                storage_entry(3, false),
                storage_entry(4, false),
                storage_entry(5, false),
            ],
        });
        let pipeline = |layouts: &[_], entry| compute_pipeline(device, &module, layouts, entry);
        Self {
            mark: pipeline(&[Some(&input_layout)], "mark"),
            count: pipeline(&[Some(&input_layout)], "count"),
            write_vertices: pipeline(&[Some(&input_layout), Some(output_layout)], "write_vertices"),
            write_triangles: pipeline(&[Some(&input_layout), Some(output_layout)], "write_triangles"),
            input_layout,
        }
    }
}

impl GpuMesh {
    /// The surface copied back to the CPU.
    pub fn read(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<Mesh, GpuError> {
        let (vertex_bytes, index_bytes) =
            (VERTEX_BYTES * u64::from(self.vertex_count), 12 * u64::from(self.triangle_count));
        guarded(device, || {
            let vertices = read_buffer(device, queue, &[(&self.vertices, 0, vertex_bytes)])?;
            let indices = read_buffer(device, queue, &[(&self.indices, 0, index_bytes)])?;
            let vertices: Vec<PackedVertex> = bytemuck::pod_collect_to_vec(&vertices);
            let positions = vertices.iter().map(|v| v.position).collect();
            Ok(Mesh { positions, triangles: bytemuck::pod_collect_to_vec(&indices) })
        })
    }

    /// The outward unit normals copied back to the CPU.
    pub fn read_normals(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<Vec<[f32; 3]>, GpuError> {
        let bytes = VERTEX_BYTES * u64::from(self.vertex_count);
        let vertices = guarded(device, || read_buffer(device, queue, &[(&self.vertices, 0, bytes)]))?;
        let vertices: Vec<PackedVertex> = bytemuck::pod_collect_to_vec(&vertices);
        Ok(vertices.iter().map(|v| [0, 1, 2].map(|k| f32::from(v.normal[k]) / f32::from(i16::MAX))).collect())
    }
}

/// The number of bytes, if a storage binding may have that many.
fn fits(limits: &wgpu::Limits, what: &'static str, bytes: u64) -> Result<u64, GpuError> {
    let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(u64::from(u32::MAX));
    if bytes > most {
        return Err(GpuError::TooLarge { what, needed: bytes, most, unit: "bytes" });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
