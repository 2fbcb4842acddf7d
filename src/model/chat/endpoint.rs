//! Where the model server is, what opens it, and how it is named to people.
//!
//! The one place that sees the credentials in the clear. It knows nothing of replies or retries.

use std::net::IpAddr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use reqwest::{Client, Url};

use super::super::{ModelError, Secret};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A checked `base_url` with its credentials.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Of `/chat/completions`. Without userinfo.
    url: Url,
    /// The value of the `Authorization` header, marked as sensitive.
    authorization: Option<HeaderValue>,
    /// All that must not be shown, the longest first.
    secrets: Vec<Secret>,
}

impl Endpoint {
    /// Checks `base_url` (like `https://api.openai.com/v1`, with or without a slash at its end) and
    /// `api_key`. A user name and password in the URL are sent where there is no key.
    pub(super) fn new(base_url: &str, api_key: Option<&Secret>) -> Result<Self, ModelError> {
        // The text of a broken URL is not repeated: there may be a password in it.
        let mut url = Url::parse(base_url.trim())
            .map_err(|error| bad_base_url(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad_base_url("begins neither with http:// nor https://"));
        }
        let api_key = api_key.filter(|key| !key.is_empty());
        let mut secrets = url_secrets(&url);
        secrets.extend(api_key.cloned());
        let authorization = match api_key {
            Some(key) => Some(bearer(key)?),
            None => basic(&url, &mut secrets)?,
        };
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        // These fail only for URLs that cannot have a host, and http URLs do.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        append_path(&mut url);
        Ok(Self {
            url,
            authorization,
            secrets,
        })
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.authorization.clone()
    }

    /// The host, with the port where it is not the usual one.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => self.redact(&format!("{host}:{port}")),
            None => self.redact(host),
        }
    }

    /// The host with its port.
    pub(super) fn host_and_port(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        self.redact(&format!("{host}:{port}"))
    }

    /// The URL as people may see it: no credentials, no query.
    pub(super) fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        self.redact(url.as_str())
    }

    /// `text` with every secret replaced by `***`.
    pub(super) fn redact(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| secret.redact(&text))
    }

    /// Whether the server is on this machine.
    fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// A client for this server. It follows no redirects, for they would carry the key to wherever
    /// they point.
    pub(super) fn client(&self) -> Result<Client, ModelError> {
        // Where another part of the process has installed a provider, that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("tinycode/", env!("CARGO_PKG_VERSION")));
        // Over plain HTTP a proxy would be shown the credentials.
        if self.is_loopback() || self.url.scheme() == "http" && self.authorization.is_some() {
            builder = builder.no_proxy();
        }
        if self.is_loopback() && self.url.scheme() == "http" {
            // No TLS can come up, so the system's certificates need not be read, nor be there.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| ModelError {
            message: format!(
                "cannot prepare connections to the model server: {}",
                super::failure::root_cause(&error)
            ),
            hint: Some("check the system's CA certificates and the proxy settings".to_owned()),
        })
    }
}

/// Whether two base URLs name the same server, and the same part of it. They may differ in what URLs may
/// be written differently in: a slash at the end, the case of the host, the port that is the usual one.
/// Credentials and queries have to be equal too.
pub fn same_server(one: &str, other: &str) -> bool {
    let parse = |text: &str| {
        let mut url = Url::parse(text.trim()).ok()?;
        url.set_fragment(None);
        append_path(&mut url);
        Some(url)
    };
    parse(one).is_some_and(|one| parse(other) == Some(one))
}

/// Adds `/chat/completions`, unless it is already there.
fn append_path(url: &mut Url) {
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("/chat/completions") {
        url.set_path(&path);
    } else {
        url.set_path(&format!("{path}/chat/completions"));
    }
}

fn bad_base_url(what: &str) -> ModelError {
    ModelError {
        message: format!("the base_url of the model server {what}"),
        hint: Some(
            "set base_url (or OPENAI_BASE_URL) to something like https://api.openai.com/v1"
                .to_owned(),
        ),
    }
}

fn bearer(key: &Secret) -> Result<HeaderValue, ModelError> {
    sensitive(&format!("Bearer {}", key.expose())).ok_or_else(|| ModelError {
        message: "the API key holds a character that cannot be sent, such as a line break"
            .to_owned(),
        hint: Some("copy the key again into OPENAI_API_KEY or api_key".to_owned()),
    })
}

/// What the user name and password of `url` make, which is a secret too.
fn basic(url: &Url, secrets: &mut Vec<Secret>) -> Result<Option<HeaderValue>, ModelError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let token = BASE64_STANDARD.encode(&pair);
    let header = sensitive(&format!("Basic {token}"));
    secrets.push(Secret::new(token));
    header
        .map(Some)
        .ok_or_else(|| bad_base_url("holds a password that cannot be sent"))
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    // HeaderValue allows tabs and bytes over 0x7F; no key has them, and servers differ in what they
    // make of them.
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let mut header = HeaderValue::from_str(value).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The parts of a URL that open something: userinfo, and query parameters with telling names.
fn url_secrets(url: &Url) -> Vec<Secret> {
    let userinfo = [url.username(), url.password().unwrap_or_default()];
    let decoded = userinfo.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let query = url.query_pairs().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let telling = ["key", "token", "secret", "sig", "pass"];
        let told = telling.iter().any(|word| name.contains(word));
        told.then(|| value.into_owned())
    });
    userinfo
        .map(str::to_owned)
        .into_iter()
        .chain(decoded)
        .chain(query)
        .map(Secret::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base_url: &str, key: &str) -> Endpoint {
        Endpoint::new(base_url, Some(&Secret::new(key))).unwrap()
    }

    #[test]
    fn urls_and_how_they_are_shown() {
        let table = [
            (
                "https://api.openai.com/v1",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com/v1/chat/completions",
            ),
            ("http://[::1]:8080", "http://[::1]:8080/chat/completions"),
            (
                " http://a/v1/chat/completions/ ",
                "http://a/v1/chat/completions",
            ),
            (
                "http://user:pass@a/v1?key=sesame#x",
                "http://a/v1/chat/completions",
            ),
            ("http://a/sk-12345/v1", "http://a/***/v1/chat/completions"),
        ];
        for (base_url, shown) in table {
            assert_eq!(endpoint(base_url, "sk-12345").shown_url(), shown);
        }
        let with_query = endpoint("https://a/v1?api-version=2", "");
        assert_eq!(
            with_query.url().as_str(),
            "https://a/v1/chat/completions?api-version=2"
        );
        assert_eq!(with_query.host(), "a");
        assert_eq!(with_query.host_and_port(), "a:443");
    }

    #[test]
    fn broken_settings_are_errors_without_secrets() {
        let table = [
            ("", "sk-12345", "base_url"),
            ("localhost:8080/v1", "sk-12345", "base_url"),
            ("file:///etc/passwd", "sk-12345", "base_url"),
            ("http://user:swordfish@:80:80/", "sk-12345", "base_url"),
            ("http://a/v1", "sk-12345\n", "API key"),
            ("http://a/v1", "sk-12345\0", "API key"),
            ("http://a/v1", "sk-12345ü", "API key"),
        ];
        for (base_url, key, named) in table {
            let error = Endpoint::new(base_url, Some(&Secret::new(key))).unwrap_err();
            let shown = format!("{error:?}");
            assert!(error.message.contains(named), "{shown}");
            assert!(
                !shown.contains("12345") && !shown.contains("swordfish"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_server_is_the_same_however_its_url_is_spelled() {
        let configured = "https://api.example.com/v1";
        let same = [
            "https://api.example.com/v1",
            "https://api.example.com/v1/",
            " https://API.Example.COM:443/v1//",
            "HTTPS://api.example.com/v1/chat/completions",
            "https://api.example.com/x/../v1#here",
        ];
        let others = [
            "http://api.example.com/v1",
            "https://api.example.com:8443/v1",
            "https://api.example.com/v2",
            "https://api.example.com/",
            "https://api.example.com.evil.example/v1",
            "https://api.example.com@evil.example/v1",
            "https://evil.example\\@api.example.com/v1",
            "https://user@api.example.com/v1",
            "https://api.example.com/v1?to=evil.example",
            "https://api.example.com./v1",
            "https://\u{430}pi.example.com/v1",
            "https://api.example.com%2eevil.example/v1",
            "//api.example.com/v1",
            "api.example.com/v1",
            "",
        ];
        for url in same {
            assert!(same_server(url, configured), "{url}");
        }
        for url in others {
            assert!(!same_server(url, configured), "{url}");
        }
        assert!(!same_server("nonsense", "nonsense"));
        assert!(same_server("http://a:80/v1", "http://a/v1"));
        assert!(same_server(
            "http://[::1]:80/v1",
            "http://[0:0:0:0:0:0:0:1]/v1"
        ));
    }

    #[test]
    fn credentials_go_into_the_header_and_nowhere_else() {
        let table = [
            ("http://a/v1", Some("sk-12345"), Some("Bearer sk-12345")),
            (
                "http://user:pa%20ss@a/v1",
                Some("sk-12345"),
                Some("Bearer sk-12345"),
            ),
            (
                "http://user:pa%20ss@a/v1",
                None,
                Some("Basic dXNlcjpwYSBzcw=="),
            ),
            ("http://a/v1", Some(""), None),
            ("http://a/v1", None, None),
        ];
        for (base_url, key, header) in table {
            let endpoint = Endpoint::new(base_url, key.map(Secret::new).as_ref()).unwrap();
            let sent = endpoint.authorization();
            assert_eq!(sent.as_ref().map(|value| value.to_str().unwrap()), header);
            let shown = format!("{endpoint:?} {sent:?} {}", endpoint.url());
            for secret in ["sk-12345", "user:", "pa%20ss", "pa ss", "dXNlcjpwYSBzcw=="] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }

    #[test]
    fn redacts_all_forms_of_a_secret() {
        let endpoint = Endpoint::new("http://username:pa%20ss@a/v1?key=sesame", None).unwrap();
        let echo = "username pa%20ss pa ss sesame dXNlcm5hbWU6cGEgc3M=";
        assert_eq!(endpoint.redact(echo), "*** *** *** *** ***");
    }
}
