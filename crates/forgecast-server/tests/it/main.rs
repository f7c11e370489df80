//! The server as its clients meet it: a real listener, real sockets, a real hub behind it.

mod assets;
mod faults;
mod guard;
mod limits;
mod live;
mod pushes;
mod rest;
mod sse;
mod support;
mod viewer;
