//! Calls of the operating system that only some platforms have: where redirected traffic was going.

use std::io;
use std::net::SocketAddr;

use socket2::{SockRef, Socket};

/// Where a connection was going before a firewall rule redirected it here (Linux, `REDIRECT` and `DNAT`).
///
/// # Errors
/// The system's error: the connection was not redirected, or the platform has no such call.
#[cfg(target_os = "linux")]
pub fn original_destination<'a>(stream: impl Into<SockRef<'a>>) -> io::Result<SocketAddr> {
    let socket: SockRef<'_> = stream.into();
    let local = socket.local_addr()?.as_socket();
    let is_v4 = match local {
        Some(SocketAddr::V4(_)) => true,
        Some(SocketAddr::V6(v6)) => v6.ip().to_ipv4_mapped().is_some(),
        None => return Err(io::ErrorKind::Unsupported.into()),
    };
    let destination = if is_v4 {
        socket.original_dst_v4()?
    } else {
        socket.original_dst_v6()?
    };
    destination
        .as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Where a connection was going before a firewall rule redirected it here.
///
/// # Errors
/// Always: only Linux has this call.
#[cfg(not(target_os = "linux"))]
pub fn original_destination<'a>(_stream: impl Into<SockRef<'a>>) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Lets a listening socket accept connections to addresses that are not ours (Linux, `TPROXY`).
///
/// # Errors
/// The system's error; the call needs the right to administer the network.
#[cfg(target_os = "linux")]
pub fn accept_foreign_addresses(socket: &Socket) -> io::Result<()> {
    if socket.local_addr().is_ok_and(|address| address.is_ipv6()) {
        socket.set_ip_transparent_v6(true)
    } else {
        socket.set_ip_transparent_v4(true)
    }
}

/// Lets a listening socket accept connections to addresses that are not ours.
///
/// # Errors
/// Always: only Linux has this call.
#[cfg(not(target_os = "linux"))]
pub fn accept_foreign_addresses(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_that_was_not_redirected_has_no_other_destination() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                continue;
            };
            let address = listener.local_addr().unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            // Without connection tracking there is an error; with it, the address itself.
            if let Ok(found) = original_destination(&accepted) {
                assert_eq!(found, address);
            }
        }
    }
}
