use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn request(address: Address) -> Request {
    Request {
        command: Command::CONNECT,
        address,
        port: 443,
    }
}

#[test]
fn greetings() {
    let check = |bytes: &[u8], expected| assert_eq!(decode_greeting(bytes), expected, "{bytes:?}");
    check(b"", Ok(None));
    check(b"\x05", Ok(None));
    check(b"\x05\x02\0", Ok(None));
    check(
        b"\x05\x02\0\x02",
        Ok(Some((vec![Method::NONE, Method::CREDENTIALS], 4))),
    );
    check(b"\x05\0rest", Ok(Some((vec![], 2))));
    check(b"\x04\x01", Err(SocksError::Version(4)));
    check(b"GET / HTTP/1.1", Err(SocksError::LooksLikeHttp));
    check(b"C", Err(SocksError::LooksLikeHttp));
    check(b"Gxx", Err(SocksError::Version(b'G')));
    assert!(
        SocksError::LooksLikeHttp
            .to_string()
            .contains("HTTP request")
    );
}

#[test]
fn requests() {
    let check = |bytes: &[u8], expected| assert_eq!(decode_request(bytes), expected, "{bytes:?}");
    let v4 = request(Address::Ip(Ipv4Addr::LOCALHOST.into()));
    let v6 = request(Address::Ip(Ipv6Addr::LOCALHOST.into()));
    let name = request(Address::Name("Example.com".to_owned()));
    check(b"\x05\x01\0\x01\x7f\0\0\x01\x01\xbbGET", Ok(Some((v4, 10))));
    check(
        b"\x05\x01\0\x03\x0bExample.com\x01\xbb",
        Ok(Some((name, 18))),
    );
    check(
        b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
        Ok(Some((v6, 22))),
    );
    check(b"\x05\x01\0\x03\x0bExample.com\x01", Ok(None));
    check(b"\x05\x01\0\x02", Err(SocksError::AddressType(2)));
    check(b"\x05\x01\x01", Err(SocksError::Reserved(1)));
    check(b"\x04\x01", Err(SocksError::Version(4)));
    check(b"\x05\x01\0\x03\0\0\0", Err(SocksError::Name));
    check(b"\x05\x01\0\x03\x03a\0b", Err(SocksError::Name));
    let udp = decode_request(b"\x05\x03\0\x01\0\0\0\0\0\0")
        .unwrap()
        .unwrap()
        .0;
    assert_eq!(udp.command, Command::UDP_ASSOCIATE);
    assert_eq!(SocksError::AddressType(2).reply().0, 8);
}

#[test]
fn replies() {
    assert_eq!(encode_reply(Reply::SUCCEEDED), *b"\x05\0\0\x01\0\0\0\0\0\0");
    let (reply, address, port) = decode_reply(&encode_reply(Reply::HOST_UNREACHABLE))
        .unwrap()
        .unwrap()
        .0;
    assert_eq!((reply, port), (Reply::HOST_UNREACHABLE, 0));
    assert_eq!(
        (reply.to_string(), address.to_string()),
        ("host unreachable".into(), "0.0.0.0".into())
    );
    assert_eq!(
        decode_method(&encode_method(Method::UNACCEPTABLE)),
        Ok(Some((Method(255), 2)))
    );
    assert_eq!(
        decode_credentials_status(&CREDENTIALS_REFUSED),
        Ok(Some((1, 2)))
    );
    assert_eq!(
        decode_credentials_status(&CREDENTIALS_ACCEPTED),
        Ok(Some((0, 2)))
    );
    assert_eq!(
        decode_credentials(b"\x05"),
        Err(SocksError::CredentialsVersion(5))
    );
}

#[test]
fn the_longest_message_is_within_the_limit() {
    let long = Credentials {
        username: vec![b'u'; 300],
        password: vec![b'p'; 300],
    };
    let bytes = encode_credentials(&long);
    assert_eq!(bytes.len(), MESSAGE_LIMIT);
    let (read, used) = decode_credentials(&bytes).unwrap().unwrap();
    assert_eq!(
        (read.username.len(), read.password.len(), used),
        (255, 255, MESSAGE_LIMIT)
    );
    assert!(!format!("{read:?}").contains("112"));
    assert!(encode_greeting(&[Method::NONE; 300]).len() <= MESSAGE_LIMIT);
}

/// With enough bytes nothing waits for more, so that no peer can make a reader hold more than the limit.
#[test]
fn full_buffers_are_always_decided() {
    for first in 0..=255 {
        for second in [0, 1, 3, 4, 255] {
            let mut bytes = vec![second; MESSAGE_LIMIT];
            bytes[0] = first;
            assert_ne!(decode_greeting(&bytes), Ok(None));
            assert_ne!(decode_credentials(&bytes), Ok(None));
            assert_ne!(decode_request(&bytes), Ok(None));
            assert_ne!(decode_reply(&bytes), Ok(None));
        }
    }
}

fn addresses() -> impl Strategy<Value = Address> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| Address::Ip(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| Address::Ip(octets.into())),
        "[a-zA-Z0-9_-]{1,63}(\\.[a-z0-9]{1,20}){0,3}".prop_map(Address::Name),
    ]
}

proptest! {
    #[test]
    fn any_bytes_give_a_result(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode_greeting(&bytes);
        let _ = decode_method(&bytes);
        let _ = decode_credentials(&bytes);
        let _ = decode_credentials_status(&bytes);
        let _ = decode_request(&bytes);
        let _ = decode_reply(&bytes);
    }

    #[test]
    fn requests_round_trip_and_prefixes_wait(address in addresses(), command: u8, port: u16) {
        let request = Request { command: Command(command), address, port };
        let bytes = encode_request(&request);
        for cut in 0..bytes.len() {
            prop_assert_eq!(decode_request(&bytes[..cut]), Ok(None));
        }
        prop_assert_eq!(decode_request(&bytes), Ok(Some((request, bytes.len()))));
    }

    #[test]
    fn credentials_round_trip(username in prop::collection::vec(any::<u8>(), 0..256), password in prop::collection::vec(any::<u8>(), 0..256)) {
        let credentials = Credentials { username, password };
        let bytes = encode_credentials(&credentials);
        prop_assert_eq!(decode_credentials(&bytes[..bytes.len() - 1]), Ok(None));
        prop_assert_eq!(decode_credentials(&bytes), Ok(Some((credentials, bytes.len()))));
    }
}
