//! The people of the organisation.

use axum::response::Response;
use serde::Serialize;
use store::users;
use utoipa::ToSchema;

use super::{List, json};
use crate::auth::{Require, permit};
use crate::error::WebResult;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBody {
    email: String,
    name: String,
    role: &'static str,
    disabled: bool,
    last_sign_in_at: Option<String>,
}

/// Lists people by address.
#[utoipa::path(
    get, path = "/api/users", tag = "users",
    responses((status = 200, body = List<UserBody>), (status = 403, body = super::Problem))
)]
pub(crate) async fn list(who: Require<permit::UsersView>) -> WebResult<Response> {
    let people = users::list(&who.scope).await?;
    let body = |user: users::User| UserBody {
        email: user.email,
        name: user.name,
        role: user.role.word(),
        disabled: user.disabled,
        last_sign_in_at: user.last_sign_in_at.map(|t| t.to_string()),
    };
    Ok(json(&List::whole(people.into_iter().map(body).collect())))
}
