//! The harness: private servers on free loopback ports, and what the suites share.
