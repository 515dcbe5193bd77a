package main

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A node is one struct type of the Pod's tree and its fields, written as
//
//	name       a scalar, a map or a struct by value
//	name*      a pointer
//	name[]     a list that a patch replaces
//	name[+]    a list of scalars that a patch adds to
//	name[key]  a list of objects merged by key
//
// and, after a colon, the number of the type that the field or its elements have, where that type
// has fields of its own.
type node struct {
	typeName string
	fields   []string
}

// tree walks the types breadth first. Whatever it meets that the notation cannot say is a panic:
// then the notation, and the merge, must learn it.
type tree struct {
	numbers map[reflect.Type]int
	queue   []reflect.Type
}

func podTypes() []node {
	t := &tree{numbers: map[reflect.Type]int{}}
	t.number(reflect.TypeFor[corev1.Pod]())
	var nodes []node
	for i := 0; i < len(t.queue); i++ {
		nodes = append(nodes, node{t.queue[i].Name(), t.fields(t.queue[i])})
	}
	return nodes
}

// number names a struct type that has fields; false stands for a leaf.
func (t *tree) number(s reflect.Type) (int, bool) {
	if s.Kind() == reflect.Pointer {
		s = s.Elem()
	}
	if s.Kind() != reflect.Struct || len(visibleFields(s)) == 0 {
		return 0, false
	}
	n, known := t.numbers[s]
	if !known {
		n = len(t.queue)
		t.numbers[s] = n
		t.queue = append(t.queue, s)
	}
	return n, true
}

func (t *tree) fields(s reflect.Type) []string {
	var fields []string
	seen := map[string]bool{}
	for _, f := range visibleFields(s) {
		name := jsonName(f)
		if folded := strings.ToLower(name); seen[folded] {
			panic(fmt.Sprintf("%s has two fields %q", s, name))
		} else {
			seen[folded] = true
		}
		fields = append(fields, name+t.shape(s, f))
	}
	return fields
}

func (t *tree) shape(s reflect.Type, f reflect.StructField) string {
	strategy := strings.Split(f.Tag.Get("patchStrategy"), ",")[0]
	key := f.Tag.Get("patchMergeKey")
	mark, inner := "", f.Type
	switch f.Type.Kind() {
	case reflect.Pointer:
		inner = f.Type.Elem()
		mark = "*"
	case reflect.Slice:
		inner = f.Type.Elem()
		switch {
		case strategy == "" && key == "":
			mark = "[]"
		case strategy == "merge" && key == "":
			mark = "[+]"
		case strategy == "merge":
			mark = "[" + key + "]"
		}
	}
	if mark == "" && f.Type.Kind() == reflect.Slice || mark != "" && inner.Kind() == reflect.Slice ||
		f.Type.Kind() != reflect.Slice && strategy != "" {
		panic(fmt.Sprintf("%s.%s (%s, strategy %q, key %q) cannot be said", s, f.Name, f.Type, strategy, key))
	}
	if n, ok := t.number(inner); ok {
		mark += fmt.Sprintf(":%d", n)
	}
	return mark
}

// visibleFields are the fields that JSON knows, those of embedded structs included.
func visibleFields(s reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for f := range s.Fields() {
		if f.PkgPath != "" || f.Tag.Get("json") == "-" {
			continue
		}
		if f.Anonymous && jsonTag(f) == "" && f.Type.Kind() == reflect.Struct {
			fields = append(fields, visibleFields(f.Type)...)
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

func jsonTag(f reflect.StructField) string {
	return strings.Split(f.Tag.Get("json"), ",")[0]
}

func jsonName(f reflect.StructField) string {
	if name := jsonTag(f); name != "" {
		return name
	}
	return f.Name
}

func printTypes(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, n := range podTypes() {
		fmt.Fprintln(w, strings.Join(n.fields, " "))
	}
	return w.Flush()
}

// printTable wraps each type's fields so that a line of the Rust source stays readable.
func printTable(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprint(w, tableHead)
	for i, n := range podTypes() {
		fmt.Fprintf(w, "    // %d %s\n    \"", i, n.typeName)
		width := 5
		for j, field := range n.fields {
			switch {
			case j == 0:
			case width+len(field) > 100:
				// A continued line loses its leading blanks, so the blank stays behind.
				fmt.Fprint(w, " \\\n     ")
				width = 5
			default:
				fmt.Fprint(w, " ")
				width++
			}
			fmt.Fprint(w, field)
			width += len(field)
		}
		fmt.Fprint(w, "\",\n")
	}
	fmt.Fprint(w, "];\n")
	return w.Flush()
}

const tableHead = `//! The type tree of Pod: which fields there are, and how a list of them merges.
//!
//! Generated from the struct tags of k8s.io/api v0.36.3 by ` + "`oracle/run.sh table`" + `; not to be edited.
//! A field is ` + "`name`" + ` (scalar, map or struct), ` + "`name*`" + ` (pointer), ` + "`name[]`" + ` (list that a patch replaces),
//! ` + "`name[+]`" + ` (list of scalars that a patch adds to) or ` + "`name[key]`" + ` (list merged by key); ` + "`:n`" + ` is the number
//! of the type that the field or its elements have. Text, because text is what takes least room in the wasm.

pub(super) static TYPES: &[&str] = &[
`
