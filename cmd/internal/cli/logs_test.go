package cli

import (
	"testing"

	"sdev/dev/config"
	"sdev/dev/plan"
)

func TestLogs_KnowWhetherSeveralServicesPrint(t *testing.T) {
	app, db, gateway := plan.Container{Service: "app"}, plan.Container{Service: "db"}, plan.Container{Service: config.GatewayService}
	for name, c := range map[string]struct {
		containers []plan.Container
		requested  []string
		want       bool
	}{
		"the app behind the gateway": {[]plan.Container{gateway, app}, nil, false},
		"twice the same":             {[]plan.Container{gateway, app, app}, nil, false},
		"a database too":             {[]plan.Container{gateway, app, db}, nil, true},
		"only one is wanted":         {[]plan.Container{gateway, app, db}, []string{"db"}, false},
		"both are wanted":            {[]plan.Container{gateway, app, db}, []string{"db", "app"}, true},
	} {
		if got := severalPrint(c.containers, c.requested); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
