//! Calls of tools on their way from the code to clients and back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::arguments::Unfit;
use super::log::Log;
use super::tools::{Called, Toolbox, client_gone};
use crate::engine::{Call, Raise, heavy};
use crate::protocol::Event;

/// Bytes of arguments that are looked at at once, where the code is heard.
const LIGHT: usize = 256 << 10;
/// Units of work that are spent on them there: less than a millisecond.
const AT_ONCE: u64 = 10_000;
/// Units of work that are spent on the arguments of one call.
const ASIDE: u64 = 5_000_000;

/// The calls of a session.
#[derive(Clone, Debug)]
pub struct Calls {
    log: Arc<Log>,
    tools: Arc<Mutex<Toolbox>>,
    /// Held while a call becomes known, and while those of a step are given up: nobody is told of a call
    /// after its step has ended.
    telling: Arc<Mutex<()>>,
    /// Has one call at a time looked at aside, so that sessions take turns.
    turn: Arc<Semaphore>,
}

impl Calls {
    /// The calls of tools in this box, which are told to this log.
    pub fn new(log: Arc<Log>, tools: Arc<Mutex<Toolbox>>) -> Self {
        Self {
            log,
            tools,
            telling: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Takes a call of the code's: tells clients of it, or the code what is wrong with it. Arguments that take
    /// long to look at are looked at aside.
    pub fn call(&self, step: u64, mut call: Call) {
        let called = self.tools().called(&call.name);
        let called = match called {
            Ok(called) => called,
            Err(error) => return self.tools().refuse(call.number, error),
        };
        if call.weight <= LIGHT {
            match called.takes.check(&mut call, AT_ONCE, None, false) {
                Ok(()) => return self.tell(step, call, called.owner),
                Err(Unfit::Wrong(error)) => return self.tools().refuse(call.number, error),
                Err(_) => {}
            }
        }
        let put_aside = self.tools().put_aside(call.weight);
        match put_aside {
            Ok(()) => drop(tokio::spawn(self.clone().look_aside(step, call, called))),
            Err(error) => self.tools().refuse(call.number, error),
        }
    }

    async fn look_aside(self, step: u64, mut call: Call, called: Called) {
        let _turn = Arc::clone(&self.turn).acquire_owned().await; // it is never closed
        let looked = heavy(move || {
            let Called { takes, owner, over } = called;
            let checked = takes.check(&mut call, ASIDE, Some(&over), true);
            let _telling = lock(&self.telling);
            if !self.tools().take_back(call.weight, &over) {
                return;
            }
            match checked {
                Ok(()) => self.tell(step, call, owner),
                Err(Unfit::Wrong(error)) => self.tools().refuse(call.number, error),
                Err(Unfit::Unknown | Unfit::Stopped) => {} // only where the step is over
            }
        });
        let _ = looked.await;
    }

    fn tell(&self, step: u64, call: Call, owner: CancellationToken) {
        let id = self.tools().admit(call.number);
        self.log.append(Event::ToolCall {
            call: name_of(&self.log, id),
            step,
            name: call.name.clone(),
            args: call.args,
            kwargs: call.kwargs,
        });
        let watcher = tokio::spawn(self.clone().fail_without_client(id, call.name, owner));
        self.tools().watch(id, watcher.abort_handle());
    }

    /// Answers a call; says whether it waited.
    pub fn answer(&self, id: u64, result: Result<Value, Raise>) -> bool {
        let Some(call) = self.tools().claim(id) else {
            return false;
        };
        // Noted first: the code goes on at once, and what it does next comes after this.
        self.done(id, result.is_ok());
        self.tools().answer(&call, result);
        true
    }

    /// Gives up the calls of a step that has ended.
    pub fn give_up(&self) {
        let _telling = lock(&self.telling);
        let given_up = self.tools().give_up();
        given_up.into_iter().for_each(|id| self.done(id, false));
    }

    fn done(&self, id: u64, ok: bool) {
        let call = name_of(&self.log, id);
        self.log.append(Event::ToolDone { call, ok });
    }

    /// Waits until the client that runs the tool has gone, and has the call fail then.
    async fn fail_without_client(self, id: u64, name: String, owner: CancellationToken) {
        owner.cancelled().await;
        self.answer(id, Err(client_gone(&name)));
    }

    fn tools(&self) -> MutexGuard<'_, Toolbox> {
        lock(&self.tools)
    }
}

/// What clients call a call.
fn name_of(log: &Log, id: u64) -> String {
    format!("{}.{id}", log.session())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
