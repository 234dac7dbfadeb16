//! Checksums of results, compared between runs of a test program with other settings, such as another number of threads.

use std::fmt::Write as _;
use std::path::PathBuf;

/// The environment variable that names the folder where checksums are kept between runs.
pub const CHECKSUM_FOLDER: &str = "RAREFY_CHECKSUMS";

/// Named checksums in the order in which they were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    lines: String,
}

impl Checksums {
    /// Adds the checksum (FNV-1a) of some words, such as the bits of floating-point numbers or row numbers.
    pub fn add(&mut self, name: &str, words: impl IntoIterator<Item = u64>) {
        let sum = words
            .into_iter()
            .flat_map(u64::to_le_bytes)
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let _ = writeln!(self.lines, "{name} {sum:016x}");
    }

    /// The lines that differ between these and `other`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (mut here, mut there) = (self.lines.lines(), other.lines.lines());
        let mut found = Vec::new();
        loop {
            match (here.next(), there.next()) {
                (None, None) => return found,
                (a, b) if a == b => {}
                (a, b) => found.push(format!("{} / {}", a.unwrap_or("nothing"), b.unwrap_or("nothing"))),
            }
        }
    }

    /// Compares with what an earlier run kept under `name` in the folder of [`CHECKSUM_FOLDER`], or keeps these there if
    /// none did. Does nothing where the variable is not set.
    ///
    /// # Panics
    /// Where they differ, or the folder cannot be used.
    pub fn compare_with_earlier_run(&self, name: &str) {
        let Some(folder) = std::env::var_os(CHECKSUM_FOLDER).map(PathBuf::from) else { return };
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(lines) => {
                let differences = self.differences(&Self { lines });
                assert!(differences.is_empty(), "{} (this run / before): {differences:#?}", path.display());
                println!("equal to {}", path.display());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&folder).expect("a folder for checksums");
                std::fs::write(&path, &self.lines).expect("checksums are kept");
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_word_and_a_missing_line_are_differences() {
        let of = |words: &[u64]| {
            let mut sums = Checksums::default();
            for &word in words {
                sums.add("name", [word]);
            }
            sums
        };
        assert_eq!(of(&[1, 2]).differences(&of(&[1, 2])), Vec::<String>::new());
        assert_eq!(of(&[1, 2]).differences(&of(&[1, 3])).len(), 1);
        assert_eq!(of(&[1, 2]).differences(&of(&[1])).len(), 1);
    }
}
