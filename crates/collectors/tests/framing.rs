//! Framing: what real clients send, what attackers send, and that reads do not matter.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use collectors::syslog::framing::{End, Frame, Framer, Framing, trimmed};
use proptest::prelude::*;

const LIMIT: usize = 64 * 1024;

fn cut_up(framing: Framing, limit: usize, chunks: &[&[u8]]) -> (Vec<Frame>, u64) {
    let mut framer = Framer::new(framing, limit);
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(Bytes::copy_from_slice(chunk), &mut frames);
    }
    framer.close(&mut frames);
    (frames, framer.refused_counts())
}

fn frames(framing: Framing, stream: &[u8]) -> Vec<Frame> {
    let whole = cut_up(framing, LIMIT, &[stream]);
    let bytewise: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(whole, cut_up(framing, LIMIT, &bytewise), "{stream:?}");
    whole.0
}

fn texts(framing: Framing, stream: &[u8]) -> Vec<String> {
    frames(framing, stream)
        .iter()
        .map(|f| String::from_utf8_lossy(&f.bytes).into_owned())
        .collect()
}

#[test]
fn every_way_to_end_a_message() {
    let table: &[(&str, &[u8], &[&str])] = &[
        ("line feed", b"<13>a\n<13>b\n", &["<13>a", "<13>b"]),
        ("CR LF", b"<13>a\r\n<13>b\r\n", &["<13>a", "<13>b"]),
        ("NUL", b"<13>a\0<13>b\0", &["<13>a", "<13>b"]),
        ("NUL after LF", b"<13>a\n\0<13>b\n\0", &["<13>a", "<13>b"]),
        ("count", b"5 <13>a5 <13>b", &["<13>a", "<13>b"]),
        (
            "count with LF in it",
            b"6 <13>a\n6 <13>b\n",
            &["<13>a", "<13>b"],
        ),
        (
            "count and LF behind",
            b"5 <13>a\n5 <13>b\n",
            &["<13>a", "<13>b"],
        ),
        (
            "LF inside a count",
            b"7 <13>a\nb5 <13>c",
            &["<13>a\nb", "<13>c"],
        ),
        (
            "NUL inside a count",
            b"7 <13>a\0b5 <13>c",
            &["<13>a\0b", "<13>c"],
        ),
        ("nothing", b"<13>a", &["<13>a"]),
        (
            "mixed",
            b"<13>a\n5 <13>b<13>c\0<13>d",
            &["<13>a", "<13>b", "<13>c", "<13>d"],
        ),
        ("no priority", b"hello\nworld", &["hello", "world"]),
        (
            "counted without priority",
            b"5 <13>a5 hello",
            &["<13>a", "hello"],
        ),
        (
            "blank lines",
            b"\n\n<13>a\n\r\n\0\n<13>b",
            &["<13>a", "<13>b"],
        ),
        ("a year is no count", b"2026-11-20 x\n", &["2026-11-20 x"]),
        ("a number is no count", b"10 users\n", &["10 users"]),
        ("digits alone", b"0\n1\n12\n", &["0", "1", "12"]),
        ("no leading zero", b"05 <13>a\n", &["05 <13>a"]),
        ("count cut off", b"5 ", &["5 "]),
        (
            "bytes that are no text",
            b"<13>\xff\xfe\n",
            &["<13>\u{fffd}\u{fffd}"],
        ),
        ("empty", b"", &[]),
    ];
    for (name, stream, expected) in table {
        assert_eq!(texts(Framing::Auto, stream), *expected, "{name}");
    }
}

/// SEC-25: octet counts.
#[test]
fn counts_that_overflow_are_not_believed() {
    for count in [
        "99999999999",
        "4294967296",
        "18446744073709551616",
        "16777217",
    ] {
        let stream = format!("{count} <13>a\n<13>b\n");
        let (frames, refused) = cut_up(Framing::Auto, LIMIT, &[stream.as_bytes()]);
        let texts: Vec<_> = frames.iter().map(|f| f.bytes.as_ref()).collect();
        let first = format!("{count} <13>a");
        assert_eq!(texts, [first.as_bytes(), b"<13>b"], "{count}");
        assert_eq!(refused, 1, "{count}");
    }
    let digits = "9".repeat(1_000_000);
    let (frames, _) = cut_up(Framing::OctetCounting, 100, &[digits.as_bytes()]);
    assert_eq!(
        (frames.len(), frames[0].bytes.len(), frames[0].cut),
        (1, 100, true)
    );
}

#[test]
fn what_is_too_long_is_cut_and_the_next_message_is_whole() {
    let long = "x".repeat(200);
    for stream in [
        format!("<13>{long}\n<13>next\n"),
        format!("204 <13>{long}8 <13>next"),
        format!("<13>{long}\0<13>next\0"),
    ] {
        let (frames, _) = cut_up(Framing::Auto, 100, &[stream.as_bytes()]);
        assert_eq!(frames.len(), 2, "{stream}");
        assert_eq!((frames[0].bytes.len(), frames[0].cut), (100, true));
        assert_eq!(
            (frames[1].bytes.as_ref(), frames[1].cut),
            (&b"<13>next"[..], false)
        );
    }
}

#[test]
fn ends_are_told_apart() {
    let (frames, _) = cut_up(Framing::Auto, LIMIT, &[b"5 <13>a<13>b\n9 <13>c"]);
    let ends: Vec<(End, bool)> = frames.iter().map(|f| (f.end, f.cut)).collect();
    let expected = [
        (End::Counted, false),
        (End::Delimiter, false),
        (End::Closed, true),
    ];
    assert_eq!(ends, expected);
}

#[test]
fn silence_ends_a_message_but_not_a_counted_one() {
    let mut framer = Framer::new(Framing::Auto, LIMIT);
    let mut frames = Vec::new();
    framer.push(Bytes::from_static(b"<13>no delimiter"), &mut frames);
    assert!(frames.is_empty() && framer.awaits_quiet() && !framer.delimits());
    framer.quiet(&mut frames);
    assert_eq!(
        (frames[0].bytes.as_ref(), frames[0].end),
        (&b"<13>no delimiter"[..], End::Quiet)
    );
    assert!(!framer.awaits_quiet() && !framer.delimits());
    framer.push(Bytes::from_static(b"8 <13>"), &mut frames);
    framer.quiet(&mut frames);
    assert!(frames.len() == 1 && !framer.awaits_quiet());
    framer.push(Bytes::from_static(b"abcd"), &mut frames);
    assert_eq!(frames[1].bytes.as_ref(), b"<13>abcd");
    assert!(framer.delimits());
}

#[test]
fn a_fixed_framing_leaves_other_delimiters_in_the_message() {
    let stream = b"<13>a\nb\0<13>c\n";
    assert_eq!(texts(Framing::Lf, stream), ["<13>a", "b\0<13>c"]);
    assert_eq!(texts(Framing::Nul, stream), ["<13>a\nb", "<13>c"]);
    assert_eq!(texts(Framing::Quiet, stream), ["<13>a\nb\0<13>c"]);
    assert_eq!(texts(Framing::Lf, b"5 <13>a\n"), ["5 <13>a"]);
    assert_eq!(
        texts(Framing::OctetCounting, b"5 hello5 world"),
        ["hello", "world"]
    );
}

/// The full sample set, or the committed part of it.
fn samples(name: &str) -> PathBuf {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let full = std::env::var("CORPORA_DIR").ok().filter(|d| !d.is_empty());
    full.map_or_else(
        || {
            println!("CORPORA_DIR is not set: the committed copy of {name} is used");
            committed.join(name)
        },
        |folder| Path::new(&folder).join(name),
    )
}

fn recorded(name: &str, field: &str) -> Vec<Vec<u8>> {
    std::fs::read_to_string(samples(name))
        .unwrap()
        .lines()
        .map(|line| {
            let sample: serde_json::Value = serde_json::from_str(line).unwrap();
            BASE64_STANDARD
                .decode(sample[field].as_str().unwrap())
                .unwrap()
        })
        .collect()
}

#[test]
fn streams_of_real_clients() {
    let streams = recorded("clients/tcp.jsonl", "stream_b64");
    let counts: Vec<usize> = streams
        .iter()
        .map(|s| frames(Framing::Auto, s).len())
        .collect();
    // GELF with NUL, logger with LF, logger with counts, rsyslog with LF, rsyslog with counts
    // that include the LF, winston without any delimiter, syslog-ng with counts and with LF.
    assert_eq!(counts, [2, 1, 1, 6, 6, 1, 3, 3]);
    for stream in &streams {
        for frame in frames(Framing::Auto, stream) {
            assert!(matches!(frame.bytes[0], b'<' | b'{'), "{frame:?}");
            assert!(!frame.cut && !frame.bytes.ends_with(b"\n"), "{frame:?}");
        }
    }
    for datagram in recorded("clients/udp.jsonl", "datagram_b64") {
        let message = trimmed(&datagram);
        assert!(!message.is_empty());
        if datagram.starts_with(b"<") {
            assert!(!message.ends_with(b"\0") && !message.ends_with(b"\n"));
        }
    }
}

/// A strict parser takes no message from these; what came is delivered, and marked.
#[test]
fn counted_streams_that_are_broken() {
    let streams = recorded("syslog/go-syslog_octetcounting_streams.jsonl", "stream_b64");
    let expected: [&[(&[u8], bool, End)]; 2] = [
        &[
            (b"<1>1 A B C D E -", false, End::Counted),
            (b"xaaa", false, End::Closed),
        ],
        // Counted one byte longer than the limit that goes with it.
        &[(b"<1>1 - - - - - ", true, End::Counted)],
    ];
    for (stream, expected) in streams.iter().zip(expected) {
        let limit = if expected.len() == 1 { 15 } else { LIMIT };
        let (frames, _) = cut_up(Framing::Auto, limit, &[stream]);
        let found: Vec<_> = frames
            .iter()
            .map(|f| (f.bytes.as_ref(), f.cut, f.end))
            .collect();
        assert_eq!(found, expected);
    }
    assert_eq!(streams.len(), 2);
}

#[test]
fn lines_without_counts() {
    let Some(folder) = std::env::var("CORPORA_DIR").ok().filter(|d| !d.is_empty()) else {
        println!("CORPORA_DIR is not set: streams that may not be copied here were left out");
        return;
    };
    let folder = Path::new(&folder).join("syslog/streams");
    let numbers = std::fs::read(folder.join("no_octet_counted.testdata")).unwrap();
    let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(texts(Framing::Auto, &numbers), expected);
    let lines = std::fs::read(folder.join("imtcp-multiline.testdata")).unwrap();
    assert_eq!(
        texts(Framing::Auto, &lines),
        ["<133>Msg 1", "Line 2", "<133>Msg 2"]
    );
}

/// Streams made of what framing looks at.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(0), Just(b'\r'), Just(b' '), Just(b'<')],
            0..4
        ),
        (0_u64..40).prop_map(|n| format!("{n} <13>some text").into_bytes()),
        (0_u64..u64::MAX).prop_map(|n| format!("{n} <").into_bytes()),
        Just(b"<34>1 2026-11-20T10:35:47Z host app - - - text\n".to_vec()),
        Just(b"99999999999 <13>".to_vec()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![
        Just(Framing::Auto),
        Just(Framing::OctetCounting),
        Just(Framing::Lf),
        Just(Framing::Nul),
        Just(Framing::Quiet),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn reads_do_not_matter(
        stream in stream(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        framing in framing(),
        limit in 1_usize..60,
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|i| i.index(stream.len() + 1)).collect();
        places.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for place in places {
            chunks.push(&stream[from..place]);
            from = place;
        }
        chunks.push(&stream[from..]);
        let whole = cut_up(framing, limit, &[&stream]);
        prop_assert_eq!(&whole, &cut_up(framing, limit, &chunks));
        for frame in &whole.0 {
            prop_assert!(!frame.bytes.is_empty() && frame.bytes.len() <= limit);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn messages_come_back(
        messages in proptest::collection::vec(("<[0-9]{1,3}>[ -~]{0,40}", 0_u8..3), 0..10),
    ) {
        let mut stream = Vec::new();
        for (text, way) in &messages {
            match way {
                0 => stream.extend(format!("{text}\n").bytes()),
                1 => stream.extend(format!("{text}\0").bytes()),
                _ => stream.extend(format!("{} {text}", text.len()).bytes()),
            }
        }
        let expected: Vec<&[u8]> = messages.iter().map(|(text, _)| text.as_bytes()).collect();
        let (frames, refused) = cut_up(Framing::Auto, LIMIT, &[&stream]);
        let found: Vec<&[u8]> = frames.iter().map(|f| f.bytes.as_ref()).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(refused, 0);
    }
}
