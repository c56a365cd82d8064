//! What pages and API do alike with integrations: credentials, tests, previews.

pub(crate) mod credential;
pub(crate) mod preview;
pub(crate) mod test;
pub(crate) mod verify;
