//! Whether anything answers where the model is said to be. Sends no credentials.

use std::time::Duration;

use super::super::{ModelError, Secret};
use super::endpoint::Endpoint;
use super::failure::root_cause;

/// The end of the URL that replies come from.
const CHAT: &str = "/chat/completions";

/// The server of a base URL, and whether it was there.
#[derive(Debug)]
pub struct Reached {
    /// The base URL as people may see it: no credentials, no query.
    pub url: String,
    /// Why nothing answers, if nothing does.
    pub failure: Option<String>,
}

/// Asks the server at `base_url` for anything, and takes any answer. `api_key` is not sent; it is
/// checked, and left out of what is shown.
///
/// # Errors
/// When the URL or the key cannot be used at all.
pub async fn reach(
    base_url: &str,
    api_key: Option<&Secret>,
    patience: Duration,
) -> Result<Reached, ModelError> {
    let endpoint = Endpoint::new(base_url, api_key)?;
    let mut url = endpoint.url();
    let path = format!("{}/models", url.path().trim_end_matches(CHAT));
    url.set_path(&path);
    url.set_query(None); // there may be a key in it
    let request = endpoint.client()?.get(url).timeout(patience).send();
    let failure = match request.await {
        Ok(_) => None,
        Err(error) if error.is_timeout() => {
            Some(format!("no answer within {} s", patience.as_secs()))
        }
        Err(error) => Some(endpoint.redact(&root_cause(&error))),
    };
    Ok(Reached {
        url: endpoint.shown_url().trim_end_matches(CHAT).to_owned(),
        failure,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn any_answer_counts_and_no_key_is_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let size = stream.read(&mut request).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
            String::from_utf8_lossy(&request[..size]).into_owned()
        });
        let url = format!("http://user:swordfish@{address}/v1/?key=sesame");
        let key = Secret::new("sk-12345");
        let reached = reach(&url, Some(&key), PATIENCE).await.unwrap();
        assert_eq!(reached.url, format!("http://{address}/v1"));
        assert_eq!(reached.failure, None);
        let request = server.join().unwrap();
        assert!(
            request.starts_with("GET /v1/models HTTP/1.1\r\n"),
            "{request}"
        );
        let lower = request.to_lowercase();
        for secret in ["authorization", "sk-12345", "swordfish", "sesame"] {
            assert!(!lower.contains(secret), "{request}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_told_with_its_cause() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let url = format!("http://127.0.0.1:{port}/v1");
        let reached = reach(&url, None, PATIENCE).await.unwrap();
        let failure = reached.failure.unwrap();
        assert!(failure.contains("refused"), "{failure}");
        assert!(reach("nonsense", None, PATIENCE).await.is_err());
    }
}
