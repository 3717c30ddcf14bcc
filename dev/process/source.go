package process

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev"
)

// copyOfSource is the directory in an environment in which packages are built from a copy of the project.
func copyOfSource(dir string) string { return filepath.Join(dir, "source") }

// enterCopy copies the project and lets the installer run in the copy, until leave is called.
func (m *maker) enterCopy(ctx context.Context, dir string) (leave func(), err error) {
	within, err := filepath.Rel(m.Source, m.Dir)
	if err != nil {
		return nil, err
	}
	own, to := m.Dir, copyOfSource(dir)
	if err := copySource(ctx, m.Source, to); err != nil {
		return nil, err
	}
	m.Dir = filepath.Join(to, within)
	return func() { m.Dir = own; _ = os.RemoveAll(to) }, nil // what is left only takes space
}

// copySource copies a project without what no build needs: environments, and the directories of version control and tools.
// Files that are neither regular nor links are left out.
func copySource(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		at := filepath.Join(to, below)
		switch {
		case e.IsDir():
			if name != from && isNoSource(name) {
				return fs.SkipDir
			}
			return os.MkdirAll(at, 0o700)
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, at)
		case e.Type().IsRegular():
			return copyFile(name, at)
		}
		return nil
	})
}

func isNoSource(dir string) bool {
	switch filepath.Base(dir) {
	case ".git", ".hg", ".svn", dev.StateDir, "node_modules", "__pycache__", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache":
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")) // a virtual environment
	return err == nil
}

func copyFile(from, to string) error {
	in, err := dev.OpenFile(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	st, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, st.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close() // the first error matters
		return err
	}
	return out.Close()
}

// leadToSource makes packages that were installed in editable mode lead to the project instead of its copy. Installers name
// the directory of the source in files at the top of site-packages: in a .pth file, or in a finder. Source: PEP 660, and
// setuptools' "Development Mode".
func (m *maker) leadToSource(dir string) error {
	site := siteDir(dir)
	entries, err := os.ReadDir(site)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".pth") && !strings.HasPrefix(e.Name(), "__editable__") {
			continue
		}
		file := filepath.Join(site, e.Name())
		text, err := dev.ReadFile(file)
		if err != nil {
			return err
		}
		changed := bytes.ReplaceAll(text, []byte(copyOfSource(dir)), []byte(m.Source))
		if bytes.Equal(changed, text) {
			continue
		}
		if err := dev.ReplaceFile(file, changed, 0o600); err != nil {
			return err
		}
	}
	return nil
}
