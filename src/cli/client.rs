//! The command line as a client: it calls the table of methods, as every client does, and is sent
//! the events.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, defect};
use super::stop::Stop;
use crate::api::{self, App, Connection, Context, Outbox};
use crate::protocol::{Interrupted, SessionRef};

/// Events on their way to the screen. When they are this many, the session's log keeps the rest.
const WAITING_EVENTS: usize = 64;

/// A client in the daemon's own process.
pub struct Client {
    context: Context,
    events: mpsc::Receiver<Arc<str>>,
    stop: Stop,
}

/// Shows events as they come.
pub trait Show: Send {
    /// Shows an event: the parameters of the notification.
    ///
    /// # Errors
    /// When it cannot be written.
    fn event(&mut self, params: &RawValue) -> io::Result<()>;

    /// Says that what runs has been asked to stop.
    ///
    /// # Errors
    /// When it cannot be written.
    fn stopping(&mut self) -> io::Result<()>;
}

impl<S: Show> Show for &mut S {
    fn event(&mut self, params: &RawValue) -> io::Result<()> {
        (**self).event(params)
    }

    fn stopping(&mut self) -> io::Result<()> {
        (**self).stopping()
    }
}

struct Inbox(mpsc::Sender<Arc<str>>);

#[async_trait]
impl Outbox for Inbox {
    async fn send(&self, message: Arc<str>) -> bool {
        self.0.send(message).await.is_ok()
    }
}

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow)]
    params: &'a RawValue,
}

impl Client {
    /// A client of `app` that gives up what it waits for when `stop` says so.
    #[must_use]
    pub fn new(app: Arc<App>, stop: Stop) -> Self {
        let (inbox, events) = mpsc::channel(WAITING_EVENTS);
        let context = Context {
            app,
            connection: Connection::new(Some(Arc::new(Inbox(inbox)))),
            cancel: CancellationToken::new(),
        };
        Self {
            context,
            events,
            stop,
        }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// What the method answered, or that the user did not want to wait.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, Failure> {
        self.stop.or(call(&self.context, method, params)).await?
    }

    /// Calls a method that runs something in `session`, and shows its events. When the user asks
    /// for an end, the session is interrupted and the method's answer waited for.
    ///
    /// # Errors
    /// What the method answered, or that the events could not be shown.
    pub async fn follow<T: DeserializeOwned>(
        &mut self,
        session: &str,
        method: &str,
        params: &impl Serialize,
        show: &mut impl Show,
    ) -> Result<T, Failure> {
        let context = self.context.clone();
        let mut answer = pin!(call(&context, method, params));
        let mut stopping = false;
        let answer = loop {
            tokio::select! {
                answer = &mut answer => break answer,
                Some(message) = self.events.recv() => show_event(&message, show)?,
                () = self.stop.asked.cancelled(), if !stopping => {
                    stopping = true;
                    show.stopping()?;
                    self.interrupt(session).await?;
                }
                () = self.stop.at_once.cancelled() => return Err(self.stop.failure()),
            }
        };
        // An answer comes after its events, of which some may not have been taken yet.
        while let Ok(message) = self.events.try_recv() {
            show_event(&message, show)?;
        }
        answer
    }

    async fn interrupt(&self, session: &str) -> Result<(), Failure> {
        let session = SessionRef {
            session: session.to_owned(),
        };
        let _: Interrupted = call(&self.context, "interrupt", &session).await?;
        Ok(())
    }
}

async fn call<T: DeserializeOwned>(
    context: &Context,
    method: &str,
    params: &impl Serialize,
) -> Result<T, Failure> {
    let params = to_raw_value(params).map_err(defect)?;
    let answer = api::call(context, method, Some(&params)).await;
    let answer = answer.ok_or_else(|| defect(format!("there is no method '{method}'")))??;
    serde_json::from_str(answer.get()).map_err(defect)
}

fn show_event(message: &str, show: &mut impl Show) -> Result<(), Failure> {
    let notification: Notification<'_> = serde_json::from_str(message).map_err(defect)?;
    Ok(show.event(notification.params)?)
}
