use wgpu::util::DeviceExt as _;

/// Numbers one workgroup sums up; shaders/prefix_sum.wgsl.
const BLOCK: u32 = 1024;

/// Exclusive prefix sums of a buffer of `u32`, in place.
pub(super) struct PrefixSum {
    layout: wgpu::BindGroupLayout,
    sum_blocks: wgpu::ComputePipeline,
    add_blocks: wgpu::ComputePipeline,
}

impl PrefixSum {
    pub fn new(device: &wgpu::Device) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("prefix_sum"),
            source: wgpu::ShaderSource::Wgsl(include_str!("../../shaders/prefix_sum.wgsl").into()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("prefix_sum"),
            entries: &[uniform_entry(0), storage_entry(1, false), storage_entry(2, false)],
        });
        let pipeline = |entry| compute_pipeline(device, &module, &[Some(&layout)], entry);
        Self { sum_blocks: pipeline("sum_blocks"), add_blocks: pipeline("add_blocks"), layout }
    }

    /// Records the sums over the first `count` numbers.
    pub fn record(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        numbers: &wgpu::Buffer,
        count: u32,
    ) {
        let blocks = count.div_ceil(BLOCK);
        let sums = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("block sums"),
            size: 4 * u64::from(blocks.max(1)),
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let params = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("prefix_sum"),
            contents: bytemuck::cast_slice(&[count, 0, 0, 0]),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("prefix_sum"),
            layout: &self.layout,
            entries: &bindings(&[&params, numbers, &sums]),
        });
        dispatch(encoder, &self.sum_blocks, &[&group], blocks);
        if blocks > 1 {
            self.record(device, encoder, &sums, blocks);
            dispatch(encoder, &self.add_blocks, &[&group], blocks);
        }
    }
}

/// Binds whole buffers to 0, 1, 2 …
pub(super) fn bindings<'a>(buffers: &[&'a wgpu::Buffer]) -> Vec<wgpu::BindGroupEntry<'a>> {
    let entry = |(k, buffer): (usize, &&'a wgpu::Buffer)| wgpu::BindGroupEntry {
        binding: k as u32,
        resource: buffer.as_entire_binding(),
    };
    buffers.iter().enumerate().map(entry).collect()
}

/// A pass of at least `groups` workgroups: beyond the limit of one dimension they are laid out in two, so that a
/// shader counts `x + y · num_workgroups.x`.
pub(super) fn dispatch(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &wgpu::ComputePipeline,
    groups_bound: &[&wgpu::BindGroup],
    groups: u32,
) {
    const MOST: u32 = 65_535;
    let wide = groups.clamp(1, MOST);
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(pipeline);
    for (k, &group) in groups_bound.iter().enumerate() {
        pass.set_bind_group(k as u32, group, &[]);
    }
    pass.dispatch_workgroups(wide, groups.div_ceil(wide).max(1), 1);
}

pub(super) fn compute_pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layouts: &[Option<&wgpu::BindGroupLayout>],
    entry: &'static str,
) -> wgpu::ComputePipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(entry),
        bind_group_layouts: layouts,
        immediate_size: 0,
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: Some(&layout),
        module,
        entry_point: Some(entry),
        compilation_options: Default::default(),
        cache: None,
    })
}

pub(super) fn uniform_entry(binding: u32) -> wgpu::BindGroupLayoutEntry {
    buffer_entry(binding, wgpu::BufferBindingType::Uniform)
}

pub(super) fn storage_entry(binding: u32, read_only: bool) -> wgpu::BindGroupLayoutEntry {
    buffer_entry(binding, wgpu::BufferBindingType::Storage { read_only })
}

fn buffer_entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::gpu::{Gpu, guarded, read_buffer};

    #[test]
    fn sums_equal_the_plain_loop_over_three_levels() {
        let gpu = match Gpu::request() {
            Ok(gpu) => gpu,
            Err(error) => return println!("skipped: {error}"),
        };
        let (device, queue) = (&gpu.device, &gpu.queue);
        for count in [1usize, 1023, 1024, 1025, 3_000_001] {
            let numbers: Vec<u32> = (0..count as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 24).collect();
            let bytes = guarded(device, || {
                let buffer = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: None,
                    contents: bytemuck::cast_slice(&numbers),
                    usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
                });
                let sums = PrefixSum::new(device);
                let mut encoder = device.create_command_encoder(&Default::default());
                sums.record(device, &mut encoder, &buffer, count as u32);
                queue.submit([encoder.finish()]);
                read_buffer(device, queue, &[(&buffer, 0, 4 * count as u64)])
            });
            let found: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes.expect("the device works"));
            let mut sum = 0u32;
            for (i, (&f, &n)) in found.iter().zip(&numbers).enumerate() {
                assert_eq!(f, sum, "number {i} of {count}");
                sum += n;
            }
        }
    }
}
