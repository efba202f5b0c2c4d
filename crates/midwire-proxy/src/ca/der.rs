//! A writer for the few DER structures of a certificate (X.690, RFC 5280).
//!
//! The issuer of a certificate must repeat the subject of its authority byte for byte. An
//! authority that a user brings along may have a subject that no builder reproduces (repeated or
//! multi-valued attributes, old string types), so certificates are put together from raw pieces.

use std::net::IpAddr;

use x509_parser::time::ASN1Time;

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// Object identifiers in their encoded form, without tag and length.
pub(super) mod oid {
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    pub(crate) const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
    pub(crate) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
    pub(crate) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
}

/// Tag, length and content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len().saturating_add(6));
    out.push(tag);
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(&significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A constructed value of already encoded parts.
pub(super) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    constructed(SEQUENCE, parts)
}

pub(super) fn object_identifier(encoded: &[u8]) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, encoded)
}

/// A positive INTEGER from big-endian bytes whose first byte is below 0x80 and not zero.
pub(super) fn positive_integer(bytes: &[u8]) -> Vec<u8> {
    tlv(INTEGER, bytes)
}

pub(super) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(OCTET_STRING, bytes)
}

/// A BIT STRING of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes].concat())
}

/// A Time: UTCTime until 2049, GeneralizedTime afterwards (RFC 5280 §4.1.2.5).
/// Seconds that no calendar can show become the present.
pub(super) fn time(unix_seconds: i64) -> Vec<u8> {
    let at = ASN1Time::from_timestamp(unix_seconds)
        .unwrap_or_else(|_| ASN1Time::now())
        .to_datetime();
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        at.month() as u8,
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    if (1950..2050).contains(&at.year()) {
        tlv(UTC_TIME, format!("{:02}{rest}", at.year() % 100).as_bytes())
    } else {
        tlv(
            GENERALIZED_TIME,
            format!("{:04}{rest}", at.year()).as_bytes(),
        )
    }
}

/// A Name of one attribute per relative distinguished name, as UTF8String.
pub(super) fn distinguished_name(attributes: &[(&[u8], &str)]) -> Vec<u8> {
    let names: Vec<u8> = attributes
        .iter()
        .flat_map(|(kind, value)| {
            let value = tlv(UTF8_STRING, value.as_bytes());
            constructed(SET, &[&sequence(&[&object_identifier(kind), &value])])
        })
        .collect();
    tlv(SEQUENCE, &names)
}

/// Whether software that does not know an extension must refuse the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Critical {
    Yes,
    No,
}

/// One Extension around an encoded value (RFC 5280 §4.1).
pub(super) fn extension(kind: &[u8], critical: Critical, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical == Critical::Yes { TRUE } else { &[] };
    sequence(&[&object_identifier(kind), flag, &octet_string(value)])
}

pub(super) fn extended_key_usage_server() -> Vec<u8> {
    let value = sequence(&[&object_identifier(oid::SERVER_AUTH)]);
    extension(oid::EXTENDED_KEY_USAGE, Critical::No, &value)
}

/// The extensions that make a certificate an authority for certificates and revocation lists.
pub(super) fn authority_extensions(subject_key_id: &[u8]) -> Vec<Vec<u8>> {
    vec![
        extension(oid::BASIC_CONSTRAINTS, Critical::Yes, &sequence(&[TRUE])),
        extended_key_usage_server(),
        // keyCertSign and cRLSign are bits 5 and 6, the last bit is unused.
        extension(
            oid::KEY_USAGE,
            Critical::Yes,
            &tlv(BIT_STRING, &[0x01, 0x06]),
        ),
        extension(
            oid::SUBJECT_KEY_ID,
            Critical::No,
            &octet_string(subject_key_id),
        ),
    ]
}

/// A SubjectAltName entry for a DNS name.
pub(super) fn dns_name(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

/// A SubjectAltName entry for an address.
pub(super) fn ip_address(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => tlv(0x87, &v4.octets()),
        IpAddr::V6(v6) => tlv(0x87, &v6.octets()),
    }
}

/// The AuthorityKeyIdentifier extension.
pub(super) fn authority_key_id(key_id: &[u8]) -> Vec<u8> {
    extension(
        oid::AUTHORITY_KEY_ID,
        Critical::No,
        &sequence(&[&tlv(0x80, key_id)]),
    )
}

/// The CRLDistributionPoints extension with one URL.
pub(super) fn crl_distribution_point(url: &str) -> Vec<u8> {
    let full_name = tlv(0xa0, &tlv(0x86, url.as_bytes()));
    let point = sequence(&[&tlv(0xa0, &full_name)]);
    extension(
        oid::CRL_DISTRIBUTION_POINTS,
        Critical::No,
        &sequence(&[&point]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_possible() {
        for (size, head) in [
            (0, vec![0x30, 0]),
            (127, vec![0x30, 127]),
            (128, vec![0x30, 0x81, 128]),
            (256, vec![0x30, 0x82, 1, 0]),
            (65_536, vec![0x30, 0x83, 1, 0, 0]),
        ] {
            assert_eq!(tlv(SEQUENCE, &vec![7; size])[..head.len()], head, "{size}");
        }
    }

    #[test]
    fn times_change_their_form_in_2050() {
        assert_eq!(&time(0)[2..], b"700101000000Z");
        assert_eq!(&time(2_524_607_999)[2..], b"491231235959Z");
        assert_eq!(&time(2_524_608_000)[2..], b"20500101000000Z");
    }
}
