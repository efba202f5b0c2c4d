//! The resolver of `dns` mode: hosts file and name servers, for address queries (RFC 1035, RFC 5966 for TCP).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use midwire_core::options::Options;
use midwire_flow::Dns;
use midwire_wire::dns::{Question, Record, classes, op_codes, response_codes, types};
use tokio::net::TcpStream;

use super::wire::Wire;
use crate::udp;

/// How long one name server may take, and how often all are asked.
const WAIT: Duration = Duration::from_secs(3);
const ROUNDS: usize = 2;
/// Bytes that are read of a system file.
const FILE_MAX: u64 = 4 * 1024 * 1024;

#[cfg(unix)]
const HOSTS_FILE: &str = "/etc/hosts";
#[cfg(not(unix))]
const HOSTS_FILE: &str = r"C:\Windows\System32\drivers\etc\hosts";
const SERVERS_FILE: &str = "/etc/resolv.conf";

/// What names are looked up in.
pub(super) struct Resolver {
    hosts: String,
    servers: Vec<SocketAddr>,
    offline: bool,
}

/// Why a query cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResolveError {
    /// Neither the option nor the system names a server.
    #[error("Cannot resolve, dns_name_servers unknown.")]
    NoServers,
    /// The option `offline` is on, and the hosts file does not have the name.
    #[error("offline: no name server is asked")]
    Offline,
}

impl Resolver {
    /// A resolver as the options want it.
    pub(super) async fn new(options: &Options) -> Self {
        let use_hosts = options.dns_use_hosts_file;
        let named = options.dns_name_servers.clone();
        let offline = options.offline;
        let read = tokio::task::spawn_blocking(move || {
            let hosts = if use_hosts {
                read_file(HOSTS_FILE)
            } else {
                String::new()
            };
            let servers = if offline {
                Vec::new()
            } else if named.is_empty() {
                system_servers(&read_file(SERVERS_FILE))
            } else {
                named.iter().filter_map(|text| server(text)).collect()
            };
            Self {
                hosts,
                servers,
                offline,
            }
        });
        read.await.unwrap_or(Self {
            hosts: String::new(),
            servers: Vec::new(),
            offline,
        })
    }

    /// Why there is nobody to ask.
    pub(super) fn lack(&self) -> ResolveError {
        if self.offline {
            ResolveError::Offline
        } else {
            ResolveError::NoServers
        }
    }

    /// The name server that all other queries go to.
    pub(super) fn first(&self) -> Option<SocketAddr> {
        self.servers.first().copied()
    }

    /// Answers a query for the addresses of one name; `None` for all other queries.
    pub(super) async fn answer(&self, query: &Dns) -> Option<Result<Dns, ResolveError>> {
        let question = query.question()?;
        let is_address = matches!(question.type_, types::A | types::AAAA);
        if u16::from(query.op_code) != op_codes::QUERY
            || question.class != classes::IN
            || !is_address
        {
            return None;
        }
        let found = match self.local(&question.name) {
            Some(addresses) => Ok(addresses),
            None if self.servers.is_empty() => return Some(Err(self.lack())),
            None => self.ask(query.id, question).await,
        };
        let response = match found {
            Ok(addresses) => {
                let wanted = |ip: &IpAddr| ip.is_ipv4() == (question.type_ == types::A);
                let addresses = addresses.into_iter().filter(wanted);
                Ok(query.succeed(
                    addresses
                        .map(|ip| Record::address(&question.name, ip))
                        .collect(),
                ))
            }
            Err(code) => query.fail(code),
        };
        response.ok().map(Ok)
    }

    /// Addresses of the hosts file, and of this machine (RFC 6761 §6.3).
    fn local(&self, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.trim_end_matches('.');
        let mut found: Vec<IpAddr> = Vec::new();
        for line in self.hosts.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse) else {
                continue;
            };
            if words.any(|word| word.eq_ignore_ascii_case(name)) && !found.contains(&address) {
                found.push(address);
            }
        }
        if found.is_empty() && name.eq_ignore_ascii_case("localhost") {
            found.extend([
                IpAddr::from(Ipv4Addr::LOCALHOST),
                Ipv6Addr::LOCALHOST.into(),
            ]);
        }
        (!found.is_empty()).then_some(found)
    }

    /// Asks the name servers one after another; a failure is the response code for the client.
    async fn ask(&self, id: u16, question: &Question) -> Result<Vec<IpAddr>, u8> {
        let query = Dns {
            id,
            query: true,
            recursion_desired: true,
            questions: vec![question.clone()],
            ..Dns::default()
        };
        let failed = response_codes::SERVFAIL as u8;
        let bytes = query.pack().map_err(|_| failed)?;
        let servers = self.servers.iter().take(8).cycle();
        for server in servers.take(self.servers.len().min(8) * ROUNDS) {
            let asked = tokio::time::timeout(WAIT, exchange(*server, &query, &bytes)).await;
            let Ok(Some(response)) = asked else {
                continue;
            };
            match u16::from(response.response_code) {
                response_codes::NOERROR => return Ok(addresses(&response)),
                response_codes::NXDOMAIN => return Err(response.response_code),
                _ => {}
            }
        }
        Err(failed)
    }
}

/// Sends a query and waits for its answer, over TCP if it does not fit into a datagram.
async fn exchange(server: SocketAddr, query: &Dns, bytes: &[u8]) -> Option<Dns> {
    let mut wire = Wire::Server(udp::dial(server).await.ok()?);
    let response = answer_on(&mut wire, query, bytes).await?;
    if !response.truncation {
        return Some(response);
    }
    let stream = TcpStream::connect(server).await.ok()?;
    answer_on(&mut Wire::stream(Box::new(stream)), query, bytes).await
}

async fn answer_on(wire: &mut Wire, query: &Dns, bytes: &[u8]) -> Option<Dns> {
    wire.send(bytes).await.ok()?;
    loop {
        let received = wire.receive().await.ok()??;
        // Anything else is no answer to this query, perhaps a forged one.
        if let Ok(response) = Dns::unpack(&received)
            && !response.query
            && response.id == query.id
            && response.questions == query.questions
        {
            return Some(response);
        }
    }
}

fn addresses(response: &Dns) -> Vec<IpAddr> {
    let address = |record: &Record| match record.type_ {
        types::A => record.ipv4_address().map(IpAddr::from),
        types::AAAA => record.ipv6_address().map(IpAddr::from),
        _ => None,
    };
    response.answers.iter().filter_map(address).collect()
}

/// An address literal, with or without a port.
fn server(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let literal = text.trim_start_matches('[').trim_end_matches(']');
    match literal.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, 53)),
        Err(_) => text.parse().ok(),
    }
}

/// The name servers of a resolv.conf.
fn system_servers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some("nameserver"))
                .then(|| words.next())
                .flatten()
        })
        .filter_map(server)
        .collect()
}

fn read_file(path: &str) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(FILE_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hosts_file() {
        let resolver = Resolver {
            hosts: "127.0.0.1 localhost\n::1\tlocalhost ip6\n# 1.1.1.1 no\nbad line\n10.0.0.1 A.example # b.example\n10.0.0.2 a.example".to_owned(),
            offline: false,
            servers: Vec::new(),
        };
        let check = |name: &str, expected: &[&str]| {
            let found = resolver.local(name).unwrap_or_default();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{name}");
        };
        check("localhost", &["127.0.0.1", "::1"]);
        check("a.EXAMPLE.", &["10.0.0.1", "10.0.0.2"]);
        check("b.example", &[]);
        check("no", &[]);
    }

    #[test]
    fn name_servers() {
        let text = "# c\nnameserver 10.0.0.1\nnameserver ::1\nsearch x\nnameserver nonsense";
        let expected: Vec<SocketAddr> =
            vec!["10.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()];
        assert_eq!(system_servers(text), expected);
        assert_eq!(server("127.0.0.1:5300"), "127.0.0.1:5300".parse().ok());
    }
}
