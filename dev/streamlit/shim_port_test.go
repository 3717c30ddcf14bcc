package streamlit

import "testing"

// A part of streamlit.config: flags win over variables, and get_option calls by name.
const configModule = `
import os

def get_config_options(force_reparse=False, options_from_flags=None):
    options = {"server.port": os.environ.get("STREAMLIT_SERVER_PORT"), "server.address": os.environ.get("STREAMLIT_SERVER_ADDRESS")}
    options.update(options_from_flags or {})
    return options

def load(flags):
    options = get_config_options(force_reparse=True, options_from_flags=flags)
    return [options["server.port"], options["server.address"], options.get("server.headless")]
`

func TestShimPort_TheAppListensWhereTheGatewayExpectsIt(t *testing.T) {
	root := tree(t, map[string]string{"streamlit/__init__.py": "", "streamlit/config.py": configModule})
	const load = "import streamlit.config; print(streamlit.config.load({'server.port': 8501, 'server.address': '0.0.0.0', 'server.headless': True}))"
	const moved, kept = "[18501, '127.0.0.1', True]", "[8501, '0.0.0.0', True]"
	for _, c := range []struct{ before, code, want string }{
		{"port='18501'", load, moved},
		{"port='18501'", load + "\n" + load, moved + "\n" + moved},
		{"port='18501', entry='app/main.py', argv=['streamlit', 'run', '/code/main.py']", load, moved},
		{"port='18501', entry='app/main.py', argv=['run.py']", load, moved},
		{"port='18501', entry='app/main.py', argv=['streamlit', 'run', 'other.py']", load, kept},
		{"", load, kept},
		{"port='18501'", "import socket; s = socket.create_server(('127.0.0.1', 18501), reuse_port=False)\n" + load, kept},
		{"port='18501'", "import streamlit.config; print(streamlit.config.load({'server.headless': True}))", "[None, None, True]"},
	} {
		got := python(t, "import os, sys\ndef given(port=None, entry=None, argv=['x']):\n    sys.argv = argv\n    os.environ.update({k: v for k, v in (('"+ShimPort+"', port), ('"+ShimEntry+"', entry)) if v})\ngiven("+c.before+")\n"+c.code, root)
		if got != c.want {
			t.Errorf("%s: %s\ngot %s, want %s", c.before, c.code, got, c.want)
		}
	}
}
