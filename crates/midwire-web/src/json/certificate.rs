//! What is said of a certificate.

use midwire_flow::Certificate;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// The facts of a certificate; null if it cannot be read.
pub(crate) fn certificate(certificate: &Certificate) -> Json {
    let Some(der) = certificate.to_der() else {
        return Json::Null;
    };
    let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
        return Json::Null;
    };
    json!({
        "keyinfo": key(&parsed),
        "sha256": crate::auth::hex(&Sha256::digest(&der)),
        "notbefore": parsed.validity().not_before.timestamp(),
        "notafter": parsed.validity().not_after.timestamp(),
        "serial": parsed.tbs_certificate.serial.to_string(),
        "subject": name(parsed.subject()),
        "issuer": name(parsed.issuer()),
        "altnames": alternatives(&parsed),
    })
}

fn key(certificate: &X509Certificate<'_>) -> Json {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => json!(["RSA", key.key_size()]),
        Ok(PublicKey::EC(point)) => {
            // OpenSSL's names of the curves, which is what users of mitmproxy see.
            let name = match point.key_size() {
                256 => "EC (secp256r1)",
                384 => "EC (secp384r1)",
                528 | 521 => "EC (secp521r1)",
                _ => "EC",
            };
            json!([name, point.key_size()])
        }
        Ok(PublicKey::DSA(_)) => json!(["DSA", 0]),
        _ => json!(["UNKNOWN", 0]),
    }
}

fn name(name: &X509Name<'_>) -> Json {
    let pairs = name.iter_attributes().map(|attribute| {
        let oid = attribute.attr_type();
        let key = x509_parser::objects::oid2abbrev(oid, x509_parser::objects::oid_registry())
            .map_or_else(|_| oid.to_id_string(), str::to_owned);
        json!([key, attribute.as_str().unwrap_or_default()])
    });
    Json::Array(pairs.collect())
}

fn alternatives(certificate: &X509Certificate<'_>) -> Json {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return json!([]);
    };
    let names = names.value.general_names.iter().filter_map(|name| {
        Some(match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                (*name).to_owned()
            }
            GeneralName::IPAddress(bytes) => match **bytes {
                [a, b, c, d] => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
                _ => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string(),
            },
            _ => return None,
        })
    });
    names.collect::<Vec<String>>().into()
}

/// Facts of our own authority for people: subject, fingerprint, times. `None` if it cannot be read.
pub(crate) fn authority(pem: &[u8]) -> Option<Json> {
    let der = pem::parse(pem).ok()?;
    let (_, parsed) = X509Certificate::from_der(der.contents()).ok()?;
    Some(json!({
        "subject": parsed.subject().to_string(),
        "sha256": crate::auth::hex(&Sha256::digest(der.contents())),
        "not_before": parsed.validity().not_before.timestamp(),
        "not_after": parsed.validity().not_after.timestamp(),
    }))
}
