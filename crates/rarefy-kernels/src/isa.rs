//! The choice of an instruction set while the program runs.
//!
//! Invariant: [`InstructionSet::current`] is only ever a set that this machine can run, so every kernel may rely on it.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// The vector instructions that a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstructionSet {
    /// x86-64 with AVX-512 F, BW, DQ and VL: 32 registers of 512 bits.
    Avx512,
    /// x86-64 with AVX2, FMA and F16C: 16 registers of 256 bits.
    Avx2,
    /// 64-bit Arm: 32 registers of 128 bits.
    Neon,
    /// Plain Rust, on any machine.
    Portable,
}

/// The name is none of `avx512`, `avx2`, `neon`, `portable`, or this machine lacks the instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstructionSetError {
    /// No instruction set has this name.
    Unknown(String),
    /// The machine cannot run it.
    Unavailable(InstructionSet),
}

impl fmt::Display for InstructionSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "unknown instruction set \"{name}\"; the names are avx512, avx2, neon and portable")
            }
            Self::Unavailable(set) => write!(f, "this machine cannot run the instruction set {set}"),
        }
    }
}

impl std::error::Error for InstructionSetError {}

thread_local! {
    static FORCED: Cell<Option<InstructionSet>> = const { Cell::new(None) };
}

impl InstructionSet {
    /// Every instruction set, the quickest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// The sets that this machine can run, the quickest first; the portable one is always among them.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|set| set.is_available()).collect()
    }

    /// Whether this machine can run the set.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                    && std::arch::is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[allow(unreachable_patterns, reason = "which patterns are left depends on the architecture")]
            _ => false,
        }
    }

    /// The set that kernels called from this thread use: the one forced by [`Self::force`], else the one named by
    /// the environment variable `RAREFY_ISA`, else the quickest available one.
    ///
    /// A name in `RAREFY_ISA` that cannot be used is passed over; [`Self::from_environment`] says why.
    #[must_use]
    pub fn current() -> Self {
        static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();
        FORCED.get().unwrap_or_else(|| {
            *CHOSEN.get_or_init(|| Self::from_environment().ok().flatten().unwrap_or_else(|| Self::available()[0]))
        })
    }

    /// The set named by `RAREFY_ISA`; `None` where the variable is not set.
    pub fn from_environment() -> Result<Option<Self>, InstructionSetError> {
        let Ok(name) = std::env::var("RAREFY_ISA") else { return Ok(None) };
        let set: Self = name.parse()?;
        if set.is_available() { Ok(Some(set)) } else { Err(InstructionSetError::Unavailable(set)) }
    }

    /// Runs `work` with this set in every kernel that `work` calls from its own thread.
    pub fn force<R>(self, work: impl FnOnce() -> R) -> Result<R, InstructionSetError> {
        struct Restore(Option<InstructionSet>);
        impl Drop for Restore {
            fn drop(&mut self) {
                FORCED.set(self.0);
            }
        }
        if !self.is_available() {
            return Err(InstructionSetError::Unavailable(self));
        }
        let _restore = Restore(FORCED.replace(Some(self)));
        Ok(work())
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        })
    }
}

impl FromStr for InstructionSet {
    type Err = InstructionSetError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|set| set.to_string() == name);
        found.ok_or_else(|| InstructionSetError::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_set_holds_inside_and_is_undone_outside() {
        let before = InstructionSet::current();
        let inside = InstructionSet::Portable.force(InstructionSet::current);
        assert_eq!(inside, Ok(InstructionSet::Portable));
        assert_eq!(InstructionSet::current(), before);
    }

    #[test]
    fn names_are_read_back() {
        for set in InstructionSet::ALL {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        assert!(matches!("sse9".parse::<InstructionSet>(), Err(InstructionSetError::Unknown(_))));
    }

    #[test]
    fn no_machine_has_both_neon_and_avx2() {
        assert!(!(InstructionSet::Neon.is_available() && InstructionSet::Avx2.is_available()));
    }
}
