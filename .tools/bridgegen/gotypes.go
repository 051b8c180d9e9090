package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// goTypes are the structs of some Go files.
type goTypes struct {
	fields  map[string][]goField // by the struct's name, with its package unless it is the bridge's
	strings map[string]bool      // names of types that are strings
}

type goField struct{ name, kind string }

// read adds the types of a file.
func (g *goTypes) read(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	prefix := file.Name.Name + "."
	if prefix == "bridge." {
		prefix = ""
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isType := n.(*ast.TypeSpec)
		if !isType {
			return true
		}
		switch t := spec.Type.(type) {
		case *ast.Ident:
			g.strings[prefix+spec.Name.Name] = t.Name == "string"
		case *ast.StructType:
			for _, f := range t.Fields.List {
				for _, name := range f.Names {
					g.fields[prefix+spec.Name.Name] = append(g.fields[prefix+spec.Name.Name], goField{name.Name, qualified(prefix, f.Type)})
				}
			}
		}
		return false
	})
	return nil
}

// qualified is a type as the bridge names it.
func qualified(prefix string, t ast.Expr) string {
	text := types.ExprString(t)
	bare := strings.TrimLeft(text, "*[]")
	if ast.IsExported(bare) {
		return strings.TrimSuffix(text, bare) + prefix + bare
	}
	return text
}

// field finds a field of a struct by its name in JavaScript.
func (g *goTypes) field(of, name string) (goField, bool) {
	for _, f := range g.fields[of] {
		if strings.EqualFold(f.name, name) {
			return f, true
		}
	}
	return goField{}, false
}
