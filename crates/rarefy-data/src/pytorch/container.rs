//! Where the bytes of storages come from.

use super::fault::Outcome;
use super::legacy::LegacyStream;
use super::zip::ZipContainer;
use std::io::{Read, Seek};
use std::ops::Range;

/// A file, or its bytes in memory.
pub(super) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// How a PyTorch file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PyTorchContainer {
    /// ZIP archive, since PyTorch 1.6.
    Zip,
    /// One stream, before.
    Legacy,
}

#[derive(Debug)]
pub(super) enum Container {
    Zip(ZipContainer),
    Legacy(LegacyStream),
}

impl Container {
    /// Bytes of a storage.
    pub(super) fn read(&self, key: &str, range: Range<u64>) -> Outcome<Vec<u8>> {
        match self {
            Self::Zip(archive) => archive.read(key, range),
            Self::Legacy(stream) => stream.read(key, range),
        }
    }

    pub(super) fn is_big_endian(&self) -> bool {
        match self {
            Self::Zip(archive) => archive.big_endian,
            Self::Legacy(stream) => stream.big_endian,
        }
    }

    pub(super) fn kind(&self) -> PyTorchContainer {
        match self {
            Self::Zip(_) => PyTorchContainer::Zip,
            Self::Legacy(_) => PyTorchContainer::Legacy,
        }
    }
}
