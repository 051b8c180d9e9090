// Bridgegen writes the Go side of what pages and the browser program say to each
// other from its description in TypeScript: the shapes of what pages get, from the
// Go types that hold it, and the fields of what pages ask for.
//
//	bridgegen -types FILE.go -types FILE.go FILE.d.ts ... >protocol.go
//
// A field of an interface is taken from the field of the Go type of the same name,
// whatever the case. Where there is none, or one that JavaScript has no form for,
// it is taken from a function that is written by hand, as messageType(*chat.Message)
// for the field type of Message.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	var goFiles []string
	flag.Func("types", "a `file` with Go types that pages get", func(name string) error {
		goFiles = append(goFiles, name)
		return nil
	})
	flag.Parse()
	if err := run(os.Stdout, goFiles, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bridgegen:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, goFiles, declarations []string) error {
	var declared declaration
	for _, name := range declarations {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := declared.read(string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	types := goTypes{fields: map[string][]goField{}, strings: map[string]bool{}}
	for _, name := range goFiles {
		if err := types.read(name); err != nil {
			return err
		}
	}
	code, err := generate(&declared, &types)
	if err != nil {
		return err
	}
	_, err = out.Write(code)
	return err
}
