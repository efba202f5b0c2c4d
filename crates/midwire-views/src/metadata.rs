//! What is known about a message besides its content.

/// Facts about a message that views use to decide whether they apply and how to read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Metadata<'a> {
    /// Value of the content-type field as received, parameters included.
    pub content_type: Option<&'a str>,
    /// Kind of message.
    pub message: MessageKind,
    /// Port of the server of this flow.
    pub server_port: Option<u16>,
    /// Path of a `.proto` file that names protobuf fields (option `protobuf_definitions`).
    pub protobuf_definitions: Option<&'a str>,
    /// Request target in origin-form, query included; also set for responses and for WebSocket messages (the path
    /// of the handshake).
    pub path: Option<&'a str>,
    /// ALPN protocol of the connection that carried the message.
    pub alpn: Option<&'a [u8]>,
    /// Value of the grpc-encoding field, if any.
    pub grpc_encoding: Option<&'a str>,
}

/// Kind of message whose content is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageKind {
    /// An HTTP request.
    #[default]
    Request,
    /// An HTTP response.
    Response,
    /// One message of a WebSocket connection.
    WebSocket,
    /// A chunk of a TCP stream or of a raw QUIC stream.
    Tcp,
    /// A UDP datagram.
    Udp,
    /// A DNS message.
    Dns,
}

impl Metadata<'_> {
    /// Media type in lower case without parameters; `None` for messages that have no fields.
    pub fn media_type(&self) -> Option<String> {
        if !matches!(self.message, MessageKind::Request | MessageKind::Response) {
            return None;
        }
        let value = self.content_type?;
        let media = value.split(';').next().unwrap_or(value).trim();
        (!media.is_empty()).then(|| media.to_ascii_lowercase())
    }

    /// True when the media type is one of `types` (given in lower case).
    pub fn is_media_type(&self, types: &[&str]) -> bool {
        self.media_type()
            .is_some_and(|media| types.contains(&media.as_str()))
    }

    /// Query of the request target, without the question mark and without a fragment.
    pub fn query(&self) -> Option<&str> {
        let (_, rest) = self.path?.split_once('?')?;
        Some(rest.split('#').next().unwrap_or(rest))
    }

    /// Value of a content-type parameter, unquoted.
    pub fn parameter(&self, name: &str) -> Option<String> {
        crate::text::parameters(self.content_type?)
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_type_is_lower_case_without_parameters() {
        let check = |value, expected: Option<&str>| {
            let meta = Metadata {
                content_type: Some(value),
                ..Metadata::default()
            };
            assert_eq!(meta.media_type().as_deref(), expected, "{value}");
        };
        check("text/HTML; charset=x", Some("text/html"));
        check(" a/b ", Some("a/b"));
        check(";", None);
    }

    #[test]
    fn messages_without_fields_have_no_media_type() {
        let meta = Metadata {
            content_type: Some("a/b"),
            message: MessageKind::Tcp,
            ..Metadata::default()
        };
        assert_eq!(meta.media_type(), None);
    }

    #[test]
    fn parameters_are_unquoted() {
        let meta = Metadata {
            content_type: Some(r#"multipart/form-data; a=b; Boundary="x;\"y""#),
            ..Metadata::default()
        };
        assert_eq!(meta.parameter("boundary").as_deref(), Some("x;\"y"));
        assert_eq!(meta.parameter("none"), None);
    }
}
