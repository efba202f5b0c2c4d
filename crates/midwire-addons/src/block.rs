//! Refuses clients by their address (options `block_global` and `block_private`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::ClientConn;

/// Time between two lines about refused clients, so that a flood of them does not fill the log.
const PAUSE: Duration = Duration::from_secs(10);

/// Refuses clients from the internet, or from the local network.
#[derive(Default)]
pub struct Block {
    said: Mutex<Said>,
}

/// What the log knows of refused clients.
#[derive(Default)]
struct Said {
    last: Option<Instant>,
    /// Clients since the last line.
    unsaid: u64,
}

impl Said {
    /// Counts a client; if it is time for a line, how many there were before without one.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let recently = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        if self.last.is_some_and(recently) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Addon for Block {
    fn name(&self) -> &'static str {
        "block"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.block_global || options.block_private {
            HookSet::of(&[Hook::ClientConnected])
        } else {
            HookSet::EMPTY
        }
    }

    fn client_connected(&self, kernel: &Kernel, client: &mut ClientConn) {
        // Local clients are programs of this machine, whatever address they use.
        if client.proxy_mode.starts_with("local") {
            return;
        }
        let Some(peer) = client.peername.clone() else {
            return;
        };
        let literal = peer.host.split('%').next().unwrap_or(&peer.host);
        let Ok(address) = literal.parse::<IpAddr>() else {
            return;
        };
        let options = kernel.options().load();
        let option = match Scope::of(address) {
            Scope::Global if options.block_global => "block_global",
            Scope::Private if options.block_private => "block_private",
            _ => return,
        };
        let due = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.due(Instant::now())
        };
        if let Some(unsaid) = due {
            let before = match unsaid {
                0 => String::new(),
                n => format!(" ({n} more since the last line)"),
            };
            tracing::warn!(
                client = %peer,
                "Client connection from {} killed by {option} option.{before}",
                peer.host
            );
        }
        client.error = Some(format!("Connection killed by {option}."));
    }
}

/// Who can have an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// This machine.
    Loopback,
    /// Someone on the local network; also addresses that nobody can have.
    Private,
    /// The shared address space of carriers (RFC 6598), which is neither.
    Shared,
    /// Anybody.
    Global,
}

/// IPv4 blocks that are not global (IANA IPv4 Special-Purpose Address Registry), with prefix lengths.
const PRIVATE_V4: [(Ipv4Addr, u32); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 29),
    (Ipv4Addr::new(192, 0, 0, 170), 31),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// IPv6 blocks that are not global (IANA IPv6 Special-Purpose Address Registry), with prefix lengths.
const PRIVATE_V6: [(Ipv6Addr, u32); 7] = [
    (Ipv6Addr::UNSPECIFIED, 127),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x2, 0, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
];

impl Scope {
    fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Self::Loopback;
        }
        let private = match address {
            IpAddr::V4(v4) => PRIVATE_V4
                .iter()
                .any(|(block, length)| (v4.to_bits() ^ block.to_bits()) >> (32 - length) == 0),
            IpAddr::V6(v6) => PRIVATE_V6
                .iter()
                .any(|(block, length)| (v6.to_bits() ^ block.to_bits()) >> (128 - length) == 0),
        };
        if private {
            return Self::Private;
        }
        match address {
            IpAddr::V4(v4) if matches!(v4.octets(), [100, 64..128, ..]) => Self::Shared,
            _ => Self::Global,
        }
    }
}

#[cfg(test)]
mod tests {
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool, Value};
    use midwire_flow::Address;

    use super::*;

    #[test]
    fn addresses_have_the_scope_of_the_registries() {
        let check = |text: &str, expected| {
            assert_eq!(Scope::of(text.parse().unwrap()), expected, "{text}");
        };
        check("127.0.0.1", Scope::Loopback);
        check("::1", Scope::Loopback);
        check("::ffff:127.8.8.8", Scope::Loopback);
        check("10.1.2.3", Scope::Private);
        check("172.31.0.1", Scope::Private);
        check("172.32.0.1", Scope::Global);
        check("192.168.1.1", Scope::Private);
        check("169.254.1.1", Scope::Private);
        check("fe80::1", Scope::Private);
        check("fd00::1", Scope::Private);
        check("2001:db8::1", Scope::Private);
        check("100.64.0.1", Scope::Shared);
        check("8.8.8.8", Scope::Global);
        check("::ffff:8.8.8.8", Scope::Global);
        check("2606:4700::1111", Scope::Global);
    }

    #[test]
    fn a_flood_of_clients_is_one_line_in_ten_seconds() {
        let began = Instant::now();
        let mut said = Said::default();
        let mut due = |seconds: u64| said.due(began + Duration::from_secs(seconds));
        assert_eq!(due(0), Some(0));
        assert!((0..10).all(|n| due(n).is_none()));
        assert_eq!(due(10), Some(10));
        assert_eq!(due(11), None);
        assert_eq!(due(30), Some(1));
    }

    #[test]
    fn clients_are_refused_as_the_options_say() {
        let check = |peer: &str, mode: &str, private: bool, expected: Option<&str>| {
            let store = OptionStore::new(Tool::Dump);
            store
                .update([("block_private", Value::Bool(private))])
                .unwrap();
            let kernel = Kernel::new(store, LogStream::default());
            let mut client = ClientConn {
                proxy_mode: mode.to_owned(),
                ..ClientConn::default()
            };
            client.peername = Some(Address::new(peer, 1));
            Block::default().client_connected(&kernel, &mut client);
            assert_eq!(client.error.as_deref(), expected, "{peer} {mode}");
        };
        let global = Some("Connection killed by block_global.");
        check("8.8.8.8", "regular", false, global);
        check("8.8.8.8", "local", false, None);
        check("127.0.0.1", "regular", true, None);
        check("10.0.0.1", "regular", false, None);
        let private = Some("Connection killed by block_private.");
        check("10.0.0.1", "regular", true, private);
        check("fe80::1%eth0", "regular", true, private);
        check("100.64.0.1", "regular", true, None);
    }
}
