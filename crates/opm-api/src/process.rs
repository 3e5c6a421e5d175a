//! What the system knows of this process. `None` where it tells nothing, as elsewhere than on Linux.

use std::fs;

/// Clock ticks per second in `/proc`, which is part of the kernel's interface.
const TICKS: f64 = 100.0;

/// The field of `/proc/self/stat` with this number, which counts from 1 (proc_pid_stat(5)).
fn stat(field: usize) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, is in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(field.checked_sub(3)?)?.parse().ok()
}

/// Processor time, in seconds.
pub(crate) fn cpu_seconds() -> Option<f64> {
    Some((stat(14)? + stat(15)?) / TICKS)
}

/// Resident memory, in bytes.
pub(crate) fn resident_bytes() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// How many files are open.
pub(crate) fn open_files() -> Option<f64> {
    // One of them is the directory that is read.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(count).ok().map(f64::from)
}

/// When the process began, in seconds since 1970.
pub(crate) fn start_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = text.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    Some(boot + stat(22)? / TICKS)
}
