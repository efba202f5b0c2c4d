//! The page with the certificate, which no server has.

use crate::program::{Program, curl};

#[test]
fn the_page_is_there_over_https_though_no_server_has_its_name() {
    let program = Program::dump(&["--set", "onboarding_host=setup.invalid"]);
    let pem = program.file("mitmproxy-ca-cert.pem");
    let proxy = program.proxy();
    let get = |url: &str, more: &[&str]| {
        let args = [
            &["-x", &proxy, "--cacert", pem.to_str().unwrap()],
            more,
            &[url],
        ]
        .concat();
        curl(&args).unwrap()
    };
    let text = std::fs::read_to_string(&pem).unwrap();
    assert_eq!(get("http://setup.invalid/cert/pem", &[]), text);
    assert_eq!(get("https://setup.invalid/cert/pem", &[]), text);
    assert_eq!(get("https://setup.invalid:8443/cert/pem", &[]), text);
    assert!(get("https://setup.invalid/", &[]).contains("id=\"windows\""));
    let zip = program.file("module.zip");
    get(
        "https://setup.invalid/cert/magisk",
        &["-o", zip.to_str().unwrap()],
    );
    assert!(std::fs::read(zip).unwrap().starts_with(b"PK"));
    // Other names that do not resolve are refused as before.
    let refused = curl(&["-x", &proxy, "-k", "https://nowhere.invalid/"]);
    assert!(refused.unwrap_err().contains("502"));
    assert_eq!(program.stop().0, 0);
}
