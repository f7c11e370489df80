//! The integration tests of the fold, in one binary.
