//! One file per screen: route, form, page, together.

pub(crate) mod actor;
pub(crate) mod actors;
pub(crate) mod alert;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod backtests;
mod error;
pub(crate) mod events;
pub(crate) mod integration;
pub(crate) mod integrations;
pub(crate) mod login;
pub(crate) mod overview;
pub(crate) mod profile;
pub(crate) mod rule;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod source;
pub(crate) mod sources;
pub(crate) mod suppressions;
pub(crate) mod wizard;
pub(crate) mod wizard_step;

pub(crate) use error::error_page;
