//! A writer of pickles and of the two containers, for files that PyTorch would not write.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Operations of a pickle, one after the other.
#[derive(Clone, Default)]
pub(crate) struct Pickle(pub(crate) Vec<u8>);

impl Pickle {
    /// A pickle of protocol 2 that has just begun.
    pub(crate) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(crate) fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    pub(crate) fn int(self, value: i64) -> Self {
        self.raw(&[0x8a, 8]).raw(&value.to_le_bytes())
    }

    pub(crate) fn ints(self, values: &[i64]) -> Self {
        values.iter().fold(self.raw(b"("), |pickle, &value| pickle.int(value)).raw(b"t")
    }

    /// A storage by its persistent id.
    pub(crate) fn storage(self, class: &str, key: &str, count: i64) -> Self {
        let (module, class) = class.rsplit_once('.').unwrap_or(("torch", class));
        self.raw(b"(").text("storage").global(module, class).text(key).text("cpu").int(count).raw(b"tQ")
    }

    /// A tensor of 32-bit floats over the storage of this key.
    pub(crate) fn tensor(self, key: &str, count: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        let storage = self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage("FloatStorage", key, count);
        storage.int(offset).ints(shape).ints(strides).raw(b"\x89}tR")
    }

    pub(crate) fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A dictionary `{"w": …}` whose value the closure writes.
pub(crate) fn dictionary(value: impl FnOnce(Pickle) -> Pickle) -> Vec<u8> {
    value(Pickle::new().raw(b"}").text("w")).raw(b"s").stop()
}

/// `{"w": tensor of shape [2, 2]}` over the storage `0` of four floats.
pub(crate) fn plain_state_dict() -> Vec<u8> {
    dictionary(|pickle| pickle.tensor("0", 4, 0, &[2, 2], &[2, 1]))
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// An archive of these entries under `archive/`.
pub(crate) fn archive(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("archive/{name}"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A ZIP file with one storage of four floats.
pub(crate) fn zipped(pickle: &[u8]) -> Vec<u8> {
    let storage = floats(&[1.0, 2.0, 3.0, 4.0]);
    archive(CompressionMethod::Stored, &[("data.pkl", pickle), ("data/0", &storage), ("version", b"3\n")])
}

/// A legacy file with these storages: key, number of elements, bytes.
pub(crate) fn stream(pickle: &[u8], little_endian: bool, storages: &[(&str, i64, &[u8])]) -> Vec<u8> {
    let magic = Pickle::new().raw(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").stop();
    let protocol = Pickle::new().raw(b"M\xe9\x03").stop();
    let order = if little_endian { b"\x88" } else { b"\x89" };
    let system = Pickle::new().raw(b"}").text("little_endian").raw(order).raw(b"s").stop();
    let keys = storages.iter().fold(Pickle::new().raw(b"]"), |list, (key, ..)| list.text(key).raw(b"a")).stop();
    let mut bytes = [&magic[..], &protocol, &system, pickle, &keys].concat();
    for (_, count, data) in storages {
        bytes.extend(count.to_le_bytes());
        bytes.extend(*data);
    }
    bytes
}
