//! A token bucket per sender, in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Senders remembered in each of the two generations.
const GENERATION: usize = 8192;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// Buckets of all senders. Forged addresses push out the oldest senders, who then start with a
/// full bucket; they never grow the table.
#[derive(Debug)]
pub struct Senders {
    /// Messages a second and sender.
    rate: f64,
    recent: HashMap<IpAddr, Bucket>,
    older: HashMap<IpAddr, Bucket>,
}

impl Senders {
    /// `rate`: messages a second each sender may send on average. One second's worth may come at
    /// once.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate.max(1)),
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Takes a token of the sender when there is one.
    pub fn allow(&mut self, sender: IpAddr, now: Instant) -> bool {
        let bucket = self.bucket(sender, now);
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }

    /// Takes `count` tokens, also from an empty bucket, and says how long the sender must pause
    /// until the bucket is no longer in debt.
    pub fn charge(&mut self, sender: IpAddr, count: usize, now: Instant) -> Duration {
        let rate = self.rate;
        let bucket = self.bucket(sender, now);
        bucket.tokens -= count as f64;
        Duration::from_secs_f64((-bucket.tokens / rate).max(0.0))
    }

    fn bucket(&mut self, sender: IpAddr, now: Instant) -> &mut Bucket {
        let rate = self.rate;
        let sender = network(sender);
        if self.recent.len() >= GENERATION && !self.recent.contains_key(&sender) {
            self.older = std::mem::take(&mut self.recent);
        }
        let older = &mut self.older;
        let bucket = self.recent.entry(sender).or_insert_with(|| {
            older.remove(&sender).unwrap_or(Bucket {
                tokens: rate,
                filled_at: now,
            })
        });
        let passed = now.saturating_duration_since(bucket.filled_at);
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() * rate).min(rate);
        bucket.filled_at = now;
        bucket
    }
}

/// Who counts as one sender: an IPv4 address, or the /64 an IPv6 host can choose addresses from.
/// IPv4 addresses of a dual-stack socket are IPv4 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_sender_gets_its_rate_and_no_more() {
        let start = Instant::now();
        let mut senders = Senders::new(10);
        let a = ip("192.0.2.1");
        let first: usize = (0..50).filter(|_| senders.allow(a, start)).count();
        assert_eq!(first, 10, "one second's worth at once");
        assert!(senders.allow(ip("192.0.2.2"), start), "others are free");
        let later = start + Duration::from_millis(500);
        let second: usize = (0..50).filter(|_| senders.allow(a, later)).count();
        assert_eq!(second, 5);
    }

    #[test]
    fn addresses_of_one_network_share_a_bucket() {
        let now = Instant::now();
        let mut senders = Senders::new(1);
        assert!(senders.allow(ip("2001:db8::1"), now));
        assert!(!senders.allow(ip("2001:db8::2"), now));
        assert!(senders.allow(ip("2001:db8:0:1::1"), now));
        assert!(senders.allow(ip("::ffff:192.0.2.1"), now));
        assert!(!senders.allow(ip("192.0.2.1"), now));
    }

    #[test]
    fn debt_is_told_as_a_pause() {
        let now = Instant::now();
        let mut senders = Senders::new(100);
        let a = ip("192.0.2.1");
        assert_eq!(senders.charge(a, 100, now), Duration::ZERO);
        assert_eq!(senders.charge(a, 50, now), Duration::from_millis(500));
    }

    #[test]
    fn forged_addresses_do_not_grow_the_table() {
        let now = Instant::now();
        let mut senders = Senders::new(1);
        for n in 0..100_000_u32 {
            senders.allow(IpAddr::V4(n.into()), now);
        }
        assert!(senders.recent.len() + senders.older.len() <= 2 * GENERATION);
    }
}
