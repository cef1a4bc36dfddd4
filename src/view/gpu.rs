use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

/// Why the graphics adapter did not do what was asked; the caller then takes the CPU's way.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// Neither a GPU nor a software driver answers.
    #[error("no graphics adapter: {0}; install a Vulkan driver (mesa-vulkan-drivers for a software one)")]
    NoAdapter(String),
    /// The adapter is there but gives no device.
    #[error("the graphics adapter {adapter} cannot be used: {reason}")]
    NoDevice {
        /// What the adapter calls itself.
        adapter: String,
        /// Its reason.
        reason: String,
    },
    /// The adapter's limits are too small for this volume.
    #[error("{what} takes {needed} {unit}, this graphics adapter allows {most}")]
    TooLarge {
        /// What does not fit.
        what: &'static str,
        /// How much it takes.
        needed: u64,
        /// How much is allowed.
        most: u64,
        /// Bytes or voxels.
        unit: &'static str,
    },
    /// The adapter failed at work (out of memory, lost, a driver's fault).
    #[error("the graphics adapter failed: {0}")]
    Device(String),
    /// The adapter speaks OpenGL alone, to which not every shader can be translated.
    #[error(
        "the graphics adapter {adapter} failed; install a Vulkan driver (mesa-vulkan-drivers for a software one). It said: {reason}"
    )]
    OpenGl {
        /// What the adapter calls itself.
        adapter: String,
        /// What it said.
        reason: String,
    },
}

impl GpuError {
    /// What failed on an adapter; where it speaks OpenGL alone, with what to install.
    pub(super) fn on(self, adapter: &AdapterSummary) -> Self {
        match self {
            Self::Device(reason) if adapter.backend == "Gl" => Self::OpenGl { adapter: adapter.to_string(), reason },
            other => other,
        }
    }
}

/// What the user should know about a graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    /// What it calls itself.
    pub name: String,
    /// Vulkan, Metal, Dx12 or Gl.
    pub backend: String,
    /// It computes on the CPU: our own CPU code is then the faster way.
    pub software: bool,
}

impl AdapterSummary {
    /// The summary of an adapter (`device.adapter_info()` of a window's device).
    pub fn of(info: &wgpu::AdapterInfo) -> Self {
        Self {
            name: info.name.clone(),
            backend: format!("{:?}", info.backend),
            software: info.device_type == wgpu::DeviceType::Cpu,
        }
    }
}

impl std::fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}{})", self.name, self.backend, if self.software { ", software" } else { "" })
    }
}

/// A graphics device without a window.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// The device, with all of its adapter's limits.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// What it runs on.
    pub summary: AdapterSummary,
}

impl Gpu {
    /// The fastest adapter there is, a software one if nothing else; errors on the device are logged and never panic.
    pub fn request() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let fastest = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter =
            resolve(instance.request_adapter(&fastest)).map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let summary = AdapterSummary::of(&adapter.get_info());
        let wanted = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let (device, queue) = resolve(adapter.request_device(&wanted))
            .map_err(|error| GpuError::NoDevice { adapter: summary.to_string(), reason: error.to_string() })?;
        log_errors(&device);
        Ok(Self { device, queue, summary })
    }
}

/// Makes errors that no scope catches a line in the log instead of a panic.
pub fn log_errors(device: &wgpu::Device) {
    device.on_uncaptured_error(Arc::new(|error| log::error!("graphics: {error}")));
}

/// Runs work on a device; what the device reports of it comes back as an error.
pub(super) fn guarded<T>(device: &wgpu::Device, work: impl FnOnce() -> Result<T, GpuError>) -> Result<T, GpuError> {
    let filters = [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory];
    let scopes = filters.map(|filter| device.push_error_scope(filter));
    let done = work();
    // The last one pushed is popped first.
    let mut reported = None;
    for scope in scopes.into_iter().rev() {
        if let Some(error) = resolve(scope.pop()) {
            reported.get_or_insert(error);
        }
    }
    match reported {
        Some(error) => Err(GpuError::Device(error.to_string())),
        None => done,
    }
}

/// The first `bytes` of a buffer with usage COPY_SRC, waited for.
pub(super) fn read_buffer(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    parts: &[(&wgpu::Buffer, u64, u64)],
) -> Result<Vec<u8>, GpuError> {
    let size = parts.iter().map(|part| part.2).sum();
    if size == 0 {
        return Ok(Vec::new());
    }
    let landing = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut place = 0;
    for &(buffer, from, bytes) in parts {
        encoder.copy_buffer_to_buffer(buffer, from, &landing, place, bytes);
        place += bytes;
    }
    queue.submit([encoder.finish()]);
    let (tell, told) = mpsc::channel();
    landing.map_async(wgpu::MapMode::Read, .., move |result| {
        // The receiver is gone only when the wait below failed, which is reported there.
        let _ = tell.send(result);
    });
    let failed = |text: String| GpuError::Device(text);
    device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| failed(e.to_string()))?;
    told.recv().map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
    let bytes = landing.get_mapped_range(..).map_err(|e| failed(e.to_string()))?.to_vec();
    landing.unmap();
    Ok(bytes)
}

/// Waits for a future of wgpu: on native backends it is ready at once or needs no waker.
fn resolve<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_opengl_alone_draws_a_driver_is_named() {
        let adapter =
            |backend: &str| AdapterSummary { name: "llvmpipe".into(), backend: backend.into(), software: true };
        let failed = GpuError::Device("a shader".into());
        assert!(failed.clone().on(&adapter("Gl")).to_string().contains("install a Vulkan driver"));
        assert_eq!(failed.clone().on(&adapter("Vulkan")), failed);
        assert_eq!(format!("{:?}", wgpu::Backend::Gl), "Gl");
    }

    #[test]
    fn a_device_error_comes_back_as_an_error_and_the_device_goes_on() {
        let gpu = match Gpu::request() {
            Ok(gpu) => gpu,
            Err(error) => return println!("skipped: {error}"),
        };
        assert!(!gpu.summary.name.is_empty());
        let broken = guarded(&gpu.device, || {
            let size = gpu.device.limits().max_buffer_size + 4;
            let usage = wgpu::BufferUsages::STORAGE;
            Ok(gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            }))
        });
        assert!(matches!(broken, Err(GpuError::Device(_))), "{broken:?}");
        let sound = guarded(&gpu.device, || {
            let usage = wgpu::BufferUsages::COPY_SRC;
            let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 8,
                usage,
                mapped_at_creation: false,
            });
            read_buffer(&gpu.device, &gpu.queue, &[(&buffer, 0, 8)])
        });
        assert_eq!(sound, Ok(vec![0; 8]));
    }
}
