//! Datagrams the kernel threw away because a socket's receive buffer was full.
//!
//! Linux counts them per socket in the last column of `/proc/net/udp` and `/proc/net/udp6`; the
//! socket is found by its inode. Elsewhere the number is not known.

use std::os::fd::AsRawFd;

/// Where a socket's drops can be read.
#[derive(Debug, Clone)]
pub(super) struct KernelDrops {
    inode: String,
}

impl KernelDrops {
    /// `None` where the system has no such account.
    pub(super) fn of(socket: &impl AsRawFd) -> Option<Self> {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
        let inode = link
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .to_owned();
        let account = Self { inode };
        account.read().map(|_| account)
    }

    /// Drops since the socket was opened.
    pub(super) fn read(&self) -> Option<u64> {
        ["/proc/self/net/udp", "/proc/self/net/udp6"]
            .into_iter()
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .find_map(|table| drops_of(&table, &self.inode))
    }
}

/// Columns: sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode, references,
/// pointer, drops (Linux `Documentation/networking/proc_net_tcp.rst` and `net/ipv4/udp.c`).
fn drops_of(table: &str, inode: &str) -> Option<u64> {
    table.lines().skip(1).find_map(|row| {
        let mut columns = row.split_ascii_whitespace().skip(9);
        (columns.next() == Some(inode)).then_some(())?;
        columns.nth(2)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
  512: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 7            
 6042: 00000000:0202 00000000:0000 07 00000000:00034500 00:00000000 00000000   101        0 12346 2 0000000000000000 4021         
";

    #[test]
    fn the_row_is_found_by_inode() {
        assert_eq!(drops_of(TABLE, "12346"), Some(4021));
        assert_eq!(drops_of(TABLE, "12345"), Some(7));
        assert_eq!(drops_of(TABLE, "1234"), None);
        assert_eq!(drops_of("", "1"), None);
    }

    #[test]
    fn a_new_socket_has_no_drops() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(KernelDrops::of(&socket).unwrap().read(), Some(0));
    }
}
