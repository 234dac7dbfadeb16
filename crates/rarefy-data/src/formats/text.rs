//! Lines of a text format: comments cut off, blank lines passed over, line numbers kept for messages.

use super::Source;
use crate::error::{DataError, Place};
use std::str::{FromStr, SplitAsciiWhitespace};

/// The lines of a file that hold something.
pub(super) struct Lines<'a> {
    source: Source<'a>,
    format: &'static str,
    rest: &'a [u8],
    number: usize,
}

/// The words of one line.
pub(super) struct Words<'a> {
    source: Source<'a>,
    format: &'static str,
    text: &'a str,
    left: SplitAsciiWhitespace<'a>,
    /// Number of the line, from 1.
    pub(super) number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: &Source<'a>, format: &'static str) -> Self {
        Self { source: *source, format, rest: source.bytes, number: 0 }
    }

    /// Bytes not read so far.
    pub(super) fn bytes_left(&self) -> u64 {
        self.rest.len() as u64
    }

    /// The next line that is neither blank nor a comment, or none at the end of the file.
    pub(super) fn next_line(&mut self) -> Result<Option<Words<'a>>, DataError> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&byte| byte == b'\n');
            let (line, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
            self.rest = rest;
            self.number += 1;
            let line = line.split(|&byte| byte == b'#').next().unwrap_or(line);
            let Ok(text) = std::str::from_utf8(line) else {
                let place = Place::Line(self.number);
                return Err(self.source.format(self.format, place, "text", "bytes that are no UTF-8"));
            };
            if !text.trim_ascii().is_empty() {
                return Ok(Some(Words {
                    source: self.source,
                    format: self.format,
                    text: text.trim_ascii(),
                    left: text.split_ascii_whitespace(),
                    number: self.number,
                }));
            }
        }
        Ok(None)
    }

    /// The next line, or the error that the file ends before `expected`.
    pub(super) fn require(&mut self, expected: &str) -> Result<Words<'a>, DataError> {
        let line = self.next_line()?;
        line.ok_or_else(|| {
            self.source.format(self.format, Place::Line(self.number + 1), expected, "the end of the file")
        })
    }
}

impl<'a> Words<'a> {
    /// The next word, if there is one.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.left.next()
    }

    /// The next word as a number.
    pub(super) fn number<N: FromStr>(&mut self, expected: &str) -> Result<N, DataError> {
        let word = self.left.next();
        word.and_then(|word| word.parse().ok()).ok_or_else(|| self.unexpected(expected))
    }

    /// The next three words as coordinates.
    pub(super) fn coordinates(&mut self, expected: &str) -> Result<[f32; 3], DataError> {
        Ok([self.number(expected)?, self.number(expected)?, self.number(expected)?])
    }

    /// The error that this line is not what was expected.
    pub(super) fn unexpected(&self, expected: &str) -> DataError {
        self.source.format(self.format, Place::Line(self.number), expected, format!("`{}`", self.text))
    }
}
