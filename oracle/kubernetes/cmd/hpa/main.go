// Command hpa answers what Kubernetes' own HorizontalPodAutoscaler controller does, step by step.
//
//	hpa judge   reads cases from stdin, one JSON object a line, and answers one line for each
//
// It is a test tool: nothing that ships depends on it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] != "judge" {
		fmt.Fprintln(os.Stderr, "usage: hpa judge")
		os.Exit(2)
	}
	os.Args = os.Args[:1]
	answers := os.Stdout
	// A test program says that it passed, and the controller each step it takes.
	os.Stdout = os.Stderr
	klog.SetLogger(logr.Discard())
	inTest(func(t *testing.T) {
		if err := judgeLines(t, os.Stdin, answers); err != nil {
			fmt.Fprintln(os.Stderr, "hpa:", err)
			os.Exit(2)
		}
	})
}

// inTest runs f as a test, because only a test may have a bubble, and ends the program.
func inTest(f func(*testing.T)) {
	everything := func(string, string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{{Name: "judge", F: f}}, nil, nil)
}

func judgeLines(t *testing.T, in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	defer writer.Flush()
	return eachLine(reader, func(line []byte) error {
		var c question
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&c); err != nil {
			return fmt.Errorf("a line that is no case: %w", err)
		}
		var given answer
		// A bubble has a clock of its own, which begins at the same moment each time and moves
		// on when everybody in it waits.
		synctest.Test(t, func(*testing.T) { given = judge(c) })
		text, err := json.Marshal(given)
		if err != nil {
			return err
		}
		writer.Write(append(text, '\n'))
		if reader.Buffered() == 0 {
			return writer.Flush()
		}
		return nil
	})
}

func eachLine(reader *bufio.Reader, f func([]byte) error) error {
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := f(line); err != nil {
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
