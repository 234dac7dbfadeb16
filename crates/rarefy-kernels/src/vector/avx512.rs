//! Vectors of 512 bits on x86-64.

use std::arch::x86_64 as arch;

use super::Vector;
use crate::isa::InstructionSet;

macro_rules! vector {
    ($name:ident, $element:ty, $register:ty, $lanes:literal, $mask:ty,
     $zero:ident, $splat:ident, $load:ident, $store:ident, $load_first:ident, $store_first:ident, $fma:path, $add:ident) => {
        /// A register of AVX-512.
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name($register);

        // SAFETY of every block below: the caller promises AVX-512, and memory as the trait's methods ask for it.
        impl Vector<$element> for $name {
            const SET: InstructionSet = InstructionSet::Avx512;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn zero() -> Self {
                unsafe { Self(arch::$zero()) }
            }

            #[inline(always)]
            unsafe fn splat(value: $element) -> Self {
                unsafe { Self(arch::$splat(value)) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                unsafe { Self(arch::$load(from)) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                unsafe { arch::$store(to, self.0) }
            }

            #[inline(always)]
            unsafe fn load_first(from: *const $element, lanes: usize) -> Self {
                unsafe { Self(arch::$load_first(((1_u32 << lanes) - 1) as $mask, from)) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $element, lanes: usize) {
                unsafe { arch::$store_first(to, ((1_u32 << lanes) - 1) as $mask, self.0) }
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                unsafe { Self($fma(a.0, b.0, self.0)) }
            }

            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                unsafe { Self(arch::$add(self.0, other.0)) }
            }
        }
    };
}

vector!(
    F32x16,
    f32,
    arch::__m512,
    16,
    arch::__mmask16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    arch::_mm512_fmadd_ps,
    _mm512_add_ps
);
vector!(
    F64x8,
    f64,
    arch::__m512d,
    8,
    arch::__mmask8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_mask_storeu_pd,
    arch::_mm512_fmadd_pd,
    _mm512_add_pd
);

vector!(
    Dots16,
    f32,
    arch::__m512,
    16,
    arch::__mmask16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    dots,
    _mm512_add_ps
);

/// The products of two pairs of `bf16` a lane, added to the sums.
///
/// # Safety
/// The caller is compiled for AVX512-BF16.
#[inline(always)]
unsafe fn dots(a: arch::__m512, b: arch::__m512, sums: arch::__m512) -> arch::__m512 {
    // SAFETY: both types are 512 bits of which every pattern is a value.
    let pairs = |bits| unsafe { std::mem::transmute::<arch::__m512, arch::__m512bh>(bits) };
    // SAFETY: the caller promises the instruction.
    unsafe { arch::_mm512_dpbf16_ps(sums, pairs(a), pairs(b)) }
}
