//! Cleaning and masking: what may leave, what may not.

mod masking;
mod secrets;
mod text;
