use crate::view::gpu::{Gpu, GpuError, read_buffer};

/// A texture of four bytes a pixel on its way back to memory.
pub(super) struct Readback {
    buffer: wgpu::Buffer,
    row_bytes: usize,
    padded_bytes: usize,
}

impl Readback {
    /// Records the copy of a texture into a buffer.
    pub fn record(device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder, texture: &wgpu::Texture) -> Self {
        let size = texture.size();
        let row = size.width * 4;
        let padded = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: u64::from(padded) * u64::from(size.height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(padded), rows_per_image: Some(size.height) };
        let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), destination, size);
        Self { buffer, row_bytes: row as usize, padded_bytes: padded as usize }
    }

    /// The rows without padding, after the submission.
    pub fn bytes(self, gpu: &Gpu) -> Result<Vec<u8>, GpuError> {
        let bytes = read_buffer(&gpu.device, &gpu.queue, &[(&self.buffer, 0, self.buffer.size())])?;
        Ok(bytes.chunks_exact(self.padded_bytes).flat_map(|row| &row[..self.row_bytes]).copied().collect())
    }
}
