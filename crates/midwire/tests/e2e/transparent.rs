//! Transparent mode behind real firewall rules: a client, a gateway with the program, and a server, each in a network
//! namespace that the test makes. A namespace lives as long as the process in it, so that nothing is left behind.

use std::process::{Child, Command, Stdio};

use crate::origin::Authority;
use crate::program::{Program, curl_in, is_there, skip};

/// How the firewall leads connections to the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Redirect,
    Tproxy,
}

/// An address family: what `nft` calls it, and the server's address.
#[derive(Clone, Copy)]
struct Family {
    nft: &'static str,
    server: &'static str,
    /// As URLs have it.
    host: &'static str,
}

const IPV4: Family = Family {
    nft: "ip",
    server: "10.77.2.2",
    host: "10.77.2.2",
};
const IPV6: Family = Family {
    nft: "ip6",
    server: "fd77:2::2",
    host: "[fd77:2::2]",
};

/// A network namespace.
struct Namespace {
    /// Ends when its input is closed, so also when the test ends in whatever way.
    holder: Child,
}

impl Namespace {
    /// Makes one; why it cannot be done, if so.
    fn new() -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut ready = [0; 6];
        let told = holder
            .stdout
            .as_mut()
            .is_some_and(|out| std::io::Read::read_exact(out, &mut ready).is_ok());
        let namespace = Self { holder };
        if told {
            Ok(namespace)
        } else {
            Err("no right to make network namespaces".to_owned())
        }
    }

    fn pid(&self) -> String {
        self.holder.id().to_string()
    }

    /// What is put before a command that is to run in it.
    fn enter(&self) -> Vec<String> {
        ["nsenter", "-t", &self.pid(), "-n"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Runs a script in it, whose every line must succeed.
    fn sh(&self, script: &str) -> Result<(), String> {
        let output = Command::new("nsenter")
            .args(["-t", &self.pid(), "-n", "sh", "-ec", script])
            .output()
            .map_err(|error| format!("nsenter: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Three namespaces in a row.
struct Net {
    client: Namespace,
    gateway: Namespace,
    server: Namespace,
}

impl Net {
    fn new() -> Result<Self, String> {
        let net = Self {
            client: Namespace::new()?,
            gateway: Namespace::new()?,
            server: Namespace::new()?,
        };
        let (client, server) = (net.client.pid(), net.server.pid());
        net.gateway.sh(&format!(
            "ip link set lo up
             ip link add inner type veth peer name wire netns {client}
             ip link add outer type veth peer name wire netns {server}
             echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
             echo 0 > /proc/sys/net/ipv4/conf/inner/rp_filter
             ip addr add 10.77.1.1/24 dev inner
             ip addr add fd77:1::1/64 dev inner nodad
             ip addr add 10.77.2.1/24 dev outer
             ip addr add fd77:2::1/64 dev outer nodad
             ip link set inner up
             ip link set outer up"
        ))?;
        net.client.sh("ip link set lo up
             ip addr add 10.77.1.2/24 dev wire
             ip addr add fd77:1::2/64 dev wire nodad
             ip link set wire up
             ip route add default via 10.77.1.1
             ip -6 route add default via fd77:1::1")?;
        net.server.sh("ip link set lo up
             ip addr add 10.77.2.2/24 dev wire
             ip addr add fd77:2::2/64 dev wire nodad
             ip link set wire up")?;
        Ok(net)
    }

    /// Leads connections to ports 80 and 443 to the program.
    fn lead(&self, rule: Rule, family: Family, port: u16) -> Result<(), String> {
        let nft = family.nft;
        let (proto, flag) = match nft {
            "ip" => ("ipv4", "-4"),
            _ => ("ipv6", "-6"),
        };
        let all = if flag == "-4" { "0.0.0.0/0" } else { "::/0" };
        let matches = format!("iifname inner meta nfproto {proto} tcp dport {{ 80, 443 }}");
        let script = match rule {
            Rule::Redirect => format!(
                "nft add table inet mw
                 nft 'add chain inet mw pre {{ type nat hook prerouting priority -100; }}'
                 nft 'add rule inet mw pre {matches} redirect to :{port}'"
            ),
            Rule::Tproxy => format!(
                "nft add table inet mw
                 nft 'add chain inet mw pre {{ type filter hook prerouting priority -150; }}'
                 nft 'add rule inet mw pre {matches} tproxy {nft} to :{port} meta mark set 1 accept'
                 ip {flag} rule add fwmark 1 lookup 100
                 ip {flag} route add local {all} dev lo table 100"
            ),
        };
        self.gateway.sh(&script)
    }
}

/// An HTTP server on ports 80 and 443 of all addresses, which says whom it was asked for.
struct Server(Child);

const SERVER: &str = r#"
import socket, ssl, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("%s from %s" % (self.headers["Host"], self.client_address[0])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
plain = Server(("::", 80), Handler)
secure = Server(("::", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
secure.socket = context.wrap_socket(secure.socket, server_side=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
threading.Thread(target=secure.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"#;

impl Server {
    fn start(net: &Net, authority: &Authority) -> Self {
        let mut child = Command::new("nsenter")
            .args(["-t", &net.server.pid(), "-n", "python3", "-c", SERVER])
            .arg(authority.key_and_certificate())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let out = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(out, &mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Skips a test for what the machine does not allow; anything else is a fault of the test.
fn unable(reason: &str) {
    let known = ["not permitted", "no right", "not supported", "denied"];
    assert!(known.iter().any(|words| reason.contains(words)), "{reason}");
    skip(&format!("transparent mode: {reason}"));
}

fn check(rule: Rule, family: Family) {
    for program in ["ip", "nft", "unshare", "nsenter", "python3", "curl"] {
        if !is_there(program) {
            return skip(&format!("transparent mode: {program} is not installed"));
        }
    }
    let net = match Net::new() {
        Ok(net) => net,
        Err(reason) => return unable(&reason),
    };
    let authority = Authority::new();
    let _server = Server::start(&net, &authority);
    let trusted = format!(
        "ssl_verify_upstream_trusted_ca={}",
        authority.file().display()
    );
    let args = ["--mode", "transparent@0", "--set", &trusted];
    let mut program = Program::start_in(&net.gateway.enter(), &args);
    if let Err(reason) = net.lead(rule, family, program.port) {
        return unable(&reason);
    }
    let enter = net.client.enter();
    let from = if family.nft == "ip" {
        "10.77.2.1"
    } else {
        "fd77:2::1"
    };

    let host = family.host;
    let url = format!("http://{host}/plain");
    let text = curl_in(&enter, &["-H", "Host: named.test", &url]).unwrap();
    assert!(text.starts_with("named.test from "), "{text}");
    assert!(
        text.ends_with(from),
        "the server is connected to by us: {text}"
    );
    // What is printed is where the connection was going, not what the Host field says.
    let line = program.wait_for("/plain");
    assert!(line.contains(&format!("GET http://{host}/plain")), "{line}");
    program.wait_for("200 OK");

    let ca = program.file("mitmproxy-ca-cert.pem");
    let resolve = format!("localhost:443:{}", family.server);
    let args = [
        "--resolve",
        &resolve,
        "--cacert",
        ca.to_str().unwrap(),
        "https://localhost/secure",
    ];
    assert!(
        curl_in(&enter, &args)
            .unwrap()
            .starts_with("localhost from ")
    );
    let line = program.wait_for("/secure");
    assert!(
        line.contains(&format!("GET https://{host}/secure")),
        "{line}"
    );
    program.wait_for("200 OK");

    // Who connects to the program itself has no other destination: that is a loop, not a hang.
    let own = if family.nft == "ip" {
        "10.77.1.1"
    } else {
        "[fd77:1::1]"
    };
    let direct = format!("http://{own}:{}/loop", program.port);
    let page = curl_in(&enter, &["-i", &direct]);
    let refused = page.as_ref().is_ok_and(|page| page.contains("502")) || page.is_err();
    assert!(refused, "{page:?}");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn redirected_ipv4() {
    check(Rule::Redirect, IPV4);
}

#[test]
fn redirected_ipv6() {
    check(Rule::Redirect, IPV6);
}

#[test]
fn tproxy_ipv4() {
    check(Rule::Tproxy, IPV4);
}

#[test]
fn tproxy_ipv6() {
    check(Rule::Tproxy, IPV6);
}

#[test]
fn clients_of_other_networks_are_refused_before_they_speak() {
    for program in ["ip", "unshare", "nsenter", "curl"] {
        if !is_there(program) {
            return skip(&format!("refused clients: {program} is not installed"));
        }
    }
    let net = match Net::new() {
        Ok(net) => net,
        Err(reason) => return unable(&reason),
    };
    // An address that is nobody's here, but global.
    net.client
        .sh("ip addr add 203.0.114.7/32 dev wire")
        .unwrap();
    net.gateway
        .sh("ip route add 203.0.114.7 dev inner")
        .unwrap();
    let check = |private: &str, from: &str, refused: Option<&str>| {
        let setting = format!("block_private={private}");
        let args = ["--mode", "regular@0", "--set", &setting];
        let mut program = Program::start_in(&net.gateway.enter(), &args);
        let proxy = format!("http://10.77.1.1:{}", program.port);
        let args = ["--interface", from, "-x", &proxy, "http://mitm.it/"];
        let got = curl_in(&net.client.enter(), &args);
        match refused {
            None => assert!(got.unwrap().contains("mitmproxy"), "{from}"),
            Some(option) => {
                assert!(got.is_err(), "{from}: {got:?}");
                let line = format!("Client connection from {from} killed by {option} option.");
                program.wait_for(&line);
            }
        }
    };
    check("false", "10.77.1.2", None);
    check("true", "10.77.1.2", Some("block_private"));
    check("true", "203.0.114.7", Some("block_global"));
}

/// `midwire transparent` in a namespace: status and stdout, or stderr if it failed.
fn rules_command(namespace: &Namespace, args: &[&str]) -> (bool, String) {
    let place = format!("/proc/{}/ns/net", namespace.pid());
    let output = Command::new(env!("CARGO_BIN_EXE_midwire"))
        .arg("transparent")
        .args(args)
        .args(["--netns", &place])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

#[test]
fn rules_are_set_up_and_taken_back_to_the_byte() {
    for program in ["nft", "unshare", "nsenter"] {
        if !is_there(program) {
            return skip(&format!(
                "rules of transparent mode: {program} is not installed"
            ));
        }
    }
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(reason) => return unable(&reason),
    };
    let ruleset = || {
        let output = Command::new("nsenter")
            .args(["-t", &namespace.pid(), "-n", "nft", "list", "ruleset"])
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let others = "nft add table inet other
        nft 'add chain inet other input { type filter hook input priority 0; policy accept; }'
        nft add rule inet other input tcp dport 22 counter accept
        nft add table ip nat";
    if let Err(reason) = namespace.sh(others) {
        return unable(&reason);
    }
    let before = ruleset();
    let (there, text) = rules_command(&namespace, &["check"]);
    assert!(
        !there && text.contains("midwire transparent setup --apply --port 8080"),
        "{text}"
    );
    let (printed, text) = rules_command(&namespace, &["setup"]);
    assert!(printed && text.contains("redirect to :8080"), "{text}");
    assert_eq!(ruleset(), before, "printing changes nothing");
    let setup = [
        "setup",
        "--apply",
        "--user",
        "nobody",
        "--ports",
        "80,443,8443",
    ];
    for _ in 0..2 {
        let (applied, text) = rules_command(&namespace, &setup);
        assert!(applied, "{text}");
        let now = ruleset();
        assert_eq!(now.matches("table inet midwire").count(), 1, "{now}");
        assert_eq!(
            now.matches("tcp dport { 80, 443, 8443 } redirect to :8080")
                .count(),
            2,
            "{now}"
        );
        assert!(now.contains("meta skuid"), "{now}");
    }
    assert!(rules_command(&namespace, &["check"]).0);
    let (there, text) = rules_command(&namespace, &["check", "--port", "9"]);
    assert!(!there && text.contains("does not lead to port 9"), "{text}");
    let (undone, text) = rules_command(&namespace, &["undo"]);
    assert!(undone, "{text}");
    assert_eq!(ruleset(), before);
    let (undone, text) = rules_command(&namespace, &["undo"]);
    assert!(undone && text.contains("nothing to take away"), "{text}");
}
