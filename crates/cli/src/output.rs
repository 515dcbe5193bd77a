//! Standard output and standard error, written so that whoever reads them, or does not, breaks no run.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::exit::Exit;

/// Standard output. Who stops reading, as `head` does, has seen enough: that is no fault.
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(io::stdout().flush(), ())
    }
}

/// Writes to standard output as it stands.
pub(crate) fn print(text: impl Display) -> Result<(), Exit> {
    let written = write!(Stdout, "{text}").and_then(|()| Stdout.flush());
    written.map_err(|error| Exit::BadInput(vec![format!("cannot write to standard output: {error}")]))
}

/// Writes a line to standard output.
pub(crate) fn print_line(text: impl Display) -> Result<(), Exit> {
    print(format_args!("{text}\n"))
}

/// Writes a line to standard error. Where that cannot be done there is nobody left to tell.
pub(crate) fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn unless_closed<T>(done: io::Result<T>, all: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(all),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_no_fault_and_a_full_disk_is_one() {
        let failed = |kind: ErrorKind| unless_closed(Err(kind.into()), 7);
        assert_eq!(failed(ErrorKind::BrokenPipe).unwrap(), 7);
        let kept = failed(ErrorKind::StorageFull).unwrap_err();
        assert_eq!(kept.kind(), ErrorKind::StorageFull);
        assert_eq!(unless_closed(Ok(3), 7).unwrap(), 3);
    }
}
