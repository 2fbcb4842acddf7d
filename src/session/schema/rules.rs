//! What a schema is compiled to: nodes, each a list of rules that a value has to keep.

use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::pattern::Pattern;

/// A node, by its place in the list of all.
pub type Id = usize;

/// One schema.
#[derive(Debug, Default)]
pub struct Node {
    /// What it asks for, in the order in which it is looked at.
    pub rules: Vec<Rule>,
}

/// One thing that a schema asks for. Rules about a kind of value hold for all other kinds.
#[derive(Debug)]
pub enum Rule {
    /// The schema `false`.
    Never,
    /// To be of one of these types.
    Type(Vec<Type>),
    /// To be one of these values.
    Enum(Options),
    /// To be this value.
    Const(Value),
    /// A number: to be within a bound.
    Bound(Bound),
    /// A number: to be a multiple of this one.
    MultipleOf(Number),
    /// A text: to have a length, in characters.
    Length(Range),
    /// A text: to have a match in it.
    Pattern(Pattern),
    /// A list: to have a number of items.
    Count(Range),
    /// A list: to have no two items that are equal.
    Unique,
    /// A list: what its items are to be.
    Items(Items),
    /// A list: how many of its items are to keep a schema.
    Contains(Id, Range),
    /// An object: to have a number of properties.
    Size(Range),
    /// An object: to have these properties.
    Required(Vec<String>),
    /// An object: what its properties are to be.
    Properties(Box<Properties>),
    /// An object: what the names of its properties are to be.
    Names(Id),
    /// An object that has a property: to have these too.
    DependentRequired(String, Vec<String>),
    /// An object that has a property: to keep a schema.
    DependentSchema(String, Id),
    /// To keep all of these.
    All(Vec<Id>),
    /// To keep one of these at least.
    Any(Vec<Id>),
    /// To keep exactly one of these.
    One(Vec<Id>),
    /// Not to keep this one.
    Not(Id),
    /// To keep one schema or the other, as the value keeps a first one or not.
    If(Id, Option<Id>, Option<Id>),
    /// To keep the schema that is referred to.
    Ref(Id),
}

/// The types of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `null`.
    Null,
    /// A truth value.
    Boolean,
    /// A number without a fraction, such as `1.0`.
    Integer,
    /// Any number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// The values of an `enum`.
#[derive(Debug)]
pub struct Options {
    /// The texts among them.
    pub texts: HashSet<String>,
    /// The others.
    pub others: Vec<Value>,
    /// The first of all, for messages.
    pub first: Vec<Value>,
    /// How many there are.
    pub count: usize,
}

/// A bound of a number.
#[derive(Debug)]
pub struct Bound {
    /// The number.
    pub limit: Number,
    /// Whether it is the lower bound.
    pub lower: bool,
    /// Whether the number itself is out of bounds.
    pub exclusive: bool,
}

/// A range of counts.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The fewest.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// What the items of a list are to be.
#[derive(Debug)]
pub struct Items {
    /// The first ones, each by itself.
    pub first: Vec<Id>,
    /// All others.
    pub rest: Option<Id>,
}

/// What the properties of an object are to be.
#[derive(Debug, Default)]
pub struct Properties {
    /// Those of a name.
    pub named: HashMap<String, Id>,
    /// Those whose name has a match in it.
    pub matching: Vec<(Pattern, Id)>,
    /// All others.
    pub others: Option<Id>,
    /// Whether there are to be no others.
    pub closed: bool,
}

impl Type {
    /// The type of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl Properties {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        let rules = self.named.is_empty() && self.matching.is_empty();
        rules && self.others.is_none() && !self.closed
    }
}

impl Rule {
    /// The schemas that it holds the value itself to, and not a part of it.
    pub fn in_place(&self) -> Vec<Id> {
        match self {
            Self::All(ids) | Self::Any(ids) | Self::One(ids) => ids.clone(),
            Self::Not(id) | Self::Ref(id) | Self::DependentSchema(_, id) => vec![*id],
            Self::If(test, then, otherwise) => {
                let branches = [Some(*test), *then, *otherwise];
                branches.into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}
