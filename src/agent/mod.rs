//! The ReAct loop and what it is made of.

pub mod observe;
pub mod parse;
pub mod prompt;
