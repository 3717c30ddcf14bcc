package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/pattern"
)

// compose-go compiles Compose's schema in each process before it checks a file against it. That is a quarter of an "up"
// with nothing to do. So the state directory keeps the digest of the last model that passed the check, and the same
// files with the same variables are not checked again.

// acceptedFile is the file of the state directory with that digest.
const acceptedFile = "accepted"

// acceptance is the digest of a model, and where the state directory keeps it.
type acceptance struct{ path, digest string }

// acceptanceOf digests all that decides whether a model passes the check: the schema, the files, and the variables that
// they name. The zero acceptance is returned for files that read others, whose content is not known here.
func acceptanceOf(details types.ConfigDetails) acceptance {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s", len(schema.Schema), schema.Schema)
	for _, file := range details.ConfigFiles {
		if file.Content == nil || readsOthers.Match(file.Content) {
			return acceptance{}
		}
		fmt.Fprintf(h, "%d\n%s", len(file.Content), file.Content)
		for _, name := range namesVariable.FindAllSubmatch(file.Content, -1) {
			value, set := details.Environment[string(name[1])]
			fmt.Fprintf(h, "%t %q\n", set, value)
		}
	}
	return acceptance{path: filepath.Join(details.WorkingDir, dev.StateDir, acceptedFile), digest: hex.EncodeToString(h.Sum(nil)) + "\n"}
}

var (
	readsOthers   = pattern.New(`include|extends`)
	namesVariable = pattern.New(`\$\{?(\w+)`)
)

// known says whether this model has passed the check before.
func (a acceptance) known() bool {
	if a.path == "" {
		return false
	}
	b, err := dev.ReadUpTo(a.path, int64(len(a.digest)))
	return err == nil && bytes.Equal(b, []byte(a.digest))
}

// RememberAccepted keeps in the state directory, if there is one, that the project's files have passed Compose's check. An
// error only costs the next process its time.
func (p *Project) RememberAccepted() { p.accepted.remember() }

func (a acceptance) remember() {
	if a.path != "" {
		_ = dev.ReplaceFile(a.path, []byte(a.digest), 0o600)
	}
}
