//! Credentials of integrations: which kind one has, making new ones, replacing them.

use collectors::webhook::signature;
use domain::integration::config::{Credentials, Signature};
use domain::integration::{Configuration, Integration, Mode, Settings};
use domain::secret::{ExposeSecret, SecretString};
use domain::time::HOUR_US;
use store::api_keys::NewKey;
use store::integrations::{self, ACCESS_KEY, Replacement, SIGNING};
use store::{Scope, secrets};

use crate::app::App;
use crate::auth::keys::{Key, Kind};
use crate::error::{WebError, WebResult};
use crate::hidden;

/// How an integration's two ends know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing is stored: the machine's own role, or the network the devices are in.
    Nothing,
    /// A key of the source in a header.
    ApiKey,
    /// A secret that signs requests.
    Signing(Signature),
    /// The secret half of an access key.
    AccessKey,
}

impl Credential {
    /// The kind a configuration asks for.
    pub(crate) fn of(mode: Mode, configuration: &Configuration) -> Self {
        if mode == Mode::Collector {
            return Self::ApiKey;
        }
        match (configuration.signature(), configuration) {
            (Some(Signature::ApiKey), _) => Self::ApiKey,
            (Some(signature), _) => Self::Signing(signature),
            (None, Configuration::GuarddutyPull(pull))
                if pull.credentials == Credentials::AccessKey =>
            {
                Self::AccessKey
            }
            (None, _) => Self::Nothing,
        }
    }

    /// The field its secret is stored under.
    pub(crate) fn field(self) -> Option<&'static str> {
        match self {
            Self::Signing(_) => Some(SIGNING),
            Self::AccessKey => Some(ACCESS_KEY),
            Self::Nothing | Self::ApiKey => None,
        }
    }

    /// What is wrong with a secret that was typed; `None` when nothing is.
    pub(crate) fn problem(self, secret: &str) -> Option<&'static str> {
        match self {
            Self::Signing(kind) => signature::secret_problem(kind, secret),
            Self::AccessKey if !(16..=256).contains(&secret.len()) || secret.contains(' ') => {
                Some("a secret access key has 16 to 256 characters and no spaces")
            }
            Self::AccessKey => None,
            Self::Nothing | Self::ApiKey => Some("nothing is stored for this configuration"),
        }
    }
}

/// Credentials that were just made: to be stored, and to be shown once.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    key: Option<(Key, String)>,
    /// The secret to seal, by field.
    pub secret: Option<(&'static str, SecretString)>,
    /// Whether the secret was made here and has to be shown.
    made: bool,
}

impl Fresh {
    /// Makes what a new integration needs. `given` is a secret somebody brought, `held` says
    /// whether one is stored already.
    pub(crate) async fn make(
        app: &App,
        credential: Credential,
        given: Option<&str>,
        held: bool,
    ) -> WebResult<Self> {
        if let Some(given) = given {
            if let Some(problem) = credential.problem(given) {
                return Err(WebError::field("secret", problem));
            }
            let secret = SecretString::from(given);
            return Ok(Self {
                secret: credential.field().map(|field| (field, secret)),
                ..Self::default()
            });
        }
        match credential {
            Credential::ApiKey => {
                let key = Key::generate(Kind::Source);
                let hash = app.hashing().hash_secret(key.secret()).await?;
                Ok(Self {
                    key: Some((key, hash)),
                    ..Self::default()
                })
            }
            Credential::Signing(_) if !held => Ok(Self {
                secret: Some((SIGNING, signature::new_secret(&hidden::random()))),
                made: true,
                ..Self::default()
            }),
            Credential::AccessKey if !held => Err(WebError::field(
                "secret",
                "give the secret that belongs to the access key",
            )),
            _ => Ok(Self::default()),
        }
    }

    /// The key as the store takes it.
    pub(crate) fn key(&self) -> Option<NewKey<'_>> {
        self.key.as_ref().map(|(key, hash)| NewKey {
            public_id: &key.public_id,
            secret_hash: hash,
        })
    }

    /// What is shown once: an API key or a signing secret.
    pub(crate) fn reveal(&self) -> Option<Revealed> {
        if let Some((key, _)) = &self.key {
            return Some(Revealed {
                what: "API key",
                text: key.reveal(),
            });
        }
        let (_, secret) = self.secret.as_ref().filter(|_| self.made)?;
        Some(Revealed {
            what: "signing secret",
            text: secret.expose_secret().to_owned(),
        })
    }
}

/// A credential that is shown once.
#[derive(Clone)]
pub(crate) struct Revealed {
    /// `API key` or `signing secret`.
    pub what: &'static str,
    /// The credential.
    pub text: String,
}

/// A wanted replacement of credentials.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Hours the old ones stay valid.
    pub overlap_hours: i64,
    /// A secret somebody brings.
    pub secret: Option<&'a str>,
    /// The id of a new access key.
    pub access_key_id: Option<&'a str>,
}

/// Replaces an integration's credentials and returns what has to be shown once.
pub(crate) async fn rotate(
    app: &App,
    scope: &Scope,
    integration: &Integration,
    wanted: &Wanted<'_>,
) -> WebResult<Option<Revealed>> {
    if !(0..=168).contains(&wanted.overlap_hours) {
        return Err(WebError::field("overlapHours", "choose 0 to 168 hours"));
    }
    let overlap = wanted.overlap_hours * HOUR_US;
    let credential = Credential::of(integration.mode, &integration.settings.configuration);
    if credential == Credential::Nothing {
        return Err(WebError::new(
            axum::http::StatusCode::CONFLICT,
            "There is nothing to rotate",
            "This integration stores no credentials.",
        ));
    }
    let fresh = Fresh::make(app, credential, wanted.secret, false).await?;
    let slug = integration.slug.as_str();
    let run = async |replacement: Replacement<'_>| {
        integrations::rotate(scope, app.ring(), slug, &replacement, overlap).await
    };
    if let Some(key) = fresh.key() {
        run(Replacement::Key(&key)).await?;
    } else if let Some((field, secret)) = &fresh.secret {
        match with_access_key(&integration.settings, credential, wanted.access_key_id)? {
            Some(settings) => run(Replacement::AccessKey(&settings, secret)).await?,
            None => run(Replacement::Secret(field, secret)).await?,
        };
    }
    app.key_check().forget();
    Ok(fresh.reveal())
}

fn with_access_key(
    settings: &Settings,
    credential: Credential,
    id: Option<&str>,
) -> WebResult<Option<Settings>> {
    if credential != Credential::AccessKey {
        return Ok(None);
    }
    let id =
        id.ok_or_else(|| WebError::field("accessKeyId", "give the id of the new access key"))?;
    let mut settings = settings.clone();
    if let Configuration::GuarddutyPull(pull) = &mut settings.configuration {
        pull.access_key_id = Some(id.to_owned());
    }
    match settings.problem() {
        Some((field, message)) => Err(WebError::field(field, message)),
        None => Ok(Some(settings)),
    }
}

/// The signing secrets in force: the current one and, during an overlap, the one before.
pub(crate) async fn signing_secrets(
    app: &App,
    scope: &Scope,
    integration: &Integration,
) -> WebResult<Vec<SecretString>> {
    let owner = secrets::Owner::Integration(integration.id);
    let mut found = Vec::new();
    for field in [SIGNING, secrets::previous(SIGNING)] {
        found.extend(secrets::open(scope, app.ring(), &owner, field).await?);
    }
    Ok(found)
}
