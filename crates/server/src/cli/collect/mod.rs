//! `collect`: the edge collector. Listens like a server and forwards to one.

mod event;
mod size;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use collectors::forward::{
    self, BufferKey, Forwarder, Heart, Pauses, Settings, Snapshot, Target, default_folder,
    read_dead,
};
use collectors::syslog::tls::{TlsFiles, acceptor};
use collectors::syslog::{self, Framing, ListenAddress, Listener, Transport};
use domain::time::{Clock, Zone};
use ipnet::IpNet;
use normalize::formats::{Format, UnknownFormat};
use secrecy::SecretString;

use crate::clock::SystemClock;
use crate::config::Flags;
use crate::failure::{Failure, Outcome};
use crate::start::host;
use crate::{shutdown, telemetry};
use size::Size;

/// How long stopping may take: messages to the buffer, then what can be posted.
const FLUSH: Duration = Duration::from_secs(10);
const LAST_POSTS: Duration = Duration::from_secs(5);
const BEAT: Duration = Duration::from_mins(1);
/// Pauses between attempts to post.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export API_KEY=…\n  insider-risk collect syslog --listen udp://0.0.0.0:514 --listen tcp://0.0.0.0:601 \\\n    --forward https://siem.example.org/api/ingest/firewall"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Listen for syslog and forward it, through a buffer on disk
    Syslog(Box<SyslogArguments>),
    /// Print the events the server refused, as JSON lines with its reason
    #[command(
        after_help = "Example:\n  export API_KEY=…\n  insider-risk collect dead --buffer /var/lib/insider-risk/buffer"
    )]
    Dead(BufferArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  export API_KEY=…\n  insider-risk collect syslog --listen udp://0.0.0.0:514 --listen tcp://0.0.0.0:601 \\\n    --forward https://siem.example.org/api/ingest/firewall --buffer /var/lib/insider-risk/buffer\n\nAPI_KEY is the key of the source. After the key was rotated, API_KEY_PREVIOUS lets lines leave\nthat were buffered under the old one."
)]
struct SyslogArguments {
    /// Address to listen on: udp://, tcp:// or tls:// with IP address and port; may be repeated
    #[arg(long, required = true)]
    listen: Vec<ListenAddress>,
    /// Ingest address of the source on the central server
    #[arg(long)]
    forward: String,
    #[command(flatten)]
    buffer: BufferArguments,
    /// Bytes the buffer may take on disk, such as 500MiB
    #[arg(long, default_value = "1GiB")]
    buffer_size: Size,
    /// Networks that may send, such as 10.0.0.0/8; may be repeated; everybody when not given
    #[arg(long)]
    allow: Vec<IpNet>,
    /// Messages a second each sender may send: more is dropped (UDP) or slowed down (TCP)
    #[arg(long)]
    rate_per_sender: Option<NonZeroU32>,
    /// How the lines are read
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)))]
    format: String,
    /// Zone of times that name none
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// How messages are told apart on TCP and TLS
    #[arg(long, value_enum, default_value = "auto")]
    framing: FramingName,
    /// Bytes of a message that are kept
    #[arg(long, default_value = "32KiB")]
    max_message: Size,
    /// PEM file with the certificate chain for tls:// addresses
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key for tls:// addresses
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// PEM file with authorities: clients must show a certificate of one of them
    #[arg(long, requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// PEM file with an authority to believe beside those of the system
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Forward over http to another machine: the API key travels readable
    #[arg(long)]
    allow_http: bool,
    /// Address that gets the counters as JSON every minute [default: that of the source]
    #[arg(long)]
    heartbeat: Option<String>,
}

#[derive(Debug, Args)]
struct BufferArguments {
    /// Directory of the buffer
    #[arg(long, default_value_os_t = default_folder().to_owned())]
    buffer: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FramingName {
    /// Decided for each message
    Auto,
    /// A count before each message
    Octet,
    /// A line feed after each message
    Lf,
    /// A NUL after each message
    Nul,
    /// Silence after each message
    Quiet,
}

impl From<FramingName> for Framing {
    fn from(name: FramingName) -> Self {
        match name {
            FramingName::Auto => Self::Auto,
            FramingName::Octet => Self::OctetCounting,
            FramingName::Lf => Self::Lf,
            FramingName::Nul => Self::Nul,
            FramingName::Quiet => Self::Quiet,
        }
    }
}

pub(super) async fn run(arguments: Arguments, flags: &Flags) -> Outcome {
    telemetry::start(flags.log_format()?, "info");
    match arguments.command {
        Command::Syslog(arguments) => syslog(*arguments).await,
        Command::Dead(arguments) => dead(&arguments),
    }
}

async fn syslog(arguments: SyslogArguments) -> Outcome {
    let (key, keys) = keys()?;
    let target = target(&arguments.forward, &key, arguments.allow_http)?;
    let beat = match &arguments.heartbeat {
        Some(url) => url.clone(),
        None => format!("{}/heartbeat", arguments.forward.trim_end_matches('/')),
    };
    let beat = self::target(&beat, &key, arguments.allow_http)?;
    let client = forward::client(arguments.ca.as_deref())
        .map_err(|e| Failure::configuration(format!("--ca: {e}")))?;
    let stop = shutdown::on_signal()?;
    let settings = Settings {
        target,
        client: client.clone(),
        folder: arguments.buffer.buffer.clone(),
        limit: arguments.buffer_size.bytes(),
        keys,
        pauses: Pauses::new(FIRST_PAUSE, LAST_PAUSE),
    };
    let zone =
        Zone::named(&arguments.zone).map_err(|e| Failure::configuration(format!("--zone: {e}")))?;
    let format = arguments.format.parse();
    let format =
        format.map_err(|e: UnknownFormat| Failure::configuration(format!("--format: {e}")))?;
    let reader = event::Reader { format, zone };
    let forwarder = forward::start(settings, Arc::new(move |line| reader.to_event(line)))
        .await
        .map_err(|e| Failure::configuration(format!("--buffer: {e}")))?;
    let listeners = listen(&arguments, &forwarder)?;
    let heart = heart(&listeners);
    tokio::select! {
        () = stop.cancelled() => {}
        () = heart.run(&forwarder, &client, &beat, BEAT) => {}
    }
    stop_all(listeners, forwarder).await
}

fn listen(arguments: &SyslogArguments, forwarder: &Forwarder) -> Outcome<Vec<Listener>> {
    let settings = syslog::Settings {
        framing: arguments.framing.into(),
        max_message: usize::try_from(arguments.max_message.bytes()).unwrap_or(usize::MAX),
        allow: arguments.allow.clone(),
        rate_per_sender: arguments.rate_per_sender,
        ..syslog::Settings::default()
    };
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                client_authorities: arguments.tls_client_ca.clone(),
            };
            let acceptor = acceptor(&files).map_err(|e| Failure::configuration(e.to_string()))?;
            Some(acceptor)
        }
        _ => None,
    };
    let mut listeners = Vec::new();
    for address in &arguments.listen {
        if address.transport == Transport::Tls && tls.is_none() {
            let message = format!("--listen {address}: needs --tls-cert and --tls-key");
            return Err(Failure::configuration(message));
        }
        let started = syslog::start(
            *address,
            settings.clone(),
            tls.clone(),
            forwarder.sink(),
            Arc::new(SystemClock),
        );
        let listener = started.map_err(|e| Failure::configuration(format!("--listen {e}")))?;
        tracing::info!(address = %listener.address(), "listening");
        listeners.push(listener);
    }
    Ok(listeners)
}

fn heart(listeners: &[Listener]) -> Heart {
    let counters = listeners.iter().map(|l| Arc::clone(l.counters())).collect();
    Heart::new(counters, host(), SystemClock.now())
}

/// Listeners first, so that everything they hold is in the buffer before the last posts.
async fn stop_all(listeners: Vec<Listener>, forwarder: Forwarder) -> Outcome {
    let mut stopping = tokio::task::JoinSet::new();
    for listener in listeners {
        stopping.spawn(async move { (listener.address(), listener.stop(FLUSH).await) });
    }
    while let Some(stopped) = stopping.join_next().await {
        let (address, counters) = stopped.map_err(|e| Failure::Failed(e.to_string()))?;
        tracing::info!(
            %address,
            received = counters.received,
            delivered = counters.parsed,
            rejected = counters.rejected.total(),
            dropped = counters.dropped.total(),
            kernel_drops = counters.kernel_drops,
            "listener stopped"
        );
    }
    let Snapshot {
        accepted,
        duplicates,
        parked,
        buffer,
        ..
    } = forwarder.stop(LAST_POSTS).await;
    tracing::info!(
        accepted,
        duplicates,
        parked,
        waiting = buffer.lines,
        "collector stopped"
    );
    Ok(())
}

fn dead(arguments: &BufferArguments) -> Outcome {
    let (_, keys) = keys()?;
    let lines = read_dead(&arguments.buffer, &keys).map_err(|e| Failure::Failed(e.to_string()))?;
    for line in lines {
        println!("{}", String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// The API key, and the keys a buffer may be sealed with.
fn keys() -> Outcome<(SecretString, Vec<BufferKey>)> {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let key = read("API_KEY").map(SecretString::from).ok_or_else(|| {
        Failure::configuration(
            "API_KEY is not set: it is the key 'insider-risk source create' prints on the server",
        )
    })?;
    let previous = read("API_KEY_PREVIOUS").map(SecretString::from);
    let keys = std::iter::once(&key).chain(previous.as_ref());
    let keys = keys.map(BufferKey::derive).collect();
    Ok((key, keys))
}

fn target(url: &str, key: &SecretString, allow_http: bool) -> Outcome<Target> {
    Target::new(url, key.clone(), allow_http).map_err(|error| {
        let remedy = match error {
            forward::ClientError::Readable(_) => "; --allow-http allows it",
            _ => "",
        };
        Failure::configuration(format!("{error}{remedy}"))
    })
}
