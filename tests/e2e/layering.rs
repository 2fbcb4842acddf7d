//! The source keeps to its layers.
