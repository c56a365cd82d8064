//! What reaches out or listens
