use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::*;

mod foreign;

pub(crate) fn authority(directory: &Path) -> Authority {
    Authority::load_or_create(directory, KeyKind::EcdsaP256, None).unwrap()
}

fn store() -> LeafStore {
    let directory = tempfile::tempdir().unwrap();
    LeafStore::new(authority(directory.path()), CustomCerts::default()).unwrap()
}

fn dns(names: &[&str]) -> LeafNames {
    LeafNames {
        sans: names
            .iter()
            .map(|name| San::Dns((*name).to_owned()))
            .collect(),
        ..LeafNames::default()
    }
}

#[test]
fn a_new_authority_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let confdir = directory.path().join("deep/er");
    let made = authority(&confdir);
    let before = fs::read(confdir.join("mitmproxy-ca.pem")).unwrap();
    let found = authority(&confdir);
    assert_eq!(made.certificate_der(), found.certificate_der());
    assert!(found.warnings().is_empty(), "{:?}", found.warnings());
    assert_eq!(before, fs::read(confdir.join("mitmproxy-ca.pem")).unwrap());
    let pem = fs::read_to_string(confdir.join("mitmproxy-ca-cert.pem")).unwrap();
    assert_eq!(pem, found.certificate_pem());
    assert_eq!(
        pem,
        fs::read_to_string(confdir.join("mitmproxy-ca-cert.cer")).unwrap()
    );
    assert!(!pem.contains("PRIVATE"));
}

#[test]
fn starting_at_once_makes_one_authority() {
    let directory = tempfile::tempdir().unwrap();
    let confdir = directory.path().join("conf");
    let made: Vec<Bytes> = std::thread::scope(|scope| {
        let start = || authority(&confdir).certificate_der().clone();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let kept = authority(&confdir);
    assert!(made.iter().all(|der| der == kept.certificate_der()));
    let pem = fs::read_to_string(confdir.join("mitmproxy-ca-cert.pem")).unwrap();
    assert_eq!(pem, kept.certificate_pem());
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let confdir = directory.path().join("conf");
    authority(&confdir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&confdir), 0o700);
    assert_eq!(mode(&confdir.join("mitmproxy-ca.pem")), 0o600);
    assert_eq!(mode(&confdir.join("mitmproxy-ca.p12")), 0o600);

    let path = confdir.join("mitmproxy-ca.pem");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let found = authority(&confdir);
    assert_eq!(
        found.warnings(),
        [CaWarning::ReadableByOthers(path.clone())]
    );
    assert!(
        found.warnings()[0]
            .to_string()
            .ends_with(&format!("chmod 600 {}", path.display()))
    );
}

#[test]
fn leftovers_go_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let leftover = directory.path().join(".mitmproxy-new-1-mitmproxy-ca.pem");
    fs::write(&leftover, "half a key").unwrap();
    fs::write(directory.path().join("config.yaml"), "").unwrap();
    authority(directory.path());
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "config.yaml",
        "mitmproxy-ca-cert.cer",
        "mitmproxy-ca-cert.p12",
        "mitmproxy-ca-cert.pem",
        "mitmproxy-ca.p12",
        "mitmproxy-ca.pem",
    ];
    assert_eq!(names, expected);
}

#[test]
fn broken_authorities_are_named_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let good = authority(&directory.path().join("a"));
    let other = fs::read_to_string(directory.path().join("a/mitmproxy-ca.pem")).unwrap();
    authority(&directory.path().join("b"));
    let key = fs::read_to_string(directory.path().join("b/mitmproxy-ca.pem")).unwrap();
    let (key, _) = key.split_once("-----BEGIN CERT").unwrap();
    let path = directory.path().join("mitmproxy-ca.pem");
    let cases = [
        (String::new(), "it is empty"),
        ("  \n".to_owned(), "it is empty"),
        ("garbage".to_owned(), "it holds no certificate"),
        (good.certificate_pem(), "it holds no private key"),
        (key.to_owned(), "it holds no certificate"),
        (other[..other.len() / 2].to_owned(), ""),
        (
            format!("{key}{}", good.certificate_pem()),
            "its private key does not belong to its first certificate",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned() + key,
            "",
        ),
    ];
    for (content, reason) in cases {
        fs::write(&path, &content).unwrap();
        let error = Authority::load_or_create(directory.path(), KeyKind::default(), None)
            .unwrap_err()
            .to_string();
        let start = format!("cannot read CA file {}: {reason}", path.display());
        assert!(error.starts_with(&start), "{error}");
        assert!(!error.contains('\n'), "{error}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            content,
            "kept as it was"
        );
    }
}

#[test]
fn rsa_sizes_that_cannot_be_made_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = Authority::load_or_create(directory.path(), KeyKind::Rsa(1000), None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot make an RSA key of 1000 bits; possible: 2048, 3072, 4096"
    );
    let rsa = Authority::load_or_create(directory.path(), KeyKind::Rsa(2048), None).unwrap();
    let (_, parsed) = X509Certificate::from_der(rsa.certificate_der()).unwrap();
    assert_eq!(
        parsed.signature_algorithm.algorithm.to_string(),
        "1.2.840.113549.1.1.11"
    );
}

#[test]
fn a_leaf_has_what_the_page_says() {
    let store = store();
    let names = LeafNames {
        sans: vec![
            San::Dns("a.test".into()),
            San::Ip(IpAddr::from([127, 0, 0, 1])),
        ],
        organization: Some("Upstream Örg".into()),
        crl_url: Some("http://crl.test/mitmproxy-1.crl".into()),
    };
    let leaf = store.leaf(&names).unwrap();
    let (rest, parsed) = X509Certificate::from_der(&leaf.cert_der).unwrap();
    assert!(rest.is_empty());
    let (_, ca) = X509Certificate::from_der(store.authority().certificate_der()).unwrap();
    parsed.verify_signature(Some(ca.public_key())).unwrap();
    ca.verify_signature(None).unwrap();
    assert_eq!(parsed.issuer().as_raw(), ca.subject().as_raw());
    assert_eq!(parsed.subject().to_string(), "CN=a.test, O=Upstream Örg");
    assert_eq!(ca.subject().to_string(), "CN=mitmproxy, O=mitmproxy");
    assert!(ca.is_ca() && !parsed.is_ca());
    let days = |certificate: &X509Certificate<'_>| {
        let validity = certificate.validity();
        (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400
    };
    assert_eq!((days(&parsed), days(&ca)), (199, 3650));
    assert!(parsed.serial.bits() > 64 && ca.serial.bits() > 64);
    let (mut key_id, mut authority_id, mut urls) = (None, None, 0);
    for extension in ca.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0),
            ParsedExtension::KeyUsage(usage) => {
                assert!(usage.key_cert_sign() && usage.crl_sign() && extension.critical);
                assert!(!usage.digital_signature());
            }
            ParsedExtension::BasicConstraints(_) => assert!(extension.critical),
            ParsedExtension::ExtendedKeyUsage(usage) => assert!(usage.server_auth),
            other => panic!("{other:?}"),
        }
    }
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority_id = id.key_identifier.as_ref().map(|id| id.0);
            }
            ParsedExtension::SubjectAlternativeName(sans) => {
                assert_eq!(sans.general_names.len(), 2);
                assert!(!extension.critical);
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                assert!(usage.server_auth && !usage.client_auth);
            }
            ParsedExtension::CRLDistributionPoints(points) => urls += points.points.len(),
            other => panic!("{other:?}"),
        }
    }
    assert!(key_id.is_some() && key_id == authority_id);
    assert_eq!(urls, 1);
}

#[test]
fn a_long_name_is_no_common_name() {
    let label = "x".repeat(60);
    for (name, expected) in [(format!("{label}.de"), 1), (format!("{label}.test"), 0)] {
        let leaf = store().leaf(&dns(&[&name])).unwrap();
        let (_, parsed) = X509Certificate::from_der(&leaf.cert_der).unwrap();
        assert_eq!(
            parsed.subject().iter_common_name().count(),
            expected,
            "{name}"
        );
        let san = parsed.extensions().iter().find(|e| {
            matches!(
                e.parsed_extension(),
                ParsedExtension::SubjectAlternativeName(_)
            )
        });
        assert_eq!(san.unwrap().critical, expected == 0);
    }
}

#[test]
fn same_names_same_certificate() {
    let store = store();
    let leaves: Vec<Arc<Leaf>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| store.clone().leaf(&dns(&["a.test"])).unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        leaves
            .iter()
            .all(|leaf| leaf.cert_der == leaves[0].cert_der)
    );
    assert_eq!(store.cached(), 1);
    let other = store.leaf(&dns(&["b.test"])).unwrap();
    let serial = |leaf: &Leaf| {
        X509Certificate::from_der(&leaf.cert_der)
            .unwrap()
            .1
            .raw_serial()
            .to_vec()
    };
    assert_ne!(serial(&other), serial(&leaves[0]));
}

#[test]
fn the_cache_drops_the_oldest() {
    let store = store();
    let first = store.leaf(&dns(&["first.test"])).unwrap();
    for n in 0..LeafStore::CAPACITY {
        store.leaf(&dns(&[&format!("n{n}.test")])).unwrap();
    }
    assert_eq!(store.cached(), LeafStore::CAPACITY);
    assert_ne!(
        store.leaf(&dns(&["first.test"])).unwrap().cert_der,
        first.cert_der
    );
}

#[test]
fn hostile_names_get_no_certificate() {
    let long = format!("{}.test", "a.".repeat(126));
    let cases = [
        "", "*", "*.", "a b.test", "a\0.test", "a\n.test", "<b>", "..", "a..b", "ä.test", "A.test",
        &long,
    ];
    for name in cases {
        assert!(
            matches!(store().leaf(&dns(&[name])), Err(CaError::NoName)),
            "{name:?}"
        );
    }
    assert!(matches!(
        store().leaf(&LeafNames::default()),
        Err(CaError::NoName)
    ));
    let mut names = dns(&["a.test"]);
    names.crl_url = Some("http://a.test/\r\n".into());
    assert!(store().leaf(&names).is_err());
}

#[test]
fn names_are_merged_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = LeafStore::new(authority(directory.path()), CustomCerts::default()).unwrap();
    let check = |wanted: Wanted<'_>, expected: &[&str]| {
        let names = store.names_for(None, &wanted);
        let shown: Vec<String> = names.sans.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected, "{wanted:?}");
    };
    let local = Some(IpAddr::from([127, 0, 0, 1]));
    check(
        Wanted {
            sni: Some("A.test"),
            local,
            target: Some("b.test"),
        },
        &["a.test", "b.test"],
    );
    check(
        Wanted {
            sni: Some("a.test"),
            local,
            target: Some("A.TEST."),
        },
        &["a.test"],
    );
    check(
        Wanted {
            sni: None,
            local,
            target: Some("b.test"),
        },
        &["127.0.0.1", "b.test"],
    );
    check(
        Wanted {
            sni: None,
            local: None,
            target: Some("[::1]"),
        },
        &["::1"],
    );
    for hostile in [
        "*",
        "*.test",
        "a b",
        "a\0",
        "",
        "-a.test",
        "1.2.3",
        &"a.".repeat(130),
    ] {
        check(
            Wanted {
                sni: Some(hostile),
                local,
                target: None,
            },
            &["127.0.0.1"],
        );
    }
    check(Wanted::default(), &[]);
}

#[test]
fn upstream_names_are_filtered() {
    let store = store();
    let upstream_of = |names: &[&str]| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        for name in names {
            params
                .subject_alt_names
                .push(rcgen::SanType::DnsName((*name).try_into().unwrap()));
        }
        params
            .subject_alt_names
            .push(rcgen::SanType::IpAddress(IpAddr::from([10, 0, 0, 1])));
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "cn.test");
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "Org");
        params.crl_distribution_points = vec![rcgen::CrlDistributionPoint {
            uris: vec!["ldap://x/".into(), "http://crl.test:81/a/b.crl?c".into()],
        }];
        UpstreamNames::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    };
    let names = [
        "WWW.test",
        "*.example.test",
        "*.com",
        "*.co.uk",
        "*",
        "a b.test",
        "cn.test",
    ];
    let wanted = Wanted {
        sni: Some("www.test"),
        ..Wanted::default()
    };
    let merged = store.names_for(Some(&upstream_of(&names)), &wanted);
    let shown: Vec<String> = merged.sans.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["cn.test", "www.test", "*.example.test", "10.0.0.1"]);
    assert_eq!(merged.organization.as_deref(), Some("Org"));
    let url = merged.crl_url.clone().unwrap();
    assert_eq!(
        url,
        format!("http://crl.test:81{}", store.authority().crl_path())
    );
    store.leaf(&merged).unwrap();

    let many: Vec<String> = (0..500).map(|n| format!("n{n}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let merged = store.names_for(Some(&upstream_of(&many)), &wanted);
    assert_eq!(merged.sans.len(), 101);
    assert!(merged.sans.contains(&San::Dns("www.test".into())));
    assert!(UpstreamNames::from_der(b"no certificate").is_none());
}

#[test]
fn the_revocation_list_is_empty_and_signed() {
    let authority = store();
    let list = authority.authority().empty_crl().unwrap();
    let (_, list) =
        x509_parser::revocation_list::CertificateRevocationList::from_der(&list).unwrap();
    assert_eq!(list.iter_revoked_certificates().count(), 0);
    let (_, ca) = X509Certificate::from_der(authority.authority().certificate_der()).unwrap();
    list.verify_signature(ca.public_key()).unwrap();
}

#[test]
fn extra_chain_follows_the_leaf() {
    let store = store();
    let leaf = store.leaf(&dns(&["a.test"])).unwrap();
    let longer = leaf.with_extra_chain(&[Bytes::from_static(b"x")]);
    assert_eq!(longer.certified.cert.len(), leaf.certified.cert.len() + 1);
    assert_eq!(longer.cert_der, leaf.cert_der);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_names_or_none(bytes: Vec<u8>, name: String) {
        let _ = UpstreamNames::from_der(&bytes);
        if let Some(San::Dns(host)) = San::parse(&name) {
            proptest::prop_assert!(host.len() <= 253);
            proptest::prop_assert_eq!(host_name(&host), Some(host.clone()));
        }
        let _ = PemFile::parse(&bytes);
    }
}
