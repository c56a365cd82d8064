//! Real senders on loopback: util-linux logger, Python's SysLogHandler, rsyslog, syslog-ng. Every
//! message is found exactly once.
//!
//! A sender that is not installed is left out and named; with `SYSLOG_CLIENTS=required`, as set by
//! `scripts/test`, that is a failure. `SYSLOG_NG` names a syslog-ng that is not on the path.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use collectors::sink::{ListSink, Sink};
use collectors::syslog::Listener;
use collectors::syslog::tls::{TlsFiles, acceptor};
use common::{Authority, PATIENCE, listen, listen_to, port, quick, until};

/// Messages a sender sends.
const MESSAGES: usize = 200;

/// The program, or nothing when it is not installed and need not be.
fn program(name: &str) -> Option<String> {
    let path = match (name, std::env::var("SYSLOG_NG")) {
        ("syslog-ng", Ok(path)) if !path.is_empty() => path,
        _ => name.to_owned(),
    };
    let found = Command::new(&path)
        .arg(if name == "rsyslogd" {
            "-v"
        } else {
            "--version"
        })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if found {
        return Some(path);
    }
    let required = std::env::var("SYSLOG_CLIENTS").is_ok_and(|v| v == "required");
    assert!(!required, "{name} is not installed");
    println!("LEFT OUT: {name} is not installed, so nothing was received from it");
    None
}

fn lines(name: &str) -> String {
    let lines = (0..MESSAGES).map(|n| format!("{name} message {n} end\n"));
    lines.collect::<Vec<_>>().concat()
}

/// Waits for the messages, stops the listener and compares both its numbers and the texts.
async fn all_arrived(name: &str, listener: Listener, sink: &Arc<ListSink>) {
    until(name, || sink.len() >= MESSAGES).await;
    let snapshot = listener.stop(PATIENCE).await;
    let messages = sink.messages();
    for n in 0..MESSAGES {
        let text = format!("{name} message {n} end");
        let found = messages
            .iter()
            .filter(|m| m.bytes.ends_with(text.as_bytes()))
            .count();
        assert_eq!(found, 1, "{text}: {messages:?}");
    }
    for message in &messages {
        assert_eq!(message.bytes[0], b'<', "{message:?}");
        assert!(!message.cut);
    }
    let sent = MESSAGES as u64;
    assert_eq!(
        (snapshot.received, snapshot.parsed),
        (sent, sent),
        "{snapshot:?}"
    );
    assert_eq!(
        (snapshot.kernel_drops, snapshot.partial),
        (0, 0),
        "{snapshot:?}"
    );
}

async fn logger(name: &str, transport: &str, options: &[&str]) {
    let Some(logger) = program("logger") else {
        return;
    };
    let (listener, sink) = listen(&format!("{transport}://127.0.0.1:0"), quick());
    let mut child = Command::new(logger)
        .args([
            "--server",
            "127.0.0.1",
            "--port",
            &port(&listener).to_string(),
        ])
        .args(options)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines(name).as_bytes()).unwrap();
    drop(input);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await;
    assert!(status.unwrap().success());
    all_arrived(name, listener, &sink).await;
}

#[tokio::test]
async fn logger_udp_rfc3164() {
    logger("logger-udp-3164", "udp", &["--udp", "--rfc3164"]).await;
}

#[tokio::test]
async fn logger_udp_rfc5424() {
    logger("logger-udp-5424", "udp", &["--udp", "--rfc5424"]).await;
}

#[tokio::test]
async fn logger_tcp_rfc3164() {
    logger("logger-tcp-3164", "tcp", &["--tcp", "--rfc3164"]).await;
}

#[tokio::test]
async fn logger_tcp_rfc5424() {
    logger("logger-tcp-5424", "tcp", &["--tcp", "--rfc5424"]).await;
}

#[tokio::test]
async fn logger_tcp_octet_count() {
    logger("logger-tcp-octets", "tcp", &["--tcp", "--octet-count"]).await;
}

const PYTHON: &str = r#"
import logging, logging.handlers, socket, sys
name, port, kind, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
socktype = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
handler = logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=socktype)
log = logging.getLogger("x")
log.addHandler(handler)
for n in range(count):
    log.warning("%s message %d end", name, n)
handler.close()
"#;

async fn python(name: &str, transport: &str) {
    let Some(python) = program("python3") else {
        return;
    };
    let (listener, sink) = listen(&format!("{transport}://127.0.0.1:0"), quick());
    let mut command = Command::new(python);
    command.args(["-c", PYTHON, name, &port(&listener).to_string(), transport]);
    command.arg(MESSAGES.to_string());
    let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await;
    assert!(status.unwrap().success());
    all_arrived(name, listener, &sink).await;
}

#[tokio::test]
async fn python_udp() {
    python("python-udp", "udp").await;
}

#[tokio::test]
async fn python_tcp() {
    python("python-tcp", "tcp").await;
}

const PYTHON_TLS: &str = r#"
import socket, ssl, sys
name, port, folder, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=folder + "/authority.pem")
context.load_cert_chain(folder + "/device.pem", folder + "/device.key")
with socket.create_connection(("127.0.0.1", port)) as plain:
    with context.wrap_socket(plain, server_hostname="localhost") as stream:
        for n in range(count):
            message = b"<13>1 - host app - - - %s message %d end" % (name.encode(), n)
            stream.sendall(b"%d %s" % (len(message), message))
        stream.unwrap()
"#;

/// Another TLS implementation (OpenSSL), with a client certificate.
#[tokio::test]
async fn python_tls() {
    let Some(python) = program("python3") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "authority");
    authority.certify(folder, "server");
    authority.certify(folder, "device");
    let tls = acceptor(&TlsFiles {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_authorities: Some(folder.join("authority.pem")),
    });
    let sink = Arc::new(ListSink::default());
    let shared = Arc::clone(&sink) as Arc<dyn Sink>;
    let listener = listen_to("tls://127.0.0.1:0", quick(), Some(tls.unwrap()), shared);
    let mut command = Command::new(python);
    command.args(["-c", PYTHON_TLS, "python-tls", &port(&listener).to_string()]);
    command.arg(folder).arg(MESSAGES.to_string());
    let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await;
    assert!(status.unwrap().success());
    all_arrived("python-tls", listener, &sink).await;
}

/// A daemon that ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A daemon with its own configuration reads a file and forwards it.
async fn daemon(
    name: &str,
    transport: &str,
    program: &str,
    configure: impl Fn(&Path, u16) -> String,
    arguments: impl Fn(&Path) -> Vec<String>,
) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (listener, sink) = listen(&format!("{transport}://127.0.0.1:0"), quick());
    std::fs::write(folder.join("in.log"), lines(name)).unwrap();
    std::fs::write(folder.join("conf"), configure(folder, port(&listener))).unwrap();
    let log = std::fs::File::create(folder.join("daemon.log")).unwrap();
    let child = Command::new(program)
        .args(arguments(folder))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut daemon = Daemon(child);
    until(name, || {
        if let Ok(Some(status)) = daemon.0.try_wait() {
            let log = std::fs::read_to_string(folder.join("daemon.log")).unwrap();
            panic!("{program} ended with {status}: {log}");
        }
        sink.len() >= MESSAGES
    })
    .await;
    drop(daemon);
    all_arrived(name, listener, &sink).await;
}

async fn rsyslog(name: &str, transport: &str, options: &str) {
    let Some(rsyslogd) = program("rsyslogd") else {
        return;
    };
    let configure = |folder: &Path, port: u16| {
        let folder = folder.display();
        format!(
            "global(workDirectory=\"{folder}\")\n\
             module(load=\"imfile\")\n\
             input(type=\"imfile\" file=\"{folder}/in.log\" tag=\"imfile\")\n\
             action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"{transport}\" {options})\n"
        )
    };
    let arguments = |folder: &Path| {
        let conf = folder.join("conf").display().to_string();
        ["-n", "-iNONE", "-f", &conf].map(str::to_owned).to_vec()
    };
    daemon(name, transport, &rsyslogd, configure, arguments).await;
}

#[tokio::test]
async fn rsyslog_udp() {
    rsyslog("rsyslog-udp", "udp", "").await;
}

#[tokio::test]
async fn rsyslog_tcp_lines() {
    rsyslog("rsyslog-tcp", "tcp", "").await;
}

#[tokio::test]
async fn rsyslog_tcp_octet_counted() {
    let options = "TCP_Framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\"";
    rsyslog("rsyslog-octets", "tcp", options).await;
}

async fn syslog_ng(name: &str, transport: &str, driver: &str) {
    let Some(syslog_ng) = program("syslog-ng") else {
        return;
    };
    let configure = |folder: &Path, port: u16| {
        let folder = folder.display();
        format!(
            "@version: 3.38\n\
             options {{ stats-freq(0); }};\n\
             source s {{ file(\"{folder}/in.log\" follow-freq(0.1) flags(no-parse)); }};\n\
             destination d {{ {driver}(\"127.0.0.1\" port({port}) transport(\"{transport}\")); }};\n\
             log {{ source(s); destination(d); }};\n"
        )
    };
    let arguments = |folder: &Path| {
        let own = |option: &str, file: &str| format!("{option}={}", folder.join(file).display());
        vec![
            "--foreground".to_owned(),
            "--no-caps".to_owned(),
            own("--cfgfile", "conf"),
            own("--persist-file", "persist"),
            own("--pidfile", "pid"),
            own("--control", "control"),
        ]
    };
    daemon(name, transport, &syslog_ng, configure, arguments).await;
}

#[tokio::test]
async fn syslog_ng_udp() {
    syslog_ng("syslog-ng-udp", "udp", "network").await;
}

#[tokio::test]
async fn syslog_ng_tcp_lines() {
    syslog_ng("syslog-ng-tcp", "tcp", "network").await;
}

#[tokio::test]
async fn syslog_ng_tcp_octet_counted() {
    syslog_ng("syslog-ng-octets", "tcp", "syslog").await;
}
