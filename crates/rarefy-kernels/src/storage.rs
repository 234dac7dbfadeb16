//! How weights and features of inference are stored: as they are worked with, or as `bf16` or `f16` with sums in f32.
//!
//! Narrow values are widened where they are near: the block of a panel that is in the first-level cache once for all pairs
//! of a tile, and the rows of a register tile once for all vectors of the panel. So the product itself is that of f32.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use std::cell::RefCell;
use std::mem::MaybeUninit;

use half::{bf16, f16};

use crate::convolution::PANEL_BYTES;
use crate::element::Element;
use crate::isa::InstructionSet;
use crate::vector::{Dispatch, Kernel, Vector, widen_bf16, widen_f16};

/// Most depths of a block of narrow values.
const MOST_DEPTH: usize = 256;
/// Most rows of a register tile.
const MOST_ROWS: usize = 8;
/// Elements of a block of a panel: the bytes that it may have, and one depth of the widest panel more.
const PANEL: usize = PANEL_BYTES / size_of::<f32>() + 64;

/// A type that weights and features are stored in: `f32`, `f64`, `bf16` or `f16`. Closed: only this crate implements it.
pub trait Storage: Copy + Send + Sync + sealed::Sealed + 'static {
    /// The type of products and sums.
    type Work: Element;
    /// Room for the widened rows of a register tile.
    #[doc(hidden)]
    type Rows;
    /// Room for the widened block of a panel.
    #[doc(hidden)]
    type Panel;
    /// Most depths that fit into the rooms.
    #[doc(hidden)]
    const MOST_DEPTH: usize;

    /// Zero.
    const NOUGHT: Self;

    /// The value, without loss.
    fn wide(self) -> Self::Work;

    /// The nearest value of this type, ties to even.
    fn narrow(value: Self::Work) -> Self;

    /// Pointers to `depth` widened elements of each row.
    ///
    /// # Safety
    /// `rows` point at `depth ≤ MOST_DEPTH` elements; `M ≤ 8`; the caller is compiled for the instructions of `V`.
    #[doc(hidden)]
    unsafe fn wide_rows<V: Vector<Self::Work>, const M: usize>(
        rows: [*const Self; M],
        depth: usize,
        room: &mut MaybeUninit<Self::Rows>,
    ) -> [*const Self::Work; M];

    /// A pointer to a widened block of a panel.
    ///
    /// # Safety
    /// The caller is compiled for the instructions of `V`.
    #[doc(hidden)]
    unsafe fn wide_panel<V: Vector<Self::Work>>(
        block: &[Self],
        room: &mut MaybeUninit<Self::Panel>,
    ) -> *const Self::Work;

    /// Lets `work` write the sums of `out`, which hold anything before, and stores them in `out`.
    #[doc(hidden)]
    fn with_sums(set: InstructionSet, out: &mut [Self], work: impl FnOnce(&mut [Self::Work]));

    /// Makes room for `count` sums on the current thread, so that [`Storage::with_sums`] takes none.
    #[doc(hidden)]
    fn make_room(count: usize);
}

/// What rows and weights are made of where a kernel reads them: a [`Storage`], or two values of `bf16` side by side.
pub(crate) trait Operand: Copy + Send + Sync {
    /// The type of products and sums.
    type Work: Element;
    /// As [`Storage::Rows`].
    type Rows;
    /// As [`Storage::Panel`].
    type Panel;
    /// As [`Storage::MOST_DEPTH`].
    const MOST_DEPTH: usize;

    /// As [`Storage::wide_rows`]; elements of the work type that need not be aligned.
    ///
    /// # Safety
    /// As there.
    unsafe fn wide_rows<V: Vector<Self::Work>, const M: usize>(
        rows: [*const Self; M],
        depth: usize,
        room: &mut MaybeUninit<Self::Rows>,
    ) -> [*const Self::Work; M];

    /// As [`Storage::wide_panel`]; elements of the work type that need not be aligned.
    ///
    /// # Safety
    /// As there.
    unsafe fn wide_panel<V: Vector<Self::Work>>(
        block: &[Self],
        room: &mut MaybeUninit<Self::Panel>,
    ) -> *const Self::Work;
}

impl<S: Storage> Operand for S {
    type Work = S::Work;
    type Rows = S::Rows;
    type Panel = S::Panel;
    const MOST_DEPTH: usize = S::MOST_DEPTH;

    #[inline(always)]
    unsafe fn wide_rows<V: Vector<S::Work>, const M: usize>(
        rows: [*const S; M],
        depth: usize,
        room: &mut MaybeUninit<S::Rows>,
    ) -> [*const S::Work; M] {
        // SAFETY: passed on from the caller.
        unsafe { <S as Storage>::wide_rows::<V, M>(rows, depth, room) }
    }

    #[inline(always)]
    unsafe fn wide_panel<V: Vector<S::Work>>(block: &[S], room: &mut MaybeUninit<S::Panel>) -> *const S::Work {
        // SAFETY: passed on from the caller.
        unsafe { <S as Storage>::wide_panel::<V>(block, room) }
    }
}

/// Two channels of a row, or the weights of two input channels, in the 32 bits that the vector [`with_dots`] works with.
///
/// [`with_dots`]: crate::vector::with_dots
impl Operand for [bf16; 2] {
    type Work = f32;
    type Rows = ();
    type Panel = ();
    const MOST_DEPTH: usize = usize::MAX;

    #[inline(always)]
    unsafe fn wide_rows<V: Vector<f32>, const M: usize>(
        rows: [*const Self; M],
        _: usize,
        _: &mut MaybeUninit<()>,
    ) -> [*const f32; M] {
        rows.map(<*const Self>::cast)
    }

    #[inline(always)]
    unsafe fn wide_panel<V: Vector<f32>>(block: &[Self], _: &mut MaybeUninit<()>) -> *const f32 {
        block.as_ptr().cast()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::bf16 {}
    impl Sealed for half::f16 {}
}

macro_rules! as_it_is {
    ($element:ty) => {
        impl Storage for $element {
            type Work = Self;
            type Rows = ();
            type Panel = ();
            const MOST_DEPTH: usize = usize::MAX;
            const NOUGHT: Self = 0.0;

            #[inline(always)]
            fn wide(self) -> Self {
                self
            }

            #[inline(always)]
            fn narrow(value: Self) -> Self {
                value
            }

            #[inline(always)]
            unsafe fn wide_rows<V: Vector<Self>, const M: usize>(
                rows: [*const Self; M],
                _: usize,
                _: &mut MaybeUninit<()>,
            ) -> [*const Self; M] {
                rows
            }

            #[inline(always)]
            unsafe fn wide_panel<V: Vector<Self>>(block: &[Self], _: &mut MaybeUninit<()>) -> *const Self {
                block.as_ptr()
            }

            #[inline(always)]
            fn with_sums(_: InstructionSet, out: &mut [Self], work: impl FnOnce(&mut [Self])) {
                work(out);
            }

            fn make_room(_: usize) {}
        }
    };
}

as_it_is!(f32);
as_it_is!(f64);

thread_local! {
    /// Sums of the tile that this thread works on.
    static SUMS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn with_room<R>(count: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SUMS.with_borrow_mut(|sums| {
        if sums.len() < count {
            sums.resize(count, 0.0);
        }
        work(&mut sums[..count])
    })
}

macro_rules! narrow {
    ($element:ty, $widen:ident) => {
        impl Storage for $element {
            type Work = f32;
            type Rows = [f32; MOST_ROWS * MOST_DEPTH];
            type Panel = [f32; PANEL];
            const MOST_DEPTH: usize = MOST_DEPTH;
            const NOUGHT: Self = <$element>::ZERO;

            #[inline(always)]
            fn wide(self) -> f32 {
                self.to_f32_const()
            }

            #[inline(always)]
            fn narrow(value: f32) -> Self {
                Self::from_f32_const(value)
            }

            #[inline(always)]
            unsafe fn wide_rows<V: Vector<f32>, const M: usize>(
                rows: [*const Self; M],
                depth: usize,
                room: &mut MaybeUninit<Self::Rows>,
            ) -> [*const f32; M] {
                let room = room.as_mut_ptr().cast::<f32>();
                let mut wide = [room.cast_const(); M];
                for (row, (from, wide)) in rows.into_iter().zip(&mut wide).enumerate() {
                    // SAFETY: `row < M ≤ 8` and `depth ≤ MOST_DEPTH`, so the row has its place in the room.
                    unsafe {
                        let to = room.add(row * MOST_DEPTH);
                        $widen::<V>(from.cast(), depth, to);
                        *wide = to;
                    }
                }
                wide
            }

            #[inline(always)]
            unsafe fn wide_panel<V: Vector<f32>>(block: &[Self], room: &mut MaybeUninit<Self::Panel>) -> *const f32 {
                assert!(block.len() <= PANEL, "the block fits its room");
                let room = room.as_mut_ptr().cast::<f32>();
                // SAFETY: the block was found to fit.
                unsafe { $widen::<V>(block.as_ptr().cast(), block.len(), room) };
                room
            }

            fn with_sums(set: InstructionSet, out: &mut [Self], work: impl FnOnce(&mut [f32])) {
                with_room(out.len(), |sums| {
                    work(sums);
                    f32::dispatch(set, Round { sums, out });
                });
            }

            fn make_room(count: usize) {
                with_room(count, |_| ());
            }
        }
    };
}

narrow!(bf16, widen_bf16);
narrow!(f16, widen_f16);

/// Rounds sums to what they are stored as.
struct Round<'a, S> {
    sums: &'a [f32],
    out: &'a mut [S],
}

impl Kernel<f32> for Round<'_, bf16> {
    type Output = ();

    // A plain loop without branches, which the compiler turns into vectors of the caller's instructions.
    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) {
        self.out.iter_mut().zip(self.sums).for_each(|(out, &sum)| *out = rounded_bf16(sum));
    }
}

/// The nearest `bf16`, to even where two are as near; without a branch.
#[inline(always)]
pub(crate) fn rounded_bf16(value: f32) -> bf16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16;
    let quiet = (bits >> 16) as u16 | 0x40;
    bf16::from_bits(if value.is_nan() { quiet } else { rounded })
}

/// Rounds `values` into `out`, all of which is written.
///
/// # Panics
/// When the lengths differ.
pub(crate) fn round_all(values: &[f32], out: &mut [MaybeUninit<bf16>]) {
    assert_eq!(values.len(), out.len(), "a place for every value");
    f32::dispatch(InstructionSet::current(), RoundInto { values, out });
}

/// Rounds values into fresh memory.
struct RoundInto<'a> {
    values: &'a [f32],
    out: &'a mut [MaybeUninit<bf16>],
}

impl Kernel<f32> for RoundInto<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) {
        for (out, &value) in self.out.iter_mut().zip(self.values) {
            out.write(rounded_bf16(value));
        }
    }
}

impl Kernel<f32> for Round<'_, f16> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) {
        if V::SET == InstructionSet::Portable {
            for (out, &sum) in self.out.iter_mut().zip(self.sums) {
                *out = f16::from_f32_const(sum);
            }
        } else {
            // Takes F16C, which every other set of x86-64 has here, or what an Arm has.
            half::slice::HalfFloatSliceExt::convert_from_f32_slice(self.out, self.sums);
        }
    }
}
