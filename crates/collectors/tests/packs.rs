//! Packs: reproducible, without secrets, and correct in the eyes of the tools that read them.
//!
//! A tool that is not installed is named; with `PACK_TOOLS=required`, as set by `scripts/test`,
//! that is a failure for those it installs. `SYSLOG_NG` names a syslog-ng that is not on the path.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "tests fail by panicking; names of packs are in small letters"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use collectors::pack::{self, File, NoPack, Request};
use domain::id::{IntegrationId, SourceId};
use domain::integration::config::{Devices, GuarddutyPull, GuarddutyPush, Signature, Webhook};
use domain::integration::{Configuration, Integration, Mode, Provider, Settings};
use domain::time::Timestamp;
use serde_json::Value;

const HOSTILE: &str = "x'\"; touch canary; $(touch canary) `touch canary` ${file(\"/etc/passwd\")} %{ for } [/system reset] \\\n- evil: 1\n#";

fn devices() -> Devices {
    Devices {
        listen: vec![
            "udp://0.0.0.0:5514".to_owned(),
            "tcp://[::]:5601".to_owned(),
        ],
        allow: vec!["10.0.0.0/8".to_owned(), "2001:db8::/32".to_owned()],
        zone: "Europe/Berlin".to_owned(),
    }
}

fn configuration(provider: Provider, mode: Mode) -> Configuration {
    match (provider, mode) {
        (Provider::AwsGuardduty, Mode::Push) => Configuration::GuarddutyPush(GuarddutyPush {
            accounts: vec!["123456789012".to_owned()],
            ..GuarddutyPush::default()
        }),
        (Provider::AwsGuardduty, _) => Configuration::GuarddutyPull(GuarddutyPull {
            role_arn: "arn:aws:iam::123456789012:role/security/reader".to_owned(),
            regions: vec!["eu-central-1".to_owned(), "us-east-1".to_owned()],
            min_severity: 4.0,
            credentials: domain::integration::config::Credentials::Instance,
            access_key_id: None,
        }),
        (Provider::Webhook, _) => Configuration::Webhook(Webhook {
            signature: Signature::Github,
            items: "data.events".to_owned(),
            mapping: BTreeMap::from([("actor".to_owned(), "who.login".to_owned())]),
        }),
        _ => Configuration::Devices(devices()),
    }
}

fn integration(provider: Provider, mode: Mode) -> Integration {
    Integration {
        id: IntegrationId(1),
        slug: "acme-hosts".parse().unwrap(),
        provider,
        mode,
        settings: Settings {
            name: "Hosts of Acme".to_owned(),
            configuration: configuration(provider, mode),
            schedule: None,
            cadence_minutes: None,
        },
        source: SourceId(1),
        source_slug: "acme-hosts".parse().unwrap(),
        external_id: "irm-0123456789AB-0123456789AB".to_owned(),
        paused: None,
        version: 3,
        created_at: Timestamp::default(),
        created_by: "admin@example.org".to_owned(),
        cursor: None,
        next_run_at: None,
        errors_in_row: 0,
        last_ok_at: None,
        last_error: None,
        refused: None,
    }
}

fn all() -> impl Iterator<Item = Integration> {
    Provider::ALL
        .into_iter()
        .flat_map(|p| p.modes().iter().map(move |m| integration(p, *m)))
}

fn request(integration: &Integration) -> Request<'_> {
    Request {
        integration,
        origin: "https://irm.example.org",
    }
}

fn files(integration: &Integration) -> BTreeMap<&'static str, File> {
    let list = pack::contents(&request(integration)).unwrap();
    let count = list.len();
    let files: BTreeMap<_, _> = list.into_iter().map(|f| (f.name, f)).collect();
    assert_eq!(files.len(), count, "a name stands twice");
    files
}

fn text(file: &File) -> &str {
    std::str::from_utf8(&file.bytes).unwrap()
}

/// The pack unpacked into a folder, as a person would have it.
fn unpacked(integration: &Integration) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bytes = pack::build(&request(integration)).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    archive.extract(folder.path()).unwrap();
    folder
}

/// The program, or nothing when it is not installed and need not be.
fn tool(name: &str, installed_by_us: bool) -> Option<String> {
    let path = match (name, std::env::var("SYSLOG_NG")) {
        ("syslog-ng", Ok(path)) if !path.is_empty() => path,
        _ => name.to_owned(),
    };
    let version = match name {
        "rsyslogd" => "-v",
        _ => "--version",
    };
    if Command::new(&path)
        .arg(version)
        .output()
        .is_ok_and(|o| o.status.success())
    {
        return Some(path);
    }
    let required = std::env::var("PACK_TOOLS").is_ok_and(|v| v == "required");
    assert!(!(required && installed_by_us), "{name} is not installed");
    println!("LEFT OUT: {name} is not installed, so it has not checked the packs");
    None
}

fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_provider_and_mode_has_a_whole_pack_with_true_sums() {
    for integration in all() {
        let files = files(&integration);
        for name in [
            "README.md",
            "TROUBLESHOOTING.md",
            "DATA-MINIMISATION.md",
            "manifest.json",
            "verify.sh",
            "send-sample.sh",
            "rollback.sh",
        ] {
            assert!(
                files.contains_key(name),
                "{} {} lacks {name}",
                integration.provider,
                integration.mode
            );
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"].bytes).unwrap();
        assert_eq!(manifest["configurationVersion"], 3);
        assert_eq!(manifest["integration"], "acme-hosts");
        let listed = manifest["files"].as_array().unwrap();
        assert_eq!(listed.len(), files.len() - 1);
        let folder = unpacked(&integration);
        let mut sums = String::new();
        for file in listed {
            let path = file["path"].as_str().unwrap();
            let bytes = std::fs::read(folder.path().join(path)).unwrap();
            assert_eq!(file["bytes"], bytes.len());
            sums += file["sha256"].as_str().unwrap();
            sums += "  ";
            sums += path;
            sums += "\n";
        }
        std::fs::write(folder.path().join("sums"), sums).unwrap();
        passes(
            Command::new("sha256sum")
                .args(["--check", "--strict", "--quiet", "sums"])
                .current_dir(folder.path()),
        );
    }
}

#[test]
fn two_builds_are_the_same_bytes_and_another_version_is_not() {
    for integration in all() {
        let first = pack::build(&request(&integration)).unwrap();
        assert_eq!(first, pack::build(&request(&integration)).unwrap());
        let changed = Integration {
            version: 4,
            ..integration
        };
        assert_ne!(first, pack::build(&request(&changed)).unwrap());
    }
}

#[test]
fn names_in_the_archive_stay_inside_and_only_scripts_are_executable() {
    for integration in all() {
        let bytes = pack::build(&request(&integration)).unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        for number in 0..archive.len() {
            let entry = archive.by_index(number).unwrap();
            let name = entry.name().unwrap().into_owned();
            assert!(entry.enclosed_name().is_some() && entry.is_file(), "{name}");
            assert!(!name.contains("..") && !name.contains('\\') && !name.contains(':'));
            let executable = entry.unix_mode().unwrap() & 0o111 != 0;
            assert_eq!(executable, name.ends_with(".sh"), "{name}");
        }
    }
}

/// The leaves of a document become one text, so that only its shape is left.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Number(_) | Value::String(_) => Value::from("leaf"),
        other => other.clone(),
    }
}

#[test]
fn a_hostile_name_changes_leaves_of_data_files_only() {
    for integration in all() {
        let clean = files(&integration);
        let mut hostile = integration.clone();
        HOSTILE.clone_into(&mut hostile.settings.name);
        if let Configuration::Webhook(webhook) = &mut hostile.settings.configuration {
            webhook
                .mapping
                .insert("action".to_owned(), HOSTILE.replace('.', ""));
        }
        for (name, file) in files(&hostile) {
            if file == clean[name] || name == "manifest.json" {
                continue;
            }
            match name {
                "routeros/values.rsc" => {
                    // The string of the name has no character that ends it or runs.
                    let line = text(&file).lines().last().unwrap().to_owned();
                    let inner = line.strip_prefix(":global irmName \"").unwrap();
                    let inner = inner.strip_suffix('"').unwrap();
                    let runs = inner.contains(['"', '$', '[', ']', ';', '{', '(', '\'']);
                    assert!(!runs, "{inner}");
                    assert_eq!(
                        text(&file).lines().count(),
                        text(&clean[name]).lines().count()
                    );
                }
                "config.json" => {
                    let value: Value = serde_json::from_slice(&file.bytes).unwrap();
                    assert_eq!(value["name"], HOSTILE);
                    let mut before: Value = serde_json::from_slice(&clean[name].bytes).unwrap();
                    let mut after = value;
                    for document in [&mut before, &mut after] {
                        document["configuration"] = Value::Null;
                    }
                    assert_eq!(shape(&before), shape(&after));
                }
                "sample.json" => {
                    serde_json::from_slice::<Value>(&file.bytes).unwrap();
                }
                other => panic!("{other} changed with the name"),
            }
        }
        let folder = unpacked(&hostile);
        passes(
            Command::new("sh")
                .args([
                    "-c",
                    "set -eu; . ./lib.sh; [ \"$IRM_SOURCE\" = acme-hosts ]",
                ])
                .current_dir(folder.path()),
        );
        assert!(!folder.path().join("canary").exists());
    }
}

#[test]
fn settings_no_data_file_can_carry_are_refused_not_escaped() {
    let mut lines = integration(Provider::Syslog, Mode::Collector);
    for (listen, allow, zone) in [
        ("udp://0.0.0.0:514", HOSTILE, "UTC"),
        ("udp://0.0.0.0:514", "10.0.0.0/8", HOSTILE),
    ] {
        lines.settings.configuration = Configuration::Devices(Devices {
            listen: vec![listen.to_owned()],
            allow: vec![allow.to_owned()],
            zone: zone.to_owned(),
        });
        let refused = pack::build(&request(&lines));
        assert!(matches!(refused, Err(NoPack::Value(_))), "{refused:?}");
    }
    let mut pull = integration(Provider::AwsGuardduty, Mode::Pull);
    if let Configuration::GuarddutyPull(pull) = &mut pull.settings.configuration {
        pull.regions = vec!["$(touch canary)".to_owned()];
    }
    assert!(pack::build(&request(&pull)).is_err());
    let evil = Request {
        integration: &integration(Provider::Webhook, Mode::Push),
        origin: "https://irm.example.org';touch canary;'",
    };
    assert!(pack::build(&evil).is_err());
}

#[test]
fn the_role_may_read_findings_and_nothing_else_in_both_ways_to_make_it() {
    let files = files(&integration(Provider::AwsGuardduty, Mode::Pull));
    let policy: Value = serde_json::from_slice(&files["policy.json"].bytes).unwrap();
    // The intrinsic functions of CloudFormation are tags a plain reader does not know.
    let template = text(&files["cloudformation/role.yaml"])
        .replace("!Ref ", "")
        .replace("!GetAtt ", "");
    let template: Value = serde_saphyr::from_str(&template).unwrap();
    let role = &template["Resources"]["Role"]["Properties"];
    assert_eq!(role["Policies"][0]["PolicyDocument"], policy);
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(
        trust["Condition"]["StringEquals"]["sts:ExternalId"],
        "ExternalId"
    );
    let parameters: Value =
        serde_json::from_slice(&files["cloudformation/parameters.json"].bytes).unwrap();
    for parameter in parameters.as_array().unwrap() {
        let key = parameter["ParameterKey"].as_str().unwrap();
        assert!(template["Parameters"][key].is_object(), "{key}");
    }
    let main: hcl::Body = hcl::from_str(text(&files["terraform/main.tf"])).unwrap();
    let written = hcl::to_string(&main).unwrap();
    assert!(written.contains("sts:ExternalId") && written.contains("policy.json"));
}

#[test]
fn terraform_files_are_hcl_and_every_value_has_its_variable() {
    for mode in [Mode::Pull, Mode::Push] {
        let files = files(&integration(Provider::AwsGuardduty, mode));
        for (_, file) in files.iter().filter(|(name, _)| name.ends_with(".tf")) {
            hcl::parse(text(file)).unwrap();
        }
        let variables = hcl::parse(text(&files["terraform/variables.tf"])).unwrap();
        let declared: Vec<&str> = variables.blocks().map(|b| b.labels()[0].as_str()).collect();
        let values: Value =
            serde_json::from_slice(&files["terraform/terraform.tfvars.json"].bytes).unwrap();
        for name in values.as_object().unwrap().keys() {
            assert!(declared.contains(&name.as_str()), "{name}");
        }
        let folder = unpacked(&integration(Provider::AwsGuardduty, mode));
        if let Some(terraform) = tool("terraform", false) {
            passes(
                Command::new(terraform)
                    .args(["fmt", "-check", "-recursive"])
                    .current_dir(folder.path()),
            );
        }
        if std::env::var("IRM_CFN_LINT").as_deref() == Ok("no") {
            println!("LEFT OUT: cfn-lint cannot be installed here");
        } else if let Some(lint) = tool("cfn-lint", true) {
            let name = if mode == Mode::Pull {
                "role"
            } else {
                "eventbridge"
            };
            passes(
                Command::new(lint)
                    .arg(format!("cloudformation/{name}.yaml"))
                    .current_dir(folder.path()),
            );
        }
    }
}

#[test]
fn scripts_are_clean_in_the_eyes_of_shellcheck_and_python() {
    for integration in all() {
        let folder = unpacked(&integration);
        let named = |ending: &str| -> Vec<String> {
            let names = files(&integration).into_keys();
            names
                .filter(|n| n.ends_with(ending))
                .map(str::to_owned)
                .collect()
        };
        if let Some(shellcheck) = tool("shellcheck", true) {
            passes(
                Command::new(shellcheck)
                    .arg("-x")
                    .args(named(".sh"))
                    .current_dir(folder.path()),
            );
        }
        if let Some(python) = tool("python3", true) {
            for file in named(".py") {
                passes(
                    Command::new(&python)
                        .args(["-m", "py_compile", &file])
                        .current_dir(folder.path()),
                );
            }
        }
    }
}

#[test]
fn yaml_files_are_yaml_and_the_collector_is_confined() {
    let files = files(&integration(Provider::Syslog, Mode::Collector));
    let fluent: Value = serde_saphyr::from_str(text(&files["fluent-bit/fluent-bit.yaml"])).unwrap();
    assert_eq!(fluent["pipeline"]["outputs"][0]["host"], "${IRM_HOST}");
    let compose: Value = serde_saphyr::from_str(text(&files["compose.yml"])).unwrap();
    let collector = &compose["services"]["collector"];
    assert_eq!(collector["read_only"], true);
    assert_eq!(collector["cap_drop"][0], "ALL");
    let key = collector["environment"]["API_KEY"].as_str().unwrap();
    assert!(key.starts_with("${API_KEY:?"), "{key}");
    assert!(
        text(&files[".env"]).contains(
            "IRM_COLLECT='--listen udp://0.0.0.0:5514 --listen tcp://[::]:5601 --allow 10.0.0.0/8 --allow 2001:db8::/32 --zone Europe/Berlin --format auto'"
        )
    );
    let folder = unpacked(&integration(Provider::Syslog, Mode::Collector));
    let has_compose = Command::new("docker")
        .args(["compose", "version"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !has_compose {
        println!("LEFT OUT: docker compose is not installed, so it has not read compose.yml");
        return;
    }
    let output = Command::new("docker")
        .args(["compose", "config", "--format", "json"])
        .env("API_KEY", "k")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let command = read["services"]["collector"]["command"].as_array().unwrap();
    let words: Vec<&str> = command.iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(
        &words[..4],
        ["collect", "syslog", "--listen", "udp://0.0.0.0:5514"]
    );
    assert!(words.contains(&"https://irm.example.org/api/ingest/acme-hosts"));
}

#[test]
fn rsyslog_accepts_its_configuration() {
    let Some(rsyslogd) = tool("rsyslogd", true) else {
        return;
    };
    let folder = unpacked(&integration(Provider::Syslog, Mode::Listener));
    let whole = folder.path().join("rsyslog.conf");
    let ours = text_of(folder.path(), "rsyslog/60-insider-risk.conf");
    let work = folder.path().display();
    std::fs::write(&whole, format!("global(workDirectory=\"{work}\")\n{ours}")).unwrap();
    let output = Command::new(rsyslogd)
        .args(["-N1", "-f"])
        .arg(&whole)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn syslog_ng_accepts_its_configuration() {
    let Some(syslog_ng) = tool("syslog-ng", true) else {
        return;
    };
    let folder = unpacked(&integration(Provider::Syslog, Mode::Listener));
    let whole = folder.path().join("syslog-ng.conf");
    // Sources of a system and a disk buffer need what a test does not have.
    let ours = text_of(folder.path(), "syslog-ng/insider-risk.conf").replace("system(); ", "");
    let values = text_of(folder.path(), "syslog-ng/values.conf");
    std::fs::write(&whole, format!("@version: 3.38\n{values}{ours}")).unwrap();
    let output = Command::new(syslog_ng)
        .args(["--syntax-only", "--no-caps", "-f"])
        .arg(&whole)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn text_of(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}
