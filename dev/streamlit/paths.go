package streamlit

import (
	"slices"
	"strings"
)

// Endpoints of the server, below any base path, as they are since 1.18 and as they were before.
// Source: streamlit/web/server/server.py of 1.12, 1.17, 1.18 and 1.67.

// HealthPaths are the paths of the health check, the newer first. A server has one of them.
func HealthPaths() []string { return []string{"/_stcore/health", "/healthz"} }

// streamPaths are the paths of the WebSocket, the newer first.
func streamPaths() []string { return []string{"/_stcore/stream", "/stream"} }

// IsStream reports whether a URL's path is that of the WebSocket. A page of the app may have the older name, so only
// a request for an upgrade is one for the stream.
func IsStream(path string) bool { return hasSuffix(path, streamPaths()...) }

// IsState reports whether a URL's path is one that a tab requests before it opens the stream.
func IsState(path string) bool {
	return hasSuffix(path, "/_stcore/health", "/_stcore/host-config", "/healthz", "/st-allowed-message-origins")
}

// IsUpload reports whether a URL's path is that of a file upload, which may have an id behind it.
func IsUpload(path string) bool {
	return hasSuffix(path, "/upload_file") || strings.Contains(path, "/upload_file/")
}

func hasSuffix(path string, of ...string) bool {
	return slices.ContainsFunc(of, func(s string) bool { return strings.HasSuffix(path, s) })
}

// IsSecondComponent reports whether a URL's path is that of a file of a component of the second version. Source:
// streamlit/web/server/server.py of 1.51, starlette_routes.py of 1.67.
func IsSecondComponent(path string) bool { return strings.Contains(path, "/_stcore/bidi-components/") }
