//! Posted telemetry: is the request genuine, and where in its body are the events?

pub mod mapping;
pub mod signature;
