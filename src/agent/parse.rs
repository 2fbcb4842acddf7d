//! Takes the code out of a model's reply. Pure.
