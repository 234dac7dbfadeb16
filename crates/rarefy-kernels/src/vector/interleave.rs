//! Two rows of f32 as one of pairs of `bf16`, for the instruction that multiplies pairs.

/// Writes the values of `low` and of `high`, zeros where there is none, rounded to `bf16` into the lower and upper halves of
/// the elements of `to`.
///
/// # Safety
/// The machine has AVX512-BF16; a caller that is compiled for it runs this without calls.
///
/// # Panics
/// When the lengths differ.
#[inline(always)]
pub(crate) unsafe fn interleave_bf16(low: &[f32], high: Option<&[f32]>, to: &mut [u32]) {
    assert!(low.len() == to.len() && high.is_none_or(|high| high.len() == to.len()), "a place for every pair");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the lengths were found to be equal, and the caller promises the instructions.
    unsafe {
        x86::interleave(low.as_ptr(), high.map(<[f32]>::as_ptr), to.len(), to.as_mut_ptr());
    }
    #[cfg(not(target_arch = "x86_64"))]
    for (place, to) in to.iter_mut().enumerate() {
        *to = pair(low[place], high.map_or(0.0, |high| high[place]));
    }
}

/// What the instructions do, in plain code.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn pair(low: f32, high: f32) -> u32 {
    let [low, high] = [low, high].map(|value| u32::from(crate::storage::rounded_bf16(value).to_bits()));
    low | high << 16
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64 as arch;

    const LANES: usize = 16;

    /// Word `2 i` is word `i`, word `2 i + 1` is word `16 + i`.
    const ORDER: [u16; 2 * LANES] = {
        let mut order = [0; 2 * LANES];
        let mut place = 0;
        while place < LANES {
            order[2 * place] = place as u16;
            order[2 * place + 1] = (LANES + place) as u16;
            place += 1;
        }
        order
    };

    /// # Safety
    /// The machine has AVX512-BF16; the pointers are valid for `count` elements.
    #[inline(always)]
    pub(super) unsafe fn interleave(low: *const f32, high: Option<*const f32>, count: usize, to: *mut u32) {
        // SAFETY: lanes at and beyond `count` are masked; `ORDER` is 512 bits, as are both types of the transmutation, of
        // which every pattern is a value.
        unsafe {
            let order = arch::_mm512_loadu_si512(ORDER.as_ptr().cast());
            for first in (0..count).step_by(LANES) {
                let left = (count - first).min(LANES) as u32;
                let mask = (u32::MAX >> (32 - left)) as arch::__mmask16;
                let below = arch::_mm512_maskz_loadu_ps(mask, low.add(first));
                let above =
                    high.map_or(arch::_mm512_setzero_ps(), |high| arch::_mm512_maskz_loadu_ps(mask, high.add(first)));
                let rounded = arch::_mm512_cvtne2ps_pbh(above, below);
                let rounded = std::mem::transmute::<arch::__m512bh, arch::__m512i>(rounded);
                let pairs = arch::_mm512_permutexvar_epi16(order, rounded);
                arch::_mm512_mask_storeu_epi32(to.add(first).cast(), mask, pairs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::has_dots;

    #[test]
    fn rows_of_any_length_are_interleaved_as_plain_code_does_it() {
        if !has_dots() {
            println!("skipped: AVX512-BF16 is not there");
            return;
        }
        let values = |seed: u32, count: usize| -> Vec<f32> {
            (0..count as u32).map(|n| ((n * 37 + seed) % 101) as f32 / 7.0 - 6.3).collect()
        };
        for count in [0, 1, 2, 15, 16, 17, 31, 32, 33, 96, 130] {
            let (low, high) = (values(1, count), values(50, count));
            for above in [Some(&high[..]), None] {
                let mut found = vec![u32::MAX; count];
                // SAFETY: the instructions were found.
                unsafe { interleave_bf16(&low, above, &mut found) };
                let wanted: Vec<u32> =
                    low.iter().enumerate().map(|(n, &low)| pair(low, above.map_or(0.0, |row| row[n]))).collect();
                assert_eq!(found, wanted, "{count} values");
            }
        }
    }
}
