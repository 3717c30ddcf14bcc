package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestReadMachine_ProxiesOfDockersConfiguration(t *testing.T) {
	home(t, nil)
	dir := t.TempDir()
	settings := `{"proxies": {"default": {"httpProxy": "http://file", "httpsProxy": "http://file-tls", "noProxy": "a,b"}, "tcp://elsewhere": {"allProxy": "http://no"}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	m, _, err := readMachine(t, plain, map[string]string{"DOCKER_CONFIG": dir, "https_proxy": "http://environment"})
	want := map[string]string{"HTTP_PROXY": "http://file", "http_proxy": "http://file", "https_proxy": "http://environment", "NO_PROXY": "a,b", "no_proxy": "a,b"}
	if err != nil || !maps.Equal(m.Proxy, want) {
		t.Errorf("%v, %v, want %v", m.Proxy, err, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"proxies": `), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, _, err := readMachine(t, plain, map[string]string{"DOCKER_CONFIG": dir}); err != nil || len(m.Proxy) > 0 {
		t.Errorf("a broken file: %v, %v", m.Proxy, err)
	}
}
