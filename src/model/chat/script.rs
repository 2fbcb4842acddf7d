//! A scripted model server for tests: one connection and one request per turn, in order.
//!
//! A request too many finds nobody listening; one too few makes [`Script::finish`] fail.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does after it has read a request.
pub(super) struct Turn {
    /// Sent one by one.
    pieces: Vec<Vec<u8>>,
    /// Wait for the client to go, rather than close the connection.
    hang: bool,
}

impl Turn {
    /// A whole answer. `head` is the status and further header lines, like `200 OK\r\na: b`.
    pub(super) fn answer(head: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        Self {
            pieces: vec![head.into_bytes(), body.into()],
            hang: false,
        }
    }

    /// A stream of chunks that ends as it should.
    pub(super) fn stream<P: AsRef<[u8]>>(chunks: impl IntoIterator<Item = P>) -> Self {
        let mut turn = Self::broken(chunks);
        turn.pieces.push(b"0\r\n\r\n".into());
        turn
    }

    /// A stream of chunks whose connection closes before the end.
    pub(super) fn broken<P: AsRef<[u8]>>(chunks: impl IntoIterator<Item = P>) -> Self {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunks = chunks.into_iter().map(|chunk| {
            let chunk = chunk.as_ref();
            let length = format!("{:x}\r\n", chunk.len());
            [length.as_bytes(), chunk, b"\r\n"].concat()
        });
        Self {
            pieces: std::iter::once(head.into()).chain(chunks).collect(),
            hang: false,
        }
    }

    /// A stream of chunks after which nothing comes.
    pub(super) fn stuck<P: AsRef<[u8]>>(chunks: impl IntoIterator<Item = P>) -> Self {
        Self {
            hang: true,
            ..Self::broken(chunks)
        }
    }

    /// No answer at all: the connection closes, or hangs.
    pub(super) fn silence(hang: bool) -> Self {
        let pieces = Vec::new();
        Self { pieces, hang }
    }
}

/// A request as the server saw it.
pub(super) struct Request {
    /// The request line and the headers.
    pub(super) head: String,
    pub(super) body: Value,
}

/// A running server.
pub(super) struct Script {
    address: SocketAddr,
    server: JoinHandle<Vec<Request>>,
}

impl Script {
    pub(super) async fn play(turns: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let turns: Vec<Turn> = turns.into_iter().collect();
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            for turn in turns {
                let (mut socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                requests.push(read_request(&mut socket).await);
                for piece in turn.pieces {
                    // A client that has read enough may have gone.
                    let _ = socket.write_all(&piece).await;
                }
                if turn.hang {
                    let _ = socket.read(&mut [0]).await;
                }
            }
            requests
        });
        Self { address, server }
    }

    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All requests, once every turn was taken.
    pub(super) async fn finish(self) -> Vec<Request> {
        let all = tokio::time::timeout(Duration::from_secs(10), self.server).await;
        all.expect("every turn is taken").unwrap()
    }
}

async fn read_request(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let end_of_head = loop {
        assert_ne!(
            socket.read_buf(&mut bytes).await.unwrap(),
            0,
            "half a request"
        );
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let mut body = bytes.split_off(end_of_head + 4);
    let head = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    while body.len() < length {
        assert_ne!(socket.read_buf(&mut body).await.unwrap(), 0, "half a body");
    }
    Request {
        head,
        body: serde_json::from_slice(&body).unwrap(),
    }
}
