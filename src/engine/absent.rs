//! A trust level that this version does not have.

use std::time::Duration;

use async_trait::async_trait;

use super::{Engine, EngineError, Level, Spec, Unit};

/// An engine that opens nothing and says so.
#[derive(Debug)]
pub struct Absent {
    /// What would run the code.
    pub engine: &'static str,
    /// What there is to say of it.
    pub reason: &'static str,
}

impl Absent {
    fn error(&self) -> EngineError {
        EngineError::Unavailable {
            message: self.reason.to_owned(),
            hint: "use trust_level \"isolated\"".to_owned(),
        }
    }
}

#[async_trait]
impl Engine for Absent {
    async fn level(&self, _: Duration) -> Level {
        Level {
            engine: self.engine,
            python_version: None,
            enforced: Vec::new(),
            preparing: None,
            unavailable: Some(self.reason.to_owned()),
        }
    }

    async fn open(&self, _: Spec) -> Result<Box<dyn Unit>, EngineError> {
        Err(self.error())
    }

    async fn check_tool(&self, _: Option<&str>, _: &str, _: &str) -> Result<(), EngineError> {
        Err(self.error())
    }
}
