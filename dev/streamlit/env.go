package streamlit

import "strconv"

// DevEnv is the environment of a Streamlit server for development, which listens on 127.0.0.1:port behind the
// gateway. Variables win over .streamlit/config.toml and lose to flags
// (docs.streamlit.io, "Configuration").
func DevEnv(port int) map[string]string {
	p := strconv.Itoa(port)
	return map[string]string{
		"STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
		// With a port set, Streamlit fails if it is in use and does not choose another one.
		"STREAMLIT_SERVER_PORT": p,
		// Without a name it asks a service on the internet for its own address at start.
		"STREAMLIT_BROWSER_SERVER_ADDRESS":     "localhost",
		"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
		// It has no terminal: it must not open a browser, or ask a question before the start.
		"STREAMLIT_SERVER_HEADLESS":          "true",
		"STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
		"STREAMLIT_SERVER_RUN_ON_SAVE":       "true",
		// "auto" and not "watchdog": asking for watchdog where it is not installed means no watcher at
		// all, without a word, while "auto" uses it where it is there and polls where it is not. The
		// price: from 1.59 on "auto" polls inside WSL, where events do not arrive reliably anyway.
		"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "auto",
		// The gateway reads frames as they pass, and nothing is gained by compressing on one machine.
		"STREAMLIT_SERVER_ENABLE_WEBSOCKET_COMPRESSION": "false",
		// The developer wants to see errors that the app hides from its users, and the gateway reports them.
		"STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "true",
		// Bytecode is checked by whole seconds and size, so two quick saves of one size would run stale;
		// and a container would leave its __pycache__ in the project.
		"PYTHONDONTWRITEBYTECODE": "1",
		"PYTHONUNBUFFERED":        "1",
	}
}
