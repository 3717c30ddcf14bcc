package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Files returns the files of the directory that git does not ignore, and those of them that git tracks. The names
// are relative to the directory given to [Read], with slashes.
func (r Repository) Files(ctx context.Context) (files, tracked []string, err error) {
	list := func(args ...string) ([]string, error) {
		out, err := r.runner.run(ctx, append([]string{"ls-files", "-z"}, args...)...)
		if err != nil {
			return nil, ctxErrorOr(ctx, err)
		}
		names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		slices.Sort(names)
		return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" }), nil
	}
	if tracked, err = list("--cached"); err != nil {
		return nil, nil, err
	}
	files, err = list("--cached", "--others", "--exclude-standard")
	return files, tracked, err
}

// Shallow reports whether the repository lacks older commits.
func (r Repository) Shallow(ctx context.Context) bool {
	out, err := r.runner.run(ctx, "rev-parse", "--is-shallow-repository")
	return err == nil && strings.TrimSpace(string(out)) == "true"
}

// Blobs calls visit once for each version of each file that a branch, a tag or a stash reaches: with its id, one of
// its paths, and its content, which visit need not read to the end. Blobs stops at visit's first error. Its memory
// grows with the number of versions, not with their size.
func (r Repository) Blobs(ctx context.Context, visit func(id, path string, content io.Reader) error) error {
	if r.Commit == "" {
		return nil
	}
	paths, ids, err := r.objects(ctx)
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.runner.command(inner, "cat-file", "--batch", "--buffer")
	cmd.Stdin = bytes.NewReader(ids)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	err = eachBlob(bufio.NewReaderSize(out, 1<<16), func(id string, content io.Reader) error { return visit(id, paths[id], content) })
	if err != nil {
		cancel() // nobody reads the rest of its output
	}
	if werr := cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("git cat-file: %w", werr)
	}
	return ctxErrorOr(ctx, err)
}

// objects lists the reachable objects: one path for each id, and the ids as lines.
func (r Repository) objects(ctx context.Context) (paths map[string]string, ids []byte, err error) {
	out, err := r.runner.run(ctx, "rev-list", "--objects", "--missing=allow-promisor", "--all", "HEAD")
	if err != nil {
		return nil, nil, ctxErrorOr(ctx, err)
	}
	paths = map[string]string{}
	for line := range strings.Lines(string(out)) {
		id, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if path != "" { // commits and root trees have no path
			paths[id] = path
			ids = append(append(ids, id...), '\n')
		}
	}
	return paths, ids, nil
}

// eachBlob parses the output of "git cat-file --batch": a line "ID TYPE SIZE", the object, a line end.
func eachBlob(in *bufio.Reader, visit func(id string, content io.Reader) error) error {
	for {
		head, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) && head == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		fields := strings.Fields(head)
		if len(fields) == 2 && fields[1] == "missing" { // in a partial clone
			continue
		}
		if len(fields) != 3 {
			return fmt.Errorf("git cat-file: unexpected %q", head)
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		content := io.LimitReader(in, size)
		if fields[1] == "blob" {
			if err := visit(fields[0], content); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
		if _, err := in.Discard(1); err != nil {
			return fmt.Errorf("git cat-file: %w", err)
		}
	}
}

// CommitOf returns the abbreviated hash of a commit that added a version of a file; "" if none is found.
func (r Repository) CommitOf(ctx context.Context, id string) string {
	out, err := r.runner.run(ctx, "log", "--all", "-1", "--no-show-signature", "--format=%h", "--find-object="+id)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
