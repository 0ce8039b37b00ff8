//! The handlers, each beside its description.
