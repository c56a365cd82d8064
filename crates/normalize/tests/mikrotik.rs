//! What RouterOS lines become, and what they must never become.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod labels;

use domain::event::Outcome;
use domain::severity::Severity;
use domain::time::{Timestamp, Zone};
use normalize::mikrotik;
use normalize::record::{Context, Header, Record};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: &str = "2026-11-25T03:00:00Z";

fn read(line: &str) -> Record {
    let zone = Zone::utc();
    mikrotik::read_line(
        line,
        &Context {
            received_at: NOW.parse().unwrap(),
            zone: &zone,
        },
    )
}

fn message_of(record: &Record) -> &str {
    &record.syslog.as_ref().unwrap().message
}

/// The record in the words of the labels.
fn described(record: &Record) -> Value {
    let mut words = record.attributes.clone();
    words.insert("action".to_owned(), record.action.clone().into());
    if let Some(actor) = &record.actor {
        words.insert("actor".to_owned(), actor.clone().into());
    }
    if let Some(ip) = record.ip {
        words.insert("ip".to_owned(), ip.to_string().into());
    }
    let outcome = record.outcome_word.clone().or(match record.outcome {
        Outcome::Unknown => None,
        known => Some(known.word().to_owned()),
    });
    if let Some(outcome) = outcome {
        words.insert("outcome".to_owned(), outcome.into());
    }
    Value::Object(words)
}

#[test]
fn every_labelled_sample() {
    let samples = labels::of_kind("mikrotik");
    assert!(samples.len() >= 43);
    let mut wrong = Vec::new();
    for sample in samples {
        let record = read(&sample.line);
        let mut faults = header_faults(&record, &sample.expected);
        let said = described(&record);
        for (key, value) in sample.expected["event"].as_object().into_iter().flatten() {
            if said.get(key) != Some(value) {
                faults.push(format!("{key}: {:?} instead of {value}", said.get(key)));
            }
        }
        for key in [
            "out", "in", "prefix", "actor", "ip", "outcome", "src_mac", "flags",
        ] {
            let event = &sample.expected["event"];
            if event.is_object() && event.get(key).is_none() && said.get(key).is_some() {
                faults.push(format!("{key}: {} instead of nothing", said[key]));
            }
        }
        if !faults.is_empty() {
            wrong.push(format!(
                "{} {}\n  {}",
                sample.id,
                sample.line,
                faults.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn header_faults(record: &Record, expected: &Value) -> Vec<String> {
    let header = record.syslog.as_ref().unwrap();
    let time = record.timestamp.map(|t| t.to_string()).unwrap_or_default();
    let local = expected["timestamp_local"]
        .as_str()
        .map(|t| t.replace(' ', "T") + "Z");
    let pri = expected["pri"].as_u64();
    let label = |name: &'static str, got: Value| (name, expected[name].clone(), got);
    let attribute = |name| label(name, Value::from(record.attributes.get(name).cloned()));
    let found = [
        label("message", json!(header.message)),
        label("hostname", json!(record.host)),
        label("severity", json!(header.severity)),
        attribute("topics"),
        attribute("format"),
        attribute("device_vendor"),
        attribute("device_product"),
        attribute("device_version"),
        attribute("cef_severity"),
        (
            "facility",
            json!(pri.map(|pri| pri / 8)),
            json!(header.facility),
        ),
        ("timestamp_local", json!(local), json!(time)),
    ];
    let mut faults: Vec<_> = found
        .into_iter()
        .filter(|(_, wanted, got)| !wanted.is_null() && wanted != got)
        .map(|(name, wanted, got)| format!("{name}: {got} instead of {wanted}"))
        .collect();
    for name in ["timestamp_no_year", "time_only"] {
        if let Some(part) = expected[name].as_str()
            && !time.contains(part)
        {
            faults.push(format!("{name}: {time} instead of {part}"));
        }
    }
    if let Some(exact) = expected["timestamp"].as_str() {
        let exact: Timestamp = exact.parse().unwrap();
        if record.timestamp != Some(exact) {
            faults.push(format!("timestamp: {time} instead of {exact}"));
        }
    }
    faults
}

/// Line and the words that must be among the description.
fn expect(line: &str, words: &Value) {
    let record = read(line);
    let said = described(&record);
    for (key, value) in words.as_object().unwrap() {
        let got = said.get(key).unwrap_or(&Value::Null);
        assert_eq!(got, value, "{key} of {line}\nis {said}");
    }
}

#[test]
fn logins_by_every_service() {
    for via in [
        "winbox", "ssh", "telnet", "ftp", "web", "api", "rest-api", "dude", "romon", "api-ssl",
    ] {
        expect(
            &format!("system,info,account user jane logged in from 10.0.0.7 via {via}"),
            &json!({"action":"login","outcome":"success","actor":"jane","ip":"10.0.0.7","via":via}),
        );
        expect(
            &format!("system,error,critical login failure for user jane from 10.0.0.7 via {via}"),
            &json!({"action":"login","outcome":"failure","actor":"jane","ip":"10.0.0.7","via":via}),
        );
        expect(
            &format!("system,info,account user jane logged out from 10.0.0.7 via {via}"),
            &json!({"action":"logout","outcome":"success","actor":"jane","ip":"10.0.0.7","via":via}),
        );
    }
    for via in ["local", "console"] {
        expect(
            &format!("system,info,account user jane logged in via {via}"),
            &json!({"action":"login","actor":"jane","ip":null,"via":via}),
        );
        expect(
            &format!("system,error,critical login failure for user jane via {via}"),
            &json!({"action":"login","outcome":"failure","actor":"jane","ip":null,"via":via}),
        );
    }
    expect(
        "system,error,critical login failure for user jane from 5C:80:B6:E8:74:DE via mac-telnet",
        &json!({"actor":"jane","ip":null,"mac":"5C:80:B6:E8:74:DE","via":"mac-telnet"}),
    );
    expect(
        "system,error,critical login failure for user  from 203.0.113.14 via ssh",
        &json!({"actor":null,"ip":"203.0.113.14"}),
    );
    expect(
        "system,error,critical login failure for user john smith from fe80::1%ether1 via ssh",
        &json!({"actor":"john smith","ip":"fe80::1"}),
    );
    expect(
        "warning,system denied winbox/dude connect from 91.196.152.214",
        &json!({"action":"connection_denied","outcome":"denied","ip":"91.196.152.214","via":"winbox/dude"}),
    );
    expect(
        "ssh,info publickey accepted for user: jane",
        &json!({"action":"public_key_accepted","actor":"jane"}),
    );
    expect(
        "2026-10-02 17:35:45 system,error,critical login failure for user admin from 192.168.88.17 via ssh app=ssh duser=admin outcome=failure src=192.168.88.17",
        &json!({"actor":"admin","ip":"192.168.88.17","via":"ssh"}),
    );
}

#[test]
fn configuration_changes() {
    let table = [
        (
            "nat rule added by ssh:jane@10.0.0.9 (*3 = /ip firewall nat add action=masquerade)",
            json!({"object":"nat rule","verb":"added","actor":"jane","via":"ssh","ip":"10.0.0.9","command":"*3 = /ip firewall nat add action=masquerade"}),
        ),
        (
            "filter rule changed by winbox-3.41/tcp-msg(winbox):admin@10.1.1.1 (/ip firewall filter set *5 disabled=yes)",
            json!({"object":"filter rule","verb":"changed","actor":"admin","via":"winbox","ip":"10.1.1.1"}),
        ),
        (
            "ppp secret <skn014> changed by mac-msg(winbox):admin@54:14:A7:11:53:3C/terminal/action:245 (/ppp secret set skn014 profile=P)",
            json!({"object":"ppp secret <skn014>","actor":"admin","via":"winbox","ip":null,"mac":"54:14:A7:11:53:3C"}),
        ),
        (
            "log rule added by api:svc-api@:: (*F = /system logging add)",
            json!({"object":"log rule","actor":"svc-api","via":"api","ip":null}),
        ),
        (
            "changed script settings by scheduler:nightly/script:nightly/action:388 (/system script set x source=\"# up",
            json!({"object":"script settings","verb":"changed","actor":"nightly","via":"scheduler"}),
        ),
        (
            "add file by api:svc@::/script:usage (*0 = /file add name=x)",
            json!({"object":"file","verb":"added","actor":"svc"}),
        ),
        (
            "user eve added by admin",
            json!({"object":"user eve","verb":"added","actor":"admin"}),
        ),
        (
            "new script scheduled by admin",
            json!({"object":"new script","verb":"scheduled","actor":"admin"}),
        ),
        (
            "wlan1 changed by admin (frequency 5220 -> 5260)",
            json!({"object":"wlan1","actor":"admin"}),
        ),
        (
            "log action changed by tcp-msg(winbox):admin@192.168.2.250/terminal/action:132 ()",
            json!({"object":"log action","actor":"admin","ip":"192.168.2.250"}),
        ),
        (
            "address added by rest-api:ops@2001:db8::7 (/ip address add)",
            json!({"actor":"ops","ip":"2001:db8::7"}),
        ),
        (
            "filter rule added by ssh:jane@10.0.0.9 (/ip firewall filter add comment=\"added by ansible\")",
            json!({"actor":"jane","ip":"10.0.0.9"}),
        ),
    ];
    for (message, mut words) in table {
        words["action"] = json!("config_change");
        words["outcome"] = json!("success");
        expect(&format!("system,info {message}"), &words);
    }
}

#[test]
fn firewall_lines() {
    expect(
        "firewall,info 0-Nap: forward: in:vlan20-office out:pppoe-tot, src-mac b4:0f:b3:1d:63:4b, proto TCP (ACK,FIN,PSH), 192.168.20.171:43996->47.241.18.42:443, NAT (192.168.20.171:43996->125.25.69.110:43996)->47.241.18.42:443, len 71",
        &json!({"prefix":"0-Nap","chain":"forward","in":"vlan20-office","out":"pppoe-tot","flags":"ACK,FIN,PSH","ip":"192.168.20.171","src_port":43996,"dst_ip":"47.241.18.42","dst_port":443,"nat_src_ip":"125.25.69.110","nat_src_port":43996,"len":71}),
    );
    expect(
        "firewall,info accept-vpn forward: in:wireguard1 out:Inspira Fibre Uplink, connection-state:established,snat proto TCP (ACK,PSH), 192.168.5.50:57922->52.123.139.72:443, NAT (192.168.5.50:57922->46.102.221.224:57922)->52.123.139.72:443, len 97",
        &json!({"out":"Inspira Fibre Uplink","connection_state":"established,snat","outcome":"allowed","proto":"TCP"}),
    );
    expect(
        "firewall,info dstnat: in:ether1 out:(unknown 0), connection-state:new src-mac 00:00:00:00:00:01, proto TCP (SYN), 1.2.3.4:5->6.7.8.9:80, NAT 1.2.3.4:5->(6.7.8.9:80->10.0.0.2:8080), len 60",
        &json!({"chain":"dstnat","out":null,"nat_dst_ip":"10.0.0.2","nat_dst_port":8080,"ip":"1.2.3.4","dst_ip":"6.7.8.9"}),
    );
    expect(
        "firewall,info my own prefix input: in:ether1 out:(unknown 0), src-mac 00:00:00:00:00:01, proto ICMP (type 8, code 0), 198.51.100.9->192.0.2.1, len 84",
        &json!({"prefix":"my own prefix","chain":"input","proto":"ICMP","icmp_type":8,"icmp_code":0,"ip":"198.51.100.9","dst_ip":"192.0.2.1","src_port":null,"outcome":null}),
    );
    expect(
        "firewall,info DROP_IN input: in:<pppoe-jane> out:(none), proto ICMPv6 (type 136, code 0), fe80::1->ff02::1, len 72",
        &json!({"in":"<pppoe-jane>","outcome":"denied","ip":"fe80::1","dst_ip":"ff02::1"}),
    );
    expect(
        "firewall,info output: in:(none) out:ether1, proto 47, 192.0.2.1->198.51.100.9, len 100",
        &json!({"in":null,"out":"ether1","proto":"47","ip":"192.0.2.1"}),
    );
    expect(
        "firewall,info prerouting: in:ether1 out:(none), src-mac 00:00:00:00:00:01, proto UDP, 10.0.0.1:68->10.0.0.2:67, prio 1->0, len 300",
        &json!({"priority":"1->0","ip":"10.0.0.1","dst_port":67,"len":300}),
    );
}

#[test]
fn leases_sessions_and_the_rest() {
    for (line, words) in others() {
        expect(line, &words);
    }
}

#[expect(clippy::too_many_lines, reason = "one row per sentence")]
fn others() -> Vec<(&'static str, Value)> {
    vec![
        (
            "dhcp,info dhcp-guest assigned 192.168.2.230 for 3C:64:CF:7B:80:08 Archer C20",
            json!({"action":"dhcp_assigned","ip":"192.168.2.230","mac":"3C:64:CF:7B:80:08","server":"dhcp-guest","client":"Archer C20"}),
        ),
        (
            "dhcp,info dhcp1 deassigned 192.168.88.254 from 3C:22:FB:11:22:33",
            json!({"action":"dhcp_deassigned","ip":"192.168.88.254","mac":"3C:22:FB:11:22:33"}),
        ),
        (
            "dhcp,warning dhcp1 offering lease 192.168.2.118 for 18:FD:74:22:23:B7 without success",
            json!({"action":"dhcp_offering","outcome":"failure","ip":"192.168.2.118","client":null}),
        ),
        (
            "dhcp,info client1 on WAN1 lost IP address 100.64.0.2 - lease stopped locally",
            json!({"action":"dhcp_client_lost","ip":null,"address":"100.64.0.2","interface":"WAN1","reason":"lease stopped locally"}),
        ),
        (
            "dhcp,info 3CC_: server-guest assigned 192.168.1.108 for FF:EE:DD:CC:BB:AA S24-FE",
            json!({"action":"dhcp_assigned","server":"server-guest","log_prefix":"3CC_","client":"S24-FE"}),
        ),
        (
            "pptp,ppp,info,account jane logged in, 10.8.0.66 from 198.51.100.61",
            json!({"action":"login","outcome":"success","actor":"jane","ip":"198.51.100.61","assigned_ip":"10.8.0.66","via":"pptp"}),
        ),
        (
            "pppoe,ppp,info,account skn001 logged out, 143 115036 112418 106 92 from 52:54:00:AA:00:03",
            json!({"action":"logout","actor":"skn001","ip":null,"mac":"52:54:00:AA:00:03","duration_s":143,"bytes_in":115_036,"via":"pppoe"}),
        ),
        (
            "l2tp,ppp,info,account jane logged in, 192.168.199.154",
            json!({"action":"login","actor":"jane","ip":null,"assigned_ip":"192.168.199.154","via":"l2tp"}),
        ),
        (
            "pppoe,ppp,error <0010>: user skn014 authentication failed",
            json!({"action":"login","outcome":"failure","actor":"skn014","ip":null,"via":"pppoe"}),
        ),
        (
            "ovpn,ppp,error <203.0.113.10>: user 'eve' authentication failed",
            json!({"action":"login","outcome":"failure","actor":"eve","ip":"203.0.113.10","via":"ovpn"}),
        ),
        (
            "l2tp,ppp,info <l2tp-jane>: authenticated",
            json!({"action":"vpn_authenticated","actor":"jane","via":"l2tp"}),
        ),
        (
            "pppoe,ppp,info <pppoe-skn001>: terminating... - peer is not responding",
            json!({"action":"vpn_terminating","actor":"skn001","reason":"peer is not responding"}),
        ),
        (
            "pptp,info TCP connection established from 198.51.100.7",
            json!({"action":"connection_opened","ip":"198.51.100.7"}),
        ),
        (
            "ipsec,info respond new phase 1 (Identity Protection): 89.109.14.221[500]<=>205.210.31.162[54178]",
            json!({"action":"ipsec_negotiating","ip":"205.210.31.162","local":"89.109.14.221"}),
        ),
        (
            "ipsec,error phase1 negotiation failed due to time up 89.109.14.221[500]<=>205.210.31.162[54178] f2:07",
            json!({"action":"ipsec_failed","outcome":"failure","ip":"205.210.31.162"}),
        ),
        (
            "ipsec,info ISAKMP-SA established 192.0.2.1[4500]-198.51.100.9[4500] spi:1:2",
            json!({"action":"ipsec_established","ip":"198.51.100.9"}),
        ),
        (
            "hotspot,info,debug jane (10.5.50.7): logged in",
            json!({"action":"login","outcome":"success","actor":"jane","ip":"10.5.50.7","via":"hotspot"}),
        ),
        (
            "hotspot,account,info,debug jane (10.5.50.7): logged out: keepalive timeout",
            json!({"action":"logout","actor":"jane","reason":"keepalive timeout"}),
        ),
        (
            "hotspot,info,debug jane (10.5.50.7): login failed: invalid username or password",
            json!({"action":"login","outcome":"failure","actor":"jane","ip":"10.5.50.7"}),
        ),
        (
            "wireless,info 84:6c:6a:F9:D0:0F@wlan1: connected, signal strength -85",
            json!({"action":"wifi_connected","mac":"84:6c:6a:F9:D0:0F","interface":"wlan1","signal":-85}),
        ),
        (
            "caps,info AA:BB:CC:DD:EE:FF@cap1: disconnected, extensive data loss",
            json!({"action":"wifi_disconnected","reason":"extensive data loss"}),
        ),
        (
            "wireless,info AA:BB:CC:DD:EE:FF@wifi1(Guest (2.4)) connected, signal strength -40",
            json!({"action":"wifi_connected","ssid":"Guest (2.4)","interface":"wifi1"}),
        ),
        (
            "wireless,info D6:E0:17:43:FF:14@left-5g(S) roamed to D6:E0:17:43:FF:14@left-2g(S), signal strength -60",
            json!({"action":"wifi_roamed","to":"left-2g(S)","interface":"left-5g"}),
        ),
        (
            "interface,info ether1 link down",
            json!({"action":"link_down","object":"ether1"}),
        ),
        (
            "netwatch,info event down [ type: simple, host: 192.168.1.110 ]",
            json!({"action":"netwatch_down","watched":"192.168.1.110"}),
        ),
        (
            "system,error,critical router was rebooted without proper shutdown, probably power outage",
            json!({"action":"reboot","reason":"without proper shutdown, probably power outage"}),
        ),
        (
            "system,info router rebooted by ssh:jane@10.0.0.9/action:1",
            json!({"action":"reboot","actor":"jane","ip":"10.0.0.9","via":"ssh"}),
        ),
        (
            "17:20:06 echo: system,error,critical login failure for user admin from 65.160.140.13 via ssh",
            json!({"action":"login","actor":"admin","ip":"65.160.140.13"}),
        ),
        (
            "hotspot,account,info,debug ->: jane (10.5.50.7): logged in",
            json!({"action":"login","actor":"jane","ip":"10.5.50.7","log_prefix":"->"}),
        ),
        (
            "ipsec,error 205.210.31.162 failed to get valid proposal.",
            json!({"action":"ipsec_failed","ip":"205.210.31.162"}),
        ),
        (
            "script,info daily backup done",
            json!({"action":"script_log"}),
        ),
        (
            "script,error executing script backup from scheduler failed, please check it manually",
            json!({"action":"script_failed","outcome":"failure","object":"backup","via":"scheduler"}),
        ),
        (
            "dns,error cache full",
            json!({"action":"dns_log","actor":null,"ip":null}),
        ),
    ]
}

#[test]
fn every_wire_format_tells_the_same() {
    let message = "login failure for user guest from 192.168.88.17 via ssh";
    let lines = [
        format!("system,error,critical {message}"),
        format!("<27>system,error,critical {message}"),
        format!("<27>Oct  2 17:36:35 MikroTik system,error,critical {message}"),
        format!(
            "<27>2026-10-02T17:36:35.265+0000 Signature Global Office system,error,critical {message}"
        ),
        format!("<27>Oct  2 17:36:35 MikroTik {message}\r\n"),
        format!("<27>Oct  2 17:36:35 MikroTik core1: {message}"),
        format!(
            "<27>Oct  2 17:36:35 MikroTik CEF:0|MikroTik|hAP ax^2|7.25|10|system,error,critical|High|dvchost=MikroTik dvc=192.168.88.36 msg={message} app=ssh duser=guest outcome=failure src=192.168.88.17\r\n"
        ),
        format!("oct/02/2026 17:36:35 system,error,critical {message}"),
    ];
    for line in lines {
        let record = read(&line);
        assert_eq!(record.actor.as_deref(), Some("guest"), "{line}");
        assert_eq!(record.ip.unwrap().to_string(), "192.168.88.17", "{line}");
        assert_eq!(record.severity, Some(Severity::High), "{line}");
        assert!(message_of(&record).ends_with(message), "{line}");
        let zone = Zone::utc();
        let context = Context {
            received_at: NOW.parse().unwrap(),
            zone: &zone,
        };
        assert!(mikrotik::recognise_line(&line, &context), "{line}");
    }
    assert_eq!(
        read("<27>2026-10-02T17:36:35Z Signature Global Office system,info x")
            .host
            .as_deref(),
        Some("Signature Global Office")
    );
}

/// However a generic parser took the first words, the same comes out.
#[test]
fn headers_split_by_a_generic_parser() {
    let zone = Zone::utc();
    let context = Context {
        received_at: NOW.parse().unwrap(),
        zone: &zone,
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let table = [
        (
            "gw",
            "",
            "system,info,account user jane logged in from 10.0.0.7 via ssh",
        ),
        (
            "gw",
            "system,info,account",
            "user jane logged in from 10.0.0.7 via ssh",
        ),
        (
            "system,info,account",
            "user",
            "jane logged in from 10.0.0.7 via ssh",
        ),
        (
            "",
            "system,info,account",
            "user jane logged in from 10.0.0.7 via ssh",
        ),
        ("gw", "", "user jane logged in from 10.0.0.7 via ssh"),
        ("gw", "user", "jane logged in from 10.0.0.7 via ssh"),
        ("gw", "core1", "user jane logged in from 10.0.0.7 via ssh"),
    ];
    for (host, app, message) in table {
        let header = Header {
            hostname: some(host),
            appname: some(app),
            message: message.to_owned(),
            ..Header::default()
        };
        assert!(mikrotik::recognise(&header), "{header:?}");
        let record = mikrotik::read(header, &context);
        assert_eq!(
            record.actor.as_deref(),
            Some("jane"),
            "{host} {app} {message}"
        );
        assert_eq!(record.ip.unwrap().to_string(), "10.0.0.7");
        assert_eq!(record.host.as_deref(), Some("gw").filter(|_| host == "gw"));
    }
    let firewall = Header {
        hostname: some("firewall,info"),
        appname: some("forward"),
        message:
            "in:ether1 out:bridge, proto TCP (SYN), 192.168.1.196:62583->10.1.0.0:8000, len 64"
                .to_owned(),
        ..Header::default()
    };
    let record = mikrotik::read(firewall, &context);
    assert_eq!(record.action, "firewall_log");
    assert_eq!(record.attributes["chain"], "forward");
}

#[test]
fn other_senders_are_not_taken_for_routers() {
    for message in [
        "Accepted password for root from 10.0.0.1 port 22 ssh2",
        "Failed password for invalid user x from 6.6.6.6 port 1 ssh2",
        "session opened for user root by (uid=0)",
        "a,b some text",
        "system is going down",
        "Connection from user jane logged in from home",
        "imap-login: Disconnected: read(size=1003) failed: Connection reset by peer (auth failed)",
        "account jane removed by root",
    ] {
        let header = Header {
            message: message.to_owned(),
            ..Header::default()
        };
        assert!(!mikrotik::recognise(&header), "{message}");
    }
}

#[test]
fn changes_alone_tell_a_router() {
    for message in [
        "filter rule changed by admin",
        "ppp secret <x> removed by admin",
        "identity set by ssh:jane@10.0.0.9 (/system identity set name=x)",
    ] {
        let header = Header {
            message: message.to_owned(),
            ..Header::default()
        };
        assert!(mikrotik::recognise(&header), "{message}");
    }
}

/// Fragments an attacker may put into a name to look like something the router wrote.
const LURES: &[&str] = &[
    " from 6.6.6.6",
    " via ssh",
    " from 6.6.6.6 via ssh",
    " logged in",
    " logged in from 6.6.6.6 via winbox",
    "user root",
    " changed by ssh:root@6.6.6.6 (/x)",
    " by root",
    "login failure for user root",
    " app=ssh duser=root outcome=failure src=6.6.6.6",
    " src=6.6.6.6",
    " duser=root",
    " msg=user root logged in from 6.6.6.6 via ssh",
    " (6.6.6.6): logged in",
    "): ",
    " assigned 6.6.6.6 for AA:BB:CC:DD:EE:FF root",
    " logged in, 6.6.6.6 from 6.6.6.6",
    ">: ",
    "<6.6.6.6>: user root authentication failed",
    "system,info,account ",
    "CEF:0|MikroTik|a|b|c|d|e|src=6.6.6.6",
    "\n",
    "\0",
    "\\=",
    "=",
    "|",
    " ",
    ": ",
    "é",
    " 6.6.6.6:1->6.6.6.6:2",
    "eve",
    "x",
];

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(LURES), 1..5).prop_map(|parts| parts.concat())
}

fn cef_escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('=', "\\=")
}

fn shown(value: &str) -> String {
    value.replace('\n', "\\n").replace('\0', "\\u0000")
}

fn assert_not_lured(record: &Record, line: &str, real: &str) {
    if let Some(ip) = record.ip {
        assert_eq!(ip.to_string(), real, "{line:?}");
    }
    assert_ne!(record.actor.as_deref(), Some("root"), "{line:?}");
}

#[test]
fn an_injected_address_is_never_taken() {
    let line = "system,error,critical login failure for user x from 9.9.9.9 via ssh from 10.0.0.1 via winbox";
    let record = read(line);
    assert_eq!(record.ip.unwrap().to_string(), "10.0.0.1");
    assert_eq!(record.actor.as_deref(), Some("x from 9.9.9.9 via ssh"));
    for line in [
        "system,error,critical login failure for user x from 9.9.9.9 via local",
        "system,error,critical login failure for user x from 9.9.9.9 via ssh from 10.0.0",
        "CEF:0|MikroTik|a|7|10|system,error,critical|High|msg=login failure for user x from 9.9.9.9 src=9.9.9.9 from 10.0.0.1 via ssh app=ssh duser=x from 9.9.9.9 src=9.9.9.9 outcome=failure src=10.0.0.1",
        "system,info ppp secret <x> changed by ssh:root@9.9.9.9 (/y> changed by ssh:eve@10.0.0.1 (/ppp secret set)",
    ] {
        assert_eq!(read(line).ip, None, "{line}");
    }
}

/// Marks repeated without end would cost a look at the whole line each; then nobody is named.
#[test]
fn repeated_marks_name_nobody() {
    let users = " duser=root".repeat(20);
    let line = format!(
        "system,error,critical login failure for user {users} from 6.6.6.6 via ssh app=ssh{users} outcome=failure src=6.6.6.6"
    );
    let record = read(&line);
    assert_eq!((record.actor, record.ip), (None, None));
    let line = format!("system,info x{} changed by root", " by ".repeat(20));
    assert_eq!(read(&line).actor, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn failures_bind_the_routers_address(name in name(), topics in any::<bool>(), via in prop::sample::select(&["ssh", "winbox", "web"][..])) {
        let front = if topics { "system,error,critical " } else { "<27>Oct  2 17:36:35 MikroTik " };
        let line = format!("{front}login failure for user {name} from 10.0.0.1 via {via}");
        let record = read(&line);
        prop_assert_eq!(record.action.as_str(), "login");
        prop_assert_eq!(record.ip, Some("10.0.0.1".parse().unwrap()));
        let wanted = shown(&name);
        prop_assert_eq!(record.actor.as_deref().unwrap_or_default(), wanted.trim());
    }

    #[test]
    fn failures_with_fields_are_not_lured(name in name()) {
        let line = format!("system,error,critical login failure for user {name} from 10.0.0.1 via ssh app=ssh duser={name} outcome=failure src=10.0.0.1");
        assert_not_lured(&read(&line), &line, "10.0.0.1");
    }

    #[test]
    fn cef_is_not_lured(name in name(), escaped in any::<bool>()) {
        let name = if escaped { cef_escaped(&name) } else { name };
        let line = format!("Oct  2 17:36:35 gw CEF:0|MikroTik|hAP|7.25|10|system,error,critical|High|dvchost=gw dvc=192.168.88.36 msg=login failure for user {name} from 10.0.0.1 via ssh app=ssh duser={name} outcome=failure src=10.0.0.1");
        assert_not_lured(&read(&line), &line, "10.0.0.1");
    }

    #[test]
    fn guests_and_leases_are_not_lured(name in name(), topics in any::<bool>()) {
        let (hotspot, dhcp, ppp) = if topics {
            ("hotspot,info,debug ", "dhcp,info ", "pppoe,ppp,error ")
        } else {
            let front = "<30>Oct  2 17:36:35 gw ";
            (front, front, front)
        };
        for said in ["login failed: invalid username or password", "trying to log in by http-chap", "logged in"] {
            let line = format!("{hotspot}{name} (10.0.0.1): {said}");
            assert_not_lured(&read(&line), &line, "10.0.0.1");
        }
        let line = format!("{dhcp}dhcp1 assigned 10.0.0.1 for AA:BB:CC:DD:EE:01 {name}");
        assert_not_lured(&read(&line), &line, "10.0.0.1");
        let line = format!("{ppp}{name} logged in, 10.0.0.1 from 10.0.0.1");
        assert_not_lured(&read(&line), &line, "10.0.0.1");
        let line = format!("{ppp}<10.0.0.1>: user {name} authentication failed");
        assert_not_lured(&read(&line), &line, "10.0.0.1");
    }

    #[test]
    fn changes_are_not_lured(name in name(), topics in any::<bool>()) {
        let front = if topics { "system,info " } else { "<30>Oct  2 17:36:35 gw " };
        for said in [
            format!("ppp secret <{name}> changed by ssh:eve@10.0.0.1 (/ppp secret set {name} comment=\"{name}\")"),
            format!("ppp secret <{name}> changed by eve"),
            format!("changed script settings by ssh:eve@10.0.0.1/action:3 (/system script set x source=\"{name}"),
        ] {
            let line = format!("{front}{said}");
            assert_not_lured(&read(&line), &line, "10.0.0.1");
        }
    }

    #[test]
    fn nothing_panics(line in "\\PC{0,80}", mutation in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        read(&line);
        let known = KNOWN[mutation.index(KNOWN.len())];
        let mut chars: Vec<char> = known.chars().collect();
        let place = cut.index(chars.len());
        chars.splice(place..place, line.chars().take(5));
        read(&chars.iter().collect::<String>());
        read(&chars.iter().take(place).collect::<String>());
        read(&chars.iter().skip(place).collect::<String>());
    }
}

const KNOWN: &[&str] = &[
    "<27>Oct  2 17:36:35 MikroTik system,error,critical login failure for user guest from 192.168.88.17 via ssh",
    "Oct  2 17:36:35 MikroTik CEF:0|MikroTik|hAP ax^2|7.25beta5|10|system,error,critical|High|dvchost=MikroTik dvc=192.168.88.36 msg=login failure for user guest from 192.168.88.17 via ssh app=ssh duser=guest outcome=failure src=192.168.88.17",
    "firewall,info drop-in input: in:ether1-WAN out:(unknown 0), connection-state:new src-mac 00:17:10:88:bc:02, proto UDP, [2001:db8::1]:44355->[2001:db8::2]:53, NAT (1.1.1.1:1->2.2.2.2:2)->3.3.3.3:3, len 65",
    "system,info ppp secret <skn014> changed by mac-msg(winbox):admin@54:14:A7:11:53:3C/terminal/action:245 (/ppp secret set skn014 profile=P)",
    "dhcp,info dhcp-guest assigned 192.168.2.230 for 3C:64:CF:7B:80:08 Archer C20",
    "pppoe,ppp,info,account skn001 logged out, 143 115036 112418 106 92 from 52:54:00:AA:00:03",
    "ipsec,info respond new phase 1 (Identity Protection): 89.109.14.221[500]<=>205.210.31.162[54178]",
    "wireless,info D6:E0:17:43:FF:14@left-5g(S) roamed to D6:E0:17:43:FF:14@left-2g(S), signal strength -60",
    "hotspot,info,debug ->: jane (10.5.50.7): logged in",
    "netwatch,info event down [ type: simple, host: 192.168.1.110 ]",
    "feb/29/2024 23:59:60.123 interface,info ether2 link up (speed 1G, full duplex)",
];

/// 10,000 unless PROPTEST_CASES asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000)
}
