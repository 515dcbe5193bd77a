//! The compiled policy in the real host library: one test program for all of it, so that the
//! module is compiled once.

mod corpus;
mod golden;
mod packaging;
mod scratch;
mod settings;
mod support;
mod trouble;
