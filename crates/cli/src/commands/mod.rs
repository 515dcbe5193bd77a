//! The sub-commands, a file each. Raw arguments come from clap; each command checks them before it does anything.

pub(crate) mod cluster;
pub(crate) mod simulate;
pub(crate) mod torture;
