//! What an event means: the classes that the rules count.

use std::collections::BTreeMap;

use super::table::{Table, numbered};

numbered! {
    /// What was done, whatever the source calls it.
    Action {
        /// A session or a credential check.
        SignIn = "sign_in",
        /// Looked at something.
        Read = "read",
        /// Took a copy to the own machine.
        Download = "download",
        /// Put something into a place of the organisation.
        Upload = "upload",
        /// Put something into a place outside the organisation.
        Send = "send",
        /// Copied to removable media.
        Copy = "copy",
        /// Connected removable media.
        Connect = "connect",
        /// Sent a message.
        Mail = "mail",
        /// Visited a site.
        Visit = "visit",
        /// Removed something.
        Delete = "delete",
        /// Changed rights, keys, accounts or configuration.
        Change = "change",
        /// Gave somebody else access.
        Share = "share",
        /// Made or edited something.
        Write = "write",
        /// Started a program or job.
        Execute = "execute",
        /// A detector's report about somebody.
        Detection = "detection",
        /// Anything else.
        Other = "other",
    }
}

/// One cell for each class of action.
pub type PerAction<T> = Table<Action, T, { Action::COUNT }>;

numbered! {
    /// What was acted on, whatever the source calls it.
    Place {
        /// A file or document.
        File = "file",
        /// A record about a person or a business case.
        Record = "record",
        /// A table, bucket or data set.
        Dataset = "dataset",
        /// A shared place inside the organisation.
        SharedPlace = "shared_place",
        /// A mailbox or recipient.
        Mailbox = "mailbox",
        /// The web, or a service outside the organisation.
        Web = "web",
        /// Removable media.
        Media = "media",
        /// A computer.
        Host = "host",
        /// Accounts, rights, keys, configuration.
        Identity = "identity",
        /// A network entrance.
        Network = "network",
        /// Anything else.
        Other = "other",
    }
}

/// Words of an action and what they mean. The longest run of words decides; among equals the
/// earlier row. Verbs of common SaaS, cloud, endpoint and proxy logs.
const ACTIONS: &[(Action, &[&str])] = &[
    (
        // Reports about somebody or something, and the end of what somebody did.
        Action::Other,
        &[
            "firewall log",
            "log message",
            "logout",
            "log out",
            "logoff",
            "session close",
            "session closed",
            "session end",
            "warning",
            "lockout",
            "access denied",
        ],
    ),
    (
        // What another product concluded. Its severity counts, not how often it is repeated.
        Action::Detection,
        &[
            "detection",
            "detection created",
            "alert",
            "alert created",
            "anomaly",
            "anomaly detected",
            "finding",
            "finding created",
            "threat detected",
            "malware detected",
            "virus detected",
            "incident created",
            "unauthorized access",
            "credential access",
            "attack sequence",
            "initial access",
            "pen test",
            "policy violation",
            "suspicious login",
            "suspicious activity",
            "compromised",
            "attack warning",
            "malicious content detected",
        ],
    ),
    (
        Action::Connect,
        &[
            "usb connect",
            "device connect",
            "usb insert",
            "mount",
            "media insert",
            "plug",
            "usb attach",
            "device attach",
            "connect removable",
        ],
    ),
    (
        Action::Copy,
        &[
            "file copy",
            "usb copy",
            "copy to usb",
            "copy to removable",
            "copy removable",
            "burn",
            "usb write",
            "removable write",
            "print",
            "copied to removable",
        ],
    ),
    (
        Action::SignIn,
        &[
            "session open",
            "login attempt",
            "login success",
            "login succeeded",
            "vpn connected",
            "get signin token",
            "get federation token",
            "login",
            "logon",
            "log in",
            "log on",
            "signin",
            "sign in",
            "signed in",
            "logged in",
            "authenticate",
            "authentication",
            "auth",
            "session start",
            "session opened",
            "connect",
            "mfa",
            "kerberos",
            "ssh",
            "accepted password",
            "accepted publickey",
            "failed password",
            "assume role",
            "user login",
            "console login",
            "unlock",
        ],
    ),
    (
        Action::Mail,
        &[
            "email send",
            "mail send",
            "send mail",
            "send email",
            "send message",
            "email",
            "mail",
            "send as",
            "forward",
            "mail sent",
            "email sent",
            "message sent",
            "post message",
        ],
    ),
    (
        Action::Visit,
        &[
            "http request",
            "web visit",
            "visit",
            "browse",
            "http get",
            "web request",
            "web access",
            "page view",
            "url access",
            "dns query",
        ],
    ),
    (
        Action::Download,
        &[
            "objects get",
            "create image",
            "disks create snapshot",
            "download",
            "downloaded",
            "export",
            "exported",
            "get object",
            "getobject",
            "copy object",
            "bulk read",
            "dump",
            "backup",
            "sync download",
            "clone",
            "pull",
            "fetch",
            "unload",
            "extract",
            "snapshot",
            "file sync downloaded full",
            "report export",
            "git clone",
        ],
    ),
    (
        Action::Upload,
        &[
            "upload",
            "uploaded",
            "put object",
            "putobject",
            "import",
            "push",
            "file upload",
            "post file",
            "attach",
            "sync upload",
        ],
    ),
    (
        Action::Delete,
        &[
            "leave organization",
            "uninstalled",
            "archived",
            "delete",
            "deleted",
            "remove",
            "removed",
            "purge",
            "wipe",
            "erase",
            "destroy",
            "drop",
            "truncate",
            "trash",
            "recycle",
            "shred",
            "unlink",
            "rm",
            "terminate",
            "hard delete",
            "soft delete",
        ],
    ),
    (
        Action::Change,
        &[
            "user update",
            "update user",
            "user access",
            "change owner",
            "owner transferred",
            "account owner",
            "service owner",
            "app installed",
            "app uninstalled",
            "access control",
            "event selectors",
            "account create",
            "account delete",
            "account lock",
            "account disabled",
            "member added",
            "member removed",
            "invite member",
            "promote",
            "set admin",
            "set account admin",
            "remove admin",
            "add admin",
            "invite admin",
            "remove group",
            "create group",
            "group",
            "principal",
            "login profile",
            "trust anchor",
            "create trust anchor",
            "delete flow logs",
            "delete sink",
            "update sink",
            "ingress rule",
            "network acl",
            "set metadata",
            "role assignment",
            "conditional access",
            "query log config",
            "guardrail",
            "ruleset destroy",
            "oauth app",
            "set common instance metadata",
            "send ssh public key",
            "ssh public key",
            "encryption by default",
            "requirements changed",
            "duration changed",
            "cert create",
            "oauth access",
            "saml",
            "sso config",
            "two factor",
            "crypto key version",
            "destroy crypto key version",
            "ip access",
            "bypass create",
            "scopes expanded",
            "organization created",
            "add application",
            "application setting",
            "change calendar acls",
            "calendar setting",
            "admin change",
            "grant",
            "revoke",
            "privilege",
            "role assign",
            "role",
            "permission",
            "policy",
            "add member",
            "remove member",
            "add user",
            "create user",
            "delete user",
            "remove user",
            "disable user",
            "enable user",
            "reset password",
            "change password",
            "password reset",
            "create access key",
            "delete access key",
            "create key",
            "api key",
            "token",
            "config",
            "configuration",
            "configure",
            "setting",
            "settings",
            "elevate",
            "sudo",
            "attach policy",
            "put role policy",
            "admin",
            "impersonate",
            "mfa disable",
            "disable mfa",
            "delete trail",
            "stop logging",
            "audit disable",
            "firewall",
            "security group",
            "consent",
            "application permission",
            "forwarding rule",
            "inbox rule",
        ],
    ),
    (
        Action::Share,
        &[
            "modify image attribute",
            "converted to public",
            "item shared",
            "share",
            "shared",
            "sharing",
            "invite",
            "add collaborator",
            "public link",
            "anonymous link",
            "link created",
            "create link",
            "sharing link",
            "external share",
            "transfer ownership",
            "publish",
        ],
    ),
    (
        Action::Read,
        &[
            "get share",
            "get caller identity",
            "check policy",
            "watch",
            "get secret value",
            "get bucket",
            "head bucket",
            "read",
            "view",
            "viewed",
            "open",
            "opened",
            "access",
            "accessed",
            "preview",
            "list",
            "search",
            "query",
            "select",
            "get",
            "describe",
            "lookup",
            "head object",
            "scan",
            "show",
            "fetch message",
            "mail items accessed",
            "file accessed",
        ],
    ),
    (
        Action::Write,
        &[
            "create", "created", "edit", "edited", "update", "updated", "modify", "modified",
            "write", "rename", "renamed", "move", "moved", "save", "insert", "put", "post",
            "patch", "add", "copy", "restore", "comment", "commit", "merge",
        ],
    ),
    (
        Action::Execute,
        &[
            "execute",
            "exec",
            "run",
            "start",
            "launch",
            "process",
            "process create",
            "command",
            "invoke",
            "job",
            "build",
            "deploy",
            "script",
            "powershell",
            "cron",
        ],
    ),
];

/// Words of a resource and what they mean.
const PLACES: &[(Place, &[&str])] = &[
    (
        Place::Media,
        &[
            "removable",
            "usb",
            "media",
            "external drive",
            "sd card",
            "cd",
            "dvd",
            "printer",
        ],
    ),
    (
        Place::Web,
        &[
            "web",
            "url",
            "site",
            "website",
            "domain",
            "http",
            "https",
            "internet",
            "external",
            "cloud storage",
            "personal cloud",
            "dropbox",
            "paste",
            "ftp",
            "webmail",
        ],
    ),
    (
        Place::Mailbox,
        &[
            "mailbox",
            "mail",
            "email",
            "message",
            "recipient",
            "inbox",
            "chat",
            "channel",
        ],
    ),
    (
        Place::Host,
        &[
            "workstation",
            "host",
            "computer",
            "device",
            "laptop",
            "desktop",
            "server",
            "endpoint",
            "machine",
            "pc",
            "vm",
            "instance",
            "terminal",
        ],
    ),
    (
        Place::Network,
        &[
            "vpn",
            "gateway",
            "firewall",
            "router",
            "wifi",
            "network",
            "interface",
            "proxy",
        ],
    ),
    (
        Place::Identity,
        &[
            "iam",
            "sso",
            "idp",
            "identity",
            "user",
            "account",
            "role",
            "group",
            "policy",
            "key",
            "token",
            "directory",
            "tenant",
            "config",
            "configuration",
            "settings",
            "console",
            "access key",
            "application",
            "service principal",
            "trail",
        ],
    ),
    (
        Place::Record,
        &[
            "customer",
            "record",
            "patient",
            "case",
            "contact",
            "account record",
            "ticket",
            "order",
            "invoice",
            "lead",
            "client",
            "employee",
            "crm",
            "transaction",
            "card",
        ],
    ),
    (
        Place::Dataset,
        &[
            "dataset",
            "data set",
            "table",
            "bucket",
            "database",
            "db",
            "warehouse",
            "schema",
            "object store",
            "s3",
            "blob",
            "query",
            "report",
            "dashboard",
            "repository",
            "repo",
            "snapshot",
            "volume",
            "backup",
        ],
    ),
    (
        Place::SharedPlace,
        &[
            "share",
            "shared drive",
            "team drive",
            "folder",
            "library",
            "project",
            "workspace",
        ],
    ),
    (
        Place::File,
        &[
            "document",
            "doc",
            "file",
            "sheet",
            "slide",
            "page",
            "note",
            "attachment",
            "image",
            "object",
        ],
    ),
];

/// How an action begins that only looks at what its other words name: `DescribeSecurityGroups`.
const LOOKING: [&str; 4] = ["describe ", "list ", "get ", "batch get "];

/// Turns the words of events into classes. A tenant's own rows come before the built-in ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Classifier {
    actions: BTreeMap<String, Action>,
    places: BTreeMap<String, Place>,
}

impl Classifier {
    /// The built-in table with a tenant's additions: exact words of an action or resource, in any
    /// case, and what they mean there.
    pub fn with<'a>(
        actions: impl IntoIterator<Item = (&'a str, Action)>,
        places: impl IntoIterator<Item = (&'a str, Place)>,
    ) -> Self {
        Self {
            actions: actions.into_iter().map(|(w, a)| (words(w), a)).collect(),
            places: places.into_iter().map(|(w, p)| (words(w), p)).collect(),
        }
    }

    /// The class of a resource's word.
    pub fn place(&self, resource: Option<&str>) -> Place {
        let Some(resource) = resource else {
            return Place::Other;
        };
        let text = words(resource);
        let own = self.places.get(&text).copied();
        own.or_else(|| longest(PLACES, &text))
            .unwrap_or(Place::Other)
    }

    /// The class of an action's word, made precise by where it was done.
    pub fn action(&self, action: &str, place: Place) -> Action {
        let text = words(action);
        if let Some(own) = self.actions.get(&text) {
            return *own;
        }
        if is_finding_type(action) {
            return Action::Detection;
        }
        let class = longest(ACTIONS, &text).unwrap_or(Action::Other);
        let looks = |verb| text.starts_with(verb);
        if class == Action::Change && LOOKING.into_iter().any(looks) {
            return Action::Read;
        }
        at_place(class, place)
    }
}

/// True for the types of findings that Amazon GuardDuty gives: purpose, kind of resource and what
/// was found, as in `Recon:IAMUser/MaliciousIPCaller` (user guide, "GuardDuty finding format").
fn is_finding_type(action: &str) -> bool {
    let word = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '!' | '_');
        text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(plain)
    };
    let parts = action.trim().split_once(':');
    let parts = parts.and_then(|(purpose, rest)| Some((purpose, rest.split_once('/')?)));
    parts.is_some_and(|(purpose, (kind, found))| word(purpose) && word(kind) && word(found))
}

/// The same verb means another thing elsewhere.
fn at_place(class: Action, place: Place) -> Action {
    match (class, place) {
        (Action::Upload | Action::Share, Place::Web) => Action::Send,
        (Action::Upload | Action::Write | Action::Download, Place::Media) => Action::Copy,
        (Action::Read, Place::Web) => Action::Visit,
        (Action::SignIn, Place::Media) => Action::Connect,
        (Action::Write | Action::Delete, Place::Identity) => Action::Change,
        (Action::Copy, Place::File | Place::Dataset | Place::SharedPlace | Place::Record) => {
            Action::Download
        }
        (class, _) => class,
    }
}

/// `GetObject`, `get-object` and `get_object` are the words `get object`.
pub(super) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut lower = false;
    for c in text.trim().chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && lower {
                out.push(' ');
            }
            lower = c.is_lowercase() || c.is_numeric();
            out.extend(c.to_lowercase());
        } else {
            lower = false;
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The class of the longest row that occurs in the text as whole words; the later occurrence
/// never matters, an earlier row wins between equally long ones.
fn longest<C: Copy>(rows: &[(C, &[&str])], text: &str) -> Option<C> {
    let padded = format!(" {text} ");
    let mut best: Option<(usize, C)> = None;
    for (class, synonyms) in rows {
        for synonym in *synonyms {
            let longer = best.is_none_or(|(length, _)| synonym.len() > length);
            if longer && contains_words(&padded, synonym) {
                best = Some((synonym.len(), *class));
            }
        }
    }
    best.map(|(_, class)| class)
}

/// True when `padded` holds the words of `synonym`, with an optional plural s at the end.
fn contains_words(padded: &str, synonym: &str) -> bool {
    padded.match_indices(synonym).any(|(at, _)| {
        let before = padded.get(..at).is_some_and(|head| head.ends_with(' '));
        let after = padded.get(at + synonym.len()..);
        before && after.is_some_and(|tail| tail.starts_with(' ') || tail.starts_with("s "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_meaning_for_many_words() {
        let classifier = Classifier::default();
        let rows = [
            ("login", "sso", Action::SignIn),
            ("ConsoleLogin", "iam", Action::SignIn),
            ("download", "document", Action::Download),
            ("GetObject", "s3", Action::Download),
            ("FileDownloaded", "document", Action::Download),
            ("upload", "share", Action::Upload),
            ("upload", "web", Action::Send),
            ("file_copy", "removable", Action::Copy),
            ("file_copy", "document", Action::Download),
            ("usb_connect", "removable", Action::Connect),
            ("email_send", "mailbox", Action::Mail),
            ("web_visit", "web", Action::Visit),
            ("delete", "document", Action::Delete),
            ("DeleteUser", "iam", Action::Change),
            ("admin_change", "iam", Action::Change),
            ("CreateAccessKey", "iam", Action::Change),
            ("AnonymousLinkCreated", "document", Action::Share),
            ("read", "customer", Action::Read),
            ("user_logout", "sso", Action::Other),
            ("SetIamPolicy", "storage.googleapis.com", Action::Change),
            (
                "storage.objects.get",
                "storage.googleapis.com",
                Action::Download,
            ),
            (
                "UnauthorizedAccess:EC2/SSHBruteForce",
                "Instance",
                Action::Detection,
            ),
            ("Impact:S3/MaliciousIPCaller", "s3", Action::Detection),
            ("AttackSequence:S3/CompromisedData", "s3", Action::Detection),
            ("edr.detection", "host", Action::Detection),
            ("changeAccountOwner", "accounts", Action::Change),
            ("user.session.start", "", Action::SignIn),
            ("DeleteFlowLogs", "ec2.amazonaws.com", Action::Change),
            ("DescribeSecurityGroups", "ec2.amazonaws.com", Action::Read),
            ("Delete role assignment", "", Action::Change),
            ("firewall_log", "url", Action::Other),
            ("zzz", "yyy", Action::Other),
        ];
        for (action, resource, expected) in rows {
            let place = classifier.place(Some(resource));
            assert_eq!(
                classifier.action(action, place),
                expected,
                "{action} {resource}"
            );
        }
    }

    #[test]
    fn a_tenant_adds_words() {
        let classifier = Classifier::with([("Beam-Up", Action::Send)], [("holodeck", Place::Web)]);
        assert_eq!(classifier.place(Some("Holodeck")), Place::Web);
        assert_eq!(classifier.action("beam_up", Place::Other), Action::Send);
    }

    #[test]
    fn words_of_any_spelling() {
        assert_eq!(words("GetObject"), "get object");
        assert_eq!(words("get-object"), "get object");
        assert_eq!(words("  file_copy "), "file copy");
    }
}
