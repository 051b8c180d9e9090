package main

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
)

// bundle returns the sources with the modules of the page put together and minified:
// those that index.html begins with are one classic script, what that loads later a
// module each; and each plain module, which others address, with all that it needs.
// Style sheets are minified. Modules that are in a bundle are no files of their own any more.
func bundle(sources map[string][]byte) (map[string][]byte, error) {
	b := bundler{sources: sources, bundled: maps.Clone(sources), inside: make(map[string]bool), later: make(map[string]bool)}
	if err := b.page(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		var err error
		switch {
		case path.Ext(name) == ".js" && plain[name]:
			err = b.module(name, name)
		case path.Ext(name) == ".css":
			err = b.styles(name)
		}
		if err != nil {
			return nil, err
		}
	}
	for name := range b.inside {
		if !plain[name] {
			delete(b.bundled, name)
		}
	}
	maps.Copy(b.bundled, b.outputs)
	return b.bundled, nil
}

type bundler struct {
	sources, bundled map[string][]byte
	outputs          map[string][]byte

	mu     sync.Mutex      // many modules are loaded at once
	inside map[string]bool // sources that are part of a bundle
	later  map[string]bool // sources that a bundle loads when it needs them
}

// entry matches a script element with a module that index.html begins with, up to the end of its line.
var entry = regexp.MustCompile(`<script type="module"[^>]* src="\./([^"]+)"></script>\s*`)

// page bundles the modules of index.html, in their order, to one script beside it, which
// takes the name and the place of the last. It is a classic script, since browsers keep
// the compiled code of these from one load to the next: Chromium parses a module while
// it comes and so compiles it anew each time (150 to 10 ms, 3,000 functions that run once).
func (b *bundler) page() error {
	b.outputs = make(map[string][]byte)
	html := string(b.sources[index])
	entries := entry.FindAllStringSubmatchIndex(html, -1)
	if len(entries) == 0 {
		return nil
	}
	imports, rest, done := "", "", 0
	var name string
	for _, at := range entries {
		name = html[at[2]:at[3]]
		imports += "import './" + name + "';\n"
		rest += html[done:at[0]]
		done = at[1]
	}
	script := path.Base(name)
	rest += `<script defer blocking="render" src="./` + script + `"></script>` + "\n" + html[done:]
	made, err := b.build(api.BuildOptions{
		Stdin:      &api.StdinOptions{Contents: imports, Sourcefile: index},
		EntryNames: strings.TrimSuffix(script, ".js"),
		Format:     api.FormatIIFE,
		// A classic script has no import.meta, and what runs later no currentScript.
		Define: map[string]string{"import.meta.url": "scriptURL"},
		Banner: map[string]string{"js": `"use strict";{const scriptURL=document.currentScript.src;`},
		Footer: map[string]string{"js": "}"},
	})
	if err != nil {
		return err
	}
	maps.Copy(b.outputs, made)
	b.bundled[index] = []byte(rest)
	for _, later := range slices.Sorted(maps.Keys(b.later)) {
		if err := b.module(later, path.Base(later)); err != nil {
			return err
		}
	}
	return nil
}

// module puts one module and what it imports into one file beside index.html.
func (b *bundler) module(name, file string) error {
	made, err := b.build(api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{{InputPath: name, OutputPath: strings.TrimSuffix(file, ".js")}},
		Format:              api.FormatESModule,
	})
	maps.Copy(b.outputs, made)
	return err
}

// build runs the bundler on the sources and returns what it made.
func (b *bundler) build(options api.BuildOptions) (map[string][]byte, error) {
	options.Bundle = true
	options.Platform = api.PlatformBrowser
	options.MinifyWhitespace, options.MinifyIdentifiers, options.MinifySyntax = true, true, true
	options.Charset = api.CharsetUTF8
	options.LegalComments = api.LegalCommentsInline
	options.Outdir = "/"
	options.AbsWorkingDir = "/"
	options.Plugins = []api.Plugin{{Name: "sources", Setup: b.resolve}}
	result := api.Build(options)
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	made := make(map[string][]byte)
	for _, file := range result.OutputFiles {
		made[strings.TrimPrefix(file.Path, "/")] = file.Contents
	}
	return made, nil
}

// namespace is the bundler's for the sources, none of which it reads by itself.
const namespace = "static"

// resolve lets the bundler read the sources, and nothing else.
func (b *bundler) resolve(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: ".*"}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		name := path.Join(path.Dir(args.Importer), args.Path)
		if b.sources[name] == nil {
			return api.OnResolveResult{}, fmt.Errorf("%s refers to %s, which does not exist", args.Importer, args.Path)
		}
		if args.Kind == api.ResolveJSDynamicImport {
			b.mu.Lock()
			b.later[name] = true
			b.mu.Unlock()
			return api.OnResolveResult{Path: "./" + path.Base(name), External: true}, nil
		}
		return api.OnResolveResult{Path: name, Namespace: namespace}, nil
	})
	build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		b.mu.Lock()
		b.inside[args.Path] = true
		b.mu.Unlock()
		content := fromRoot(args.Path, string(b.sources[args.Path]))
		return api.OnLoadResult{Contents: &content, Loader: api.LoaderJS}, nil
	})
}

// besides matches an address that a module makes of its own.
var besides = regexp.MustCompile(`new URL\('(\.\.?(?:/[^']*)?)', import\.meta\.url\)`)

// fromRoot returns a module with such addresses as they are from the root, where
// all bundles are.
func fromRoot(name, content string) string {
	return besides.ReplaceAllStringFunc(content, func(address string) string {
		target, query, asked := strings.Cut(besides.FindStringSubmatch(address)[1], "?")
		target = "./" + strings.TrimPrefix(path.Join(path.Dir(name), target), ".")
		if asked {
			target += "?" + query
		}
		return "new URL('" + target + "', import.meta.url)"
	})
}

// styles minifies a style sheet.
func (b *bundler) styles(name string) error {
	result := api.Transform(string(b.sources[name]), api.TransformOptions{
		Loader: api.LoaderCSS, MinifyWhitespace: true, MinifySyntax: true, Charset: api.CharsetUTF8, Sourcefile: name,
	})
	b.bundled[name] = result.Code
	return failure(result.Errors)
}

// failure is nothing, or an error that names file and line of each message.
func failure(messages []api.Message) error {
	var failed []error
	for _, m := range messages {
		text := strings.ReplaceAll(m.Text, `"`+namespace+":", `"`)
		if m.Location == nil {
			failed = append(failed, errors.New(text))
			continue
		}
		failed = append(failed, fmt.Errorf("%s:%d: %s", strings.TrimPrefix(m.Location.File, namespace+":"), m.Location.Line, text))
	}
	return errors.Join(failed...)
}
