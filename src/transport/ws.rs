//! WebSocket and HTTP, by jsonrpsee.
//!
//! It runs on a runtime of one thread, its own: jsonrpsee starts a task for every message, and tasks
//! that one thread starts begin in the order in which they were started, which keeps requests first
//! in, first out. Sessions live on the daemon's runtime all the same.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::middleware::rpc::{
    Batch, BatchEntry, BatchEntryErr, Notification, RpcServiceBuilder, RpcServiceT,
};
use jsonrpsee::server::{
    BatchRequestConfig, ConnectionId, Extensions, HttpBody, HttpRequest, HttpResponse,
    MethodCallback, MethodResponse, MethodSink, Methods, PingConfig, ResponsePayload, ServerConfig,
    StopHandle, SubscriptionState, TowerServiceBuilder, serve_with_graceful_shutdown, stop_channel,
    ws::is_upgrade_request,
};
use jsonrpsee::types::{ErrorObjectOwned, Id, Params, Request};
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::access::{Access, Refused};
use super::body::Counted;
use super::guard::{Guard, Patience, Shared, TOO_LONG};
use super::room;
use crate::api::{App, Connection, Context, Outbox};
use crate::protocol::{Error, ErrorKind, METHOD_NAMES, method_name};

/// Longest message that is taken or sent, in bytes.
pub const MAX_MESSAGE: u32 = 64 << 20;
/// Messages that wait for a client which is slow to read.
const QUEUE: u32 = 64;
/// Clients at once.
const MAX_CONNECTIONS: u32 = 1_000;
/// Connections at once: those of clients, and as many more that get to hear that there are too many.
const MAX_STREAMS: usize = MAX_CONNECTIONS as usize + 100;
/// How long a connection may send nothing where it is not its turn to wait.
const PATIENCE: Patience = Patience {
    http: Duration::from_secs(60),
    message: Duration::from_secs(30),
};
/// How often a WebSocket is asked whether anybody is there, and after which time without an answer it is closed.
/// It cannot answer while it sends a long message over a slow line.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));

/// The thread that serves WebSocket and HTTP.
pub struct Server {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Server {
    /// Begins to serve clients on `listener`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        app: Arc<App>,
        listener: std::net::TcpListener,
        access: Access,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    result = accept(app, listener, access) => {
                        if let Err(error) = result {
                            tracing::error!("the WebSocket server has ended: {error}");
                        }
                    }
                    () = stopped.cancelled() => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("websocket".to_owned())
            .spawn(serve)?;
        Ok(Self { stop, thread })
    }

    /// Ends it, and returns when all that it held is gone.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

async fn accept(app: Arc<App>, listener: std::net::TcpListener, access: Access) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (stop_handle, _server_handle) = stop_channel();
    let config = ServerConfig::builder()
        .max_request_body_size(MAX_MESSAGE)
        .max_response_body_size(MAX_MESSAGE)
        .max_connections(MAX_CONNECTIONS)
        .set_batch_request_config(BatchRequestConfig::Unlimited)
        .set_message_buffer_capacity(QUEUE)
        .enable_ws_ping(
            PingConfig::new()
                .ping_interval(PING.0)
                .inactive_limit(PING.1)
                .max_failures(1),
        )
        .set_tcp_no_delay(true)
        .build();
    let host = Arc::new(Host {
        builder: jsonrpsee::server::Server::builder()
            .set_config(config)
            .to_service_builder(),
        stop_handle,
        access,
        by_websocket: methods_by_websocket(&app)?,
        by_http: methods_by_http(&app)?,
    });
    let streams = Arc::new(Semaphore::new(MAX_STREAMS));
    loop {
        match listener.accept().await {
            Ok((stream, from)) => match Arc::clone(&streams).try_acquire_owned() {
                Ok(place) => serve(&host, stream, from, place),
                Err(_) => tracing::warn!("{from} is turned away: {MAX_STREAMS} are connected"),
            },
            Err(error) => {
                tracing::warn!("a client could not be accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// What all connections share.
struct Host {
    builder: TowerServiceBuilder<tower::layer::util::Identity, tower::layer::util::Identity>,
    stop_handle: StopHandle,
    access: Access,
    by_websocket: Methods,
    by_http: Methods,
}

fn serve(host: &Arc<Host>, stream: TcpStream, from: SocketAddr, place: OwnedSemaphorePermit) {
    let _ = stream.set_nodelay(true); // an answer must not wait for the one before to be acknowledged
    let (host_of_requests, shared) = (Arc::clone(host), Arc::new(Shared::default()));
    // It holds the place too: a WebSocket outlives the service of its first request.
    let stream = Guard::new(stream, Arc::clone(&shared), PATIENCE, place);
    let service = tower::service_fn(move |request: HttpRequest<hyper::body::Incoming>| {
        let (host, shared) = (Arc::clone(&host_of_requests), Arc::clone(&shared));
        async move { host.handle(request, &shared).await }.boxed()
    });
    let stopped = host.stop_handle.clone().shutdown();
    let connection = serve_with_graceful_shutdown(stream, service, stopped);
    tokio::spawn(connection.map(move |ended| {
        if let Err(error) = ended {
            tracing::debug!("the connection from {from} has ended: {error}");
        }
    }));
}

impl Host {
    /// Serves a request; where the stream takes what follows for a WebSocket, it is one or ends.
    async fn handle(
        &self,
        request: HttpRequest<hyper::body::Incoming>,
        shared: &Shared,
    ) -> Result<HttpResponse, BoxError> {
        let _busy = shared.begin();
        let request = request.map(|body| Counted::new(body, PATIENCE.message));
        let (wants, awaited) = (is_upgrade_request(&request), shared.is_websocket());
        let mut response = match self.access.check(request.headers()) {
            Ok(()) if wants && !awaited => {
                return Err("a WebSocket was asked for in a way that was not seen".into());
            }
            Ok(()) => self.answer(request).await?,
            Err(refused) => refuse(refused),
        };
        if awaited && response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            let close = http::HeaderValue::from_static("close");
            response
                .headers_mut()
                .insert(http::header::CONNECTION, close);
        }
        Ok(response)
    }

    async fn answer(&self, request: HttpRequest<Counted>) -> Result<HttpResponse, BoxError> {
        let methods = match is_upgrade_request(&request) {
            true => self.by_websocket.clone(),
            false => self.by_http.clone(),
        };
        let peer = Arc::new(Peer::default());
        let middleware = RpcServiceBuilder::new().layer_fn(move |inner| Middleware {
            inner: Arc::new(inner),
            peer: Arc::clone(&peer),
        });
        let builder = self.builder.clone().set_rpc_middleware(middleware);
        builder
            .build(methods, self.stop_handle.clone())
            .call(request)
            .await
    }
}

fn refuse(refused: Refused) -> HttpResponse {
    let status = match refused {
        Refused::Token => http::StatusCode::UNAUTHORIZED,
        Refused::Host | Refused::Origin => http::StatusCode::FORBIDDEN,
    };
    let error = Error::new(ErrorKind::Unauthorized, refused.to_string()).hint(refused.hint());
    let body = serde_json::json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
    let mut response = HttpResponse::new(HttpBody::from(body));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    if matches!(refused, Refused::Token) {
        let scheme = http::HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(http::header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// The daemon's side of one WebSocket, or of one HTTP request.
#[derive(Default)]
struct Peer {
    connection: OnceLock<Arc<Connection>>,
    in_flight: Mutex<HashMap<Id<'static>, CancellationToken>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.connection
            .get()
            .into_iter()
            .for_each(|connection| connection.close());
    }
}

impl Peer {
    fn in_flight(&self) -> MutexGuard<'_, HashMap<Id<'static>, CancellationToken>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(
        &self,
        app: Arc<App>,
        method: &'static str,
        id: Id<'static>,
        params: Option<Box<RawValue>>,
        outbox: Option<Arc<dyn Outbox>>,
    ) -> MethodResponse {
        let context = Context {
            app,
            connection: Arc::clone(self.connection.get_or_init(|| Connection::new(outbox))),
            cancel: CancellationToken::new(),
        };
        self.in_flight().insert(id.clone(), context.cancel.clone());
        let result = room::call(&context, method, params.as_deref()).await;
        self.in_flight().remove(&id);
        match result {
            Some(Ok(result)) => {
                MethodResponse::response(id, ResponsePayload::success(result), MAX_MESSAGE as usize)
            }
            Some(Err(error)) => MethodResponse::error(id, wire_error(error)),
            None => MethodResponse::error(id, wire_error(no_such_method(method))),
        }
    }
}

fn no_such_method(method: &str) -> Error {
    Error::new(
        ErrorKind::MethodNotFound,
        format!("there is no method '{method}'"),
    )
}

fn wire_error(error: Error) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(error.code, error.message, Some(error.data))
}

/// Takes events to a WebSocket.
struct Sink(MethodSink);

#[async_trait]
impl Outbox for Sink {
    async fn send(&self, message: Arc<str>) -> bool {
        let Ok(message) = RawValue::from_string((*message).to_owned()) else {
            return false;
        };
        self.0.send(message).await.is_ok()
    }
}

/// The table of methods for WebSockets. jsonrpsee gives the way to the client only to methods that
/// subscribe, so all are registered as such: any of them may attach the client to a session, whose
/// events are then sent as the same notifications as on the other transports.
fn methods_by_websocket(app: &Arc<App>) -> io::Result<Methods> {
    let mut methods = Methods::new();
    for name in METHOD_NAMES.iter().copied() {
        let app = Arc::clone(app);
        let callback = move |id: Id<'_>,
                             params: Params<'_>,
                             sink: MethodSink,
                             _: SubscriptionState<'_>,
                             extensions: Extensions| {
            let (app, id, params) = (Arc::clone(&app), id.into_owned(), raw(&params));
            let outbox: Arc<dyn Outbox> = Arc::new(Sink(sink));
            call(app, name, id, params, &extensions, Some(outbox))
        };
        let callback = MethodCallback::Subscription(Arc::new(callback));
        methods
            .verify_and_insert(name, callback)
            .map_err(io::Error::other)?;
    }
    Ok(methods)
}

/// The table of methods for HTTP POST, which no events can be sent to.
fn methods_by_http(app: &Arc<App>) -> io::Result<Methods> {
    let mut methods = Methods::new();
    for name in METHOD_NAMES.iter().copied() {
        let app = Arc::clone(app);
        let callback = move |id: Id<'static>,
                             params: Params<'static>,
                             _: ConnectionId,
                             _: usize,
                             extensions: Extensions| {
            let (app, params) = (Arc::clone(&app), raw(&params));
            call(app, name, id, params, &extensions, None)
        };
        let callback = MethodCallback::Async(Arc::new(callback));
        methods
            .verify_and_insert(name, callback)
            .map_err(io::Error::other)?;
    }
    Ok(methods)
}

fn raw(params: &Params<'_>) -> Option<Box<RawValue>> {
    params
        .as_str()
        .and_then(|params| RawValue::from_string(params.to_owned()).ok())
}

fn call(
    app: Arc<App>,
    method: &'static str,
    id: Id<'static>,
    params: Option<Box<RawValue>>,
    extensions: &Extensions,
    outbox: Option<Arc<dyn Outbox>>,
) -> BoxFuture<'static, MethodResponse> {
    let peer = extensions.get::<Arc<Peer>>().cloned().unwrap_or_default();
    async move { peer.call(app, method, id, params, outbox).await }.boxed()
}

/// An entry of a batch; one that cannot be served becomes an error in our form.
fn with_our_errors<'a>(
    entry: Result<BatchEntry<'a>, BatchEntryErr<'a>>,
) -> Result<BatchEntry<'a>, BatchEntryErr<'a>> {
    match entry {
        Ok(BatchEntry::Call(request)) if method_name(request.method_name()).is_none() => {
            let error = wire_error(no_such_method(request.method_name()));
            Err(BatchEntryErr::new(request.id, error))
        }
        Ok(entry) => Ok(entry),
        Err(error) => {
            let (_, id) = error.into_parts();
            let error = Error::new(ErrorKind::InvalidRequest, "the request is not valid");
            Err(BatchEntryErr::new(id, wire_error(error)))
        }
    }
}

/// Gives every request its peer, and cancels requests.
#[derive(Clone)]
struct Middleware<S> {
    inner: Arc<S>,
    peer: Arc<Peer>,
}

impl<S> RpcServiceT for Middleware<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(
        &self,
        mut request: Request<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        request.extensions_mut().insert(Arc::clone(&self.peer));
        let inner = Arc::clone(&self.inner);
        async move {
            match method_name(request.method_name()) {
                Some(_) => inner.call(request).await,
                None if request.method_name() == TOO_LONG => {
                    let what = format!("the message has more than {MAX_MESSAGE} bytes");
                    let error = Error::new(ErrorKind::ParseError, what);
                    MethodResponse::error(request.id().into_owned(), wire_error(error))
                }
                None => {
                    let error = wire_error(no_such_method(request.method_name()));
                    MethodResponse::error(request.id().into_owned(), error)
                }
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let entries = batch.into_iter().map(|entry| {
            let mut entry = with_our_errors(entry)?;
            entry.extensions_mut().insert(Arc::clone(&self.peer));
            Ok(entry)
        });
        let batch = Batch::from(entries.collect::<Vec<_>>());
        let inner = Arc::clone(&self.inner);
        async move { inner.batch(batch).await }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        if notification.method_name() == "$/cancelRequest" {
            #[derive(serde::Deserialize)]
            struct Params<'a> {
                #[serde(borrow)]
                id: Id<'a>,
            }
            let params = notification
                .params
                .as_deref()
                .map(RawValue::get)
                .unwrap_or_default();
            if let Ok(params) = serde_json::from_str::<Params<'_>>(params)
                && let Some(cancel) = self.peer.in_flight().get(&params.id.into_owned())
            {
                cancel.cancel();
            }
        }
        let inner = Arc::clone(&self.inner);
        async move { inner.notification(notification).await }
    }
}
