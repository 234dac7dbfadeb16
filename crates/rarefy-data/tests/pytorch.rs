//! PyTorch files that PyTorch would not write: malicious, damaged, immense, and of other machines.

mod pickle;

use pickle::{Pickle, archive, dictionary, floats, plain_state_dict, stream, zipped};
use proptest::prelude::*;
use rarefy_data::pytorch::{PlainValue, PyTorchDtype, PyTorchLimits};
use rarefy_data::{DataError, PyTorchFile};
use std::path::Path;
use zip::CompressionMethod::{Deflated, Stored};

fn parse(bytes: impl Into<Vec<u8>>) -> Result<PyTorchFile, DataError> {
    parse_within(bytes, &PyTorchLimits::default())
}

fn parse_within(bytes: impl Into<Vec<u8>>, limits: &PyTorchLimits) -> Result<PyTorchFile, DataError> {
    PyTorchFile::parse(Path::new("weights.pt"), bytes.into(), limits)
}

fn refusal(bytes: impl Into<Vec<u8>>) -> String {
    let refused = parse(bytes).unwrap_err().to_string();
    assert!(refused.contains("weights.pt"), "{refused}");
    refused
}

fn too_large(what: &str, result: Result<PyTorchFile, DataError>) {
    match result {
        Err(DataError::TooLarge { what: found, .. }) => assert_eq!(found, what),
        other => panic!("expected too many {what}, got {other:?}"),
    }
}

#[test]
fn a_pickle_that_calls_the_system_is_refused_by_name_wherever_it_stands() {
    let attack = |pickle: Pickle, module, name| pickle.global(module, name).raw(b"(").text("true").raw(b"tR");
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("importlib", "import_module"),
        ("os", "path.join.__globals__"),
    ] {
        let among_weights = dictionary(|pickle| attack(pickle, module, name));
        let weights = Pickle::new().raw(b"}").text("model").raw(b"}s").text("optimizer");
        let elsewhere = attack(weights, module, name).raw(b"s").stop();
        for pickle in [among_weights, elsewhere] {
            for file in [zipped(&pickle), stream(&pickle, true, &[]), pickle.clone()] {
                let refused = refusal(file);
                assert!(
                    refused.contains(&format!("`{module}.{name}`")) && refused.contains("nothing was run"),
                    "{refused}"
                );
            }
        }
    }
    let by_stack = Pickle::new().text("posix").text("system").raw(b"\x93)R").stop();
    let by_instance = Pickle::new().raw(b"(S'true'\nios\nsystem\n").stop();
    let protocol_0 = b"cos\nsystem\n(S'true'\ntR.".to_vec();
    for pickle in [by_stack, by_instance, protocol_0] {
        assert!(matches!(parse(zipped(&pickle)), Err(DataError::HostileGlobal { .. })));
        assert!(matches!(parse(pickle), Err(DataError::HostileGlobal { .. })));
    }
}

#[test]
fn unknown_objects_are_reported_and_refused_only_among_the_weights() {
    let object = |pickle: Pickle| pickle.global("omegaconf", "DictConfig").raw(b")\x81}b");
    let pickle = Pickle::new().raw(b"}(").text("model").raw(b"}").text("w").tensor("0", 4, 0, &[4], &[1]).raw(b"s");
    let beside = object(pickle.text("config")).raw(b"u").stop();
    let file = parse(zipped(&beside)).unwrap();
    assert_eq!(file.weights().unwrap().len(), 1);
    assert_eq!((file.foreign()[0].name.as_str(), file.foreign()[0].calls), ("omegaconf.DictConfig", 1));
    assert_eq!(
        (file.skipped()[0].keys.as_slice(), file.skipped()[0].class.as_str()),
        (&["config".into()][..], "omegaconf.DictConfig")
    );

    let among = parse(zipped(&dictionary(object))).unwrap().weights_under(&[]).unwrap_err().to_string();
    assert!(among.contains("`w` is an object of `omegaconf.DictConfig`") && among.contains("state_dict()"), "{among}");
    let whole = object(Pickle::new()).stop();
    let whole = parse(zipped(&whole)).unwrap().weights().unwrap_err().to_string();
    assert!(whole.contains("the whole content is an object of `omegaconf.DictConfig`"), "{whole}");
}

#[test]
fn entries_of_a_foreign_dictionary_are_read() {
    let filled = |pickle: Pickle| pickle.global("easydict", "EasyDict").raw(b")R").text("epoch").int(3).raw(b"s");
    let file = parse(zipped(&dictionary(filled))).unwrap();
    assert_eq!(file.values(), [("w.epoch".into(), PlainValue::Int(3))]);
    assert_eq!(file.skipped()[0].class, "easydict.EasyDict");
}

#[test]
fn subclasses_and_parameters_with_state_give_their_tensors() {
    let subclass = |pickle: Pickle| {
        let call = pickle
            .global("torch._tensor", "_rebuild_from_type_v2")
            .raw(b"(")
            .global("torch._utils", "_rebuild_tensor_v2");
        let call =
            call.global("__main__", "MyTensor").raw(b"(").storage("FloatStorage", "0", 4).int(0).ints(&[4]).ints(&[1]);
        call.raw(b"\x89}t}tR")
    };
    let parameter = |pickle: Pickle| {
        let call = pickle.global("torch._utils", "_rebuild_parameter_with_state").raw(b"(");
        call.tensor("0", 4, 0, &[4], &[1]).raw(b"\x88}}tR")
    };
    for pickle in [dictionary(subclass), dictionary(parameter)] {
        let file = parse(zipped(&pickle)).unwrap();
        assert_eq!(file.read_f32(file.weights().unwrap()[0].1).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    }
    // A class that is named but not called, as that of the subclass, is listed.
    let file = parse(zipped(&dictionary(subclass))).unwrap();
    assert_eq!((file.foreign()[0].name.as_str(), file.foreign()[0].calls), ("__main__.MyTensor", 0));
}

#[test]
fn tensors_of_types_that_are_not_read_are_skipped_by_name() {
    let complex = |pickle: Pickle| {
        let call = pickle.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("ComplexFloatStorage", "0", 2);
        call.int(0).ints(&[2]).ints(&[1]).raw(b"\x89}tR")
    };
    let legacy = stream(&dictionary(complex), true, &[("0", 2, &floats(&[1.0, 2.0, 3.0, 4.0]))]);
    for bytes in [zipped(&dictionary(complex)), legacy] {
        let file = parse(bytes).unwrap();
        assert!(file.tensors().is_empty());
        assert!(file.skipped()[0].class.contains("complex"));
        assert!(file.weights_under(&[]).unwrap_err().to_string().contains("`w`"));
    }
    let typed_wrong = dictionary(|pickle| {
        let call = pickle.global("torch._utils", "_rebuild_tensor_v3").raw(b"(").storage("FloatStorage", "0", 4);
        call.int(0).ints(&[1]).ints(&[1]).raw(b"\x89}").global("torch", "float64").raw(b"tR")
    });
    assert!(refusal(zipped(&typed_wrong)).contains("type of its storage"));
}

#[test]
fn two_tensors_of_one_name_are_refused_and_of_two_entries_of_one_key_the_last_counts() {
    let tensor = |pickle: Pickle, offset| pickle.tensor("0", 4, offset, &[1], &[1]);
    let twice = tensor(tensor(Pickle::new().raw(b"}(").text("w"), 0).text("w"), 3).raw(b"u").stop();
    let file = parse(zipped(&twice)).unwrap();
    assert_eq!(file.read_f32(&file.tensors()[0]).unwrap(), [4.0]);
    let nested = Pickle::new().raw(b"}(").text("a").raw(b"}").text("b.c");
    let nested = tensor(nested, 0).raw(b"s").text("a.b").raw(b"}").text("c");
    let nested = tensor(nested, 1).raw(b"su").stop();
    assert!(refusal(zipped(&nested)).contains("two named `a.b.c`"));
}

#[test]
fn tensors_over_untyped_storages_and_of_big_endian_machines_are_read() {
    let typed = |pickle: Pickle| {
        let call = pickle.global("torch._utils", "_rebuild_tensor_v3").raw(b"(");
        let storage = call.storage("torch.storage.UntypedStorage", "0", 16).int(1).ints(&[3]).ints(&[1]);
        storage.raw(b"\x89}").global("torch", "float32").raw(b"tR")
    };
    let file = parse(zipped(&dictionary(typed))).unwrap();
    assert_eq!(file.read_f32(&file.tensors()[0]).unwrap(), [2.0, 3.0, 4.0]);

    let big: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    let entries = [("data.pkl", &plain_state_dict()[..]), ("data/0", &big), ("byteorder", b"big")];
    for bytes in [archive(Deflated, &entries), stream(&plain_state_dict(), false, &[("0", 4, &big)])] {
        let file = parse(bytes).unwrap();
        assert_eq!(file.read_f64(&file.tensors()[0]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    }
}

#[test]
fn the_parts_of_a_shared_storage_of_a_legacy_file_are_found() {
    let view = |pickle: Pickle| {
        let id = pickle.raw(b"(").text("storage").global("torch", "FloatStorage").text("0").text("cpu").int(4);
        id.raw(b"(").text("9").int(1).int(2).raw(b"ttQ")
    };
    let tensor = |pickle: Pickle| {
        let call = view(pickle.global("torch._utils", "_rebuild_tensor").raw(b"("));
        call.int(1).ints(&[1]).ints(&[1]).raw(b"tR")
    };
    let file = parse(stream(&dictionary(tensor), true, &[("0", 4, &floats(&[1.0, 2.0, 3.0, 4.0]))])).unwrap();
    assert_eq!(file.read_f32(&file.tensors()[0]).unwrap(), [3.0]);
}

#[test]
fn numbers_of_numpy_become_plain_numbers() {
    let scalar = |code: &str, order: &str, bytes: &[u8]| {
        let written = |pickle: Pickle| {
            let dtype = pickle.global("numpy.core.multiarray", "scalar").raw(b"(").global("numpy", "dtype").raw(b"(");
            let dtype = dtype
                .text(code)
                .raw(b"\x89\x88tR(K\x03")
                .text(order)
                .raw(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb");
            dtype.raw(b"C").raw(&[bytes.len() as u8]).raw(bytes).raw(b"tR")
        };
        parse(zipped(&dictionary(written))).unwrap()
    };
    let one = |file: PyTorchFile| file.values()[0].1.clone();
    assert_eq!(one(scalar("f8", "<", &0.625_f64.to_le_bytes())), PlainValue::Float(0.625));
    assert_eq!(one(scalar("f4", ">", &0.5_f32.to_be_bytes())), PlainValue::Float(0.5));
    assert_eq!(one(scalar("i8", "<", &(-7_i64).to_le_bytes())), PlainValue::Int(-7));
    assert_eq!(one(scalar("b1", "|", &[1])), PlainValue::Bool(true));
    let other = scalar("M8", "<", &[0; 8]);
    assert!(other.values().is_empty() && other.skipped()[0].class.contains("numpy"));
}

#[test]
fn texts_and_numbers_of_protocol_0_are_read() {
    let pickle = b"(dS'it\\'s'\nI01\nsVgr\\u00fcn\nL-5L\nsS\"x\"\nF2.5\nsp0\n.".to_vec();
    let file = parse(zipped(&pickle)).unwrap();
    let expected = [("it's", PlainValue::Bool(true)), ("grün", PlainValue::Int(-5)), ("x", PlainValue::Float(2.5))];
    assert_eq!(file.values(), expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn views_past_their_storage_are_refused() {
    for (count, offset, shape, strides) in [
        (4, 1, &[2, 2][..], &[2, 1][..]),
        (4, 0, &[2, 3], &[2, 1]),
        (4, 0, &[2], &[4]),
        (4, 5, &[0], &[1]),
        (4, 0, &[i64::MAX, 4], &[i64::MAX, 1]),
        (4, i64::MAX, &[2], &[i64::MAX]),
        (4, -1, &[1], &[1]),
        (4, 0, &[-1], &[1]),
        (4, 0, &[2, 2], &[1]),
        (-4, 0, &[1], &[1]),
    ] {
        let pickle = dictionary(|pickle| pickle.tensor("0", count, offset, shape, strides));
        let result = parse(zipped(&pickle));
        assert!(matches!(result, Err(DataError::Format { .. })), "{count} {offset} {shape:?} {strides:?}: {result:?}");
    }
}

#[test]
fn storages_that_are_missing_or_shorter_than_the_pickle_says_are_refused() {
    let pickle = dictionary(|pickle| pickle.tensor("0", 5, 0, &[5], &[1]));
    assert!(refusal(zipped(&pickle)).contains("5 elements of 4 bytes"));
    let lost = dictionary(|pickle| pickle.tensor("7", 4, 0, &[4], &[1]));
    assert!(refusal(zipped(&lost)).contains("archive/data/7"));
    let four = floats(&[0.0; 4]);
    assert!(refusal(stream(&pickle, true, &[("0", 4, &four)])).contains("5 elements"));
    assert!(refusal(stream(&pickle, true, &[("0", 5, &four)])).contains("20 bytes"));
    assert!(refusal(stream(&lost, true, &[])).contains("key 7"));
    assert!(refusal(stream(&pickle, true, &[("1", 5, &four)])).contains("key 1"));
    let negative = refusal(stream(&plain_state_dict(), true, &[("0", -1, &four)]));
    assert!(negative.contains("one of -1"), "{negative}");
}

#[test]
fn a_zip_bomb_is_refused_before_it_is_unpacked() {
    let zeros = vec![0; 64 << 20];
    let bomb = archive(Deflated, &[("data.pkl", &plain_state_dict()), ("data/0", &zeros)]);
    assert!(bomb.len() < 200_000);
    too_large(
        "unpacked bytes",
        parse_within(bomb, &PyTorchLimits { unpacked_bytes: 1 << 20, ..PyTorchLimits::default() }),
    );
    let pickle = archive(Deflated, &[("data.pkl", &zeros)]);
    too_large(
        "bytes of the pickle",
        parse_within(pickle, &PyTorchLimits { pickle_bytes: 1 << 20, ..PyTorchLimits::default() }),
    );
}

/// The place of the central directory's record of an entry.
fn record_of(bytes: &[u8], name: &str) -> usize {
    let at = bytes.windows(name.len()).rposition(|window| window == name.as_bytes()).unwrap();
    at - 46
}

#[test]
fn archives_that_lie_about_their_entries_are_refused() {
    let honest = archive(Deflated, &[("data.pkl", &plain_state_dict()), ("data/0", &[0; 4096])]);
    assert!(parse(honest.clone()).is_ok());
    let record = record_of(&honest, "archive/data/0");
    let mut larger = honest.clone();
    larger[record + 24..record + 28].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
    assert!(refusal(larger).contains("possible size"));
    // A smaller size than the stream gives: the rest is noticed.
    let mut smaller = honest.clone();
    smaller[record + 24..record + 28].copy_from_slice(&16_u32.to_le_bytes());
    let read = parse(smaller).and_then(|file| file.read_f32(&file.tensors()[0]));
    assert!(matches!(read, Err(DataError::Format { .. })), "{read:?}");
    let mut overlapping = honest.clone();
    overlapping[record + 42..record + 46].copy_from_slice(&0_u32.to_le_bytes());
    assert!(refusal(overlapping).contains("overlap"));
    let mut packed = honest;
    packed[record + 10..record + 12].copy_from_slice(&12_u16.to_le_bytes());
    assert!(refusal(packed).contains("stored or deflated"));
    let damaged = zipped(&plain_state_dict());
    let at = damaged.windows(4).position(|window| window == 3.0_f32.to_le_bytes()).unwrap();
    let mut damaged = damaged.clone();
    damaged[at] ^= 1;
    let read = parse(damaged).and_then(|file| file.read_f32(&file.tensors()[0]));
    assert!(matches!(read, Err(DataError::Format { .. })), "the checksum is compared: {read:?}");
    assert!(refusal(archive(Stored, &[("data/0", b"")])).contains("data.pkl"));
}

#[test]
fn immense_pickles_are_refused_by_the_limit_that_they_pass() {
    let small = PyTorchLimits { steps: 10_000, stack: 1000, ..PyTorchLimits::default() };
    let of = |body: Vec<u8>| parse_within(zipped(&body), &small);
    too_large("steps of a pickle", of(Pickle::new().raw(&b"N0".repeat(6000)).stop()));
    too_large("values on the stack of a pickle", of(Pickle::new().raw(&b"N".repeat(2000)).stop()));
    too_large("open marks of a pickle", of(Pickle::new().raw(&b"(".repeat(2000)).stop()));
    too_large("bytes of an integer", of(Pickle::new().raw(b"\x8b\xff\xff\xff\x7f").stop()));
    let nested = [b"]".repeat(100), b"a".repeat(99)].concat();
    too_large("containers within containers", of(Pickle::new().raw(&nested).stop()));
    // Each list holds the one before twice: 2⁴⁰ values of forty lists.
    let doubled = (0..40_u8).fold(Pickle::new().raw(b"]q\x00"), |pickle, number| {
        pickle.raw(&[b'0', b']', b'(', b'h', number, b'h', number, b'e', b'q', number + 1])
    });
    too_large("values of a checkpoint", of(doubled.stop()));
    let long_name = "n".repeat(2000);
    too_large("bytes of a name", of(Pickle::new().raw(b"}").text(&long_name).raw(b"Ns").stop()));
    too_large("bytes of a name", of(Pickle::new().global("module", &long_name).stop()));
    let expanded = dictionary(|pickle| pickle.tensor("0", 4, 0, &[1 << 20, 1 << 20], &[0, 0]));
    too_large("bytes of a tensor", of(expanded));
    let file = PyTorchLimits { file_bytes: 100, ..PyTorchLimits::default() };
    too_large("bytes", parse_within(zipped(&plain_state_dict()), &file));
}

#[test]
fn a_container_that_holds_itself_and_lengths_past_the_end_are_refused() {
    assert!(refusal(zipped(&Pickle::new().raw(b"]q\x00h\x00a").stop())).contains("hold themselves"));
    for body in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"U\xff",
    ] {
        assert!(refusal(zipped(&Pickle::new().raw(body).stop())).contains("bytes on"), "{body:?}");
    }
    for body in [
        &b""[..],
        b".",
        b"0.",
        b"(.",
        b"h\x07.",
        b"NR.",
        b"(Nd.",
        b"NNb\x97.",
        b"}Na.",
        b"Q.",
        b"NQ.",
        b"\x82\x01.",
        b"t.",
    ] {
        assert!(matches!(parse(zipped(body)), Err(DataError::Format { .. })), "{body:?}");
    }
}

#[test]
fn files_of_other_kinds_are_refused_as_such() {
    assert!(refusal("a text").contains("a ZIP archive, or a pickle"));
    assert!(refusal("").contains("byte 0: expected a ZIP archive, or"));
    assert!(refusal("PK").contains("ZIP"));
    assert!(refusal(Pickle::new().int(3).stop()).contains("magic number"));
    assert!(
        PyTorchFile::open(Path::new("/nowhere/weights.pt")).unwrap_err().to_string().contains("cannot read /nowhere")
    );
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let storage = floats(&[1.0, 2.0, 3.0, 4.0]);
    let legacy = stream(&plain_state_dict(), true, &[("0", 4, &storage)]);
    for whole in [zipped(&plain_state_dict()), legacy] {
        let file = parse(whole.clone()).unwrap();
        assert_eq!(file.tensors()[0].dtype(), PyTorchDtype::F32);
        assert_eq!(file.read_f32(&file.tensors()[0]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        for length in 0..whole.len() {
            let cut = parse(&whole[..length]);
            assert!(matches!(cut, Err(DataError::Format { .. })), "{length} of {}: {cut:?}", whole.len());
        }
    }
}

/// Opens a file and reads all that it offers, within limits that keep a test quick.
fn read_all(bytes: Vec<u8>) {
    let limits = PyTorchLimits { unpacked_bytes: 1 << 24, tensor_bytes: 1 << 20, ..PyTorchLimits::default() };
    if let Ok(file) = parse_within(bytes, &limits) {
        for tensor in file.tensors() {
            if let Ok(values) = file.read_f32(tensor) {
                assert_eq!(values.len(), tensor.elements());
            }
        }
        let _ = file.weights();
    }
}

fn fixture(number: usize) -> Vec<u8> {
    let names = ["types.pt", "types_legacy.pt", "types_deflated.pt", "views.pt", "training.pt", "training_legacy.pt"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pytorch");
    std::fs::read(folder.join(names[number])).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutated_files_never_panic(
        file in 0..6_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut bytes = fixture(file);
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        read_all(bytes);
    }

    #[test]
    fn pickles_of_random_operations_never_panic(
        operations in prop::collection::vec(prop::sample::select(b"(.012FIJKLMNRSTUVXabcdeghijloqprstu}]Q)GBC\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x91\x93\x94\x95".to_vec()), 0..60),
        noise in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let body = [&operations[..], &noise, b"."].concat();
        read_all(zipped(&body));
        read_all(stream(&body, true, &[("0", 4, &[0; 16])]));
        read_all(body);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all([b"PK\x03\x04", &bytes[..]].concat());
        read_all(bytes);
    }
}
