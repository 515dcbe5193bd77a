#!/usr/bin/env bash
# pin-images.sh SIDECAR POLICY OUT: packs deploy/ for a release, with digests (`sha256:...`) in place of the tags of the
# sidecar's image and of the policy's module. In the repository both are named by the tag of the crate's version, for a
# digest is known only when its bytes are pushed.
set -euo pipefail
[ $# = 3 ] || { echo "usage: $0 SIDECAR_DIGEST POLICY_DIGEST OUT.tar.gz" >&2; exit 2; }
cd "$(dirname "$0")/.."
sidecar=$1 policy=$2 out=$3

for digest in "$sidecar" "$policy"; do
  [[ "$digest" =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "\`$digest\` is no digest: write sha256: and 64 hex digits" >&2; exit 2; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/deploy"
cp deploy/*.yaml "$folder/deploy/"
sed -i -E \
  -e "s|(image: ghcr\.io/[a-z0-9./-]+/spillway-sidecar):[0-9][0-9A-Za-z.-]*$|\1@$sidecar|" \
  -e "s|(module: registry://ghcr\.io/[a-z0-9./-]+/spillway):v[0-9][0-9A-Za-z.-]*$|\1@$policy|" \
  "$folder"/deploy/*.yaml

left=$(grep -nE '^ *-? *(image|module): ' "$folder"/deploy/*.yaml | grep -v '@sha256:' || true)
if [ -n "$left" ]; then
  printf 'still without a digest:\n%s\n' "${left//$folder\//}" >&2
  exit 1
fi
mkdir -p "$(dirname "$out")"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$folder" -czf "$out" deploy
echo "$out: $(grep -hoE '@sha256:[0-9a-f]{64}' "$folder"/deploy/*.yaml | sort -u | wc -l) digests"
