//! Vectors of 256 bits on x86-64, with fused multiply-add.

use std::arch::x86_64 as arch;

use super::Vector;
use crate::isa::InstructionSet;

/// Eight set words, then eight clear ones: a mask of the first `n` lanes starts `n` words before the middle.
static FIRST_LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

macro_rules! vector {
    ($name:ident, $element:ty, $register:ty, $lanes:literal, $words:literal,
     $zero:ident, $splat:ident, $load:ident, $store:ident, $load_first:ident, $store_first:ident, $fma:ident, $add:ident) => {
        /// A register of AVX.
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name($register);

        // SAFETY of every block below: the caller promises AVX2 and FMA, and memory as the trait's methods ask for it.
        impl $name {
            #[inline(always)]
            unsafe fn mask(lanes: usize) -> arch::__m256i {
                // SAFETY: `lanes · words ≤ 8`, so the eight words that are read lie inside the table.
                unsafe { arch::_mm256_loadu_si256(FIRST_LANES.as_ptr().add(8 - lanes * $words).cast()) }
            }
        }

        impl Vector<$element> for $name {
            const SET: InstructionSet = InstructionSet::Avx2;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 16;

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
                unsafe { Self(arch::$load_first(from, Self::mask(lanes))) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $element, lanes: usize) {
                unsafe { arch::$store_first(to, Self::mask(lanes), self.0) }
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                unsafe { Self(arch::$fma(a.0, b.0, self.0)) }
            }

            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                unsafe { Self(arch::$add(self.0, other.0)) }
            }
        }
    };
}

vector!(
    F32x8,
    f32,
    arch::__m256,
    8,
    1,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_maskload_ps,
    _mm256_maskstore_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps
);
vector!(
    F64x4,
    f64,
    arch::__m256d,
    4,
    2,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_maskload_pd,
    _mm256_maskstore_pd,
    _mm256_fmadd_pd,
    _mm256_add_pd
);
