//! Inside a tunnel: what is spoken there is found out, TLS is opened, hosts that are to be left alone are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use midwire_core::Missed;
use midwire_core::hooks::{ClientHelloData, Hook, NextLayerChoice, NextLayerData, TlsHookData};
use midwire_flow::{Address, Certificate, ClientConn, ServerConn};
use midwire_wire::client_hello::{self, ClientHello, Parsed};

use super::detect::{self, Next, Seen};
use super::peek::Peek;
use super::place::Place;
use crate::ca::{UpstreamNames, Wanted};
use crate::dns;
use crate::hosts::{self, HostField};
use crate::io::Io;
use crate::session::Session;
use crate::tcp::{self, Server};
use crate::tls::{AfterRefusal, ServerParameters, ServerSide};
use crate::upstream::{self, Opened, Target};

/// Serves what is inside a connection to a place. `opened` is the connection that was made ahead, without TLS.
pub(crate) async fn serve(
    mut session: Session,
    io: Io,
    place: Place,
    opened: Option<Opened>,
) -> Session {
    let address = place.address.clone();
    let peername = opened
        .as_ref()
        .and_then(|opened| opened.server.peername.clone());
    let rules = session.engine.host_rules();
    let mut names = vec![address.to_string()];
    names.extend(peername.map(|peer| peer.to_string()));
    if rules.passes_surely(&names) {
        let session = session.passed_for(Missed::Rules, &address.host);
        let target = session.target(address, false);
        return Box::pin(pass(session, io, target, opened)).await;
    }
    let mut client = Peek::new(io);
    let mut server = opened.map(Ahead::new);
    let mut next = Box::pin(look(&session, &mut client, &mut server, &place, None)).await;
    crate::trace::decision(&session, format_args!("{address}: {next:?}"));
    if next == Next::Tls {
        let Some(hello) = hello(&session, &mut client).await else {
            close(&session, server).await;
            return session;
        };
        if let Some(sni) = &hello.sni {
            names.push(format!("{sni}:{}", address.port));
        }
        let name = hello.sni.as_deref().unwrap_or(&address.host);
        if rules.passes(&names) {
            let session = session.passed_for(Missed::Rules, name);
            let target = session.target(address, false);
            let opened = server.map(Ahead::into_opened);
            return pass(session, client.into_io(), target, opened).await;
        }
        if let Some(ago) = refused_before(&session, &hello, &address.host) {
            tracing::info!(
                client = %session.peer(),
                "{name} is passed untouched (tls_failure): the client refused our certificate {} s ago.",
                ago.as_secs()
            );
            let session = session.passed_for(Missed::TlsFailure, name);
            let target = session.target(address, false);
            let opened = server.map(Ahead::into_opened);
            return Box::pin(pass(session, client.into_io(), target, opened)).await;
        }
        let opened = server.map(Ahead::into_opened);
        // The frame of the handshakes is gone before the connection may fall silent.
        let opening = Box::pin(intercept(session, client, hello, place, opened));
        return match opening.await {
            Ok(opening) => Box::pin(inside(*opening)).await,
            Err(session) => session,
        };
    }
    if next != Next::NeedMore {
        if !server_spoke(server.as_ref()) {
            names.extend(named_host(&session, &mut client, (next, address.port)).await);
        }
        if rules.passes(&names) {
            crate::trace::decision(&session, format_args!("{names:?}: left alone"));
            session = session.passed_for(Missed::Rules, &address.host);
            next = Next::Pass;
        }
    }
    if next == Next::Pass {
        let target = session.target(address, false);
        let opened = server.map(Ahead::into_opened);
        return Box::pin(pass(session, client.into_io(), target, opened)).await;
    }
    Box::pin(plain(session, client, place, server, next)).await
}

fn server_spoke(server: Option<&Ahead>) -> bool {
    server.is_some_and(|ahead| !ahead.peek.seen().is_empty())
}

/// The Host field of a plain request as a name for `ignore_hosts` and `allow_hosts`. It is waited for only if these are set.
async fn named_host(
    session: &Session,
    client: &mut Peek,
    (next, port): (Next, u16),
) -> Option<String> {
    if !session.engine.host_rules().judge() {
        return None;
    }
    let read = async {
        loop {
            match hosts::host_field(client.seen()) {
                HostField::Is(host) => return Some(hosts::candidate(host, port)),
                HostField::None => return None,
                HostField::NeedMore if client.is_full() => return None,
                // Other protocols may begin with the letters of a method and then wait for the server.
                HostField::NeedMore if next != Next::Http && !client.seen().contains(&b'\n') => {
                    return None;
                }
                HostField::NeedMore => client.more().await,
            }
        }
    };
    crate::within(session.options().client_header_timeout, read)
        .await
        .flatten()
}

async fn plain(
    session: Session,
    client: Peek,
    place: Place,
    server: Option<Ahead>,
    next: Next,
) -> Session {
    let mut opened = server.map(Ahead::into_opened);
    let tls = place.always_tls();
    match next {
        Next::Http | Next::Tls => {
            if tls && opened.is_some() {
                let target = session.target(place.address.clone(), true);
                opened = Box::pin(ahead(&session, &target, opened)).await;
            }
            if let Some(opened) = opened {
                Box::pin(upstream::keep(&session, opened)).await;
            }
            super::fixed(&session, client.into_io(), place.to(tls)).await;
        }
        Next::Dns => {
            let target = session.target(place.address, tls);
            let server = Server { target, opened };
            Box::pin(dns::serve_stream(&session, client.into_io(), Some(server))).await;
        }
        Next::Raw | Next::Pass => {
            let target = session.target(place.address, tls);
            Box::pin(raw(&session, client.into_io(), target, opened)).await;
        }
        Next::NeedMore => {
            if let Some(opened) = opened {
                opened.close(&session).await;
            }
        }
    }
    session
}

/// A server connection that is watched while the client is silent, since some servers speak first.
pub(crate) struct Ahead {
    target: Target,
    server: ServerConn,
    peek: Peek,
}

impl Ahead {
    fn new(opened: Opened) -> Self {
        Self {
            target: opened.target,
            server: opened.server,
            peek: Peek::new(opened.io),
        }
    }

    fn into_opened(self) -> Opened {
        Opened {
            target: self.target,
            server: self.server,
            io: self.peek.into_io(),
            shared: None,
            spent: Duration::ZERO,
        }
    }
}

/// Waits until both sides have said enough to know the protocol.
async fn look(
    session: &Session,
    client: &mut Peek,
    server: &mut Option<Ahead>,
    place: &Place,
    alpn: Option<&[u8]>,
) -> Next {
    let address = &place.address;
    let options = session.options();
    let is_tcp_host = session
        .engine
        .host_rules()
        .is_tcp_host([Some(address.host.as_str()), session.client.sni.as_deref()]);
    loop {
        let seen = Seen {
            client: client.seen(),
            server: server
                .as_ref()
                .map(|ahead| ahead.peek.seen())
                .unwrap_or_default(),
            alpn,
            port: address.port,
            rawtcp: options.rawtcp,
            is_tcp_host,
            known: place.known(),
        };
        if !seen.client.is_empty() || !seen.server.is_empty() {
            let server = server
                .as_ref()
                .map(|ahead| (&ahead.server, ahead.peek.seen()));
            if let Some(next) = ask(session, seen.client, server).await {
                return next;
            }
        }
        match detect::next(&seen) {
            Next::NeedMore if client.is_full() => {
                return if client.seen().is_empty() {
                    Next::NeedMore
                } else {
                    Next::Raw
                };
            }
            Next::NeedMore => {}
            next => return next,
        }
        let waited = match server {
            Some(ahead) if !ahead.peek.is_full() => {
                let first = async {
                    tokio::select! {
                        () = client.more() => {}
                        () = ahead.peek.more() => {}
                    }
                };
                crate::within(options.tcp_timeout, first).await
            }
            _ => crate::within(options.tcp_timeout, client.more()).await,
        };
        if waited.is_none() {
            return Next::NeedMore;
        }
    }
}

/// Asks the addons what is spoken inside a connection, given what was seen of it.
pub(crate) async fn ask(
    session: &Session,
    client: &[u8],
    server: Option<(&ServerConn, &[u8])>,
) -> Option<Next> {
    let kernel = session.kernel();
    if !kernel.chain().interest().contains(Hook::NextLayer) {
        return None;
    }
    let (server, data_server) = match server {
        Some((server, seen)) => (server.clone(), Bytes::copy_from_slice(seen)),
        None => (ServerConn::default(), Bytes::new()),
    };
    let mut data = NextLayerData {
        client: Arc::clone(&session.client),
        server: Arc::new(server),
        data_client: Bytes::copy_from_slice(client),
        data_server,
        layer: None,
    };
    kernel.next_layer(&mut data).await;
    data.layer.map(|choice| match choice {
        NextLayerChoice::Http => Next::Http,
        NextLayerChoice::Tls => Next::Tls,
        NextLayerChoice::Tcp | NextLayerChoice::Udp => Next::Raw,
        NextLayerChoice::Dns => Next::Dns,
        NextLayerChoice::Ignore => Next::Pass,
    })
}

/// Reads the whole ClientHello.
async fn hello(session: &Session, client: &mut Peek) -> Option<ClientHello> {
    let wait = session.options().client_tls_timeout;
    let read = async {
        loop {
            match client_hello::parse(client.seen()) {
                Ok(Parsed::Hello(hello)) => return Some(hello),
                Ok(Parsed::NeedMore) if !client.is_full() => client.more().await,
                Ok(_) => return None,
                Err(error) => {
                    tracing::warn!(client = %session.peer(), "Client TLS handshake failed. {error}");
                    return None;
                }
            }
        }
    };
    crate::within(wait, read).await.flatten()
}

/// Passes a connection on without looking into it. Where no option of ours wanted that, a script did.
async fn pass(session: Session, io: Io, target: Target, opened: Option<Opened>) -> Session {
    let session = match session.passed {
        Some(_) => session,
        None => session.passed_for(Missed::Script, &target.address.host),
    };
    let show = session.options().show_ignored_hosts;
    let server = Server { target, opened };
    if show {
        tcp::conversation(&session, io, server).await;
    } else if let Ok(opened) = server.open(&session).await {
        tcp::relay(&session, io, opened).await;
    }
    session
}

async fn raw(session: &Session, io: Io, target: Target, opened: Option<Opened>) {
    tcp::conversation(session, io, Server { target, opened }).await;
}

/// A connection whose TLS is open.
struct Inside {
    session: Session,
    io: Io,
    place: Place,
    opened: Option<Opened>,
}

/// Opens TLS on both sides. The session comes back alone if there is nothing to go on with.
async fn intercept(
    session: Session,
    client: Peek,
    hello: ClientHello,
    place: Place,
    opened: Option<Opened>,
) -> Result<Box<Inside>, Session> {
    let mut facts = (*session.client).clone();
    note_hello(&mut facts, &hello);
    let session = session.with_client(facts.clone());
    let hello = Arc::new(hello);
    let server_tls = place.tls_behind_tls();
    let eager =
        server_tls && session.connects_ahead() && !session.is_onboarding(&place.address.host);
    let mut data = ClientHelloData {
        client: Arc::clone(&session.client),
        server: Arc::new(
            opened
                .as_ref()
                .map(|opened| opened.server.clone())
                .unwrap_or_default(),
        ),
        client_hello: Arc::clone(&hello),
        ignore_connection: false,
        establish_server_tls_first: eager,
    };
    session.kernel().tls_clienthello(&mut data).await;
    if data.ignore_connection {
        let target = session.target(place.address, false);
        return Err(Box::pin(pass(session, client.into_io(), target, opened)).await);
    }
    let target = session.target(place.address.clone(), server_tls);
    let server = match opened {
        opened if server_tls && data.establish_server_tls_first => {
            Box::pin(ahead(&session, &target, opened)).await
        }
        Some(opened) if server_tls => {
            // Lazy by an addon's word: the plain connection waits for its handshake until it is needed.
            opened.close(&session).await;
            None
        }
        opened => opened,
    };
    let server_conn = server.as_ref().map(|opened| &opened.server);
    let alpn = client_alpn(&session, server_conn);
    let shaken = Box::pin(shake(&session, client, &place.address, server_conn, alpn)).await;
    let (facts, io) = match shaken {
        Ok(shaken) => shaken,
        Err(failed) => {
            if failed == Unshaken::Refused {
                note_refusal(&session, &place.address.host);
            }
            if let Some(opened) = server {
                opened.close(&session).await;
            }
            return Err(session);
        }
    };
    Ok(Box::new(Inside {
        session: session.with_client(facts),
        io,
        place,
        opened: server,
    }))
}

/// Shakes hands with the server before the client. A failure is kept for the answer to the client's request.
async fn ahead(session: &Session, target: &Target, opened: Option<Opened>) -> Option<Opened> {
    if opened.is_none() && session.failure(target).is_some() {
        return None;
    }
    let opened = match opened {
        Some(opened) => Ok(Opened {
            target: target.clone(),
            ..opened
        }),
        None => upstream::open(session, target.clone()).await,
    };
    let offers = server_alpn(session);
    let secured = match opened {
        Ok(opened) => upstream::secure(session, opened, &offers).await,
        Err(failure) => Err(failure),
    };
    match secured {
        Ok(opened) => Some(opened),
        Err(failure) => {
            tracing::warn!(
                client = %session.peer(),
                "Unable to establish TLS connection with server ({}). Trying to establish TLS with client anyway.",
                failure.fault
            );
            session.remember_failure(target.clone(), failure.fault, Arc::new(failure.server));
            None
        }
    }
}

/// What is offered to the server: what the client offers, as far as we speak it.
fn server_alpn(session: &Session) -> Vec<Bytes> {
    if session.client.alpn_offers.is_empty() {
        return Vec::new();
    }
    upstream::alpn_offers(session)
}

/// Goes on inside TLS.
async fn inside(opening: Inside) -> Session {
    let Inside {
        mut session,
        io,
        place,
        opened,
    } = opening;
    let mut client = Peek::new(io);
    let mut server = opened.map(Ahead::new);
    let alpn = session.client.alpn.clone().filter(|alpn| !alpn.is_empty());
    let mut next = match place.known() {
        Some(next) => next,
        None => {
            Box::pin(look(
                &session,
                &mut client,
                &mut server,
                &place,
                alpn.as_deref(),
            ))
            .await
        }
    };
    let port = place.address.port;
    // What the outer names did not settle, the Host field inside may.
    if place.known().is_none()
        && next != Next::NeedMore
        && !server_spoke(server.as_ref())
        && let Some(host) = named_host(&session, &mut client, (next, port)).await
        && session.engine.host_rules().passes_surely(&[host])
    {
        next = Next::Pass;
        let name = session.client.sni.clone();
        let name = name.as_deref().unwrap_or(&place.address.host);
        session = session.passed_for(Missed::Rules, name);
    }
    crate::trace::decision(
        &session,
        format_args!("{} inside TLS: {next:?}", place.address),
    );
    let opened = server.map(Ahead::into_opened);
    let tls = place.tls_behind_tls();
    match next {
        Next::Pass => {
            let target = session.target(place.address, tls);
            return Box::pin(pass(session, client.into_io(), target, opened)).await;
        }
        Next::Dns => {
            let target = session.target(place.address, tls);
            let server = Server { target, opened };
            Box::pin(dns::serve_stream(&session, client.into_io(), Some(server))).await;
        }
        Next::Raw => {
            let target = session.target(place.address, tls);
            Box::pin(raw(&session, client.into_io(), target, opened)).await;
        }
        Next::NeedMore => {
            if let Some(opened) = opened {
                opened.close(&session).await;
            }
        }
        Next::Http | Next::Tls => {
            if let Some(opened) = opened {
                Box::pin(upstream::keep(&session, opened)).await;
            }
            super::fixed(&session, client.into_io(), place.to(tls)).await;
        }
    }
    session
}

/// Shakes hands with a client that talks TLS to the proxy itself.
pub(crate) async fn secure_proxy(session: Session, mut client: Peek) -> (Session, Option<Io>) {
    let Some(hello) = hello(&session, &mut client).await else {
        return (session, None);
    };
    let mut facts = (*session.client).clone();
    note_hello(&mut facts, &hello);
    let session = session.with_client(facts);
    let host = session
        .client
        .sockname
        .as_ref()
        .map(|name| name.host.clone())
        .unwrap_or_default();
    let address = Address::new(host, 0);
    match shake(
        &session,
        client,
        &address,
        None,
        vec![Bytes::from_static(b"http/1.1")],
    )
    .await
    {
        Ok((facts, io)) => (session.with_client(facts), Some(io)),
        Err(_) => (session, None),
    }
}

/// Why there is no TLS with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unshaken {
    /// It said that it refuses our certificate.
    Refused,
    /// Anything else.
    Failed,
}

/// The client's address and the host that it asks for, as they are remembered together.
fn pair(session: &Session, sni: Option<&str>, host: &str) -> (String, String) {
    let client = session.client.peername.as_ref();
    let client = client.map(|name| name.host.clone()).unwrap_or_default();
    (client, sni.unwrap_or(host).to_ascii_lowercase())
}

/// Remembers that the client refuses our certificate for this host, and counts it.
fn note_refusal(session: &Session, host: &str) {
    let pair = pair(session, session.client.sni.as_deref(), host);
    session.kernel().ledger().note(&pair.1, Missed::Refused);
    session.engine.refusals.note(pair, Instant::now());
}

/// How long ago the client refused our certificate, if the option `tls_failure` has the connection pass therefore.
fn refused_before(session: &Session, hello: &ClientHello, host: &str) -> Option<Duration> {
    let what = AfterRefusal::parse(&session.options().tls_failure);
    if what == AfterRefusal::Block {
        return None;
    }
    let pair = pair(session, hello.sni.as_deref(), host);
    session.engine.refusals.passes(what, &pair, Instant::now())
}

/// Shakes hands with the client; the facts of its connection come back with the stream.
async fn shake(
    session: &Session,
    client: Peek,
    address: &Address,
    server: Option<&ServerConn>,
    alpn: Vec<Bytes>,
) -> Result<(ClientConn, Io), Unshaken> {
    let tls = session.engine.tls();
    let mut facts = (*session.client).clone();
    let parameters = match leaf(session, &facts, address, server) {
        Ok(leaf) => ServerParameters { leaf, alpn },
        Err(reason) => {
            tracing::warn!(client = %session.peer(), "Client TLS handshake failed. {reason}");
            return Err(Unshaken::Failed);
        }
    };
    facts.mitmcert = Some(Certificate::from_der(parameters.leaf.cert_der.clone()));
    let server = Arc::new(server.cloned().unwrap_or_default());
    hook(session, Hook::TlsStartClient, &facts, &server).await;
    let config = match tls.server.config(&parameters) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(client = %session.peer(), "Client TLS handshake failed. {error}");
            return Err(Unshaken::Failed);
        }
    };
    let asked = facts.sni.clone().unwrap_or_else(|| address.host.clone());
    let wait = session.options().client_tls_timeout;
    let shaken = crate::within(wait, ServerSide::accept(client.into_io(), config)).await;
    let (failed, error) = match shaken {
        Some(Ok((stream, shown))) => {
            facts.timestamp_tls_setup = Some(crate::now());
            facts.tls_version = Some(shown.version.to_owned());
            facts.cipher = Some(shown.cipher.to_owned());
            facts.alpn = shown
                .alpn
                .or_else(|| (!facts.alpn_offers.is_empty()).then(Bytes::new));
            facts.certificate_list = shown
                .peer_certificates
                .into_iter()
                .map(Certificate::from_der)
                .collect();
            hook(session, Hook::TlsEstablishedClient, &facts, &server).await;
            let io = crate::trace::layer(session, "client tls", Box::new(stream));
            return Ok((facts, io));
        }
        Some(Err(error)) => {
            let log = error.client_log(&asked);
            if log.level == tracing::Level::INFO {
                tracing::info!(client = %session.peer(), "{}", log.text);
            } else {
                tracing::warn!(client = %session.peer(), "{}", log.text);
            }
            let failed = if error.refuses_certificate() {
                Unshaken::Refused
            } else {
                Unshaken::Failed
            };
            (failed, error.to_string())
        }
        None => {
            tracing::warn!(client = %session.peer(), "Client TLS handshake failed. It took longer than {wait} s.");
            let text = format!("TLS handshake took longer than {wait} s");
            (Unshaken::Failed, text)
        }
    };
    facts.error = Some(error);
    hook(session, Hook::TlsFailedClient, &facts, &server).await;
    Err(failed)
}

/// The certificate to show to a client.
fn leaf(
    session: &Session,
    client: &ClientConn,
    address: &Address,
    server: Option<&ServerConn>,
) -> Result<Arc<crate::ca::Leaf>, String> {
    let options = session.options();
    let tls = session.engine.tls();
    let chain = server
        .map(|server| server.certificate_list.as_slice())
        .unwrap_or_default();
    let upstream = match chain.first().filter(|_| options.upstream_cert) {
        Some(certificate) => certificate
            .to_der()
            .and_then(|der| UpstreamNames::from_der(&der)),
        None => None,
    };
    let local = client
        .sockname
        .as_ref()
        .and_then(|name| name.host.parse::<IpAddr>().ok());
    let wanted = Wanted {
        sni: client.sni.as_deref(),
        local,
        target: Some(&address.host),
    };
    let names = tls.leaves.names_for(upstream.as_ref(), &wanted);
    let leaf = tls.leaves.leaf(&names).map_err(|error| error.to_string())?;
    if !options.add_upstream_certs_to_client_chain || chain.is_empty() {
        return Ok(leaf);
    }
    let extra: Vec<Bytes> = chain.iter().filter_map(Certificate::to_der).collect();
    Ok(Arc::new(leaf.with_extra_chain(&extra)))
}

async fn hook(session: &Session, hook: Hook, client: &ClientConn, server: &Arc<ServerConn>) {
    let kernel = session.kernel();
    if !kernel.chain().interest().contains(hook) {
        return;
    }
    let mut data = TlsHookData {
        client: Arc::new(client.clone()),
        server: Arc::clone(server),
        is_dtls: false,
    };
    match hook {
        Hook::TlsStartClient => kernel.tls_start_client(&mut data).await,
        Hook::TlsEstablishedClient => kernel.tls_established_client(&mut data).await,
        _ => kernel.tls_failed_client(&mut data).await,
    }
}

/// What a client may agree on with us: what the server agreed on, or the first of its offers that we speak.
fn client_alpn(session: &Session, server: Option<&ServerConn>) -> Vec<Bytes> {
    let offers = &session.client.alpn_offers;
    let http2 = session.options().http2;
    let agreed = server
        .filter(|server| server.timestamp_tls_setup.is_some())
        .map(|server| server.alpn.clone());
    match agreed {
        Some(Some(alpn)) if offers.contains(&alpn) => vec![alpn],
        Some(_) => Vec::new(),
        None => offers
            .iter()
            .find(|offer| offer.starts_with(b"http/") || (http2 && *offer == "h2"))
            .cloned()
            .into_iter()
            .collect(),
    }
}

/// Records what a client said in its hello.
fn note_hello(client: &mut ClientConn, hello: &ClientHello) {
    client.tls = true;
    client.sni.clone_from(&hello.sni);
    client.alpn_offers.clone_from(&hello.alpn_protocols);
    client.cipher_list = hello
        .cipher_suites
        .iter()
        .map(|suite| {
            client_hello::cipher_name(*suite).map_or_else(|| format!("{suite:#06x}"), str::to_owned)
        })
        .collect();
}

async fn close(session: &Session, ahead: Option<Ahead>) {
    if let Some(ahead) = ahead {
        ahead.into_opened().close(session).await;
    }
}
