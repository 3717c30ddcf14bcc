package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
	"sdev/dev/config"
)

// fillSeeds copies the AWS caches of this machine into the app's private ones.
func fillSeeds(seeds []config.Seed) error {
	for _, s := range seeds {
		if err := fillSeed(s); err != nil {
			return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Cause: err, Message: "prepare the private AWS cache: " + err.Error(), Hint: "check the permissions of ~/.aws and .sdev"}
		}
	}
	return nil
}

// fillSeed copies those files of a directory that are newer than their copies. It leaves out subdirectories.
func fillSeed(s config.Seed) error {
	if err := os.MkdirAll(s.To, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.From)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from, err := entry.Info()
		if err != nil || !from.Mode().IsRegular() {
			continue
		}
		target := filepath.Join(s.To, entry.Name())
		if to, err := os.Lstat(target); err == nil && !from.ModTime().After(to.ModTime()) {
			continue
		}
		b, err := dev.ReadFile(filepath.Join(s.From, entry.Name()))
		if err != nil {
			return err
		}
		// An app that runs as root leaves files that this user cannot write to, but can remove.
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := create(target, b); err != nil {
			return err
		}
	}
	return nil
}

// create writes a new file. It fails if the app has put a link in its place meanwhile, and never follows it.
func create(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
