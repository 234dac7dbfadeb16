//! The container since PyTorch 1.6: a ZIP archive with `<root>/data.pkl`, one entry `<root>/data/<key>` a storage, and
//! sometimes `<root>/byteorder`.
//!
//! Before anything is unpacked, entries must be stored or deflated, may not overlap or share a name, and their sizes must be
//! possible: stored ones as large as they are, deflated ones at most 1,032 times as large (no deflate stream does better),
//! all together within the limit. Then reading stops at the declared size.

use super::container::Bytes;
use super::fault::{Fault, Outcome, check};
use super::heap::Storage;
use super::limits::PyTorchLimits;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use zip::read::ZipReadOptions;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The largest ratio of deflate: 258 bytes from two bits.
const LARGEST_RATIO: u64 = 1032;

type Archive = ZipArchive<BufReader<Box<dyn Bytes>>>;

pub(super) struct ZipContainer {
    archive: Mutex<Archive>,
    entries: BTreeMap<String, Entry>,
    /// The folder of the archive, with its slash.
    root: String,
    pub(super) big_endian: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: usize,
    size: u64,
    /// Whether there is a checksum: PyTorch can be told to leave it 0.
    checked: bool,
    /// Place of the entry's header in the file.
    at: u64,
}

impl fmt::Debug for ZipContainer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZipContainer")
            .field("root", &self.root)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl ZipContainer {
    pub(super) fn open(bytes: Box<dyn Bytes>, limits: &PyTorchLimits) -> Outcome<Self> {
        let mut archive = ZipArchive::new(BufReader::new(bytes)).map_err(|error| broken(0, error))?;
        if archive.has_duplicate_names() {
            return Err(Fault::format(0, "entries of different names", "two entries of one name"));
        }
        if archive.has_overlapping_entries().map_err(|error| broken(0, error))? {
            return Err(Fault::format(0, "entries side by side", "entries that overlap"));
        }
        let entries = entries_of(&mut archive, limits)?;
        let roots = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let root = roots.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
        let Some(root) = root.map(str::to_owned) else {
            return Err(Fault::format(0, "an archive with the entry data.pkl", "a ZIP archive without it"));
        };
        let mut container = Self { archive: Mutex::new(archive), entries, root, big_endian: false };
        let order = format!("{}byteorder", container.root);
        if let Some(&entry) = container.entries.get(&order) {
            let order = container.unpack(entry, 0..entry.size.min(16))?;
            container.big_endian = match order.trim_ascii() {
                b"little" => false,
                b"big" => true,
                other => {
                    return Err(Fault::format(entry.at, "`little` or `big`", String::from_utf8_lossy(other)));
                }
            };
        }
        Ok(container)
    }

    /// The bytes of `data.pkl`.
    pub(super) fn pickle(&self, limits: &PyTorchLimits) -> Outcome<Vec<u8>> {
        let entry = self.entry(&format!("{}data.pkl", self.root))?;
        check("bytes of the pickle", entry.size, limits.pickle_bytes)?;
        self.unpack(entry, 0..entry.size)
    }

    /// Whether each storage is there and as large as the pickle says.
    pub(super) fn check_storages(&self, storages: &[Storage]) -> Outcome<()> {
        for storage in storages {
            let entry = self.entry(&self.name_of(&storage.key))?;
            let needed = storage.count.checked_mul(storage.element.bytes);
            if needed.is_none_or(|needed| needed > entry.size) {
                let expected = format!("{} elements of {} bytes", storage.count, storage.element.bytes);
                let found = format!("{} bytes in {}", entry.size, self.name_of(&storage.key));
                return Err(Fault::format(entry.at, expected, found));
            }
        }
        Ok(())
    }

    pub(super) fn read(&self, key: &str, range: Range<u64>) -> Outcome<Vec<u8>> {
        self.unpack(self.entry(&self.name_of(key))?, range)
    }

    fn name_of(&self, key: &str) -> String {
        format!("{}data/{key}", self.root)
    }

    fn entry(&self, name: &str) -> Outcome<Entry> {
        let entry = self.entries.get(name).copied();
        entry.ok_or_else(|| Fault::format(0, format!("the entry {name}"), "an archive without it"))
    }

    fn unpack(&self, entry: Entry, range: Range<u64>) -> Outcome<Vec<u8>> {
        let wrong = |error: std::io::Error| broken(entry.at, error.into());
        let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        let options = ZipReadOptions::new().ignore_crc32(!entry.checked);
        let mut file = archive.by_index_with_options(entry.number, options).map_err(|error| broken(entry.at, error))?;
        let skipped = std::io::copy(&mut file.by_ref().take(range.start), &mut std::io::sink()).map_err(wrong)?;
        let length = range.end.saturating_sub(range.start);
        let mut bytes = Vec::new();
        file.by_ref().take(length).read_to_end(&mut bytes).map_err(wrong)?;
        if skipped < range.start || (bytes.len() as u64) < length {
            let found = format!("{}", skipped + bytes.len() as u64);
            return Err(Fault::format(entry.at, format!("an entry of {} bytes", range.end), found));
        }
        // Behind the last byte the checksum is compared.
        if range.end == entry.size && file.read(&mut [0]).map_err(wrong)? > 0 {
            return Err(Fault::format(entry.at, format!("an entry of {} bytes", entry.size), "a longer one"));
        }
        Ok(bytes)
    }
}

/// The entries by name, their sizes checked.
fn entries_of(archive: &mut Archive, limits: &PyTorchLimits) -> Outcome<BTreeMap<String, Entry>> {
    let mut total = 0_u64;
    let mut entries = BTreeMap::new();
    for number in 0..archive.len() {
        let file = archive.by_index_raw(number).map_err(|error| broken(0, error))?;
        let (at, size, packed) = (file.header_start(), file.size(), file.compressed_size());
        let name = file.name().map_err(|error| broken(at, error))?.into_owned();
        let largest = match file.compression() {
            CompressionMethod::Stored => packed,
            CompressionMethod::Deflated => packed.saturating_mul(LARGEST_RATIO),
            other => return Err(Fault::format(at, "an entry that is stored or deflated", format!("{name}: {other}"))),
        };
        if size > largest {
            let found = format!("{name}: {size} bytes out of {packed}");
            return Err(Fault::format(at, "an entry of a possible size", found));
        }
        total = total.saturating_add(size);
        check("unpacked bytes", total, limits.unpacked_bytes)?;
        let checked = file.crc32() != 0;
        entries.insert(name, Entry { number, size, checked, at });
    }
    Ok(entries)
}

fn broken(at: u64, error: ZipError) -> Fault {
    match error {
        // What the archive's bytes cause comes as these kinds; others are the system's.
        ZipError::Io(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::UnexpectedEof
                    | std::io::ErrorKind::InvalidData
                    | std::io::ErrorKind::InvalidInput
                    | std::io::ErrorKind::Other
            ) =>
        {
            Fault::Io(error)
        }
        error => Fault::format(at, "a whole ZIP archive", error.to_string()),
    }
}
