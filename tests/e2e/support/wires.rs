//! Bytes to and from the daemon: LSP framing over pipes and sockets, and WebSockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::http::HeaderName;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::inbox::Source;

/// The sending end of a connection.
pub enum Sink {
    /// A pipe; dropping it closes it.
    Pipe(Box<dyn Write + Send>),
    /// A Unix socket.
    Unix(UnixStream),
    /// A WebSocket.
    Ws(Box<WebSocket<TcpStream>>),
    /// Closed.
    Closed,
}

impl Sink {
    pub fn send(&mut self, text: &str) {
        match self {
            Self::Ws(socket) => socket.send(Message::text(text)).unwrap(),
            _ => self.send_bytes(&framed(text)),
        }
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let pipe: &mut dyn Write = match self {
            Self::Pipe(pipe) => pipe,
            Self::Unix(socket) => socket,
            Self::Ws(_) | Self::Closed => panic!("this connection takes no bytes"),
        };
        pipe.write_all(bytes).unwrap();
        pipe.flush().unwrap();
    }

    pub fn close(&mut self) {
        match self {
            Self::Unix(socket) => drop(socket.shutdown(Shutdown::Both)),
            Self::Ws(socket) => drop(socket.get_ref().shutdown(Shutdown::Both)),
            Self::Pipe(_) | Self::Closed => {}
        }
        *self = Self::Closed;
    }
}

/// A message in LSP framing.
pub fn framed(text: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

/// Messages in LSP framing; anything else among them is an error.
pub fn frames(reader: impl Read + Send + 'static) -> Source {
    let mut reader = BufReader::new(reader);
    Box::new(move || next_frame(&mut reader))
}

fn next_frame(reader: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut header = String::new();
    match reader.read_line(&mut header) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    }
    let length = header
        .strip_prefix("Content-Length: ")
        .and_then(|length| length.strip_suffix("\r\n"))
        .and_then(|length| length.parse().ok());
    let Some(length) = length else {
        return Err(format!("no frame: {header:.300?}"));
    };
    let mut body = vec![0; length];
    let mut blank = [0; 2];
    let read = reader
        .read_exact(&mut blank)
        .and_then(|()| reader.read_exact(&mut body));
    read.map_err(|error| format!("a frame is cut off: {error}"))?;
    if blank != *b"\r\n" {
        return Err(format!(
            "a header after {header:?}: {}",
            blank.escape_ascii()
        ));
    }
    String::from_utf8(body)
        .map(Some)
        .map_err(|error| format!("no UTF-8: {error}"))
}

/// Where the daemon listens for WebSockets, as it says at its start.
#[derive(Clone, Debug)]
pub struct WsAddress {
    pub port: u16,
    pub token: String,
    pub token_file: String,
}

/// Opens a WebSocket with these headers.
pub fn upgrade(
    port: u16,
    headers: &[(&str, &str)],
) -> Result<(WebSocket<TcpStream>, Response), Box<tungstenite::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut request = format!("ws://127.0.0.1:{port}/")
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    tungstenite::client(request, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => Box::new(error),
        tungstenite::HandshakeError::Interrupted(_) => unreachable!("the stream blocks"),
    })
}

/// Both ends of a WebSocket. The sender never reads, so that one thread can send while another reads.
pub fn websocket(address: &WsAddress) -> (Sink, Source) {
    let token = format!("Bearer {}", address.token);
    let (mut reader, _) = upgrade(address.port, &[("authorization", &token)]).unwrap();
    let stream = reader.get_ref().try_clone().unwrap();
    let writer = WebSocket::from_raw_socket(stream, Role::Client, None);
    let source = move || loop {
        match reader.read() {
            Ok(Message::Text(text)) => return Ok(Some(text.as_str().to_owned())),
            Ok(Message::Close(_)) | Err(_) => return Ok(None),
            Ok(Message::Binary(bytes)) => return Err(format!("{} bytes of no text", bytes.len())),
            Ok(_) => {}
        }
    };
    (Sink::Ws(Box::new(writer)), Box::new(source))
}
