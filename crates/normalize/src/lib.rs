//! Foreign bytes to events
