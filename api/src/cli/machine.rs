//! What the machine grants the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for what is no client: the store, NATS, listeners, output.
const RESERVED: u64 = 128;

/// How many clients may be connected at a time: as many as are wanted, or as there are descriptors for. The system
/// gives a process few of them at first, and more when it asks.
pub(super) fn connections(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + RESERVED;
    let mut granted = current.unwrap_or(u64::MAX);
    if granted < needed {
        let asked = maximum.map_or(needed, |most| most.min(needed)).max(granted);
        if setrlimit(Resource::Nofile, Rlimit { current: Some(asked), maximum }).is_ok() {
            granted = asked;
        }
    }
    let possible = granted.saturating_sub(RESERVED).max(granted / 4).max(1);
    if possible >= wanted as u64 {
        return wanted;
    }
    tracing::warn!(
        wanted,
        possible,
        descriptors = granted,
        "fewer connections are taken than http.max_connections says: the process may not open more files (ulimit -n)"
    );
    possible as usize
}

/// Whether whoever started the process wants it to outlive the terminal.
pub(super) fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is the first of the signals.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
