//! The server as its clients meet it: a real listener, real sockets, a real hub behind it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot go on without, it fails on"
)]

mod access;
mod approvals;
mod artifacts;
mod assets;
mod bodies;
mod certificates;
mod churn;
mod exports;
mod faults;
mod guard;
mod health;
mod hooks;
mod hostile_pages;
mod imports;
mod limits;
mod live;
mod openapi;
mod otlp;
mod proxy;
mod pushes;
mod rest;
mod sse;
mod tls;
mod usage;
