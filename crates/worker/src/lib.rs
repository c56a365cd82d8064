//! What happens by itself
