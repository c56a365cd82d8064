//! What people and devices ask for
