use super::PictureError;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A device without a window, at the adapter's own limits: hardware if there is some, else software.
pub(super) fn open() -> Result<(wgpu::Device, wgpu::Queue), PictureError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options =
        wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    let adapter = wait_for(instance.request_adapter(&options)).map_err(|e| PictureError::NoAdapter(e.to_string()))?;
    let descriptor =
        wgpu::DeviceDescriptor { label: Some("picture"), required_limits: adapter.limits(), ..Default::default() };
    wait_for(adapter.request_device(&descriptor)).map_err(|e| PictureError::NoAdapter(e.to_string()))
}

/// The value of a future; outside of a browser wgpu's futures are ready at once.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::yield_now();
    }
}

/// A texture on its way back to memory.
pub(super) struct Readback {
    buffer: wgpu::Buffer,
    row_bytes: usize,
    padded_bytes: usize,
}

impl Readback {
    /// Records the copy of a texture of `pixel_bytes` bytes a pixel.
    pub fn record(
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        texture: &wgpu::Texture,
        pixel_bytes: u32,
    ) -> Self {
        let size = texture.size();
        let row = size.width * pixel_bytes;
        let padded = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: u64::from(padded) * u64::from(size.height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(padded), rows_per_image: Some(size.height) };
        let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), destination, size);
        Self { buffer, row_bytes: row as usize, padded_bytes: padded as usize }
    }

    /// The rows without padding, after the submission.
    pub fn bytes(self, device: &wgpu::Device) -> Result<Vec<u8>, PictureError> {
        let failed = |what: String| PictureError::Device(what);
        let (tell, told) = std::sync::mpsc::channel();
        self.buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more only when the wait below has failed.
            let _ = tell.send(result);
        });
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| failed(e.to_string()))?;
        let mapped = told.recv().map_err(|e| failed(e.to_string()))?;
        mapped.map_err(|e| failed(e.to_string()))?;
        let view = self.buffer.slice(..).get_mapped_range().map_err(|e| failed(e.to_string()))?;
        Ok(view.chunks_exact(self.padded_bytes).flat_map(|row| &row[..self.row_bytes]).copied().collect())
    }
}
