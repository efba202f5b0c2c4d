//! Numbers and their names. Source: the IANA registry "Domain Name System (DNS) Parameters".

use std::borrow::Cow;

macro_rules! numbers {
    ($(#[$doc:meta])* $module:ident, $prefix:literal, { $($name:ident = $number:literal,)* }) => {
        $(#[$doc])*
        pub mod $module {
            use std::borrow::Cow;

            $(
                #[doc = concat!("The number of ", stringify!($name), ".")]
                pub const $name: u16 = $number;
            )*

            static NAMES: &[(u16, &str)] = &[$(($number, stringify!($name)),)*];

            #[doc = concat!("The name of a number, `", $prefix, "(N)` if it has none.")]
            pub fn to_str(number: u16) -> Cow<'static, str> {
                super::to_str(NAMES, $prefix, number)
            }

            #[doc = concat!("The number of a name or of `", $prefix, "(N)`; names are in upper case.")]
            pub fn from_str(name: &str) -> Option<u16> {
                super::from_str(NAMES, $prefix, name)
            }
        }
    };
}

fn to_str(names: &[(u16, &'static str)], prefix: &str, number: u16) -> Cow<'static, str> {
    let found = names.iter().find(|(other, _)| *other == number);
    found.map_or_else(
        || format!("{prefix}({number})").into(),
        |(_, name)| Cow::Borrowed(*name),
    )
}

fn from_str(names: &[(u16, &str)], prefix: &str, name: &str) -> Option<u16> {
    if let Some((number, _)) = names.iter().find(|(_, other)| *other == name) {
        return Some(*number);
    }
    let number = name
        .strip_prefix(prefix)?
        .strip_prefix('(')?
        .strip_suffix(')')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| digits)
}

/// The HTTP status that comes nearest to a response code, for interfaces that show both alike.
pub fn http_status(response_code: u8) -> u16 {
    match u16::from(response_code) {
        response_codes::NOERROR => 200,
        response_codes::FORMERR => 400,
        response_codes::NXDOMAIN | response_codes::NOTZONE => 404,
        response_codes::NOTIMP | response_codes::DSOTYPENI => 501,
        response_codes::REFUSED => 403,
        response_codes::YXDOMAIN | response_codes::YXRRSET => 409,
        response_codes::NXRRSET => 410,
        response_codes::NOTAUTH => 401,
        _ => 500,
    }
}

numbers! {
    /// Types of records.
    types, "TYPE", {
        A = 1,
        NS = 2,
        MD = 3,
        MF = 4,
        CNAME = 5,
        SOA = 6,
        MB = 7,
        MG = 8,
        MR = 9,
        NULL = 10,
        WKS = 11,
        PTR = 12,
        HINFO = 13,
        MINFO = 14,
        MX = 15,
        TXT = 16,
        RP = 17,
        AFSDB = 18,
        X25 = 19,
        ISDN = 20,
        RT = 21,
        NSAP = 22,
        NSAP_PTR = 23,
        SIG = 24,
        KEY = 25,
        PX = 26,
        GPOS = 27,
        AAAA = 28,
        LOC = 29,
        NXT = 30,
        EID = 31,
        NIMLOC = 32,
        SRV = 33,
        ATMA = 34,
        NAPTR = 35,
        KX = 36,
        CERT = 37,
        A6 = 38,
        DNAME = 39,
        SINK = 40,
        OPT = 41,
        APL = 42,
        DS = 43,
        SSHFP = 44,
        IPSECKEY = 45,
        RRSIG = 46,
        NSEC = 47,
        DNSKEY = 48,
        DHCID = 49,
        NSEC3 = 50,
        NSEC3PARAM = 51,
        TLSA = 52,
        SMIMEA = 53,
        HIP = 55,
        NINFO = 56,
        RKEY = 57,
        TALINK = 58,
        CDS = 59,
        CDNSKEY = 60,
        OPENPGPKEY = 61,
        CSYNC = 62,
        ZONEMD = 63,
        SVCB = 64,
        HTTPS = 65,
        SPF = 99,
        UINFO = 100,
        UID = 101,
        GID = 102,
        UNSPEC = 103,
        NID = 104,
        L32 = 105,
        L64 = 106,
        LP = 107,
        EUI48 = 108,
        EUI64 = 109,
        TKEY = 249,
        TSIG = 250,
        IXFR = 251,
        AXFR = 252,
        MAILB = 253,
        MAILA = 254,
        ANY = 255,
        URI = 256,
        CAA = 257,
        AVC = 258,
        DOA = 259,
        AMTRELAY = 260,
        TA = 32768,
        DLV = 32769,
    }
}

numbers! {
    /// Classes of records.
    classes, "CLASS", {
        IN = 1,
        CH = 3,
        HS = 4,
        NONE = 254,
        ANY = 255,
    }
}

numbers! {
    /// Kinds of queries.
    op_codes, "OPCODE", {
        QUERY = 0,
        IQUERY = 1,
        STATUS = 2,
        NOTIFY = 4,
        UPDATE = 5,
        DSO = 6,
    }
}

numbers! {
    /// Outcomes.
    response_codes, "RCODE", {
        NOERROR = 0,
        FORMERR = 1,
        SERVFAIL = 2,
        NXDOMAIN = 3,
        NOTIMP = 4,
        REFUSED = 5,
        YXDOMAIN = 6,
        YXRRSET = 7,
        NXRRSET = 8,
        NOTAUTH = 9,
        NOTZONE = 10,
        DSOTYPENI = 11,
    }
}
