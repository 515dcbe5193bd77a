// Package lines speaks with the driver of an oracle: a question a line, an answer a line.
package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Answer reads until the end. It flushes whenever no question waits, so that the driver may ask in batches.
func Answer(in io.Reader, out io.Writer, judge func(line []byte) (any, error)) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(writer)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			answer, wrong := judge(line)
			if wrong != nil {
				return fmt.Errorf("line %d: %w", number, wrong)
			}
			if wrong := encoder.Encode(answer); wrong != nil {
				return wrong
			}
		}
		if reader.Buffered() == 0 || err != nil {
			if wrong := writer.Flush(); wrong != nil {
				return wrong
			}
		}
		if err != nil {
			return nil
		}
	}
}
