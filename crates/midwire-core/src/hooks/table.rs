//! The table of hooks and what is derived from it.

use midwire_flow::{ClientConn, DnsFlow, HttpFlow, MessageFlow};

use super::data::{
    ClientHelloData, ContentNeed, FlowRef, NextLayerData, Part, ServerHookData, Socks5AuthData,
    TlsHookData,
};
use super::set::HookSet;
use super::stream::StreamFilter;
use crate::kernel::Kernel;
use crate::options::{Changed, Options};

/// Lists every hook once: doc, id, name and argument.
macro_rules! hooks {
    ($($(#[doc = $doc:literal])+ $id:ident $name:ident($arg:ty);)+) => {
        /// Names a hook.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Hook { $($(#[doc = $doc])+ $id,)+ }

        impl Hook {
            /// All hooks in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)+];

            /// The name that scripts use.
            pub fn name(self) -> &'static str {
                match self { $(Self::$id => stringify!($name),)+ }
            }

            /// What the hook is for, as in the generated reference.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$id => concat!($($doc, "\n",)+),)+ }
            }
        }

        /// A hook with its argument, for whoever forwards it as data.
        #[derive(Debug)]
        pub enum Event<'a> { $($(#[doc = $doc])+ $id(&'a mut $arg),)+ }

        impl Event<'_> {
            /// Which hook it is.
            pub fn hook(&self) -> Hook {
                match self { $(Self::$id(_) => Hook::$id,)+ }
            }

            /// The same event with a shorter life, to give to one link of the chain.
            pub fn reborrow(&mut self) -> Event<'_> {
                match self { $(Self::$id(arg) => Event::$id(arg),)+ }
            }
        }

        /// What runs at hooks. All methods do nothing unless implemented.
        ///
        /// Methods are synchronous and run on network threads: they must not block for longer than 100 µs.
        #[expect(unused_variables, reason = "default methods ignore their arguments")]
        pub trait Addon: Send + Sync {
            /// Name by which the addon is known, e.g. `dumper`.
            fn name(&self) -> &'static str;

            /// The hooks that the addon wants with these options. Asked again after every change of options.
            fn interest(&self, options: &Options) -> HookSet;

            /// Called with all options at start and with the changed ones later. A refusal undoes the change.
            fn configure(&self, kernel: &Kernel, options: &Options, changed: &Changed) -> Result<(), String> { Ok(()) }

            /// Called once when the listeners are up.
            fn running(&self, kernel: &Kernel) {}

            /// Called once at the end.
            fn done(&self, kernel: &Kernel) {}

            /// Called after flows were changed, and after each hook of a flow.
            fn update(&self, kernel: &Kernel, flows: &[FlowRef<'_>]) {}

            /// What the addon needs of the content of this message; asked when its head is known.
            fn content_need(&self, kernel: &Kernel, flow: &HttpFlow, part: Part) -> ContentNeed {
                ContentNeed::Nothing
            }

            /// A function that the content of this message passes through; asked after the hook of its head, of
            /// addons that have [`HookSet::CONTENT`] in their interest.
            fn stream_filter(&self, kernel: &Kernel, flow: &HttpFlow, part: Part) -> Option<Box<dyn StreamFilter>> {
                None
            }

            $($(#[doc = $doc])+ fn $name(&self, kernel: &Kernel, arg: &mut $arg) {})+
        }

        /// Gives an event to one addon.
        pub(crate) fn deliver(addon: &dyn Addon, kernel: &Kernel, event: Event<'_>) {
            match event { $(Event::$id(arg) => addon.$name(kernel, arg),)+ }
        }

        impl Kernel {
            $($(#[doc = $doc])+
            #[doc = "\n# Cancellation\nDropping the future leaves out the addons that have not run yet."]
            pub async fn $name(&self, arg: &mut $arg) {
                if self.chain().interest().contains(Hook::$id) {
                    self.chain().run(self, Event::$id(arg)).await;
                }
            })+
        }
    };
}

hooks! {
    /// A client has connected. Setting its error closes the connection.
    ClientConnected client_connected(ClientConn);
    /// A client's connection has ended.
    ClientDisconnected client_disconnected(ClientConn);
    /// About to connect to a server: address, via and sockname may be changed; an error refuses.
    ServerConnect server_connect(ServerHookData);
    /// Connected to a server.
    ServerConnected server_connected(ServerHookData);
    /// A connection to a server could not be made.
    ServerConnectError server_connect_error(ServerHookData);
    /// A connection to a server has ended.
    ServerDisconnected server_disconnected(ServerHookData);
    /// The protocol inside a connection is to be decided.
    NextLayer next_layer(NextLayerData);
    /// A client has begun a TLS handshake.
    TlsClienthello tls_clienthello(ClientHelloData);
    /// The TLS handshake with the client is about to begin.
    TlsStartClient tls_start_client(TlsHookData);
    /// The TLS handshake with the server is about to begin.
    TlsStartServer tls_start_server(TlsHookData);
    /// The TLS handshake with the client is done.
    TlsEstablishedClient tls_established_client(TlsHookData);
    /// The TLS handshake with the server is done.
    TlsEstablishedServer tls_established_server(TlsHookData);
    /// The TLS handshake with the client has failed.
    TlsFailedClient tls_failed_client(TlsHookData);
    /// The TLS handshake with the server has failed.
    TlsFailedServer tls_failed_server(TlsHookData);
    /// A QUIC connection with the client is about to begin.
    QuicStartClient quic_start_client(TlsHookData);
    /// A QUIC connection with the server is about to begin.
    QuicStartServer quic_start_server(TlsHookData);
    /// A SOCKS client has logged in. Setting `valid` accepts it.
    Socks5Auth socks5_auth(Socks5AuthData);
    /// CONNECT was received. A response set here with another status than 2xx refuses the tunnel.
    HttpConnect http_connect(HttpFlow);
    /// CONNECT is about to be sent to an upstream proxy.
    HttpConnectUpstream http_connect_upstream(HttpFlow);
    /// CONNECT is about to be answered with 2xx.
    HttpConnected http_connected(HttpFlow);
    /// CONNECT failed or was refused.
    HttpConnectError http_connect_error(HttpFlow);
    /// The head of a request was read.
    Requestheaders requestheaders(HttpFlow);
    /// A request was read.
    Request request(HttpFlow);
    /// The head of a response was read.
    Responseheaders responseheaders(HttpFlow);
    /// A response was read.
    Response response(HttpFlow);
    /// An exchange has failed.
    Error error(HttpFlow);
    /// A WebSocket conversation begins.
    WebsocketStart websocket_start(HttpFlow);
    /// A WebSocket message was read; it is the last one of the flow.
    WebsocketMessage websocket_message(HttpFlow);
    /// A WebSocket conversation has ended.
    WebsocketEnd websocket_end(HttpFlow);
    /// A TCP conversation begins.
    TcpStart tcp_start(MessageFlow);
    /// Bytes were read; they are the last message of the flow.
    TcpMessage tcp_message(MessageFlow);
    /// A TCP conversation has ended.
    TcpEnd tcp_end(MessageFlow);
    /// A TCP conversation has failed.
    TcpError tcp_error(MessageFlow);
    /// A UDP conversation begins.
    UdpStart udp_start(MessageFlow);
    /// A datagram was read; it is the last message of the flow.
    UdpMessage udp_message(MessageFlow);
    /// A UDP conversation has ended.
    UdpEnd udp_end(MessageFlow);
    /// A UDP conversation has failed.
    UdpError udp_error(MessageFlow);
    /// A DNS query was read. A response or error set here answers it.
    DnsRequest dns_request(DnsFlow);
    /// A DNS answer was read or set.
    DnsResponse dns_response(DnsFlow);
    /// A DNS query has failed.
    DnsError dns_error(DnsFlow);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_fit_one_word_beside_the_special_bits() {
        assert!(Hook::ALL.len() < 62);
        assert_eq!(Hook::Requestheaders.name(), "requestheaders");
        let set = HookSet::of(&[Hook::Request, Hook::DnsError]);
        assert!(set.contains(Hook::DnsError) && !set.contains(Hook::Response));
    }
}
