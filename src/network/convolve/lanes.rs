//! Vectors of the processor at hand, so that one kernel serves them all.
//!
//! Everything unsafe of the networks is here and in `kernel.rs`.

/// A few f32 side by side.
pub(super) trait Lanes: Copy {
    /// How many.
    const WIDTH: usize;
    /// All the same value.
    fn splat(value: f32) -> Self;
    /// # Safety
    /// `WIDTH` values can be read from `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `WIDTH` values can be written to `to`.
    unsafe fn store(self, to: *mut f32);
    /// `self + a·b`, rounded once where the processor can.
    fn add_product(self, a: Self, b: Self) -> Self;

    /// The sum, in the order of the lanes.
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut values = [0f32; 16];
        // SAFETY: no processor's vector is wider than the array.
        unsafe { self.store(values.as_mut_ptr()) };
        values[..Self::WIDTH].iter().sum()
    }
}

/// Eight plain numbers, which every compiler turns into what the processor's baseline offers.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Lanes for Plain {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; no alignment is asked for.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise; no alignment is asked for.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        // Without an instruction for it a fused product is a slow call.
        let fused = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
        let one = |i: usize| if fused { a.0[i].mul_add(b.0[i], self.0[i]) } else { self.0[i] + a.0[i] * b.0[i] };
        Self(std::array::from_fn(one))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Eight lanes; only made where AVX2 and FMA were found.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    impl Lanes for Avx2 {
        const WIDTH: usize = 8;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: used behind a check for AVX2 only, as is all below.
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's promise.
            Self(unsafe { _mm256_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's promise.
            unsafe { _mm256_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `splat`; FMA is checked together with AVX2.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
    }

    /// Sixteen lanes; only made where AVX-512F was found.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    impl Lanes for Avx512 {
        const WIDTH: usize = 16;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: used behind a check for AVX-512F only, as is all below.
            Self(unsafe { _mm512_set1_ps(value) })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's promise.
            Self(unsafe { _mm512_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's promise.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
    }
}
