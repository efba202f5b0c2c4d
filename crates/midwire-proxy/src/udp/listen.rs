//! A listener's datagrams, sorted by the client that sent them.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use midwire_core::hooks::Hook;
use midwire_flow::{Address, ClientConn, Connection, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::DATAGRAM_MAX;
use crate::conn::{Next, ask};
use crate::dns;
use crate::engine::Engine;
use crate::hosts::HostRules;
use crate::mode::{Mode, ModeSpec, ServerSpec};
use crate::session::Session;

/// Clients of one socket that are remembered at the same time; datagrams of further ones are dropped.
const CLIENTS_MAX: usize = 4096;
/// Datagrams of one client that may wait; further ones are dropped, as a full socket would.
const WAITING_MAX: usize = 32;
/// Pause after a failed receive.
const PAUSE: Duration = Duration::from_millis(10);

type Clients = Mutex<HashMap<SocketAddr, mpsc::Sender<Bytes>>>;

/// The datagrams of one client.
pub(crate) struct Datagrams {
    /// The first datagram, if it was looked at already.
    first: Option<Bytes>,
    waiting: mpsc::Receiver<Bytes>,
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    clients: Weak<Clients>,
}

impl Datagrams {
    /// The next datagram; `None` when the listener has been closed.
    ///
    /// # Cancellation
    /// Safe.
    pub(crate) async fn receive(&mut self) -> Option<Bytes> {
        match self.first.take() {
            Some(first) => Some(first),
            None => self.waiting.recv().await,
        }
    }

    /// The next datagram, which stays where it is.
    async fn peek(&mut self) -> Bytes {
        self.first = self.receive().await;
        self.first.clone().unwrap_or_default()
    }

    /// Sends a datagram to the client.
    ///
    /// # Cancellation
    /// Safe: it is sent or not.
    pub(crate) async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, self.client).await.map(|_| ())
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        if let Some(clients) = self.clients.upgrade() {
            lock(&clients).remove(&self.client);
        }
    }
}

/// Serves the clients of a socket until it is told to stop.
///
/// # Cancellation
/// Conversations end like after `stop`.
pub(crate) async fn serve(
    engine: Arc<Engine>,
    mode: Arc<ModeSpec>,
    socket: UdpSocket,
    stop: CancellationToken,
) {
    let socket = Arc::new(socket);
    let clients = Arc::new(Clients::default());
    let mut buf = vec![0; DATAGRAM_MAX];
    loop {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            received = socket.recv_from(&mut buf) => received,
        };
        let (length, client) = match received {
            Ok(received) => received,
            Err(error) => {
                // Some systems report here that an earlier answer could not be delivered.
                tracing::debug!("cannot receive a datagram: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let datagram = Bytes::copy_from_slice(buf.get(..length).unwrap_or_default());
        if let Some(waiting) = hand_over(&clients, client, datagram) {
            let datagrams = Datagrams {
                first: None,
                waiting,
                socket: Arc::clone(&socket),
                client,
                clients: Arc::downgrade(&clients),
            };
            engine.spawn(converse(Arc::clone(&engine), Arc::clone(&mode), datagrams));
        }
    }
}

/// Gives a datagram to the conversation of its client; the queue of a new one comes back.
fn hand_over(
    clients: &Clients,
    client: SocketAddr,
    datagram: Bytes,
) -> Option<mpsc::Receiver<Bytes>> {
    let mut clients = lock(clients);
    if let Some(queue) = clients.get(&client)
        && !queue.is_closed()
    {
        let _ = queue.try_send(datagram);
        return None;
    }
    if clients.len() >= CLIENTS_MAX {
        tracing::debug!("datagram of {client} dropped: too many clients");
        return None;
    }
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let _ = queue.try_send(datagram);
    clients.insert(client, queue);
    Some(waiting)
}

async fn converse(engine: Arc<Engine>, mode: Arc<ModeSpec>, datagrams: Datagrams) {
    let kernel = Arc::clone(&engine.kernel);
    let _guard = kernel.count_connection();
    let mut client = ClientConn {
        connection: Connection {
            peername: Some(Address::from(datagrams.client)),
            sockname: datagrams.socket.local_addr().ok().map(Address::from),
            transport_protocol: Transport::Udp,
            timestamp_start: Some(crate::now()),
            ..Connection::default()
        },
        mitmcert: None,
        proxy_mode: mode.full.clone(),
    };
    let peer = Address::from(datagrams.client);
    kernel.client_connected(&mut client).await;
    if let Some(error) = &client.error {
        // Who refused it has said so, within bounds.
        tracing::debug!(client = %peer, "client connection refused: {error}");
    } else {
        tracing::info!(client = %peer, "client connect");
        let session = Session::new(engine, client.clone(), Arc::clone(&mode));
        match &mode.mode {
            Mode::Dns => dns::serve_datagrams(&session, datagrams, None).await,
            Mode::Reverse(server) => reverse(&session, datagrams, server).await,
            // Such modes do not listen on UDP.
            _ => {}
        }
    }
    client.timestamp_end = Some(crate::now());
    tracing::info!(client = %peer, "client disconnect");
    if kernel.chain().interest().contains(Hook::ClientDisconnected) {
        kernel.client_disconnected(&mut client).await;
    }
}

/// Serves a client of a reverse proxy: what is spoken is said by an addon, the host options or the mode, in this order.
async fn reverse(session: &Session, datagrams: Datagrams, server: &ServerSpec) {
    let known = match server.scheme.as_str() {
        "dns" => Next::Dns,
        _ => Next::Raw,
    };
    towards(session, datagrams, server.address(), Some(known)).await;
}

/// Serves a client whose datagrams go to this address; `known` is what is spoken there by the mode's word.
async fn towards(
    session: &Session,
    mut datagrams: Datagrams,
    address: Address,
    known: Option<Next>,
) {
    let conn = super::placeholder(&address);
    let first = datagrams.peek().await;
    let asked = ask(session, &first, Some((&conn, &[]))).await;
    let next = match asked {
        Some(next) => next,
        None => decide(&session.engine.host_rules(), &address, known),
    };
    match next {
        Next::Dns => dns::serve_datagrams(session, datagrams, Some(address)).await,
        Next::Pass if !session.options().show_ignored_hosts => {
            super::relay(session, datagrams, address).await;
        }
        _ => super::conversation(session, datagrams, address).await,
    }
}

/// What is spoken in datagrams to an address (modes.md §9): the mode's word comes before `udp_hosts`, that before the port.
fn decide(rules: &HostRules, address: &Address, known: Option<Next>) -> Next {
    if rules.passes(&[address.to_string()]) {
        return Next::Pass;
    }
    if let Some(known) = known {
        return known;
    }
    if !rules.is_udp_host([Some(address.host.as_str())]) && matches!(address.port, 53 | 5353) {
        return Next::Dns;
    }
    Next::Raw
}

fn lock(clients: &Clients) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, mpsc::Sender<Bytes>>> {
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use midwire_core::options::Options;

    use super::*;

    #[test]
    fn what_is_spoken_in_datagrams() {
        let rules = |set: fn(&mut Options, Vec<String>), pattern: &str| {
            let mut options = Options::default();
            set(&mut options, vec![pattern.to_owned()]);
            HostRules::new(&options)
        };
        let udp = rules(|options, list| options.udp_hosts = list, r"^10\.");
        let ignore = rules(|options, list| options.ignore_hosts = list, ":53$");
        let check = |rules: &HostRules, to: (&str, u16), known: Option<Next>, expected: Next| {
            let address = Address::new(to.0, to.1);
            assert_eq!(decide(rules, &address, known), expected, "{to:?} {known:?}");
        };
        check(&udp, ("10.0.0.1", 53), None, Next::Raw);
        check(&udp, ("9.0.0.1", 53), None, Next::Dns);
        check(&udp, ("9.0.0.1", 5353), None, Next::Dns);
        check(&udp, ("9.0.0.1", 54), None, Next::Raw);
        check(&udp, ("10.0.0.1", 53), Some(Next::Dns), Next::Dns);
        check(&ignore, ("10.0.0.1", 53), Some(Next::Dns), Next::Pass);
        check(&ignore, ("10.0.0.1", 54), Some(Next::Dns), Next::Dns);
    }

    #[test]
    fn clients_and_their_datagrams_are_bounded() {
        let clients = Clients::default();
        let address = |n: usize| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 1));
        let datagram = Bytes::from_static(b"x");
        let mut queues = Vec::new();
        for n in 0..CLIENTS_MAX {
            queues.push(hand_over(&clients, address(n), datagram.clone()).unwrap());
        }
        assert!(hand_over(&clients, address(CLIENTS_MAX), datagram.clone()).is_none());
        for _ in 0..100 {
            assert!(hand_over(&clients, address(0), datagram.clone()).is_none());
        }
        assert_eq!(queues[0].len(), WAITING_MAX);
    }
}
