//! Real files, real notifications: what the sources make of them.

mod support;

mod basics;
