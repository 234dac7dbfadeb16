//! Runs the real program in a folder of its own and looks at what it says.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder that disappears after the test.
pub struct Place {
    folder: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The program with these words, not started.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rarefy"));
        command.args(words.split_whitespace()).current_dir(self.path());
        command.env_remove("RAREFY_ISA").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs the program; a panic in it fails the test whatever was expected.
    pub fn run(&self, words: &str) -> Run {
        Run::of(self.command(words).output().expect("the program starts"))
    }

    /// Runs the program and expects it to do its work.
    pub fn done(&self, words: &str) -> Run {
        let run = self.run(words);
        assert_eq!(run.code, 0, "rarefy {words}: {run:?}");
        run
    }

    /// Runs the program, expects this exit code, and each of `parts` in what it says on standard error.
    pub fn fails(&self, words: &str, code: i32, parts: &[&str]) -> Run {
        let run = self.run(words);
        assert_eq!(run.code, code, "rarefy {words}: {run:?}");
        assert!(run.err.contains("error: "), "rarefy {words}: {run:?}");
        for part in parts {
            assert!(run.err.contains(part), "rarefy {words} does not say {part:?}: {run:?}");
        }
        run
    }

    /// Makes a small data set in `shapes`.
    pub fn with_shapes(self, classes: usize, train: usize, test: usize) -> Self {
        self.done(&format!("data synth shapes --classes {classes} --train {train} --test {test} --quiet"));
        self
    }

    /// Names of everything below `folder`, sorted.
    pub fn files_below(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![self.join(folder)];
        while let Some(next) = waiting.pop() {
            for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    waiting.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(self.path()).expect("below").display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

impl Run {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let run = Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
        for trace in ["panicked", "fault of rarefy", "RUST_BACKTRACE"] {
            assert!(!run.err.contains(trace), "the program panicked: {run:?}");
        }
        run
    }
}

/// Settings that make S3DCNN small enough for tests.
pub const SMALL: &str = "model.depth=2 model.width=4 data.render_size=12 data.cache= data.cache_resolution=32 \
                         train.epochs=2 train.batch=5 eval.per_class=0";

/// The same for s3dcnn-modern.
pub const SMALL_MODERN: &str = "model.grid=16 model.widths=[4,8] model.blocks=[1,1] model.head=12 model.descriptor=6 \
                                data.render_size=12 data.cache= data.cache_resolution=32 train.epochs=2 train.batch=6 \
                                data.classes_per_batch=3 eval.per_class=0";
