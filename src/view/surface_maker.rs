use super::gpu::{AdapterSummary, GpuError};
use super::marching_cubes::{Cut, GpuVoxels, MarchingCubes};
use crate::geometry::{Mesh, Volume};
use crate::surface::{closed_isosurface, isosurface};

/// Cuts surfaces for the screen: in a compute shader where the adapter is a real one, else on the CPU. Both ways give the
/// same triangles in the same order. Cheap calls may come from any thread.
pub struct SurfaceMaker {
    shader: Result<Shader, CpuReason>,
}

struct Shader {
    device: wgpu::Device,
    queue: wgpu::Queue,
    cubes: MarchingCubes,
    adapter: AdapterSummary,
}

/// Why the CPU cuts.
#[derive(Clone, Debug, PartialEq)]
pub enum CpuReason {
    /// There is no device to ask.
    NoDevice,
    /// The adapter computes on the CPU itself, and slower than our code.
    SoftwareAdapter(AdapterSummary),
    /// The adapter failed or is too small.
    Failed(GpuError),
}

/// Which way a surface was cut; its text is for the status bar.
#[derive(Clone, Debug, PartialEq)]
pub enum SurfaceWay {
    /// In a compute shader on this adapter.
    Shader(AdapterSummary),
    /// On the CPU, and why.
    Cpu(CpuReason),
}

impl std::fmt::Display for SurfaceWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shader(adapter) => write!(f, "surface by compute shader on {adapter}"),
            Self::Cpu(CpuReason::NoDevice) => write!(f, "surface on the CPU (no graphics adapter)"),
            Self::Cpu(CpuReason::SoftwareAdapter(adapter)) => write!(f, "surface on the CPU ({adapter})"),
            Self::Cpu(CpuReason::Failed(error)) => write!(f, "surface on the CPU ({error})"),
        }
    }
}

impl SurfaceMaker {
    /// On a window's (or any) device: the shader on a real adapter, the CPU on a software one.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let adapter = AdapterSummary::of(&device.adapter_info());
        if adapter.software {
            return Self { shader: Err(CpuReason::SoftwareAdapter(adapter)) };
        }
        Self::with_shader(device, queue)
    }

    /// The shader on any adapter, a software one too (to test it).
    pub fn with_shader(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let adapter = AdapterSummary::of(&device.adapter_info());
        let made = MarchingCubes::new(device);
        let shader = |cubes| Shader { device: device.clone(), queue: queue.clone(), cubes, adapter };
        Self { shader: made.map(shader).map_err(CpuReason::Failed) }
    }

    /// Without a device.
    pub fn on_cpu() -> Self {
        Self { shader: Err(CpuReason::NoDevice) }
    }

    /// The surface of a volume, and which way it was cut. Never fails: what the adapter cannot do, the CPU does.
    pub fn cut(&self, volume: &Volume<i16>, cut: &Cut) -> (Mesh, SurfaceWay) {
        let reason = match &self.shader {
            Ok(shader) => match shader.cut(volume, cut) {
                Ok(mesh) => return (mesh, SurfaceWay::Shader(shader.adapter.clone())),
                Err(error) => {
                    log::warn!("the surface is cut on the CPU: {error}");
                    CpuReason::Failed(error)
                }
            },
            Err(reason) => reason.clone(),
        };
        let way = if cut.closed { closed_isosurface } else { isosurface };
        (way(&volume.grid, &volume.data, cut.iso, cut.inside_above), SurfaceWay::Cpu(reason))
    }
}

impl Shader {
    fn cut(&self, volume: &Volume<i16>, cut: &Cut) -> Result<Mesh, GpuError> {
        let voxels = GpuVoxels::whole(&self.device, &self.queue, volume)?;
        self.cubes.extract(&self.device, &self.queue, &voxels, cut)?.read(&self.device, &self.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;
    use crate::view::gpu::Gpu;

    #[test]
    fn every_way_gives_the_same_triangles_and_says_which_it_was() {
        let grid = Grid::axis_aligned([40, 30, 20], [1.0; 3], Default::default());
        let value = |o: usize| 100 - grid.index(o).iter().map(|&v| (v as i16 - 12).pow(2)).sum::<i16>();
        let volume = Volume::new(grid.clone(), (0..grid.len()).map(value).collect());
        let cut = Cut { iso: 0.0, inside_above: true, closed: true };
        let (mesh, way) = SurfaceMaker::on_cpu().cut(&volume, &cut);
        assert_eq!(way.to_string(), "surface on the CPU (no graphics adapter)");
        assert!(mesh.triangles.len() > 1000);
        let gpu = match Gpu::request() {
            Ok(gpu) => gpu,
            Err(error) => return println!("skipped: {error}"),
        };
        let (chosen, way) = SurfaceMaker::new(&gpu.device, &gpu.queue).cut(&volume, &cut);
        assert_eq!(gpu.summary.software, matches!(way, SurfaceWay::Cpu(CpuReason::SoftwareAdapter(_))), "{way}");
        let (shader, way) = SurfaceMaker::with_shader(&gpu.device, &gpu.queue).cut(&volume, &cut);
        assert_eq!(way, SurfaceWay::Shader(gpu.summary.clone()));
        assert!(chosen.triangles == mesh.triangles && shader.triangles == mesh.triangles);

        // A volume that the adapter refuses is cut on the CPU all the same.
        let side = gpu.device.limits().max_texture_dimension_3d as usize + 1;
        let long = Volume::filled(Grid::axis_aligned([side, 1, 1], [1.0; 3], Default::default()), 1i16);
        let (rod, way) = SurfaceMaker::with_shader(&gpu.device, &gpu.queue).cut(&long, &cut);
        assert!(matches!(way, SurfaceWay::Cpu(CpuReason::Failed(GpuError::TooLarge { .. }))), "{way}");
        assert!(rod.triangles.len() > side);
    }
}
