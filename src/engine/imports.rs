//! The modules that code may import at every trust level. Pure.

/// The part of the standard library that computes and touches nothing.
pub const DEFAULT: &[&str] = &[
    "abc",
    "asyncio",
    "base64",
    "bisect",
    "calendar",
    "cmath",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "html",
    "io",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "pprint",
    "random",
    "re",
    "secrets",
    "statistics",
    "string",
    "textwrap",
    "time",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zlib",
    "zoneinfo",
];

/// The default list and `extra`, which adds top-level packages; `*` in it allows all.
#[must_use]
pub fn allowed(extra: &[String]) -> Vec<String> {
    let extra = extra.iter().map(String::as_str);
    DEFAULT
        .iter()
        .copied()
        .chain(extra)
        .map(str::to_owned)
        .collect()
}

/// The top-level modules of a list that the default list does not have.
#[must_use]
pub fn beyond_default(imports: &[String]) -> Vec<String> {
    let tops = imports
        .iter()
        .filter(|name| *name != "*" && !DEFAULT.contains(&name.as_str()))
        .filter_map(|name| name.split('.').next());
    tops.map(str::to_owned).collect()
}
