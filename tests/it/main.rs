//! End-to-end tests over the built binary and the real guests.
