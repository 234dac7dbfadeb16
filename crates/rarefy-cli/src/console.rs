//! What the program says: results to standard output, progress and remarks to standard error.
//!
//! Invariant: a reader that goes away (`rarefy … | head`) ends the program quietly, and `--quiet` silences remarks and progress
//! but never results or errors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Plain progress lines come at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// The two streams and how they may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    quiet: bool,
    terminal: bool,
    colour: bool,
}

impl Console {
    /// Looks at the streams and the environment.
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { quiet, terminal, colour: terminal && !no_colour }
    }

    /// The same without remarks and progress.
    pub(crate) fn silent(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// A line of the result.
    #[expect(clippy::unused_self, reason = "one way to speak, whether or not it depends on the settings")]
    pub(crate) fn result(self, line: impl Display) {
        if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
            // Whoever read has seen enough.
            if error.kind() == io::ErrorKind::BrokenPipe {
                std::process::exit(0);
            }
            self::fatal(&format!("cannot write to standard output: {error}"));
        }
    }

    /// A remark, silenced by `--quiet`.
    pub(crate) fn remark(self, line: impl Display) {
        if !self.quiet {
            // Nobody can be told that standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// A warning: something was left out or mended.
    pub(crate) fn warning(self, line: impl Display) {
        let head = if self.colour { "\x1b[1;33mwarning:\x1b[0m" } else { "warning:" };
        let _ = writeln!(io::stderr().lock(), "{head} {line}");
    }

    /// The error with which the program ends.
    pub(crate) fn error(self, line: impl Display) {
        let head = if self.colour { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
        let _ = writeln!(io::stderr().lock(), "{head} {line}");
    }

    /// Progress over `total` steps named `what`: a bar with the time left on a terminal, a line now and then elsewhere.
    pub(crate) fn progress(self, what: &str, total: u64) -> Progress {
        let kind = if self.quiet || total == 0 {
            Kind::Silent
        } else if self.terminal {
            Kind::Bar(bar(what, total, self.colour))
        } else {
            Kind::Lines { what: what.to_owned(), total, said: None }
        };
        Progress { kind, start: Instant::now() }
    }
}

fn fatal(message: &str) -> ! {
    let _ = writeln!(io::stderr().lock(), "error: {message}");
    std::process::exit(1);
}

fn bar(what: &str, total: u64, colour: bool) -> ProgressBar {
    let fill = if colour { "{bar:30.cyan/dim}" } else { "{bar:30}" };
    let template = format!("{{prefix}} {fill} {{pos}}/{{len}} {{msg}} {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8))
        .with_style(style)
        .with_prefix(what.to_owned())
}

/// Progress of one piece of work; disappears when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    kind: Kind,
    start: Instant,
}

#[derive(Debug)]
enum Kind {
    Silent,
    Bar(ProgressBar),
    Lines { what: String, total: u64, said: Option<Instant> },
}

impl Progress {
    /// `done` steps are done; `message` is a figure worth seeing, or empty.
    pub(crate) fn set(&mut self, done: u64, message: &str) {
        match &mut self.kind {
            Kind::Silent => {}
            Kind::Bar(bar) => {
                bar.set_position(done);
                bar.set_message(message.to_owned());
            }
            Kind::Lines { what, total, said } => {
                let last = said.unwrap_or(self.start);
                if last.elapsed() >= PLAIN_INTERVAL && done > 0 {
                    let left = self.start.elapsed().mul_f64((*total).saturating_sub(done) as f64 / done as f64);
                    let _ = writeln!(io::stderr().lock(), "{what} {done}/{total} {message} {} left", duration(left));
                    *said = Some(Instant::now());
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}

/// A time for people: `950 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    } else {
        format!("{} h {:02} min", time.as_secs() / 3600, time.as_secs() / 60 % 60)
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_for_people() {
        assert_eq!(duration(Duration::from_millis(950)), "950 ms");
        assert_eq!(duration(Duration::from_secs(245)), "4 min 05 s");
        assert_eq!(duration(Duration::from_mins(123)), "2 h 03 min");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
    }
}
