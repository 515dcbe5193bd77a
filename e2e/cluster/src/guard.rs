//! A small process that outlives ours: when our end of its input closes, however we ended, it kills what we had started.
//!
//! It kills process groups that were named to it and not taken back, so never a process that is not ours.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=
while read -r word group; do
  case $word in
  add) groups="$groups $group" ;;
  drop)
    kept=
    for other in $groups; do [ "$other" = "$group" ] || kept="$kept $other"; done
    groups=$kept
    ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done
"#;

/// Has the group killed when this process ends.
pub(crate) fn add(group: u32) -> io::Result<()> {
    tell("add", group)
}

/// The group has ended: its number may soon be somebody else's.
pub(crate) fn forget(group: u32) -> io::Result<()> {
    tell("drop", group)
}

fn tell(word: &str, group: u32) -> io::Result<()> {
    static GUARD: OnceLock<Mutex<Option<ChildStdin>>> = OnceLock::new();
    let guard = GUARD.get_or_init(Mutex::default);
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    let input = match guard.as_mut() {
        Some(input) => input,
        None => guard.insert(start()?),
    };
    writeln!(input, "{word} {group}")
}

fn start() -> io::Result<ChildStdin> {
    let mut child = Command::new("sh")
        .args(["-c", SCRIPT])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or_else(|| io::Error::other("the guard has no input"))
}
