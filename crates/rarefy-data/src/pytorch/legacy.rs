//! The container before PyTorch 1.6, one stream: three pickles (a magic number, the protocol 1001, a dictionary about the
//! system), the pickle of the object, the pickle of a list of keys, and for each key the number of its elements (i64)
//! followed by these.

use super::container::Bytes;
use super::fault::{Fault, Outcome};
use super::heap::{Heap, Id, Node};
use super::limits::PyTorchLimits;
use super::machine::run;
use super::stream::Stream;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;

/// What the first bytes of a file may be.
const KINDS: &str = "a ZIP archive, or a pickle with the magic number of PyTorch";

pub(super) struct LegacyStream {
    bytes: Mutex<BufReader<Box<dyn Bytes>>>,
    /// Places of the storages.
    places: BTreeMap<Box<str>, Range<u64>>,
    pub(super) big_endian: bool,
}

impl fmt::Debug for LegacyStream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LegacyStream").field("places", &self.places).finish_non_exhaustive()
    }
}

impl LegacyStream {
    /// Reads the pickles and finds the storages; gives the object with them.
    pub(super) fn open(bytes: Box<dyn Bytes>, length: u64, limits: &PyTorchLimits) -> Outcome<(Self, Heap, Id)> {
        let mut reader = BufReader::new(bytes);
        let mut stream = Stream::new(&mut reader, 0, length);
        let mut pickle = || {
            let mut limited = stream.limited(limits.pickle_bytes);
            let at = limited.at;
            let result = run(&mut limited, limits);
            stream.at = limited.at;
            result.map(|(heap, root)| (at, heap, root))
        };
        for (expected, name) in [(MAGIC, KINDS), (PROTOCOL, "the protocol 1001")] {
            let (at, heap, root) = pickle().map_err(|fault| match fault {
                Fault::Format { at, found, .. } if expected == MAGIC => Fault::format(at, KINDS, found),
                fault => fault,
            })?;
            if !matches!(heap.get(root), Node::Int(number) if *number == expected) {
                return Err(Fault::format(at, name, heap.kind(root)));
            }
        }
        let (at, system, root) = pickle()?;
        let big_endian = is_big_endian(&system, root, at)?;
        let (_, heap, object) = pickle()?;
        let (at, keys, list) = pickle()?;
        let keys = texts(&keys, list, at)?;
        let places = find_storages(&mut stream, &keys, &heap)?;
        if let Some(lost) = heap.storages.iter().find(|storage| !places.contains_key(&storage.key)) {
            return Err(Fault::format(
                at,
                format!("the key {} in the list of storages", lost.key),
                "a list without it",
            ));
        }
        Ok((Self { bytes: Mutex::new(reader), places, big_endian }, heap, object))
    }

    pub(super) fn read(&self, key: &str, range: Range<u64>) -> Outcome<Vec<u8>> {
        let place = self.places.get(key).cloned().unwrap_or(0..0);
        let (from, to) = (place.start.saturating_add(range.start), place.start.saturating_add(range.end));
        if to > place.end || from > to {
            return Err(Fault::format(place.start, format!("a storage of {} bytes", range.end), "a shorter one"));
        }
        let mut reader = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        reader.by_ref().take(to - from).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < to - from {
            return Err(Fault::format(from, format!("{} bytes", to - from), "the end of the file"));
        }
        Ok(bytes)
    }
}

/// What the dictionary about the system says of the order of bytes.
fn is_big_endian(heap: &Heap, root: Id, at: u64) -> Outcome<bool> {
    let Node::Dict(entries) = heap.get(root) else {
        return Err(Fault::format(at, "a dictionary about the system", heap.kind(root)));
    };
    let order = entries.iter().find(|(key, _)| matches!(heap.get(*key), Node::Text(key) if &**key == "little_endian"));
    Ok(order.is_some_and(|(_, little)| matches!(heap.get(*little), Node::Bool(false))))
}

fn texts(heap: &Heap, list: Id, at: u64) -> Outcome<Vec<Box<str>>> {
    let wrong = |id| Fault::format(at, "a list of keys", heap.kind(id));
    let Node::List(items) = heap.get(list) else { return Err(wrong(list)) };
    let text = |&item: &Id| if let Node::Text(text) = heap.get(item) { Ok(text.clone()) } else { Err(wrong(item)) };
    items.iter().map(text).collect()
}

/// Walks over the storages, whose counts must be those of the object's pickle.
fn find_storages(stream: &mut Stream<'_>, keys: &[Box<str>], heap: &Heap) -> Outcome<BTreeMap<Box<str>, Range<u64>>> {
    let mut described: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for storage in &heap.storages {
        let (count, each) = (storage.count, storage.element.bytes);
        if *described.entry(&storage.key).or_insert((count, each)) != (count, each) {
            let expected = format!("one description of the storage {}", storage.key);
            return Err(Fault::format(stream.at, expected, "two that differ"));
        }
    }
    let mut places = BTreeMap::new();
    for key in keys {
        let at = stream.at;
        let Some(&(count, each)) = described.get(&**key) else {
            return Err(Fault::format(at, "keys of storages that the object uses", format!("the key {key}")));
        };
        let stored = i64::from_le_bytes(stream.array()?);
        if u64::try_from(stored).ok() != Some(count) {
            return Err(Fault::format(at, format!("a storage of {count} elements"), format!("one of {stored}")));
        }
        let start = stream.at;
        let length = count.saturating_mul(each);
        stream.skip(length)?;
        if places.insert(key.clone(), start..start + length).is_some() {
            return Err(Fault::format(at, "each key once", format!("the key {key} again")));
        }
    }
    Ok(places)
}
