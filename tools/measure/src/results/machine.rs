//! What times depend on.

use serde::{Deserialize, Serialize};

/// What times depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture, such as `x86_64`.
    pub arch: String,
    /// Name of the processor, where the system tells it.
    pub cpu: Option<String>,
    /// Threads that the codec under test used.
    pub threads: usize,
    /// Device that the networks ran on.
    pub device: String,
}

impl Machine {
    /// This machine, with the threads of rayon's current pool, and networks on `device`.
    pub fn here(device: String) -> Self {
        Self {
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
            cpu: cpu(),
            threads: rayon::current_num_threads(),
            device,
        }
    }
}

/// Name of the processor, where Linux tells it.
fn cpu() -> Option<String> {
    field(
        &std::fs::read_to_string("/proc/cpuinfo").ok()?,
        "model name",
    )
}

/// The largest amount of memory that this process has held so far, in bytes: the peak resident set, `VmHWM` of Linux.
/// `None` on other systems.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&field(&status, "VmHWM")?)
}

/// The value of the first line `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// `1234 kB` in bytes.
fn kilobytes(value: &str) -> Option<u64> {
    value
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let text = "Name:\tkiln\nVmHWM:\t    2048 kB\nmodel name\t: Some CPU @ 2: GHz\n";
        assert_eq!(field(text, "VmHWM").as_deref(), Some("2048 kB"));
        assert_eq!(
            field(text, "model name").as_deref(),
            Some("Some CPU @ 2: GHz")
        );
        assert_eq!(field(text, "VmPeak"), None);
        assert_eq!(kilobytes("2048 kB"), Some(2 << 20));
        assert_eq!(kilobytes("2048 MB"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_touched_counts() {
        let before = peak_memory().unwrap();
        let touched = vec![1u8; 64 << 20];
        let after = peak_memory().unwrap();
        assert!(std::hint::black_box(&touched).iter().all(|&byte| byte == 1));
        assert!(
            after >= before && after >= 64 << 20,
            "{before} then {after}"
        );
    }
}
