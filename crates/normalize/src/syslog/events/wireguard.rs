//! WireGuard in the kernel: `wireguard: wg0: MESSAGE`.

use super::Finding;
use super::scan::{self, between};
use crate::action;

/// Reads what follows `wireguard: `.
pub(super) fn read(text: &str) -> Option<Finding> {
    let (interface, text) = text.split_once(": ")?;
    let found = if text.starts_with("Packet has unallowed src IP (") {
        let inside = between(text, "src IP (", ")");
        let found = Finding::of(action::FIREWALL_LOG).failed();
        found
            .attr("reason", "unallowed source")
            .attr("inner_ip", inside)
    } else if text.starts_with("Invalid ") || text.contains("did not complete") {
        Finding::of(action::CONNECTION)
            .failed()
            .attr("reason", "handshake")
    } else if text.starts_with("Receiving handshake") || text.starts_with("Keypair ") {
        Finding::of(action::CONNECTION)
    } else {
        return None;
    };
    let peer = between(text, "peer ", " (").filter(|p| !p.contains(' '));
    let origin = match text.rsplit_once('(') {
        Some((_, origin)) if peer.is_some() => origin.split(')').next(),
        _ => text.rsplit_once(" from ").map(|(_, origin)| origin),
    };
    let found = found.origin(origin.filter(|o| scan::endpoint(o).is_some()));
    Some(
        found
            .attr("peer", peer)
            .attr("in", interface)
            .service("wireguard"),
    )
}
