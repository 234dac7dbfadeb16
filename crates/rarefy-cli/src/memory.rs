//! How much memory the program has taken.

/// The most bytes that the program has held at once, if the system tells.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_peak_is_above_what_is_held_now() {
        let held = vec![1_u8; 20 << 20];
        assert!(super::peak().unwrap() > held.iter().map(|&byte| u64::from(byte)).sum());
    }
}
