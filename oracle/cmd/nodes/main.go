// Command nodes answers what the scheduler's own code makes of nodes and pods: whether node selector and required
// affinity select the node, the score of the preferred terms, and the first taint that is not tolerated.
//
// It reads cases from stdin, one JSON object a line, and answers one line for each. It is a test tool: nothing that
// ships depends on it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spillway-dev/spillway/oracle/lines"
	corev1 "k8s.io/api/core/v1"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

type question struct {
	Node corev1.Node `json:"node"`
	Pod  corev1.Pod  `json:"pod"`
}

// answer leaves Preferred out where the preferred terms cannot be read, and Untolerated where every taint is tolerated.
type answer struct {
	Selected    bool   `json:"selected"`
	Preferred   *int64 `json:"preferred,omitempty"`
	Untolerated *int   `json:"untolerated,omitempty"`
}

func main() {
	if err := lines.Answer(os.Stdin, os.Stdout, judge); err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		os.Exit(2)
	}
}

func judge(line []byte) (any, error) {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, err
	}
	var a answer
	// The scheduler ignores the error: an unreadable term selects nothing.
	a.Selected, _ = nodeaffinity.GetRequiredNodeAffinity(&q.Pod).Match(&q.Node)
	var preferred []corev1.PreferredSchedulingTerm
	if affinity := q.Pod.Spec.Affinity; affinity != nil && affinity.NodeAffinity != nil {
		preferred = affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	}
	if terms, err := nodeaffinity.NewPreferredSchedulingTerms(preferred); err == nil {
		score := terms.Score(&q.Node)
		a.Preferred = &score
	}
	// The zero logger is silent.
	for i := range q.Node.Spec.Taints {
		taint := q.Node.Spec.Taints[i : i+1]
		keepsAway := func(t *corev1.Taint) bool { return t.Effect != corev1.TaintEffectPreferNoSchedule }
		if _, found := scheduling.FindMatchingUntoleratedTaint(klog.Logger{}, taint, q.Pod.Spec.Tolerations, keepsAway, true); found {
			a.Untolerated = &i
			break
		}
	}
	return a, nil
}
