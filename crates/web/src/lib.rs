//! What people and devices ask for: API-keyed ingest, pages, JSON API.
//!
//! The router ([`router`]) is built from one table that names method, path and permission of
//! every route. A handler's first argument, [`auth::Require`], yields the tenant's scope, which is
//! the only way to the store.

pub mod accept;
mod api;
pub mod app;
mod assets;
pub mod auth;
mod client;
mod connect;
mod error;
pub mod export;
mod form;
mod headers;
pub mod hidden;
pub mod ingest;
mod limit;
mod openapi;
pub mod ops;
mod page;
mod pages;
mod query;
pub mod router;
mod suppress;
mod viz;
mod words;

pub use app::{App, BaseUrl, Keys, Settings};
pub use auth::hashing::Hashing;
pub use auth::keys;
pub use auth::password::problem as password_problem;
pub use error::WebError;
pub use openapi::openapi;
pub use page::visible;
pub use pages::setup::is_email;
