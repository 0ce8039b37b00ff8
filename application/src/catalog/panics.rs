use std::any::Any;
use std::panic::AssertUnwindSafe;

use super::Undecodable;

/// Runs an author's code over what is stored; its panic is an error, in which `who` has panicked.
pub(super) fn caught<T>(who: &str, work: impl FnOnce() -> T) -> Result<T, Undecodable> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| Undecodable(panic_text(who, panic.as_ref())))
}

/// That `who` has panicked, and what with.
pub(super) fn panic_text(who: &str, panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(ToOwned::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("{who} panicked: {text}")
}
