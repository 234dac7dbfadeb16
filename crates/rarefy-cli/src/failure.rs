//! Errors as the program prints them, and its exit codes: 0 done, 1 error, 2 wrong use, 130 interrupted.

use std::fmt;
use std::process::ExitCode;

/// How a command ended, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All done.
    Done,
    /// Done, and what was looked for is not as it should be; the command has said what.
    NotInOrder,
    /// Ctrl-C; what was reached is saved.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::NotInOrder => Self::from(1),
            Outcome::Interrupted => Self::from(130),
        }
    }
}

/// What a command returns.
pub(crate) type CommandResult = anyhow::Result<Outcome>;

/// The program was called wrongly: an unknown key, a value out of range.
#[derive(Debug)]
pub(crate) struct WrongUse(pub(crate) String);

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// The exit code of an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<WrongUse>().is_some() { ExitCode::from(2) } else { ExitCode::from(1) }
}

/// The whole story in one line: context first, then each cause that says something new.
pub(crate) fn story(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if told.is_empty() {
            told = text;
        } else if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
    }
    told
}

/// Turns a panic, which is always the program's own fault, into a message that says so.
pub(crate) fn install_panic_message() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
        let what = panic.payload_as_str().unwrap_or("no message");
        eprintln!(
            "error: this is a fault of rarefy{place}: {what}\nplease report it with the command that you typed and the output of `rarefy doctor`"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let inner = std::io::Error::other("disk full");
        let error = Err::<(), _>(inner).context("cannot write a.txt: disk full").context("cannot save").unwrap_err();
        assert_eq!(story(&error), "cannot save: cannot write a.txt: disk full");
    }

    #[test]
    fn wrong_use_ends_with_two_under_any_context() {
        let error = anyhow::Error::new(WrongUse("unknown key".into())).context("train");
        assert_eq!(exit_code(&error), ExitCode::from(2));
    }
}
