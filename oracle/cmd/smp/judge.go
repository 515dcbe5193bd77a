package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// question is one line of input. More runs find more of the cases whose result depends on the
// order in which Go walks a map.
type question struct {
	Pod   json.RawMessage `json:"pod"`
	Patch json.RawMessage `json:"patch"`
	Runs  int             `json:"runs"`
}

const defaultRuns = 4

func judgeLines(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	defer writer.Flush()
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var q question
			if err := json.Unmarshal(line, &q); err != nil {
				return fmt.Errorf("a line that is no case: %w", err)
			}
			writer.WriteString(judge(q))
			writer.WriteByte('\n')
		}
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// judge merges several times and says so when the answers differ. Every second run leaves the
// decoder's spare capacity in the pod's lists: a result that depends on it depends on how the
// object got into memory, which no client can know.
func judge(q question) string {
	runs := q.Runs
	if runs == 0 {
		runs = defaultRuns
	}
	first := merge(q.Pod, q.Patch, true)
	for run := 1; run < runs; run++ {
		if merge(q.Pod, q.Patch, run%2 == 0) != first {
			return `{"unstable":true}`
		}
	}
	return first
}

// merge answers one run. A panic is a failure: the API server recovers from it and refuses.
func merge(podText, patchText []byte, clipped bool) (answer string) {
	const refused = `{"error":true}`
	defer func() {
		if recover() != nil {
			answer = refused
		}
	}()
	pod, err := object(podText)
	if err != nil {
		return refused
	}
	patch, err := object(patchText)
	if err != nil {
		return refused
	}
	if clipped {
		clip(pod)
	}
	result, err := strategicpatch.StrategicMergeMapPatch(pod, patch, &corev1.Pod{})
	if err != nil {
		return refused
	}
	var text bytes.Buffer
	text.WriteString(`{"result":`)
	encode(&text, map[string]any(result))
	text.WriteString("}")
	return text.String()
}

func object(text []byte) (map[string]any, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil, errors.New("not an object")
	}
	m := map[string]any{}
	return m, kjson.Unmarshal(text, &m)
}

// clip takes the spare capacity from every list, in place.
func clip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = clip(x)
		}
	case []any:
		for i, x := range v {
			v[i] = clip(x)
		}
		exact := make([]any, len(v))
		copy(exact, v)
		return exact
	}
	return v
}
