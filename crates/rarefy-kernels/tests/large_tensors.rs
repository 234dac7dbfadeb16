//! Kernels on tensors of more than 2³¹ elements of which a few rows are used, against the same rows in a small tensor.
//!
//! Pages of zeros that nobody writes take no memory, so 8.6 GB of addresses cost some hundred megabytes. Values are small
//! integers: every sum is exact and the order of sums does not matter.

use std::alloc::{Layout, alloc_zeroed, dealloc};

use rarefy_geometry::{KernelMap, RowMap};
use rarefy_kernels::{
    ChannelGroups, ConvPlan, Epilogue, PackedWeights, RowReduction, conv_forward, conv_inference, conv_input_grad,
    conv_weight_grad, depthwise_forward, group_conv_forward, max_pool_backward, max_pool_rows, row_sums_forward,
};

const CHANNELS: usize = 64;
/// Rows of the large tensor: the last ones lie behind 2³¹ elements.
const ROWS: usize = (1 << 31) / CHANNELS + 9;
/// The rows that are used: the first, both sides of 2³¹ elements, the last.
const USED: [u32; 5] = [0, 3, (ROWS - 10) as u32, (ROWS - 9) as u32, (ROWS - 1) as u32];

/// Zeros that take memory where they are written.
struct Zeros {
    pointer: *mut u8,
    layout: Layout,
}

impl Zeros {
    /// The large tensor; `None`, with a remark, where the system has no 8.6 GB of addresses to give.
    fn new() -> Option<Self> {
        let layout = Layout::array::<f32>(ROWS * CHANNELS).unwrap();
        // SAFETY: the layout is not empty.
        let pointer = unsafe { alloc_zeroed(layout) };
        if pointer.is_null() {
            println!("skipped: {} bytes of addresses were refused", layout.size());
            return None;
        }
        Some(Self { pointer, layout })
    }

    fn all(&mut self) -> &mut [f32] {
        #[allow(clippy::cast_ptr_alignment, reason = "the layout is that of f32")]
        let pointer = self.pointer.cast::<f32>();
        // SAFETY: the memory is of this length, zeroed, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts_mut(pointer, ROWS * CHANNELS) }
    }

    /// Writes the rows of a small tensor to the rows that are used.
    fn spread(&mut self, small: &[f32]) {
        for (&row, values) in USED.iter().zip(small.chunks_exact(CHANNELS)) {
            self.all()[row as usize * CHANNELS..][..CHANNELS].copy_from_slice(values);
        }
    }

    /// The rows that are used, one behind the other; they are zero again afterwards.
    fn collect(&mut self) -> Vec<f32> {
        let mut small = Vec::new();
        for row in USED {
            let values = &mut self.all()[row as usize * CHANNELS..][..CHANNELS];
            small.extend_from_slice(values);
            values.fill(0.0);
        }
        small
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        // SAFETY: the pointer came from this layout.
        unsafe { dealloc(self.pointer, self.layout) }
    }
}

/// Small integers that differ from place to place.
fn integers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 7 + index / 5 + seed * 3) % 11) as f32 - 5.0).collect()
}

/// Pairs of (row of the side that is large, row of the other side) of each tap, rising in both.
const PAIRS: [&[(usize, u32)]; 3] = [&[(0, 0), (2, 1), (4, 2)], &[(1, 0), (3, 3)], &[(2, 0), (3, 1), (4, 3)]];
/// Rows of the other side.
const OTHERS: usize = 4;

/// The map between a large side of `rows` rows, whose used rows are `numbers`, and the other one.
fn map(rows: usize, numbers: &[u32], large_is_input: bool) -> KernelMap {
    let (mut from, mut to, mut taps) = (Vec::new(), Vec::new(), Vec::new());
    for pairs in PAIRS {
        let start = from.len();
        for &(used, other) in pairs {
            let large = numbers[used];
            let (input, output) = if large_is_input { (large, other) } else { (other, large) };
            from.push(input);
            to.push(output);
        }
        taps.push(start..from.len());
    }
    let (inputs, outputs) = if large_is_input { (rows, OTHERS) } else { (OTHERS, rows) };
    KernelMap::from_parts(inputs, outputs, taps, from, to, false)
}

const SMALL: [u32; 5] = [0, 1, 2, 3, 4];

/// What kernels that read the large tensor give.
fn reads(map: &KernelMap, numbers: &[u32], x: &[f32]) -> Vec<Vec<f32>> {
    let weights = integers(3 * CHANNELS * 3, 1);
    let grad = integers(OTHERS * 3, 2);
    let (mut out, mut fused, mut grad_weights) =
        (vec![0.0; OTHERS * 3], vec![0.0; OTHERS * 3], vec![0.0; weights.len()]);
    conv_forward(map, &weights, (CHANNELS, 3), x, &mut out).unwrap();
    let (plan, packed) =
        (ConvPlan::new::<f32>(map, (CHANNELS, 3)), PackedWeights::new(&weights, 3, (CHANNELS, 3)).unwrap());
    conv_inference(&plan, &packed, x, &Epilogue::default(), &mut fused).unwrap();
    conv_weight_grad(map, (CHANNELS, 3), x, &grad, &mut grad_weights).unwrap();
    let (mut grouped, mut depthwise) = (vec![0.0; OTHERS * 4], vec![0.0; OTHERS * CHANNELS]);
    let groups = ChannelGroups::new((CHANNELS, 4), 2).unwrap();
    group_conv_forward(map, &integers(3 * groups.weights(), 3), groups, x, &mut grouped).unwrap();
    depthwise_forward(map, &integers(3 * CHANNELS, 4), CHANNELS, x, &mut depthwise).unwrap();
    let (mut pooled, mut argmax) = (vec![0.0; 2 * CHANNELS], vec![0; 2 * CHANNELS]);
    max_pool_rows((&[0, 2, 5], numbers), CHANNELS, x, &mut pooled, &mut argmax).unwrap();
    let rows = RowMap::from_parts(map.inputs(), vec![0, 2, 5], numbers.to_vec(), None).unwrap();
    let mut sums = vec![0.0; 2 * CHANNELS];
    row_sums_forward(&rows, RowReduction::Sum, CHANNELS, x, &mut sums).unwrap();
    vec![out, fused, grad_weights, grouped, depthwise, pooled, sums]
}

/// Gives a kernel a tensor of zeros and takes its result out.
type Run<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&mut [f32])) -> Vec<f32>;

/// Runs the kernels that write the large tensor, one after another.
fn writes(rows: usize, numbers: &[u32], out: Run<'_>) -> Vec<Vec<f32>> {
    let (x, weights) = (integers(OTHERS * 3, 1), integers(3 * 3 * CHANNELS, 2));
    let (to_large, from_large) = (map(rows, numbers, false), map(rows, numbers, true));
    let forward = out(&mut |out| conv_forward(&to_large, &weights, (3, CHANNELS), &x, out).unwrap());
    let turned = integers(3 * CHANNELS * 3, 5);
    let gradient = out(&mut |out| conv_input_grad(&from_large, &turned, (CHANNELS, 3), &x, out).unwrap());
    let groups = ChannelGroups::new((4, CHANNELS), 2).unwrap();
    let (x, weights) = (integers(OTHERS * 4, 1), integers(3 * groups.weights(), 3));
    let grouped = out(&mut |out| group_conv_forward(&to_large, &weights, groups, &x, out).unwrap());
    let winners: Vec<u32> = (0..2 * CHANNELS).map(|place| numbers[place % 5]).collect();
    let pooled = out(&mut |out| max_pool_backward(&winners, CHANNELS, &integers(2 * CHANNELS, 6), out).unwrap());
    vec![forward, gradient, grouped, pooled]
}

#[test]
fn rows_behind_two_thousand_million_elements_are_read_and_written_where_they_lie() {
    let Some(mut large) = Zeros::new() else { return };
    let x = integers(USED.len() * CHANNELS, 7);
    large.spread(&x);
    let wanted = reads(&map(USED.len(), &SMALL, true), &SMALL, &x);
    assert!(wanted.iter().all(|values| values.iter().any(|&value| value.abs() > 0.5)));
    let found = reads(&map(ROWS, &USED, true), &USED, large.all());
    assert!(found == wanted);
    assert!(large.collect() == x);

    let wanted = writes(USED.len(), &SMALL, &mut |kernel| {
        let mut out = vec![0.0; USED.len() * CHANNELS];
        kernel(&mut out);
        out
    });
    assert!(wanted.iter().all(|values| values.iter().any(|&value| value.abs() > 0.5)));
    let found = writes(ROWS, &USED, &mut |kernel| {
        kernel(large.all());
        large.collect()
    });
    assert!(found == wanted);
}
