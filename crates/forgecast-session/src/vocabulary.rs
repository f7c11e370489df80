//! Words of producers and what they mean.
