//go:build embedgateway

package sidecar

import (
	"embed"
	"io/fs"
)

// built holds what .ci/gateways has built for this tag.
//
//go:embed built/*.zst built/*.json
var built embed.FS

func packedFiles() fs.FS {
	files, err := fs.Sub(built, "built")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}
