//! Vectors of 128 bits on 64-bit Arm.

use std::arch::aarch64 as arch;

use super::Vector;
use crate::isa::InstructionSet;

macro_rules! vector {
    ($name:ident, $element:ty, $register:ty, $lanes:literal,
     $splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident) => {
        /// A register of NEON.
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name($register);

        // SAFETY of every block below: the caller promises NEON, and memory as the trait's methods ask for it.
        impl Vector<$element> for $name {
            const SET: InstructionSet = InstructionSet::Neon;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn zero() -> Self {
                unsafe { Self(arch::$splat(0.0)) }
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
                let mut padded = [0.0; $lanes];
                // SAFETY: the caller promises `lanes ≤ LANES` readable elements.
                unsafe { std::ptr::copy_nonoverlapping(from, padded.as_mut_ptr(), lanes) };
                unsafe { Self::load(padded.as_ptr()) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $element, lanes: usize) {
                let mut padded = [0.0; $lanes];
                unsafe { self.store(padded.as_mut_ptr()) };
                // SAFETY: the caller promises `lanes ≤ LANES` writable elements.
                unsafe { std::ptr::copy_nonoverlapping(padded.as_ptr(), to, lanes) };
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                unsafe { Self(arch::$fma(self.0, a.0, b.0)) }
            }

            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                unsafe { Self(arch::$add(self.0, other.0)) }
            }
        }
    };
}

vector!(F32x4, f32, arch::float32x4_t, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, vfmaq_f32, vaddq_f32);
vector!(F64x2, f64, arch::float64x2_t, 2, vdupq_n_f64, vld1q_f64, vst1q_f64, vfmaq_f64, vaddq_f64);
