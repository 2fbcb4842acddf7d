//! The ReAct loop and what it is made of.

pub mod parse;
