// Package update finds out whether there is a newer release of sdev. It asks PyPI, where each release is published, and
// only if the user asks for it: with "sdev version --check", or by setting [Variable].
//
// The package starts no goroutines.
package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/mod/semver"

	"sdev/dev"
)

// Package is the name under which releases are published on PyPI.
const Package = "sdev-streamlit"

// Index is the address that PyPI has for a package, as JSON; see https://docs.pypi.org/api/json/.
const Index = "https://pypi.org/pypi/" + Package + "/json"

// Variable is the environment variable that asks for a notice, at most one a day.
const Variable = "SDEV_UPDATE_NOTICE"

// timeout limits a question, so that a slow network delays no command for long.
const timeout = 3 * time.Second

// Newest asks an index for the newest release, such as "1.4.0". Development and yanked releases do not count.
func Newest(ctx context.Context, index string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, index, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sdev")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", failed(err, "cannot ask "+req.URL.Host+" for the newest release: "+reason(err))
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return "", failed(nil, req.URL.Host+" has no release of "+Package)
	}
	if res.StatusCode != http.StatusOK {
		return "", failed(nil, "cannot ask "+req.URL.Host+" for the newest release: it answers with "+res.Status)
	}
	var answer struct {
		Info struct {
			Version string `json:"version"`
		} `json:"info"`
	}
	const limit = 32 << 20
	if err := json.NewDecoder(io.LimitReader(res.Body, limit)).Decode(&answer); err != nil || !semver.IsValid("v"+answer.Info.Version) {
		return "", failed(err, req.URL.Host+" answers with something else than a release; perhaps a proxy or a sign-in page of the network answers in its place")
	}
	return answer.Info.Version, nil
}

// reason shortens an error of the HTTP client, which names method and address again.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

func failed(cause error, message string) error {
	return &dev.Error{Code: dev.CodeUpdate, Exit: dev.ExitFailed, Cause: cause, Message: message, Hint: "see https://pypi.org/project/" + Package + "/"}
}

// IsRelease reports whether a version is that of a release, and not of a build from sources.
func IsRelease(version string) bool {
	return semver.IsValid("v"+version) && semver.Prerelease("v"+version) == ""
}

// Newer reports whether a release is newer than a version. Any release is newer than a version that is none.
func Newer(release, version string) bool {
	return semver.Compare("v"+release, "v"+version) > 0
}

// Wanted reports whether the user has asked for notices, and a person reads them: CI systems set CI.
func Wanted(getenv func(string) string) bool {
	on, _ := strconv.ParseBool(getenv(Variable))
	return on && getenv("CI") == ""
}

// Due reports whether the last notice is a day old, and remembers the present time as that of the next. It keeps the time
// in a file of dir, which it creates. If it cannot do that, no notice is due: otherwise every command would ask.
func Due(dir string, now time.Time) bool {
	const interval = 24 * time.Hour
	file := filepath.Join(dir, "update-asked")
	st, err := os.Stat(file)
	if err == nil {
		if age := now.Sub(st.ModTime()); 0 <= age && age < interval {
			return false
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false
	}
	if err := dev.WriteFile(file, nil, 0o600); err != nil {
		return false
	}
	return os.Chtimes(file, now, now) == nil
}
