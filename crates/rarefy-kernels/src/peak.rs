//! The greatest rate of multiply-adds that a core reaches: the yardstick of the benchmarks.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use std::time::Instant;

use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::vector::{Kernel, Vector};

/// Independent chains: enough to hide the latency of a multiply-add on every known core.
const CHAINS: usize = 12;

/// Runs `steps` rounds of multiply-adds that touch registers only and returns how many floating-point operations
/// that was; a multiply-add counts as two.
#[must_use]
pub fn multiply_add_chain<T: Element>(steps: usize) -> u64 {
    T::dispatch(InstructionSet::current(), Chain { steps })
}

/// Multiply-adds in registers on `threads` threads of the current pool at once, in 10⁹ floating-point operations a
/// second: the best of `rounds` short rounds, since other programs slow down some.
#[must_use]
pub fn multiply_add_peak(threads: usize, rounds: usize) -> f64 {
    const STEPS: usize = 400_000;
    let round = |_| {
        let start = Instant::now();
        let chains = (0..threads).into_par_iter().with_max_len(1).map(|_| multiply_add_chain::<f32>(STEPS));
        let operations: u64 = chains.sum();
        operations as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..rounds).map(round).fold(0.0, f64::max)
}

struct Chain {
    steps: usize,
}

impl<T: Element> Kernel<T> for Chain {
    type Output = u64;

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) -> u64 {
        // SAFETY: the caller vouches for `V`; `end` has room for a vector.
        unsafe {
            let factor = V::splat(std::hint::black_box(T::from_f64(0.5)));
            let term = V::splat(std::hint::black_box(T::ONE));
            let mut sums = [V::zero(); CHAINS];
            for _ in 0..self.steps {
                for sum in &mut sums {
                    *sum = term.add_product(*sum, factor);
                }
            }
            let mut total = V::zero();
            for sum in sums {
                total = total.plus(sum);
            }
            let mut end = [T::ZERO; 16];
            total.store(end.as_mut_ptr());
            std::hint::black_box(end);
        }
        (self.steps * CHAINS * V::LANES * 2) as u64
    }
}
