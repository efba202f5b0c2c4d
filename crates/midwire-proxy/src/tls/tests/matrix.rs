//! Certificates of servers, each with and without `ssl_insecure`.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::*;

const HOST: &str = "www.a.test";

struct Signer {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

impl Signer {
    fn root(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let der = params.self_signed(&key).unwrap().into();
        Self {
            issuer: Issuer::new(params, key),
            der,
        }
    }

    fn below(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().into();
        Self {
            issuer: Issuer::new(params, key),
            der,
        }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, HOST);
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What a server shows: its certificate, then the rest, and the key of the first.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

fn shown(params: &CertificateParams, signer: &Signer, rest: &[&Signer]) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &signer.issuer).unwrap();
    let rest = rest.iter().map(|signer| signer.der.clone());
    Shown {
        chain: std::iter::once(certificate.into()).chain(rest).collect(),
        key,
    }
}

fn self_signed(params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    Shown {
        chain: vec![params.self_signed(&key).unwrap().into()],
        key,
    }
}

/// A connection to `host` at a server showing this; `Ok` or the error's text.
async fn outcome(client: &ClientSide, shown: &Shown, host: &str) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(65_536);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(shown.key.serialize_der());
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.into()).unwrap();
    // Not `with_single_cert`, which refuses to show what rustls itself cannot read.
    let certified = rustls::sign::CertifiedKey::new(shown.chain.clone(), key);
    let resolver = rustls::sign::SingleCertAndKey::from(certified);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (_, connected) = tokio::join!(
        acceptor.accept(near),
        client.connect(far, host, Some(host), &[])
    );
    connected.map(|_| ()).map_err(|error| error.to_string())
}

fn pem(certificates: &[&CertificateDer<'_>]) -> String {
    certificates
        .iter()
        .map(|der| ::pem::encode(&::pem::Pem::new("CERTIFICATE", der.to_vec())))
        .collect()
}

#[tokio::test]
async fn certificates_of_servers() {
    let (root, stranger) = (Signer::root("root"), Signer::root("stranger"));
    let middle = root.below(authority("middle"));
    let not_authority = root.below(leaf(&[HOST]));
    let mut limited = authority("limited");
    limited.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let limited = root.below(limited);
    let too_deep = limited.below(authority("too deep"));
    let mut named = authority("named");
    named.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("b.test".into())],
        excluded_subtrees: vec![],
    });
    let named = root.below(named);
    let mut no_signer = authority("no signer");
    no_signer.key_usages = vec![KeyUsagePurpose::CrlSign];
    let no_signer = root.below(no_signer);

    let mut expired = leaf(&[HOST]);
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut future = leaf(&[HOST]);
    future.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let mut for_clients = leaf(&[HOST]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let mut critical = leaf(&[HOST]);
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![5, 0]);
    extension.set_criticality(true);
    critical.custom_extensions = vec![extension];
    let mut only_encrypts = leaf(&[HOST]);
    only_encrypts.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let good = leaf(&[HOST]);
    let mut broken = shown(&good, &root, &[]);
    broken.chain[0] = CertificateDer::from([broken.chain[0].as_ref(), b"x"].concat());

    let mismatch = "hostname mismatch, certificate is not valid for 'www.a.test'";
    let cases = [
        ("good", shown(&good, &root, &[]), ""),
        ("with middle", shown(&good, &middle, &[&middle]), ""),
        ("root sent too", shown(&good, &root, &[&root]), ""),
        (
            "reordered, with more",
            shown(&good, &middle, &[&stranger, &root, &middle]),
            "",
        ),
        (
            "wide wildcard",
            shown(&leaf(&["*.test"]), &root, &[]),
            mismatch,
        ),
        ("wildcard", shown(&leaf(&["*.a.test"]), &root, &[]), ""),
        (
            "expired",
            shown(&expired, &root, &[]),
            "certificate has expired",
        ),
        (
            "not yet",
            shown(&future, &root, &[]),
            "certificate is not yet valid",
        ),
        (
            "other name",
            shown(&leaf(&["b.test"]), &root, &[]),
            mismatch,
        ),
        ("common name only", shown(&leaf(&[]), &root, &[]), mismatch),
        (
            "address",
            shown(&leaf(&["127.0.0.1"]), &root, &[]),
            mismatch,
        ),
        (
            "part of a label",
            shown(&leaf(&["w*.a.test"]), &root, &[]),
            mismatch,
        ),
        (
            "deep wildcard",
            shown(&leaf(&["*.www.a.test"]), &root, &[]),
            mismatch,
        ),
        (
            "unknown",
            shown(&good, &stranger, &[]),
            "unable to get local issuer certificate",
        ),
        (
            "middle missing",
            shown(&good, &middle, &[]),
            "unable to get local issuer certificate",
        ),
        (
            "unknown with root",
            shown(&good, &stranger, &[&stranger]),
            "self-signed certificate in certificate chain",
        ),
        ("self-signed", self_signed(&good), "self-signed certificate"),
        (
            "for clients",
            shown(&for_clients, &root, &[]),
            "unsuitable certificate purpose",
        ),
        (
            "only encrypts",
            shown(&only_encrypts, &root, &[]),
            "unsuitable certificate purpose",
        ),
        (
            "critical extension",
            shown(&critical, &root, &[]),
            "invalid certificate: ",
        ),
        (
            "no authority",
            shown(&good, &not_authority, &[&not_authority]),
            "?",
        ),
        (
            "too deep",
            shown(&good, &too_deep, &[&too_deep, &limited]),
            "?",
        ),
        ("name constraint", shown(&good, &named, &[&named]), "?"),
        ("no signer", shown(&good, &no_signer, &[&no_signer]), "?"),
        ("broken", broken, "?"),
    ];

    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("roots.pem");
    fs::write(&bundle, pem(&[&root.der])).unwrap();
    let strict = UpstreamTls {
        verify: trusting(&bundle),
        ..Default::default()
    };
    let strict = ClientSide::new(strict).unwrap();
    let insecure = ClientSide::new(UpstreamTls {
        verify: Verify::None,
        ..Default::default()
    })
    .unwrap();
    for (what, shown, expected) in &cases {
        assert_eq!(outcome(&insecure, shown, HOST).await, Ok(()), "{what}");
        let outcome = outcome(&strict, shown, HOST).await;
        match (*expected, &outcome) {
            ("", _) => assert_eq!(outcome, Ok(()), "{what}"),
            (_, Ok(())) => panic!("{what} is accepted"),
            ("?", Err(text)) => {
                assert!(
                    text.starts_with("Certificate verify failed: "),
                    "{what}: {text}"
                );
            }
            (expected, Err(text)) => {
                let start = format!("Certificate verify failed: {expected}");
                assert!(text.starts_with(&start), "{what}: {text}");
                assert!(
                    text.to_lowercase().contains("certificate"),
                    "{what}: {text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_trusted_certificate_may_be_shown_itself() {
    let mut params = leaf(&["a.test"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut expired = params.clone();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let (good, expired) = (self_signed(&params), self_signed(&expired));
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("roots.pem");
    fs::write(&bundle, pem(&[&good.chain[0], &expired.chain[0]])).unwrap();
    let client = ClientSide::new(UpstreamTls {
        verify: trusting(&bundle),
        ..Default::default()
    })
    .unwrap();
    assert_eq!(outcome(&client, &good, "a.test").await, Ok(()));
    let error = outcome(&client, &good, "b.test").await.unwrap_err();
    assert!(error.contains("hostname mismatch"), "{error}");
    let error = outcome(&client, &expired, "a.test").await.unwrap_err();
    assert!(error.contains("certificate has expired"), "{error}");
}

#[tokio::test]
async fn roots_come_from_files_and_directories() {
    let root = Signer::root("root");
    let server = shown(&leaf(&["a.test"]), &root, &[]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let given = |bundle: Option<&str>, hashed: Option<&str>| {
        let at = |name: &str| path.join(name);
        let roots = Roots::Given {
            bundle: bundle.map(at),
            directory: hashed.map(at),
        };
        ClientSide::new(UpstreamTls {
            verify: Verify::Full { roots },
            ..Default::default()
        })
    };
    let text = |outcome: Result<ClientSide, TlsConfigError>| outcome.err().unwrap().to_string();
    fs::create_dir(path.join("hashed")).unwrap();
    fs::write(path.join("hashed/readme.txt"), "no certificate").unwrap();
    fs::write(path.join("empty.pem"), "").unwrap();
    assert!(text(given(Some("missing.pem"), None)).contains("missing.pem: No such file"));
    assert!(text(given(Some("empty.pem"), None)).ends_with("it holds no certificate"));
    assert!(text(given(None, Some("hashed"))).contains("openssl rehash"));
    fs::write(path.join("hashed/0a1b2c3d.0"), pem(&[&root.der])).unwrap();
    let client = given(None, Some("hashed")).unwrap();
    assert_eq!(outcome(&client, &server, "a.test").await, Ok(()));
    let system = ClientSide::new(UpstreamTls::default()).unwrap();
    let error = outcome(&system, &server, "a.test").await.unwrap_err();
    assert!(
        error.ends_with("unable to get local issuer certificate"),
        "{error}"
    );
}
