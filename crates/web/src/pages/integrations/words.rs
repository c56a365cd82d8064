//! What each provider gives and takes, in words.

use domain::integration::config::{Credentials, Devices, Signature};
use domain::integration::{Configuration, Mode, Provider};

/// A provider as the gallery shows it.
pub(crate) struct Offer {
    pub provider: Provider,
    pub get: &'static str,
    pub need: &'static str,
    pub minutes: u32,
}

/// What the gallery says of a provider.
pub(crate) fn offer(provider: Provider) -> Offer {
    let (get, need, minutes) = match provider {
        Provider::AwsGuardduty => (
            "Findings about users, roles and machines in your AWS accounts, as events of the actor they are about.",
            "The right to create a role in the account, or to add an EventBridge rule.",
            5,
        ),
        Provider::Mikrotik => (
            "Logins, failed logins, configuration changes, VPN users and firewall hits of RouterOS 6 and 7.",
            "Administrator access to the router, and a route from it to a listener.",
            5,
        ),
        Provider::Syslog => (
            "Logins, sudo, VPN and web access from anything that writes RFC 3164 or RFC 5424 syslog.",
            "The right to change the sender’s syslog configuration.",
            5,
        ),
        Provider::Webhook => (
            "Any JSON your systems can post, signed, with a mapping to actor, action and time.",
            "A system that can post over HTTPS to this address.",
            3,
        ),
    };
    Offer {
        provider,
        get,
        need,
        minutes,
    }
}

/// What is collected, what never is, and what to have at hand.
pub(crate) struct Promise {
    pub collected: Vec<String>,
    pub never: &'static [&'static str],
    pub at_hand: &'static [&'static str],
}

/// The promise of a provider and mode, as far as they are chosen.
#[expect(clippy::too_many_lines, reason = "a table of words")]
pub(crate) fn promise(
    provider: Option<Provider>,
    mode: Option<Mode>,
    min_severity: &str,
) -> Promise {
    let Some(provider) = provider else {
        return Promise {
            collected: vec!["Depends on the provider you choose.".to_owned()],
            never: &["Nothing is collected before the last step."],
            at_hand: &["About 5 minutes"],
        };
    };
    let own = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
    match (provider, mode) {
        (Provider::AwsGuardduty, Some(Mode::Push)) => Promise {
            collected: own(&["Findings your rule forwards: type, time, user, resource, address"]),
            never: &[
                "Anything you do not forward",
                "Keys or roles of your account",
            ],
            at_hand: &[
                "The right to create an EventBridge rule and API destination",
                "About 5 minutes",
            ],
        },
        (Provider::AwsGuardduty, _) => {
            let severity = if min_severity.is_empty() {
                "1"
            } else {
                min_severity
            };
            Promise {
                collected: vec![format!(
                    "Findings with severity {severity} or more: type, time, affected user and resource, address"
                )],
                never: &[
                    "Object contents, logs, any other service",
                    "Long-lived keys of your account: the role is assumed for each run",
                ],
                at_hand: &[
                    "The right to create a role in the AWS account",
                    "The 12-digit account number",
                    "About 5 minutes",
                ],
            }
        }
        (Provider::Mikrotik, _) => Promise {
            collected: own(&[
                "Logins and configuration changes, with user and address",
                "Firewall, DHCP and VPN lines the router is told to log",
            ]),
            never: &[
                "Contents of traffic",
                "The router’s password: it is never asked for",
            ],
            at_hand: &[
                "Administrator access to the router",
                "The address the router sends from",
            ],
        },
        (Provider::Syslog, _) => Promise {
            collected: own(&[
                "Every line the sender forwards; lines that name a user become that user’s events",
            ]),
            never: &["Files, processes or anything else of the sender"],
            at_hand: &[
                "The right to change the sender’s syslog configuration",
                "The networks the senders are in",
            ],
        },
        (Provider::Webhook, _) => Promise {
            collected: own(&[
                "The JSON that is posted, after dropping or masking what you choose in step 5",
            ]),
            never: &[
                "Anything that is not posted",
                "Requests without a valid signature or key",
            ],
            at_hand: &[
                "A sample of what the system posts",
                "Where the system takes the signing secret",
            ],
        },
    }
}

/// What a mode means, for the choice between them.
pub(crate) fn mode_hint(mode: Mode) -> &'static str {
    match mode {
        Mode::Pull => "This service asks on a schedule. Nothing has to reach it from outside.",
        Mode::Push => {
            "The other side posts over HTTPS as things happen. This address must be reachable."
        }
        Mode::Listener => {
            "This service listens on a syslog port. For devices in a network it is in."
        }
        Mode::Collector => {
            "A small collector listens near the devices and forwards over HTTPS, with a disk buffer."
        }
    }
}

/// How a signature is named in forms.
pub(crate) fn signature_title(signature: Signature) -> &'static str {
    match signature {
        Signature::StandardWebhooks => {
            "Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature"
        }
        Signature::Github => "GitHub style: X-Hub-Signature-256",
        Signature::ApiKey => "API key in the header x-api-key",
    }
}

/// A configuration as label and value, for summaries.
pub(crate) fn summary(
    configuration: &Configuration,
    external_id: &str,
) -> Vec<(&'static str, String)> {
    match configuration {
        Configuration::GuarddutyPull(pull) => {
            let credentials = match pull.credentials {
                Credentials::Instance => "of the machine this service runs on".to_owned(),
                Credentials::AccessKey => {
                    format!(
                        "access key {}",
                        pull.access_key_id.as_deref().unwrap_or_default()
                    )
                }
            };
            vec![
                ("Regions", pull.regions.join(", ")),
                ("Role", pull.role_arn.clone()),
                ("External ID", external_id.to_owned()),
                ("Severity", format!("{} and up", pull.min_severity)),
                ("Credentials", credentials),
            ]
        }
        Configuration::GuarddutyPush(push) => vec![
            ("Genuine by", signature_title(push.signature).to_owned()),
            ("Accounts", all_or(&push.accounts)),
        ],
        Configuration::Devices(devices) => devices_summary(devices),
        Configuration::Webhook(webhook) => {
            let mapping = webhook.mapping.iter().map(|(f, p)| format!("{f} = {p}"));
            vec![
                ("Genuine by", signature_title(webhook.signature).to_owned()),
                (
                    "Events at",
                    if webhook.items.is_empty() {
                        "the top of the body".to_owned()
                    } else {
                        webhook.items.clone()
                    },
                ),
                (
                    "Mapping",
                    all_or(&mapping.collect::<Vec<_>>()).replace("any", "usual names"),
                ),
            ]
        }
    }
}

fn devices_summary(devices: &Devices) -> Vec<(&'static str, String)> {
    vec![
        ("Listens on", devices.listen.join(", ")),
        ("Senders from", devices.allow.join(", ")),
        ("Times without zone", devices.zone.clone()),
    ]
}

fn all_or(list: &[String]) -> String {
    if list.is_empty() {
        "any".to_owned()
    } else {
        list.join(", ")
    }
}
