package gateway

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/watch"
)

// outside watches a directory of the app's source outside the project's directory.
type outside struct {
	path    string // relative to the project
	watcher *watch.Watcher
}

func watchOutside(cfg Config, opts watch.Options) ([]outside, error) {
	var all []outside
	for _, dir := range cfg.Outside {
		w, err := watch.New(dir.Dir, rulesBelow(dir.Path, watchedRules(cfg.Rules)), opts)
		if err != nil {
			return nil, err
		}
		all = append(all, outside{dir.Path, w})
	}
	return all, nil
}

// rulesInside are the rules for the project's own directory.
func rulesInside(rules []dev.Rule) []dev.Rule {
	return slices.DeleteFunc(rules, func(r dev.Rule) bool { return !filepath.IsLocal(filepath.FromSlash(r.Path)) })
}

// rulesBelow are the rules for a directory and what lies below it, relative to it.
func rulesBelow(dir string, rules []dev.Rule) []dev.Rule {
	var out []dev.Rule
	for _, r := range rules {
		switch {
		case r.Path == dir:
			r.Path = "."
		case strings.HasPrefix(r.Path, dir+"/"):
			r.Path = strings.TrimPrefix(r.Path, dir+"/")
		default:
			continue
		}
		out = append(out, r)
	}
	return out
}

// run watches until ctx ends, and calls saved with each batch of changes. Their paths are relative to the project.
func (o outside) run(ctx context.Context, saved func(changes []dev.Change, first time.Time)) error {
	return o.watcher.Run(ctx, func(b watch.Batch) {
		for i := range b.Changes {
			b.Changes[i].Path = path.Join(o.path, b.Changes[i].Path)
		}
		saved(b.Changes, b.First)
	})
}
