package handoff

import "sdev/dev"

func ecsCognito() Target {
	return Target{Name: "ecs-cognito", Derive: func(Facts, Values) (map[string]any, []dev.Finding) { return nil, nil }}
}
