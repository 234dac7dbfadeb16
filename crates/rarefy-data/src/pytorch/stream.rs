//! The bytes of a pickle, read in order. Nothing longer than what is left of the file is ever allocated.

use super::fault::{Fault, Outcome, check};
use std::io::{BufRead, Read};

/// A text argument (of a protocol-0 operation or of a global's name) at most.
const LONGEST_LINE: u64 = 1 << 16;

pub(super) struct Stream<'a> {
    input: &'a mut dyn BufRead,
    /// The place of the next byte.
    pub(super) at: u64,
    /// The place behind the last byte.
    end: u64,
}

impl<'a> Stream<'a> {
    /// The bytes from `at` up to `end`.
    pub(super) fn new(input: &'a mut dyn BufRead, at: u64, end: u64) -> Self {
        Self { input, at, end }
    }

    /// The same bytes, of which at most `limit` more may be read.
    pub(super) fn limited(&mut self, limit: u64) -> Stream<'_> {
        Stream { at: self.at, end: self.end.min(self.at.saturating_add(limit)), input: &mut *self.input }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut bytes = [0; N];
        self.check_left(N as u64)?;
        self.input.read_exact(&mut bytes).map_err(|error| self.early_end(error))?;
        self.at += N as u64;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Outcome<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Outcome<Vec<u8>> {
        self.check_left(count)?;
        // Grown as the bytes arrive: a file may shrink while it is read.
        let mut bytes = Vec::with_capacity(count.min(1 << 20) as usize);
        let read = (&mut *self.input).take(count).read_to_end(&mut bytes)?;
        self.at += read as u64;
        if (read as u64) < count {
            return Err(Fault::format(self.at, format!("{count} bytes"), "the end of the file"));
        }
        Ok(bytes)
    }

    pub(super) fn text(&mut self, count: u64) -> Outcome<Box<str>> {
        let at = self.at;
        let bytes = self.bytes(count)?;
        // Python writes lone surrogates as `surrogatepass` does; no name of a tensor has them.
        String::from_utf8(bytes).map(Into::into).map_err(|_| Fault::format(at, "text", "bytes that are no UTF-8"))
    }

    /// Text up to the end of the line, which is left out.
    pub(super) fn line(&mut self) -> Outcome<String> {
        let at = self.at;
        let most = LONGEST_LINE.min(self.end.saturating_sub(self.at));
        let mut line = Vec::new();
        let read = (&mut *self.input).take(most).read_until(b'\n', &mut line)?;
        self.at += read as u64;
        if line.pop() != Some(b'\n') {
            check("bytes of a line of a pickle", read as u64 + 1, LONGEST_LINE)?;
            return Err(Fault::format(at, "a line", "the end of the file"));
        }
        String::from_utf8(line).map_err(|_| Fault::format(at, "a line of text", "bytes that are no UTF-8"))
    }

    /// Reads over bytes.
    pub(super) fn skip(&mut self, count: u64) -> Outcome<()> {
        self.check_left(count)?;
        let read = std::io::copy(&mut (&mut *self.input).take(count), &mut std::io::sink())?;
        self.at += read;
        if read < count {
            return Err(Fault::format(self.at, format!("{count} bytes"), "the end of the file"));
        }
        Ok(())
    }

    fn check_left(&self, count: u64) -> Outcome<()> {
        let left = self.end.saturating_sub(self.at);
        if count > left {
            let found = format!("the end of the pickle or of the file {left} bytes on");
            return Err(Fault::format(self.at, format!("{count} bytes"), found));
        }
        Ok(())
    }

    fn early_end(&self, error: std::io::Error) -> Fault {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::format(self.at, "more bytes", "the end of the file"),
            _ => Fault::Io(error),
        }
    }
}
