//! Convolutions of other engines on a crop of a real cloud: results and both gradients.
//!
//! Files are found by name (`subm_k<K>[_d<D>]__<engine>`, `conv_k<K>s<S>p<P>__<engine>`). The output voxels must come
//! out of the rule of the engine; an engine of another name is asked for values only, at the outputs of its file. The
//! map is that of the block index, so its rows are in another order than those of the file.

use rarefy_geometry::{Coord, KernelMap, OutputRule, VoxelSet, Window, output_voxels};
use rarefy_kernels::{InstructionSet, conv_forward, conv_input_grad, conv_weight_grad};
use rarefy_testkit::{Golden, golden_files, relative_error};

/// Wanted agreement.
const BOUND: f64 = 1e-5;

/// The number behind `letter` in an operator's name, `k` in `conv_k3s2p1` being 3.
fn number(operator: &str, letter: char) -> Option<u32> {
    let arguments = operator.split_once('_')?.1;
    let digits = arguments.split_once(letter)?.1;
    digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Off(i) = (i − ⌊k/2⌋) · dilation for odd k and i for even k, whatever padding the engine was given.
fn window(operator: &str) -> Window {
    let size = number(operator, 'k').expect("the name tells the kernel size");
    let dilation = number(operator, 'd').unwrap_or(1);
    let padding = if size % 2 == 1 { size / 2 * dilation } else { 0 };
    Window {
        size: [size; 3],
        stride: [number(operator, 's').unwrap_or(1); 3],
        dilation: [dilation; 3],
        padding: [padding as i32; 3],
    }
}

/// The outputs that an engine makes, where its rule is known.
fn outputs_of(name: &str, input: &VoxelSet, grid: [i32; 3]) -> Option<VoxelSet> {
    let (operator, engine) = name.split_once("__")?;
    let padding = number(operator, 'p')? as i32;
    let rule = match engine {
        "spconv" => OutputRule::Spread { clip: Some(grid) },
        "minkowski" => OutputRule::Floor,
        // Size = stride is ⌊p / stride⌋ there, which is what spreading comes to.
        "torchsparse1.4" => OutputRule::Spread { clip: None },
        _ => return None,
    };
    let window = Window { padding: [padding; 3], ..window(operator) };
    Some(output_voxels(input, &window, rule).expect("a possible window"))
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// The rows of `values`, one for each of `coords`, in the order of the voxel set.
fn sorted(set: &VoxelSet, coords: &[Coord], values: &[f32]) -> Vec<f32> {
    let width = values.len() / coords.len();
    let mut rows = vec![0.0; values.len()];
    for (&coord, row) in coords.iter().zip(values.chunks_exact(width)) {
        let place = set.row_of(coord).expect("the voxel is in the set") as usize;
        rows[place * width..(place + 1) * width].copy_from_slice(row);
    }
    rows
}

fn check(golden: &mut Golden) {
    let name = golden.name().to_owned();
    let operator = name.split("__").next().expect("a name").to_owned();
    let (inputs, outputs) = (golden.coords("coords_in"), golden.coords("coords_out"));
    let set_of = |coords: &[Coord]| VoxelSet::new(coords, 1).expect("coordinates in range");
    let (input_set, output_set) = (set_of(&inputs), set_of(&outputs));
    if operator.starts_with("conv") {
        let grid = golden.i64s("shape_in").0;
        match outputs_of(&name, &input_set, std::array::from_fn(|axis| grid[axis] as i32)) {
            Some(ours) => assert_eq!(ours.coords(), output_set.coords(), "{name}: other outputs"),
            None => println!("{name}: which rule makes the outputs of this engine is not known"),
        }
    } else {
        assert_eq!(input_set.coords(), output_set.coords(), "{name}: a submanifold convolution moves no voxel");
    }
    let map = KernelMap::build(&input_set, &output_set, &window(&operator)).expect("a possible window");
    let (weights, shape) = golden.f32s("weight_canonical");
    let channels = (shape[3], shape[4]);
    let x = sorted(&input_set, &inputs, &golden.f32s("feats").0);
    let grad_out = sorted(&output_set, &outputs, &golden.f32s("grad_out").0);

    let mut out = vec![0.0; grad_out.len()];
    conv_forward(&map, &weights, channels, &x, &mut out).unwrap();
    let mut grad_x = vec![0.0; x.len()];
    conv_input_grad(&map, &weights, channels, &grad_out, &mut grad_x).unwrap();
    let mut grad_weights = vec![0.0; weights.len()];
    conv_weight_grad(&map, channels, &x, &grad_out, &mut grad_weights).unwrap();

    for (part, found) in [("out", out), ("grad_feats", grad_x), ("grad_weight_canonical", grad_weights)] {
        let wanted = golden.f32s(part).0;
        let wanted = wide(&match part {
            "out" => sorted(&output_set, &outputs, &wanted),
            "grad_feats" => sorted(&input_set, &inputs, &wanted),
            _ => wanted,
        });
        if part != "out" && wanted.iter().all(|&value| value == 0.0) {
            println!("{name}: the engine has no {part}");
            continue;
        }
        let error = relative_error(&wide(&found), &wanted);
        println!("{name}: {part} differs by {error:.1e}, {}", InstructionSet::current());
        assert!(error < BOUND, "{name}: {part} differs by {error:e}");
    }
}

#[test]
fn other_engines_agree_on_submanifold_and_strided_convolutions() {
    for set in InstructionSet::available() {
        for prefix in ["subm_k", "conv_k"] {
            for mut golden in golden_files(prefix) {
                set.force(|| check(&mut golden)).expect("the set is available");
            }
        }
    }
}
