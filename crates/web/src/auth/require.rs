//! The permission as an argument: a handler that takes `Require<AlertsView>` runs only for those
//! who have it, and gets the tenant's scope from nowhere else.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use store::users::User;
use store::{Principal, Scope, Via, tenants, tokens};

use crate::app::App;
use crate::auth::bearer::{bearer, has_bearer};
use crate::auth::keys::{Key, Kind};
use crate::auth::session;
use crate::error::{WebError, WebResult};
use crate::headers::RequestId;
use crate::{client, hidden};

/// A permission as a type.
pub trait Permit: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

/// Declares a type for each permission.
macro_rules! permits {
    ($($name:ident),* $(,)?) => {
        /// One type for each permission.
        pub(crate) mod permit {
            $(
                #[doc = concat!("Stands for the permission `", stringify!($name), "`.")]
                #[derive(Debug)]
                pub struct $name;
                impl super::Permit for $name {
                    const PERMISSION: domain::access::Permission = domain::access::Permission::$name;
                }
            )*
        }
    };
}

permits! {
    OverviewView, AlertsView, AlertsTriage, ActorsView, ActorsExclude, EventsView, ExportsRun, RulesView, RulesEdit,
    SuppressionsView, SuppressionsEdit,
    SourcesView, SourcesManage, IntegrationsView, IntegrationsManage, IntegrationsRun, SecretsRotate,
    UsersView, AuditView, RetentionManage, ProfileSelf,
}

/// Somebody who may do what `P` names.
#[derive(Debug)]
pub struct Require<P> {
    /// The only way to the tenant's data.
    pub scope: Scope,
    /// Who it is.
    pub user: User,
    /// The token every form carries; empty for programs.
    pub csrf: String,
    /// Hash of the session's id, when it is a browser.
    pub session: Option<Vec<u8>>,
    /// Client address.
    pub address: Option<String>,
    permit: PhantomData<P>,
}

/// Why somebody was not let in.
#[derive(Debug)]
pub enum Rejected {
    /// To the sign-in page, and back afterwards.
    SignIn(String),
    /// To the page where a password set by somebody else is replaced.
    ChangePassword,
    /// An error.
    Error(WebError),
}

impl From<WebError> for Rejected {
    fn from(error: WebError) -> Self {
        Self::Error(error)
    }
}

impl From<store::Error> for Rejected {
    fn from(error: store::Error) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(next) => Redirect::to(&next).into_response(),
            Self::ChangePassword => Redirect::to("/profile?must=1").into_response(),
            Self::Error(error) => error.into_response(),
        }
    }
}

impl<P: Permit> FromRequestParts<App> for Require<P> {
    type Rejection = Rejected;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejected> {
        let visitor = Visitor::of(parts, app);
        let machine = parts.uri.path().starts_with("/api/");
        let known = if has_bearer(&parts.headers) {
            let token = bearer(&parts.headers).unwrap_or_default();
            Some(by_token(app, token, asked_tenant(parts)).await?)
        } else {
            by_session(app, parts).await?
        };
        let Some(known) = known else {
            return Err(if machine {
                session::unauthorized().into()
            } else {
                Rejected::SignIn(sign_in_address(parts))
            });
        };
        if !known.user.role.allows(P::PERMISSION) {
            return Err(WebError::forbidden(P::PERMISSION).into());
        }
        let own = P::PERMISSION == Permission::ProfileSelf;
        if known.user.must_change_password && known.session.is_some() && !own {
            return Err(if machine {
                WebError::new(
                    StatusCode::FORBIDDEN,
                    "Change your password first",
                    "The password was set by somebody else. Sign in with a browser and replace it.",
                )
                .into()
            } else {
                Rejected::ChangePassword
            });
        }
        known.into_require(app, visitor, machine).await
    }
}

/// What is known of a request besides who sent it.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// Client address.
    pub address: Option<std::net::IpAddr>,
    /// Browser or program.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: String,
}

impl Visitor {
    /// Reads it from a request.
    pub(crate) fn of(parts: &Parts, app: &App) -> Self {
        let user_agent = parts.headers.get(header::USER_AGENT);
        Self {
            address: client::address(parts, &app.settings().trusted_proxies),
            user_agent: user_agent.and_then(|v| v.to_str().ok()).map(str::to_owned),
            request_id: parts
                .extensions
                .get::<RequestId>()
                .map_or_else(String::new, |id| id.0.clone()),
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, app))
    }
}

/// Somebody who has shown who it is.
struct Known {
    user: User,
    tenant: domain::id::TenantId,
    csrf: String,
    session: Option<Vec<u8>>,
    asked_tenant: Option<String>,
}

impl Known {
    async fn into_require<P>(
        self,
        app: &App,
        visitor: Visitor,
        machine: bool,
    ) -> Result<Require<P>, Rejected> {
        let tenant = tenants::find(app.db(), self.tenant).await?;
        // Memberships name one tenant each; asking for another is asking for a foreign one.
        if self
            .asked_tenant
            .is_some_and(|slug| slug != tenant.slug.as_str())
        {
            return Err(WebError::not_found().into());
        }
        let principal = Principal::User {
            id: self.user.id,
            email: self.user.email.clone(),
        };
        let via = if machine { Via::Api } else { Via::Page };
        let address = visitor.address.map(|ip| ip.to_string());
        let scope = Scope::new(app.db().clone(), tenant, principal, via, app.now())
            .for_request(visitor.request_id, address.clone());
        Ok(Require {
            scope,
            user: self.user,
            csrf: self.csrf,
            session: self.session,
            address,
            permit: PhantomData,
        })
    }
}

fn asked_tenant(parts: &Parts) -> Option<String> {
    let value = parts.headers.get("x-tenant")?.to_str().ok()?;
    Some(value.to_owned())
}

/// An invalid token is an error, never a guest.
async fn by_token(app: &App, token: &str, asked_tenant: Option<String>) -> Result<Known, Rejected> {
    let wrong = || Rejected::Error(session::unauthorized());
    let key = Key::parse(Kind::Personal, token).ok_or_else(wrong)?;
    let found = tokens::find(app.db(), &key.public_id)
        .await?
        .ok_or_else(wrong)?;
    if !hidden::equal(&found.secret_hash, &hidden::hash(key.secret())) {
        return Err(wrong());
    }
    tokens::touch(app.db(), &found, app.now()).await;
    Ok(Known {
        user: found.user,
        tenant: found.tenant,
        csrf: String::new(),
        session: None,
        asked_tenant,
    })
}

async fn by_session(app: &App, parts: &Parts) -> WebResult<Option<Known>> {
    let session = session::of_request(app, &parts.headers).await?;
    Ok(session.map(|session| Known {
        user: session.user,
        tenant: session.tenant,
        csrf: session.csrf,
        session: Some(session.id_hash),
        asked_tenant: asked_tenant(parts),
    }))
}

fn sign_in_address(parts: &Parts) -> String {
    let asked = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let next = session::safe_next(Some(asked));
    if parts.method != axum::http::Method::GET || next == "/" {
        return "/login".to_owned();
    }
    format!("/login?next={}", crate::page::encode(next))
}
