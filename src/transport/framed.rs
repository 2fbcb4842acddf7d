//! A connection in LSP framing: from messages to answers.
//!
//! Requests of our own table go to `api`, all others to the language server (tower-lsp-server), which
//! also keeps the life cycle. Its own `Server` is not used: it serves few requests at a time and ends
//! at the first message that is not JSON.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};
use tower_lsp_server::LspService;
use tower_lsp_server::jsonrpc;

use super::frames::Received;
use super::room;
use crate::api::{App, Connection, Context, Outbox};
use crate::lsp;
use crate::protocol::{Error, ErrorData, ErrorKind, method_name};

/// Messages that wait for a client which is slow to read.
pub const QUEUE: usize = 64;

/// What a connection's reader hands on: a message, or what was wrong with the bytes in its place.
pub type Incoming = Result<(Received, OwnedSemaphorePermit), String>;

/// What all connections share.
#[derive(Clone)]
pub struct Daemon {
    /// What requests of our table need.
    pub app: Arc<App>,
    /// Which session belongs to which document.
    pub seats: Arc<lsp::Seats>,
}

impl Daemon {
    /// What the connections of a daemon share.
    pub fn new(app: &Arc<App>) -> Self {
        Self {
            app: Arc::clone(app),
            seats: Arc::default(),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By `exit`, or a closed stream, after `shutdown`.
    AfterShutdown,
    /// Without it.
    Abruptly,
}

/// Where in its life cycle a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Ready,
    ShutDown,
}

/// A message as it comes in. Fields of the wrong type are told from absent ones later.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    /// Null is an answer too.
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Reads a field that is there, be it null.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// An answer as it goes out.
#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Error>,
}

/// Takes messages to the client.
#[derive(Clone)]
struct Sender(mpsc::Sender<Arc<str>>);

#[async_trait]
impl Outbox for Sender {
    async fn send(&self, message: Arc<str>) -> bool {
        self.0.send(message).await.is_ok()
    }
}

impl Sender {
    async fn answer(&self, id: &RawValue, result: Result<Box<RawValue>, Error>) {
        let answer = Answer {
            jsonrpc: "2.0",
            id,
            result: result.as_deref().ok(),
            error: result.as_ref().err(),
        };
        self.send_json(&answer).await;
    }

    async fn refuse(&self, id: Option<&RawValue>, kind: ErrorKind, message: &str) {
        self.answer(id.unwrap_or(RawValue::NULL), Err(Error::new(kind, message)))
            .await;
    }

    async fn send_json(&self, message: &impl Serialize) {
        // Made of strings, numbers and JSON values, which always serialise.
        let text = serde_json::to_string(message).unwrap_or_default();
        self.send(text.into()).await;
    }
}

/// Requests that have not been answered, by the text of their ids, and what cancels them.
#[derive(Clone, Default)]
struct InFlight(Arc<Mutex<HashMap<String, CancellationToken>>>);

impl InFlight {
    fn all(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, id: Option<&RawValue>) -> CancellationToken {
        let cancel = CancellationToken::new();
        if let Some(id) = id {
            self.all().insert(id.get().to_owned(), cancel.clone());
        }
        cancel
    }

    fn end(&self, id: &RawValue) {
        self.all().remove(id.get());
    }

    /// Cancels a request; says whether there is one of this id.
    fn cancel(&self, id: &RawValue) -> bool {
        self.all()
            .get(id.get())
            .inspect(|cancel| cancel.cancel())
            .is_some()
    }
}

/// Serves one connection until it ends. What its requests have begun goes on.
pub async fn serve(
    daemon: Daemon,
    mut incoming: mpsc::Receiver<Incoming>,
    outgoing: mpsc::Sender<Arc<str>>,
) -> Ended {
    let client = Sender(outgoing);
    let context = Context {
        app: daemon.app,
        connection: Connection::new(Some(Arc::new(client.clone()))),
        cancel: CancellationToken::new(),
    };
    let (service, socket) = lsp::Server::service(context.clone(), daemon.seats);
    let (mut asks, responses) = socket.split();
    let to_client = client.clone();
    let asking = tokio::spawn(async move {
        while let Some(request) = asks.next().await {
            to_client.send_json(&request).await;
        }
    });
    let mut peer = Peer {
        context,
        client,
        in_flight: InFlight::default(),
        phase: Phase::New,
        service,
        responses,
    };
    while let Some(incoming) = incoming.recv().await {
        match incoming {
            Ok((message, _waiting)) => {
                if peer.handle(&message.bytes).await == Next::End {
                    break;
                }
            }
            Err(what) => peer.client.refuse(None, ErrorKind::ParseError, &what).await,
        }
    }
    peer.context.connection.close();
    asking.abort();
    match peer.phase {
        Phase::ShutDown => Ended::AfterShutdown,
        Phase::New | Phase::Ready => Ended::Abruptly,
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// The daemon's side of one connection.
struct Peer {
    context: Context,
    client: Sender,
    in_flight: InFlight,
    phase: Phase,
    service: LspService<lsp::Server>,
    responses: <tower_lsp_server::ClientSocket as tower_lsp_server::Loopback>::ResponseSink,
}

impl Peer {
    async fn handle(&mut self, bytes: &[u8]) -> Next {
        let message = match read(bytes) {
            Ok(message) => message,
            Err(error) => {
                self.client.answer(RawValue::NULL, Err(error)).await;
                return Next::GoOn;
            }
        };
        let id = message.id;
        if id.is_some_and(|id| !is_id(id)) {
            self.client
                .refuse(
                    None,
                    ErrorKind::InvalidRequest,
                    "id must be a number or a string",
                )
                .await;
            return Next::GoOn;
        }
        if message
            .jsonrpc
            .is_none_or(|version| version.get() != "\"2.0\"")
        {
            self.client
                .refuse(id, ErrorKind::InvalidRequest, "jsonrpc must be \"2.0\"")
                .await;
            return Next::GoOn;
        }
        let method = message
            .method
            .map(|method| serde_json::from_str::<String>(method.get()));
        match method {
            Some(Ok(method)) => self.request(&method, &message, bytes).await,
            Some(Err(_)) => {
                self.client
                    .refuse(id, ErrorKind::InvalidRequest, "method must be a string")
                    .await;
                Next::GoOn
            }
            None if message.result.is_some() || message.error.is_some() => {
                if let Ok(response) = serde_json::from_slice(bytes) {
                    let _ = self.responses.send(response).await;
                }
                Next::GoOn
            }
            None => {
                self.client
                    .refuse(id, ErrorKind::InvalidRequest, "method is missing")
                    .await;
                Next::GoOn
            }
        }
    }

    async fn request(&mut self, method: &str, message: &Message<'_>, bytes: &[u8]) -> Next {
        if method == "$/cancelRequest" && message.id.is_none() && self.cancel(message.params) {
            return Next::GoOn;
        }
        if let Some((kind, what)) = self.untimely(method) {
            if message.id.is_some() {
                self.client.refuse(message.id, kind, what).await;
            }
            return Next::GoOn;
        }
        if method == "exit" {
            return Next::End; // not told to tower-lsp-server, which would cancel what still runs
        }
        if let Some(method) = method_name(method) {
            self.call_api(method, message).await;
            return Next::GoOn;
        }
        let Ok(request) = serde_json::from_slice::<jsonrpc::Request>(bytes) else {
            self.client
                .refuse(
                    message.id,
                    ErrorKind::InvalidRequest,
                    "the request is not valid",
                )
                .await;
            return Next::GoOn;
        };
        self.call_language_server(method, request).await
    }

    /// Why the method cannot be served at this point of the life cycle, be there such a method or not.
    fn untimely(&self, method: &str) -> Option<(ErrorKind, &'static str)> {
        match (self.phase, method) {
            (Phase::Ready, _) | (Phase::New, "initialize") | (_, "exit") => None,
            (Phase::New, _) => Some((ErrorKind::NotInitialized, "`initialize` has to come first")),
            (Phase::ShutDown, _) => Some((
                ErrorKind::InvalidRequest,
                "after `shutdown` only `exit` may follow",
            )),
        }
    }

    /// Calls a method of our table.
    async fn call_api(&self, method: &'static str, message: &Message<'_>) {
        let id = message.id.map(ToOwned::to_owned);
        let params = message.params.map(ToOwned::to_owned);
        let context = Context {
            cancel: self.in_flight.begin(message.id),
            ..self.context.clone()
        };
        let (client, in_flight) = (self.client.clone(), self.in_flight.clone());
        let work = async move {
            let result = room::call(&context, method, params.as_deref()).await;
            if let (Some(id), Some(result)) = (id, result) {
                in_flight.end(&id);
                client.answer(&id, result).await;
            }
        };
        start_in_order(work.boxed()).await;
    }

    /// Cancels a request of our table; says whether there is one.
    fn cancel(&self, params: Option<&RawValue>) -> bool {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow)]
            id: &'a RawValue,
        }
        let params =
            params.and_then(|params| serde_json::from_str::<Params<'_>>(params.get()).ok());
        params.is_some_and(|params| self.in_flight.cancel(params.id))
    }

    async fn call_language_server(&mut self, method: &str, request: jsonrpc::Request) -> Next {
        let Ok(service) = self.service.ready().await else {
            return Next::End;
        };
        let unknown = request.id().map(|id| {
            let mut error = jsonrpc::Error::method_not_found();
            error.data = Some(Value::String(method.to_owned()));
            jsonrpc::Response::from_error(id.clone(), error)
        });
        let call = service.call(lenient(method, request));
        match method {
            "initialize" | "shutdown" => {
                // These change what may follow, so they are done before the next message is looked at.
                if let Ok(Some(response)) = call.await {
                    self.phase = match method {
                        _ if !response.is_ok() => self.phase,
                        "initialize" => Phase::Ready,
                        _ => Phase::ShutDown,
                    };
                    answer_of_language_server(&self.client, response).await;
                }
                Next::GoOn
            }
            _ => {
                let client = self.client.clone();
                let work = async move {
                    match (call.await, unknown) {
                        (Ok(Some(response)), _) => {
                            answer_of_language_server(&client, response).await;
                        }
                        // tower-lsp-server drops requests whose names begin with `$/`.
                        (Ok(None), Some(unknown)) => {
                            answer_of_language_server(&client, unknown).await;
                        }
                        _ => {}
                    }
                };
                start_in_order(work.boxed()).await;
                Next::GoOn
            }
        }
    }
}

/// The request as tower-lsp-server takes it: it refuses `shutdown` with even empty params, and scripts
/// which are no editors leave out the capabilities that `initialize` must have in LSP.
fn lenient(method: &str, request: jsonrpc::Request) -> jsonrpc::Request {
    if !matches!(method, "initialize" | "shutdown") {
        return request;
    }
    let (name, id, params) = request.into_parts();
    let mut request = jsonrpc::Request::build(name);
    if let Some(id) = id {
        request = request.id(id);
    }
    let params = match (method, params) {
        ("shutdown", _) => return request.finish(),
        (_, None) => json!({"capabilities": {}}),
        (_, Some(Value::Object(mut fields))) => {
            fields.entry("capabilities").or_insert_with(|| json!({}));
            Value::Object(fields)
        }
        (_, Some(other)) => other,
    };
    request.params(params).finish()
}

/// Does the work up to its first wait now, in the order in which the requests came, and the rest of it
/// beside what follows.
async fn start_in_order(mut work: BoxFuture<'static, ()>) {
    let started = std::future::poll_fn(|cx| Poll::Ready(work.poll_unpin(cx))).await;
    if started.is_pending() {
        tokio::spawn(work);
    }
}

async fn answer_of_language_server(client: &Sender, response: jsonrpc::Response) {
    let (id, body) = response.into_parts();
    let id = serde_json::value::to_raw_value(&id).unwrap_or_default();
    let body = match body {
        Ok(value) => serde_json::value::to_raw_value(&value)
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string())),
        Err(error) => Err(error_of_language_server(error)),
    };
    client.answer(&id, body).await;
}

/// Its errors in our form, with a kind; those that were ours have one.
fn error_of_language_server(error: jsonrpc::Error) -> Error {
    let code = error.code.code();
    if let Some(Ok(data)) = error.data.clone().map(serde_json::from_value::<ErrorData>) {
        return Error {
            code: data.kind.code(),
            message: error.message.into_owned(),
            data,
        };
    }
    let kind = ErrorKind::from_code(code);
    let message = match (&error.data, kind) {
        (Some(Value::String(method)), ErrorKind::MethodNotFound) => {
            format!("there is no method '{method}'")
        }
        (_, ErrorKind::NotInitialized) => "`initialize` has to come first".to_owned(),
        _ => error.message.into_owned(),
    };
    Error {
        code: i32::try_from(code).unwrap_or_else(|_| kind.code()),
        ..Error::new(kind, message)
    }
}

fn is_id(id: &RawValue) -> bool {
    matches!(
        id.get().as_bytes().first(),
        Some(b'"' | b'-' | b'0'..=b'9' | b'n')
    )
}

/// Reads a message, or says why the bytes are none.
fn read(bytes: &[u8]) -> Result<Message<'_>, Error> {
    let invalid = |what: &str| Error::new(ErrorKind::InvalidRequest, what);
    let json = serde_json::from_slice::<&RawValue>(bytes).map_err(|error| {
        Error::new(
            ErrorKind::ParseError,
            format!("the message is not JSON: {error}"),
        )
    })?;
    match json.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(json.get()).map_err(|error| invalid(&error.to_string())),
        Some(b'[') => Err(invalid("LSP framing knows no batches")
            .hint("send one message at a time; answers may overtake each other")),
        _ => Err(invalid("a message must be an object")),
    }
}
