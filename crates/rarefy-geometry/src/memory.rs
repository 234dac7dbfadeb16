//! Memory is counted before it is taken, so that what cannot fit ends in an error and not in a program that is killed.
//!
//! The size of every set, map and tensor follows from counts that are known before it is made. It is held against a limit that
//! the program sets ([`set_memory_limit`]), or else against what the system says is free.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::GeometryError;

/// Sizes below this are not held against the system's figures, which cost a few reads of small files.
const SMALL: usize = 64 << 20;

/// No limit was set.
const NONE: usize = usize::MAX;

static LIMIT: AtomicUsize = AtomicUsize::new(NONE);

/// Sets the most bytes that one set, map, tensor or network's buffers may take in this process; `None` leaves it to the
/// system.
pub fn set_memory_limit(bytes: Option<usize>) {
    LIMIT.store(bytes.unwrap_or(NONE), Ordering::Relaxed);
}

/// Whether `bytes` for `what` are within the limit that was set, or else free on this machine.
///
/// # Errors
///
/// [`GeometryError::OutOfMemory`] when they are not. A system that does not tell what is free refuses nothing.
pub fn check_memory(what: &'static str, bytes: usize) -> Result<(), GeometryError> {
    let limit = match LIMIT.load(Ordering::Relaxed) {
        NONE if bytes < SMALL => return Ok(()),
        NONE => free_memory().unwrap_or(NONE),
        limit => limit,
    };
    if bytes <= limit { Ok(()) } else { Err(GeometryError::OutOfMemory { what, bytes, limit }) }
}

/// Bytes that this process may still take, as Linux tells it: of the machine, and of the control group.
fn free_memory() -> Option<usize> {
    let machine = available(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let number = |name: &str| std::fs::read_to_string(name).ok()?.trim().parse::<usize>().ok();
    let group = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    Some(group.map_or(machine, |(most, taken)| machine.min(most.saturating_sub(taken))))
}

/// `MemAvailable` of `/proc/meminfo` in bytes.
fn available(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_memory_is_read_from_the_text_of_linux() {
        let text = "MemTotal:       24589000 kB\nMemFree:          100 kB\nMemAvailable:   21000000 kB\n";
        assert_eq!(available(text), Some(21_000_000 << 10));
        assert_eq!((available("MemFree: 1 kB"), available("MemAvailable: x kB")), (None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn more_than_any_machine_has_is_refused() {
        let error = check_memory("a test", 1 << 60).unwrap_err();
        assert!(matches!(error, GeometryError::OutOfMemory { what: "a test", bytes, .. } if bytes == 1 << 60));
        assert_eq!(check_memory("a test", SMALL), Ok(()));
    }
}
