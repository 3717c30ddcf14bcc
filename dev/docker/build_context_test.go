package docker

import (
	"testing"

	"github.com/docker/docker/api/types/network"
)

func TestGatewayOf_IsNamedOrTheFirstAddress(t *testing.T) {
	for name, c := range map[string]struct {
		configs []network.IPAMConfig
		want    string
	}{
		"named":                  {[]network.IPAMConfig{{Subnet: "172.17.0.0/16", Gateway: "172.17.0.9"}}, "172.17.0.9"},
		"just made":              {[]network.IPAMConfig{{Subnet: "172.17.0.0/16"}}, "172.17.0.1"},
		"named by another entry": {[]network.IPAMConfig{{Subnet: "fd00::/64"}, {Gateway: "10.0.0.1"}}, "10.0.0.1"},
		"nothing":                {nil, ""},
		"no subnet":              {[]network.IPAMConfig{{Subnet: "?"}}, ""},
	} {
		if got := gatewayOf(c.configs); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
