//! Files that PyTorch itself wrote (`data/pytorch/make.py`), in both containers.

use rarefy_data::pytorch::{PlainValue, PyTorchContainer, PyTorchDtype, PyTorchTensor, without_module};
use rarefy_data::{DataError, PyTorchFile};
use std::path::Path;

fn fixture(name: &str) -> PyTorchFile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pytorch");
    PyTorchFile::open(&folder.join(name)).unwrap()
}

fn tensor<'a>(file: &'a PyTorchFile, name: &str) -> &'a PyTorchTensor {
    let found = file.tensors().iter().find(|tensor| tensor.name() == name);
    found.unwrap_or_else(|| panic!("no tensor {name}"))
}

fn value<'a>(file: &'a PyTorchFile, name: &str) -> &'a PlainValue {
    &file.values().iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no value {name}")).1
}

#[test]
fn every_element_type_is_read_from_both_containers_stored_or_deflated() {
    for name in ["types.pt", "types_legacy.pt", "types_deflated.pt"] {
        let file = fixture(name);
        let legacy = name.contains("legacy");
        assert_eq!(file.container(), if legacy { PyTorchContainer::Legacy } else { PyTorchContainer::Zip });
        for (name, dtype) in [
            ("f64", PyTorchDtype::F64),
            ("f32", PyTorchDtype::F32),
            ("f16", PyTorchDtype::F16),
            ("bf16", PyTorchDtype::BF16),
            ("i64", PyTorchDtype::I64),
            ("i32", PyTorchDtype::I32),
            ("i16", PyTorchDtype::I16),
            ("i8", PyTorchDtype::I8),
        ] {
            let tensor = tensor(&file, name);
            assert_eq!((tensor.dtype(), tensor.shape()), (dtype, &[2, 3][..]));
            assert_eq!(file.read_f32(tensor).unwrap(), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0], "{name}");
            assert_eq!(file.read_f64(tensor).unwrap(), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0], "{name}");
        }
        assert_eq!(file.read_f32(tensor(&file, "u8")).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(file.read_f32(tensor(&file, "bool")).unwrap(), [1.0, 0.0, 1.0]);
        assert_eq!(tensor(&file, "scalar").shape(), [0_usize; 0]);
        assert_eq!(file.read_f32(tensor(&file, "scalar")).unwrap(), [2.5]);
        assert_eq!(tensor(&file, "empty").shape(), [0, 3]);
        assert_eq!(file.read_f32(tensor(&file, "empty")).unwrap(), []);
        assert_eq!(file.weights().unwrap().len(), 12);
        assert!(file.foreign().is_empty() && file.skipped().is_empty());
    }
}

#[test]
fn views_are_gathered_in_row_major_order() {
    for name in ["views.pt", "views_legacy.pt"] {
        let file = fixture(name);
        let read = |name| (tensor(&file, name).shape().to_vec(), file.read_f32(tensor(&file, name)).unwrap());
        let base: Vec<f32> = (0_u8..24).map(f32::from).collect();
        assert_eq!(read("base"), (vec![4, 6], base.clone()));
        let transposed = (0..24).map(|at| base[at % 4 * 6 + at / 4]).collect();
        assert_eq!(read("transposed"), (vec![6, 4], transposed));
        assert_eq!(read("column"), (vec![4], vec![2.0, 8.0, 14.0, 20.0]));
        assert_eq!(read("block"), (vec![2, 2], vec![8.0, 10.0, 14.0, 16.0]));
        assert_eq!(read("expanded"), (vec![2, 3], vec![7.0, 7.0, 7.0, 8.0, 8.0, 8.0]));
        assert_eq!(read("parameter"), (vec![2, 2], vec![0.5, 1.5, 2.5, 3.5]));
        assert_eq!((value(&file, "size.0"), value(&file, "size.1")), (&PlainValue::Int(2), &PlainValue::Int(3)));
    }
}

#[test]
fn a_training_checkpoint_gives_weights_optimiser_and_plain_values() {
    for name in ["training.pt", "training_legacy.pt"] {
        let file = fixture(name);
        let weights = file.weights().unwrap();
        let names: Vec<&str> = weights.iter().map(|(name, _)| without_module(name)).collect();
        let normalised = ["1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"];
        assert_eq!(names, [&["0.weight", "0.bias"][..], &normalised].concat());
        assert_eq!(file.read_f32(weights[0].1).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(file.read_f32(weights[1].1).unwrap(), [0.5, -0.5]);
        assert_eq!(file.read_f64(weights[6].1).unwrap(), [1.0]);
        // The same dictionary twice: both places see what was filled in after the first.
        let again = file.weights_under(&["model_again"]).unwrap();
        assert_eq!(again.len(), weights.len());
        assert_eq!(file.read_f32(again[0].1).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(tensor(&file, "optimizer.state.0.exp_avg").shape(), [2, 2]);
        assert_eq!(value(&file, "epoch"), &PlainValue::Int(7));
        assert_eq!(value(&file, "best.miou"), &PlainValue::Float(0.625));
        assert_eq!(value(&file, "best.note"), &PlainValue::Text("zwölf".into()));
        assert_eq!(value(&file, "best.history.loss.1"), &PlainValue::Float(2.0));
        assert!(matches!(value(&file, "optimizer.param_groups.0.lr"), PlainValue::Float(_)));
    }
}

#[test]
fn what_a_schedule_would_call_is_reported_and_in_the_way_of_nobody_who_does_not_want_it() {
    let file = fixture("training.pt");
    let foreign: Vec<&str> = file.foreign().iter().map(|global| global.name.as_str()).collect();
    println!("{foreign:?}");
    let skipped = &file.skipped()[0];
    assert_eq!(skipped.keys[0], "scheduler");
    assert!(foreign.contains(&skipped.class.as_str()), "{skipped:?}");
    assert!(file.weights().is_ok());
    match file.weights_under(&["scheduler"]) {
        Err(DataError::ForeignObject { name, class, .. }) => {
            assert_eq!((name, class), (skipped.keys.join("."), skipped.class.clone()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_part_without_weights_is_refused_with_what_there_is() {
    let refused = fixture("training.pt").weights_under(&["ema"]).unwrap_err().to_string();
    assert!(refused.contains("`ema`") && refused.contains("`model` (7 tensors)"), "{refused}");
}
