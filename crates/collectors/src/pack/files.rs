//! The constant files of each provider and mode.

use domain::integration::{Mode, Provider};

/// A path inside the pack, and the text.
type Constant = (&'static str, &'static str);

macro_rules! constants {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("../../../../integration-packs/", $folder, "/", $name)),
        )),*]
    };
}

const ALL: &[Constant] = constants!("common": "lib.sh", "verify.sh");
const SENDS_LINES: &[Constant] = constants!("lines": "send.py", "send-sample.sh");
const POSTS: &[Constant] = constants!("posts": "sign.py", "send-sample.sh");
const COLLECTOR: &[Constant] = constants!("collector":
    "compose.yml", "systemd/insider-risk-collector.service", "COLLECTOR.md");
const SYSLOG: &[Constant] = constants!("syslog":
    "README.md", "TROUBLESHOOTING.md", "DATA-MINIMISATION.md", "rollback.sh",
    "syslog-ng/insider-risk.conf", "fluent-bit/fluent-bit.yaml");
const MIKROTIK: &[Constant] = constants!("mikrotik":
    "README.md", "TROUBLESHOOTING.md", "DATA-MINIMISATION.md", "rollback.sh",
    "routeros/setup.rsc", "routeros/verify.rsc", "routeros/rollback.rsc");
const WEBHOOK: &[Constant] = constants!("webhook":
    "README.md", "TROUBLESHOOTING.md", "DATA-MINIMISATION.md", "rollback.sh");
const GUARDDUTY: &[Constant] = constants!("guardduty": "DATA-MINIMISATION.md");
const GUARDDUTY_PULL: &[Constant] = constants!("guardduty-pull":
    "README.md", "TROUBLESHOOTING.md", "rollback.sh", "send-sample.sh", "policy.json",
    "terraform/main.tf", "terraform/variables.tf", "terraform/outputs.tf",
    "terraform/versions.tf", "cloudformation/role.yaml");
const GUARDDUTY_PUSH: &[Constant] = constants!("guardduty-push":
    "README.md", "TROUBLESHOOTING.md", "rollback.sh",
    "terraform/main.tf", "terraform/variables.tf", "terraform/versions.tf",
    "cloudformation/eventbridge.yaml");

/// The constant files of a pack; each path once.
pub(super) fn of(provider: Provider, mode: Mode) -> impl Iterator<Item = Constant> {
    let own: &[&[Constant]] = match (provider, mode) {
        (Provider::AwsGuardduty, Mode::Push) => &[GUARDDUTY, GUARDDUTY_PUSH, POSTS],
        (Provider::AwsGuardduty, _) => &[GUARDDUTY, GUARDDUTY_PULL],
        (Provider::Mikrotik, Mode::Collector) => &[MIKROTIK, SENDS_LINES, COLLECTOR],
        (Provider::Mikrotik, _) => &[MIKROTIK, SENDS_LINES],
        (Provider::Syslog, Mode::Collector) => &[SYSLOG, SENDS_LINES, COLLECTOR],
        (Provider::Syslog, _) => &[SYSLOG, SENDS_LINES],
        (Provider::Webhook, _) => &[WEBHOOK, POSTS],
    };
    own.iter().copied().chain([ALL]).flatten().copied()
}
