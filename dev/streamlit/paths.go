package streamlit

import "strings"

// Endpoints of the server that a tab requests while it connects, below any base path: first those since 1.18, then
// those of older versions. The upload endpoint has an id behind it.
// Source: streamlit/web/server/server.py of 1.12, 1.17, 1.18 and 1.67.
func streamPaths() []string { return []string{"/_stcore/stream", "/stream"} }
func statePaths() []string {
	return []string{"/_stcore/health", "/_stcore/host-config", "/healthz", "/st-allowed-message-origins"}
}
func uploadPaths() []string { return []string{"/_stcore/upload_file", "/upload_file"} }

// IsStream reports whether a URL's path is that of the WebSocket.
func IsStream(path string) bool { return hasSuffix(path, streamPaths()) }

// IsReconnect reports whether a URL's path is one that a tab requests when it connects again.
func IsReconnect(path string) bool { return IsStream(path) || hasSuffix(path, statePaths()) }

// IsUpload reports whether a URL's path is that of a file upload.
func IsUpload(path string) bool {
	for _, p := range uploadPaths() {
		if strings.HasSuffix(path, p) || strings.Contains(path, p+"/") {
			return true
		}
	}
	return false
}

func hasSuffix(path string, list []string) bool {
	for _, p := range list {
		if strings.HasSuffix(path, p) {
			return true
		}
	}
	return false
}
