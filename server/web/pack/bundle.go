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

// bundle returns the sources with the modules of the page put together and
// minified: what index.html begins with, and a file for what those share; and each
// plain module, which others address, with all that it needs. Style sheets are
// minified. Modules that are in a bundle are no files of their own any more.
func bundle(sources map[string][]byte) (map[string][]byte, error) {
	b := bundler{sources: sources, bundled: maps.Clone(sources), inside: make(map[string]bool)}
	if err := b.page(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		var err error
		switch {
		case path.Ext(name) == ".js" && plain[name]:
			err = b.module(name)
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
}

// entry matches a module that index.html begins with.
var entry = regexp.MustCompile(`<script type="module"[^>]* src="\./([^"]+)"`)

// page bundles the modules of index.html to files beside it, and lets it ask for what
// they share at once and not only when the first has come.
func (b *bundler) page() error {
	b.outputs = make(map[string][]byte)
	html := string(b.sources[index])
	var entries []api.EntryPoint
	for _, found := range entry.FindAllStringSubmatch(html, -1) {
		name := found[1]
		base := path.Base(name)
		entries = append(entries, api.EntryPoint{InputPath: name, OutputPath: strings.TrimSuffix(base, ".js")})
		html = strings.ReplaceAll(html, `"./`+name+`"`, `"./`+base+`"`)
	}
	if len(entries) == 0 {
		return nil
	}
	made, err := b.build(api.BuildOptions{EntryPointsAdvanced: entries, Splitting: true})
	if err != nil {
		return err
	}
	preloads := ""
	for _, name := range slices.Sorted(maps.Keys(made)) {
		b.outputs[name] = made[name]
		if !strings.Contains(html, `"./`+name+`"`) && imports(made, name) {
			preloads += `<link rel="modulepreload" href="./` + name + `">` + "\n  "
		}
	}
	first := strings.Index(html, `<script type="module"`)
	b.bundled[index] = []byte(html[:first] + preloads + html[first:])
	return nil
}

// imports reports whether one of the files imports another before it runs.
func imports(files map[string][]byte, name string) bool {
	statically := regexp.MustCompile(`(?:from|import)"\./` + regexp.QuoteMeta(name) + `"`)
	for _, content := range files {
		if statically.Match(content) {
			return true
		}
	}
	return false
}

// module puts one module and what it imports into one file of the same name.
func (b *bundler) module(name string) error {
	made, err := b.build(api.BuildOptions{EntryPointsAdvanced: []api.EntryPoint{{InputPath: name, OutputPath: strings.TrimSuffix(name, ".js")}}})
	maps.Copy(b.outputs, made)
	return err
}

// build runs the bundler on the sources and returns what it made.
func (b *bundler) build(options api.BuildOptions) (map[string][]byte, error) {
	options.Bundle = true
	options.Format = api.FormatESModule
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
			if args.Importer == "" {
				return api.OnResolveResult{}, fmt.Errorf("%s refers to ./%s, which does not exist", index, args.Path)
			}
			return api.OnResolveResult{}, fmt.Errorf("%s refers to %s, which does not exist", args.Importer, args.Path)
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
