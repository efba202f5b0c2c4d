//! Files made by other programs, and other programs reading ours. A program that is not there is
//! said so; the rest of the test goes on.

use super::*;

const MITMDUMP: &str = "MIDWIRE_TEST_MITMDUMP";

fn program(name: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: {name} is not installed");
    }
    found
}

fn mitmdump() -> Option<PathBuf> {
    let found = std::env::var_os(MITMDUMP)
        .map(PathBuf::from)
        .or_else(|| program("mitmdump"));
    if found.is_none() {
        println!("SKIPPED: no mitmdump in PATH nor named by {MITMDUMP}");
    }
    found
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn openssl(arguments: &str, directory: &Path) -> Option<String> {
    let program = program("openssl")?;
    Some(run(Command::new(program)
        .args(arguments.split(' '))
        .current_dir(directory)))
}

fn check_usable(authority: Authority, directory: &Path) {
    let chain = authority.chain().len();
    let store = LeafStore::new(authority, CustomCerts::default()).unwrap();
    let leaf = store.leaf(&dns(&["a.test"])).unwrap();
    assert_eq!(leaf.certified.cert.len(), chain + 1);
    let ca = directory.join("check-ca.pem");
    fs::write(&ca, store.authority().certificate_pem()).unwrap();
    fs::write(directory.join("leaf.der"), &leaf.cert_der).unwrap();
    openssl("x509 -inform DER -in leaf.der -out leaf.pem", directory);
    let verified = openssl("verify -CAfile check-ca.pem leaf.pem", directory);
    assert!(verified.is_none_or(|text| text.contains("OK")));
}

#[test]
fn our_files_open_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let made = authority(path);
    check_usable(made, path);
    for (file, holds) in [
        ("mitmproxy-ca.p12", "BEGIN PRIVATE KEY"),
        ("mitmproxy-ca-cert.p12", "BEGIN CERTIFICATE"),
    ] {
        let shown = openssl(&format!("pkcs12 -in {file} -nodes -passin pass:"), path);
        assert!(
            shown.as_ref().is_none_or(|text| text.contains(holds)),
            "{shown:?}"
        );
    }
    let shown = openssl(
        "pkcs12 -in mitmproxy-ca-cert.p12 -nodes -passin pass:",
        path,
    );
    assert!(shown.is_none_or(|text| !text.contains("PRIVATE KEY")));
    if let Some(keytool) = program("keytool") {
        let arguments = [
            "-list",
            "-storetype",
            "PKCS12",
            "-storepass",
            "",
            "-keystore",
        ];
        let shown = run(Command::new(keytool)
            .args(arguments)
            .arg(path.join("mitmproxy-ca-cert.p12")));
        assert!(shown.contains("trustedCertEntry"), "{shown}");
    }
}

#[test]
fn our_pkcs12_opens_in_the_library_of_mitmproxy() {
    let Some(python) = mitmdump().map(|program| program.with_file_name("python")) else {
        return;
    };
    if !python.is_file() {
        println!("SKIPPED: no python beside mitmdump");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let made = authority(directory.path());
    let script = "import sys
from cryptography.hazmat.primitives.serialization import pkcs12
key, cert, more = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), None)
print(key is not None, len(more) + (cert is not None))";
    for (file, expected) in [
        ("mitmproxy-ca.p12", "True 1"),
        ("mitmproxy-ca-cert.p12", "False 1"),
    ] {
        let path = directory.path().join(file);
        let shown = run(Command::new(&python).args(["-c", script]).arg(&path));
        assert_eq!(shown.trim(), expected, "{file}");
    }
    assert_eq!(
        fs::read(directory.path().join("mitmproxy-ca-cert.p12"))
            .unwrap()
            .len(),
        made.certificate_p12().unwrap().len()
    );
}

#[test]
fn authorities_of_openssl_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let request = "-x509 -days 9 -subj /DC=test/DC=example/OU=a/OU=b -out cert.pem";
    let cases = [
        ("genrsa -traditional -out key.pem 2048", None),
        ("genrsa -out key.pem 2048", None),
        ("ecparam -name prime256v1 -genkey -out key.pem", None),
        ("ecparam -name secp384r1 -genkey -noout -out key.pem", None),
        ("genpkey -algorithm ED25519 -out key.pem", None),
        (
            "genpkey -algorithm RSA -aes256 -pass pass:secret -out key.pem",
            Some("secret"),
        ),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -des3 -pass pass:secret -out key.pem",
            Some("secret"),
        ),
    ];
    for (generate, passphrase) in cases {
        let Some(_) = openssl(generate, path) else {
            return;
        };
        let secret = passphrase.map_or(String::new(), |word| format!(" -passin pass:{word}"));
        openssl(&format!("req -new -key key.pem {request}{secret}"), path);
        let key = fs::read_to_string(path.join("key.pem")).unwrap();
        let certificate = fs::read_to_string(path.join("cert.pem")).unwrap();
        let file = path.join("mitmproxy-ca.pem");
        fs::write(&file, format!("{key}{certificate}")).unwrap();
        let load = |word| Authority::load_or_create(path, KeyKind::default(), word);
        check_usable(load(Some("secret")).unwrap(), path);
        if passphrase.is_none() {
            check_usable(load(None).unwrap(), path);
            continue;
        }
        let error = load(None).unwrap_err().to_string();
        assert!(error.ends_with("no cert_passphrase is set"), "{error}");
        let error = load(Some("wrong")).unwrap_err().to_string();
        assert!(error.contains("cannot be decrypted"), "{error}");
        // With a chain behind it, all of the file is sent.
        fs::write(&file, format!("{key}{certificate}{certificate}")).unwrap();
        check_usable(load(Some("secret")).unwrap(), path);
    }
}

#[test]
fn the_authority_of_mitmproxy_is_used() {
    let mitmdump = std::env::var_os(MITMDUMP)
        .map(PathBuf::from)
        .or_else(|| program("mitmdump"));
    let Some(mitmdump) = mitmdump else {
        println!("SKIPPED: no mitmdump in PATH nor in {MITMDUMP}");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // Replaying an empty file makes it write its authority and end.
    let empty = path.join("none.flows");
    fs::write(&empty, "").unwrap();
    let confdir = format!("confdir={}", path.display());
    run(Command::new(&mitmdump)
        .args(["-n", "--set", &confdir, "-r"])
        .arg(&empty));
    let before = fs::read(path.join("mitmproxy-ca.pem")).unwrap();
    check_usable(authority(path), path);
    assert_eq!(before, fs::read(path.join("mitmproxy-ca.pem")).unwrap());

    // And the other way round: it starts with ours and leaves it alone.
    let ours = tempfile::tempdir().unwrap();
    authority(ours.path());
    let before = fs::read(ours.path().join("mitmproxy-ca.pem")).unwrap();
    let confdir = format!("confdir={}", ours.path().display());
    run(Command::new(&mitmdump)
        .args(["-n", "--set", &confdir, "-r"])
        .arg(&empty));
    assert_eq!(
        before,
        fs::read(ours.path().join("mitmproxy-ca.pem")).unwrap()
    );
}

#[test]
fn certificates_of_the_user_go_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let authority = authority(path);
    let make = |file: &str, subject: &str, san: &str| {
        let arguments = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -keyout {file}.key -out {file}.crt -subj {subject} -addext subjectAltName={san} -addext basicConstraints=critical,CA:FALSE"
        );
        openssl(&arguments, path)?;
        let read = |end: &str| fs::read_to_string(path.join(format!("{file}.{end}"))).unwrap();
        fs::write(path.join(format!("{file}.pem")), read("key") + &read("crt")).unwrap();
        Some(())
    };
    let Some(()) = make("one", "/CN=Handmade", "DNS:*.one.test,IP:10.0.0.1") else {
        return;
    };
    make("two", "/CN=Other", "DNS:two.test");
    let load = |specs: &[String]| CustomCerts::load(specs, None, &authority);
    let spec = |domain: &str, file: &str| format!("{domain}{}", path.join(file).display());
    let certs = load(&[spec("Given.test=", "one.pem"), spec("", "two.pem")]).unwrap();
    let check = |san: &str, expected: &str| {
        let leaf = certs.find(&[San::parse(san).unwrap()]).unwrap();
        let (_, parsed) = X509Certificate::from_der(&leaf.cert_der).unwrap();
        assert_eq!(parsed.subject().to_string(), expected, "{san}");
    };
    check("given.test", "CN=Handmade");
    check("a.one.test", "CN=Handmade");
    check("a.b.one.test", "CN=Handmade");
    check("10.0.0.1", "CN=Handmade");
    check("two.test", "CN=Other");
    check("elsewhere.test", "CN=Other");
    let certs = load(&[spec("x.test=", "two.pem")]).unwrap();
    assert!(
        certs
            .find(&[San::parse("elsewhere.test").unwrap()])
            .is_none()
    );

    let missing = path.join("missing.pem");
    let error = load(&[missing.display().to_string()])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!("Certificate file does not exist: {}", missing.display())
    );
    let shown = path.join("one.crt").display().to_string();
    let error = load(&[spec("", "one.crt")]).unwrap_err().to_string();
    let start = format!(
        "Invalid certificate format for {shown}: Unable to find private key in \"{shown}\": "
    );
    assert!(error.starts_with(&start), "{error}");
    let mixed = fs::read_to_string(path.join("two.key")).unwrap()
        + &fs::read_to_string(path.join("one.crt")).unwrap();
    fs::write(path.join("mixed.pem"), mixed).unwrap();
    let error = load(&[spec("", "mixed.pem")]).unwrap_err().to_string();
    assert!(error.contains("Private and public keys in \"") && error.contains("do not match: "));
    // A certificate for the authority's own key needs no key of its own.
    fs::write(path.join("own.pem"), authority.certificate_pem()).unwrap();
    let certs = load(&[spec("", "own.pem")]).unwrap();
    assert_eq!(certs.warnings().len(), 1);
}
