#!/usr/bin/env bash
# cargo, with the toolchain that the set-up settled on.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
use_settled_toolchain
exec cargo "$@"
