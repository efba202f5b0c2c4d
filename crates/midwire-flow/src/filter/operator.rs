//! The operators, in one table: parser, printer and help read it.

use super::Sides;
use crate::pattern::Flags;

/// An operator as the table lists it.
pub(super) struct Operator {
    /// Name without `~`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    help: &'static str,
}

/// What an operator takes and tests.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Plain(Plain),
    Match(Field),
    Status,
}

/// Tests without an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Asset,
    All,
    Dns,
    Error,
    Http,
    Marked,
    Unanswered,
    Replayed,
    ReplayedRequest,
    ReplayedResponse,
    Answered,
    Tcp,
    Udp,
    WebSocket,
}

/// What a pattern is searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Content(Half),
    Comment,
    Domain,
    Destination,
    Header(Half),
    Method,
    Marker,
    Metadata,
    Source,
    ContentType(Half),
    Url,
}

/// Which half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Both,
    Request,
    Response,
}

/// All operators, sorted by name.
pub(super) const OPERATORS: &[Operator] = &[
    plain(
        "a",
        Plain::Asset,
        "Response is a script, style sheet, image or font",
    ),
    plain("all", Plain::All, "Every flow"),
    regex(
        "b",
        Field::Content(Half::Both),
        "Content of request or response, or a message",
    ),
    regex(
        "bq",
        Field::Content(Half::Request),
        "Content of the request, or a message of the client",
    ),
    regex(
        "bs",
        Field::Content(Half::Response),
        "Content of the response, or a message of the server",
    ),
    Operator {
        name: "c",
        kind: Kind::Status,
        help: "Status code of the response",
    },
    regex("comment", Field::Comment, "Comment of the user"),
    regex("d", Field::Domain, "Host of the request"),
    plain("dns", Plain::Dns, "DNS flows"),
    regex(
        "dst",
        Field::Destination,
        "Address of the server, host:port",
    ),
    plain("e", Plain::Error, "Flows with an error"),
    regex(
        "h",
        Field::Header(Half::Both),
        "A header line of request or response",
    ),
    regex(
        "hq",
        Field::Header(Half::Request),
        "A header line of the request",
    ),
    regex(
        "hs",
        Field::Header(Half::Response),
        "A header line of the response",
    ),
    plain("http", Plain::Http, "HTTP flows, WebSocket included"),
    regex("m", Field::Method, "Request method"),
    plain("marked", Plain::Marked, "Marked flows"),
    regex("marker", Field::Marker, "Mark of the flow"),
    regex("meta", Field::Metadata, "A metadata line, key: value"),
    plain("q", Plain::Unanswered, "Requests without a response"),
    plain("replay", Plain::Replayed, "Replayed flows"),
    plain(
        "replayq",
        Plain::ReplayedRequest,
        "Requests sent by client replay",
    ),
    plain(
        "replays",
        Plain::ReplayedResponse,
        "Responses given by server replay",
    ),
    plain("s", Plain::Answered, "Flows with a response"),
    regex("src", Field::Source, "Address of the client, host:port"),
    regex(
        "t",
        Field::ContentType(Half::Both),
        "Content-Type of request or response",
    ),
    plain("tcp", Plain::Tcp, "TCP flows"),
    regex(
        "tq",
        Field::ContentType(Half::Request),
        "Content-Type of the request",
    ),
    regex(
        "ts",
        Field::ContentType(Half::Response),
        "Content-Type of the response",
    ),
    regex(
        "u",
        Field::Url,
        "URL, or name of a DNS query; ~u may be left out",
    ),
    plain("udp", Plain::Udp, "UDP flows"),
    plain("websocket", Plain::WebSocket, "WebSocket flows"),
];

const fn plain(name: &'static str, test: Plain, help: &'static str) -> Operator {
    Operator {
        name,
        kind: Kind::Plain(test),
        help,
    }
}

const fn regex(name: &'static str, field: Field, help: &'static str) -> Operator {
    Operator {
        name,
        kind: Kind::Match(field),
        help,
    }
}

/// The filter language as rows of syntax and meaning.
pub fn help() -> Vec<(String, String)> {
    let operators = OPERATORS.iter().map(|operator| {
        let argument = match operator.kind {
            Kind::Plain(_) => "",
            Kind::Match(_) => " regex",
            Kind::Status => " int",
        };
        (
            format!("~{}{argument}", operator.name),
            operator.help.to_owned(),
        )
    });
    let signs = [
        ("!", "not"),
        ("&", "and"),
        ("|", "or"),
        ("(...)", "grouping"),
    ]
    .map(|(sign, meaning)| (sign.to_owned(), meaning.to_owned()));
    operators.chain(signs).collect()
}

impl Plain {
    pub(super) fn name(self) -> &'static str {
        name_of(|kind| matches!(kind, Kind::Plain(plain) if plain == self))
    }
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        name_of(|kind| matches!(kind, Kind::Match(field) if field == self))
    }

    /// True if the pattern is one over bytes, false if over text.
    pub(super) fn is_bytes(self) -> bool {
        matches!(
            self,
            Self::Content(_) | Self::Header(_) | Self::Method | Self::ContentType(_)
        )
    }

    /// Flags apart from case.
    pub(super) fn flags(self) -> Flags {
        Flags {
            ignore_case: false,
            multiline: matches!(self, Self::Comment | Self::Header(_) | Self::Metadata),
            dotall: matches!(self, Self::Content(_)),
        }
    }

    pub(super) fn sides(self) -> Sides {
        match self {
            Self::Content(half) => Sides {
                request: half.has_request(),
                response: half.has_response(),
                messages: true,
            },
            _ => Sides::default(),
        }
    }
}

impl Half {
    pub(super) fn has_request(self) -> bool {
        self != Self::Response
    }

    pub(super) fn has_response(self) -> bool {
        self != Self::Request
    }
}

fn name_of(wanted: impl Fn(Kind) -> bool) -> &'static str {
    OPERATORS
        .iter()
        .find(|operator| wanted(operator.kind))
        .map_or("", |operator| operator.name)
}
