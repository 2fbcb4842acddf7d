//! The JSON Schema of a tool's parameters: compiled once, with bounds, and checked with a budget. Pure.
//!
//! Nothing here reads a file or the network, and nothing a schema or an argument says makes the work or the
//! memory of a check grow beyond its [`Budget`]. What is supported is the part of JSON Schema 2020-12 that
//! looks at values, with the older spellings of it (`definitions`, `items` as a list, `dependencies`).
//! Keywords that would change the meaning and are not supported are refused; unknown ones and annotations are
//! let through, as the standard says.

mod budget;
mod check;
mod compile;
mod equality;
mod keywords;
mod number;
mod pattern;
mod rules;
mod shown;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Failure};
pub use compile::Allowance;
use rules::Node;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    /// The first one is the schema itself.
    nodes: Vec<Node>,
}
