#!/usr/bin/env bats
# The annotated policy in kwctl, with recorded answers of the cluster: `make e2e-tests`.

setup() {
  cd "$BATS_TEST_DIRNAME" || return 1
}

# review REQUEST SESSION [SETTINGS]: one admission, with recorded answers. kwctl itself checks no calls: one that differs from
# the recorded one is answered with an error, answers that nobody asked for are warned of, and it ends well either way. So
# each test looks at what became of the pod: after an error the policy leaves it as it is, and says so in a warning.
review() {
  run kwctl run ../annotated-policy.wasm \
    --request-path "$1" \
    --settings-path "${3:-settings.yaml}" \
    --allow-context-aware \
    --replay-host-capabilities-interactions "$2"
  echo "$output"
  [ "$status" -eq 0 ]
}

says() { [[ "$output" == *"$1"* ]]; }

# The JSON patch of the answer.
patch() { sed -n 's/.*"patch":"\([^"]*\)".*/\1/p' <<<"$output" | base64 --decode; }

changes() {
  patch
  [[ "$(patch)" == *"$1"* ]]
}

is_unchanged() {
  says '"allowed":true' && [[ "$output" != *'"patch":"'* ]]
}

@test "a pod of another workload costs no host call and stays as it is" {
  review pod-of-another-workload.json session-no-calls.yaml
  is_unchanged
  says '"warnings":null'
}

@test "a pod of another namespace costs no host call and stays as it is" {
  review pod-of-another-namespace.json session-no-calls.yaml
  is_unchanged
  says '"warnings":null'
}

@test "the last free place of the fixed pool is filled" {
  review pod-of-the-spread.json session-one-place-left.yaml
  says '"allowed":true'
  changes '/metadata/labels/spillway.dev~1subset","value":"fixed"'
  changes '/metadata/labels/resource-pool","value":"fixed"'
  changes '"operator":"NotIn","values":["virtual-kubelet"]'
}

@test "what does not fit into the fixed pool spills" {
  review pod-of-the-spread.json session-fixed-pool-full.yaml
  says '"allowed":true'
  changes '/metadata/labels/spillway.dev~1subset","value":"elastic"'
  changes '"/spec/tolerations/1"'
  changes '"key":"virtual-kubelet.io/provider"'
}

@test "a refused host call leaves the pod as it is and says why" {
  review pod-of-the-spread.json session-refused.yaml
  is_unchanged
  says 'has not been granted access to Kubernetes apps/v1/ReplicaSet'
}

@test "a refused host call rejects the pod where the settings ask for it" {
  review pod-of-the-spread.json session-refused.yaml settings-reject.yaml
  says '"allowed":false'
  says 'onError'
}

@test "settings that cannot be right are refused with the place and what to write" {
  run kwctl run ../annotated-policy.wasm \
    --request-path pod-of-another-workload.json --settings-path settings-invalid.yaml
  echo "$output"
  [ "$status" -ne 0 ]
  says 'spreads[0].subsets[0].maxReplicas'
}
