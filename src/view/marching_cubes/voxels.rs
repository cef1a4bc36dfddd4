use crate::geometry::{Grid, Volume};
use crate::view::gpu::{GpuError, guarded};

/// What a texel of a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texel {
    /// Whole numbers, `i16`.
    Whole,
    /// Real numbers, `f32`.
    Real,
}

/// A volume on the graphics device: uploaded once, cut at any value.
#[derive(Clone, Debug)]
pub struct GpuVoxels {
    pub(super) texture: wgpu::Texture,
    pub(super) texel: Texel,
    /// Where the voxels are.
    pub grid: Grid,
}

/// Bytes handed to the queue between two submissions: bounds the staging memory.
const PORTION: usize = 64 << 20;

impl GpuVoxels {
    /// Uploads whole numbers (CT numbers).
    pub fn whole(device: &wgpu::Device, queue: &wgpu::Queue, volume: &Volume<i16>) -> Result<Self, GpuError> {
        Self::upload(device, queue, &volume.grid, &volume.data, Texel::Whole)
    }

    /// Uploads real numbers (a field).
    pub fn real(device: &wgpu::Device, queue: &wgpu::Queue, volume: &Volume<f32>) -> Result<Self, GpuError> {
        Self::upload(device, queue, &volume.grid, &volume.data, Texel::Real)
    }

    fn upload<T: bytemuck::Pod>(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        grid: &Grid,
        values: &[T],
        texel: Texel,
    ) -> Result<Self, GpuError> {
        let limits = device.limits();
        let longest = grid.size.iter().copied().max().unwrap_or(0) as u64;
        let most = u64::from(limits.max_texture_dimension_3d);
        if longest > most {
            return Err(GpuError::TooLarge {
                what: "the volume's longest side",
                needed: longest,
                most,
                unit: "voxels",
            });
        }
        let [width, height, depth] = grid.size.map(|n| n as u32);
        let format = match texel {
            Texel::Whole => wgpu::TextureFormat::R16Sint,
            Texel::Real => wgpu::TextureFormat::R32Float,
        };
        guarded(device, || {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("voxels"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: depth },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D3,
                format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            });
            let layer = grid.size[0] * grid.size[1];
            let layers = (PORTION / (layer * size_of::<T>())).max(1);
            for (k, part) in values.chunks(layers * layer).enumerate() {
                let place = wgpu::TexelCopyTextureInfo {
                    origin: wgpu::Origin3d { x: 0, y: 0, z: (k * layers) as u32 },
                    ..texture.as_image_copy()
                };
                let arrangement = wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(width * size_of::<T>() as u32),
                    rows_per_image: Some(height),
                };
                let size = wgpu::Extent3d { width, height, depth_or_array_layers: (part.len() / layer) as u32 };
                queue.write_texture(place, bytemuck::cast_slice(part), arrangement, size);
                queue.submit([]);
            }
            Ok(Self { texture, texel, grid: grid.clone() })
        })
    }
}
