//! Vectors of each instruction set behind one trait, and the step from a run-time choice to compiled code.
//!
//! Invariant: a [`Kernel`] runs with a vector type only inside a function that is compiled for its instructions and
//! only after [`InstructionSet`] has found them on this machine. Everything below that function is inlined into it.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod interleave;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod widen;

use crate::element::Element;
use crate::isa::InstructionSet;
pub(crate) use interleave::interleave_bf16;
pub(crate) use widen::{widen_bf16, widen_f16};

/// A register of elements.
pub trait Vector<T>: Copy {
    /// The instructions.
    const SET: InstructionSet;
    /// Elements in a register.
    const LANES: usize;
    /// Registers of the machine, which bounds the tile of a kernel.
    const REGISTERS: usize;

    /// All lanes zero.
    ///
    /// # Safety
    /// The caller runs inside a function compiled for the instructions of this type (so for every method).
    unsafe fn zero() -> Self;

    /// All lanes `value`.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn splat(value: T) -> Self;

    /// The `LANES` elements at `from`, of any alignment.
    ///
    /// # Safety
    /// See [`Vector::zero`]; `from` is valid for reading `LANES` elements.
    unsafe fn load(from: *const T) -> Self;

    /// Writes `LANES` elements at `to`.
    ///
    /// # Safety
    /// See [`Vector::zero`]; `to` is valid for writing `LANES` elements.
    unsafe fn store(self, to: *mut T);

    /// The first `lanes` elements at `from`, the other lanes zero.
    ///
    /// # Safety
    /// See [`Vector::zero`]; `lanes ≤ LANES` and `from` is valid for reading `lanes` elements.
    unsafe fn load_first(from: *const T, lanes: usize) -> Self;

    /// Writes the first `lanes` elements at `to`.
    ///
    /// # Safety
    /// See [`Vector::zero`]; `lanes ≤ LANES` and `to` is valid for writing `lanes` elements.
    unsafe fn store_first(self, to: *mut T, lanes: usize);

    /// `a · b + self`.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn add_product(self, a: Self, b: Self) -> Self;

    /// The sum, lane by lane.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn plus(self, other: Self) -> Self;
}

/// A piece of work that is compiled once for each instruction set.
pub trait Kernel<T: Element> {
    /// What the work returns.
    type Output;

    /// Does the work with vectors `V`; implementations are `#[inline(always)]`.
    ///
    /// # Safety
    /// The caller is compiled for the instructions of `V`, and the machine has them.
    unsafe fn run<V: Vector<T>>(self) -> Self::Output;
}

/// The element types that kernels are compiled for. Closed: only this crate can implement it.
pub trait Dispatch: Sized {
    /// Runs a kernel with the given instructions.
    fn dispatch<K: Kernel<Self>>(set: InstructionSet, kernel: K) -> K::Output
    where
        Self: Element;
}

macro_rules! dispatch {
    ($element:ty, $avx512:ident, $avx2:ident, $neon:ident) => {
        impl Dispatch for $element {
            fn dispatch<K: Kernel<Self>>(set: InstructionSet, kernel: K) -> K::Output {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
                unsafe fn with_avx512<K: Kernel<$element>>(kernel: K) -> K::Output {
                    // SAFETY: this function is compiled for the instructions of the vector type.
                    unsafe { kernel.run::<avx512::$avx512>() }
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma,f16c")]
                unsafe fn with_avx2<K: Kernel<$element>>(kernel: K) -> K::Output {
                    // SAFETY: this function is compiled for the instructions of the vector type.
                    unsafe { kernel.run::<avx2::$avx2>() }
                }
                #[cfg(target_arch = "aarch64")]
                #[target_feature(enable = "neon")]
                unsafe fn with_neon<K: Kernel<$element>>(kernel: K) -> K::Output {
                    // SAFETY: this function is compiled for the instructions of the vector type.
                    unsafe { kernel.run::<neon::$neon>() }
                }
                match set {
                    // SAFETY: `InstructionSet::current` names only sets that were found on this machine.
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 => unsafe { with_avx512(kernel) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 => unsafe { with_avx2(kernel) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "aarch64")]
                    InstructionSet::Neon => unsafe { with_neon(kernel) },
                    // SAFETY: the portable vectors need no instructions beyond those of the target.
                    _ => unsafe { kernel.run::<portable::Array<$element>>() },
                }
            }
        }
    };
}

dispatch!(f32, F32x16, F32x8, F32x4);
dispatch!(f64, F64x8, F64x4, F64x2);

/// Whether this machine multiplies pairs of `bf16`: AVX512-BF16.
pub(crate) fn has_dots() -> bool {
    #[cfg(target_arch = "x86_64")]
    let found = InstructionSet::Avx512.is_available() && std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let found = false;
    found
}

/// Runs a kernel with vectors whose elements are pairs of `bf16` where they are loaded and multiplied, and f32 where they
/// are added and stored.
///
/// # Panics
/// Where [`has_dots`] is false.
pub(crate) fn with_dots<K: Kernel<f32>>(kernel: K) -> K::Output {
    assert!(has_dots(), "this machine has AVX512-BF16");
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
        unsafe fn run<K: Kernel<f32>>(kernel: K) -> K::Output {
            // SAFETY: this function is compiled for the instructions of the vector type.
            unsafe { kernel.run::<avx512::Dots16>() }
        }
        // SAFETY: the instructions were found on this machine.
        unsafe { run(kernel) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the portable vectors need no instructions beyond those of the target; the check above does not let this run.
    unsafe {
        kernel.run::<portable::Array<f32>>()
    }
}

/// Asks for the cache line at `address` to be brought near; never faults, whatever the address.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    // SAFETY: a prefetch is a hint; it reads nothing that the program can observe, and every x86-64 has SSE.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    let _ = address;
}

/// Asks for some of the elements at `values` to be brought into the second-level cache; they need not exist.
#[inline(always)]
pub(crate) fn prefetch_elements<T>(values: *const T, elements: std::ops::Range<usize>) {
    for element in elements.step_by(64 / size_of::<T>()) {
        let address = values.wrapping_add(element);
        // SAFETY: as in `prefetch`.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast());
        }
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        let _ = address;
    }
}
