//! The cache of surface clouds: one file for each list of shapes and resolution.
//!
//! Layout, little-endian: `RAREFYSC`, version (u32), key (32 bytes), number of records (u64), the records, and the
//! SHA-256 of all of that (32 bytes). A record is a kind (0 left out, 1 points, 2 cells), a length (u32), and the
//! reason (UTF-8) or the items (f32 or u16, three each). Invariant: the file is whole or not there, and a file with a
//! wrong sum or key is not used.

use crate::atomic::write_atomically;
use crate::cloud::SurfaceCloud;
use crate::error::DataError;
use crate::fingerprint::{Sum, hex};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Version of the file format and of the way clouds are made; raised when either changes.
pub(crate) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"RAREFYSC";
const HEADER: usize = 8 + 4 + 32 + 8;
const SUM: usize = 32;

/// A shape's cloud, or the reason why it was left out.
pub(crate) type Record = Result<SurfaceCloud, String>;

/// The file of a key in a cache folder.
pub(crate) fn file_of(folder: &Path, key: &Sum) -> PathBuf {
    folder.join(format!("clouds-{}.bin", &hex(key)[..24]))
}

/// What was found in the cache folder.
pub(crate) enum Found {
    /// The records.
    Records(Vec<Record>),
    /// No file for this key.
    Nothing,
    /// A file that cannot be used, and why.
    Damaged(String),
}

/// Reads the cache file of `key`, which must hold `count` records.
pub(crate) fn read(path: &Path, key: &Sum, count: usize) -> Found {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(error) => return Found::Damaged(error.to_string()),
    };
    match parse(&bytes, key, count) {
        Ok(records) => Found::Records(records),
        Err(reason) => Found::Damaged(reason.to_owned()),
    }
}

fn parse(bytes: &[u8], key: &Sum, count: usize) -> Result<Vec<Record>, &'static str> {
    let Some(end) = bytes.len().checked_sub(SUM).filter(|&end| end >= HEADER) else { return Err("it is too short") };
    let (content, sum) = bytes.split_at(end);
    if <[u8; SUM]>::from(Sha256::digest(content)) != sum {
        return Err("its checksum is wrong");
    }
    let mut rest = Bytes(content);
    let genuine = rest.take(8)? == MAGIC
        && rest.take(4)? == VERSION.to_le_bytes()
        && rest.take(32)? == key
        && rest.take(8)? == (count as u64).to_le_bytes();
    if !genuine {
        return Err("it belongs to other data");
    }
    (0..count).map(|_| rest.record()).collect()
}

/// Bytes not read so far.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn record(&mut self) -> Result<Record, &'static str> {
        let kind = self.take(1)?[0];
        let length: [u8; 4] = self.take(4)?.try_into().expect("four bytes were taken");
        let length = u32::from_le_bytes(length) as usize;
        match kind {
            0 => Ok(Err(String::from_utf8_lossy(self.take(length)?).into_owned())),
            _ if length == 0 => Err("a record is empty"),
            1 => {
                let part = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let items = self.take(12 * length)?.chunks_exact(12);
                Ok(Ok(SurfaceCloud::Points(items.map(|b| [part(b), part(&b[4..]), part(&b[8..])]).collect())))
            }
            2 => {
                let part = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
                let items = self.take(6 * length)?.chunks_exact(6);
                Ok(Ok(SurfaceCloud::Cells(items.map(|b| [part(b), part(&b[2..]), part(&b[4..])]).collect())))
            }
            _ => Err("a record is of an unknown kind"),
        }
    }
}

/// Writes the cache file of `key`.
pub(crate) fn write(path: &Path, key: &Sum, records: &[Record]) -> Result<(), DataError> {
    write_atomically(path, |file| {
        let mut out = Summing { file, sum: Sha256::new() };
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(key)?;
        out.write_all(&(records.len() as u64).to_le_bytes())?;
        for record in records {
            write_record(record, &mut out)?;
        }
        let sum = out.sum.finalize();
        out.file.write_all(&sum)
    })
}

fn write_record(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let (kind, length, bytes): (u8, usize, Vec<u8>) = match record {
        Err(reason) => (0, reason.len(), reason.as_bytes().to_vec()),
        Ok(SurfaceCloud::Points(points)) => {
            (1, points.len(), points.iter().flatten().flat_map(|part| part.to_le_bytes()).collect())
        }
        Ok(SurfaceCloud::Cells(cells)) => {
            (2, cells.len(), cells.iter().flatten().flat_map(|part| part.to_le_bytes()).collect())
        }
    };
    let length = u32::try_from(length).map_err(|_| io::Error::other("a shape of more than 2³² points"))?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)
}

/// A writer that sums what passes through.
struct Summing<W> {
    file: W,
    sum: Sha256,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
