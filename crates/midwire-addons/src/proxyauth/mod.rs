//! Who may use the proxy: the option `proxyauth` (modes.md §10).

mod basic;
mod htpasswd;
#[cfg(feature = "ldap")]
mod ldap;
#[cfg(test)]
mod tests;
mod validator;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use midwire_core::hooks::{Addon, Event, Hook, HookSet};
use midwire_core::options::{Changed, Options};
use midwire_core::{AsyncAddon, BoxFuture, Kernel};
use midwire_flow::{ClientConn, Content, HttpFlow, Id, Number, Response, Value};
use midwire_wire::Fields;

pub(crate) use self::basic::{Credentials, encode};
use self::validator::Validator;
use crate::modes::is_explicit;

/// Options that decide whose credentials are good: the specification, and how a directory is trusted.
const OPTIONS: &[&str] = &[
    "proxyauth",
    "ssl_insecure",
    "ssl_verify_upstream_trusted_ca",
];

/// Asks clients for a user name and password.
///
/// CONNECT and SOCKS logins count for all that follows on the client's connection, other requests each for themselves.
#[derive(Default)]
pub struct ProxyAuth {
    validator: Mutex<Option<Arc<Validator>>>,
    /// Client connections that have logged in; each entry goes with its connection.
    known: Mutex<HashMap<Id, Credentials>>,
}

impl ProxyAuth {
    fn validator(&self) -> Option<Arc<Validator>> {
        lock(&self.validator).clone()
    }

    async fn connect(&self, flow: &mut HttpFlow) {
        let Some(credentials) = self.authenticate(flow).await else {
            return;
        };
        lock(&self.known).insert(flow.info.client_conn.id.clone(), credentials);
    }

    async fn request(&self, flow: &mut HttpFlow) {
        let known = lock(&self.known).get(&flow.info.client_conn.id).cloned();
        if let Some(credentials) = known {
            note(flow, &credentials);
        } else if flow.info.is_replay.is_none() {
            self.authenticate(flow).await;
        }
    }

    async fn socks(&self, data: &mut midwire_core::hooks::Socks5AuthData) {
        let Some(validator) = self.validator() else {
            return;
        };
        let credentials = Credentials {
            user: data.username.clone(),
            password: data.password.clone(),
        };
        if validator.accepts(&credentials).await {
            data.valid = true;
            lock(&self.known).insert(data.client.id.clone(), credentials);
        }
    }

    /// The credentials of a request if they are good; else the flow gets the answer that asks for them.
    async fn authenticate(&self, flow: &mut HttpFlow) -> Option<Credentials> {
        let validator = self.validator()?;
        let field = if is_explicit(&flow.info.client_conn) {
            "Proxy-Authorization"
        } else {
            "Authorization"
        };
        let given = flow.request.fields.get(field).and_then(basic::decode);
        if let Some(credentials) = given
            && validator.accepts(&credentials).await
        {
            flow.request.fields.remove(field);
            note(flow, &credentials);
            return Some(credentials);
        }
        flow.response = Some(refusal(&flow.info.client_conn));
        None
    }

    fn forget(&self, client: &ClientConn) {
        lock(&self.known).remove(&client.id);
    }
}

impl Addon for ProxyAuth {
    fn name(&self) -> &'static str {
        "proxyauth"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.proxyauth.is_none() {
            return HookSet::EMPTY;
        }
        HookSet::of(&[
            Hook::Requestheaders,
            Hook::HttpConnect,
            Hook::Socks5Auth,
            Hook::ClientDisconnected,
        ])
    }

    fn configure(
        &self,
        _kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        if !OPTIONS.iter().any(|name| changed.contains(name)) {
            return Ok(());
        }
        let validator = match &options.proxyauth {
            Some(spec) => Some(Arc::new(
                Validator::parse(spec, options).map_err(|error| error.to_string())?,
            )),
            None => None,
        };
        *lock(&self.validator) = validator;
        // Who came in with the old credentials needs the new ones.
        lock(&self.known).clear();
        Ok(())
    }
}

impl AsyncAddon for ProxyAuth {
    fn call<'a>(&'a self, _kernel: &'a Kernel, event: Event<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match event {
                Event::HttpConnect(flow) => self.connect(flow).await,
                Event::Requestheaders(flow) => self.request(flow).await,
                Event::Socks5Auth(data) => self.socks(data).await,
                Event::ClientDisconnected(client) => self.forget(client),
                _ => {}
            }
        })
    }
}

fn note(flow: &mut HttpFlow, credentials: &Credentials) {
    let pair = vec![
        Value::Text(credentials.user.clone()),
        Value::Text(credentials.password.clone()),
    ];
    flow.info.set_meta("proxyauth", Value::List(pair));
}

/// The answer that asks for credentials (RFC 9110 §11.6, §11.7).
fn refusal(client: &ClientConn) -> Response {
    let (status, phrase, challenge) = if is_explicit(client) {
        (407, "Proxy Authentication Required", "Proxy-Authenticate")
    } else {
        (401, "Unauthorized", "WWW-Authenticate")
    };
    let page = format!(
        "<html><head><title>{status} {phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>"
    );
    let now = Number::now();
    Response {
        version: Bytes::from_static(b"HTTP/1.1"),
        status,
        reason: Bytes::from_static(phrase.as_bytes()),
        fields: Fields::from_pairs([
            (challenge, Bytes::from_static(b"Basic realm=\"mitmproxy\"")),
            (
                "Content-Type",
                Bytes::from_static(b"text/html; charset=utf-8"),
            ),
            ("Content-Length", Bytes::from(page.len().to_string())),
        ]),
        content: Content::Memory(page.into()),
        trailers: None,
        timestamp_start: now,
        timestamp_end: Some(now),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
