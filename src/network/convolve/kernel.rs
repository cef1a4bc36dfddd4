//! The inner loops, register-blocked: a few output channels times a few vectors are summed without leaving registers.

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Plain};

/// Output channels that are computed together, forward.
pub(super) const BLOCK: usize = 8;
/// Output channels whose weight gradients are computed together.
pub(super) const GRADIENT_BLOCK: usize = 4;
/// Taps whose weight gradients are computed together: a row of a kernel.
const ROW: usize = 3;

/// Which vectors to use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Processor {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Processor {
    /// The best of this machine.
    pub fn found() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Plain
    }

    /// All that this machine has.
    #[cfg(test)]
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Self::Avx512);
            }
        }
        all
    }
}

/// One plane of a block of output channels.
pub(super) struct Plane<'a> {
    /// The padded input from the plane's first position on; every channel `channel_len` apart.
    pub input: &'a [f32],
    pub channel_len: usize,
    pub channels: usize,
    pub taps: &'a [usize],
    /// `[channels][taps][BLOCK]`.
    pub weights: &'a [f32],
    /// `[BLOCK][stride]`, of which `count` (rounded up to vectors) are written.
    pub out: &'a mut [f32],
    pub stride: usize,
    pub count: usize,
}

/// Sums one plane.
pub(super) fn plane(processor: Processor, job: &mut Plane) {
    let last = (job.channels - 1) * job.channel_len + job.taps.iter().max().copied().unwrap_or(0);
    assert!(job.input.len() >= last + job.count + super::layout::SLACK - 1);
    assert!(job.out.len() >= (BLOCK - 1) * job.stride + job.count.next_multiple_of(super::layout::SLACK));
    assert!(job.weights.len() >= job.channels * job.taps.len() * BLOCK);
    match processor {
        // SAFETY: the processor has what the function is compiled for, and the asserts bound every access:
        // a vector starts before `count` and is at most `SLACK` long.
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512 => unsafe { plane_avx512(job) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Processor::Avx2 => unsafe { plane_avx2(job) },
        // SAFETY: as above.
        Processor::Plain => unsafe { plane_of::<Plain, 4, 2>(job) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn plane_avx512(job: &mut Plane) {
    // 8 × 2 sums, 2 inputs and a weight of the 32 registers.
    unsafe { plane_of::<Avx512, 8, 2>(job) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn plane_avx2(job: &mut Plane) {
    // 4 × 2 sums, 2 inputs and a weight of the 16 registers.
    unsafe { plane_of::<Avx2, 4, 2>(job) }
}

/// `C` channels times `V` vectors at a time; `C` divides [`BLOCK`].
#[inline(always)]
unsafe fn plane_of<L: Lanes, const C: usize, const V: usize>(job: &mut Plane) {
    let taps = job.taps.len();
    for first in (0..BLOCK).step_by(C) {
        for at in (0..job.count).step_by(V * L::WIDTH) {
            let mut sums = [[L::splat(0.0); V]; C];
            for channel in 0..job.channels {
                // SAFETY: bounded by the asserts in `plane`.
                let input = unsafe { job.input.as_ptr().add(channel * job.channel_len + at) };
                let mut weights = unsafe { job.weights.as_ptr().add(channel * taps * BLOCK + first) };
                for tap in job.taps {
                    let from = unsafe { input.add(*tap) };
                    let mut values = [L::splat(0.0); V];
                    for (v, value) in values.iter_mut().enumerate() {
                        *value = unsafe { L::load(from.add(v * L::WIDTH)) };
                    }
                    for (c, sums) in sums.iter_mut().enumerate() {
                        let weight = L::splat(unsafe { *weights.add(c) });
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = sum.add_product(weight, value);
                        }
                    }
                    weights = unsafe { weights.add(BLOCK) };
                }
            }
            for (c, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    // SAFETY: bounded by the asserts in `plane`.
                    unsafe { sum.store(job.out.as_mut_ptr().add((first + c) * job.stride + at + v * L::WIDTH)) };
                }
            }
        }
    }
}

/// Products of output gradients with shifted inputs, summed over flat positions.
pub(super) struct Correlation<'a> {
    /// `[GRADIENT_BLOCK][stride]`, zero where there is no output, up to the slack.
    pub gradient: &'a [f32],
    pub stride: usize,
    /// One padded channel.
    pub input: &'a [f32],
    pub taps: &'a [usize],
    pub range: std::ops::Range<usize>,
    /// `[GRADIENT_BLOCK][taps]`, added to.
    pub out: &'a mut [f32],
}

/// Adds the sums over a range of flat positions.
pub(super) fn correlate(processor: Processor, job: &mut Correlation) {
    let end = job.range.end + super::layout::SLACK - 1;
    assert!(job.gradient.len() >= (GRADIENT_BLOCK - 1) * job.stride + end);
    assert!(job.taps.iter().all(|tap| job.input.len() >= tap + end));
    assert!(job.out.len() >= GRADIENT_BLOCK * job.taps.len());
    match processor {
        // SAFETY: the processor has what the function is compiled for, and the asserts bound every access.
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512 => unsafe { correlate_avx512(job) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Processor::Avx2 => unsafe { correlate_avx2(job) },
        // SAFETY: as above.
        Processor::Plain => unsafe { correlate_of::<Plain>(job) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn correlate_avx512(job: &mut Correlation) {
    unsafe { correlate_of::<Avx512>(job) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn correlate_avx2(job: &mut Correlation) {
    unsafe { correlate_of::<Avx2>(job) }
}

#[inline(always)]
unsafe fn correlate_of<L: Lanes>(job: &mut Correlation) {
    let count = job.taps.len();
    let mut first = 0;
    while first < count {
        // SAFETY: bounded by the asserts in `correlate`.
        if count - first >= ROW {
            unsafe { correlate_row::<L, ROW>(job, first) };
            first += ROW;
        } else {
            unsafe { correlate_row::<L, 1>(job, first) };
            first += 1;
        }
    }
}

#[inline(always)]
unsafe fn correlate_row<L: Lanes, const T: usize>(job: &mut Correlation, first: usize) {
    let mut sums = [[L::splat(0.0); T]; GRADIENT_BLOCK];
    let taps: [usize; T] = std::array::from_fn(|t| job.taps[first + t]);
    let (gradient, input) = (job.gradient.as_ptr(), job.input.as_ptr());
    for at in job.range.clone().step_by(L::WIDTH) {
        // SAFETY: bounded by the asserts in `correlate`.
        let mut values = [L::splat(0.0); T];
        for (value, tap) in values.iter_mut().zip(taps) {
            *value = unsafe { L::load(input.add(at + tap)) };
        }
        for (c, sums) in sums.iter_mut().enumerate() {
            let own = unsafe { L::load(gradient.add(c * job.stride + at)) };
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = sum.add_product(own, value);
            }
        }
    }
    for (c, sums) in sums.iter().enumerate() {
        for (t, sum) in sums.iter().enumerate() {
            job.out[c * job.taps.len() + first + t] += sum.sum();
        }
    }
}
