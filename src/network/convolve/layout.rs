//! Where a convolution finds its numbers: the padded input as phases, flat.
//!
//! The input is copied into a volume with its zero border, split by the stride into phases (one for stride 1, two an
//! axis for stride 2). In a phase every tap of the kernel is a constant shift of the flat index, so that a row of
//! vectors runs over rows and planes without a care for borders; the few columns between rows are computed and dropped.

/// Vectors may be read beyond the last value by this many.
pub(super) const SLACK: usize = 64;

/// Shapes of one convolution: `[batch, channels, depth, height, width]` with a border of half the kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    pub output: [usize; 3],
    /// Extents of a phase.
    pub phase: [usize; 3],
    /// Length of one phase of one channel, slack included.
    pub phase_len: usize,
    /// Start of each tap in a channel's phases, kernel x fastest.
    pub taps: Vec<usize>,
}

impl Layout {
    pub fn new(batch: usize, inputs: usize, outputs: usize, input: [usize; 3], kernel: [usize; 3], by: usize) -> Self {
        // An axis of one voxel (a flat map) is not halved.
        let stride: [usize; 3] = std::array::from_fn(|a| if input[a] == 1 { 1 } else { by });
        let output: [usize; 3] = std::array::from_fn(|a| (input[a] - 1) / stride[a] + 1);
        let phase: [usize; 3] = std::array::from_fn(|a| (input[a] + kernel[a] / 2 * 2).div_ceil(stride[a]));
        let phase_len = phase.iter().product::<usize>() + SLACK;
        let mut taps = Vec::with_capacity(kernel.iter().product());
        for z in 0..kernel[0] {
            for y in 0..kernel[1] {
                for x in 0..kernel[2] {
                    let (number, at) = Self::place([z, y, x], &stride, &phase);
                    taps.push(number * phase_len + at);
                }
            }
        }
        Self { batch, inputs, outputs, input, kernel, stride, output, phase, phase_len, taps }
    }

    /// Phase and flat index in it of a padded position.
    fn place(at: [usize; 3], stride: &[usize; 3], phase: &[usize; 3]) -> (usize, usize) {
        let number = (at[0] % stride[0] * stride[1] + at[1] % stride[1]) * stride[2] + at[2] % stride[2];
        let flat = (at[0] / stride[0] * phase[1] + at[1] / stride[1]) * phase[2] + at[2] / stride[2];
        (number, flat)
    }

    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    pub fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    /// Values of one padded channel.
    pub fn channel_len(&self) -> usize {
        self.stride.iter().product::<usize>() * self.phase_len
    }

    /// Flat positions of a plane that hold outputs (the last row ends before its border).
    pub fn plane_len(&self) -> usize {
        (self.output[1] - 1) * self.phase[2] + self.output[2]
    }

    /// Flat length of a plane of a phase.
    pub fn plane_step(&self) -> usize {
        self.phase[1] * self.phase[2]
    }

    /// Copies one channel into its zeroed phases.
    pub fn pad(&self, from: &[f32], to: &mut [f32]) {
        let [_, height, width] = self.input;
        let border = self.kernel.map(|k| k / 2);
        for (row, values) in from.chunks_exact(width).enumerate() {
            let (z, y) = (row / height, row % height);
            for first in 0..self.stride[2].min(width) {
                let at = [z + border[0], y + border[1], first + border[2]];
                let (number, flat) = Self::place(at, &self.stride, &self.phase);
                let start = number * self.phase_len + flat;
                if self.stride[2] == 1 {
                    to[start..start + width].copy_from_slice(values);
                } else {
                    let out = &mut to[start..];
                    values[first..].iter().step_by(self.stride[2]).zip(out).for_each(|(v, o)| *o = *v);
                }
            }
        }
    }

    /// Copies one channel of the output's shape into flat positions of a phase, zero between them.
    pub fn spread(&self, from: &[f32], to: &mut [f32]) {
        let [_, height, width] = self.output;
        for (row, values) in from.chunks_exact(width).enumerate() {
            let start = row / height * self.plane_step() + row % height * self.phase[2];
            to[start..start + width].copy_from_slice(values);
        }
    }
}
