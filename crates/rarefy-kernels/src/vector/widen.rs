//! `bf16` and `f16` to f32, by the instructions of the vectors that the caller is compiled for.

use half::{bf16, f16};

use super::Vector;
use crate::isa::InstructionSet;

/// Widens `count` values of `bf16`.
///
/// # Safety
/// `from` and `to` are valid for `count` elements and do not overlap; the caller is compiled for the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn widen_bf16<V: Vector<f32>>(from: *const bf16, count: usize, to: *mut f32) {
    let mut done = 0;
    // SAFETY: every step stays below `count`, and the instructions are there, as the caller promises.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        match V::SET {
            InstructionSet::Avx512 => {
                while done + 16 <= count {
                    x86::bf16_by_16(from.add(done).cast(), to.add(done));
                    done += 16;
                }
            }
            InstructionSet::Avx2 => {
                while done + 8 <= count {
                    x86::bf16_by_8(from.add(done).cast(), to.add(done));
                    done += 8;
                }
            }
            _ => {}
        }
        while done < count {
            to.add(done).write(from.add(done).read().to_f32_const());
            done += 1;
        }
    }
}

/// Widens `count` values of `f16`.
///
/// # Safety
/// As [`widen_bf16`].
#[inline(always)]
pub(crate) unsafe fn widen_f16<V: Vector<f32>>(from: *const f16, count: usize, to: *mut f32) {
    let mut done = 0;
    // SAFETY: as in `widen_bf16`.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        match V::SET {
            InstructionSet::Avx512 => {
                while done + 16 <= count {
                    x86::f16_by_16(from.add(done).cast(), to.add(done));
                    done += 16;
                }
            }
            InstructionSet::Avx2 => {
                while done + 8 <= count {
                    x86::f16_by_8(from.add(done).cast(), to.add(done));
                    done += 8;
                }
            }
            _ => {}
        }
        while done < count {
            to.add(done).write(from.add(done).read().to_f32_const());
            done += 1;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64 as arch;

    // SAFETY of every function below: the caller promises the instructions of its name, and memory for that many elements.

    #[inline(always)]
    pub(super) unsafe fn bf16_by_16(from: *const u16, to: *mut f32) {
        unsafe {
            let wide = arch::_mm512_cvtepu16_epi32(arch::_mm256_loadu_si256(from.cast()));
            arch::_mm512_storeu_ps(to, arch::_mm512_castsi512_ps(arch::_mm512_slli_epi32::<16>(wide)));
        }
    }

    #[inline(always)]
    pub(super) unsafe fn bf16_by_8(from: *const u16, to: *mut f32) {
        unsafe {
            let wide = arch::_mm256_cvtepu16_epi32(arch::_mm_loadu_si128(from.cast()));
            arch::_mm256_storeu_ps(to, arch::_mm256_castsi256_ps(arch::_mm256_slli_epi32::<16>(wide)));
        }
    }

    #[inline(always)]
    pub(super) unsafe fn f16_by_16(from: *const u16, to: *mut f32) {
        unsafe { arch::_mm512_storeu_ps(to, arch::_mm512_cvtph_ps(arch::_mm256_loadu_si256(from.cast()))) }
    }

    #[inline(always)]
    pub(super) unsafe fn f16_by_8(from: *const u16, to: *mut f32) {
        unsafe { arch::_mm256_storeu_ps(to, arch::_mm256_cvtph_ps(arch::_mm_loadu_si128(from.cast()))) }
    }
}
