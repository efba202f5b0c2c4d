//! The option table: every option of every tool, once.
//!
//! Command line, config file, terminal and web interface, scripts and documentation are derived from it.

use super::{
    scripted::Scripted,
    spec::{OptionSpec, Tools, all, of, own},
    value::{Field, Size},
};

/// Declares the typed struct and the specifications from one list of rows
/// `name: type = default, meta, help;`.
macro_rules! options {
    ($($name:ident: $type:ty = $default:expr, $meta:expr, $help:expr;)*) => {
        /// The values of all options at one moment.
        #[derive(Clone, Debug)]
        pub struct Options {
            $(#[doc = $help] pub $name: $type,)*
            /// Options that scripts declared.
            pub(super) scripted: Scripted,
        }

        impl Default for Options {
            fn default() -> Self {
                Self {
                    $($name: $default,)*
                    scripted: Scripted::default(),
                }
            }
        }

        /// Every option, in alphabetical order.
        pub const SPECS: &[OptionSpec] = &[
            $(OptionSpec {
                name: stringify!($name),
                kind: <$type as Field>::KIND,
                meta: $meta,
                help: $help,
                read: |options| options.$name.to_value(),
                write: |options, value| {
                    options.$name = <$type as Field>::from_value(value)?;
                    Ok(())
                },
            },)*
        ];
    };
}

/// Log levels from quiet to talkative.
const LEVELS: &[&str] = &["error", "warn", "info", "alert", "debug"];

/// What happens after a client has refused our certificate.
const TLS_FAILURES: &[&str] = &["block", "pass", "learn"];

/// Protocol versions; the names of TLS libraries, oldest first.
const TLS_VERSIONS: &[&str] = &["UNBOUNDED", "SSL3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"];

/// Curves for the key exchange.
pub(super) const CURVES: &[&str] = &[
    "secp192r1",
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
];

/// The built-in content views. Scripts may add more, so others are accepted as well.
const VIEWS: &[&str] = &[
    "auto",
    "dns",
    "graphql",
    "grpc",
    "hex dump",
    "hex stream",
    "http/3 frames",
    "image",
    "javascript",
    "json",
    "mqtt",
    "msgpack",
    "multipart form",
    "protobuf",
    "query",
    "raw",
    "socket.io",
    "url-encoded",
    "viewcss",
    "wbxml",
    "xml/html",
    "zip archive",
];

/// A size written in the table. The table test proves that each one parses.
fn size(text: &str) -> Size {
    Size::parse(text).unwrap_or_else(|| Size::from(0))
}

/// A list written in the table.
fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

options! {
    add_upstream_certs_to_client_chain: bool = false, all(),
        "Send clients the certificates that the server presented as well, after our own chain. Needs upstream_cert.";
    allow_hosts: Vec<String> = Vec::new(), all().flag("HOST"),
        "Intercept only connections whose host:port matches one of these regular expressions; pass all others through untouched.";
    anticache: bool = false, all().flag(""),
        "Remove conditional request fields, so that servers answer in full instead of with 304.";
    anticomp: bool = false, all().flag(""),
        "Ask servers for content without compression.";
    block_global: bool = true, all(),
        "Refuse clients that connect from public addresses.";
    block_list: Vec<String> = Vec::new(), all(),
        "Answer matching requests with an empty response. Each rule is /flow-filter/status; the first character is the separator, and status 444 closes the connection without an answer.";
    block_private: bool = false, all(),
        "Refuse clients that connect from private addresses; the machine itself is always let in.";
    body_size_limit: Option<Size> = None, all(),
        "Largest body of a request or response that is passed on, such as 500k, 3m or 1g. Larger ones are refused.";
    cert_passphrase: Option<String> = None, all().flag("PASS"),
        "Passphrase of the private keys in certs and of the CA file. Other users of the machine can read command lines, so config.yaml is the better place for it.";
    certs: Vec<String> = Vec::new(), all().flag("SPEC"),
        "Use this certificate instead of a generated one: [domain=]path, where domain may have a wildcard and * is meant without it. The PEM file holds the chain, leaf first, and the private key unless it is the CA's key.";
    ciphers_client: Option<String> = None, all(),
        "Cipher suites offered to clients, in OpenSSL notation.";
    ciphers_server: Option<String> = None, all(),
        "Cipher suites offered to servers, in OpenSSL notation.";
    client_body_timeout: i64 = 600, own(),
        "Seconds in each of which, on average, the content of a request has to bring 500 bytes while midwire waits for it and no response has begun; 0 for no limit.";
    client_certs: Option<String> = None, all(),
        "Certificate that we show to servers: a PEM file, or a folder with files named after the host.";
    client_header_timeout: i64 = 60, own(),
        "Seconds a client may take for the head of a request; 0 for no limit.";
    client_idle_timeout: i64 = 600, own(),
        "Seconds a kept-alive client connection may stay without a request; 0 for no limit.";
    client_replay: Vec<String> = Vec::new(), all().short('C', "PATH"),
        "Send the requests of this flow file again.";
    client_replay_concurrency: i64 = 1, all(),
        "How many requests a client replay has under way: 1 for one after the other, -1 for all at once.";
    client_tls_timeout: i64 = 30, own(),
        "Seconds a client may take for the TLS handshake; 0 for no limit.";
    client_write_timeout: i64 = 600, own(),
        "Seconds a client may take no byte of what is sent to it; 0 for no limit.";
    command_history: bool = true, all(),
        "Keep typed commands from one run to the next.";
    confdir: String = String::from("~/.mitmproxy"), all(),
        "Folder of the certificate authority, config.yaml and other files that are kept between runs.";
    connect_addr: Option<String> = None, all(),
        "Local IP address for connections to servers.";
    connection_strategy: String = String::from("eager"), all().choices(&["eager", "lazy"]),
        "When to connect to the server: as soon as its address is known, or only once something has to be sent.";
    console_default_contentview: String = String::from("auto"), of(Tools::CONSOLE).suggests(VIEWS),
        "Content view in which messages open.";
    console_eventlog_verbosity: String = String::from("info"), of(Tools::CONSOLE).choices(LEVELS),
        "Least important log level shown in the event log and the status bar.";
    console_flowlist_layout: String = String::from("default"), of(Tools::CONSOLE).choices(&["default", "list", "table"]),
        "Layout of the list of flows; default is a table where the terminal is wide enough.";
    console_focus_follow: bool = false, of(Tools::INTERACTIVE),
        "Move the focus to each new flow.";
    console_layout: String = String::from("single"), of(Tools::CONSOLE).choices(&["horizontal", "single", "vertical"]).flag("LAYOUT"),
        "Arrangement of the panes.";
    console_layout_headers: bool = true, of(Tools::CONSOLE).flag(""),
        "Show a title line above each pane.";
    console_mouse: bool = true, of(Tools::CONSOLE),
        "React to the mouse.";
    console_palette: String = String::from("solarized_dark"), of(Tools::CONSOLE).choices(&["blue_yellow_safe", "dark", "high_contrast", "light", "lowdark", "lowlight", "red_green_safe", "solarized_dark", "solarized_light"]),
        "Colours of the terminal interface.";
    console_palette_transparent: bool = true, of(Tools::CONSOLE),
        "Leave the background to the terminal.";
    console_quickhelp_visible: bool = true, of(Tools::CONSOLE),
        "Show the most useful keys at the bottom of the screen.";
    console_strip_trailing_newlines: bool = false, of(Tools::CONSOLE),
        "Drop line ends at the end of content that was edited in an external editor.";
    content_decode_limit: Size = size("256m"), own(),
        "Most bytes that content may grow to when its compression is undone for filters and modifications.";
    content_view_lines_cutoff: i64 = 512, all(),
        "Lines of content shown before the rest is cut.";
    content_view_size_limit: Size = size("1m"), own(),
        "Bytes of content that are decoded for showing.";
    dns_name_servers: Vec<String> = Vec::new(), all(),
        "Name servers for DNS mode and WireGuard; without any, those of the operating system.";
    dns_use_hosts_file: bool = true, all(),
        "Look names up in the hosts file before asking name servers.";
    dumper_default_contentview: String = String::from("auto"), of(Tools::DUMP).suggests(VIEWS),
        "Content view in which messages are printed.";
    dumper_filter: Option<String> = None, of(Tools::DUMP),
        "Print only flows that match this filter.";
    explain: bool = false, own().flag(""),
        "Record with each flow which features and scripts changed it and how long scripts took, which connection it used and how often it was tried, and print that under the flow.";
    export_preserve_original_ip: bool = false, all(),
        "Make exported commands connect to the address that the flow was sent to, whatever its name resolves to by then.";
    flow_detail: i64 = 1, of(Tools::DUMP).flag("LEVEL"),
        "How much of each flow to print: 0 nothing, 1 one line, 2 header sections, 3 also content, shortened, 4 everything.";
    hardump: String = String::new(), all(),
        "Write all flows to this HAR file at the end; a name ending in .zhar compresses it, - is standard output.";
    header_count_limit: i64 = 1000, own(),
        "Most field lines in the head of a message; 0 for no limit.";
    header_size_limit: Size = size("256k"), own(),
        "Most bytes in the head of a message.";
    http2: bool = true, all().flag(""),
        "Speak HTTP/2 with clients and servers that can.";
    http2_max_concurrent_streams: i64 = 100, own(),
        "Requests that a client may have under way on one HTTP/2 connection; 0 for no limit.";
    http2_max_resets: i64 = 200, own(),
        "Streams that may be reset within 10 seconds before an HTTP/2 connection is closed; 0 for no limit.";
    http2_ping_keepalive: i64 = 58, all(),
        "Seconds of silence on an HTTP/2 server connection before a PING is sent; 0 to send none.";
    http3: bool = true, all(),
        "Speak HTTP/3 and let DNS answers advertise it.";
    http_connect_send_host_header: bool = true, all(),
        "Put a Host field into the CONNECT requests that go to an upstream proxy.";
    ignore_hosts: Vec<String> = Vec::new(), all().flag("HOST"),
        "Pass connections through untouched whose host:port matches one of these regular expressions.";
    intercept: Option<String> = None, of(Tools::INTERACTIVE).flag("FILTER"),
        "Hold flows that match this filter until they are resumed.";
    intercept_active: bool = false, of(Tools::INTERACTIVE),
        "Whether flows are held at present.";
    keep_alt_svc_header: bool = false, all(),
        "Leave Alt-Svc fields as they are in reverse mode, instead of pointing them at our own port.";
    keep_host_header: bool = false, all(),
        "Leave the host that the client named in reverse mode, instead of naming the target.";
    keepserving: bool = false, of(Tools::DUMP),
        "Stay running after a replay or a flow file has come to its end.";
    key_size: i64 = 2048, all(),
        "Bits of the RSA key of a new certificate authority.";
    listen_host: String = String::new(), all().flag("HOST"),
        "Address to listen on, for modes that name none; empty for all addresses.";
    listen_port: Option<i64> = None, all().short('p', "PORT"),
        "Port to listen on, for modes that name none; unset for the usual port of each mode.";
    map_local: Vec<String> = Vec::new(), all().flag("PATTERN"),
        "Answer requests from local files. Each rule is [/flow-filter]/url-regex/path; the first character is the separator.";
    map_remote: Vec<String> = Vec::new(), all().short('M', "PATTERN"),
        "Rewrite the URL of requests. Each rule is [/flow-filter]/url-regex/replacement; the first character is the separator.";
    max_connections: i64 = 0, own(),
        "Client connections served at the same time, others wait; 0 to go by the limit of open files.";
    mode: Vec<String> = list(&["regular"]), all().short('m', "MODE"),
        "How clients reach the proxy: regular, transparent, socks5, upstream:URL, reverse:URL, dns, wireguard[:PATH], local[:PROCESSES] or tun[:NAME]. Append @port or @host:port to listen there. Replays use the first mode.";
    modify_body: Vec<String> = Vec::new(), all().short('B', "PATTERN"),
        "Replace text in content. Each rule is [/flow-filter]/regex/[@]replacement; the first character is the separator, and @ reads the replacement from a file.";
    modify_headers: Vec<String> = Vec::new(), all().short('H', "PATTERN"),
        "Set or remove fields. Each rule is [/flow-filter]/name/[@]value; the first character is the separator, @ reads the value from a file, and an empty value removes the field.";
    normalize_outbound_headers: bool = true, all(),
        "Write field names of HTTP/2 and HTTP/3 messages in lower case, as these protocols demand.";
    offline: bool = false, own().flag(""),
        "Open no connection to any server: what a recording or an addon does not answer gets status 502 with the reason.";
    onboarding: bool = true, all(),
        "Offer the certificate authority for download on a web page that only clients of the proxy can see.";
    onboarding_host: String = String::from("mitm.it"), all(),
        "Host name of that web page.";
    protobuf_definitions: Option<String> = None, all(),
        "File in .proto notation that gives names to the fields of Protobuf and gRPC messages.";
    proxy_debug: bool = false, all(),
        "Log what the protocol code does; for debugging midwire itself.";
    proxyauth: Option<String> = None, all().flag("SPEC"),
        "Ask clients for credentials: user:pass, any for any, @path for an htpasswd file, or ldap[s]:url:user:password:base[?search_filter_key=key].";
    rawtcp: bool = true, all().flag(""),
        "Carry connections whose protocol we do not know as plain TCP.";
    readfile_filter: Option<String> = None, all(),
        "Load only flows that match this filter.";
    request_client_cert: bool = false, all(),
        "Ask clients for a certificate; any will be accepted.";
    rfile: Option<String> = None, all().short('r', "PATH"),
        "Load flows from this file.";
    save_stream_error: String = String::from("exit"), own().choices(&["exit", "continue"]),
        "What to do when save_stream_file cannot be written: end, so that nothing goes unrecorded, or go on and try again.";
    save_stream_file: Option<String> = None, all().short('w', "PATH"),
        "Save flows to this file as they end. A leading + appends to the file; strftime codes such as %H in the name start a new file whenever the name changes.";
    save_stream_filter: Option<String> = None, all(),
        "Save only flows that match this filter.";
    script_error: String = String::from("pass"), own().choices(&["fail", "pass"]),
        "What becomes of a flow that waits for a script whose process ended or hangs: it is answered with 502, or goes on as it is.";
    script_python: Option<String> = None, own(),
        "Python interpreter that runs scripts, 3.9 or newer; without it that of the active virtual environment, else python3.";
    script_timeout: i64 = 0, own(),
        "Seconds a script may take for one flow; 0 for no limit.";
    script_workers: i64 = 1, own(),
        "Processes that run scripts side by side. Each loads all scripts, and all flows of a client go to the same one, so more than one suits scripts that keep nothing between clients.";
    scripts: Vec<String> = Vec::new(), all().short('s', "SCRIPT"),
        "Run this script.";
    server: bool = true, all().short('n', ""),
        "Listen for clients.";
    server_connect_timeout: i64 = 15, own(),
        "Seconds for reaching a server, TLS included; 0 for no limit.";
    server_replay: Vec<String> = Vec::new(), all().short('S', "PATH"),
        "Answer requests from this flow file.";
    server_replay_extra: String = String::from("forward"), all().choices(&["forward", "kill", "204", "400", "404", "500"]).flag("ACTION"),
        "What becomes of requests without a recorded response: forwarded, cut off, or answered with this status.";
    server_replay_ignore_content: bool = false, all(),
        "Find recorded responses whatever the content of the request.";
    server_replay_ignore_host: bool = false, all(),
        "Find recorded responses whatever the host of the request.";
    server_replay_ignore_params: Vec<String> = Vec::new(), all(),
        "Query parameters that do not matter when recorded responses are looked up.";
    server_replay_ignore_payload_params: Vec<String> = Vec::new(), all(),
        "Form fields that do not matter when recorded responses are looked up.";
    server_replay_ignore_port: bool = false, all(),
        "Find recorded responses whatever the port of the request.";
    server_replay_kill_extra: bool = false, all().flag(""),
        "Older name of server_replay_extra=kill.";
    server_replay_nopop: bool = false, all(),
        "Older name of server_replay_reuse.";
    server_replay_record_new: bool = false, own().flag(""),
        "Forward requests without a recorded response, and add what servers answer to the file of server_replay, which may be missing at first. Recorded responses are given any number of times.";
    server_replay_refresh: bool = true, all().flag(""),
        "Move dates and cookie expiry times of recorded responses to the present.";
    server_replay_reuse: bool = false, all().flag(""),
        "Give recorded responses any number of times instead of once.";
    server_replay_use_headers: Vec<String> = Vec::new(), all(),
        "Request fields that must be the same for a recorded response to be given.";
    server_response_timeout: i64 = 600, own(),
        "Seconds from the end of a request to the head of its response; 0 for no limit.";
    show_ignored_hosts: bool = false, all().flag(""),
        "Record connections that are passed through untouched as raw flows; their bytes are kept in memory.";
    showhost: bool = false, all().flag(""),
        "Show URLs with the host that the client named instead of the address it went to. Clients can name any host, so do not trust it.";
    ssl_insecure: bool = false, all().short('k', ""),
        "Do not verify the certificates of servers.";
    ssl_verify_upstream_trusted_ca: Option<String> = None, all(),
        "PEM file of the authorities that may sign server certificates, instead of the usual ones.";
    ssl_verify_upstream_trusted_confdir: Option<String> = None, all(),
        "Folder of such authorities, named as c_rehash does.";
    stickyauth: Option<String> = None, all().flag("FILTER"),
        "Repeat credentials in later requests to the same host, for requests that match this filter.";
    stickycookie: Option<String> = None, all().flag("FILTER"),
        "Repeat cookies in later requests to the same host, for requests that match this filter.";
    store_streamed_bodies: bool = false, all().flag(""),
        "Keep content of streamed messages in the flow as it passes.";
    stream_large_bodies: Option<Size> = None, all(),
        "Pass content larger than this on as it arrives, such as 500k, 3m or 1g; filters and modifications do not see it.";
    strip_ech: bool = true, all(),
        "Remove encrypted ClientHello keys from DNS answers, so that names stay visible.";
    tcp_hosts: Vec<String> = Vec::new(), all().flag("HOST"),
        "Treat connections as plain TCP, with TLS still intercepted, whose host matches one of these regular expressions.";
    tcp_timeout: i64 = 600, all(),
        "Seconds of silence before a TCP connection is closed.";
    termlog_verbosity: String = String::from("info"), of(Tools::LOGGING).choices(LEVELS),
        "Least important log level that is printed.";
    tls_ecdh_curve_client: Option<String> = None, all(),
        "Curve for the key exchange with clients.";
    tls_ecdh_curve_server: Option<String> = None, all(),
        "Curve for the key exchange with servers.";
    tls_failure: String = String::from("block"), own().choices(TLS_FAILURES),
        "What comes after a client has refused our certificate for a host: `block` tries again with each connection, `learn` passes the connections of this client to this host untouched for ten minutes, `pass` does so until the program ends.";
    tls_version_client_max: String = String::from("UNBOUNDED"), all().choices(TLS_VERSIONS),
        "Newest TLS version for clients.";
    tls_version_client_min: String = String::from("TLS1_2"), all().choices(TLS_VERSIONS),
        "Oldest TLS version for clients.";
    tls_version_server_max: String = String::from("UNBOUNDED"), all().choices(TLS_VERSIONS),
        "Newest TLS version for servers.";
    tls_version_server_min: String = String::from("TLS1_2"), all().choices(TLS_VERSIONS),
        "Oldest TLS version for servers.";
    udp_hosts: Vec<String> = Vec::new(), all(),
        "Treat datagrams as plain UDP, with DTLS still intercepted, whose host matches one of these regular expressions.";
    upstream_auth: Option<String> = None, all().flag("USER:PASS"),
        "Credentials for the upstream proxy, or for the target in reverse mode.";
    upstream_cert: bool = true, all(),
        "Look at the server's certificate before making one for the client, to use the same names.";
    validate_inbound_headers: bool = true, all(),
        "Refuse messages whose header section is malformed or could be understood in two ways.";
    view_disk_limit: Size = size("4g"), of(Tools::INTERACTIVE).own(),
        "Content in the temporary file, at most; beyond it that of the oldest unmarked flows is dropped.";
    view_filter: Option<String> = None, of(Tools::INTERACTIVE).flag_in(Tools::CONSOLE, "FILTER"),
        "Show only flows that match this filter.";
    view_flow_limit: i64 = 0, of(Tools::INTERACTIVE).own(),
        "Flows kept in the list; beyond it the oldest unmarked ones are dropped, 0 to keep all.";
    view_memory_limit: Size = size("512m"), of(Tools::INTERACTIVE).own(),
        "Content in memory, at most; beyond it that of the oldest flows moves to a temporary file.";
    view_order: String = String::from("time"), of(Tools::INTERACTIVE).choices(&["time", "method", "url", "size"]),
        "What the list of flows is sorted by.";
    view_order_reversed: bool = false, of(Tools::INTERACTIVE),
        "Sort the list of flows the other way round.";
    web_allowed_hosts: Vec<String> = Vec::new(), of(Tools::WEB).own(),
        "Host names under which the web interface answers; any without this option.";
    web_columns: Vec<String> = list(&["tls", "icon", "path", "method", "status", "size", "time"]), of(Tools::WEB),
        "Columns of the list of flows: icon, index, method, version, path, quickactions, size, status, time, timestamp, tls, comment.";
    web_debug: bool = false, of(Tools::WEB),
        "Log what the web interface does; for debugging midwire itself.";
    web_host: String = String::from("127.0.0.1"), of(Tools::WEB).flag("HOST"),
        "Address of the web interface.";
    web_open_browser: bool = true, of(Tools::WEB).flag(""),
        "Open the web interface in a browser at the start.";
    web_password: String = String::new(), of(Tools::WEB),
        "Password of the web interface, as it is or as an argon2 hash; without one, a random token is made at each start.";
    web_port: i64 = 8081, of(Tools::WEB).flag("PORT"),
        "Port of the web interface.";
    web_restrict_commands: bool = false, of(Tools::WEB).own(),
        "Keep the web interface from setting options that run programs or scripts.";
    web_static_viewer: Option<String> = Some(String::new()), of(Tools::WEB),
        "Write the flows of rfile as a web page into this folder.";
    web_theme: String = String::from("system"), of(Tools::WEB).choices(&["system", "dark", "light"]),
        "Colours of the web interface.";
    websocket: bool = true, all(),
        "Understand WebSocket; otherwise such connections are carried as plain TCP.";
    websocket_message_limit: Size = size("64m"), own(),
        "Largest WebSocket message that is put together.";
}
