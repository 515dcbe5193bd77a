// Command smp answers what the API server's own code makes of a strategic merge patch of a Pod.
//
//	smp judge   reads cases from stdin, one JSON object a line, and answers one line for each
//	smp types   prints the type tree of Pod as the merge sees it, one type a line
//	smp table   prints the same as the Rust source of the placement core's table
//
// It is a test tool: nothing that ships depends on it.
package main

import (
	"fmt"
	"os"
)

func main() {
	mode := ""
	if len(os.Args) == 2 {
		mode = os.Args[1]
	}
	var err error
	switch mode {
	case "judge":
		err = judgeLines(os.Stdin, os.Stdout)
	case "types":
		err = printTypes(os.Stdout)
	case "table":
		err = printTable(os.Stdout)
	default:
		err = fmt.Errorf("usage: smp judge|types|table")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "smp:", err)
		os.Exit(2)
	}
}
