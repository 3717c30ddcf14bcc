//go:build !embedgateway

package sidecar

import "io/fs"

func packedFiles() fs.FS { return nil }
