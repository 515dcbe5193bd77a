#!/usr/bin/env bash
# Builds the control plane of the tests into target/control-plane: etcd, Kubernetes and KWOK, as pinned by the two go.mod
# files. It takes minutes from an empty cache, and nothing when what is there is what they pin.
set -euo pipefail
cd "$(dirname "$0")/../.."

modules=e2e/cluster
out=target/control-plane
command -v go >/dev/null || { echo "the control plane is built from Go modules: install Go 1.26, then run this again" >&2; exit 1; }

kubernetes=$(sed -n 's/^\(require \|\t\)k8s\.io\/kubernetes \(v[0-9.]*\).*/\2/p' $modules/control-plane/go.mod)
[ -n "$kubernetes" ] || { echo "$modules/control-plane/go.mod does not name k8s.io/kubernetes" >&2; exit 1; }
IFS=. read -r major minor _ <<<"${kubernetes#v}"

pinned=$({ go env GOVERSION GOOS GOARCH; cat "$0" $modules/*/go.mod $modules/*/go.sum; } | sha256sum)
if [ "$(cat $out/pinned 2>/dev/null)" = "$pinned" ]; then
  exit 0
fi
echo "building the control plane: Kubernetes $kubernetes, etcd and KWOK; minutes the first time"
rm -f $out/pinned
mkdir -p $out/bin $out/kwok-stages
bin=$PWD/$out/bin

# Clients refuse a server that does not say its version.
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=$major -X $version.gitMinor=$minor"
(cd $modules/control-plane && go build -mod=readonly -o "$bin/" -ldflags="$flags" tool)
(cd $modules/etcd-kwok && go build -mod=readonly -o "$bin/etcd" -ldflags='-s -w' go.etcd.io/etcd/server/v3)
(cd $modules/etcd-kwok && go build -mod=readonly -o "$bin/kwok" -ldflags='-s -w' sigs.k8s.io/kwok/cmd/kwok)

# What KWOK plays: nodes that are ready at once, pods that run, complete and go at once.
stages=$(cd $modules/etcd-kwok && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease \
  pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
  install -m 644 "$stages/$stage.yaml" "$out/kwok-stages/"
done
echo "$pinned" >$out/pinned
