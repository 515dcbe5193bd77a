// Command ranking answers in which order a ReplicaSet's pods are deleted: controller.ActivePodsWithRanks.
//
// It reads cases from stdin, one JSON object a line, and answers one line for each: for every pair of pods whether the
// first goes before the second, as a row of 0 and 1 for each pod. The comparison is asked for, not the sort: it is no
// order, so what Go's sort makes of it depends on where the pods stood. It is a test tool: nothing that ships depends on it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spillway-dev/spillway/oracle/lines"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/controller"
)

type question struct {
	// NowMillis counts from 1970.
	NowMillis int64         `json:"nowMillis"`
	Pods      []*corev1.Pod `json:"pods"`
	Ranks     []int         `json:"ranks"`
}

type answer struct {
	Before []string `json:"before"`
}

func main() {
	if err := lines.Answer(os.Stdin, os.Stdout, judge); err != nil {
		fmt.Fprintln(os.Stderr, "ranking:", err)
		os.Exit(2)
	}
}

func judge(line []byte) (any, error) {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, err
	}
	if len(q.Pods) != len(q.Ranks) {
		return nil, fmt.Errorf("%d pods, %d ranks", len(q.Pods), len(q.Ranks))
	}
	ranked := controller.ActivePodsWithRanks{Pods: q.Pods, Rank: q.Ranks, Now: metav1.NewTime(time.UnixMilli(q.NowMillis))}
	rows := make([]string, len(q.Pods))
	for i := range rows {
		row := make([]byte, len(q.Pods))
		for j := range row {
			row[j] = '0'
			if i != j && ranked.Less(i, j) {
				row[j] = '1'
			}
		}
		rows[i] = string(row)
	}
	return answer{rows}, nil
}
