//! Real files, real notifications: what the sources make of them.

mod clean;
mod decode;
mod support;

mod basics;
