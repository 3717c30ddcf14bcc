package dockerfile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassic_KeepsTheCommandsWithoutMounts(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"a cache":               {"FROM a\nRUN --mount=type=cache,target=/c make\n", "FROM a\nRUN make\n"},
		"the CA":                {"FROM a\nRUN --mount=type=cache,target=/c --mount=type=secret,id=ca \\\n    make\n", "FROM a\nRUN \\\n    make\n"},
		"a required secret":     {"FROM a\nRUN --mount=type=secret,id=ca,required=true make\n", "FROM a\nRUN --mount=type=secret,id=ca,required=true make\n"},
		"another secret":        {"FROM a\nRUN --mount=type=secret,id=key make\n", "FROM a\nRUN --mount=type=secret,id=key make\n"},
		"a stage":               {"FROM b AS uv\nFROM a\n# uv\nRUN --mount=type=bind,from=uv,source=/x,target=/y make\n", "FROM b AS uv\nFROM a\nCOPY --from=uv /x /y\nRUN make\n"},
		"two stages":            {"FROM a\n# one\n# two\nRUN --mount=type=bind,from=uv,source=/x,target=/y --mount=type=bind,from=p,source=/p,target=/p make\n", "FROM a\nCOPY --from=p /p /p\nCOPY --from=uv /x /y\nRUN make\n"},
		"a stage without space": {"FROM a\nRUN --mount=type=bind,from=uv,source=/x,target=/y make\n", "FROM a\nRUN --mount=type=bind,from=uv,source=/x,target=/y make\n"},
		"the command's own":     {"FROM a\nRUN --mount=type=cache,target=/c echo --mount=type=cache,target=/d\n", "FROM a\nRUN echo --mount=type=cache,target=/d\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(parse(t, c.content).Classic())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
