#!/usr/bin/env bash
# supply-chain.sh [FOLDER]: holds workflows and manifests to what a stranger could otherwise change under us:
# - each action is named by the hash of a commit, its version beside it;
# - a workflow may read and nothing else; a job that may write says what for, and is in the table below;
# - nothing that a stranger wrote (a title, a branch's name) is put into a script, and no token is left in a checkout;
# - each image is named by digest, but for our own: by the crate's version, which a release replaces (pin-images.sh).
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
shopt -s nullglob

# WORKFLOW JOB PERMISSION: who may write what.
may_write='
release-drafter draft contents
release image packages
release image id-token
release image attestations
release cli id-token
release cli attestations
release policy contents
release policy packages
release policy id-token
release policy attestations
release files contents
release files id-token
release artifacthub contents
'

faults=0
fault() {
  echo "$*" >&2
  faults=$((faults + 1))
}

for file in .github/workflows/*.yml .github/workflows/*.yaml; do
  workflow=$(basename "$file" | sed 's/\.ya\{0,1\}ml$//')

  while IFS=: read -r line text; do
    uses=$(sed -E 's/^ *(- )?uses: *//' <<<"$text")
    [[ "$uses" == ./* ]] && continue
    [[ "$uses" =~ ^[A-Za-z0-9._/-]+@[0-9a-f]{40}\ \#\ v[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
      fault "$file:$line: \`$uses\`: name the action by the 40 digits of a commit, with its version behind: @<hash> # v1.2.3"
  done < <(grep -nE '^ *(- )?uses:' "$file")

  top=$(awk '/^permissions:/ { inside = 1; print; next } /^[^ #]/ { inside = 0 } inside && NF' "$file")
  [ "$top" = $'permissions:\n  contents: read' ] || fault "$file: the workflow's own permissions are \`contents: read\` and no other"

  # JOB PERMISSION LINE of whatever is not `read`, for each job.
  while read -r job permission line reason; do
    if ! grep -qxF "$workflow $job $permission" <<<"$may_write"; then
      fault "$file:$line: the job \`$job\` may write \`$permission\`: add it to may_write in $0, if it must"
    elif [ -z "$reason" ]; then
      fault "$file:$line: say behind \`$permission\` what it is for"
    fi
  done < <(awk '
    /^jobs:/ { jobs = 1; next }
    jobs && /^  [A-Za-z0-9_-]+:/ { job = $1; sub(":", "", job) }
    /^ *permissions:/ { depth = match($0, /[^ ]/); inside = jobs; if (jobs && NF > 1 && $2 !~ /^#/) print job, $2, NR, ""; next }
    inside && NF { if (match($0, /[^ ]/) <= depth) inside = 0 }
    inside && !/: read( |$)/ && /^ *[a-z-]+:/ { name = $1; sub(":", "", name); at = index($0, "#"); print job, name, NR, at ? substr($0, at + 1) : "" }
  ' "$file")

  while IFS=: read -r line _; do
    fault "$file:$line: a script or a name takes what a stranger wrote: hand it over by \`env\`"
  done < <(grep -nE '\$\{\{[^}]*(github\.event\.|github\.head_ref|inputs\.)' "$file")
  while IFS=: read -r line _; do
    fault "$file:$line: \`pull_request_target\` gives a stranger's change our rights"
  done < <(grep -n 'pull_request_target' "$file")

  checkouts=$(grep -cE 'uses: actions/checkout@' "$file" || true)
  without=$(grep -A2 -E 'uses: actions/checkout@' "$file" | grep -c 'persist-credentials: false' || true)
  [ "$checkouts" = "$without" ] || fault "$file: each checkout says \`persist-credentials: false\`"
done

version=$(sed -n '/^\[workspace.package\]/,/^$/ s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
ours="^(ghcr\.io/spillway-dev/spillway-sidecar:|registry://ghcr\.io/spillway-dev/policies/spillway:v)${version//./\\.}$"
while IFS=: read -r file line text; do
  image=$(sed -E 's/^ *(- )?(image|module): *"?([^" ]*).*/\3/; s/^FROM +(--[a-z]+=[^ ]+ +)*([^ ]+).*/\2/' <<<"$text")
  [ "$image" = scratch ] && continue
  [[ "$image" =~ @sha256:[0-9a-f]{64}$ ]] || [[ "$image" =~ $ours ]] ||
    fault "$file:$line: \`$image\`: name it by digest, or ours by the version of the crate, $version"
done < <(grep -HnE '^ *(- )?(image|module): |^FROM ' deploy/*.yaml deploy/Dockerfile* 2>/dev/null)

if [ $faults != 0 ]; then
  echo "supply chain: $faults faults" >&2
  exit 1
fi
echo "supply chain: pinned"
